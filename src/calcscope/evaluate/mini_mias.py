"""mini-MIAS: films with circles round what was found, as its owners distribute it or as PNG with a table.

The owners' folder holds ``mdb001.pgm`` … (1024 x 1024, 0.2 mm a pixel, mediolateral oblique, odd numbers
left and even ones right breasts) and ``Info.txt`` with lines such as ``mdb219 G CALC B 546 756 29``: film,
tissue, class, severity, centre and radius, y counted from the bottom edge; a line of widely spread
calcifications has no centre (J. Suckling et al., Excerpta Medica International Congress Series
1069:375-378, 1994, and its README). The other form is ``truth.csv`` with the columns image, class,
severity, x, y, radius, y from the top, beside PNG.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from calcscope.errors import UnreadableInput
from calcscope.evaluate.marked import Circle, MarkedGroup, MarkedView, verdict
from calcscope.evaluate.tables import read_rows, some
from calcscope.exam import ReadOptions

PIXEL_MM = 0.2
SIDE = 1024
COLUMNS = ("image", "class", "severity", "x", "y", "radius")
LINE = re.compile(
    r"^(?P<film>mdb\d{3})\s+[FGD]\s+(?P<kind>[A-Z]{4})(?:\s+(?P<severity>[BM]))?"
    r"(?:\s+(?P<x>\d+)\s+(?P<y>\d+)\s+(?P<radius>\d+))?"
)
EXPECTED = "a folder of mini-MIAS films with Info.txt or truth.csv"


@dataclass(frozen=True)
class _Line:
    film: str
    kind: str
    severity: str
    circle: Circle | None


def read(folder: Path) -> list[MarkedView]:
    """The films in the order of their table.

    A film of class ``CALC`` without a circle shows calcifications everywhere: it is neither normal nor has it
    anything to hit.

    Raises
    ------
    UnreadableInput : when the table is missing or names a film that is not there
    """
    if (folder / "truth.csv").is_file():
        lines = [_of_row(row) for row in read_rows(folder / "truth.csv", COLUMNS, EXPECTED)]
    else:
        texts = sorted(path for path in folder.glob("*") if path.name.lower() in ("info.txt", "readme"))
        lines = _of_text(some(texts, folder, "neither Info.txt nor truth.csv", EXPECTED)[0])
    lines = some(lines, folder, "a table without a film", EXPECTED)
    return [_film(folder, name, lines) for name in dict.fromkeys(line.film for line in lines)]


def _of_row(row: dict[str, str]) -> _Line:
    circle = Circle(float(row["x"]), float(row["y"]), float(row["radius"])) if row["x"] else None
    return _Line(row["image"], row["class"], row["severity"], circle)


def _of_text(path: Path) -> list[_Line]:
    found = (LINE.match(line) for line in path.read_text(encoding="latin-1").splitlines())
    return [
        _Line(
            match["film"],
            match["kind"],
            match["severity"] or "",
            Circle(float(match["x"]), SIDE - float(match["y"]), float(match["radius"]))
            if match["x"]
            else None,
        )
        for match in found
        if match
    ]


def _film(folder: Path, name: str, lines: list[_Line]) -> MarkedView:
    paths = [
        folder / f"{name}{suffix}" for suffix in (".png", ".pgm") if (folder / f"{name}{suffix}").is_file()
    ]
    if not paths:
        raise UnreadableInput(str(folder), f"no film {name}", "a PGM or PNG of each film", "add it")
    own = [line for line in lines if line.film == name]
    groups = tuple(
        MarkedGroup(line.circle, malignant={"B": False, "M": True}.get(line.severity))
        for line in own
        if line.kind == "CALC" and line.circle is not None
    )
    pair = (int(name[3:]) + 1) // 2
    options = ReadOptions(pixel_mm=PIXEL_MM, view="MLO")
    return MarkedView(
        name,
        f"woman {pair}",
        paths[0],
        options,
        groups,
        normal=all(line.kind == "NORM" for line in own),
        malignant=verdict(groups),
        stored=(SIDE, SIDE),
    )
