"""A small convolutional network that says, pixel by pixel, whether it sees calcium.

It looks at one rung of the ladder (:mod:`calcscope.specks.scales`) at a time, so calcifications of any size
are a few pixels wide to it, as they are to the operator that finds the candidates. What it sees is the image
without its local mean, in units of the local noise: neither exposure nor processing nor pixel size is left
to depend on. It was trained by :mod:`calcscope.train.network`; its card is ``models/network.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask
from calcscope.specks.saliency import local_noise, quantisation_step

MODEL_FILE = "network.onnx"

MEAN_PIXELS, MEAN_REACH = 3.0, 12
"""Gaussian sigma of the local mean that is taken off, and how far that Gaussian reaches."""
LINEAR = 2.0
"""Up to so many times the noise the input grows in proportion, beyond it with the logarithm: a bright speck
is no surer than a visible one, and the network need not know how bright calcium can be."""

BLOCK = 8
HALO = 20
"""The network is run on blocks of this many pixels with so many more around them, where anything lies that is
to be judged. Its pooling needs multiples of 8. With 36 around them blocks would say what a map of the whole
says, at twice the time; with 20 they say about 0.9 less everywhere (simulated views), and the judge is fitted
to that."""
STRIP, STRIP_HALO = 128, 24
"""Rows of an image on which the network is run at a time, and what is given to it around them."""
CELL, REACH = 16, 48
"""Within a strip it is run on stretches of cells of so many rows and columns. With so many more around it a
stretch says what the whole strip says: the network sees no further."""
NOT_ASKED = -20.0
BAND = 16
"""Blocks in so many rows of them have their local mean taken at once."""
BATCH = 64
"""Blocks at a time: enough to keep the processor busy, little enough for its cache."""


def normalise(pixels: Float, noise: Float) -> Float:
    """What the network sees of an image.

    Parameters
    ----------
    pixels, noise : float32 (rows, columns): a rung of the ladder and its noise per pixel, same units

    Returns
    -------
    float32 (rows, columns), without unit
    """
    return _seen(pixels, _local_mean(pixels), noise)


def _local_mean(pixels: Float) -> Float:
    size = 2 * MEAN_REACH + 1
    return np.asarray(cv2.GaussianBlur(pixels, (size, size), MEAN_PIXELS))


def _seen(pixels: Float, mean: Float, noise: Float) -> Float:
    return np.asarray(np.arcsinh((pixels - mean) / (LINEAR * noise)), dtype=np.float32)


def logits_at(pixels: Float, noise: Float, points: NDArray[np.intp]) -> NDArray[np.float64]:
    """The network's greatest logit within a pixel of each point.

    Parameters
    ----------
    pixels, noise : float32 (rows, columns), as for :func:`normalise`
    points : (n, 2) row, column

    Returns
    -------
    float64 (n,)
    """
    if not len(points):
        return np.zeros(0)
    last = np.array(pixels.shape) - 1
    points = np.clip(points, 0, last)
    blocks, which = np.unique(points // BLOCK, axis=0, return_inverse=True)
    crops = np.empty((len(blocks), *[BLOCK + 2 * HALO] * 2), dtype=np.float32)
    for band in np.unique(blocks[:, 0] // BAND):
        here = blocks[:, 0] // BAND == band
        crops[here] = _crops(pixels, noise, blocks[here])
    first, end = (HALO - 1) // 8 * 8, HALO + BLOCK + 1  # a point's neighbours too
    maps = np.concatenate(
        [_run(crops[i : i + BATCH], (first, end), (first, end)) for i in range(0, len(crops), BATCH)]
    )
    inner = points - blocks[which.ravel()] * BLOCK + HALO - first
    values = [
        maps[block, r - 1 : r + 2, c - 1 : c + 2].max()
        for block, (r, c) in zip(which.ravel(), inner, strict=True)
    ]
    return np.array(values, dtype=np.float64)


def _crops(pixels: Float, noise: Float, blocks: NDArray[np.intp]) -> Float:
    """What the network sees of some blocks and around them, (n, rows, columns)."""
    # Beyond the image its outermost pixels go on. Only what lies in a block is normalised.
    reach = np.arange(-HALO, BLOCK + HALO)
    rows, columns = (
        np.clip(start[:, None] * BLOCK + reach, 0, size - 1)
        for start, size in zip(blocks.T, pixels.shape, strict=True)
    )
    top, left = max(int(rows.min()) - MEAN_REACH, 0), max(int(columns.min()) - MEAN_REACH, 0)
    part = pixels[top : rows.max() + 1 + MEAN_REACH, left : columns.max() + 1 + MEAN_REACH]
    where = rows[:, :, None], columns[:, None, :]
    mean = _local_mean(part)[where[0] - top, where[1] - left]
    return _seen(pixels[where], mean, noise[where])


def logit_map(pixels: Float, pixel_mm: float, inside: Mask | None = None) -> Float:
    """The network's logit at each pixel of an image taken as one rung of the ladder.

    Parameters
    ----------
    pixels : float32 (rows, columns) or (n, rows, columns)
    pixel_mm : mm per pixel, which only sets the window in which the noise is estimated
    inside : bool (rows, columns): where the noise is estimated; everywhere without it

    Returns
    -------
    float32 of the shape of ``pixels``
    """
    if pixels.ndim == 3:
        return np.stack([logit_map(image, pixel_mm, inside) for image in pixels])
    floor = max(quantisation_step(pixels) / np.sqrt(12), 1e-7)
    everywhere = np.ones(pixels.shape, dtype=bool) if inside is None else inside
    return rung_logits(pixels, local_noise(pixels, everywhere, pixel_mm, floor))


def rung_logits(pixels: Float, noise: Float, search: Mask | None = None) -> Float:
    """The network's logit at each pixel of a rung of the ladder.

    Parameters
    ----------
    pixels, noise : float32 (rows, columns), as for :func:`normalise`
    search : bool (rows, columns): where it is asked, everywhere without it; elsewhere it is ``NOT_ASKED``

    Returns
    -------
    float32 (rows, columns)
    """
    return RungLogits(pixels, noise, search).everywhere()


class RungLogits:
    """The network's logits on a rung of the ladder, worked out where they are asked for.

    Parameters
    ----------
    pixels, noise : float32 (rows, columns), as for :func:`normalise`
    search : bool (rows, columns): where it may be asked, everywhere without it; elsewhere it says
        ``NOT_ASKED``
    """

    def __init__(self, pixels: Float, noise: Float, search: Mask | None = None) -> None:
        self._pixels, self._noise = pixels, noise
        self._logits: Float = np.full(pixels.shape, NOT_ASKED, dtype=np.float32)
        # In strips: the whole would take gigabytes. (first, end) column of what may be asked in each.
        self._limits: list[tuple[int, int]] = []
        for first in range(0, len(pixels), STRIP):
            asked = (
                np.arange(pixels.shape[1])
                if search is None
                else np.flatnonzero(search[first : first + STRIP].any(axis=0))
            )
            self._limits.append((int(asked[0]) // 8 * 8, int(asked[-1]) + 1) if len(asked) else (0, 0))
        self._done = [
            np.zeros((STRIP // CELL, -(-(end - first) // CELL)), dtype=bool) for first, end in self._limits
        ]

    def near(self, points: NDArray[np.intp]) -> NDArray[np.float64]:
        """The greatest logit within a pixel of each point, (n, 2) row, column: float64 (n,)."""
        last = np.array(self._pixels.shape) - 1
        around = (points[:, None] + np.array([(r, c) for r in (-1, 1) for c in (-1, 1)])).reshape(-1, 2)
        around = np.clip(around, 0, last)
        strips = around[:, 0] // STRIP
        for number in np.unique(strips):
            first, end = self._limits[number]
            rows, columns = around[strips == number].T
            inside = (columns >= first) & (columns < end)
            wanted = np.zeros_like(self._done[number])
            wanted[rows[inside] % STRIP // CELL, (columns[inside] - first) // CELL] = True
            self._ask(int(number), wanted)
        return greatest_at(self._logits, points)

    def everywhere(self) -> Float:
        """The logit at each pixel, float32 (rows, columns)."""
        for number, done in enumerate(self._done):
            self._ask(number, np.ones_like(done))
        return self._logits

    def _ask(self, number: int, wanted: NDArray[np.bool_]) -> None:
        """Work out cells of a strip, in stretches; short gaps between two cost less than two borders."""
        wanted &= ~self._done[number]
        cells = np.flatnonzero(wanted.any(axis=0))
        if not len(cells):
            return
        for stretch in np.split(cells, np.flatnonzero(np.diff(cells) > 2 * REACH // CELL) + 1):
            left, right = int(stretch[0]), int(stretch[-1]) + 1
            rows = np.flatnonzero(wanted[:, left:right].any(axis=1))
            top, bottom = int(rows[0]), int(rows[-1]) + 1
            self._run(number, top, bottom, left, right)
            self._done[number][top:bottom, left:right] = True

    def _run(self, number: int, top: int, bottom: int, left: int, right: int) -> None:
        """Work out these rows and columns of a strip's cells."""
        first = number * STRIP
        rows = _Range.of(first, min(first + STRIP, len(self._pixels)), top, bottom)
        columns = _Range.of(*self._limits[number], left, right)
        given = self._given(rows.start, rows.stop, columns.start, columns.stop)
        (logits,) = _run(
            given[None], *((each.first - each.start, each.last - each.start) for each in (rows, columns))
        )
        self._logits[rows.first : rows.last, columns.first : columns.last] = logits

    def _given(self, top: int, bottom: int, left: int, right: int) -> Float:
        """What the network sees of a part of the rung; beyond the rung its outermost pixels go on."""
        rows, columns = self._pixels.shape
        inside = max(top, 0), min(bottom, rows), max(left, 0), min(right, columns)
        around = ((inside[0] - top, bottom - inside[1]), (inside[2] - left, right - inside[3]))
        return np.pad(normalised_part(self._pixels, self._noise, *inside), around, mode="edge")


class _Range(NamedTuple):
    """Rows or columns: first and behind the last that are worked out, and that are given to the network."""

    first: int
    last: int
    start: int
    stop: int

    @classmethod
    def of(cls, first: int, last: int, cell: int, end: int) -> _Range:
        """Those of some cells of a strip that goes from ``first`` to ``last``: what is given ends with the
        strip's own borders, and is a multiple of 8."""
        begin, stop = first + cell * CELL, first + end * CELL
        limit = last + -(last - first) % 8 + STRIP_HALO
        return cls(begin, min(stop, last), max(begin - REACH, first - STRIP_HALO), min(stop + REACH, limit))


def normalised_part(pixels: Float, noise: Float, top: int, bottom: int, left: int, right: int) -> Float:
    """These rows and columns of :func:`normalise`."""
    above, before = min(top, MEAN_REACH), min(left, MEAN_REACH)
    part = pixels[top - above : bottom + MEAN_REACH, left - before : right + MEAN_REACH]
    inner = slice(above, above + bottom - top), slice(before, before + right - left)
    return _seen(part[inner], _local_mean(part)[inner], noise[top:bottom, left:right])


def greatest_at(logits: Float, points: NDArray[np.intp]) -> NDArray[np.float64]:
    """The greatest logit within a pixel of each point.

    Parameters
    ----------
    logits : (rows, columns)
    points : (n, 2) row, column

    Returns
    -------
    float64 (n,)
    """
    rows, columns = (
        np.clip(at[:, None] + np.arange(-1, 2), 0, size - 1)
        for at, size in zip(points.T, logits.shape, strict=True)
    )
    return np.asarray(logits[rows[:, :, None], columns[:, None, :]].max(axis=(1, 2)), dtype=np.float64)


def _run(images: Float, rows: tuple[int, int], columns: tuple[int, int]) -> Float:
    """(n, rows, columns) normalised to the logits of some of their rows and columns.

    ``rows``, ``columns``: the first, a multiple of 8, and behind the last; sides are multiples of 8, too.
    """
    with _making:  # views are read side by side
        session = _session()
    corners = np.array([rows, columns], dtype=np.int64).T
    given = {
        "image": np.ascontiguousarray(images[:, None]),
        "first": corners[0],
        "last": corners[1] + -corners[1] % 8,
    }
    (logits,) = session.run(None, given)
    height, width = corners[1] - corners[0]
    return np.asarray(logits[:, 0, :height, :width], dtype=np.float32)


@contextmanager
def using(model: Path | None) -> Iterator[None]:
    """Ask another ONNX file (None: the shipped one) as long as the block runs."""
    global _model
    _session.cache_clear()
    _model = model
    try:
        yield
    finally:
        _model = None
        _session.cache_clear()


def current_model() -> Path | None:
    """The ONNX file that is asked; None for the shipped one."""
    return _model


_model: Path | None = None
_making = Lock()


@cache
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # views are read side by side
    model = (_model or resources.files("calcscope.models") / MODEL_FILE).read_bytes()
    available: Sequence[str] = onnxruntime.get_available_providers()
    chosen = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in available]
    return onnxruntime.InferenceSession(model, options, providers=chosen)
