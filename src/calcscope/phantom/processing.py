"""From raw exposure to the picture that a reader is shown, as makers of digital mammography do it.

The four makers are invented. Each step is one that vendors describe: logarithm, equalisation of the thinner
rim, contrast by scale (a pyramid of differences of Gaussians), suppression of grain, and a tone curve or a
sigmoid VOI LUT. ``A`` and ``B`` are for training, ``C`` and ``D`` are held out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from calcscope.exam.model import Float, Mask
from calcscope.phantom.fields import power_law
from calcscope.phantom.model import Random
from calcscope.phantom.physics import Exposure

BITS = 12
WHITEST = 2**BITS - 1
SCALES_MM = (0.06, 0.12, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Gaussian sigmas between which the bands of contrast lie."""
RIM_MM = 1.5
"""Gaussian sigma over which rim equalisation smooths the profile of the rim."""
RIM_STEP_MM = 0.5
RIM_REACH_MM = 35.0
"""How far from the outline the rim is evened out."""
NIPPLE_MM = 26.0
"""Narrower than this is what sticks out of the outline."""
RIM_PERCENTILE = 30
"""Of the tissue that lies equally far from the outline: fat."""
AIR = 0.25
"""Optical depth under which a pixel is air: that of a few mm of tissue."""
CLOSING_MM = 3.0
DENSEST, THINNEST = 99.8, 1.0
"""Percentiles of the breast that the tone curve lays to white and to black."""
RIND_MM = 12.0
"""Left out of those percentiles: the rim is darker than any tissue."""


@dataclass(frozen=True)
class Maker:
    """How one (invented) maker processes.

    Parameters
    ----------
    rim : share of the thickness lost at the rim that is made up
    gains : of each band of :data:`SCALES_MM`, finest first
    coring : band amplitudes under this multiple of the grain in the finest two bands are held down
    limit : amplitude of optical depth at which a band's gain falls to half (edges are not overdone)
    gamma : of the tone curve, after black and white are set
    black, white : shares of the 12 bits for the thinnest and the densest tissue
    sigmoid : the tone curve is left to the display, as a sigmoid VOI LUT
    inverted : stored as MONOCHROME1
    """

    rim: float
    gains: tuple[float, ...]
    coring: float
    limit: float
    gamma: float
    black: float
    white: float
    sigmoid: bool
    inverted: bool


MAKERS: dict[str, Maker] = {
    # A: even contrast, plain window.
    "A": Maker(0.74, (1.0, 1.5, 1.9, 2.0, 1.9, 1.8), 0.0, 0.8, 1.0, 0.10, 0.80, False, False),
    # B: crisp, with a sigmoid left to the display.
    "B": Maker(0.70, (1.5, 2.0, 2.2, 2.1, 1.7, 1.4), 0.0, 0.5, 1.0, 0.25, 0.72, True, False),
    # C: flat and bright, grain held down, stored inverted.
    "C": Maker(0.85, (0.8, 1.4, 2.0, 2.2, 2.1, 1.8), 0.8, 0.4, 0.85, 0.15, 0.85, False, True),
    # D: film-like: dark rim, hard contrast, little enhancement.
    "D": Maker(0.50, (0.8, 1.0, 1.2, 1.4, 1.5, 1.5), 0.0, 1.5, 1.35, 0.05, 0.90, False, False),
}


@dataclass(frozen=True)
class Presentation:
    """A picture for display (For Presentation), 12 bits.

    Parameters
    ----------
    pixels : uint16 (rows, columns), 0 to 4095
    photometric : ``MONOCHROME2`` (larger is whiter) or ``MONOCHROME1``
    center, width : of the window
    function : of the window, ``LINEAR`` or ``SIGMOID``
    """

    pixels: NDArray[np.uint16]
    photometric: Literal["MONOCHROME1", "MONOCHROME2"]
    center: float
    width: float
    function: Literal["LINEAR", "SIGMOID"]


def process(exposure: Exposure, maker: str, random: Random) -> Presentation:
    """Process a view.

    Parameters
    ----------
    maker : a key of :data:`MAKERS`
    random : draws how sites set the maker's contrast and window

    Raises
    ------
    KeyError : for an unknown maker
    """
    how = MAKERS[maker]
    depth, breast = optical_depth(exposure)
    pixel_mm = exposure.pixel_mm
    even = _even_rim(depth, breast, pixel_mm, how.rim, random)
    strength = float(random.uniform(0.85, 1.15))
    image = _by_scale(even, breast, pixel_mm, how, strength)
    inside = image[::4, ::4][_core(breast[::4, ::4], 4 * pixel_mm)]
    low, high = np.percentile(inside, [THINNEST, DENSEST]) if len(inside) else (0.0, 1.0)
    share = (image - np.float32(low)) / np.float32(max(high - low, 1e-3))
    slope = np.float32(how.white - how.black)
    grey = np.float32(how.black) + slope * np.maximum(share, 0) ** np.float32(how.gamma)
    # Below black a toe of the same slope, long enough for the rim and the nipple to keep their shades.
    grey /= 1 - np.minimum(share, 0) * (slope / np.float32(how.black))
    # Tissue is never quite black, air is: the outline stays what the display shows it to be.
    edge = np.asarray(np.clip(depth / AIR, 0, 1), dtype=np.float32)
    stored = np.clip(grey * edge, 0, 1) * WHITEST
    pixels = np.rint(stored).astype(np.uint16)
    center = WHITEST * (how.black + how.white) / 2 * float(random.uniform(0.97, 1.03))
    width = (
        WHITEST * (how.white - how.black) * float(random.uniform(1.0, 1.15)) * (1.0 if how.sigmoid else 1.1)
    )
    if how.inverted:
        pixels, center = WHITEST - pixels, WHITEST - center
    return Presentation(
        np.asarray(pixels, dtype=np.uint16),
        "MONOCHROME1" if how.inverted else "MONOCHROME2",
        round(center),
        round(width),
        "SIGMOID" if how.sigmoid else "LINEAR",
    )


def _core(breast: Mask, pixel_mm: float) -> Mask:
    """The breast without its rim; all of it where nothing else is left."""
    core = cv2.distanceTransform(breast.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) > RIND_MM / pixel_mm
    return np.asarray(core if core.any() else breast)


def optical_depth(exposure: Exposure) -> tuple[Float, Mask]:
    """``-ln`` of the quanta over those in air, float32, and which pixels are breast, bool."""
    least = np.float32(max(exposure.open_quanta * 1e-5, 1.0))
    depth = -np.log(np.maximum(exposure.signal, least) / np.float32(exposure.open_quanta))
    smooth = cv2.GaussianBlur(depth, (0, 0), max(0.3 / exposure.pixel_mm, 1))
    reach = max(3, round(CLOSING_MM / exposure.pixel_mm)) | 1
    # What is thinner than this (labels, dust) is no breast.
    breast = cv2.morphologyEx(
        (smooth > AIR).astype(np.uint8),
        cv2.MORPH_OPEN,
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)),
    )
    return np.asarray(np.maximum(depth, 0), dtype=np.float32), np.asarray(breast > 0)


def _even_rim(depth: Float, breast: Mask, pixel_mm: float, share: float, random: Random) -> Float:
    """Add to the thin rim what it lacks of the inner breast, by the distance from the outline.

    What is common to all places that lie equally deep is thickness, what differs is tissue; the skin's line
    is narrower than the smoothing and stays.
    """
    size = tuple(max(8, round(side * pixel_mm / RIM_STEP_MM)) for side in depth.shape)
    inside = np.asarray(cv2.resize(breast.astype(np.uint8), size[::-1], interpolation=cv2.INTER_AREA))
    coarse = cv2.resize(depth * breast, size[::-1], interpolation=cv2.INTER_AREA)
    # The nipple is no part of the outline: what sticks out is taken for the outermost rim.
    small = cv2.resize(inside, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST)
    broad = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(NIPPLE_MM / RIM_STEP_MM / 2) | 1,) * 2)
    rounded = cv2.morphologyEx(small, cv2.MORPH_OPEN, broad).astype(np.float32)
    body = inside * (cv2.resize(rounded, size[::-1], interpolation=cv2.INTER_LINEAR) > 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(body, cv2.DIST_L2, cv2.DIST_MASK_5) * np.float32(RIM_STEP_MM)
    ring = np.minimum(distance / RIM_STEP_MM, RIM_REACH_MM / RIM_STEP_MM).astype(int)
    rings = ring.max() + 1
    if rings < 4:
        return depth
    usual = np.array([np.percentile(coarse[ring == n], RIM_PERCENTILE) for n in range(rings)])
    usual[0] = usual[1]
    usual = np.maximum.accumulate(gaussian_filter1d(usual, RIM_MM / RIM_STEP_MM, mode="nearest"))
    # No device evens out every stretch of the rim alike.
    uneven = 1 + 0.1 * power_law((256, 256), 1.0, random, longest_mm=120, shortest_mm=30)
    waves = cv2.resize(uneven, size[::-1], interpolation=cv2.INTER_LINEAR)
    lacking = (usual[-1] - usual)[ring] * share * waves
    lacking = cv2.GaussianBlur(lacking.astype(np.float32), (0, 0), RIM_MM / RIM_STEP_MM)
    return np.asarray(depth + cv2.resize(lacking, depth.shape[::-1]) * breast, dtype=np.float32)


def _by_scale(image: Float, breast: Mask, pixel_mm: float, how: Maker, strength: float) -> Float:
    """The image with each band of scale at the maker's gain."""
    out, finer = image.copy(), image
    for index, (sigma_mm, gain) in enumerate(zip(SCALES_MM[1:], how.gains, strict=True)):
        smooth = _smooth(image, sigma_mm / pixel_mm)
        band = finer - smooth
        finer = smooth
        extra = np.float32((gain - 1) * strength)
        # Air and the skin's step would be overdone: large amplitudes get less.
        factor = extra / (1 + np.abs(band) / np.float32(how.limit))
        if how.coring and index < 2:
            grain = (
                1.4826 * float(np.median(np.abs(band[::3, ::3][breast[::3, ::3]]))) if breast.any() else 0.0
            )
            factor -= np.float32(0.5) * np.exp(-((band / np.float32(how.coring * grain + 1e-6)) ** 2))
        out += factor * band
    return out


def _smooth(image: Float, sigma: float) -> Float:
    """Gaussian blur; wide ones on a reduced image, where nothing is lost."""
    step = max(1, int(sigma / 3))
    if step == 1:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.float32)
    size = (max(1, image.shape[1] // step), max(1, image.shape[0] // step))
    small = cv2.GaussianBlur(cv2.resize(image, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / step)
    return np.asarray(cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_LINEAR), dtype=np.float32)
