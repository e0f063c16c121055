"""What is known about the breast in one view (canonical orientation, see :mod:`calcscope.exam.model`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask, Points


@dataclass(frozen=True)
class Foreign:
    """Something in the image that is not breast tissue and is left out of the search.

    Parameters
    ----------
    kind : ``label``, ``marker`` (skin BB), ``clip``, ``implant``, ``collimator``, ``scanner_line``,
        ``film_edge``
    outline : (n, 2) points, pixels
    x, y : centre, pixels
    extent_mm : greatest extent, mm
    """

    kind: str
    outline: Points
    x: float
    y: float
    extent_mm: float


STEPS = (1.0, 1.4, 2.1969)
"""Length of a step along a row or column, of a diagonal one and of a knight's move, pixels (G. Borgefors,
Computer Vision, Graphics, and Image Processing 34(3):344-371, 1986)."""


@dataclass(frozen=True)
class Breast:
    """The breast in one view.

    Parameters
    ----------
    mask : bool (rows, columns): breast and pectoral muscle, without background
    outline : (n, 2) skin line and chest wall as one closed polygon, pixels
    skin_line : (n, 2) the outer border only, from the top to the bottom of the image, pixels
    pectoral_line : (2, 2) end points of the muscle's straight border from the top edge to the chest
        wall edge, or None where no muscle is seen (CC as a rule)
    nipple : (x, y) or None where it cannot be found
    nipple_certainty : ``seen`` (in profile) or ``estimated`` (from the outline alone)
    search : bool (rows, columns): where calcifications are looked for (breast, axillary tail and
        muscle; without labels, markers, borders)
    foreign : what was left out and why
    pixel_mm : mm per pixel
    """

    mask: Mask
    outline: Points
    skin_line: Points
    pectoral_line: Points | None
    nipple: tuple[float, float] | None
    nipple_certainty: Literal["seen", "estimated"]
    search: Mask
    foreign: tuple[Foreign, ...]
    pixel_mm: float

    @cached_property
    def area_cm2(self) -> float:
        """Area of the breast without the pectoral muscle, cm²."""
        pixels = np.count_nonzero(self.mask) - np.count_nonzero(self.muscle)  # which is part of the mask
        return float(pixels) * (self.pixel_mm / 10) ** 2

    @cached_property
    def muscle(self) -> Mask:
        """bool (rows, columns): the pectoral muscle (all False where none is seen)."""
        if self.pectoral_line is None:
            return np.zeros_like(self.mask)
        (x0, y0), (x1, y1) = self.pectoral_line
        rows = np.arange(self.mask.shape[0])
        # Column of the border in each row; the muscle lies between it and the chest wall.
        edge = x0 + (rows - y0) * (x1 - x0) / max(y1 - y0, 1e-9)
        muscle = np.zeros_like(self.mask)
        for row, end in enumerate(np.clip(np.ceil(edge), 0, self.mask.shape[1]).astype(int)):
            muscle[row, :end] = self.mask[row, :end]
        return muscle

    @cached_property
    def skin_distance_mm(self) -> Float:
        """float32 (rows, columns): distance of each breast pixel to the skin line, mm (0 outside).

        The chest wall edge and the other edges of the film are not skin.
        """
        if len(self.skin_line) == 0:
            return np.zeros(self.mask.shape, dtype=np.float32)
        off_skin = np.ones(self.mask.shape, dtype=np.uint8)
        cv2.polylines(off_skin, [np.round(self.skin_line).astype(np.int32)], False, 0)
        distance = cv2.distanceTransform(off_skin, cv2.DIST_L2, cv2.DIST_MASK_5)
        return np.asarray(distance * self.pixel_mm * self.mask, dtype=np.float32)

    def skin_distances_mm(self, columns: NDArray[np.intp], rows: NDArray[np.intp]) -> Float:
        """:attr:`skin_distance_mm` at a few pixels, (n,) each: float32 (n,), without that of all others."""
        skin = self._skin_pixels
        if not len(skin):
            return np.zeros(len(columns), dtype=np.float32)
        away = np.abs(np.stack([columns, rows], axis=1)[:, None] - skin[None])
        near, far = away.min(axis=2), away.max(axis=2)
        # The distance in steps of a 5 x 5 mask, as cv2.distanceTransform has it.
        straight, diagonal, knight = STEPS
        steps = np.where(
            far >= 2 * near,
            near * knight + (far - 2 * near) * straight,
            (far - near) * knight + (2 * near - far) * diagonal,
        )
        return np.asarray(steps.min(axis=1) * self.pixel_mm * self.mask[rows, columns], dtype=np.float32)

    @cached_property
    def _skin_pixels(self) -> NDArray[np.intp]:
        """(n, 2) column, row of the pixels on the skin line."""
        if not len(self.skin_line):
            return np.zeros((0, 2), dtype=np.intp)
        drawn: NDArray[np.uint8] = np.zeros(self.mask.shape, dtype=np.uint8)
        cv2.polylines(drawn, [np.round(self.skin_line).astype(np.int32)], False, 1)
        rows, columns = np.divmod(np.flatnonzero(drawn.view(np.bool_)), self.mask.shape[1])
        return np.stack([columns, rows], axis=1)
