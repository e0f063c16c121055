"""How well a drawn outline agrees with a marked one, object by object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import directed_hausdorff
from skimage.draw import polygon

from calcscope.exam.model import Mask, Points

CELLS = 400
"""Cells along the longer side of what both outlines cover: areas are then right to about half a per cent."""


@dataclass(frozen=True)
class Overlap:
    """Agreement of two outlines.

    Parameters
    ----------
    dice : twice the common area over the sum of the areas, 0 to 1 (Dice, Ecology 1945;26:297-302)
    iou : common area over the area of both together, 0 to 1 (Jaccard)
    hausdorff_mm : greatest distance of a point of either border from the other border, mm
    """

    dice: float
    iou: float
    hausdorff_mm: float


def outline_overlap(one: Points, other: Points, pixel_mm: float) -> Overlap:
    """Agreement of two closed outlines, (n, 2) vertices each in pixels (x, y).

    Raises ValueError for an outline of fewer than three vertices or without area.
    """
    outlines = [np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)]
    if min(len(outline) for outline in outlines) < 3:
        raise ValueError("an outline has at least three vertices")
    low = np.min([outline.min(axis=0) for outline in outlines], axis=0)
    high = np.max([outline.max(axis=0) for outline in outlines], axis=0)
    step = float((high - low).max()) / CELLS
    if step == 0:
        raise ValueError("outlines without extent")
    columns, rows = (np.ceil((high - low) / step).astype(int) + 1).tolist()
    # Cells are asked at their middles, so that borders along the axes do not fall on them.
    inside = [_filled((outline - low) / step - 0.5, (rows, columns)) for outline in outlines]
    if not all(mask.any() for mask in inside):
        raise ValueError("an outline without area")
    dice, iou = mask_overlap(*inside)
    a, b = _dense(outlines[0], step), _dense(outlines[1], step)
    apart = max(directed_hausdorff(a, b)[0], directed_hausdorff(b, a)[0])
    return Overlap(dice, iou, float(apart) * pixel_mm)


def mask_overlap(one: Mask, other: Mask) -> tuple[float, float]:
    """Dice and IoU of two masks of the same shape; nan for both when both are empty."""
    common, total = float((one & other).sum()), float(one.sum() + other.sum())
    if total == 0:
        return float("nan"), float("nan")
    return 2 * common / total, common / (total - common)


def _filled(outline: Points, shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, dtype=np.bool_)
    mask[polygon(outline[:, 1], outline[:, 0], shape)] = True  # type: ignore[no-untyped-call]
    return mask


def _dense(outline: Points, step: float) -> NDArray[np.float64]:
    """Points along a closed outline, no further than a step apart."""
    following = np.roll(outline, -1, axis=0)
    pieces = []
    for start, end in zip(outline, following, strict=True):
        count = max(int(np.ceil(np.hypot(*(end - start)) / step)), 1)
        pieces.append(start + (end - start) * (np.arange(count) / count)[:, None])
    return np.concatenate(pieces)
