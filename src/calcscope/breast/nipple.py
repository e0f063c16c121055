"""The nipple: where the skin line bulges, or the tissue behind it is dense, far from the chest wall."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from calcscope.breast.outline import Frame
from calcscope.exam.model import Float, Points

# The skin line is read at this smoothing, mm; a nipple stands out of the same line smoothed this much, mm.
SKIN_MM, BROAD_SKIN_MM = 1.5, 8.0
# Nipple and areola are dense at these depths under the skin, mm ...
DEPTHS_MM = (3.0, 5.0, 7.0)
# ... more than their surroundings at these smoothings along the skin, mm.
NEAR_MM, AROUND_MM = 2.0, 15.0
# What a millimetre of bulge and a natural-logarithm unit of density are worth, in mm of distance from the
# chest wall or muscle. Half or twice as much changes the median error on marked films by less than 1 mm.
BULGE_WORTH, DENSITY_WORTH = 8.0, 20.0
# The ends of the skin line are armpit and abdomen, mm.
ENDS_MM = 12.0
# A bulge this high, mm, is a nipple seen in profile.
SEEN_BULGE_MM = 1.0
# A metal ball this near the place found, mm, was put on the nipple.
BALL_MM = 15.0


def find_nipple(
    image: Float,
    skin: Points,
    pectoral: Points | None,
    balls: Points,
    frame: Frame,
    pixel_mm: float,
) -> tuple[tuple[float, float] | None, Literal["seen", "estimated"]]:
    """Place of the nipple on the skin line.

    Each point of the skin line is scored by its distance from the chest wall, by how far it bulges out and
    by how dense the tissue under it is.

    Parameters
    ----------
    image : reduced image
    skin : (n, 2) skin line from top to bottom, reduced pixels
    pectoral : (2, 2) border of the muscle, reduced pixels, or None
    balls : (k, 2) centres of metal balls on the skin, reduced pixels
    pixel_mm : size of a reduced pixel, mm
    """
    fine = _resampled(skin)
    ends = round(ENDS_MM / pixel_mm)
    if len(fine) < 4 * ends:
        return None, "estimated"
    line = _smoothed(fine, SKIN_MM / pixel_mm)
    broad = _smoothed(fine, BROAD_SKIN_MM / pixel_mm)
    along = np.gradient(broad, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    # The skin line runs downwards with the breast at its left, so this points out of the breast.
    outward = np.stack([along[:, 1], -along[:, 0]], axis=1)

    bulge = ((line - broad) * outward).sum(axis=1) * pixel_mm
    # Under a nipple that stands out there is air: thin tissue speaks for nothing.
    density = np.maximum(_density(image, line, outward, pixel_mm), 0)
    distance = _distance(line, pectoral, frame) * pixel_mm
    score = distance + BULGE_WORTH * bulge + DENSITY_WORTH * density
    score[:ends] = score[-ends:] = -np.inf
    place = int(np.argmax(score))
    x, y = line[place]
    if len(balls):
        offsets = np.hypot(balls[:, 0] - x, balls[:, 1] - y) * pixel_mm
        nearest = int(np.argmin(offsets))
        if offsets[nearest] <= BALL_MM:
            return (float(balls[nearest, 0]), float(balls[nearest, 1])), "seen"
    return (float(x), float(y)), "seen" if bulge[place] >= SEEN_BULGE_MM else "estimated"


def _resampled(skin: Points) -> Points:
    """The skin line at equal steps of one pixel."""
    if len(skin) < 2:
        return skin
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(skin, axis=0).T))])
    steps = np.arange(0.0, length[-1])
    return np.stack([np.interp(steps, length, skin[:, axis]) for axis in (0, 1)], axis=1)


def _smoothed(line: Points, sigma: float) -> Points:
    return np.stack([gaussian_filter1d(line[:, axis], sigma, mode="nearest") for axis in (0, 1)], axis=1)


def _density(image: Float, line: Points, outward: Points, pixel_mm: float) -> NDArray[np.float64]:
    """Logarithm of the brightness under the skin over that of its surroundings along the skin."""
    smooth = np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0 / pixel_mm), dtype=np.float32)
    under = np.zeros(len(line))
    for depth in DEPTHS_MM:
        at = (line - outward * depth / pixel_mm).astype(np.float32)
        under += cv2.remap(smooth, at[None, :, 0], at[None, :, 1], cv2.INTER_LINEAR)[0] / len(DEPTHS_MM)
    # The small constant keeps the dark of a digital background out of the logarithm.
    logarithm = np.log(np.maximum(under, 0) + 0.02 * float(smooth.max()) + 1e-9)
    near = gaussian_filter1d(logarithm, NEAR_MM / pixel_mm, mode="nearest")
    return np.asarray(near - gaussian_filter1d(logarithm, AROUND_MM / pixel_mm, mode="nearest"))


def _distance(line: Points, pectoral: Points | None, frame: Frame) -> NDArray[np.float64]:
    """Distance of each point from the chest wall, pixels.

    A breast points away from the muscle's border where it hangs, and away from the image's edge where it is
    held up. In oblique views it is measured half-way between the two: away from the border alone, the lower
    skin of a breast that is held up is taken for its tip.
    """
    if pectoral is None:
        return np.asarray(line[:, 0] - frame.x0)
    top, bottom = pectoral
    lean = np.arctan2(top[0] - bottom[0], bottom[1] - top[1]) / 2
    return np.asarray((line - bottom) @ np.array([np.cos(lean), np.sin(lean)]))
