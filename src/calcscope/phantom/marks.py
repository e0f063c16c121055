"""What lies on the skin and is no calcification: deodorant, powder, cream, and metal."""

from __future__ import annotations

import numpy as np

from calcscope.exam.model import Float, Points
from calcscope.phantom.drawn import painters
from calcscope.phantom.drawn.paths import wander
from calcscope.phantom.drawn.shapes import ThicknessMap, ellipsoid, paint_tube
from calcscope.phantom.drawn.smears import GRID_MM, layer
from calcscope.phantom.model import Mark, Patch, Projection, Random, Tissue

MATERIALS = {
    "deodorant": "aluminium", "powder": "talc", "cream": "zinc", "metal": "steel", "marker": "steel",
    "clip": "titanium",
}  # fmt: skip
GRAIN_SHARE = 0.5
"""Of a grain of deodorant that is solid: the rest is what carries the aluminium salt."""
CREAM_MM = 0.02
"""Zinc in a full layer of ointment: a fifth of 0.1 mm."""
INWARDS_MM = {"deodorant": (9.0, 25.0), "powder": (9.0, 25.0), "cream": (8.0, 20.0), "marker": (2.0, 8.0)}
"""How far from the skin line what lies on the skin has its middle: room for what runs along the line."""


def make_mark(kind: str, projection: Projection, tissue: Tissue, random: Random) -> Mark:
    """One mark in a view.

    Parameters
    ----------
    kind : ``deodorant`` (at the top, where the armpit's folds are), ``powder``, ``cream``, ``metal`` (a wire
        or a bar), ``marker`` (a ball on the skin), ``clip``

    Raises
    ------
    KeyError : for another kind
    """
    material = MATERIALS[kind]
    line = tissue.skin_line
    low, high = (0.05, 0.25) if kind == "deodorant" else (0.3, 0.8)
    place = line[int(random.uniform(low, high) * (len(line) - 1))].astype(float)
    if kind in INWARDS_MM:
        depth = random.uniform(*INWARDS_MM[kind])
    else:
        depth = random.uniform(0.2, 0.8) * place[0] * projection.pixel_mm
    place[0] = max(place[0] - depth / projection.pixel_mm, 4.0)
    thickness, step = _laid(kind, projection.pixel_mm, _course(line, place[1]), random)
    row, column = np.nonzero(thickness)
    extent = float(np.hypot(np.ptp(row) + 1, np.ptp(column) + 1) * step)
    # Only the affine map from pixels to the view is needed, which any one point gives.
    anchor = np.zeros((1, 3))
    origin = projection.to_view(anchor)[0, :2] - projection.to_pixels(anchor)[0] * projection.pixel_mm
    x, y = origin + place * projection.pixel_mm
    return Mark(
        kind,
        float(place[0]),
        float(place[1]),
        extent,
        (Patch(thickness, float(x), float(y), step),),
        material,
    )


def _course(line: Points, row: float) -> float:
    """Angle of the skin line about a row, from the x axis: what is rubbed in follows it, as folds do."""
    at = int(np.argmin(np.abs(line[:, 1] - row)))
    reach = max(len(line) // 30, 1)
    along = line[min(at + reach, len(line) - 1)] - line[max(at - reach, 0)]
    return float(np.arctan2(along[1], along[0]))


def _laid(kind: str, pixel_mm: float, course: float, random: Random) -> tuple[Float, float]:
    if kind == "cream":
        length, width = random.uniform(10, 25), random.uniform(3, 8)
        steps = 2 * round((length / 2 + 4) / GRID_MM)
        v, u = (np.mgrid[:steps, :steps] + 0.5 - steps / 2) * GRID_MM
        along = course + random.normal(0, 0.3)
        drawn = layer(random, u, v, along, along + random.normal(0, 0.25), along + 0.3, (length, width))
        return (CREAM_MM * np.where(drawn > 0.02, drawn, 0)).astype(np.float32), GRID_MM
    side = 26.0 if kind in {"deodorant", "powder", "metal"} else 8.0
    field, middle = ThicknessMap(side, side, pixel_mm), np.full(2, side / 2)
    if kind in {"deodorant", "powder"}:
        for _ in range(int(random.integers(2, 5))):
            start = middle + random.normal(0, 2.0, 2)
            streak = wander(random, start, course + random.normal(0, 0.25), random.uniform(5, 10), bend=0.1)
            for x, y in streak[random.integers(0, len(streak), int(random.integers(15, 35)))]:
                u, v = random.normal(0, 0.4, 2)
                size = random.uniform(0.2, 0.5)
                painters.stone(field, random, x + u, y + v, size, random.uniform(1, 1.8), 0.3)
        field.fine *= np.float32(GRAIN_SHARE)
    elif kind == "marker":
        radius = random.uniform(0.7, 1.2)
        field.paint(side / 2, side / 2, radius, ellipsoid(radius, radius, radius, 0.0))
    else:
        length, radius = (random.uniform(8, 14), 0.2) if kind == "metal" else (random.uniform(2, 4), 0.3)
        path = wander(random, middle, random.uniform(0, np.pi), length, bend=0.05 if kind == "metal" else 0.0)
        paint_tube(field, path, np.full(len(path), radius))
    return field.pixels(), pixel_mm
