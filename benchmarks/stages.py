"""What each stage of a reading earns: false marks it removes, and what is true that it loses with them.

    python benchmarks/stages.py FOLDER [--dataset phantom|mini-mias] --out DIR

Each view is read as ``calcscope read`` reads it, and searched again for the candidates that a reading leaves
out. A row of the table is what is left after a stage: its marks on normal views, which are counted as false,
and what of the marked objects it still holds.

* A single calcification (simulated exams, by the ideal observer's SNR) is held where a mark is matched to it,
  as ``calcscope evaluate`` does. Candidates lie so thick that some do so by chance; how many is printed.
* A marked group or circle is held while as many marks lie in it as make a group at that pixel size; in the
  last row, where a listed group hits it.

Two steps are not shown, because the library does not give them out: the peaks the search starts from, before
they are outlined and merged; and the judge without the network, which is one of its measurements
(``calcscope train judge`` prints what it adds). Vessels remove nothing: their marks leave the groups, and are
listed as vessels.

Writes ``stages-DATASET.png`` into the folder of ``--out``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from calcscope.errors import UnreadableInput
from calcscope.evaluate import mini_mias, phantom
from calcscope.evaluate.bands import BANDS
from calcscope.evaluate.marked import MarkedView
from calcscope.evaluate.match import REACH_MM, match
from calcscope.exam.model import Mammogram, Points
from calcscope.groups import form_groups
from calcscope.reading.settings import ReadSettings
from calcscope.reading.view import ViewReading, read_view
from calcscope.specks.find import find_candidates, find_specks

DATASETS: dict[str, tuple[Callable[[Path], list[MarkedView]], str]] = {
    "phantom": (phantom.read, "groups"),
    "mini-mias": (mini_mias.read, "circles"),
}
"""How each is read, and what its marked groups are called."""

SEEN = {name: limits for name, limits in BANDS.items() if limits[0] > 0}
"""Calcifications by SNR; no stage is to blame for fainter ones, which nobody sees."""

WITHOUT_NETWORK, OUTLINED = "outlined without the network", "outlined"
IN_GROUP = "in a listed group"
LINEAR_TO = 0.1
"""False marks per view up to which the picture's axis is linear, so that none has a place on it."""


@dataclass
class Left:
    """What is left after each stage, summed over the views.

    Parameters
    ----------
    views, normals : number of views, and of normal ones
    false : marks on normal views, by stage
    held : objects held, by stage and kind of object
    there : objects, by kind
    chance : objects of each kind that the candidates outlined would hit by chance, lay they anywhere
    listed : groups, vessels and lone calcifications on normal views
    """

    views: int = 0
    normals: int = 0
    false: Counter[str] = field(default_factory=Counter)
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    there: Counter[str] = field(default_factory=Counter)
    chance: Counter[str] = field(default_factory=Counter)
    listed: Counter[str] = field(default_factory=Counter)

    @property
    def stages(self) -> list[str]:
        """In the order of a reading; without the first where the network changes nothing of the search."""
        stages = list(self.false)
        first, second = ((self.false[s], *(self.held[s, kind] for kind in self.there)) for s in stages[:2])
        return stages[first == second :]

    def per_view(self, stage: str) -> float:
        """False marks per normal view; not a number without one."""
        return self.false[stage] / self.normals if self.normals else np.nan

    def add(self, marked: MarkedView, called: str, settings: ReadSettings) -> None:
        """Read one view and count. ``called``: name of the marked groups.

        Raises UnreadableInput when it cannot be read.
        """
        view = marked.exam().views[0]
        reading = read_view(view, settings)
        mammogram = view.load()
        self.views += 1
        if marked.normal:
            self.normals += 1
            alone = reading.lone & settings.may_stand_alone(reading.specks)
            self.listed["groups"] += len(reading.groups)
            self.listed["vessels"] += len(reading.vessels)
            self.listed["lone calcifications"] += int(alone.sum())
        snr = np.array([np.nan if s.snr is None else s.snr for s in marked.specks or ()])
        bands = {name: (snr >= low) & (snr < high) for name, (low, high) in SEEN.items()}
        self.there.update({name: int(band.sum()) for name, band in bands.items() if band.any()})
        self.there.update({called: len(marked.groups)} if marked.groups else {})
        for stage, xy in stages(mammogram, reading, settings).items():
            self.false[stage] += len(xy) if marked.normal else 0
            places = reading.orientation.to_source(xy)
            found = _hit_singly(marked, places, mammogram.pixel_mm)
            for name, band in bands.items():
                self.held[stage, name] += int(band[found].sum())
            if stage == IN_GROUP:
                hit = {n for group in reading.groups for n in marked.hit_by(reading, group)}
                self.held[stage, called] += len(hit)
            else:
                least = settings.grouping.least(mammogram.pixel_mm)
                inside = [int(group.region.holds(places).sum()) for group in marked.groups]
                self.held[stage, called] += sum(number >= least for number in inside)
            if stage == OUTLINED:
                mm2 = float(np.count_nonzero(reading.breast.search)) * mammogram.pixel_mm**2
                share = 1 - np.exp(-len(xy) * np.pi * REACH_MM**2 / max(mm2, 1.0))
                for name, band in bands.items():
                    self.chance[name] += share * band.sum()


def stages(mammogram: Mammogram, reading: ViewReading, settings: ReadSettings) -> dict[str, Points]:
    """The marks left after each stage, (n, 2) canonical pixels, in the order of a reading."""
    breast, specks, least = reading.breast, reading.specks, settings.judged_from
    before = find_candidates(mammogram, breast, network=False)
    every = find_specks(mammogram, breast)
    vessel, near, grouped = (np.zeros(len(specks), dtype=np.bool_) for _ in range(3))
    for members in reading.vessels:
        vessel[members] = True
    eligible = np.flatnonzero(~vessel)
    of_any_chance = replace(settings.grouping, min_group_probability=0.0)
    for group in form_groups(specks.select(eligible), breast, of_any_chance):
        near[eligible[group.members]] = True
    for group in reading.groups:
        grouped[group.members] = True
    alone = vessel | settings.may_stand_alone(specks)
    return {
        WITHOUT_NETWORK: np.array([(c.shape.x, c.shape.y) for c in before]).reshape(-1, 2),
        OUTLINED: every.xy,
        f"judged {least:g} or more probable": every.xy[every.probability >= least],
        "not a mimic": specks.xy[specks.probability >= least],
        "near others, alone and obvious, or a vessel": specks.xy[near | grouped | alone],
        "listed: nearer than by chance, or as above": specks.xy[grouped | alone],
        IN_GROUP: specks.xy[grouped],
    }


def _hit_singly(marked: MarkedView, places: Points, pixel_mm: float) -> list[int]:
    """The marked calcifications that marks, (n, 2) pixels of the source, are matched to."""
    specks = marked.specks or ()
    truths = np.array([(s.x, s.y) for s in specks], dtype=np.float64).reshape(-1, 2)
    radii = np.array([s.radius for s in specks], dtype=np.float64)
    return [int(n) for n in match(places * pixel_mm, truths * pixel_mm, radii * pixel_mm) if n >= 0]


def table_of(left: Left, title: str) -> Table:
    """A row for each stage: false marks a normal view, those it removed, objects held, those it lost."""
    table = Table(title=title, title_justify="left")
    table.add_column("left after the stage", no_wrap=True)
    for column in ("false a normal view", "removed"):
        table.add_column(column, justify="right")
    for kind, number in left.there.items():
        table.add_column(f"{kind}, held of {number}", justify="right")
        table.add_column("lost", justify="right")
    rows = [(left.per_view(stage), [left.held[stage, kind] for kind in left.there]) for stage in left.stages]
    for n, (stage, (false, held)) in enumerate(zip(left.stages, rows, strict=True)):
        was_false, was_held = rows[n - 1] if n else (false, held)
        cells = [f"{false:.2f}", _gone(was_false - false, ".2f")]
        for was, number in zip(was_held, held, strict=True):
            cells += [str(number), _gone(was - number, "d")]
        table.add_row(stage, *cells)
    return table


def _gone(number: float, form: str) -> str:
    """What a stage took away; a search that adds candidates takes away less than nothing."""
    return f"{number:{form}}" if number > 0 else f"adds {-number:{form}}" if number < 0 else ""


def draw(left: Left, path: Path, title: str) -> None:
    """Draw the table as a PNG: false marks as a falling line, objects held as bars, each with its number."""
    from matplotlib.figure import Figure

    stages, kinds = left.stages, list(left.there)
    rows = np.arange(len(stages))
    size = (7.4 + 2.6 * len(kinds), 1.4 + 0.5 * len(stages))
    figure = Figure(figsize=size, dpi=150, layout="constrained")
    widths = [1.6, *(1.0 for _ in kinds)]
    panels = figure.subplots(1, len(widths), sharey=True, squeeze=False, width_ratios=widths)[0]
    falling = np.array([left.per_view(stage) for stage in stages])
    panels[0].plot(falling, rows, "o-", color="#c0392b", lw=1.5, ms=6, clip_on=False)
    for row, value in zip(rows, falling, strict=True):
        text = f"{value:.0f}" if value >= 100 or not value else f"{value:.{1 if value >= 10 else 2}f}"
        panels[0].annotate(
            text, (value, row), (9, 0), textcoords="offset points", va="center",
            bbox={"color": "white", "pad": 1.0},
        )  # fmt: skip
    panels[0].set_xscale("symlog", linthresh=LINEAR_TO, linscale=0.5)
    panels[0].set_xlim(0, max(10.0, 5 * falling.max()))
    ticks = [0.0, *(tick for tick in (0.1, 1.0, 10.0, 100.0, 1000.0) if tick < panels[0].get_xlim()[1])]
    panels[0].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panels[0].set_title("false marks per normal view", loc="left", fontsize=10)
    panels[0].set_yticks(rows, stages)
    panels[0].invert_yaxis()
    panels[0].minorticks_off()
    panels[0].grid(axis="x", color="0.9")
    for axes, kind in zip(panels[1:], kinds, strict=True):
        there = left.there[kind]
        held = np.array([left.held[stage, kind] for stage in stages])
        axes.barh(rows, there, height=0.55, color="0.93")
        axes.barh(rows, held, height=0.55, color="#7fa3c4")
        for row, number in zip(rows, held, strict=True):
            gone = _gone(held[row - 1] - number, "d") if row else ""
            how = gone if gone.startswith("adds") or not gone else f"loses {gone}"
            text = f"{number}, {how}" if how else f"{number}"
            axes.annotate(text, (0, row), (4, 0), textcoords="offset points", va="center")
        axes.set_xlim(0, 1.02 * there)
        axes.set_title(f"{kind}: held of {there}", loc="left", fontsize=10)
        axes.set_xticks([0, there])
    for axes in panels:
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0, pad=10)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    figure.savefig(path, format="png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="exams of calcscope phantom, or films with their table")
    parser.add_argument("--dataset", choices=DATASETS, default="phantom")
    parser.add_argument("--out", type=Path, required=True, help="folder for the picture")
    options = parser.parse_args()
    read, called = DATASETS[options.dataset]
    console, left, settings = Console(width=140), Left(), ReadSettings()
    try:
        for marked in track(read(options.folder), "Reading views", console=console):
            left.add(marked, called, settings)
    except UnreadableInput as error:
        parser.error(str(error))
    title = f"What each stage leaves: {left.views} views of {options.dataset}, {left.normals} of them normal"
    console.print(table_of(left, title))
    by_chance = [
        f"{number:.1f} of {left.there[kind]} of {kind}" for kind, number in left.chance.items() if number
    ]
    if by_chance:
        console.print(
            f"Hit by chance if all candidates lay anywhere: {', '.join(by_chance)}.", highlight=False
        )
    if left.normals:
        per_view = [f"{number / left.normals:.2f} {what}" for what, number in left.listed.items()]
        console.print(f"Listed on a normal view: {', '.join(per_view)}.", highlight=False)
    options.out.mkdir(parents=True, exist_ok=True)
    picture = options.out / f"stages-{options.dataset}.png"
    draw(left, picture, title)
    console.print(f"Picture: {picture}", highlight=False)


if __name__ == "__main__":
    main()
