"""How often each lexicon term is named right on drawn shapes (simulated, not patients).

    python benchmarks/describe.py [--out FOLDER] [--scenes 25]
    python benchmarks/describe.py --exams FOLDER [--exams FOLDER]

Scenes come from seeds 5000 on, which no model or threshold has seen. Every scene goes through detection:
the marks found on the drawn calcium are described. For each question a confusion matrix (rows: drawn,
columns: named), each term's share right with its 95 % Wilson interval, Cohen's kappa, and, with ``--out``,
a picture of the drawn shapes. ``group formed`` is the share of scenes whose marks detection and grouping
themselves list as one group at the operating point; description is measured apart from it.

With ``--exams`` nothing is drawn: the groups of simulated exams (``calcscope phantom``) are described, each
twice: end to end, as detection and grouping form it in the field around, false marks and all; and with the
marks that lie on the true calcium given, which is what describing does by itself. Counted are groups that a
reader could find (``evaluate``'s rule: as many calcifications as make a finding have an SNR of the ideal
observer of 5 and more), and once more those whose shape a reader could tell: five calcifications, the number
of a group, have an SNR of 10 and more, twice that from which one is seen; or, more strictly, its middle one
has. Two views of a lesion count as two.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from calcscope.describe import describe_group, describe_single, find_mimics, find_vessels
from calcscope.describe.body import find_bodies
from calcscope.describe.describing import measured
from calcscope.describe.gaussian import load_classes
from calcscope.describe.spread import describe_spread
from calcscope.evaluate.agreement import kappa, kappa_interval
from calcscope.evaluate.found import group_of, marks_of
from calcscope.groups import form_groups
from calcscope.phantom.drawn.scatter import draw_points
from calcscope.phantom.drawn.scenes import (
    DISTRIBUTIONS,
    KINDS,
    MIMICS,
    MORPHOLOGIES,
    Scene,
    draw_distribution,
    draw_kind,
    draw_mimic,
    draw_morphology,
)
from calcscope.specks import SpeckCatalogue, find_specks
from calcscope.train.fields import Field, of_exam, views_of_exams

HELD_OUT = 5000
"""First seed of the benchmark; training uses seeds below."""
NOTHING = "none"
SHAPE_FROM_SNR = 10.0
"""SNR of the ideal observer from which the shape of a calcification can be told: twice Rose's 5, from which
it is seen. Chosen by looking at the groups that are named wrong."""
FEWEST = 5
"""So many calcifications of a group must show their shape for its shape to be told: the number of a group."""
ENOUGH = 0.8
"""Each term is to be right at least four times in five."""

console = Console(width=150)


def main() -> None:
    """Run every question and print its matrix."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for pictures of the drawn shapes")
    parser.add_argument("--scenes", type=int, default=25, help="scenes of each term (default 25)")
    parser.add_argument("--exams", type=Path, action="append", help="folder of simulated exams instead")
    options = parser.parse_args()
    if options.exams:
        exams_report(options.exams)
        return
    seeds = range(HELD_OUT, HELD_OUT + options.scenes)

    report("Morphology of a group", MORPHOLOGIES, draw_morphology, morphology, seeds)
    report("Typically benign kind", KINDS, draw_kind, kind, seeds)
    report("Kind named on groups that are of none", MORPHOLOGIES, draw_morphology, kind, seeds, right=NOTHING)
    spread_report("Distribution of drawn positions", seeds)
    few = seeds[: max(len(seeds) // 3, 1)]
    report("Distribution through detection", DISTRIBUTIONS, draw_distribution, distribution, few)
    report("Mimic", MIMICS, draw_mimic, mimic, seeds)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        for name, terms, draw in (
            ("morphology", MORPHOLOGIES, draw_morphology),
            ("kinds", KINDS, draw_kind),
            ("mimics", MIMICS, draw_mimic),
        ):
            cv2.imwrite(str(options.out / f"drawn-{name}.png"), contact_sheet(terms, draw, seeds[:5]))


Naming = Callable[[Scene, SpeckCatalogue], str]


def morphology(scene: Scene, catalogue: SpeckCatalogue) -> str:
    """The shape named for what was drawn."""
    group = group_of(scene, catalogue)
    if group is None:
        return NOTHING
    return describe_group(group, catalogue, scene.breast, scene.mammogram).morphology


def distribution(scene: Scene, catalogue: SpeckCatalogue) -> str:
    """The distribution named for what was drawn."""
    group = group_of(scene, catalogue)
    if group is None:
        return NOTHING
    return describe_group(group, catalogue, scene.breast, scene.mammogram).distribution


def kind(scene: Scene, catalogue: SpeckCatalogue) -> str:
    """The typical kind named for what was drawn: of the group, or of the one body it is."""
    group = group_of(scene, catalogue)
    if group is None:
        return NOTHING
    if len(find_bodies(group.members, catalogue, scene.mammogram)) == 1:
        named = describe_single(int(group.members[0]), catalogue, scene.breast, scene.mammogram)
    else:
        vessels = find_vessels(catalogue, scene.breast, scene.mammogram)
        named = describe_group(group, catalogue, scene.breast, scene.mammogram, vessels).typical_kind
    return named or NOTHING


def mimic(scene: Scene, catalogue: SpeckCatalogue) -> str:
    """The mimic most of whose marks are named."""
    mimics, _ = find_mimics(catalogue, scene.breast, scene.mammogram)
    names = [found.kind for found in mimics]
    return max(set(names), key=names.count) if names else NOTHING


def report(
    title: str,
    terms: Sequence[str],
    draw: Callable[[str, int], Scene],
    name: Naming,
    seeds: Sequence[int],
    right: str | None = None,
) -> None:
    """Draw, find, name, count and print. ``right`` is the right answer where it is not the term drawn."""
    counts: dict[str, dict[str, int]] = {term: {} for term in terms}
    formed = dict.fromkeys(terms, 0)
    for term in terms:
        for seed in seeds:
            scene = draw(term, seed)
            catalogue = find_specks(scene.mammogram, scene.breast)
            named = name(scene, catalogue)
            counts[term][named] = counts[term].get(named, 0) + 1
            formed[term] += is_formed(scene, catalogue)
    show(title, counts, right, {term: formed[term] / len(seeds) for term in terms})


def is_formed(scene: Scene, catalogue: SpeckCatalogue) -> bool:
    """Whether the engine lists what was drawn as a group of its own."""
    marks = marks_of(scene, catalogue)
    groups = form_groups(catalogue, scene.breast)
    return any(np.isin(group.members, marks).mean() >= 0.5 for group in groups)


def spread_report(title: str, seeds: Sequence[int]) -> None:
    """The same for positions alone."""
    counts: dict[str, dict[str, int]] = {term: {} for term in DISTRIBUTIONS}
    for term in DISTRIBUTIONS:
        for seed in range(seeds[0], seeds[0] + 8 * len(seeds)):
            drawn = draw_points(term, seed)
            probabilities, _ = describe_spread(drawn.xy_mm, drawn.breast)
            named = max(probabilities, key=probabilities.__getitem__)
            counts[term][named] = counts[term].get(named, 0) + 1
    show(title, counts, None, None)


def exams_report(folders: Sequence[Path]) -> None:
    """Count and print the words for the groups of simulated exams."""
    told: list[Told] = []
    missed = dict.fromkeys(WAYS, 0)
    for view in views_of_exams(folders):
        field = of_exam(view)
        catalogue = find_specks(field.mammogram, field.breast)
        for way, members in members_of(field, catalogue).items():
            if members is None:
                missed[way] += 1
                continue
            one = told_of(way, field, catalogue, members)
            told.append(one)
            console.print(f"{view.name} {way}: {one.true} snr {one.snr:.0f}: {one.said}", style="dim")
    for way in WAYS:
        console.print(f"[bold]{way}[/bold]: {missed[way]} groups were not found")
        tell(way, [one for one in told if one.way == way])


WAYS = ("end to end", "marks given")


@dataclass(frozen=True)
class Told:
    """The words for one group: (morphology, distribution) true and said, the median SNR of its calcifications
    and how many of them have the SNR from which a shape can be told."""

    way: str
    true: tuple[str, str]
    said: tuple[str, str]
    snr: float
    clear: int


def members_of(field: Field, catalogue: SpeckCatalogue) -> dict[str, NDArray[np.intp] | None]:
    """The marks that are described, each way; None where there are none."""
    group = field.group(catalogue)
    on = np.zeros(0, dtype=np.intp)
    if len(catalogue):
        on = np.flatnonzero(field.on_calcium(catalogue.xy))
    return {
        "end to end": None if group is None else group.members,
        "marks given": on if len(on) else None,
    }


def told_of(way: str, field: Field, catalogue: SpeckCatalogue, members: NDArray[np.intp]) -> Told:
    """Name a group by its marks."""
    if way == "marks given":  # nothing else is there to be looked at
        catalogue = catalogue.select(members)
        members = np.arange(len(members))
    places, values = measured(members, catalogue, field.mammogram)
    shape = load_classes("morphology").probabilities(values)
    in_view = places + field.corner * field.mammogram.pixel_mm
    spread, _ = describe_spread(in_view, field.whole)
    said = max(shape, key=shape.__getitem__), max(spread, key=spread.__getitem__)
    clear = int((field.snr >= SHAPE_FROM_SNR).sum())
    return Told(way, (field.morphology, field.distribution), said, float(np.median(field.snr)), clear)


def tell(way: str, told: Sequence[Told]) -> None:
    """Print the four matrices of one way."""
    for number, question in enumerate(("Morphology", "Distribution")):
        for which, those in (
            ("all", told),
            (f"{FEWEST} and more of SNR {SHAPE_FROM_SNR:.0f}", [t for t in told if t.clear >= FEWEST]),
            (f"median SNR {SHAPE_FROM_SNR:.0f} and more", [t for t in told if t.snr >= SHAPE_FROM_SNR]),
        ):
            counts: dict[str, dict[str, int]] = {
                term: {}
                for term in (MORPHOLOGIES, DISTRIBUTIONS)[number]
                if any(t.true[number] == term for t in those)
            }
            for one in those:
                row = counts[one.true[number]]
                row[one.said[number]] = row.get(one.said[number], 0) + 1
            if counts:
                show(f"{question}, {way}, {which}", counts, None, None)


def show(
    title: str, counts: dict[str, dict[str, int]], right: str | None, formed: dict[str, float] | None
) -> None:
    """Print one confusion matrix."""
    columns = list(dict.fromkeys([*counts, *(name for row in counts.values() for name in row)]))
    table = Table(title=f"{title} (simulated; rows drawn, columns named)")
    table.add_column("drawn")
    for column in columns:
        table.add_column(column.replace("_", "\n"), justify="right")
    table.add_column("right", justify="right")
    table.add_column("95 %", justify="right")
    if formed:
        table.add_column("group\nformed", justify="right")
    for term, row in counts.items():
        total = sum(row.values())
        hits = row.get(right or term, 0)
        low, high = wilson(hits, total)
        mark = "" if hits >= ENOUGH * total else " [red]<[/red]"
        cells = [str(row.get(column, "")) for column in columns]
        cells += [f"{hits / total:.2f}{mark}", f"{low:.2f}–{high:.2f}"]
        if formed:
            cells.append(f"{formed[term]:.2f}")
        table.add_row(term, *cells)
    console.print(table)
    if right is None:
        square = [[counts.get(row, {}).get(column, 0) for column in columns] for row in columns]
        low, high = kappa_interval(square)
        console.print(f"kappa {kappa(square):.2f} ({low:.2f} to {high:.2f})\n", highlight=False)


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson score interval of a share (J Am Stat Assoc 1927;22:209-212)."""
    share = hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return float(centre - half), float(centre + half)


def contact_sheet(
    terms: Sequence[str], draw: Callable[[str, int], Scene], seeds: Sequence[int], tile: int = 260
) -> np.ndarray:
    """Drawn scenes side by side, one row a term, the drawing in the middle of each tile."""
    rows = []
    for term in terms:
        tiles = []
        for seed in seeds:
            scene = draw(term, seed)
            y, x = np.nonzero(scene.calcium)
            half = int(max(np.ptp(x), np.ptp(y)) * 0.6 + 2 / scene.breast.pixel_mm)
            pixels = np.pad(scene.mammogram.pixels, half, mode="edge")
            cx, cy = int((x.min() + x.max()) / 2), int((y.min() + y.max()) / 2)
            crop = pixels[cy : cy + 2 * half, cx : cx + 2 * half]
            low, high = np.percentile(crop, 1), max(np.percentile(crop, 99.8), np.median(crop) + 0.15)
            grey = (np.clip((crop - low) / (high - low), 0, 1) * 255).astype(np.uint8)
            tiles.append(cv2.resize(grey, (tile, tile), interpolation=cv2.INTER_AREA))
        row = np.hstack(tiles)
        cv2.putText(row, f"{term} (simulated)", (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1, cv2.LINE_AA)
        rows.append(row)
    return np.vstack(rows)


if __name__ == "__main__":
    main()
