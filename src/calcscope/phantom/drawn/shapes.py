"""Solids of known form and the thickness an X-ray beam meets on its way through them.

A shape is drawn as a *thickness map*: for every point of a fine grid, the length of calcium (mm) that
a beam perpendicular to the image crosses. Contrast then follows from physics, and averaging the fine
grid down to pixels gives edges their true partial coverage. Nothing here knows how shapes are later
recognised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]

OVERSAMPLING = 3
"""Fine grid steps to a pixel: at 0.07 mm a step of 0.023 mm, a fifth of the thinnest shape drawn."""


class ThicknessMap:
    """Calcium on a fine grid.

    Parameters
    ----------
    width_mm, height_mm : size of the field, mm
    pixel_mm : size of the pixels the map will be averaged to, mm
    """

    def __init__(self, width_mm: float, height_mm: float, pixel_mm: float) -> None:
        self.columns = round(width_mm / pixel_mm)
        self.rows = round(height_mm / pixel_mm)
        self.step_mm = pixel_mm / OVERSAMPLING
        self.fine: Grid = np.zeros((self.rows * OVERSAMPLING, self.columns * OVERSAMPLING), np.float32)

    def pixels(self) -> Grid:
        """float32 (rows, columns): mean thickness in each pixel, mm."""
        blocks = self.fine.reshape(self.rows, OVERSAMPLING, self.columns, OVERSAMPLING)
        return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)

    def paint(
        self,
        x: float,
        y: float,
        reach_mm: float,
        thickness: Callable[[Grid, Grid], Grid],
        *,
        merge: bool = False,
    ) -> None:
        """Lay ``thickness(u, v)`` over the square of half width ``reach_mm`` about ``(x, y)`` (mm).

        ``u`` and ``v`` are offsets from the centre, mm, right and down. Thicknesses add up along the
        beam; with ``merge`` the solids are taken to be one body and the greater thickness counts.
        """
        rows, columns = self.fine.shape
        left, right = np.clip(
            [int((x - reach_mm) / self.step_mm), int((x + reach_mm) / self.step_mm) + 2], 0, columns
        )
        top, bottom = np.clip(
            [int((y - reach_mm) / self.step_mm), int((y + reach_mm) / self.step_mm) + 2], 0, rows
        )
        if left >= right or top >= bottom:
            return
        u = ((np.arange(left, right) + 0.5) * self.step_mm - x).astype(np.float32)[None, :]
        v = ((np.arange(top, bottom) + 0.5) * self.step_mm - y).astype(np.float32)[:, None]
        window = self.fine[top:bottom, left:right]
        painted = thickness(u, v)
        window[...] = np.maximum(window, painted) if merge else window + painted

    def add(self, other: ThicknessMap) -> None:
        """Add another map of the same field."""
        self.fine += other.fine

    def blank(self) -> ThicknessMap:
        """An empty map of the same field, for a body whose parts merge before it is added."""
        copy = object.__new__(ThicknessMap)
        copy.columns, copy.rows, copy.step_mm = self.columns, self.rows, self.step_mm
        copy.fine = np.zeros_like(self.fine)
        return copy


def _chord(square: NDArray[Any]) -> Grid:
    return np.asarray(2 * np.sqrt(np.maximum(square, 0)), dtype=np.float32)


def ellipsoid(a: float, b: float, c: float, angle: float, power: float = 2.0) -> Callable[[Grid, Grid], Grid]:
    """Ellipsoid with half axes ``a``, ``b`` in the plane (``a`` along ``angle``) and ``c`` along the beam.

    ``power`` above 2 makes the sides steeper and the top flatter (a superellipsoid).
    """
    cos, sin = np.cos(angle), np.sin(angle)

    def thickness(u: Grid, v: Grid) -> Grid:
        along, across = (u * cos + v * sin) / a, (-u * sin + v * cos) / b
        radius = np.hypot(along, across)
        return np.asarray(2 * c * np.maximum(1 - radius**power, 0) ** (1 / power), dtype=np.float32)

    return thickness


def star(
    radius_of: Callable[[Grid], Grid], c: float, stretch: float, angle: float, power: float = 3.0
) -> Callable[[Grid, Grid], Grid]:
    """Body whose outline is ``radius_of(direction)`` mm, drawn out by ``stretch`` along ``angle``.

    ``c`` is half its thickness along the beam, mm.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    root = np.sqrt(stretch)

    def thickness(u: Grid, v: Grid) -> Grid:
        along, across = (u * cos + v * sin) / root, (-u * sin + v * cos) * root
        share = np.hypot(along, across) / radius_of(np.arctan2(across, along))
        return np.asarray(2 * c * np.maximum(1 - share**power, 0) ** (1 / power), dtype=np.float32)

    return thickness


def shell(radius: float, wall: float, flattening: float = 1.0) -> Callable[[Grid, Grid], Grid]:
    """Hollow sphere of outer ``radius`` and ``wall`` thickness, mm; ``flattening`` scales it vertically."""

    def thickness(u: Grid, v: Grid) -> Grid:
        square = u**2 + (v / flattening) ** 2
        return _chord(radius**2 - square) - _chord((radius - wall) ** 2 - square)

    return thickness


def settled(radius: float, fill: float, down: tuple[float, float, float]) -> Callable[[Grid, Grid], Grid]:
    """Sediment in a round cyst of ``radius`` mm, filled to ``fill`` (0 to 1) of its height.

    ``down`` is the way of gravity: right and down in the image, and along the beam; a unit vector. Across
    the beam (a true lateral view) the sediment is flat above and curved below; along it (a CC view), a faint
    dome without an edge.
    """
    right, below, deep = down
    level = radius * (1 - 2 * fill)

    def thickness(u: Grid, v: Grid) -> Grid:
        half = np.sqrt(np.maximum(radius**2 - u**2 - v**2, 0))
        surface = level - u * right - v * below
        if deep == 0:
            return np.where(surface < 0, 2 * half, np.float32(0))
        # From the surface on to the far side of the cyst, whichever side of it gravity points to.
        return np.asarray(np.maximum(half + np.minimum(half, -surface / abs(deep)), 0), dtype=np.float32)

    return thickness


def paint_tube(field: ThicknessMap, path: NDArray[np.float64], radius: NDArray[np.float64]) -> None:
    """Merge a solid round tube along ``path`` (n, 2) mm with half width ``radius`` (n,) mm into ``field``."""
    for (x0, y0), (x1, y1), r0, r1 in zip(path[:-1], path[1:], radius[:-1], radius[1:], strict=True):
        cx, cy, dx, dy = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        square = max(dx * dx + dy * dy, 1e-12)
        # The window's size, and the shape itself, are those of one segment with rounded ends.
        reach = float(np.hypot(dx, dy) / 2 + max(r0, r1))
        field.paint(float(cx), float(cy), reach, _capsule(dx, dy, square, r0, r1), merge=True)


def _capsule(dx: float, dy: float, square: float, r0: float, r1: float) -> Callable[[Grid, Grid], Grid]:
    """A straight tube about the origin along (dx, dy), with round ends of radius ``r0`` and ``r1``."""

    def thickness(u: Grid, v: Grid) -> Grid:
        share = np.clip((u * dx + v * dy) / square + 0.5, 0, 1)
        distance = (u - (share - 0.5) * dx) ** 2 + (v - (share - 0.5) * dy) ** 2
        return _chord((r0 + share * (r1 - r0)) ** 2 - distance)

    return thickness
