"""Grains of deodorant and powder on the skin: where they lie and how they are strewn.

What could be read about their look: very fine densities in the area to which a deodorant was put, in the
armpit (reference pages "Cutaneous calcifications in breast imaging" and "Artifacts that mimic breast
calcification", pacs.de, read 2026-11); talc as extensive punctate densities (radiopaedia.org, case "Talcum
powder masquerading as punctate microcalcification"); ointment in the fold under the breast (BMJ Case Reports,
"Suspicious breast pseudocalcifications"). Numbers, sizes and shares below are working figures that no source
was found for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from calcscope.exam.model import Mask, Points
from calcscope.phantom.drawn import painters
from calcscope.phantom.drawn.paths import direction, wander
from calcscope.phantom.drawn.shapes import ThicknessMap
from calcscope.phantom.model import Projection, Random, Tissue

GRAIN_SHARE = 0.5
"""Of a grain that is solid: the rest is air, and of a deodorant what carries the aluminium salt."""
GRAIN_MM, FINEST_MM, COARSEST_MM = 0.35, 0.15, 0.7
"""Median diameter of a clump, and the bounds: it stops a fourth of what calcium does, or less, so that finer
ones show as nothing."""
CREASES, CREASE_GAP_MM, CREASE_MM = (3, 7), 3.0, (8.0, 22.0)
"""Creases of the skin side by side that hold grains, the distance between them, and how long they are."""
GRAINS_A_MM = (1.0, 2.5)
"""In a crease."""
STRAY_SHARE = 0.25
"""As many again lie beside the creases."""
ARMPIT = (0.03, 0.22)
"""Height of the armpit in an oblique view, as a share of the image from its top."""
TAIL = (0.02, 0.15)
"""Where the armpit's border comes into any other view: at the lateral end of the skin line."""
FOLD = (0.84, 0.97)
"""Where in an oblique or lateral view the fold under the breast begins, along the skin line from the top."""
UNDER_SKIN_MM = (2.0, 12.0)
"""How far within the skin line what lies in a fold has its middle: the fold turns into the breast."""
WALL_MM = (2.0, 12.0)
"""From a CC view's edge at the chest wall: the fold under the breast is drawn up to there."""
DUSTED = 0.2
"""Share of powder that was dusted over some place of the breast and lies in no fold."""
DUSTED_MM, DUSTED_GRAINS = (20.0, 45.0), (60, 150)
"""Diameter of what was dusted, and the grains on it."""


@dataclass(frozen=True)
class Strewn:
    """Grains as they lie in a view.

    Parameters
    ----------
    x, y : pixels, canonical: their middle
    field : solid thickness about that middle
    extent_mm : greatest distance between two of them along both axes
    """

    x: float
    y: float
    field: ThicknessMap
    extent_mm: float


class _Fold(NamedTuple):
    """Where creases are that hold grains: their middle in pixels, and the way they run (from x to y)."""

    middle: Points
    course: float


def strew(kind: str, projection: Projection, tissue: Tissue, random: Random) -> Strewn:
    """Grains of ``deodorant`` in the armpit, or of ``powder`` in the fold under the breast or over it."""
    if kind == "powder" and random.random() < DUSTED:
        middle, laid = _anywhere(tissue, random), _dusted(random)
    else:
        find = _armpit if kind == "deodorant" else _under
        middle, course = find(projection, tissue, random)
        laid = _in_creases(course, random)
    grains = laid / projection.pixel_mm + middle
    grains = grains[_on_breast(grains, tissue)]
    if not len(grains):  # a fold beyond the image: what is left is a single clump
        grains = middle[None]
    middle = grains.mean(axis=0)
    offsets = (grains - middle) * projection.pixel_mm
    side = 2 * (float(np.abs(offsets).max()) + 2 * COARSEST_MM)
    field = ThicknessMap(side, side, projection.pixel_mm)
    for x, y in offsets + field.columns * projection.pixel_mm / 2:
        size = float(np.clip(random.lognormal(np.log(GRAIN_MM), 0.35), FINEST_MM, COARSEST_MM))
        painters.stone(field, random, x, y, size, random.uniform(1, 1.8), 0.3)
    field.fine *= np.float32(GRAIN_SHARE)
    extent = float(np.hypot(*np.ptp(offsets, axis=0))) + GRAIN_MM
    return Strewn(float(middle[0]), float(middle[1]), field, extent)


def _in_creases(course: float, random: Random) -> Points:
    """(n, 2) mm from the fold's middle: grains in creases side by side, and some that lie beside them."""
    along, across = direction(course), direction(course + np.pi / 2)
    count = int(random.integers(*CREASES))
    grains = []
    for number in range(count):
        aside = (number - (count - 1) / 2 + random.uniform(-0.3, 0.3)) * CREASE_GAP_MM
        start = aside * across + random.normal(0, 3.0) * along
        crease = wander(random, start, course + random.normal(0, 0.15), random.uniform(*CREASE_MM), bend=0.08)
        length = 0.08 * len(crease)
        held = crease[random.integers(0, len(crease), int(length * random.uniform(*GRAINS_A_MM)))]
        stray = held[random.random(len(held)) < STRAY_SHARE]
        grains += [held + random.normal(0, 0.25, held.shape), stray + random.normal(0, 1.5, stray.shape)]
    return np.concatenate(grains)


def _dusted(random: Random) -> Points:
    """(n, 2) mm from the middle: grains strewn evenly over a disc."""
    count = int(random.integers(*DUSTED_GRAINS))
    radius = np.sqrt(random.random(count)) * random.uniform(*DUSTED_MM) / 2
    return np.asarray(radius * direction(random.uniform(0, 2 * np.pi, count))).T


def _anywhere(tissue: Tissue, random: Random) -> Points:
    """A pixel of the breast."""
    row, column = np.nonzero(tissue.mask)
    one = int(random.integers(len(row)))
    return np.array([column[one], row[one]], dtype=np.float64)


def _armpit(projection: Projection, tissue: Tissue, random: Random) -> _Fold:
    line = tissue.skin_line
    if projection.pose.view != "MLO":
        return _inwards(line, random.uniform(*TAIL), projection, random)
    row = random.uniform(*ARMPIT) * projection.rows
    edge = float(line[np.argmin(np.abs(line[:, 1] - row)), 0])
    # The skin of the armpit faces the plates: its creases show over the muscle as well as at the skin line.
    return _Fold(np.array([random.uniform(0.15, 0.95) * edge, row]), course_at(line, row))


def _under(projection: Projection, tissue: Tissue, random: Random) -> _Fold:
    line = tissue.skin_line
    if projection.pose.view != "CC":
        return _inwards(line, random.uniform(*FOLD), projection, random)
    low, high = line[[0, -1], 1]
    row = low + random.uniform(0.1, 0.9) * (high - low)
    column = random.uniform(*WALL_MM) / projection.pixel_mm
    return _Fold(np.array([column, row]), np.pi / 2)


def _inwards(line: Points, share: float, projection: Projection, random: Random) -> _Fold:
    """A fold that runs with the skin line, a little within it."""
    place = line[int(share * (len(line) - 1))]
    course = course_at(line, place[1])
    inwards = direction(course + np.pi / 2)  # the line goes from top to bottom: the breast is on this side
    return _Fold(place + inwards * random.uniform(*UNDER_SKIN_MM) / projection.pixel_mm, course)


def course_at(line: Points, row: float) -> float:
    """Angle of the skin line about a row, from the x axis: creases and what is rubbed in follow it."""
    at = int(np.argmin(np.abs(line[:, 1] - row)))
    reach = max(len(line) // 30, 1)
    along = line[min(at + reach, len(line) - 1)] - line[max(at - reach, 0)]
    return float(np.arctan2(along[1], along[0]))


def _on_breast(grains: Points, tissue: Tissue) -> Mask:
    rows, columns = tissue.mask.shape
    column, row = np.floor(grains).astype(int).T
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    inside[inside] = tissue.mask[row[inside], column[inside]]
    return np.asarray(inside)
