"""Bright ridges of a view: where a calcified vessel, but also a fibre or a fold, runs.

A ridge is bright along a line and falls off to both sides, so that the second derivative across it is
strongly negative while that along it is small (after T. Lindeberg, Int J Comput Vis 1998;30(2):117-154;
here with the plain scale-normalised difference of the two). Over a bar of width w the response is
greatest at the scale w / 2, which is how wide the ridge is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from calcscope.breast.model import Breast
from calcscope.exam.model import Float, Mammogram, Mask, Points
from calcscope.exam.quantiles import percentile

GRID_MM = 0.15
"""Ridges are looked for on pixels of about this size: a cast of a duct still has a few across."""
SCALES_MM = (0.15, 0.25, 0.4, 0.6, 0.9)
"""Scales: half widths, from a thin cast of a duct to a large artery of the breast."""
SEEN_AT = slice(1, 4)
"""Scales at which a ridge is seen: the finest shows noise too and the coarsest lobules. They tell widths."""
WINDOW_MM = 15.0
"""The response is measured in units of its mean in a window of this width, the tissue's own."""
MOST_COUNTED = 95.0
"""Percentile above which responses count no more in that mean, so that a ridge does not hide itself."""
STANDS_OUT, GOES_ON = 5.0, 3.0
"""Response at which a ridge is seen, and down to which it is followed."""
FINEST_BLUR = 0.5
"""Pixels: a Gaussian narrower than this is none on a grid."""


@dataclass(frozen=True)
class Ridges:
    """Middle lines of the ridges of a view.

    Parameters
    ----------
    xy_mm : (n, 2) points one grid step apart, mm from the corner of the canonical image
    ridge : (n,) number of the ridge each point lies on; those that touch are one
    response : (n, len(SCALES_MM)) response at each scale
    step_mm : grid step
    """

    xy_mm: Points
    ridge: NDArray[np.intp]
    response: NDArray[np.float64]
    step_mm: float


def find_ridges(mammogram: Mammogram, breast: Breast, near_mm: Points | None = None) -> Ridges:
    """Ridges of the part of a view in which calcifications are looked for.

    Parameters
    ----------
    near_mm : (n, 2) points, mm: only the box around them and ``WINDOW_MM`` more is searched
    """
    factor = max(1, round(GRID_MM / mammogram.pixel_mm))
    step = mammogram.pixel_mm * factor
    rows, columns = (_span(mammogram, near_mm, axis, factor) for axis in (1, 0))
    size = ((columns.stop - columns.start) // factor, (rows.stop - rows.start) // factor)
    pixels = cv2.resize(mammogram.pixels[rows, columns], size, interpolation=cv2.INTER_AREA)
    shown = breast.search[rows, columns].astype(np.uint8)
    search = cv2.resize(shown, size, interpolation=cv2.INTER_NEAREST) > 0
    response = np.stack([_response(np.asarray(pixels, np.float32), scale / step) for scale in SCALES_MM])
    best = response[SEEN_AT].max(axis=0)
    seen = np.where(search, best / _of_tissue(best, search, step), 0)
    _, label = cv2.connectedComponents((seen >= GOES_ON).astype(np.uint8), connectivity=8)
    kept = np.unique(label[seen >= STANDS_OUT])
    y, x = np.nonzero(skeletonize(np.isin(label, kept[kept > 0])))  # type: ignore[no-untyped-call]
    corner = np.array([columns.start, rows.start]) - 0.5  # of the first pixel, whose centre is a whole number
    return Ridges(
        xy_mm=np.asarray(
            (np.stack([x, y], axis=1) + 0.5) * step + corner * mammogram.pixel_mm, dtype=np.float64
        ),
        ridge=label[y, x].astype(np.intp),
        response=response[:, y, x].T.astype(np.float64),
        step_mm=step,
    )


def _span(mammogram: Mammogram, near_mm: Points | None, axis: int, factor: int) -> slice:
    """Rows (axis 1) or columns (axis 0) around the points, a whole number of grid steps."""
    size = mammogram.pixels.shape[1 - axis] // factor * factor
    if near_mm is None:
        return slice(0, size)
    low = (near_mm[:, axis].min() - WINDOW_MM) / mammogram.pixel_mm
    high = (near_mm[:, axis].max() + WINDOW_MM) / mammogram.pixel_mm
    start = min(max(int(low) // factor * factor, 0), max(size - factor, 0))
    return slice(start, min(max(-(-int(high) // factor) * factor, start + factor), size))


def _response(pixels: Float, sigma: float) -> Float:
    """Curvature across less curvature along, 0 where not bright across; scale normalised; sigma in pixels."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), max(sigma, FINEST_BLUR))
    # A quarter of the 3 x 3 Sobel kernels is the derivative of second order per pixel².
    xx, yy, xy = (cv2.Sobel(smooth, cv2.CV_32F, *order, scale=0.25) for order in ((2, 0), (0, 2), (1, 1)))
    mean, half_difference = (xx + yy) / 2, cv2.magnitude((xx - yy) / 2, xy)
    across, along = mean - half_difference, mean + half_difference
    return np.asarray(np.maximum(-across - np.abs(along), 0) * sigma**2)


def _of_tissue(response: Float, search: Mask, step_mm: float) -> Float:
    """Mean response of the tissue around each pixel."""
    if not search.any():
        return np.ones_like(response)
    capped = np.minimum(response, np.float32(percentile(response[search], MOST_COUNTED))) * search
    window = (2 * round(WINDOW_MM / step_mm / 2) + 1,) * 2
    share = cv2.blur(search.astype(np.float32), window)
    return np.asarray(np.maximum(cv2.blur(capped, window), 1e-9) / np.maximum(share, 1e-3))
