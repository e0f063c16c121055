"""Find the breast in a view."""

from __future__ import annotations

import cv2
import numpy as np

from calcscope.breast import outline
from calcscope.breast.model import Breast
from calcscope.exam.model import Mammogram, Mask

# The anatomy is looked for at this pixel size, mm: fine enough for a skin line good to half a
# millimetre, coarse enough to cost little.
WORK_MM = 0.5
# Specks this near the edge of the exposed field are not looked for, mm: borders ring.
BORDER_MM = 1.0


def locate_breast(mammogram: Mammogram) -> Breast:
    """Outline, pectoral muscle, nipple, foreign objects and search mask of one view.

    Parameters
    ----------
    mammogram : canonical orientation (chest wall left)
    """
    pixels = mammogram.pixels
    rows, columns = pixels.shape
    scale = min(1.0, mammogram.pixel_mm / WORK_MM)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
    small_mm = mammogram.pixel_mm * rows / size[1]
    frame = outline.find_frame(small, small_mm)
    small_mask = outline.breast_mask(small, frame, small_mm)
    mask = _enlarge(small_mask, (rows, columns)) & mammogram.valid

    margin = max(1, round(BORDER_MM / small_mm))
    inner = np.zeros_like(small_mask)
    inner[frame.y0 + margin : frame.y1 - margin, frame.x0 + margin : frame.x1 - margin] = True
    search = mask & _enlarge(inner, (rows, columns))

    factor = np.array([columns / size[0], rows / size[1]])
    polygon, skin = outline.skin_line(small_mask, frame)
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
    """A reduced mask at the full shape (rows, columns), its border smooth."""
    full = cv2.resize(mask.astype(np.uint8) * 255, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full > 127, dtype=np.bool_)
