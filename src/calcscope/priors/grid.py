"""A view on a coarse grid, as registration looks at it: the tissue's pattern, whatever the processing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calcscope.breast.model import Breast
from calcscope.exam.model import Float, Mammogram, Mask, Points

GRID_MM = 1.0
"""Pixel of the grid: strands and lobules are a few pixels wide, and a view is a small image."""
PATTERN_MM, DETAIL_MM = 8.0, 4.0
"""Gaussian sigma of the surroundings against which a place is bright or dark; and of nearer ones, which leave
less of what all breasts share: a bright disc of gland in darker fat."""
SMOOTH = 0.8
"""Gaussian sigma of what is compared, pixels of the grid: finer detail is noise or calcium."""
CLIPPED = 3.0
"""Deviations beyond which nothing counts: a marker or a vein does not outweigh the tissue."""
FLATTEST = 20
"""Percentile of the local deviation below which a place counts as flat and is not blown up."""
RIM_MM = 8.0
"""Over which the pattern rises from nothing at the border: the rim looks alike in all breasts."""


@dataclass(frozen=True)
class Gridded:
    """A view on the grid (canonical orientation).

    Parameters
    ----------
    pattern : float32 (rows, columns): brightness over that of the surroundings, in local standard deviations,
        0 outside the breast and weaker at its rim
    detail : the same against nearer surroundings
    mask : bool (rows, columns): the breast with the muscle
    skin_line : (n, 2) x, y on the grid, ``(0, 2)`` where no skin is seen
    nipple : (2,) on the grid, None where it was not seen in profile
    pixel_mm : of the image it was made from
    """

    pattern: Float
    detail: Float
    mask: Mask
    skin_line: Points
    nipple: Points | None
    pixel_mm: float

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        rows, columns = self.mask.shape
        return rows, columns

    def turned_over(self) -> Gridded:
        """The view with top and bottom exchanged."""
        last = self.mask.shape[0] - 1

        def over(points: Points) -> Points:
            return np.stack([points[..., 0], last - points[..., 1]], axis=-1)

        return Gridded(
            np.ascontiguousarray(self.pattern[::-1]),
            np.ascontiguousarray(self.detail[::-1]),
            self.mask[::-1].copy(),
            over(self.skin_line)[::-1],
            None if self.nipple is None else over(self.nipple),
            self.pixel_mm,
        )


def gridded(mammogram: Mammogram, breast: Breast) -> Gridded:
    """A view on the grid."""
    step = GRID_MM / mammogram.pixel_mm
    rows, columns = (max(1, round(size / step)) for size in mammogram.pixels.shape)
    grey: Float = np.asarray(
        cv2.resize(mammogram.pixels, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32
    )
    share = cv2.resize(breast.mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    mask = np.asarray(share) > 0.5
    nipple = None
    if breast.nipple is not None and breast.nipple_certainty == "seen":
        nipple = to_grid(np.array(breast.nipple), mammogram.pixel_mm)
    return Gridded(
        pattern_of(grey, mask, PATTERN_MM),
        pattern_of(grey, mask, DETAIL_MM),
        mask,
        to_grid(np.asarray(breast.skin_line, dtype=np.float64).reshape(-1, 2), mammogram.pixel_mm),
        nipple,
        mammogram.pixel_mm,
    )


def pattern_of(grey: Float, mask: Mask, around_mm: float) -> Float:
    """Brightness over that of the surroundings inside the mask, in local standard deviations."""
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.float32)
    weight = mask.astype(np.float32)
    sigma = around_mm / GRID_MM
    total: Float = np.maximum(np.asarray(cv2.GaussianBlur(weight, (0, 0), sigma)), np.float32(1e-3))

    def mean(values: Float) -> Float:
        return np.asarray(cv2.GaussianBlur(values * weight, (0, 0), sigma) / total, dtype=np.float32)

    above = grey - mean(grey)
    deviation = np.sqrt(mean(above**2))
    deviation = np.maximum(deviation, max(float(np.percentile(deviation[mask], FLATTEST)), 1e-6))
    pattern = np.clip(np.where(mask, above / deviation, 0), -CLIPPED, CLIPPED).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(pattern, (0, 0), SMOOTH)) * _faded(mask)


def _faded(mask: Mask) -> Float:
    """1 inside the breast, falling to 0 at its border; the borders of the image are none."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(np.clip(np.asarray(inside) / (RIM_MM / GRID_MM), 0, 1), dtype=np.float32)


def to_grid(points: Points, pixel_mm: float) -> Points:
    """Points of a view, (…, 2) pixels, on the grid."""
    return np.asarray((points + 0.5) * pixel_mm / GRID_MM - 0.5)


def from_grid(points: Points, pixel_mm: float) -> Points:
    """The way back."""
    return np.asarray((points + 0.5) * GRID_MM / pixel_mm - 0.5)
