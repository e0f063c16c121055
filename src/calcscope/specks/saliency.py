"""How far each point stands out as a small bright object, in units of the local noise.

A calcification is brighter than its surroundings in *every* direction within a millimetre or so; a
fibre, a vessel or the crossing of two of them is not, because along the fibre the brightness goes on.
The white top-hat by the supremum of openings with short lines keeps just the first (J. Serra and
P. Soille, Mathematical Morphology and its Applications to Image Processing, 1994: linear openings).
Dividing by the local noise makes one threshold hold for dark and bright, quiet and grainy regions.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from mmap import mmap

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask

Index = NDArray[np.intp]

LINE_PIXELS = 7
"""Length of the opening's lines: objects up to about five pixels across survive it."""

LINE_DIRECTIONS = 8
TILE = 64
"""Pixels to a side of the tiles on which the background is worked out: small enough for the cache."""
NEARLY = 0.999
"""What is compared before it is worked out exactly is compared with a little less: rounding loses none."""
WHOLE = 1 << 20
"""An image of no more pixels is one tile."""
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
    both = Background(pixels)
    return both.smooth, both.ground(0, pixels.shape[0], 0, pixels.shape[1])


class Background:
    """The smoothed image, and its background without small bright objects, worked out where it is asked for.

    Parameters
    ----------
    pixels : float32 (rows, columns)

    Attributes
    ----------
    smooth : float32 (rows, columns)
    """

    def __init__(self, pixels: Float) -> None:
        self.smooth = np.asarray(cv2.GaussianBlur(pixels, (0, 0), SMOOTHING_PIXELS), dtype=np.float32)
        # Memory of which the system hands out only what is written to: most tiles never are.
        memory = mmap(-1, max(self.smooth.nbytes, 1))
        self._ground: Float = np.frombuffer(memory, np.float32, pixels.size).reshape(pixels.shape)
        self._tile = TILE if pixels.size > WHOLE else max(*pixels.shape, 1)
        rows, columns = (-(-size // self._tile) for size in pixels.shape)
        self._done = np.zeros((rows, columns), dtype=bool)

    def ground(self, top: int, bottom: int, left: int, right: int) -> Float:
        """The background in these rows and columns, float32: never above ``smooth``."""
        rows, columns = self.smooth.shape
        top, bottom, left, right = max(top, 0), min(bottom, rows), max(left, 0), min(right, columns)
        if bottom > top and right > left:
            first, last = (
                (top // self._tile, left // self._tile),
                ((bottom - 1) // self._tile, (right - 1) // self._tile),
            )
            if not self._done[first[0] : last[0] + 1, first[1] : last[1] + 1].all():
                wanted = np.zeros_like(self._done)
                wanted[first[0] : last[0] + 1, first[1] : last[1] + 1] = True
                self._work_out(wanted)
        return self._ground[top:bottom, left:right]

    def peaks(self, noise: Float, search: Mask, least: float) -> tuple[Index, Index, Float]:
        """Where something stands out of the background: no lower than the eight pixels around.

        Parameters
        ----------
        noise : float32 (rows, columns)
        search : bool (rows, columns): where to look
        least : height over the background in units of the noise, which it must surpass

        Returns
        -------
        rows, columns, salience : (n,) each, in the order of the image; the last is that height
        """
        rows, columns = self._perhaps(noise, search, least)
        for step in ((1, 0), (1, 1), (1, -1)):
            # Few are left after each: that saves most of the work on the tiles.
            height = self.smooth[rows, columns] - self._opened_along(rows, columns, step)
            above = height > noise[rows, columns] * np.float32(NEARLY * least)
            rows, columns = rows[above], columns[above]
        salience = self._salience(rows, columns, noise)
        high = salience > least
        rows, columns, salience = rows[high], columns[high], salience[high]
        around = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if r or c]
        for down, right in around:
            beside_rows = np.clip(rows + down, 0, search.shape[0] - 1)
            beside_columns = np.clip(columns + right, 0, search.shape[1] - 1)
            top = salience >= self._salience(beside_rows, beside_columns, noise)
            rows, columns, salience = rows[top], columns[top], salience[top]
        return rows, columns, salience

    def _salience(self, rows: Index, columns: Index, noise: Float) -> Float:
        """Height over the background of these pixels, (n,) each, in units of the noise."""
        wanted = np.zeros_like(self._done)
        wanted[rows // self._tile, columns // self._tile] = True
        self._work_out(wanted)
        at = rows, columns
        return np.asarray((self.smooth[at] - self._ground[at]) / noise[at])

    def _perhaps(self, noise: Float, search: Mask, least: float) -> tuple[Index, Index]:
        """The pixels that may stand out so far: the opening by one line is no higher than that by all."""
        found_rows, found_columns = [], []
        for lying in strips(search):
            asked = np.flatnonzero(search[lying].any(axis=0))
            if not len(asked):
                continue
            # The opening looks twice as far as its line's half.
            left, right = max(int(asked[0]) - LINE_PIXELS + 1, 0), int(asked[-1]) + LINE_PIXELS
            part = (lying, slice(left, right))
            line = cv2.morphologyEx(self.smooth[part], cv2.MORPH_OPEN, np.ones((1, LINE_PIXELS), np.uint8))
            above = cv2.subtract(self.smooth[part], line) > noise[part] * np.float32(NEARLY * least)
            above &= search[part]
            if not above.any():
                continue
            rows, columns = np.nonzero(above)
            found_rows.append(rows + lying.start)
            found_columns.append(columns + left)
        if not found_rows:
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        return np.concatenate(found_rows), np.concatenate(found_columns)

    def _opened_along(self, rows: Index, columns: Index, step: tuple[int, int]) -> Float:
        """The opening by one straight line at some pixels, (n,) each; ``step`` from pixel to pixel of it."""
        half = LINE_PIXELS // 2
        last_row, last_column = self.smooth.shape[0] - 1, self.smooth.shape[1] - 1
        values = []
        for place in range(-2 * half, 2 * half + 1):
            row, column = rows + place * step[0], columns + place * step[1]
            inside = (row >= 0) & (row <= last_row) & (column >= 0) & (column <= last_column)
            value = self.smooth[np.clip(row, 0, last_row), np.clip(column, 0, last_column)]
            value[~inside] = np.inf
            values.append(value)
        opened = np.full(len(rows), -np.inf, dtype=np.float32)
        for first in range(LINE_PIXELS):
            lowest = np.minimum.reduce(values[first : first + LINE_PIXELS])
            lowest[np.isinf(values[first + half])] = -np.inf  # a line whose middle lies beyond the image
            np.maximum(opened, lowest, out=opened)
        return opened

    def _work_out(self, wanted: Mask) -> None:
        """The background on tiles, bool (rows, columns) of tiles, in stretches of a row of them."""
        for row, tiles in enumerate(wanted & ~self._done):
            number = np.flatnonzero(tiles)
            if not len(number):
                continue
            for stretch in np.split(number, np.flatnonzero(np.diff(number) > 1) + 1):
                self._open(
                    row * self._tile, int(stretch[0]) * self._tile, (int(stretch[-1]) + 1) * self._tile
                )
        self._done |= wanted

    def _open(self, top: int, left: int, right: int) -> None:
        margin = LINE_PIXELS - 1
        above, before = min(top, margin), min(left, margin)
        part = self.smooth[top - above : top + self._tile + margin, left - before : right + margin]
        inner = self._ground[top : top + self._tile, left:right]
        rows, columns = inner.shape
        opened = np.empty_like(part)
        for number, line in enumerate(_lines()):
            cv2.morphologyEx(part, cv2.MORPH_OPEN, line, dst=opened)
            own = opened[above : above + rows, before : before + columns]
            if number:
                np.maximum(inner, own, out=inner)
            else:
                inner[...] = own


def strips(image: Float | Mask) -> Iterator[slice]:
    """The rows of an image, so many at a time as fit the processor's cache with what is made of them."""
    for top in range(0, len(image), TILE):
        yield slice(top, min(top + TILE, len(image)))


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
    step = 2 if min(pixels.shape) > 256 else 1
    residual = np.empty([-(-size // step) for size in pixels.shape], dtype=np.float32)
    for rows in strips(pixels):
        above = min(rows.start, 1)
        part = noise_residual(pixels[rows.start - above : rows.stop + 1])
        residual[rows.start // step : -(-rows.stop // step)] = part[
            above : above + rows.stop - rows.start : step, ::step
        ]
    weight = inside[::step, ::step].astype(np.float32)
    window = max(3, round(NOISE_WINDOW_MM / (pixel_mm * step))) | 1
    share = cv2.blur(weight, (window, window)) + 1e-6
    residual *= residual
    squares = np.multiply(residual, weight, out=residual)
    sigma, clipped = np.empty_like(squares), squares
    for turn in range(4):
        if turn:
            np.multiply(sigma, CLIP, out=weight)
            clipped = np.minimum(squares, np.square(weight, out=weight), out=weight)
        cv2.blur(clipped, (window, window), dst=sigma)
        np.divide(np.maximum(sigma, 0, out=sigma), share, out=sigma)
        np.sqrt(sigma, out=sigma)
        if turn:
            # Undoes the loss of variance that clipping at 2.5 sigma costs a Gaussian.
            sigma *= np.float32(1.02)
    np.maximum(sigma, np.float32(floor), out=sigma)
    return np.asarray(cv2.resize(sigma, pixels.shape[::-1], interpolation=cv2.INTER_LINEAR))


def quantisation_step(pixels: Float) -> float:
    """Smallest difference between two grey levels that occur in the image (0 for a constant one)."""
    sample = np.unique(pixels[:: max(1, pixels.shape[0] // 512)])
    gaps = np.diff(sample)
    return float(gaps[gaps > 1e-7].min(initial=1.0)) if len(gaps) else 0.0
