"""Blocks of the tissue's pattern, looked for around where they are expected."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask, Points

COVERED = (0.7, 0.5)
"""Share of a block that lies in the breast of the current view and of the laid earlier one at least."""
FLAT = 0.1
"""Standard deviation of a pattern below which there is nothing to match."""
OTHER_PEAK = 4
"""Pixels around the best place in which no second one is looked for."""
PEAK = 0.3
"""Share of its height from which the surroundings belong to a peak. Tissue at other heights between the
plates has moved by other amounts and draws a peak out: its middle is that of the tissue, its top that of some
one strand."""


class Blocks(NamedTuple):
    """What was found: middles and displacements, (n, 2) pixels, and how far each is to be trusted, (n,)."""

    points: Points
    displacement: Points
    trust: NDArray[np.float64]


def matched(here: tuple[Float, Mask], there: tuple[Float, Mask], step: int, half: int, reach: int) -> Blocks:
    """Where blocks of one pattern are found in another.

    Parameters
    ----------
    here, there : pattern and mask (rows, columns), the earlier ones laid on the current ones
    step : pixels from block to block
    half : a block is a square of ``2 * half + 1`` pixels
    reach : pixels within which it is looked for

    Returns
    -------
    Those found; a best place at the border of the reach is none
    """
    side = 2 * half + 1
    inside, theirs = (
        cv2.blur(mask.astype(np.float32), (side, side), borderType=cv2.BORDER_CONSTANT)
        for _, mask in (here, there)
    )
    framed, wide = _framed(here[0], half), _framed(there[0], half + reach)
    points, displacement, trust = [], [], []
    for y in range(step // 2, inside.shape[0], step):
        for x in range(step // 2, inside.shape[1], step):
            if inside[y, x] < COVERED[0] or theirs[y, x] < COVERED[1]:
                continue
            block = framed[y : y + side, x : x + side]
            around = wide[y : y + side + 2 * reach, x : x + side + 2 * reach]
            if block.std() < FLAT or around.std() < FLAT:
                continue
            peak = _peak(np.asarray(cv2.matchTemplate(around, block, cv2.TM_CCOEFF_NORMED)))
            if peak is not None:
                points.append((x, y))
                displacement.append((peak[0] - reach, peak[1] - reach))
                trust.append(peak[2])
    return Blocks(
        np.array(points, dtype=np.float64).reshape(-1, 2),
        np.array(displacement, dtype=np.float64).reshape(-1, 2),
        np.array(trust, dtype=np.float64),
    )


def _framed(image: Float, width: int) -> Float:
    return np.asarray(cv2.copyMakeBorder(image, *(width,) * 4, cv2.BORDER_CONSTANT, value=0))


def _peak(fit: Float) -> tuple[float, float, float] | None:
    """x and y of the highest peak's middle and its trust: how high it is and how far above the next.

    None where there is none but at the border.
    """
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(fit)), fit.shape))
    if not (0 < row < fit.shape[0] - 1 and 0 < column < fit.shape[1] - 1):
        return None
    top = float(fit[row, column])
    if top <= 0:
        return None
    _, parts = cv2.connectedComponents((fit > PEAK * top).astype(np.uint8))
    weight = np.where(parts == parts[row, column], fit - PEAK * top, 0)
    total = float(weight.sum())
    x = float(weight.sum(axis=0) @ np.arange(fit.shape[1])) / total
    y = float(weight.sum(axis=1) @ np.arange(fit.shape[0])) / total
    rest = fit.copy()
    rest[
        max(0, row - OTHER_PEAK) : row + OTHER_PEAK + 1, max(0, column - OTHER_PEAK) : column + OTHER_PEAK + 1
    ] = -1
    return x, y, top * max(0.0, top - max(0.0, float(rest.max())))
