"""Cream or ointment that was wiped over the skin: a bundle of strokes.

Fibres, vessels and folds under the skin are as bright as a smear is, and as long; but they come one, two or
three at a time, where the strokes of a finger lie side by side. So straight bright lines are counted that run
the same way next to one another, by their length and height: three broad strokes are as sure a sign as nine
thin ones. Smears without strokes, and those seen edge on, are not recognised.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calcscope.breast.model import Breast
from calcscope.describe.axes import main_axes
from calcscope.describe.model import Mimic
from calcscope.exam.model import Float, Mammogram, Mask, Points
from calcscope.groups.links import component_of, connected
from calcscope.specks.saliency import strips

GRID_MM, COARSEST_MM = 0.15, 0.12
"""Lines are looked for on pixels of about this size; on coarser images strokes run into one another."""
RIDGES_MM = (0.2, 0.3)
"""Standard deviations of the filters: half the width of a fine stroke and of a broad one."""
AROUND_MM, FLOOR = 2.0, 0.15
"""The image is divided by its mean over this reach plus this grey, so that contrast in the dark does not
grow."""
LEVELS = (0.05, 0.08)
"""Least height of a line, one threshold after the other: what runs together at one is apart at the next.
Nearly all lines of tissue are fainter, which makes the search for strokes quick."""
STROKE_MM, BENT_MM = 2.5, 0.5
"""Least length of a stroke, and most that it strays from straight."""
TURN_DEG = 10.0
"""Most that a line turns from pixel to pixel."""
ALIKE_DEG, BESIDE_MM = 12.0, (0.3, 2.0)
"""Strokes side by side: most between their directions, and their distance across. Strokes up to
3 mm apart would find more smears, and call the fibres of one simulated exam so."""
STROKES, STRENGTH_MM = 3, 1.9
"""Least number of strokes in a bundle, and least sum of their lengths, times the height of the middle one
as a share of the local level: two of three simulated smears have 2.0 and more, what else lay side by side
1.6 at most in simulated views and 1.2 in six digital ones."""
DEPTH_MM, OFF_WALL_MM, OFF_NIPPLE_MM, ENDS = (2.5, 30.0), 12.0, 15.0, 0.05
"""Where strokes are looked for: depth under the skin line, distance from the chest wall's edge and from the
nipple with its folds, and the share of the height left out at both ends."""
MARGIN_MM = 4.0
"""Kept around them, so that what lies beyond is known to the filters."""
REACH_MM = 0.6
"""Marks this near a stroke are part of it."""


class Smear(NamedTuple):
    """A bundle of strokes, and the marks of the catalogue that lie on them, bool (n,)."""

    mimic: Mimic
    covered: Mask


class _Lines(NamedTuple):
    """Pixels on bright lines in the order of the image, (n,) each: place, height, direction in radians."""

    row: NDArray[np.intp]
    column: NDArray[np.intp]
    height: Float
    direction: Float


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
    factor = max(1, round(GRID_MM / mammogram.pixel_mm))
    step = mammogram.pixel_mm * factor
    searched, corner = _searched(breast, factor)
    if not searched.any():
        return []
    rows, columns = (
        slice(first * factor, (first + size) * factor)
        for first, size in zip(corner, searched.shape, strict=True)
    )
    pixels = cv2.resize(mammogram.pixels[rows, columns], searched.shape[::-1], interpolation=cv2.INTER_AREA)
    relative = _relative(np.asarray(pixels), step)
    offset = np.array(corner[::-1]) + 0.5
    bundles: list[list[_Stroke]] = []
    for width in RIDGES_MM:
        lines = _lines(relative, searched > 0, width / step)
        for level in LEVELS:
            bundles += _bundles(_strokes(lines, level, step, offset))
    smears: list[Smear] = []
    taken = np.zeros((0, 2))
    for bundle in sorted(bundles, key=_strength_mm, reverse=True):
        points = np.concatenate([stroke.points_mm for stroke in bundle])
        if len(taken) and np.min(cKDTree(taken).query(points)[0]) <= BESIDE_MM[1]:
            continue  # the same smear at another level or width
        taken = np.concatenate([taken, points])
        x, y = (float(value) for value in points.mean(axis=0) / mammogram.pixel_mm)
        extent = float(np.hypot(*np.ptp(points, axis=0)))
        near = np.asarray(cKDTree(points).query(xy_mm)[0] <= REACH_MM) if len(xy_mm) else np.zeros(0, bool)
        smears.append(Smear(Mimic(x, y, "cream", extent), near))
    return smears


def _relative(pixels: Float, step_mm: float) -> Float:
    """The image over its local level."""
    # The level is smooth: a quarter of the rows and columns tells it as well.
    small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    level = cv2.GaussianBlur(small, (0, 0), AROUND_MM / step_mm / 4, borderType=cv2.BORDER_REFLECT)
    level = cv2.resize(level, pixels.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return pixels / (np.asarray(level) + np.float32(FLOOR))


def _lines(relative: Float, searched: Mask, sigma: float) -> _Lines:
    """Bright lines of a width, no lower than the lowest of ``LEVELS``; ``sigma`` in pixels."""
    smooth, slope, bend = _kernels(sigma)
    reach = len(smooth) // 2
    parts = []
    for rows in strips(relative):  # what is made of a few rows stays in the processor's cache
        above = min(rows.start, reach)
        part = relative[rows.start - above : rows.stop + reach]
        own = slice(above, above + rows.stop - rows.start)
        xx, yy, xy = (
            np.asarray(cv2.sepFilter2D(part, -1, row, column, borderType=cv2.BORDER_REFLECT))[own]
            for row, column in ((bend, smooth), (smooth, bend), (slope, slope))
        )
        mean = cv2.addWeighted(xx, 0.5, yy, 0.5, 0)
        half = cv2.magnitude(cv2.addWeighted(xx, 0.5, yy, -0.5, 0), xy)
        # The curvatures are mean - half across and mean + half along; |a + b| = max(a + b, -a - b).
        height = np.minimum(-2 * np.asarray(mean), 2 * np.asarray(half)) * np.float32(sigma**2)
        high = np.nonzero((height > min(LEVELS)) & searched[rows])
        direction = 0.5 * np.arctan2(2 * xy[high], xx[high] - yy[high])
        parts.append((high[0] + rows.start, high[1], height[high], direction))
    return _Lines(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _kernels(sigma: float) -> tuple[Float, Float, Float]:
    """A Gaussian of this many pixels and its first two derivatives."""
    reach = np.ceil(3.5 * sigma)
    x = np.arange(-reach, reach + 1)
    bell = np.exp(-0.5 * (x / sigma) ** 2)
    bell /= bell.sum()
    kernels = bell, bell * x / sigma**2, bell * (x**2 / sigma**4 - 1 / sigma**2)
    smooth, slope, bend = (kernel.astype(np.float32) for kernel in kernels)
    return smooth, slope, bend


def _searched(breast: Breast, factor: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Where strokes are looked for, on pixels larger by a factor, uint8 of the box around it; its corner."""
    rows, columns = (size // factor for size in breast.mask.shape)
    step = breast.pixel_mm * factor
    searched = np.zeros((rows, columns), np.uint8)
    inside = breast.mask[factor // 2 :: factor, factor // 2 :: factor][:rows, :columns].astype(np.uint8)
    if not inside.any():
        return searched, (0, 0)
    line = np.round((breast.skin_line + 0.5) / factor - 0.5).astype(np.int32)
    # Between a place in the breast and the skin lies nothing but what lies in the box around both.
    places = np.asarray(cv2.findNonZero(inside)).reshape(-1, 2)
    left, top, width, height = cv2.boundingRect(np.concatenate([line, places]))
    box = slice(max(top, 0), top + height), slice(max(left, 0), left + width)
    off_skin = np.ones((rows, columns), np.uint8)
    cv2.polylines(off_skin, [line], False, 0)
    depth = cv2.distanceTransform(off_skin[box], cv2.DIST_L2, cv2.DIST_MASK_5)
    deep_enough = cv2.inRange(depth, DEPTH_MM[0] / step, DEPTH_MM[1] / step)
    cv2.bitwise_and(inside[box], np.asarray(deep_enough), dst=searched[box])
    searched[:, : round(OFF_WALL_MM / step)] = 0
    ends = round(ENDS * rows)
    searched[:ends] = searched[rows - ends :] = 0
    if breast.nipple is not None:
        x, y = (round((value + 0.5) / factor - 0.5) for value in breast.nipple)
        cv2.circle(searched, (x, y), round(OFF_NIPPLE_MM / step), 0, -1)
    x, y, width, height = cv2.boundingRect(searched)
    margin = round(MARGIN_MM / step)
    left, top = max(x - margin, 0), max(y - margin, 0)
    return searched[top : y + height + margin, left : x + width + margin], (top, left)


def _strokes(lines: _Lines, level: float, step_mm: float, corner: Points) -> list[_Stroke]:
    """Straight lines above a height; ``corner``: x, y of the first pixel's centre, in pixels.

    Pixels that touch are of one line where it has nearly the same direction in both: so strokes are told from
    the creases that cross them.
    """
    high = lines.height > level
    row, column = lines.row[high], lines.column[high]
    heights, direction = lines.height[high], lines.direction[high]
    if not len(row):
        return []
    width = int(column.max()) + 3  # a row ends before the next begins, also one pixel beside it
    place = row * width + column
    steps = []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        beside = place + down * width + right
        other = np.minimum(np.searchsorted(place, beside), len(place) - 1)
        one = np.flatnonzero(place[other] == beside)
        turn = np.abs(direction[one] - direction[other[one]])
        alike = np.minimum(turn, np.pi - turn) <= np.radians(TURN_DEG)
        steps.append(np.stack([one, other[one]], axis=1)[alike])
    xy_mm = (np.stack([column, row], axis=1) + corner) * step_mm
    line = component_of(len(row), np.concatenate(steps))
    order, sizes = np.argsort(line, kind="stable"), np.bincount(line)
    longest = [one for one in np.split(order, np.cumsum(sizes)[:-1]) if len(one) >= STROKE_MM / step_mm]
    found = [_straight(xy_mm[one], heights[one]) for one in longest]
    return [stroke for stroke in found if stroke is not None]


def _straight(points_mm: Points, heights: Float) -> _Stroke | None:
    """The stroke that points lie on, or None where it is short or bent."""
    axes = main_axes(points_mm)
    about = points_mm - axes.centre
    length = float(np.ptp(about @ axes.along))
    if length < STROKE_MM or np.percentile(np.abs(about @ axes.across), 95) > BENT_MM:
        return None
    return _Stroke(points_mm, axes.centre, axes.along, length, float(np.median(heights)))


def _bundles(strokes: list[_Stroke]) -> list[list[_Stroke]]:
    """Strokes that lie side by side, enough of them, long and bright enough."""
    if len(strokes) < STROKES:
        return []
    along = np.stack([stroke.along for stroke in strokes])
    length = np.array([stroke.length_mm for stroke in strokes])
    away = np.stack([stroke.middle_mm for stroke in strokes])
    away = away[None] - away[:, None]
    alike = np.abs(along @ along.T) >= np.cos(np.radians(ALIKE_DEG))
    overlap = np.abs(np.einsum("ijk,ik->ij", away, along)) <= np.maximum(length[:, None], length) / 2
    normal = along[:, ::-1] * (-1, 1)
    across = np.abs(np.einsum("ijk,ik->ij", away, normal))
    beside = alike & overlap & (across >= BESIDE_MM[0]) & (across <= BESIDE_MM[1])
    sets = connected(len(strokes), np.argwhere(beside))
    bundles = [[strokes[n] for n in one] for one in sets if len(one) >= STROKES]
    return [bundle for bundle in bundles if _strength_mm(bundle) >= STRENGTH_MM]


def _strength_mm(bundle: list[_Stroke]) -> float:
    return float(np.median([s.height for s in bundle])) * sum(stroke.length_mm for stroke in bundle)
