"""CMMD: digital mammograms of women with biopsied lesions, labelled by breast and without places.

The release of The Cancer Imaging Archive holds ``CMMD_clinicaldata_revision.xlsx`` with the columns ID1,
LeftRight (L or R), Age, number, abnormality (calcification, mass or both), classification (Benign or
Malignant) and subtype, a row for each breast (C. Cui et al., The Chinese Mammography Database, 2021, doi
10.7937/tcia.eqde-4b16), and the images ``1-1.dcm`` … in ``CMMD/``. The spreadsheet is read as CSV: save it
under the same name with the ending ``.csv``.

The archive's own downloader makes folders ``CMMD/D1-0001/07-18-2010-NA-NA-79377/1.000000-NA-70244``, others
name them by UID: whose an image is, is read from Patient ID, and the side from Image Laterality. The view is
in View Code Sequence alone.

Read in: BiomedSciAI/fuse-med-ml ``fuseimg/datasets/cmmd.py`` (folders, Image Laterality, View Code Sequence,
the table saved as CSV and joined by ID1 and side), scripts of several repositories (the names of the
folders, the words of the columns), jjjermiah/nbia-toolkit (folders by UID). Not verified: that every header
states the size of a pixel.
"""

from __future__ import annotations

from collections import defaultdict
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
    labels: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in read_rows(table, COLUMNS, EXPECTED):
        labels[row["ID1"], row["LeftRight"].upper()].append(row)
    images: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for path in sorted((folder / "CMMD").rglob("*.dcm")):
        images[_breast(path)].append(path)
    views = [
        _view(woman, path, rows) for (woman, side), rows in labels.items() for path in images[woman, side]
    ]
    return some(views, folder, "no image of a breast of the table", EXPECTED)


def _breast(path: Path) -> tuple[str, str]:
    """Woman and side."""
    tags = ["PatientID", "ImageLaterality", "Laterality"]
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
    side = str(header.get("ImageLaterality") or header.get("Laterality") or "")
    if side not in ("L", "R"):
        raise UnreadableInput(str(path), "no laterality", "Image Laterality L or R", "fetch it anew")
    return str(header.get("PatientID", "")).strip(), side


def _view(woman: str, path: Path, rows: list[dict[str, str]]) -> MarkedView:
    outcomes = {row["classification"].lower() for row in rows}
    return MarkedView(
        f"{woman} {path.stem}",
        woman,
        path,
        ReadOptions(),
        calcified=any(row["abnormality"].lower() in ("calcification", "both") for row in rows),
        malignant=True if "malignant" in outcomes else False if outcomes == {"benign"} else None,
    )
