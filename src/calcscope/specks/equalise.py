"""Grey levels of equal noise.

Display processing and film spread some levels of exposure and press others together, so that the noise of a
mammogram differs with how bright a place is, threefold and more on some digital views. Where the noise grows
with brightness its bright deviations are also larger than its dark ones, and grains of it look like specks.
Grey levels that are spread until each holds as much noise as the next undo both (a variance-stabilising
transform: M. S. Bartlett, Biometrics 3(1):39-52, 1947).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask
from calcscope.exam.quantiles import median, percentile
from calcscope.specks.saliency import noise_residual, strips

NEAR_MM = 1.0
"""Over which a place's brightness is averaged: larger than a speck, smaller than strands of tissue."""
LEVELS = 12
"""Of brightness, as many pixels in each, at which the noise is estimated."""
LEAST_PIXELS = 2000
"""In fewer the noise of the levels is not told apart."""
SAMPLE = 400_000
"""Pixels of which that many stand for all."""
WITHIN = 0.25
"""Of the breast's median noise, the least that a level is taken to have: bounds how far levels are spread."""
TABLE = 1 << 16
"""Steps of grey: four for each of the finest that a mammogram is stored in."""
RANGE = (0.5, 99.5)
"""Percentiles of the breast's grey that stay where they are."""


def equalised(pixels: Float, inside: Mask, pixel_mm: float) -> Float:
    """An image with its grey levels spread so that the noise is alike at all of them.

    Parameters
    ----------
    pixels : float32 (rows, columns)
    inside : bool (rows, columns): the breast
    pixel_mm : mm per pixel

    Returns
    -------
    float32 (rows, columns): the breast's range of grey stays what it was
    """
    return equalising(pixels, inside, pixel_mm)(pixels)


def equalising(pixels: Float, inside: Mask, pixel_mm: float) -> Callable[[Float], Float]:
    """What spreads the grey levels of an image as :func:`equalised` does, for parts of it."""
    curve = noise_by_brightness(pixels, inside, pixel_mm)
    if curve is None:
        return lambda part: part
    brightness, noise = curve
    low, high = brightness[0], brightness[-1]
    grid = np.linspace(low, high, 256)
    slope = 1 / np.interp(grid, brightness, noise)
    risen = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2)])
    scale = (high - low) / risen[-1]
    # Beyond what the breast shows the curve goes on as it ends.
    step = (high - low) / 255
    ends = np.array([0.0, 1.0])
    beyond = [
        low - (low - ends[0]) * slope[0] * scale / step,
        high + (ends[1] - high) * slope[-1] * scale / step,
    ]
    at = np.concatenate([ends[:1], grid, ends[1:]])
    to = np.concatenate([beyond[:1], low + risen * scale, beyond[1:]])
    table = np.interp(np.linspace(0, 1, TABLE), at, to).astype(np.float32)

    def spread(part: Float) -> Float:
        result = np.empty(part.shape, dtype=np.float32)
        for rows in strips(part):
            # Rounds, and ends at 0 and 1.
            steps = cv2.multiply(part[rows], float(TABLE - 1), dtype=cv2.CV_16U)  # type: ignore[call-overload]
            np.take(table, steps, out=result[rows], mode="clip")
        return result

    return spread


def _sampled(
    pixels: Float, inside: Mask, pixel_mm: float, step: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Brightness around every so many-th pixel of the inside, and the size of its second difference."""
    near = max(3, round(NEAR_MM / pixel_mm)) | 1
    reach = near // 2
    columns = np.flatnonzero(inside.any(axis=0))
    left, right = max(int(columns[0]) - reach, 0), int(columns[-1]) + 1 + reach
    brightness, size = [], []
    passed = 0
    for rows in strips(pixels):
        where = np.flatnonzero(inside[rows, left:right])
        if not len(where):
            continue
        sample = where[-passed % step :: step]
        passed += len(where)
        above = min(rows.start, reach)
        part = pixels[rows.start - above : rows.stop + reach, left:right]
        own = slice(above, above + rows.stop - rows.start)
        brightness.append(cv2.blur(part, (near, near))[own].ravel()[sample])
        size.append(np.abs(noise_residual(part)[own].ravel()[sample]))
    return np.concatenate(brightness).astype(np.float64), np.concatenate(size)


def _ascending(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """As a stable ``np.argsort`` of numbers of single precision, in an eighth of its time."""
    bits = (values.astype(np.float32) + np.float32(0)).view(np.uint32)  # no zero below zero
    # Whole numbers in the order of the values, each with its place behind it.
    bits = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    keys = bits.astype(np.uint64) << np.uint64(32) | np.arange(len(values), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.intp)


def noise_by_brightness(
    pixels: Float, inside: Mask, pixel_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Brightness and the noise at it, (LEVELS,) each, ascending; None where too little tells them.

    The noise is the median deviation of second differences, which texture hardly touches.
    """
    count = int(np.count_nonzero(inside))
    if count < LEAST_PIXELS:
        return None
    brightness, size = _sampled(pixels, inside, pixel_mm, max(1, count // SAMPLE))
    low, high = (percentile(brightness, share) for share in RANGE)
    levels = np.array_split(_ascending(brightness), LEVELS)
    middle = np.array([median(brightness[level]) for level in levels])
    noise = np.array([median(size[level]) for level in levels])
    typical = float(np.median(noise))
    if typical <= 0 or np.any(np.diff(middle) <= 0):
        return None
    middle, noise = np.r_[low, middle, high], np.r_[noise[0], noise, noise[-1]]
    keep = np.r_[True, (middle[1:-1] > low) & (middle[1:-1] < high), True]
    return middle[keep], np.maximum(noise[keep], WITHIN * typical)
