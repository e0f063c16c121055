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
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask
from calcscope.specks.saliency import local_noise, quantisation_step

MODEL_FILE = "network.onnx"

MEAN_PIXELS = 3.0
"""Gaussian sigma of the local mean that is taken off."""
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
NOT_ASKED = -20.0
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
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), MEAN_PIXELS))


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
    # Beyond the image its outermost pixels go on. Only what lies in a block is normalised.
    reach = np.arange(-HALO, BLOCK + HALO)
    rows, columns = (
        np.clip(start[:, None] * BLOCK + reach, 0, end) for start, end in zip(blocks.T, last, strict=True)
    )
    where = rows[:, :, None], columns[:, None, :]
    crops = _seen(pixels[where], _local_mean(pixels)[where], noise[where])
    maps = np.concatenate([_run(crops[i : i + BATCH]) for i in range(0, len(crops), BATCH)])
    inner = points - blocks[which.ravel()] * BLOCK + HALO
    values = [
        maps[block, r - 1 : r + 2, c - 1 : c + 2].max()
        for block, (r, c) in zip(which.ravel(), inner, strict=True)
    ]
    return np.array(values, dtype=np.float64)


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
    seen = normalise(pixels, noise)
    rows, columns = seen.shape
    # In strips: the whole would take gigabytes.
    around = ((STRIP_HALO, STRIP_HALO + -rows % 8), (STRIP_HALO, STRIP_HALO + -columns % 8))
    padded = np.pad(seen, around, mode="edge")
    logits: Float = np.full(seen.shape, NOT_ASKED, dtype=np.float32)
    for first in range(0, rows, STRIP):
        last = min(first + STRIP, rows)
        asked = np.arange(columns) if search is None else np.flatnonzero(search[first:last].any(axis=0))
        if not len(asked):
            continue
        left, right = int(asked[0]) // 8 * 8, int(asked[-1]) + 1
        height, width = (size + -size % 8 + 2 * STRIP_HALO for size in (last - first, right - left))
        strip = padded[first : first + height, left : left + width]
        inner = _run(strip[None])[0, STRIP_HALO:, STRIP_HALO:]
        logits[first:last, left:right] = inner[: last - first, : right - left]
    return logits


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


def _run(images: Float) -> Float:
    """(n, rows, columns) normalised to logits of the same shape; rows and columns are multiples of 8."""
    session = _session()
    (logits,) = session.run(None, {"image": np.ascontiguousarray(images[:, None])})
    return np.asarray(logits[:, 0], dtype=np.float32)


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


@cache
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = cv2.getNumThreads()  # where images are shared out over processes, one
    model = (_model or resources.files("calcscope.models") / MODEL_FILE).read_bytes()
    available: Sequence[str] = onnxruntime.get_available_providers()
    chosen = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in available]
    return onnxruntime.InferenceSession(model, options, providers=chosen)
