"""How many marked clusters of calcifications are found at how many false groups per normal film.

Reads the mini-MIAS films of a folder with its table of circles, as ``calcscope read --all-groups`` does, and
counts groups: a circle is found at the probability of the best group that hits it, and every group on a film
of class NORM is false. Some of those films hold real lone calcifications; what is said of them is listed.
Writes ``froc-mini-mias.png`` into the folder of ``--out``.

Run: ``python benchmarks/froc.py [FOLDER] --out DIR``
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from calcscope.errors import UnreadableInput
from calcscope.evaluate.datasets import DATASETS
from calcscope.evaluate.marked import MarkedView
from calcscope.evaluate.mini_mias import read
from calcscope.reading.exam import read_exam
from calcscope.reading.settings import ReadSettings

FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "mias"
WITH_LONE = ("mdb007", "mdb031", "mdb057", "mdb064", "mdb070")
"""Normal films on which coarse calcifications without neighbours can be seen."""


def table_of_lone(films: list[MarkedView], settings: ReadSettings) -> Table:
    """What the reading says of the normal films with lone calcifications."""
    table = Table(title="Normal films with lone coarse calcifications", title_justify="left")
    for column in ("film", "finding", "calcifications", "diameter, mm", "category"):
        table.add_column(column, justify="left" if column in ("film", "finding") else "right")
    for film in films:
        if film.name not in WITH_LONE or not film.normal:
            continue
        report, _ = read_exam(film.exam(), settings)
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
    console = Console(width=110)
    try:
        DATASETS["mini-mias"](arguments.folder, arguments.out, console)
        console.print(table_of_lone(read(arguments.folder), ReadSettings()))
    except UnreadableInput as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
