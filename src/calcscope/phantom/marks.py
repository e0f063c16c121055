"""What lies on the skin and is no calcification: deodorant, powder, cream, and metal."""

from __future__ import annotations

import numpy as np

from calcscope.exam.model import Float, Points
from calcscope.phantom.drawn.paths import wander
from calcscope.phantom.drawn.shapes import ThicknessMap, ellipsoid, paint_tube
from calcscope.phantom.drawn.smears import GRID_MM, layer
from calcscope.phantom.grains import course_at, strew
from calcscope.phantom.model import Mark, Patch, Projection, Random, Tissue

MATERIALS = {
    "deodorant": "aluminium", "powder": "talc", "cream": "zinc", "metal": "steel", "marker": "steel",
    "clip": "titanium",
}  # fmt: skip
CREAM_MM = 0.02
"""Zinc in a full layer of ointment: a fifth of 0.1 mm."""
INWARDS_MM = {"cream": (8.0, 20.0), "marker": (2.0, 8.0)}
"""How far from the skin line what lies on the skin has its middle: room for what runs along the line."""


def make_mark(kind: str, projection: Projection, tissue: Tissue, random: Random) -> Mark:
    """One mark in a view.

    Parameters
    ----------
    kind : ``deodorant``, ``powder`` (:mod:`calcscope.phantom.grains`), ``cream``, ``metal`` (a wire),
        ``marker`` (a ball on the skin), ``clip``

    Raises
    ------
    KeyError : for another kind
    """
    if kind not in MATERIALS:
        raise KeyError(kind)
    if kind in {"deodorant", "powder"}:
        grains = strew(kind, projection, tissue, random)
        patch = grains.field.pixels(), projection.pixel_mm
        return _mark(kind, np.array([grains.x, grains.y]), *patch, grains.extent_mm, projection)
    line = tissue.skin_line
    place = line[int(random.uniform(0.3, 0.8) * (len(line) - 1))].astype(float)
    if kind in INWARDS_MM:
        depth = random.uniform(*INWARDS_MM[kind])
    else:
        depth = random.uniform(0.2, 0.8) * place[0] * projection.pixel_mm
    place[0] = max(place[0] - depth / projection.pixel_mm, 4.0)
    thickness, step = _laid(kind, projection.pixel_mm, course_at(line, place[1]), random)
    row, column = np.nonzero(thickness)
    extent = float(np.hypot(np.ptp(row) + 1, np.ptp(column) + 1) * step)
    return _mark(kind, place, thickness, step, extent, projection)


def _mark(
    kind: str, place: Points, thickness: Float, step_mm: float, extent_mm: float, projection: Projection
) -> Mark:
    """Material laid about a pixel of the view."""
    # Only the affine map from pixels to the view is needed, which any one point gives.
    anchor = np.zeros((1, 3))
    origin = projection.to_view(anchor)[0, :2] - projection.to_pixels(anchor)[0] * projection.pixel_mm
    x, y = origin + place * projection.pixel_mm
    patch = Patch(thickness, float(x), float(y), step_mm)
    return Mark(kind, float(place[0]), float(place[1]), extent_mm, (patch,), MATERIALS[kind])


def _laid(kind: str, pixel_mm: float, course: float, random: Random) -> tuple[Float, float]:
    if kind == "cream":
        length, width = random.uniform(10, 25), random.uniform(3, 8)
        steps = 2 * round((length / 2 + 4) / GRID_MM)
        v, u = (np.mgrid[:steps, :steps] + 0.5 - steps / 2) * GRID_MM
        along = course + random.normal(0, 0.3)
        drawn = layer(random, u, v, along, along + random.normal(0, 0.25), along + 0.3, (length, width))
        return (CREAM_MM * np.where(drawn > 0.02, drawn, 0)).astype(np.float32), GRID_MM
    side = 26.0 if kind == "metal" else 8.0
    field, middle = ThicknessMap(side, side, pixel_mm), np.full(2, side / 2)
    if kind == "marker":
        radius = random.uniform(0.7, 1.2)
        field.paint(side / 2, side / 2, radius, ellipsoid(radius, radius, radius, 0.0))
    else:
        length, radius = (random.uniform(8, 14), 0.2) if kind == "metal" else (random.uniform(2, 4), 0.3)
        path = wander(random, middle, random.uniform(0, np.pi), length, bend=0.05 if kind == "metal" else 0.0)
        paint_tube(field, path, np.full(len(path), radius))
    return field.pixels(), pixel_mm
