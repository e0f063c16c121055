"""The border of the pectoral muscle in oblique and lateral views, on a reduced image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.breast.outline import Frame
from calcscope.exam.model import Float, Mask, Points

# The border is looked for at this smoothing, mm: wider than vessels and fibres.
SMOOTHING_MM = 1.6
# Candidate lines leave the top edge this far from the chest wall corner, mm, and meet the chest wall
# this far below it, mm, at these steps, mm.
TOP_MM, WALL_MM, STEP_MM = (6.0, 100.0), (25.0, 240.0), (2.0, 5.0)
# The muscle's border runs this steeply, degrees from the horizontal.
SLOPE_DEGREES = (42.0, 86.0)
# Skin has an edge too: candidates keep this far inside it, mm.
SKIN_GAP_MM = 6.0
# Points on a candidate line, and the share of its length that counts: further down the muscle thins out
# and glandular tissue lies over it.
SAMPLES, UPPER_SHARE = 48, 0.65
# One strong edge must not stand for a whole border: gradients are capped at this many times the typical.
CAP = 3.0
# Of two equal edges the longer is the border: a line of this length, mm, counts half of an endless one.
HALF_LENGTH_MM = 80.0
# Least mean capped gradient of a border that is really there, oblique and other views: tissue without a
# muscle reaches 0.9 by chance, muscles on real films 1.4 and more.
SEEN_OBLIQUE, SEEN_OTHER = 1.2, 2.0


def pectoral_line(image: Float, mask: Mask, frame: Frame, view: str, pixel_mm: float) -> Points | None:
    """Straight border of the pectoral muscle.

    Every straight line that could be the border is scored by how much the image darkens across it
    along its upper part; the best one is refined.

    Parameters
    ----------
    image, mask : reduced image and breast mask
    view : view position; only oblique and lateral views show the muscle as a rule
    pixel_mm : size of a reduced pixel, mm

    Returns
    -------
    (2, 2) end points (x, y) on the top edge and on the chest wall edge of ``frame``, reduced pixels,
    or None where no border is seen
    """
    if view not in ("MLO", "LMO", "ML", "LM", "SIO"):
        return None
    inside = image[frame.window]
    smooth = cv2.GaussianBlur(inside, (0, 0), SMOOTHING_MM / pixel_mm)
    across = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), dtype=np.float32)
    down = np.asarray(cv2.Sobel(smooth, cv2.CV_32F, 0, 1), dtype=np.float32)
    size = 2 * round(SKIN_GAP_MM / pixel_mm) + 1
    wall = cv2.copyMakeBorder(mask[frame.window].astype(np.uint8), size, size, size, 0, cv2.BORDER_REPLICATE)
    inner = cv2.erode(wall, np.ones((size, size), np.uint8))[size:-size, size:].astype(np.bool_)
    if not inner.any():
        return None
    typical = float(np.median(np.hypot(across, down)[inner]))
    if typical <= 0:
        return None

    tops = np.arange(TOP_MM[0], min(TOP_MM[1], inner.shape[1] * pixel_mm), STEP_MM[0])
    walls = np.arange(WALL_MM[0], min(WALL_MM[1], 1.2 * inner.shape[0] * pixel_mm), STEP_MM[1])
    grid = np.stack(np.meshgrid(tops, walls, indexing="ij"), axis=-1).reshape(-1, 2) / pixel_mm
    half = HALF_LENGTH_MM / pixel_mm
    best, score = _best(grid, across, down, inner, typical, half)
    for step in (STEP_MM[1] / 4, STEP_MM[1] / 16):
        offsets = np.arange(-2, 3) * step / pixel_mm
        near = best + np.stack(np.meshgrid(offsets, offsets, indexing="ij"), axis=-1).reshape(-1, 2)
        best, score = _best(near, across, down, inner, typical, half)
    if score < (SEEN_OBLIQUE if view in ("MLO", "LMO", "SIO") else SEEN_OTHER):
        return None
    return np.array([[frame.x0 + best[0], frame.y0], [frame.x0, frame.y0 + best[1]]], dtype=np.float64)


def _best(
    lines: NDArray[np.float64], across: Float, down: Float, inner: Mask, typical: float, half_length: float
) -> tuple[NDArray[np.float64], float]:
    """The line (top intercept, wall intercept) of the greatest darkening across it, and its mean."""
    slope = np.degrees(np.arctan2(lines[:, 1], lines[:, 0]))
    lines = lines[(slope > SLOPE_DEGREES[0]) & (slope < SLOPE_DEGREES[1]) & (lines > 0).all(axis=1)]
    if len(lines) == 0:
        return np.zeros(2), 0.0
    along = np.linspace(0.02, UPPER_SHARE, SAMPLES)
    x = lines[:, :1] * (1 - along)
    y = lines[:, 1:] * along
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    on = (column < inner.shape[1]) & (row < inner.shape[0])
    column, row = np.minimum(column, inner.shape[1] - 1), np.minimum(row, inner.shape[0] - 1)
    on &= inner[row, column]
    length = np.hypot(lines[:, 0], lines[:, 1])
    normal_x, normal_y = (lines[:, 1] / length)[:, None], (lines[:, 0] / length)[:, None]
    darkening = -(across[row, column] * normal_x + down[row, column] * normal_y) / typical
    # Points off the breast count as no edge, so a line must lie inside along its upper part.
    scores = np.where(on, np.clip(darkening, -CAP, CAP), 0.0).mean(axis=1)
    winner = int(np.argmax(scores * length / (length + half_length)))
    return lines[winner], float(scores[winner])
