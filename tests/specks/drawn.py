"""Drawn views for the tests of finding and measuring: noise, a tilted background, and shapes of known size.

Shapes are drawn as relative thickness, eight times finer than the pixels, so that centres may lie anywhere
between pixels. An ellipsoid of length L is half as thick at ``HALF_HEIGHT * L`` across: its outline.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from calcscope.breast.model import Breast
from calcscope.exam import Mammogram, Orientation, ViewInfo
from calcscope.exam.model import Float, Mask

FINE = 8
HALF_HEIGHT = float(np.sqrt(0.75))
Inside = Callable[[Float, Float], Float]
"""Thickness of the shape at (x, y), mm from the image's corner, over its greatest."""


def view(pixels: Float, pixel_mm: float = 0.07) -> Mammogram:
    """A film with these canonical pixels."""
    rows, columns = pixels.shape
    info = ViewInfo("drawn", "1", "L", "CC", rows, columns, pixel_mm, acquisition="film")
    valid = np.ones(pixels.shape, dtype=np.bool_)
    return Mammogram(info, pixels.astype(np.float32), valid, Orientation(rows, columns), lambda p: p)


def breast(shape: tuple[int, int], pixel_mm: float = 0.07, search: Mask | None = None) -> Breast:
    """A breast that fills the image."""
    everywhere = np.ones(shape, dtype=np.bool_)
    none = np.zeros((0, 2))
    where = everywhere if search is None else search
    return Breast(everywhere, none, none, None, None, "estimated", where, (), pixel_mm)


def tissue(size: int = 256, noise: float = 0.004, seed: int = 0, pixel_mm: float = 0.07) -> Float:
    """White noise over a gently tilted and waved background of mean 0.4."""
    rows, columns = np.mgrid[:size, :size] * pixel_mm
    smooth = 0.4 + 0.004 * columns + 0.02 * np.sin(rows / 4) * np.cos(columns / 5)
    return np.asarray(smooth + np.random.default_rng(seed).normal(0, noise, (size, size)), dtype=np.float32)


def paint(
    pixels: Float, inside: Inside, height: float, pixel_mm: float = 0.07, blur_mm: float = 0.05
) -> Float:
    """The image with the shape added, ``height`` where it is thickest, blurred by a Gaussian."""
    rows, columns = pixels.shape
    step = pixel_mm / FINE
    y, x = (np.mgrid[: rows * FINE, : columns * FINE].astype(np.float32) + 0.5) * np.float32(step)
    fine = cv2.GaussianBlur(inside(x, y).astype(np.float32), (0, 0), blur_mm / step)
    return np.asarray(
        pixels + height * cv2.resize(fine, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32
    )


def ellipsoid(x: float, y: float, length: float, width: float, angle: float = 0.0) -> Inside:
    """A solid ellipsoid, mm and radians from +x towards +y."""

    def inside(px: Float, py: Float) -> Float:
        along = (px - x) * np.cos(angle) + (py - y) * np.sin(angle)
        across = (py - y) * np.cos(angle) - (px - x) * np.sin(angle)
        return np.asarray(np.sqrt(np.maximum(1 - (2 * along / length) ** 2 - (2 * across / width) ** 2, 0)))

    return inside


def ring(x: float, y: float, outer: float, inner: float) -> Inside:
    """A ring of two diameters."""

    def inside(px: Float, py: Float) -> Float:
        distance = np.hypot(px - x, py - y)
        return np.asarray((distance <= outer / 2) & (distance >= inner / 2), dtype=np.float32)

    return inside


def strand(x: float, y: float, width: float, angle: float) -> Inside:
    """An endless straight fibre through a point."""

    def inside(px: Float, py: Float) -> Float:
        across = (py - y) * np.cos(angle) - (px - x) * np.sin(angle)
        return np.asarray(np.abs(across) <= width / 2, dtype=np.float32)

    return inside
