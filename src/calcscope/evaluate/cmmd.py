"""CMMD: digital mammograms of women with biopsied lesions, labelled by breast and without places.

The release of The Cancer Imaging Archive holds ``CMMD/<ID1>/…/*.dcm`` and
``CMMD_clinicaldata_revision.xlsx`` with the columns ID1, LeftRight, Age, number, abnormality
(calcification, mass or both), classification (Benign or Malignant) and subtype (C. Cui et al., The Chinese
Mammography Database, 2021, doi 10.7937/tcia.eqde-4b16). The spreadsheet is read as CSV: save it under the
same name with the ending ``.csv``.
"""

from __future__ import annotations

from pathlib import Path

import pydicom

from calcscope.errors import UnreadableInput
from calcscope.evaluate.marked import MarkedView
from calcscope.evaluate.tables import one_table, read_rows, some
from calcscope.exam import ReadOptions

COLUMNS = ("ID1", "LeftRight", "abnormality", "classification")
EXPECTED = "the CMMD folder with CMMD_clinicaldata_revision.csv and CMMD/"


def read(folder: Path) -> list[MarkedView]:
    """The images of the breasts in the table. A breast that is not in it has no label and is left out.

    Raises
    ------
    UnreadableInput : when the table or the images are missing, or an image does not say its side
    """
    table = one_table(folder, "CMMD_clinicaldata_revision*.csv", EXPECTED)
    rows = read_rows(table, COLUMNS, EXPECTED)
    women = dict.fromkeys(row["ID1"] for row in rows)
    labels = {(row["ID1"], row["LeftRight"]): row for row in rows}
    views = []
    for woman in women:
        for path in sorted((folder / "CMMD" / woman).rglob("*.dcm")):
            row = labels.get((woman, _side(path)))
            if row is not None:
                views.append(_view(woman, path, row))
    return some(views, folder, "no image of a breast of the table", EXPECTED)


def _side(path: Path) -> str:
    tags = ["ImageLaterality", "Laterality"]
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
    side = str(header.get("ImageLaterality") or header.get("Laterality") or "")
    if side not in ("L", "R"):
        raise UnreadableInput(str(path), "no laterality", "Image Laterality L or R", "fetch it anew")
    return side


def _view(woman: str, path: Path, row: dict[str, str]) -> MarkedView:
    return MarkedView(
        f"{woman} {path.stem}",
        woman,
        path,
        ReadOptions(),
        calcified=row["abnormality"].lower() in ("calcification", "both"),
        malignant={"malignant": True, "benign": False}.get(row["classification"].lower()),
    )
