"""How far each point stands out as a small bright object, in units of the local noise.

A calcification is brighter than its surroundings in *every* direction within a millimetre or so; a
fibre, a vessel or the crossing of two of them is not, because along the fibre the brightness goes on.
The white top-hat by the supremum of openings with short lines keeps just the first (J. Serra and
P. Soille, Mathematical Morphology and its Applications to Image Processing, 1994: linear openings).
Dividing by the local noise makes one threshold hold for dark and bright, quiet and grainy regions.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask

LINE_PIXELS = 7
"""Length of the opening's lines: objects up to about five pixels across survive it."""

LINE_DIRECTIONS = 8
SMOOTHING_PIXELS = 0.5
"""Gaussian sigma before the opening: less lets single-pixel noise through, more blurs the specks that
are two pixels wide into their background."""

NOISE_WINDOW_MM = 10.0
CLIP = 2.5
"""Residuals beyond this many standard deviations are clipped, so that specks do not count as noise."""

# Second differences in both directions: blind to slopes and edges along rows or columns (Immerkær, Computer
# Vision and Image Understanding 64(2):300-302, 1996). The factor 1/6 gives unit gain for white noise.
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32) / 6


@cache
def _lines() -> tuple[NDArray[np.uint8], ...]:
    """Line-shaped structuring elements through the centre, evenly spread over 180 degrees."""
    half = LINE_PIXELS // 2
    lines = []
    for direction in range(LINE_DIRECTIONS):
        angle = np.pi * direction / LINE_DIRECTIONS
        # Step along the longer axis so that every line has exactly LINE_PIXELS pixels.
        step = np.array([np.sin(angle), np.cos(angle)]) / max(abs(np.sin(angle)), abs(np.cos(angle)))
        points = np.rint(np.arange(-half, half + 1)[:, None] * step).astype(int) + half
        line = np.zeros((LINE_PIXELS, LINE_PIXELS), dtype=np.uint8)
        line[points[:, 0], points[:, 1]] = 1
        lines.append(line)
    return tuple(lines)


def background(pixels: Float) -> tuple[Float, Float]:
    """The smoothed image and its background without small bright objects.

    Parameters
    ----------
    pixels : float32 (rows, columns)

    Returns
    -------
    smooth, ground : float32 (rows, columns) each; ``smooth - ground`` is the top-hat, never negative
    """
    smooth = np.asarray(cv2.GaussianBlur(pixels, (0, 0), SMOOTHING_PIXELS), dtype=np.float32)
    ground: Float = np.full(smooth.shape, -np.inf, dtype=np.float32)
    for line in _lines():
        np.maximum(ground, cv2.morphologyEx(smooth, cv2.MORPH_OPEN, line), out=ground)
    return smooth, ground


def noise_residual(pixels: Float) -> Float:
    """Second differences along rows and columns, which keep the deviation of white noise."""
    return np.asarray(cv2.filter2D(pixels, -1, _NOISE_KERNEL))


def local_noise(pixels: Float, inside: Mask, pixel_mm: float, floor: float) -> Float:
    """Standard deviation of the pixel noise around each point, robust to structure.

    Parameters
    ----------
    pixels : float32 (rows, columns)
    inside : bool (rows, columns): only these pixels count
    pixel_mm : mm per pixel
    floor : smallest noise to report, that of the quantisation: ``step / sqrt(12)``

    Returns
    -------
    float32 (rows, columns), in units of ``pixels``
    """
    # The window is large against a pixel: a quarter of the pixels estimates it as well.
    residual = noise_residual(pixels)
    step = 2 if min(pixels.shape) > 256 else 1
    residual, weight = residual[::step, ::step], inside[::step, ::step].astype(np.float32)
    window = max(3, round(NOISE_WINDOW_MM / (pixel_mm * step))) | 1
    share = cv2.blur(weight, (window, window)) + 1e-6
    squares = residual * residual * weight

    def deviation(values: Float) -> Float:
        return np.asarray(np.sqrt(np.maximum(cv2.blur(values, (window, window)), 0) / share))

    sigma = deviation(squares)
    for _ in range(3):
        # 1.02 undoes the loss of variance that clipping at 2.5 sigma costs a Gaussian.
        sigma = 1.02 * deviation(np.minimum(squares, (CLIP * sigma) ** 2))
    sigma = np.maximum(sigma, floor, dtype=np.float32)
    return np.asarray(cv2.resize(sigma, pixels.shape[::-1], interpolation=cv2.INTER_LINEAR))


def quantisation_step(pixels: Float) -> float:
    """Smallest difference between two grey levels that occur in the image (0 for a constant one)."""
    sample = np.unique(pixels[:: max(1, pixels.shape[0] // 512)])
    gaps = np.diff(sample)
    return float(gaps[gaps > 1e-7].min(initial=1.0)) if len(gaps) else 0.0
