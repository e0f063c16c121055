"""Places and paths from which drawn scenes are built; everything is seeded and in mm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Points
from calcscope.phantom.drawn.shapes import ThicknessMap

Random = np.random.Generator


def random_for(what: str, term: str, seed: int) -> Random:
    """Independent numbers for each sort of scene, term and seed."""
    return np.random.default_rng([seed, *f"{what} {term}".encode()])


def direction(angle: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vector of an angle, or (2, n) unit vectors of n angles."""
    return np.array([np.cos(angle), np.sin(angle)])


def cluster(rng: Random, centre: Points, count: int, gap_mm: float, extent_mm: float | None = None) -> Points:
    """``count`` places within an ellipse, at least ``gap_mm`` apart (less where they would not fit)."""
    extent = extent_mm or rng.uniform(6, 12)
    aspect, angle = rng.uniform(1, 1.8), rng.uniform(0, np.pi)
    along, across = direction(angle), direction(angle + np.pi / 2)
    places: list[Points] = []
    gap = gap_mm
    while len(places) < count:
        u, v = direction(rng.uniform(0, 2 * np.pi)) * np.sqrt(rng.random()) * extent / 2
        place = centre + u * along + v / aspect * across
        if all(np.hypot(*(place - other)) >= gap for other in places):
            places.append(place)
        else:
            gap *= 0.995
    return np.array(places)


def along_line(rng: Random, centre: Points, angle: float, count: int, length_mm: float) -> Points:
    """``count`` places along a straight stretch, unevenly spaced and a little to either side."""
    steps = (np.arange(count) - (count - 1) / 2) * length_mm / count
    jitter = rng.uniform(-0.25, 0.25, count) * length_mm / count
    sideways = rng.normal(0, 0.9, count)
    return np.asarray(
        centre + np.outer(steps + jitter, direction(angle)) + np.outer(sideways, direction(angle + np.pi / 2))
    )


def wander(
    rng: Random, place: Points, angle: float, length_mm: float, bend: float,
    from_start: bool = False, step_mm: float = 0.08,
) -> Points:  # fmt: skip
    """A path whose heading wanders by about ``bend`` radians a (square root of a) millimetre."""
    count = max(int(length_mm / step_mm), 4)
    heading = angle + np.cumsum(rng.normal(0, bend * np.sqrt(step_mm), count))
    path = np.cumsum(step_mm * direction(heading).T, axis=0)
    anchor = path[0] if from_start else path[len(path) // 2]
    return np.asarray(path - anchor + place)


def arc(place: Points, angle: float, length_mm: float, curvature: float) -> Points:
    """A circular arc about ``place`` that ends with heading ``angle``; curvature in 1/mm."""
    distance = np.arange(0, length_mm, 0.08)
    heading = angle + curvature * (distance - length_mm)
    path = np.cumsum(0.08 * direction(heading).T, axis=0)
    return np.asarray(path - path[len(path) // 2] + place)


def skin_x(field: ThicknessMap, y_mm: float) -> float:
    """Where the skin crosses height ``y_mm``: a shallow arc at the right of the field, mm."""
    height, width = field.rows * field.step_mm * 3, field.columns * field.step_mm * 3
    return float(width - 2 - 3 * (2 * y_mm / height - 1) ** 2)


def nipple_of(field: ThicknessMap) -> Points:
    """Where the nipple of a small field lies, mm."""
    height = field.rows * field.step_mm * 3
    return np.array([skin_x(field, height / 2), height / 2])
