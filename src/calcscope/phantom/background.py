"""Simulated calcifications set into real normal mammograms.

Of a real image neither the exposure nor the processing is known, so three things are estimated from it: the
noise around each place, how far it is blurred (from the noise itself: blurred noise differs less between
neighbours than between pixels further apart), and how much grey a unit of attenuation makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.breast.model import Breast
from calcscope.exam.model import Float, Mammogram
from calcscope.phantom.materials import attenuation
from calcscope.phantom.model import Patch, Random, SpeckTruth
from calcscope.phantom.optics import Structure, frequencies, ideal_snr, structure_of
from calcscope.phantom.physics import taken
from calcscope.specks.judge import breast_grey_range
from calcscope.specks.saliency import local_noise, quantisation_step

ENERGY_KEV = 20.0
LOG_RANGE = (0.7, 1.4)
"""Span of -ln(exposure) that the breast's range of grey shows: an assumption. Fat to dense tissue over
4 to 6 cm spans 0.6 to 1.0; what is left of the rim and the processing's enhancement of detail change it."""
SYSTEM_BLUR_MM = (0.02, 0.06)
"""Gaussian sigma of detector or screen and scanner beyond what the noise itself shows: the quanta's noise is
blurred less than the signal, grain not at all."""
NOISE_FLOOR = 0.05
"""Least noise power at any frequency, of the mean: files hold rounding and aliased noise at all of them."""
MARGIN_MM = 0.8
NOISE_STEPS = (1, 3)
"""Pixels between the differences whose ratio tells the noise's blur."""
BLURS = np.linspace(0.0, 2.0, 41)
"""Gaussian sigmas in pixels among which the noise's blur is looked for."""


@dataclass(frozen=True)
class Host:
    """What was estimated of an image that specks are set into; made once for each image.

    Parameters
    ----------
    noise : float32 (rows, columns): standard deviation of its pixels, engine units (float or coarser)
    noise_blur : Gaussian sigma of the noise's correlation, pixels
    grey_per_log : engine units for each unit of ``-ln(exposure)``
    blur_mm : Gaussian sigma that specks are blurred by
    structure : of its tissue
    """

    noise: Float
    noise_blur: float
    grey_per_log: float
    blur_mm: float
    pixel_mm: float
    structure: Structure


def host_of(mammogram: Mammogram, breast: Breast, random: Random) -> Host:
    """Estimate what specks set into an image need."""
    pixels, pixel_mm = mammogram.pixels, mammogram.pixel_mm
    floor = max(quantisation_step(pixels) / np.sqrt(12), 1e-6)
    noise = local_noise(pixels, breast.search, pixel_mm, floor)
    blur = noise_blur(pixels, breast.search)
    per_log = breast_grey_range(mammogram, breast) / float(random.uniform(*LOG_RANGE))
    blur_mm = float(np.hypot(random.uniform(*SYSTEM_BLUR_MM), blur * pixel_mm))
    typical = float(np.median(noise[breast.search])) if breast.search.any() else 0.0
    structure = structure_of(pixels, breast.mask, pixel_mm, typical)
    return Host(noise, blur, per_log, blur_mm, pixel_mm, structure)


def set_in(
    mammogram: Mammogram, breast: Breast, specks: Sequence[Patch], random: Random
) -> tuple[Mammogram, list[SpeckTruth]]:
    """A real normal mammogram with specks set in.

    Parameters
    ----------
    specks : solid calcium; ``x``, ``y`` in mm from the outer corner of pixel (0, 0) of the canonical image
    random : draws contrast and blur within what is not known

    Returns
    -------
    The mammogram, and the truth of each speck in their order (an SNR of 0 for those outside the image)
    """
    host = host_of(mammogram, breast, random)
    pixels, truth = set_into(mammogram.pixels, host, specks)
    # A scan of few bits stays one.
    step = quantisation_step(mammogram.pixels)
    if step > 1e-4:
        pixels = np.asarray(np.rint(pixels / np.float32(step)) * np.float32(step), dtype=np.float32)
    return replace(mammogram, pixels=pixels), truth


def set_into(pixels: Float, host: Host, specks: Sequence[Patch]) -> tuple[Float, list[SpeckTruth]]:
    """The work of :func:`set_in` on arrays, for a host that was looked at before.

    What a pixel gains is ``-ln`` of the share of quanta that the blurred speck lets through, in grey; the
    image saturates at 1 as films and displays do.
    """
    out = pixels.copy()
    per_mm = attenuation("hydroxyapatite", ENERGY_KEV) - attenuation("gland", ENERGY_KEV)
    truth = []
    for index, patch in enumerate(specks):
        window, template = _template(patch, per_mm, out.shape, host)
        thickest = float(patch.thickness_mm.max(initial=0))
        snr = 0.0
        if template.size:
            out[window] += template
            snr = _snr(template, window, host, (patch.x, patch.y))
        truth.append(
            SpeckTruth(
                index,
                patch.x / host.pixel_mm - 0.5,
                patch.y / host.pixel_mm - 0.5,
                _extent_mm(patch),
                float(-np.expm1(-per_mm * thickest)),
                snr,
            )
        )
    return np.minimum(out, 1.0), truth


def noise_blur(pixels: Float, inside: NDArray[np.bool_]) -> float:
    """Gaussian sigma, pixels, of the correlation of an image's noise; 0 for white noise.

    The mixed second difference at one and at three pixels' distance has, for noise of autocorrelation
    ``exp(-d^2 / (4 s^2))``, variances in the ratio ``((1 - r(1)) / (1 - r(3)))^2``;
    medians keep structure out.
    """
    spreads = []
    for step in NOISE_STEPS:
        across = pixels[:, step:] - pixels[:, :-step]
        mixed = across[step:] - across[:-step]
        spreads.append(float(np.median(np.abs(mixed[inside[step:, step:]]))) if inside.any() else 1.0)
    ratio = (spreads[0] / max(spreads[1], 1e-12)) ** 2

    def correlation(distance: int) -> NDArray[np.float64]:
        return np.asarray(np.exp(-(distance**2) / (4 * np.maximum(BLURS, 1e-3) ** 2)))

    expected = ((1 - correlation(NOISE_STEPS[0])) / (1 - correlation(NOISE_STEPS[1]))) ** 2
    return float(BLURS[np.argmin(np.abs(expected - ratio))])


def _template(
    patch: Patch, per_mm: float, shape: tuple[int, ...], host: Host
) -> tuple[tuple[slice, slice], Float]:
    margin = round(MARGIN_MM / host.pixel_mm)
    window, share = taken(patch, per_mm, shape, np.zeros(2), host.pixel_mm, margin)
    if not share.size:
        return window, share
    sigma = host.blur_mm / host.pixel_mm
    blurred = cv2.GaussianBlur(share, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT) if sigma > 0.1 else share
    grey = -np.log1p(-np.clip(blurred, 0, 0.99)) * np.float32(host.grey_per_log)
    return window, np.asarray(grey, dtype=np.float32)


def _snr(template: Float, window: tuple[slice, slice], host: Host, at: tuple[float, float]) -> float:
    """Ideal SNR in noise of the local level and the host's correlation, and in its texture."""
    squared = frequencies(template.shape, host.pixel_mm)
    shape = np.exp(-4 * (np.pi * host.noise_blur * host.pixel_mm) ** 2 * squared)
    # local_noise measures through second differences both ways: their gain at each frequency.
    fy = np.fft.fftfreq(template.shape[0])[:, None]
    fx = np.fft.rfftfreq(template.shape[1])[None, :]
    gain = ((2 - 2 * np.cos(2 * np.pi * fy)) * (2 - 2 * np.cos(2 * np.pi * fx)) / 6) ** 2
    shape = np.maximum(shape, NOISE_FLOOR * shape.mean())
    measured = float((shape * gain).mean())
    sigma = float(host.noise[window].mean())
    texture = host.structure.spectrum(*at, squared, host.pixel_mm)
    return ideal_snr(template, shape * sigma**2 / measured + texture)


def _extent_mm(patch: Patch) -> float:
    """Greatest side of the box around the calcium."""
    rows, columns = np.nonzero(patch.thickness_mm > 0)
    if not len(rows):
        return 0.0
    return float(max(np.ptp(rows), np.ptp(columns)) + 1) * patch.step_mm
