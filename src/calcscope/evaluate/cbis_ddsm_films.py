"""The calcification films of CBIS-DDSM with the masks of their findings, as The Cancer Imaging Archive
stores them.

``calc_case_description_*_set.csv`` names a film and a mask for each finding,
``<folder>/<study>/<series>/<file>``. The archive's downloads keep the first folder
(``Calc-Training_P_00005_RIGHT_CC``, and with ``_1`` for the first finding) and name studies, series and
files anew, so a file is looked for by its first folder. The columns of the mask and of the cropped image
are exchanged for some findings, and both lie in one folder: the mask is the one that has the size of the
film (R. S. Lee et al., Sci Data 2017;4:170177).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from calcscope.errors import UnreadableInput
from calcscope.evaluate.cbis_ddsm import DISTRIBUTIONS, SHAPES, most_suspicious, outcome
from calcscope.evaluate.marked import MarkedGroup, MarkedView, verdict
from calcscope.evaluate.tables import read_rows, some
from calcscope.exam import ReadOptions
from calcscope.exam.model import Mask, Points

PIXEL_MM = 0.0435
"""The files state no size: that of one of DDSM's scanners (HOWTEK); the others have 0.042 and 0.05."""

COLUMNS = (
    "patient_id", "left or right breast", "image view", "calc type", "calc distribution", "pathology",
    "image file path", "ROI mask file path",
)  # fmt: skip
MASKS_KEPT = 8
"""Decoded masks, of which each group of a film asks all; more findings on one film are rare."""

EXPECTED = "the CBIS-DDSM folder with calc_case_description_*_set.csv and the films"


@dataclass(frozen=True)
class MaskFile:
    """The region of a mask image; it is decoded when asked."""

    path: Path

    def holds(self, xy: Points) -> NDArray[np.bool_]:
        """Which points lie on marked pixels."""
        mask = _mask(self.path)
        at = np.rint(xy).astype(np.intp)
        inside = ((at >= 0) & (at < mask.shape[::-1])).all(axis=1)
        held = np.zeros(len(at), dtype=np.bool_)
        held[inside] = mask[at[inside, 1], at[inside, 0]]
        return held


@lru_cache(maxsize=MASKS_KEPT)
def _mask(path: Path) -> Mask:
    return np.asarray(pydicom.dcmread(path).pixel_array > 0)


def read(folder: Path) -> list[MarkedView]:
    """The films of the tables in the folder. None is normal: every film of these tables has a finding.

    Raises
    ------
    UnreadableInput : when tables, a film or a mask are missing
    """
    tables = some(
        sorted(folder.glob("calc_case_description_*_set.csv")), folder, "no table of calcifications", EXPECTED
    )
    films: dict[str, list[dict[str, str]]] = defaultdict(list)
    for table in tables:
        for row in read_rows(table, COLUMNS, EXPECTED):
            films[_series(row["image file path"])].append(row)
    places = {path.name: path for path in folder.rglob("Calc-*") if path.is_dir()}
    return [_film(folder, places, name, rows) for name, rows in films.items()]


def _series(cell: str) -> str:
    return cell.strip().split("/")[0]


def _film(folder: Path, places: dict[str, Path], name: str, rows: list[dict[str, str]]) -> MarkedView:
    path = _files(folder, places, name)[0]
    size = _size(path)
    groups = []
    for row in rows:
        inside = _files(folder, places, _series(row["ROI mask file path"]))
        masks = [mask for mask in inside if _size(mask) == size]
        if not masks:
            raise UnreadableInput(
                str(inside[0].parent), "no mask of the film's size", EXPECTED, "fetch it anew"
            )
        groups.append(
            MarkedGroup(
                MaskFile(masks[0]),
                most_suspicious([row["calc type"]], SHAPES),
                most_suspicious([row["calc distribution"]], DISTRIBUTIONS),
                outcome(row["pathology"]),
            )
        )
    return MarkedView(
        name,
        rows[0]["patient_id"],
        path,
        ReadOptions(pixel_mm=PIXEL_MM),
        tuple(groups),
        calcified=True,
        malignant=verdict(groups),
    )


def _files(folder: Path, places: dict[str, Path], name: str) -> list[Path]:
    files = sorted(places[name].rglob("*.dcm")) if name in places else []
    return some(files, folder, f"no image in a folder {name}", EXPECTED)


def _size(path: Path) -> tuple[int, int]:
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"])
    return int(header.Rows), int(header.Columns)
