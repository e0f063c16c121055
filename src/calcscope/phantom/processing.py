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

from calcscope.exam.model import Float, Mask
from calcscope.phantom.model import Random
from calcscope.phantom.physics import Exposure

BITS = 12
WHITEST = 2**BITS - 1
SCALES_MM = (0.06, 0.12, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Gaussian sigmas between which the bands of contrast lie."""
RIM_MM = 6.0
"""Gaussian sigma of the thickness that rim equalisation evens out."""
RIM_STEP_MM = 1.0
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
    "A": Maker(0.75, (1.0, 1.3, 1.4, 1.3, 1.2, 1.1), 0.0, 0.8, 1.0, 0.10, 0.80, False, False),
    # B: crisp, with a sigmoid left to the display.
    "B": Maker(0.60, (1.6, 2.2, 2.0, 1.6, 1.2, 1.0), 0.0, 0.5, 1.0, 0.25, 0.72, True, False),
    # C: flat and bright, grain held down, stored inverted.
    "C": Maker(0.92, (0.8, 1.4, 1.9, 1.9, 1.6, 1.3), 0.8, 0.4, 0.85, 0.15, 0.85, False, True),
    # D: film-like: dark rim, hard contrast, little enhancement.
    "D": Maker(0.40, (0.8, 1.0, 1.1, 1.1, 1.1, 1.1), 0.0, 1.5, 1.35, 0.05, 0.90, False, False),
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
    even = _even_rim(depth, breast, pixel_mm, how.rim)
    strength = float(random.uniform(0.85, 1.15))
    image = _by_scale(even, breast, pixel_mm, how, strength)
    inside = image[::4, ::4][_core(breast[::4, ::4], 4 * pixel_mm)]
    low, high = np.percentile(inside, [THINNEST, DENSEST]) if len(inside) else (0.0, 1.0)
    share = np.clip((image - np.float32(low)) / np.float32(max(high - low, 1e-3)), -how.black, None)
    share = np.sign(share) * np.abs(share) ** np.float32(how.gamma)
    grey = np.float32(how.black) + np.float32(how.white - how.black) * share
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
        (smooth > AIR).astype(np.uint8), cv2.MORPH_OPEN, np.ones((reach, reach), np.uint8)
    )
    return np.asarray(np.maximum(depth, 0), dtype=np.float32), np.asarray(breast > 0)


def _even_rim(depth: Float, breast: Mask, pixel_mm: float, share: float) -> Float:
    """Add to the thin rim what it lacks, over centimetres, of the median of the breast."""
    size = tuple(max(8, round(side * pixel_mm / RIM_STEP_MM)) for side in depth.shape)
    inside = cv2.resize(breast.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(depth * breast, size[::-1], interpolation=cv2.INTER_AREA)
    wide = RIM_MM / RIM_STEP_MM
    around = cv2.GaussianBlur(inside, (0, 0), wide) + np.float32(1e-3)
    # The mean over the breast's own pixels, sharpened to follow the rim: half wide, half narrow.
    mean = 0.5 * cv2.GaussianBlur(coarse, (0, 0), wide) / around
    mean += (
        0.5 * cv2.GaussianBlur(coarse, (0, 0), wide / 3) / (cv2.GaussianBlur(inside, (0, 0), wide / 3) + 1e-3)
    )
    level = float(np.median(mean[inside > 0.5])) if (inside > 0.5).any() else 0.0
    lacking = np.maximum(level - mean, 0) * share
    return np.asarray(
        depth + cv2.resize(lacking.astype(np.float32), depth.shape[::-1]) * breast, dtype=np.float32
    )


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
