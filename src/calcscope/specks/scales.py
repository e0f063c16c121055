"""The image at a ladder of physical scales, cropped to where calcifications are looked for.

A calcification is a few pixels wide on one rung of the ladder whatever its size in mm, so one operator
of fixed size in pixels finds specks from 0.15 mm to several mm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import cv2
import numpy as np

from calcscope.exam.model import Float, Mammogram, Mask, Points

FINEST_PIXEL_MM = 0.065
"""Finer images are reduced to this or just above: below it film grain and quantum noise, not shape,
is what more pixels show."""

COARSEST_PIXEL_MM = 0.85
"""The operator spans seven pixels: at 0.85 mm it reaches the largest popcorn calcifications (5 mm)."""


@dataclass(frozen=True)
class Scale:
    """One rung of the ladder.

    Parameters
    ----------
    pixels : float32 (rows, columns), block means of the source
    search : bool (rows, columns)
    pixel_mm : mm per pixel of this rung
    factor : source pixels per pixel of this rung
    x0, y0 : column and row of the crop's corner in the canonical image
    """

    pixels: Float
    search: Mask
    pixel_mm: float
    factor: int
    x0: int
    y0: int

    def to_canonical(self, xy: Points) -> Points:
        """Points of this rung, shape (n, 2), as canonical image points (pixel centres)."""
        return (np.asarray(xy, dtype=np.float64) + 0.5) * self.factor - 0.5 + (self.x0, self.y0)

    def from_canonical(self, xy: Points) -> Points:
        """Canonical points, shape (n, 2), as points of this rung."""
        return (np.asarray(xy, dtype=np.float64) - (self.x0, self.y0) + 0.5) / self.factor - 0.5


def ladder(
    mammogram: Mammogram,
    search: Mask,
    margin_mm: float = 2.0,
    grey: Callable[[Float], Float] = lambda pixels: pixels,
) -> list[Scale]:
    """The rungs from the finest useful pixel size upwards, each twice as coarse as the one before.

    Parameters
    ----------
    mammogram : the view
    search : bool (rows, columns), canonical: where to look
    margin_mm : kept around the search region, so that its border has a background
    grey : what is done to the grey levels of the pixels that are kept

    Returns
    -------
    list of Scale, finest first; empty when ``search`` is empty
    """
    rows = np.flatnonzero(search.any(axis=1))
    columns = np.flatnonzero(search.any(axis=0))
    if not len(rows):
        return []
    pixel_mm = mammogram.pixel_mm
    first = max(1, int(np.ceil(FINEST_PIXEL_MM / pixel_mm - 1e-6)))
    margin = round(margin_mm / pixel_mm)
    y0, x0 = max(0, rows[0] - margin), max(0, columns[0] - margin)
    y1 = min(search.shape[0], rows[-1] + 1 + margin)
    x1 = min(search.shape[1], columns[-1] + 1 + margin)
    pixels, inside = grey(mammogram.pixels[y0:y1, x0:x1]), search[y0:y1, x0:x1]

    scales: list[Scale] = []
    factor = first
    pixels, inside = block_means(pixels, first), _any_of_blocks(inside, first)
    while min(pixels.shape) >= 16 and (not scales or factor * pixel_mm <= COARSEST_PIXEL_MM):
        scales.append(Scale(pixels, inside, factor * pixel_mm, factor, int(x0), int(y0)))
        pixels, inside = block_means(pixels, 2), _any_of_blocks(inside, 2)
        factor *= 2
    return scales


def _any_of_blocks(mask: Mask, factor: int) -> Mask:
    """Whether any pixel of a block is True, for the blocks of :func:`block_means`."""
    if factor == 1:
        return mask
    rows, columns = mask.shape[0] // factor, mask.shape[1] // factor
    whole = mask[: rows * factor, : columns * factor]
    in_rows = reduce(np.logical_or, [whole[row::factor] for row in range(factor)])  # whole rows: quick
    return np.asarray(reduce(np.logical_or, [in_rows[:, column::factor] for column in range(factor)]))


def block_means(image: Float, factor: int) -> Float:
    """Block means over ``factor`` × ``factor`` pixels (the incomplete last blocks are dropped)."""
    if factor == 1:
        return image
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    whole = image[: rows * factor, : columns * factor]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA))
