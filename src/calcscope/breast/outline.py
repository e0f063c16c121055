"""The exposed part of the film and the outline of the breast, on a reduced image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask

# A border row or column belongs to the film when at least this much of it differs from the constant
# that padding and masking leave behind.
FRAME_FILL = 0.02
# Background is everything within this share of the range from background to breast above the mode.
BACKGROUND_SHARE = 0.05


def frame(image: Float) -> tuple[int, int, int, int]:
    """Exposed part of the image as (x0, y0, x1, y1), half open, pixels: without constant borders."""
    low = image > image.min() + 1e-3
    columns = np.flatnonzero(low.mean(axis=0) > FRAME_FILL)
    rows = np.flatnonzero(low.mean(axis=1) > FRAME_FILL)
    if len(columns) == 0 or len(rows) == 0:
        return 0, 0, image.shape[1], image.shape[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def breast_mask(image: Float, box: tuple[int, int, int, int]) -> Mask:
    """bool (rows, columns): the largest bright region touching the chest wall edge of ``box``."""
    x0, y0, x1, y1 = box
    inside = cv2.GaussianBlur(image[y0:y1, x0:x1], (0, 0), 1.0)
    values = inside[inside > image.min() + 1e-3]
    counts, edges = np.histogram(values, bins=256)
    mode = int(np.argmax(counts[:128]))
    background = float(edges[mode + 1])
    bright = float(np.percentile(values, 95))
    above = np.asarray(inside > background + BACKGROUND_SHARE * (bright - background), dtype=np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    above = np.asarray(cv2.morphologyEx(above, cv2.MORPH_OPEN, disc), dtype=np.uint8)
    result = np.zeros(image.shape, dtype=np.bool_)
    result[y0:y1, x0:x1] = _largest_at_chest_wall(above)
    return result


def _largest_at_chest_wall(above: NDArray[np.uint8]) -> Mask:
    """The component with most pixels among those touching the left edge, holes filled."""
    count, labels = cv2.connectedComponents(above, connectivity=4)
    touching = np.unique(labels[:, :3])
    sizes = np.bincount(labels.ravel(), minlength=count)
    touching = touching[touching > 0]
    if len(touching) == 0:
        return np.zeros(above.shape, dtype=np.bool_)
    chosen = np.asarray(labels == touching[np.argmax(sizes[touching])], dtype=np.uint8)
    contours, _ = cv2.findContours(chosen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(chosen, contours, -1, 1, cv2.FILLED)
    return chosen.astype(np.bool_)
