"""Reading the tables and folders of public datasets, with errors that say what was expected."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from calcscope.errors import UnreadableInput

T = TypeVar("T")


def read_rows(path: Path, columns: Sequence[str], what: str) -> list[dict[str, str]]:
    """Rows of a CSV file by column, cells and names stripped; commas or semicolons.

    Raises
    ------
    UnreadableInput : without the file or one of the columns
    """
    if not path.is_file():
        raise UnreadableInput(
            str(path), "no such file", what, f"put {path.name} there (a spreadsheet saved as CSV)"
        )
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        file.seek(0)
        delimiter = ";" if first.count(";") > first.count(",") else ","
        reader = csv.DictReader(file, delimiter=delimiter)
        names = [name.strip() for name in reader.fieldnames or ()]
        missing = sorted(set(columns) - set(names))
        if missing:
            raise UnreadableInput(
                str(path), f"no column {', '.join(missing)}", what, "give the owners' table"
            )
        reader.fieldnames = names
        return [{k: (v or "").strip() for k, v in row.items() if k is not None} for row in reader]


def one_table(folder: Path, pattern: str, what: str) -> Path:
    """The first file of a folder that fits a pattern. Raises UnreadableInput without one."""
    found = sorted(folder.glob(pattern))
    if not found:
        raise UnreadableInput(str(folder), f"no {pattern}", what, "name the folder that holds it")
    return found[0]


def some(items: list[T], folder: Path, found: str, expected: str) -> list[T]:
    """The items; UnreadableInput when there is none."""
    if not items:
        raise UnreadableInput(str(folder), found, expected, "name the dataset's own folder")
    return items
