"""Where calcifications lie, by the definition of each distribution; breast frame, mm."""

from __future__ import annotations

import numpy as np

from calcscope.phantom.model import Anatomy, Random, Solid

TRIES = 80
"""Places tried before a breast counts as too small for a lesion: most succeed at the first."""
BRANCHES = 3
"""Least number of ducts of a lobe that hold the calcifications of a segment."""
MARGIN_MM = 4.0
"""Off the skin and the chest wall, so that every view of the breast can show them."""


class NoRoom(ValueError):
    """A lesion does not fit into a breast."""

    def __init__(self, anatomy: Anatomy, what: str) -> None:
        super().__init__(
            f"{what} fit nowhere into a breast of {anatomy.nipple_depth_mm:.0f} mm from chest wall to nipple "
            f"({TRIES} places tried); draw a larger breast or a smaller lesion"
        )


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
    """``count`` places in an ellipsoid no longer than ``span_mm``, which lies in the breast, (count, 3).

    Raises
    ------
    NoRoom : where the breast is too small
    """
    axes = span_mm / 2 * np.array([1.0, random.uniform(flat, 1.0), random.uniform(flat, 1.0)])
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    for _ in range(TRIES):
        centre = inner_point(anatomy, random)
        toward = random.normal(size=(4 * count, 3))
        toward /= np.linalg.norm(toward, axis=1)[:, None]
        places = centre + (toward * np.cbrt(random.random((4 * count, 1))) * axes) @ turn.T
        kept = places[anatomy.inside(places, MARGIN_MM)]
        if len(kept) >= 2 * count:
            return np.asarray(kept[:count])
    raise NoRoom(anatomy, f"{count} calcifications within {span_mm:.0f} mm")


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
    """``count`` places along one duct over ``length_mm``, and the duct's course there.

    Raises
    ------
    NoRoom : where no duct is that long
    """
    for _ in range(TRIES):
        course = duct_course(anatomy, random)
        needed = round(length_mm / 0.5)
        free = np.flatnonzero(anatomy.inside(course, MARGIN_MM))
        if len(free) > needed:
            start = int(random.integers(len(free) - needed))
            stretch = course[free[start : start + needed]]
            steps = np.sort((np.arange(count) + random.uniform(0.2, 0.8, count)) / count * (needed - 1))
            return stretch[np.round(steps).astype(int)] + random.normal(0, 0.25, (count, 3)), stretch
    raise NoRoom(anatomy, f"calcifications over {length_mm:.0f} mm of a duct")


def in_lobe(anatomy: Anatomy, random: Random, count: int, depth_mm: float) -> Solid:
    """Places in the ducts of one lobe, on several of them, within ``depth_mm`` of its first fork.

    Raises
    ------
    NoRoom : where no lobe has ducts enough
    """
    lobes = sorted({duct.lobe for duct in anatomy.ducts})
    nipple = np.array([anatomy.nipple_depth_mm, 0.0, 0.0])
    for _ in range(TRIES):
        lobe = lobes[int(random.integers(len(lobes)))]
        paths = [evenly(duct.path, 0.5) for duct in anatomy.ducts if duct.lobe == lobe]
        points, branch = np.concatenate(paths), np.repeat(np.arange(len(paths)), [len(p) for p in paths])
        away = np.linalg.norm(points - nipple, axis=1)
        near = random.uniform(8, 25)
        within = (away > near) & (away < near + depth_mm) & anatomy.inside(points, MARGIN_MM)
        points, branch = points[within], branch[within]
        if len(points) < 2 * count or len(np.unique(branch)) < BRANCHES:
            continue
        picked = random.choice(len(points), count, replace=False)
        if len(np.unique(branch[picked])) >= BRANCHES:
            return np.asarray(points[picked] + random.normal(0, 0.4, (count, 3)))
    raise NoRoom(anatomy, f"{count} calcifications within {depth_mm:.0f} mm of a lobe")


def evenly(path: Solid, step_mm: float) -> Solid:
    """A path as points about ``step_mm`` apart."""
    gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, gone[-1], max(2, round(gone[-1] / step_mm)))
    return np.stack([np.interp(at, gone, path[:, axis]) for axis in range(3)], axis=1)
