"""Find the breast in a view."""

from __future__ import annotations

import cv2
import numpy as np

from calcscope.breast import outline
from calcscope.breast.model import Breast
from calcscope.exam.model import Mammogram, Mask, Points

# The anatomy is looked for at this pixel size, mm: fine enough for a skin line good to half a
# millimetre, coarse enough to cost little.
WORK_MM = 0.5
# Specks this near the edge of the exposed field are not looked for, mm: borders ring.
BORDER_MM = 1.0


def locate_breast(mammogram: Mammogram) -> Breast:
    """Outline, nipple and search mask of one view.

    Parameters
    ----------
    mammogram : canonical orientation (chest wall left)
    """
    pixels = mammogram.pixels
    scale = min(1.0, mammogram.pixel_mm / WORK_MM)
    rows, columns = pixels.shape
    small_shape = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    small = np.asarray(cv2.resize(pixels, small_shape, interpolation=cv2.INTER_AREA), dtype=np.float32)
    box = outline.frame(small)
    small_mask = outline.breast_mask(small, box)
    mask = _enlarge(small_mask, (rows, columns)) & mammogram.valid

    margin = max(1, round(BORDER_MM / (mammogram.pixel_mm / scale)))
    x0, y0, x1, y1 = box
    inner = np.zeros_like(small_mask)
    inner[y0 + margin : y1 - margin, x0 + margin : x1 - margin] = True
    search = mask & _enlarge(inner, (rows, columns))

    factor = np.array([columns / small_shape[0], rows / small_shape[1]])
    polygon, skin = _polygon(small_mask, box)
    polygon = (polygon + 0.5) * factor - 0.5
    skin = (skin + 0.5) * factor - 0.5
    nipple = None
    if len(skin):
        tip = skin[int(np.argmax(skin[:, 0]))]
        nipple = (float(tip[0]), float(tip[1]))
    return Breast(
        mask=mask,
        outline=polygon,
        skin_line=skin,
        pectoral_line=None,
        nipple=nipple,
        nipple_certainty="estimated",
        search=search,
        foreign=(),
        pixel_mm=mammogram.pixel_mm,
    )


def _enlarge(mask: Mask, shape: tuple[int, int]) -> Mask:
    """A reduced mask at the full shape (rows, columns)."""
    full = cv2.resize(mask.astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(full, dtype=np.bool_)


def _polygon(mask: Mask, box: tuple[int, int, int, int]) -> tuple[Points, Points]:
    """Closed outline of a mask, and the part of it that is skin (top to bottom)."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return np.zeros((0, 2)), np.zeros((0, 2))
    polygon = np.asarray(max(contours, key=len)[:, 0, :], dtype=np.float64)
    x0, y0, _, y1 = box
    wall = (polygon[:, 0] <= x0 + 1) | (polygon[:, 1] <= y0) | (polygon[:, 1] >= y1 - 1)
    skin = polygon[~wall]
    if len(skin) == 0:
        return polygon, polygon
    start = int(np.flatnonzero(wall)[-1]) + 1 if wall.any() else 0
    ordered = np.roll(polygon, -start, axis=0)[: len(polygon)]
    kept = np.roll(~wall, -start)
    skin = ordered[kept]
    return polygon, skin if skin[0, 1] <= skin[-1, 1] else skin[::-1]
