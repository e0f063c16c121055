"""Form of single calcifications: what the outline and the pixels inside it show.

Naming a kind asks for more than an outline's overall shape: the length of a bent or branching line
along its own course, whether the middle is lucent and how thick the wall is, and whether the inside is
lumpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from skimage.morphology import skeletonize

from calcscope.describe.body import Body
from calcscope.exam.model import Float, Mask
from calcscope.exam.quantiles import percentile

DEPTH_BINS = 8
"""Rings between border and core for the brightness profile."""
SIMPLE_ELONGATION, SIMPLE_IRREGULARITY = 1.4, 0.06
"""Below both, an outline is so compact that its length is its Feret diameter and it has no arms."""
EDGE_MM = 0.1
"""Width of the bands inside and outside a border: about the blur of the imaging system."""
SMOOTH_STEPS = 3.0
"""Standard deviation of the smoothing along a skeleton, steps."""


@dataclass(frozen=True)
class Form:
    """Form of one calcified body.

    Parameters
    ----------
    area_mm2 : inside its border
    length_mm, width_mm : sides of the smallest rectangle around it
    angle : direction of the length, radians from +x towards +y, in [0, pi)
    roundness : 4 pi area / perimeter² of the border (1 for a disc)
    irregularity : 1 - area / area of the convex hull
    arc_mm : length along its own course, bends included
    breadth_mm : mean width across that course
    arms : length of side branches over the breadth (0 for an unbranched line or a blob)
    lucency : 1 - core brightness over the brightest ring's (0 solid, towards 1 hollow)
    wall_share : depth of the wall over the inner radius (1 where no wall can be told from the core)
    hole_share : share of the body darker than half its bright parts
    lumpiness : spread of brightness within rings of equal depth, over the brightest ring's
    top_sharpness : (steepness of the upper border - that of the lower) / their sum: a level surface is
        sharp, the bowl beneath it fades
    edge_drop : mean brightness just inside the border less that just outside, over the contrast: near 1
        for calcium, low for tissue and haze
    contrast : 90th percentile of the brightness over the surroundings, units of ``Mammogram.pixels``
    """

    area_mm2: float
    length_mm: float
    width_mm: float
    angle: float
    roundness: float
    irregularity: float
    arc_mm: float
    breadth_mm: float
    arms: float
    lucency: float
    wall_share: float
    hole_share: float
    lumpiness: float
    top_sharpness: float
    edge_drop: float
    contrast: float

    @property
    def diameter_mm(self) -> float:
        """Diameter of the disc of the same area, mm."""
        return float(2 * np.sqrt(self.area_mm2 / np.pi))

    @property
    def elongation(self) -> float:
        """Length over width."""
        return self.length_mm / self.width_mm


def measure_form(body: Body) -> Form:
    """Measure one body."""
    mask, excess, step = body.mask, body.excess, body.step_mm
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    border = max(contours, key=len)
    hull = cv2.convexHull(border)
    # Contours run through the centres of border pixels: half a step more on either side.
    (_, (side_a, side_b), turn) = cv2.minAreaRect(hull)
    length, width = max(side_a, side_b) + 1, min(side_a, side_b) + 1
    angle = np.deg2rad(turn + (0 if side_a >= side_b else 90)) % np.pi
    area = float(mask.sum())
    perimeter = cv2.arcLength(border, True) + np.pi
    hull_area = cv2.contourArea(hull) + cv2.arcLength(hull, True) / 2 + 1
    irregularity = max(0.0, 1 - area / hull_area)
    arc, arms = length, 0.0
    if length / width > SIMPLE_ELONGATION or irregularity > SIMPLE_IRREGULARITY:
        course, side = _course(mask)
        arc = max(course, length)
        arms = side / max(area / arc, 1.0)
    breadth = area / arc
    lucency, wall_share, hole_share, lumpiness = _inside(mask, excess)
    contrast = max(percentile(excess[mask], 90), 1e-6)
    return Form(
        area_mm2=area * step**2,
        length_mm=length * step,
        width_mm=width * step,
        angle=float(angle),
        roundness=min(1.0, 4 * np.pi * area / perimeter**2),
        irregularity=irregularity,
        arc_mm=arc * step,
        breadth_mm=breadth * step,
        arms=arms,
        lucency=lucency,
        wall_share=wall_share,
        hole_share=hole_share,
        lumpiness=lumpiness,
        top_sharpness=_top_sharpness(mask, excess),
        edge_drop=_edge_drop(mask, excess, step) / contrast,
        contrast=contrast,
    )


def _edge_drop(body: Mask, excess: Float, step_mm: float) -> float:
    """Mean excess in a band inside the border less that in a band outside."""
    reach = max(1.0, EDGE_MM / step_mm)
    whole = body.astype(np.uint8)
    inside = cv2.distanceTransform(np.pad(whole, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    outside = cv2.distanceTransform(1 - whole, cv2.DIST_L2, 5)
    rim, around = body & (inside <= reach), ~body & (outside <= reach)
    return float(excess[rim].mean() - excess[around].mean()) if around.any() else 0.0


def _inside(body: Mask, excess: Float) -> tuple[float, float, float, float]:
    """Lucency, wall share, hole share and lumpiness of a body."""
    depth = cv2.distanceTransform(np.pad(body.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    if not body.any():
        return 0.0, 1.0, 0.0, 0.0
    inside, level = excess[body], depth[body]
    ring = np.minimum((level / level.max() * DEPTH_BINS).astype(int), DEPTH_BINS - 1)
    count = np.maximum(np.bincount(ring, minlength=DEPTH_BINS), 1)
    profile = np.bincount(ring, inside, DEPTH_BINS) / count
    brightest = int(np.argmax(profile))
    top = max(float(profile[brightest]), 1e-6)
    core = float(profile[-2:].mean())
    lucency = float(np.clip(1 - core / top, 0, 1))
    below = np.flatnonzero(profile[brightest:] < (top + core) / 2)
    wall_share = (brightest + int(below[0])) / DEPTH_BINS if below.size and lucency > 0.1 else 1.0
    bright = percentile(inside, 90)
    hole_share = float(np.mean(inside < bright / 2))
    lumpiness = float(np.sqrt(np.mean((inside - profile[ring]) ** 2))) / top
    return lucency, wall_share, hole_share, lumpiness


def _course(body: Mask) -> tuple[float, float]:
    """Length of the body along the longest way through its skeleton, and of the side branches, in steps.

    Branches no longer than the body is wide there are not arms but its corners.
    """
    depth = cv2.distanceTransform(np.pad(body.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    skeleton = skeletonize(body)  # type: ignore[no-untyped-call]
    y, x = np.nonzero(skeleton)
    if len(x) < 3:
        return 0.0, 0.0
    number = np.full(body.shape, -1)
    number[y, x] = np.arange(len(x))
    links = _links(number, x, y)
    graph: Any = links  # scipy's stubs know no sparse array of lengths as a graph
    far = int(np.argmax(_reach(dijkstra(graph, directed=False, indices=[0])[0])))
    distances, predecessors = dijkstra(graph, directed=False, indices=[far], return_predecessors=True)
    from_end, before = distances[0], predecessors[0]
    node = int(np.argmax(_reach(from_end)))
    path = []
    while node >= 0:
        path.append(node)
        node = int(before[node])
    # Steps of a skeleton zigzag; its smoothed course has the length of the line.
    line = gaussian_filter1d(np.stack([x[path], y[path]]).astype(np.float64), SMOOTH_STEPS, mode="nearest")
    # It ends as far from the border as the body is deep there.
    course = float(np.hypot(*np.diff(line)).sum() + depth[y, x][[path[0], path[-1]]].sum())
    from_path = dijkstra(graph, directed=False, indices=path, min_only=True)
    local = _reach(from_path)
    # Ends of side branches: skeleton points with one neighbour, off the longest way.
    degree = np.bincount(np.concatenate(links.nonzero()), minlength=len(x))
    ends = (degree == 1) & (local > 0)
    half_width = float(np.median(depth[y[path], x[path]]))
    lengths = local[ends]
    return course, float(lengths[lengths > 2.0 * half_width].sum())


def _links(number: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64]) -> csr_array:
    """Graph of neighbouring skeleton points, each link once, weighted by its length."""
    padded = np.pad(number, 1, constant_values=-1)
    starts, ends, weights = [], [], []
    for dx, dy in ((1, 0), (0, 1), (1, 1), (-1, 1)):
        other = padded[y + 1 + dy, x + 1 + dx]
        linked = other >= 0
        if dx and dy:  # a diagonal beside a corner is already linked through the corner
            linked &= (padded[y + 1, x + 1 + dx] < 0) & (padded[y + 1 + dy, x + 1] < 0)
        starts.append(number[y, x][linked])
        ends.append(other[linked])
        weights.append(np.full(linked.sum(), np.hypot(dx, dy)))
    size = len(x)
    return csr_array(
        (np.concatenate(weights), (np.concatenate(starts), np.concatenate(ends))), shape=(size, size)
    )


def _reach(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(distance), distance, 0.0)


def _top_sharpness(body: Mask, excess: Float) -> float:
    """(steepness of the upper border - steepness of the lower) / their sum, along the middle columns."""
    columns = np.flatnonzero(body.any(axis=0))
    quarter = len(columns) // 4
    profile = excess[:, columns[quarter] : columns[-1 - quarter] + 1].mean(axis=1)
    slope = np.diff(profile)
    upper, lower = float(slope.max(initial=0)), float(-slope.min(initial=0))
    return (upper - lower) / max(upper + lower, 1e-9)
