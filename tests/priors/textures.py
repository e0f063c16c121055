"""Views of a flat drawn breast: a half ellipse of random tissue, laid into an image by a known map."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

from calcscope.breast.model import Breast
from calcscope.exam.model import Float, Mammogram, Orientation, Points, ViewInfo

DEPTH_MM, HALF_MM = 90.0, 75.0
"""From the chest wall to the nipple, and from there to the upper or lower end."""
SIZE_MM = (180.0, 120.0)
"""Rows and columns of an image."""
MIDDLE_MM = 90.0
"""Height of the nipple in an image that is not moved."""
STEP_MM, MARGIN_MM = 0.5, 40.0
"""Of the tissue's grid, and how far it goes on around."""

Map = Callable[[Points], Points]
"""From places of an image, (n, 2) x, y in mm, to those of the breast."""


def same(xy: Points) -> Points:
    return xy


def bent(xy: Points) -> Points:
    """Pulled in more, sheared and squeezed by up to some millimetres, smoothly."""
    x, y = xy.T
    return np.stack([x - 3 + 2 * np.sin(y / 40), y + 4 + 0.04 * x + 2.5 * np.sin(x / 35)], axis=1)


@cache
def tissue(seed: int) -> Float:
    """Random tissue of several sizes, a grid of ``STEP_MM`` with ``MARGIN_MM`` around the image."""
    shape = [round((n + 2 * MARGIN_MM) / STEP_MM) for n in SIZE_MM]
    random = np.random.default_rng(seed)
    layers = []
    for sigma_mm in (1.5, 3.0, 6.0):
        layer = cv2.GaussianBlur(random.normal(size=shape).astype(np.float32), (0, 0), sigma_mm / STEP_MM)
        layers.append(layer / layer.std())
    return np.asarray(sum(layers), dtype=np.float32)


def view(
    seed: int,
    laid: Map = same,
    pixel_mm: float = 0.4,
    noise: float = 0.0,
    gamma: float = 1.0,
    cut: bool = False,
) -> tuple[Mammogram, Breast]:
    """One view with its anatomy.

    Parameters
    ----------
    laid : where each place of the image lies in the breast
    noise : of single pixels, in the tissue's standard deviations
    gamma : of the grey scale
    cut : whether the whole image is breast without skin, as in a spot view
    """
    rows, columns = (round(n / pixel_mm) for n in SIZE_MM)
    x, y = np.meshgrid((np.arange(columns) + 0.5) * pixel_mm, (np.arange(rows) + 0.5) * pixel_mm)
    at = laid(np.stack([x.ravel(), y.ravel()], axis=1))
    on_grid = ((at + MARGIN_MM) / STEP_MM - 0.5).reshape(rows, columns, 2).astype(np.float32)
    grey = cv2.remap(tissue(seed), on_grid[..., 0], on_grid[..., 1], cv2.INTER_LINEAR)
    random = np.random.default_rng(seed + 1000)
    grey = 0.5 + 0.08 * (grey + noise * random.normal(size=grey.shape))
    scaled = (at - [0, MIDDLE_MM]) / [DEPTH_MM, HALF_MM]
    mask = ((scaled**2).sum(axis=1) < 1).reshape(rows, columns) | cut
    pixels = np.where(mask, np.clip(grey, 0, 1) ** gamma, 0).astype(np.float32)
    inside = np.flatnonzero(mask.any(axis=1))
    last = columns - 1 - np.argmax(mask[inside][:, ::-1], axis=1)
    skin = np.stack([last, inside], axis=1).astype(np.float64)[: 0 if cut else None]
    tip = None if cut else tuple(skin[np.argmax(skin[:, 0])])
    breast = Breast(mask, skin, skin, None, tip, "seen", mask, (), pixel_mm)
    info = ViewInfo("drawn.png", "1.2.3", "R", "CC", rows, columns, pixel_mm)
    return Mammogram(info, pixels, np.ones_like(mask), Orientation(rows, columns), np.asarray), breast


def nothing(pixel_mm: float = 0.4) -> tuple[Mammogram, Breast]:
    """An image without a breast."""
    mammogram, breast = view(0, pixel_mm=pixel_mm)
    empty, none = np.zeros_like(breast.mask), np.zeros((0, 2))
    return mammogram, Breast(empty, none, none, None, None, "estimated", empty, (), pixel_mm)
