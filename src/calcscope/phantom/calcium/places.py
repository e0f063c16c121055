"""Where calcifications lie, by the definition of each distribution; breast frame, mm."""

from __future__ import annotations

import numpy as np

from calcscope.phantom.model import Anatomy, Random, Solid

MARGIN_MM = 4.0
"""Off the skin and the chest wall, so that every view of the breast can show them."""


def inner_point(anatomy: Anatomy, random: Random, margin_mm: float = 8.0) -> Solid:
    """A place in the breast, more likely where there is gland, (3,)."""
    depth = anatomy.nipple_depth_mm
    best = np.array([[depth / 2, 0.0, 0.0]])
    for _ in range(400):
        place = np.array([random.uniform(0.1, 0.9), *random.uniform(-0.8, 0.8, 2)])[None, :] * depth
        if anatomy.inside(place, margin_mm)[0]:
            best = place
            if random.random() < 0.1 + anatomy.gland_at(place)[0]:
                break
    return np.asarray(best[0])


def blob(anatomy: Anatomy, random: Random, count: int, span_mm: float, flat: float = 0.7) -> Solid:
    """``count`` places in an ellipsoid no longer than ``span_mm``, which lies in the breast, (count, 3)."""
    axes = span_mm / 2 * np.array([1.0, random.uniform(flat, 1.0), random.uniform(flat, 1.0)])
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    while True:
        centre = inner_point(anatomy, random)
        toward = random.normal(size=(4 * count, 3))
        toward /= np.linalg.norm(toward, axis=1)[:, None]
        places = centre + (toward * np.cbrt(random.random((4 * count, 1))) * axes) @ turn.T
        kept = places[anatomy.inside(places, MARGIN_MM)]
        if len(kept) >= 2 * count:
            return np.asarray(kept[:count])


def scattered(anatomy: Anatomy, random: Random, count: int) -> Solid:
    """All over the breast, (count, 3)."""
    return np.stack([inner_point(anatomy, random, MARGIN_MM) for _ in range(count)])


def duct_course(anatomy: Anatomy, random: Random) -> Solid:
    """A duct from the nipple to one of its ends, (n, 3), about 0.5 mm apart."""
    index = int(random.integers(len(anatomy.ducts)))
    parts = []
    at: int | None = index
    while at is not None:
        parts.append(anatomy.ducts[at].path)
        at = anatomy.ducts[at].parent
    return evenly(np.concatenate(parts[::-1]), 0.5)


def along_duct(anatomy: Anatomy, random: Random, count: int, length_mm: float) -> tuple[Solid, Solid]:
    """``count`` places along one duct over ``length_mm``, and the duct's course there."""
    while True:
        course = duct_course(anatomy, random)
        needed = round(length_mm / 0.5)
        free = np.flatnonzero(anatomy.inside(course, MARGIN_MM))
        if len(free) > needed:
            start = int(random.integers(len(free) - needed))
            stretch = course[free[start : start + needed]]
            steps = np.sort((np.arange(count) + random.uniform(0.2, 0.8, count)) / count * (needed - 1))
            return stretch[np.round(steps).astype(int)] + random.normal(0, 0.25, (count, 3)), stretch


def in_lobe(anatomy: Anatomy, random: Random, count: int, depth_mm: float) -> Solid:
    """Places in the ducts of one lobe, on more than one branch, within ``depth_mm`` of its first fork."""
    lobes = sorted({duct.lobe for duct in anatomy.ducts})
    while True:
        lobe = lobes[int(random.integers(len(lobes)))]
        paths = [evenly(duct.path, 0.5) for duct in anatomy.ducts if duct.lobe == lobe]
        points = np.concatenate(paths)
        nipple = np.array([anatomy.nipple_depth_mm, 0.0, 0.0])
        away = np.linalg.norm(points - nipple, axis=1)
        near = random.uniform(8, 25)
        points = points[(away > near) & (away < near + depth_mm) & anatomy.inside(points, MARGIN_MM)]
        if len(points) >= 2 * count:
            picked = points[random.choice(len(points), count, replace=False)]
            return np.asarray(picked + random.normal(0, 0.4, picked.shape))


def evenly(path: Solid, step_mm: float) -> Solid:
    """A path as points about ``step_mm`` apart."""
    gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, gone[-1], max(2, round(gone[-1] / step_mm)))
    return np.stack([np.interp(at, gone, path[:, axis]) for axis in range(3)], axis=1)
