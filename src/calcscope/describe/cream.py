"""Cream or ointment that was wiped over the skin: a bundle of strokes.

Fibres, vessels and folds under the skin are as bright as a smear is, and as long; but they come one, two or
three at a time, where the strokes of a finger lie side by side. So straight bright lines are counted that run
the same way next to one another. Smears without strokes, and those seen edge on, are not recognised.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

from calcscope.breast.model import Breast
from calcscope.describe.model import Mimic
from calcscope.exam.model import Float, Mammogram, Mask, Points
from calcscope.groups.links import connected

STEP_MM, COARSEST_MM = 0.1, 0.12
"""Lines are looked for at this step; on coarser images strokes run into one another."""
RIDGE_MM = 0.2
"""Standard deviation of the filter: half the width of a stroke."""
AROUND_MM, FLOOR = 2.0, 0.15
"""The image is divided by its mean over this reach plus this grey, so that contrast in the dark does not
grow."""
LEVELS = (0.02, 0.03)
"""Least height of a line, one threshold after the other: what runs together at one is apart at the next."""
BUNDLE = 0.06
"""Least height of the middle one of a bundle's strokes, as a share of the local level: drawn smears have 0.07
and more, bundles of fibres in simulated views without a smear 0.05 at most."""
STROKE_MM, BENT_MM = 2.5, 0.5
"""Least length of a stroke, and most that it strays from straight."""
ALIKE_DEG, BESIDE_MM = 12.0, (0.3, 2.0)
"""Strokes side by side: most between their directions, and their distance across."""
STROKES = 4
"""Least number of strokes in a bundle: 2 at most were found on eight real films, 3 on six digital views."""
DEPTH_MM, OFF_WALL_MM, OFF_NIPPLE_MM, ENDS = (2.5, 30.0), 12.0, 15.0, 0.05
"""Where strokes are looked for: depth under the skin line, distance from the chest wall's edge and from the
nipple with its folds, and the share of the height left out at both ends."""
REACH_MM = 0.6
"""Marks this near a stroke are part of it."""


class Smear(NamedTuple):
    """A bundle of strokes, and the marks of the catalogue that lie on them, bool (n,)."""

    mimic: Mimic
    covered: Mask


class _Stroke(NamedTuple):
    points_mm: Points
    middle_mm: NDArray[np.float64]
    along: NDArray[np.float64]
    length_mm: float
    height: float


def find_cream(mammogram: Mammogram, breast: Breast, xy_mm: Points) -> list[Smear]:
    """Smears of a view; ``xy_mm`` are the places of the marks, (n, 2) mm from the image's corner."""
    if mammogram.pixel_mm > COARSEST_MM:
        return []
    scale = mammogram.pixel_mm / STEP_MM
    pixels = cv2.resize(mammogram.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height = np.where(_searched(breast, pixels.shape, scale), _ridges(np.asarray(pixels)), 0)
    bundles = [bundle for level in LEVELS for bundle in _bundles(_strokes(height, level))]
    smears: list[Smear] = []
    taken = np.zeros((0, 2))
    for bundle in sorted(bundles, key=len, reverse=True):
        points = np.concatenate([stroke.points_mm for stroke in bundle])
        if len(taken) and np.min(cKDTree(taken).query(points)[0]) <= BESIDE_MM[1]:
            continue  # the same smear at another level
        taken = np.concatenate([taken, points])
        x, y = (float(value) for value in points.mean(axis=0) / mammogram.pixel_mm)
        extent = float(np.hypot(*np.ptp(points, axis=0)))
        near = np.asarray(cKDTree(points).query(xy_mm)[0] <= REACH_MM) if len(xy_mm) else np.zeros(0, bool)
        smears.append(Smear(Mimic(x, y, "cream", extent), near))
    return smears


def _ridges(pixels: Float) -> Float:
    """Height of bright lines over the local level."""
    # The level is smooth: a quarter of the rows and columns tells it as well.
    small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    level = cv2.GaussianBlur(small, (0, 0), AROUND_MM / STEP_MM / 4, borderType=cv2.BORDER_REFLECT)
    level = cv2.resize(level, pixels.shape[::-1], interpolation=cv2.INTER_LINEAR)
    relative = pixels / (np.asarray(level) + np.float32(FLOOR))
    sigma = RIDGE_MM / STEP_MM
    smooth, slope, bend = _kernels(sigma)
    xx, yy, xy = (
        np.asarray(cv2.sepFilter2D(relative, -1, row, column, borderType=cv2.BORDER_REFLECT))
        for row, column in ((bend, smooth), (smooth, bend), (slope, slope))
    )
    half = np.sqrt((xx - yy) ** 2 / 4 + xy**2)
    across, along = (xx + yy) / 2 - half, (xx + yy) / 2 + half
    return np.asarray(np.maximum(-across - np.abs(along), 0) * sigma**2)


def _kernels(sigma: float) -> tuple[Float, Float, Float]:
    """A Gaussian of this many pixels and its first two derivatives."""
    reach = np.ceil(4 * sigma)
    x = np.arange(-reach, reach + 1)
    bell = np.exp(-0.5 * (x / sigma) ** 2)
    bell /= bell.sum()
    kernels = bell, bell * x / sigma**2, bell * (x**2 / sigma**4 - 1 / sigma**2)
    smooth, slope, bend = (kernel.astype(np.float32) for kernel in kernels)
    return smooth, slope, bend


def _searched(breast: Breast, shape: tuple[int, ...], scale: float) -> Mask:
    rows, columns = shape
    depth = cv2.resize(breast.skin_distance_mm, (columns, rows), interpolation=cv2.INTER_NEAREST)
    searched = np.asarray((depth > DEPTH_MM[0]) & (depth < DEPTH_MM[1]))
    searched[:, : round(OFF_WALL_MM / STEP_MM)] = False
    ends = round(ENDS * rows)
    searched[:ends] = searched[rows - ends :] = False
    if breast.nipple is not None:
        x, y = (value * scale for value in breast.nipple)
        row, column = np.ogrid[:rows, :columns]
        searched &= np.hypot(column - x, row - y) * STEP_MM > OFF_NIPPLE_MM
    return searched


def _strokes(height: Float, level: float) -> list[_Stroke]:
    """Straight unbranched lines above a height."""
    thin = skeletonize(height > level).astype(np.uint8)  # type: ignore[no-untyped-call]
    thin[cv2.filter2D(thin, -1, np.ones((3, 3), np.uint8)) > 3] = 0
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(thin, connectivity=8)
    strokes = []
    for n in np.flatnonzero(boxes[:, cv2.CC_STAT_AREA] >= STROKE_MM / STEP_MM)[1:]:
        x, y, columns, rows = boxes[n, :4]
        row, column = np.nonzero(labels[y : y + rows, x : x + columns] == n)
        points = (np.stack([column + x, row + y], axis=1) + 0.5) * STEP_MM
        middle = points.mean(axis=0)
        along, across = np.linalg.svd(points - middle, full_matrices=False)[2]
        if np.abs((points - middle) @ across).max() <= BENT_MM:
            length, typical = np.ptp((points - middle) @ along), np.median(height[row + y, column + x])
            strokes.append(_Stroke(points, middle, along, float(length), float(typical)))
    return strokes


def _bundles(strokes: list[_Stroke]) -> list[list[_Stroke]]:
    """Strokes that lie side by side, enough of them and bright enough."""
    pairs = [(i, j) for i in range(len(strokes)) for j in range(i) if _are_beside(strokes[i], strokes[j])]
    if not pairs:
        return []
    sets = connected(len(strokes), np.array(pairs))
    return [
        [strokes[i] for i in one]
        for one in sets
        if len(one) >= STROKES and np.median([strokes[i].height for i in one]) >= BUNDLE
    ]


def _are_beside(one: _Stroke, other: _Stroke) -> bool:
    if abs(one.along @ other.along) < np.cos(np.radians(ALIKE_DEG)):
        return False
    away = other.middle_mm - one.middle_mm
    across = abs(away @ np.array([-one.along[1], one.along[0]]))
    overlap = abs(away @ one.along) <= max(one.length_mm, other.length_mm) / 2
    return bool(overlap and BESIDE_MM[0] <= across <= BESIDE_MM[1])
