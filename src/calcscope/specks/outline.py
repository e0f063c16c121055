"""The outline of one calcification at half of its height, and what is measured on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours
from skimage.segmentation import watershed

from calcscope.exam.model import Float, Mask, Points

SADDLE = 0.15
SADDLE_NOISE = 2.0
"""Depth of the saddle that parts two specks, as a share of the lower one and in units of the noise."""


@dataclass(frozen=True)
class Shape:
    """Measurements of one outline; lengths in mm, the outline in pixels of the patch."""

    outline: Points
    x: float
    y: float
    area_mm2: float
    length_mm: float
    width_mm: float
    roundness: float
    elongation: float
    irregularity: float
    hollowness: float
    angle: float
    sharpness: float
    energy: float


def measure(
    excess: Float,
    peak: tuple[int, int],
    pixel_mm: float,
    noise: float | None,
    blur: float = 0.0,
    level: float = 0.5,
) -> Shape | None:
    """Outline and measure the object at ``peak``.

    Parameters
    ----------
    excess : float32 (rows, columns), brightness over the local background
    peak : (row, column) of the object's brightest pixel
    pixel_mm : mm per pixel of the patch
    noise : standard deviation of one pixel; None to part no neighbours
    blur : Gaussian sigma in pixels under which neighbours are told apart: what is found at a coarse scale has
        lumps at a fine one that are no neighbours
    level : height of the outline as a share of the peak (0.5: half height, as resolution is quoted)

    Returns
    -------
    Shape, or None when the object runs out of the patch (it is larger than this scale can hold)
    """
    top = float(excess[peak])
    if top <= 0:
        return None
    if noise is not None:
        excess = _without_neighbours(excess, peak, level * top, noise, blur)
    contours: list[Points] = find_contours(excess, level * top)  # type: ignore[no-untyped-call]
    best: Points | None = None
    for contour in contours:
        points = contour[:, ::-1]  # (row, column) to (x, y)
        if not np.array_equal(points[0], points[-1]):
            continue  # open: cut by the patch's edge
        if cv2.pointPolygonTest(points.astype(np.float32), (float(peak[1]), float(peak[0])), False) >= 0 and (
            best is None or _area(points) > _area(best)
        ):
            # A ring has an inner and an outer contour around its centre; the outer one is its outline.
            best = points
    if best is None:
        return None
    return _shape(excess, best, top, pixel_mm)


def any_saddle(excess: Float, tops: list[tuple[int, int]], share: float, noise: float) -> bool:
    """Whether any of ``tops``, (row, column) each, is parted from all higher ones by a saddle.

    It must be as deep as ``share`` of the top, and as ``noise`` (in units of ``excess``).
    """
    high_to_low = sorted(tops, key=lambda top: -float(excess[top]))
    for n, top in enumerate(high_to_low[1:], start=1):
        height = float(excess[top])
        label = _parts(excess > height - max(share * height, noise))
        if all(label[other] != label[top] for other in high_to_low[:n]):
            return True
    return False


def _parts(mask: Mask) -> NDArray[np.int32]:
    """Number of the part that each pixel belongs to, 0 outside; parts touch along the sides of pixels."""
    return np.asarray(cv2.connectedComponents(mask.view(np.uint8), connectivity=4)[1], dtype=np.int32)


def _without_neighbours(
    excess: Float, peak: tuple[int, int], height: float, noise: float, blur: float
) -> Float:
    """The patch with what belongs to another peak of the same blob taken down to its background.

    Two specks closer than the image can part share one half-height outline. They are two where the saddle
    between them is ``SADDLE`` of the lower peak deep, and deeper than noise makes it.
    """
    label = _parts(excess >= height)
    blob = label == label[peak]
    seen: Float = np.asarray(cv2.GaussianBlur(excess, (0, 0), blur)) if blur > 0 else excess
    highest = (seen == cv2.dilate(seen, np.ones((3, 3), np.uint8))) & blob
    if np.count_nonzero(highest) < 2:
        return excess
    tops = np.argwhere(highest)
    own = tuple(tops[np.argmin(np.hypot(*(tops - peak).T))])
    others = [(r, c) for r, c in tops if (r, c) != own]
    markers = np.zeros(excess.shape, dtype=np.int32)
    markers[own] = 1
    for row, column in others:
        lower = min(float(seen[row, column]), float(seen[own]))
        depth = max(SADDLE * lower, SADDLE_NOISE * noise)
        parted = _parts(seen > lower - depth)
        if parted[row, column] != parted[own]:
            markers[row, column] = 2
    if not np.any(markers == 2):
        return excess
    basin = watershed(-seen, markers, mask=blob)  # type: ignore[no-untyped-call]
    return np.where(blob & (basin != 1), 0, excess)


def _shape(excess: Float, outline: Points, top: float, pixel_mm: float) -> Shape:
    area = _area(outline)
    hull = cv2.convexHull(outline.astype(np.float32))[:, 0].astype(np.float64)
    length, angle, width = _feret(hull)
    along = outline[1:] - outline[:-1]
    perimeter = float(np.sqrt(along[:, 0] ** 2 + along[:, 1] ** 2).sum())

    inside = np.zeros(excess.shape, dtype=np.uint8)
    cv2.fillPoly(inside, [np.rint(outline).astype(np.int32)], 1)
    values = np.where(inside > 0, np.maximum(excess, 0), 0)
    total = float(values.sum())
    if total <= 0:
        x, y = outline.mean(axis=0)
    else:
        rows, columns = np.ogrid[: excess.shape[0], : excess.shape[1]]
        x, y = float((values * columns).sum() / total), float((values * rows).sum() / total)

    column, row = np.clip(np.rint(outline).astype(int), 0, np.array(excess.shape[::-1]) - 1).T
    slope = np.hypot(_difference(excess, row, column), _difference(excess.T, column, row))
    return Shape(
        outline=outline,
        x=x,
        y=y,
        area_mm2=area * pixel_mm**2,
        length_mm=length * pixel_mm,
        width_mm=width * pixel_mm,
        roundness=min(1.0, 4 * np.pi * area / max(perimeter, 1e-9) ** 2),
        elongation=length / max(width, 1e-9),
        irregularity=max(0.0, 1 - area / max(_area(hull), 1e-9)),
        hollowness=_hollowness(excess, inside, (x, y)),
        angle=angle,
        sharpness=float(slope.mean()) / (top * pixel_mm),
        energy=float(np.sqrt((values**2).sum())),
    )


def _difference(image: Float, row: NDArray[np.int64], column: NDArray[np.int64]) -> Float:
    """Slope along the columns at some pixels, (n,) each, in units of the image per pixel."""
    before, after = np.maximum(column - 1, 0), np.minimum(column + 1, image.shape[1] - 1)
    return np.asarray((image[row, after] - image[row, before]) / (after - before).astype(np.float32))


def _area(polygon: Points) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    next_x, next_y = np.append(x[1:], x[0]), np.append(y[1:], y[0])
    return 0.5 * abs(float(np.dot(x, next_y) - np.dot(y, next_x)))


def _feret(hull: Points) -> tuple[float, float, float]:
    """Greatest diameter, its direction in [0, pi), and the least width of a convex polygon, pixels."""
    difference = hull[:, None] - hull[None]
    distance = np.hypot(difference[..., 0], difference[..., 1])
    i, j = divmod(int(np.argmax(distance)), len(hull))
    dx, dy = hull[i] - hull[j]
    edges = np.concatenate([hull[1:], hull[:1]]) - hull
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    edges = edges[lengths > 1e-9] / lengths[lengths > 1e-9, None]
    if not len(edges):
        return 0.0, 0.0, 0.0
    # The least width of a convex polygon is attained square to one of its edges.
    across = hull @ np.stack([-edges[:, 1], edges[:, 0]])
    width = float(np.ptp(across, axis=0).min())
    return float(distance[i, j]), float(np.arctan2(dy, dx) % np.pi), width


def _hollowness(excess: Float, inside: NDArray[np.uint8], centre: tuple[float, float]) -> float:
    """How dark the middle is: (rim - centre) / rim, from the mean of the core and of the brightest
    shell between the core and the outline (0 when the middle is the brightest)."""
    depth = cv2.distanceTransform(
        cv2.copyMakeBorder(inside, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0), cv2.DIST_L2, 3
    )[1:-1, 1:-1]
    deepest = float(depth.max())
    if deepest < 2:  # fewer than about four pixels across: no inside to speak of
        return 0.0
    within = inside > 0
    values = excess[within]
    shells = np.minimum((depth[within] / deepest * 4).astype(int), 3)
    means = [float(each.mean()) for k in range(4) if (each := values[shells == k]).size]
    rim = max(means[:-1], default=0.0)
    return max(0.0, (rim - means[-1]) / rim) if rim > 0 else 0.0
