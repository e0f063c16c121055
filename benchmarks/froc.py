"""How many marked clusters of calcifications are found at how many false groups per normal film.

Reads the mini-MIAS films of a folder with its table of circles, as ``calcscope read --all-groups`` does, and
counts groups: a circle is found at the probability of the best group that hits it, and every group on a film
of class NORM is false. Some of those films hold real lone calcifications; what is said of them is listed.
Writes ``froc-mini-mias.png`` into the folder of ``--out``.

Run: ``python benchmarks/froc.py [FOLDER] --out DIR``
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from calcscope.errors import UnreadableInput
from calcscope.evaluate.froc import Froc, MarkedImage, bootstrap, draw
from calcscope.evaluate.mini_mias import Film, read_films
from calcscope.reading.exam import read_exam
from calcscope.reading.settings import ReadSettings
from calcscope.reading.view import read_view

FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "mias"
RATES = (0.1, 0.25, 0.5, 1.0, 2.0)
WITH_LONE = ("mdb007", "mdb031", "mdb057", "mdb064", "mdb070")
"""Normal films on which coarse calcifications without neighbours can be seen."""


def read(films: list[Film], settings: ReadSettings) -> tuple[list[MarkedImage], list[MarkedImage]]:
    """The films marked with all groups, and with those of the operating point alone."""
    every, operating = [], []
    for film in track(films, "Reading films"):
        reading = read_view(film.exam.views[0], settings)
        every.append(film.marked(reading, (*reading.groups, *reading.more_groups)))
        operating.append(film.marked(reading, reading.groups))
    return every, operating


def at_the_end(curve: Froc) -> list[float]:
    """False marks per normal image and sensitivity when every mark counts."""
    return [len(curve.false) / curve.normals, float(np.mean(np.isfinite(curve.best)))]


def table_of_rates(every: list[MarkedImage], operating: list[MarkedImage]) -> Table:
    """Sensitivity at each rate, and the operating point, with intervals."""
    curve, point = Froc.of(every), Froc.of(operating)
    table = Table(title="Circles found", title_justify="left")
    for column in ("false groups per normal film", "found", "share (95 %)"):
        table.add_column(column, justify="right")
    total = len(curve.best)
    low, high = bootstrap(every, lambda drawn: drawn.sensitivity(RATES))
    for rate, share, least, most in zip(RATES, curve.sensitivity(RATES), low, high, strict=True):
        table.add_row(
            f"{rate:g}", f"{round(share * total)} of {total}", f"{share:.2f} ({least:.2f} to {most:.2f})"
        )
    (rate, share), (low, high) = at_the_end(point), bootstrap(operating, at_the_end)
    table.add_section()
    table.add_row(
        f"operating point: {rate:.2f} ({low[0]:.2f} to {high[0]:.2f})",
        f"{round(share * total)} of {total}",
        f"{share:.2f} ({low[1]:.2f} to {high[1]:.2f})",
    )
    return table


def table_of_circles(films: list[Film], every: list[MarkedImage]) -> Table:
    """Each circle, the probability of its best group, and the rate of false groups at which it is found."""
    curve = Froc.of(every)
    table = Table(title="Each circle", title_justify="left")
    for column in ("film", "severity", "diameter, mm", "probability of its group", "found from"):
        table.add_column(column, justify="left" if column == "film" else "right")
    circles = [(film.name, circle) for film in films for circle in film.circles]
    for (name, circle), score in sorted(
        zip(circles, curve.best, strict=True), key=lambda pair: -float(pair[1])
    ):
        found = np.isfinite(score)
        table.add_row(
            name,
            {"B": "benign", "M": "malignant"}[circle.severity],
            f"{2 * circle.radius * film_pixel_mm(films):.0f}",
            f"{score:.3f}" if found else "no group",
            f"{float(curve.false_marks(score)):.2f} false groups" if found else "never",
        )
    return table


def film_pixel_mm(films: list[Film]) -> float:
    """Pixel size of the films, mm."""
    return films[0].exam.views[0].info.pixel_mm


def table_of_lone(films: list[Film], settings: ReadSettings) -> Table:
    """What the reading says of the normal films with lone calcifications."""
    table = Table(title="Normal films with lone coarse calcifications", title_justify="left")
    for column in ("film", "finding", "calcifications", "diameter, mm", "category"):
        table.add_column(column, justify="left" if column in ("film", "finding") else "right")
    for film in films:
        if film.name not in WITH_LONE or film.kind != "NORM":
            continue
        report, _ = read_exam(film.exam, replace(settings, all_groups=False))
        findings = [] if report is None else report.findings
        for finding in findings:
            own = {name for member in finding.members for name in member.calcifications}
            sizes = [c.diameter_mm for view in report.views for c in view.calcifications if c.id in own]
            table.add_row(
                film.name,
                (finding.typical_kind or finding.kind).replace("_", " "),
                str(len(own)),
                f"{min(sizes):.1f}" + (f" to {max(sizes):.1f}" if len(sizes) > 1 else ""),
                finding.assessment.category,
            )
        if not findings:
            table.add_row(film.name, "none", "", "", "")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--out", type=Path, required=True, help="folder for the picture")
    arguments = parser.parse_args()
    try:
        films = read_films(arguments.folder)
    except UnreadableInput as error:
        parser.error(str(error))
    settings = ReadSettings(all_groups=True)
    every, operating = read(films, settings)
    console = Console(width=110)
    console.print(table_of_rates(every, operating))
    console.print(table_of_circles(films, every))
    console.print(table_of_lone(films, settings))
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / "froc-mini-mias.png"
    rate, share = at_the_end(Froc.of(operating))
    title = f"{len(every)} films of mini-MIAS, {Froc.of(every).normals} of them normal"
    draw(every, path, title=title, objects="groups", operating=(rate, share))
    console.print(f"Picture: {path}")


if __name__ == "__main__":
    main()
