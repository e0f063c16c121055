"""The calcification tables of CBIS-DDSM, as The Cancer Imaging Archive distributes them.

``calc_case_description_train_set.csv`` and its test counterpart (CC BY 3.0, doi
10.7937/K9/TCIA.2016.7O02S9CY) hold a row for each finding and view: how readers described it and what it
turned out to be. Rows ``BENIGN_WITHOUT_CALLBACK`` are left out, since nobody worked those findings up. The
rows of one lesion (a woman, a side, an abnormality number) become one, whatever the number of views; where
the views differ, and in a cell with several words, the most suspicious word stands, as a reader would report
it.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calcscope.errors import UnreadableInput

COLUMNS = (
    "patient_id", "left or right breast", "abnormality id", "calc type", "calc distribution", "pathology",
)  # fmt: skip

# The table's words, least suspicious first, as the levels of the model. Its edition of the lexicon
# (the third) writes "round and regular" and "punctate" for what is benign only by spread, one word
# for all fine linear shapes, and "pleomorphic" before fine and coarse were told apart.
SHAPES = {
    "ROUND_AND_REGULAR": "round_or_punctate",
    "PUNCTATE": "round_or_punctate",
    "AMORPHOUS": "amorphous",
    "PLEOMORPHIC": "pleomorphic",
    "FINE_LINEAR_BRANCHING": "fine_linear",
}
DISTRIBUTIONS = {
    "DIFFUSELY_SCATTERED": "diffuse",
    "REGIONAL": "regional",
    "CLUSTERED": "grouped",
    "LINEAR": "linear",
    "SEGMENTAL": "segmental",
}


@dataclass(frozen=True)
class Lesion:
    """One worked-up lesion: whose it is, how it was described, what it was."""

    woman: str
    shape: str
    distribution: str
    malignant: bool


def most_suspicious(cells: Sequence[str], levels: dict[str, str]) -> str | None:
    """The last of ``levels`` that any cell names (words joined by hyphens), or None."""
    words = {word for cell in cells for word in cell.strip().split("-")}
    named = [level for word, level in levels.items() if word in words]
    return named[-1] if named else None


def outcome(pathology: str) -> bool | None:
    """Whether a finding was malignant; None where nobody worked it up (a benign finding without callback was
    not) or nothing was proven."""
    return {"MALIGNANT": True, "BENIGN": False}.get(pathology.strip())


def read_lesions(table: Path) -> list[Lesion]:
    """Worked-up, fully described lesions of the CBIS-DDSM calcification table, in table order.

    Raises
    ------
    UnreadableInput : when the file is no such table
    """
    views: dict[tuple[str, str, str], list[dict[str, str]]] = defaultdict(list)
    with table.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = sorted(set(COLUMNS) - set(reader.fieldnames or ()))
        if missing:
            raise UnreadableInput(
                str(table),
                f"no column {', '.join(missing)}",
                "the calcification table of CBIS-DDSM",
                "give calc_case_description_train_set.csv or calc_case_description_test_set.csv",
            )
        for row in reader:
            if row["pathology"] != "BENIGN_WITHOUT_CALLBACK":
                views[row["patient_id"], row["left or right breast"], row["abnormality id"]].append(row)
    lesions = []
    for (woman, _, _), rows in views.items():
        shape = most_suspicious([row["calc type"] for row in rows], SHAPES)
        distribution = most_suspicious([row["calc distribution"] for row in rows], DISTRIBUTIONS)
        if shape is not None and distribution is not None:
            malignant = any(row["pathology"] == "MALIGNANT" for row in rows)
            lesions.append(Lesion(woman, shape, distribution, malignant))
    return lesions
