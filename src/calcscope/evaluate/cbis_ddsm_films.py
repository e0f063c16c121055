"""The calcification films of CBIS-DDSM with the masks of their findings, as The Cancer Imaging Archive
stores them.

``calc_case_description_*_set.csv`` names a film and a mask for each finding, ``<folder>/<study UID>/<series
UID>/<file>``. The archive's own downloader keeps the first folder and names the rest anew:
``Calc-Training_P_01437_LEFT_CC/08-07-2016-DDSM-NA-06269/1.000000-full mammogram images-26717/1-1.dcm``, and
with ``_1`` for the first finding ``…/1.000000-ROI mask images-59186/1-2.dcm``. Other downloaders name
folders by the series' UID. So a file is looked for by its first folder, then by its series. The columns of
the mask and of the cropped image are exchanged for some findings; both lie in one series or in two of one
folder (``1.000000-cropped images-…``): the mask is the one that has the size of the film (R. S. Lee et al.,
Sci Data 2017;4:170177). A few masks have no film of their size; they are nearly as large as theirs and are
laid over it by scaling.

Read in: the table itself; a public issue with the sizes (fjeg/ddsm_tools #5); YangYY-Liu/BreastGPT
``dataset/Mammography/CBIS-DDSM/preprocess.py`` (exchanged columns, UIDs of the table are those of the
series); paths in scripts of many repositories (the names of the folders), jjjermiah/nbia-toolkit (folders by
UID). Not verified: whether a mask of another size fits its film when scaled.
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
    "image file path", "cropped image file path", "ROI mask file path",
)  # fmt: skip
MASKS_KEPT = 8
"""Decoded masks, of which each group of a film asks all; more findings on one film are rare."""

LARGEST_MISFIT = 0.2
"""Share by which a mask may be larger or smaller than its film: 2 % occurs, and 15 % among masses."""

EXPECTED = "the CBIS-DDSM folder with calc_case_description_*_set.csv and the films"


@dataclass(frozen=True)
class MaskFile:
    """The region of a mask image; it is decoded when asked.

    Parameters
    ----------
    path : the mask
    film : (rows, columns) of the film that it is laid over
    """

    path: Path
    film: tuple[int, int]

    def holds(self, xy: Points) -> NDArray[np.bool_]:
        """Which points of the film lie on marked pixels."""
        mask = _mask(self.path)
        scale = np.array(mask.shape[::-1]) / self.film[::-1]
        at = np.rint((xy + 0.5) * scale - 0.5).astype(np.intp)
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
            films[_parts(row["image file path"])[0]].append(row)
    places = {path.name: path for path in folder.rglob("*") if path.is_dir()}
    return [_film(folder, places, name, rows) for name, rows in films.items()]


def _parts(cell: str) -> tuple[str, str]:
    """The first folder and the series of a path of the table."""
    parts = cell.strip().split("/")
    return parts[0], parts[-2] if len(parts) > 1 else ""


def _film(folder: Path, places: dict[str, Path], name: str, rows: list[dict[str, str]]) -> MarkedView:
    path = _files(folder, places, [rows[0]["image file path"]])[0]
    size = _size(path)
    groups = []
    for row in rows:
        cells = [row["ROI mask file path"], row["cropped image file path"]]
        mask = _of_size(_files(folder, places, cells), size)
        groups.append(
            MarkedGroup(
                MaskFile(mask, size),
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


def _files(folder: Path, places: dict[str, Path], cells: list[str]) -> list[Path]:
    """The files of the folders that cells of the table name, each once."""
    paths = dict.fromkeys(
        path
        for first, series in map(_parts, cells)
        if (place := places.get(first) or places.get(series)) is not None
        for path in sorted(place.rglob("*.dcm"))
    )
    return some(list(paths), folder, f"no image in a folder {_parts(cells[0])[0]}", EXPECTED)


def _of_size(files: list[Path], film: tuple[int, int]) -> Path:
    """The file that is nearest to the film in size."""

    def misfit(path: Path) -> float:
        return max(abs(a / b - 1) for a, b in zip(_size(path), film, strict=True))

    mask = min(files, key=misfit)
    if misfit(mask) > LARGEST_MISFIT:
        found = "no mask of the film's size"
        raise UnreadableInput(str(mask.parent), found, EXPECTED, "fetch it anew")
    return mask


def _size(path: Path) -> tuple[int, int]:
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"])
    return int(header.Rows), int(header.Columns)
