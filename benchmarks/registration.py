"""How well an earlier view is laid on the current one, on simulated pairs of which the truth is known.

    python benchmarks/registration.py DIR-CURRENT [DIR-PRIOR] --out DIR

``DIR-CURRENT`` holds pairs as ``calcscope phantom --prior`` writes them (``exam-NNNNNN`` and
``exam-NNNNNN-prior``); with ``DIR-PRIOR`` the earlier exams are taken from there, as another processing or a
film of the same women (the same seeds and another ``--maker``).

* Error: distance between where the registration puts a place and where it lies, over a lattice inside the
  breast (without the muscle, 3 mm from the rim and more), at half a half height below the middle plane, in
  it, and as much above. Since the breast is turned and squeezed anew, the three lie apart in the earlier
  view; what is left when each place gets the middle of the three is printed as the floor, which no map from
  image to image can go below.
* Calcifications: the same distance at those that both views show, in exams where none came or went; in
  others their numbers are not the same in both.
* Coverage: share of true errors below the stated error, and below twice it; two thirds and 95 % are meant.
* Foreign: current views laid on earlier ones of other women; they are to be refused, and own ones are not.

Intervals are of 2000 resamplings of the pairs. Time is that of ``register`` for one pair, on two threads,
without reading the files and finding the breast, which reading does in any case. Writes ``registration.png``
into the folder of ``--out``: the errors' distribution, and a checkerboard of the pair of median error.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from calcscope.breast import locate_breast
from calcscope.exam import ReadOptions, read_exams
from calcscope.exam.model import Float, Mammogram, Points
from calcscope.phantom.correspondence import correspondence
from calcscope.phantom.truth import NAME
from calcscope.priors.grid import GRID_MM, Gridded, gridded
from calcscope.priors.register import NotRegistered, Registration, registered
from calcscope.priors.warp import through

HEIGHTS = (-0.5, 0.0, 0.5)
LATTICE_MM = 8.0
OTHERS = 2
"""Foreign earlier views that each current view is laid on."""
RESAMPLINGS = 2000
FIELD_MM, RIM = 10.0, 6
"""Of the checkerboard, and pixels of air shown beside the breast."""
SAME_NUMBER = ("stable", "larger")
"""Changes that leave each calcification its number."""
MOST_OFF_MM = 2.0
"""Between the nipple of the truth and that of the geometry: beyond it the exam was made otherwise."""

Errors = NDArray[np.float64]


@dataclass(frozen=True)
class Shown:
    """A view: its grid and how long that took, places in the breast, calcifications by their number."""

    grid: Gridded
    seconds: float
    inside: Points
    specks: dict[int, tuple[float, float]]
    nipple: tuple[float, float]


@dataclass(frozen=True)
class Pair:
    """What came of one pair; errors and what was stated for them in mm."""

    name: str
    label: str
    laid: Registration | NotRegistered
    seconds: float
    error: Errors
    stated: Errors
    floor: Errors
    specks: Errors


def main() -> None:
    parser = argparse.ArgumentParser(description="Error of the registration of earlier views.")
    parser.add_argument("current", type=Path)
    parser.add_argument("prior", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    console = Console(width=max(120, Console().width))
    cv2.setNumThreads(2)
    now, then = {}, {}
    for folder in sorted(arguments.current.glob("exam-*")):
        earlier = (arguments.prior or arguments.current) / f"{folder.name}-prior"
        if not (earlier / NAME).is_file() or folder.name.endswith("-prior"):
            continue
        now[folder.name], then[folder.name] = dict(shown(folder)), dict(shown(earlier))
    pairs = [
        laid_pair(name, label, view, then[name][label])
        for name, views in now.items()
        for label, view in views.items()
        if label in then[name]
    ]
    if not pairs:
        raise SystemExit(f"{arguments.current}: no pairs there; make some with calcscope phantom --prior")
    console.print(table(pairs))
    for pair in pairs:
        if isinstance(pair.laid, NotRegistered):
            console.print(f"{pair.name} {pair.label} refused: {pair.laid.reason}")
    foreign = list(laid_foreign(now, then))
    refused = sum(isinstance(laid, NotRegistered) for laid in foreign)
    own = [pair.laid.agreement for pair in pairs if isinstance(pair.laid, Registration)]
    console.print(
        f"foreign pairs refused: {refused} of {len(foreign)}; own: {len(pairs) - len(own)} of {len(pairs)}"
    )
    if own:
        console.print(f"least agreement of own pairs {min(own):.2f}")
    seconds = [pair.seconds for pair in pairs]
    console.print(f"seconds a pair: median {np.median(seconds):.2f}, longest {max(seconds):.2f}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    picture(pairs, now, then, arguments.out / "registration.png")


def shown(folder: Path) -> Iterator[tuple[str, Shown]]:
    """The contact views of an exam."""
    content = json.loads((folder / NAME).read_text(encoding="utf-8"))
    truth = {view["file"]: view for view in content["views"]}
    numbered = all(lesion["change"] in SAME_NUMBER for lesion in content["lesions"])
    exams, _ = read_exams([folder], ReadOptions())
    for view in exams[0].views:
        own = truth[Path(view.info.source).name]
        if view.info.is_magnification:
            continue
        mammogram = view.load()
        breast = locate_breast(mammogram)
        start = time.perf_counter()
        grid = gridded(mammogram, breast)
        seconds = time.perf_counter() - start
        yield (
            view.info.label,
            Shown(
                grid,
                seconds,
                lattice(breast.mask & ~breast.muscle, mammogram.pixel_mm),
                {one["speck"]: canonical(mammogram, one) for one in own["specks"] if numbered},
                canonical(mammogram, own["nipple"]),
            ),
        )


def canonical(mammogram: Mammogram, at: dict[str, Any]) -> tuple[float, float]:
    """Canonical pixels of a place of the truth."""
    ((x, y),) = mammogram.orientation.to_canonical(np.array([[at["x"], at["y"]]]))
    return float(x), float(y)


def lattice(inside: NDArray[np.bool_], pixel_mm: float) -> Points:
    """Places of the breast, (n, 2) pixels."""
    step = LATTICE_MM / pixel_mm
    y, x = (
        grid.ravel()
        for grid in np.meshgrid(*(np.arange(step / 2, n, step) for n in inside.shape), indexing="ij")
    )
    kept = inside[y.astype(int), x.astype(int)]
    return np.stack([x[kept], y[kept]], axis=1)


def laid_pair(name: str, label: str, here: Shown, there: Shown) -> Pair:
    """Register one pair and compare with its truth."""
    start = time.perf_counter()
    laid = registered(here.grid, there.grid)
    seconds = time.perf_counter() - start + here.seconds + there.seconds
    nothing = np.zeros(0)
    if isinstance(laid, NotRegistered):
        return Pair(name, label, laid, seconds, nothing, nothing, nothing, nothing)
    truth = correspondence(int(name.split("-")[1]), label, here.grid.pixel_mm)
    for when, view, geometry in (("current", here, truth.current), ("earlier", there, truth.prior)):
        drawn = (np.array(view.nipple) + 0.5) * view.grid.pixel_mm + geometry.origin_mm
        off = float(np.hypot(*(drawn - geometry.nipple_mm)))
        if off > MOST_OFF_MM:
            raise SystemExit(
                f"{name} {label}: the nipple of the {when} view lies {off:.1f} mm from where its seed "
                "has it; expected exams made without --density and --background"
            )
    xy = (here.inside + 0.5) * here.grid.pixel_mm
    true = np.stack([truth.to_prior(xy, height) for height in HEIGHTS])
    known = np.isfinite(true).all(axis=(0, 2))
    true = true[:, known]
    found = (laid.to_prior(here.inside[known]) + 0.5) * there.grid.pixel_mm
    both = sorted(here.specks.keys() & there.specks.keys())
    specks = nothing
    if both:
        now, then = (np.array([view.specks[n] for n in both]) for view in (here, there))
        specks = np.hypot(*((laid.to_prior(now) - then) * there.grid.pixel_mm).T)
    return Pair(
        name, label, laid, seconds,
        np.hypot(*(found - true).transpose(2, 0, 1)).ravel(),
        np.tile(laid.error_at(here.inside[known]), len(HEIGHTS)),
        np.hypot(*(true.mean(axis=0) - true).transpose(2, 0, 1)).ravel(),
        specks,
    )  # fmt: skip


def laid_foreign(
    now: dict[str, dict[str, Shown]], then: dict[str, dict[str, Shown]]
) -> Iterator[Registration | NotRegistered]:
    """Current views on earlier ones of the women that come next."""
    names = list(now)
    for index, name in enumerate(names):
        for step in range(1, min(OTHERS, len(names) - 1) + 1):
            other = names[(index + step) % len(names)]
            for label in now[name].keys() & then[other].keys():
                yield registered(now[name][label].grid, then[other][label].grid)


def table(pairs: list[Pair]) -> Table:
    """Figures by view and in all."""
    rows = Table("pairs", "error, mm: median", "95th percentile", "floor", "calcifications", "below stated",
                 "below twice")  # fmt: skip
    laid = [pair for pair in pairs if isinstance(pair.laid, Registration)]
    views = sorted({pair.label[1:] for pair in laid})
    for name in [*views, "all"]:
        these = [pair for pair in laid if name in ("all", pair.label[1:])]
        errors = [pair.error for pair in these]
        floor = np.concatenate([pair.floor for pair in these])
        specks = np.concatenate([pair.specks for pair in these])
        stated = np.concatenate([pair.stated for pair in these])
        all_errors = np.concatenate(errors)
        rows.add_row(
            f"{name} {len(these)}",
            with_interval(errors, lambda e: float(np.median(e))),
            with_interval(errors, lambda e: float(np.percentile(e, 95))),
            "{:.1f} / {:.1f}".format(*np.percentile(floor, (50, 95))),
            "{:.1f} / {:.1f}".format(*np.percentile(specks, (50, 95))) if len(specks) else "",
            f"{np.mean(all_errors < stated):.2f}",
            f"{np.mean(all_errors < 2 * stated):.2f}",
        )
    return rows


def with_interval(errors: list[Errors], of: Callable[[Errors], float]) -> str:
    """A figure with its 95 % interval over pairs."""
    random = np.random.default_rng(0)
    drawn = random.integers(len(errors), size=(RESAMPLINGS, len(errors)))
    low, high = np.percentile([of(np.concatenate([errors[i] for i in row])) for row in drawn], (2.5, 97.5))
    return f"{of(np.concatenate(errors)):.2f} ({low:.2f} to {high:.2f})"


def picture(
    pairs: list[Pair], now: dict[str, dict[str, Shown]], then: dict[str, dict[str, Shown]], path: Path
) -> None:
    """The errors' distribution beside one pair as a checkerboard, before and after."""
    from matplotlib.figure import Figure

    laid = [pair for pair in pairs if isinstance(pair.laid, Registration)]
    if not laid:
        return
    middle = sorted(laid, key=lambda pair: float(np.median(pair.error)))[len(laid) // 2]
    here, there = now[middle.name][middle.label].grid, then[middle.name][middle.label].grid
    assert isinstance(middle.laid, Registration)
    other = there.turned_over() if middle.laid.way == "turned over" else there
    rows, columns = here.shape
    plain = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).astype(np.float32)
    figure = Figure(figsize=(13, 5), layout="constrained")
    errors, before, after, map_ = figure.subplots(1, 4, width_ratios=(1.4, 1, 1, 1.2))
    for values, name in ((np.concatenate([p.error for p in laid]), "registration"),
                         (np.concatenate([p.floor for p in laid]), "floor: heights lie apart")):  # fmt: skip
        errors.plot(np.sort(values), np.linspace(0, 1, len(values)), label=name)
    errors.set(xlim=(0, 12), ylim=(0, 1), xlabel="error, mm", ylabel="share of places",
               title=f"{len(laid)} pairs")  # fmt: skip
    for at, share in ((2, 0.5), (6, 0.95)):
        errors.plot([at, at, 0], [0, share, share], color="0.6", linewidth=0.8, linestyle=":")
    errors.legend(loc="lower right")
    # The breast alone, not the air beside it.
    y, x = (slice(0, int(seen.max()) + RIM) for seen in np.nonzero(here.mask))
    for axes, field, title in ((before, plain, "as they are"), (after, middle.laid.field, "registered")):
        board = checkerboard(here.pattern, through(other.pattern, field))[y, x]
        axes.imshow(board, cmap="gray", vmin=-2.5, vmax=2.5)
        axes.set_title(f"{middle.label}, {title}")
        axes.set_axis_off()
    stated = np.where(here.mask, middle.laid.error_mm, np.nan)[y, x]
    shown_error = map_.imshow(stated, vmin=0, vmax=8)
    map_.set_title("stated error, mm")
    map_.set_axis_off()
    figure.colorbar(shown_error, ax=map_, shrink=0.7)
    figure.savefig(path, dpi=110)


def checkerboard(one: Float, other: Float) -> Float:
    """Fields of one image and of the other in turn."""
    step = round(FIELD_MM / GRID_MM)
    y, x = np.indices(one.shape) // step
    return np.asarray(np.where((x + y) % 2 == 0, one, other))


if __name__ == "__main__":
    main()
