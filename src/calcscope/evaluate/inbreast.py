"""INbreast: digital mammograms with outlined calcifications and clusters.

The release holds ``AllDICOMs/<image>_<woman>_MG_R_CC_ANON.dcm`` (``ML`` for MLO), ``AllXML/<image>.xml``
(property lists of the viewer OsiriX: ``Images`` → ``ROIs`` → ``Name`` and ``Point_px``, strings ``(x, y)``
from the top left corner; a region of one point is a calcification too small to outline) and
``INbreast.csv``, separated by semicolons, with the columns Patient ID, Patient age, Laterality, View,
Acquisition date, File Name, ACR and Bi-Rads, the women ``removed``; images without a finding have no XML (I.
C. Moreira et al., Acad Radiol 2012;19:236-248).

Names of regions vary in spelling: Calcification, Calcifications, Cluster, Mass, Spiculated Region,
Espiculated Region, Distortion, Asymmetry, Assymetry, Unnamed, Point 1, Point 3. An outline named in the
plural is taken for a group, as calc-det does. Unnamed and numbered points are neither calcification nor
group, but their image is not normal.

Read in: the release's README (file names, folders), joaco18/calc-det ``database/parsing_metadata.py``
(lists, names, no XML, the order x, y), RichardObi/mammo_dp ``gan_compare/data_utils/utils.py`` (names,
points), YangYY-Liu/BreastGPT ``dataset/Mammography/INbreast`` (table, file names). Not verified: whether a
point with whole numbers is a pixel's centre or its corner.
"""

from __future__ import annotations

import plistlib
import re
from pathlib import Path
from typing import Any

import numpy as np

from calcscope.errors import UnreadableInput
from calcscope.evaluate.marked import Box, MarkedGroup, MarkedSpeck, MarkedView, Outline, Region
from calcscope.evaluate.tables import read_rows, some
from calcscope.exam import ReadOptions
from calcscope.exam.model import Points

PIXEL_MM = 0.07
EXPECTED = "the INbreast folder with AllDICOMs, AllXML and INbreast.csv"
SINGLE = ("calcification", "calcifications")
POINT = re.compile(r"\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*\)")
FEWEST_VERTICES = 3
LEAST_OUTLINED = 1.0
"""Pixels; what encloses less (points in a row, a double click) marks a place and no outline."""


def read(folder: Path) -> list[MarkedView]:
    """The images in the order of the table. An image is normal when nothing at all is marked on it.

    Raises
    ------
    UnreadableInput : when folders, the table or an image are missing, or an XML is no such property list
    """
    images = {path.name.split("_")[0]: path for path in sorted((folder / "AllDICOMs").glob("*.dcm"))}
    some(list(images), folder, "no AllDICOMs/*.dcm", EXPECTED)
    if not (folder / "AllXML").is_dir():
        raise UnreadableInput(str(folder), "no AllXML", EXPECTED, "name the dataset's own folder")
    rows = read_rows(folder / "INbreast.csv", ("File Name", "Bi-Rads"), EXPECTED)
    # The spreadsheet ends with notes below the table.
    names = [row["File Name"].split(".")[0] for row in rows if row["File Name"][:1].isdigit()]
    return [_view(folder, images, name) for name in names]


def _view(folder: Path, images: dict[str, Path], name: str) -> MarkedView:
    if name not in images:
        raise UnreadableInput(str(folder / "AllDICOMs"), f"no image {name}", EXPECTED, "add it")
    path = images[name]
    xml = folder / "AllXML" / f"{name}.xml"
    regions = _regions(xml) if xml.is_file() else []
    groups = [points for what, points in regions if _is_group(what, points)]
    single = [points for what, points in regions if what in SINGLE and not _is_group(what, points)]
    specks = tuple(_speck(points) for points in single)
    clusters = tuple(MarkedGroup(_region(points)) for points in groups)
    return MarkedView(
        name,
        path.name.split("_")[1],
        path,
        ReadOptions(pixel_mm=PIXEL_MM),
        clusters,
        specks,
        normal=not regions,
        calcified=bool(specks or clusters),
    )


def _regions(path: Path) -> list[tuple[str, Points]]:
    """Name (lower case) and points of each region."""
    try:
        content: Any = plistlib.loads(path.read_bytes())
        regions = [region for image in content["Images"] for region in image["ROIs"]]
        read = [(str(r["Name"]).strip().lower(), _points(r["Point_px"])) for r in regions]
    except (plistlib.InvalidFileException, ValueError, KeyError, TypeError, SyntaxError) as error:
        found = f"no property list of regions ({type(error).__name__})"
        raise UnreadableInput(str(path), found, "Images, ROIs, Name, Point_px", "fetch it anew") from error
    return [(name, points) for name, points in read if len(points)]


def _points(texts: list[str]) -> Points:
    found = [POINT.fullmatch(text.strip()) for text in texts]
    return np.array([[float(m[1]), float(m[2])] for m in found if m], dtype=np.float64).reshape(-1, 2)


def _is_group(name: str, points: Points) -> bool:
    outlined = len(points) >= FEWEST_VERTICES and _area(points) >= LEAST_OUTLINED
    return name == "cluster" or (name == "calcifications" and outlined)


def _area(points: Points) -> float:
    across = np.roll(points, -1, axis=0)
    return abs(float(np.sum(points[:, 0] * across[:, 1] - points[:, 1] * across[:, 0]))) / 2


def _speck(points: Points) -> MarkedSpeck:
    if len(points) < FEWEST_VERTICES:
        x, y = points.mean(axis=0)
        return MarkedSpeck(float(x), float(y))
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = (low + high) / 2
    area = _area(points)
    if area < LEAST_OUTLINED:
        return MarkedSpeck(float(x), float(y))
    return MarkedSpeck(float(x), float(y), float(np.sqrt(area / np.pi)), points)


def _region(points: Points) -> Region:
    if len(points) < FEWEST_VERTICES:
        return Box(*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    return Outline(points)
