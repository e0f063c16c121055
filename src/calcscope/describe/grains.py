"""Grains of deodorant or powder on the skin, told from calcium by where they lie and how many there are.

Neither sharpness nor brightness tells them: in a contact view geometry blurs the far side of the breast by
no more than 0.03 mm (a focal spot of 0.3 mm, 60 mm of 650), which is less than a pixel, and a clump of talc
is no brighter than calcium of the same size. What does is that grains are many and strewn over centimetres,
and lie where such things gather: in the armpit, at the skin line, and in the fold under the breast, which a
CC view shows at the chest wall. A crowd that lies anywhere else stays one of calcifications: powder
dusted over the middle of the breast cannot be told from a regional or segmental group in one view.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calcscope.breast.model import Breast
from calcscope.describe.thresholds import thresholds
from calcscope.exam.model import Mammogram
from calcscope.groups.links import connected
from calcscope.specks.catalogue import SpeckCatalogue

Index = NDArray[np.intp]

REACH_MM = 4.0
"""Grains of one smear lie within this distance of the next."""
LEAST_SALIENCE = 4.0
"""Fainter marks are texture."""
TO_MM = 0.8
"""Larger marks at the skin are calcifications of the skin."""
OFF_EDGE_MM = 1.5
"""Marks on the skin line itself are the edge of the skin, not what lies on it."""
STREWN_MM = 12.0
"""Least extent of a smear: a group of calcifications, which is within 10 mm as a rule, is no smear."""
IN_PLACE, AROUND_MM = 0.8, 8.0
"""Share of a crowd, and of what lies this near to it, that lies where grains are expected: a segmental group
that begins there goes on inwards, with gaps."""
OFF_NIPPLE_MM = {"seen": 25.0, "estimated": 40.0}
"""Nearer to the nipple the skin is never far, and groups that follow the ducts are common."""
LINE_STEP_MM = 0.2
"""Of the skin line's points from which depth is measured."""
BESIDE_MM = 2.0
"""Small marks this near a grain of a smear belong to it however faint they are."""


class Grains(NamedTuple):
    """One smear: what it is called, and its marks in the catalogue."""

    kind: str
    marks: Index


class _Places(NamedTuple):
    """For each mark, whether it lies where grains are expected; bool (n,)."""

    armpit: NDArray[np.bool_]
    other: NDArray[np.bool_]


def find_grains(
    catalogue: SpeckCatalogue, breast: Breast, mammogram: Mammogram, allowed: NDArray[np.bool_]
) -> list[Grains]:
    """Smears of grains among the allowed marks of a view."""
    least = thresholds()["grains_count"]["value"]
    small = allowed & (catalogue.diameter_mm <= TO_MM)
    grains = np.flatnonzero(small & (catalogue.salience >= LEAST_SALIENCE))
    if len(grains) < least:
        return []
    depth = _depth_mm(catalogue, breast)
    grains = grains[depth[grains] >= OFF_EDGE_MM]
    if len(grains) < least:
        return []
    places = _places(catalogue, depth, breast, mammogram)
    pairs = cKDTree(catalogue.xy_mm[grains]).query_pairs(REACH_MM, output_type="ndarray")
    smears = []
    for crowd in connected(len(grains), pairs):
        marks = grains[crowd]
        if len(marks) < least or not _is_strewn(marks, catalogue, breast):
            continue
        away = np.asarray(cKDTree(catalogue.xy_mm[marks]).query(catalogue.xy_mm)[0])
        around = grains[away[grains] <= AROUND_MM]
        if (places.armpit | places.other)[around].mean() < IN_PLACE:
            continue
        kind = "deodorant" if places.armpit[marks].mean() >= 0.5 else "powder"
        smears.append(Grains(kind, np.flatnonzero(small & (away <= BESIDE_MM))))
    return smears


def _is_strewn(marks: Index, catalogue: SpeckCatalogue, breast: Breast) -> bool:
    if np.hypot(*np.ptp(catalogue.xy_mm[marks], axis=0)) < STREWN_MM:
        return False
    if breast.nipple is None:
        return True
    away = catalogue.xy[marks].mean(axis=0) - np.array(breast.nipple)
    return bool(np.hypot(*away) * catalogue.pixel_mm >= OFF_NIPPLE_MM[breast.nipple_certainty])


def _depth_mm(catalogue: SpeckCatalogue, breast: Breast) -> NDArray[np.float64]:
    """Distance of each mark from the skin line, 0 outside the breast."""
    # Of the marks alone: that of every pixel takes longer than everything else here.
    if len(breast.skin_line) < 2:
        return np.zeros(len(catalogue))
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(breast.skin_line, axis=0).T))])
    at = np.arange(0, length[-1], LINE_STEP_MM / breast.pixel_mm)
    line = np.stack([np.interp(at, length, axis) for axis in breast.skin_line.T], axis=1)
    away = np.asarray(cKDTree(line).query(catalogue.xy)[0]) * breast.pixel_mm
    rows, columns = breast.mask.shape
    column = np.clip(np.rint(catalogue.x).astype(int), 0, columns - 1)
    row = np.clip(np.rint(catalogue.y).astype(int), 0, rows - 1)
    return np.where(breast.mask[row, column], away, 0.0)


def _places(
    catalogue: SpeckCatalogue, depth_mm: NDArray[np.float64], breast: Breast, mammogram: Mammogram
) -> _Places:
    settings = thresholds()
    rows = breast.mask.shape[0]
    skin = depth_mm <= settings["grains_skin_mm"]["value"]
    top = float(np.argmax(breast.mask.any(axis=1)))
    level = breast.nipple[1] if breast.nipple is not None else rows / 2
    above = (catalogue.y - top) / max(level - top, 1.0)
    armpit = above <= settings["armpit_share"]["value"]
    if mammogram.info.view == "MLO":
        # The skin of the armpit faces the plates: it shows over the muscle as well as at the skin line.
        return _Places(armpit, skin)
    armpit &= skin  # in a CC view the lateral side is the upper one
    if mammogram.info.view != "CC":
        return _Places(armpit, skin)
    wall = float(np.argmax(breast.mask.any(axis=0)))
    fold = (catalogue.x - wall) * catalogue.pixel_mm <= settings["fold_wall_mm"]["value"]
    return _Places(armpit, skin | fold)
