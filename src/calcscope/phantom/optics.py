"""Blur and noise of a detector as functions of spatial frequency, and the ideal observer's SNR."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mask
from calcscope.phantom.fields import EXPONENT

PAD_MM = 4.0
"""Mirrored border for filtering by Fourier transform: beyond the reach of the widest tail of blur."""

STRUCTURE_BAND_MM = (0.4, 0.8)
"""Gaussian sigmas between which the strength of the tissue's texture is measured: coarser than specks and
noise, finer than the shadows of lobes."""
STRUCTURE_REACH_MM = 6.0
"""Gaussian sigma over which that is averaged."""
STRUCTURE_STEP_MM = 0.2


@dataclass(frozen=True)
class Blur:
    """Transfer of the converter and of the focal spot, without the pixel's aperture; mm in the breast.

    ``((1 - glare_share) + glare_share / (1 + (f/f1)^2)^1.5) * exp(-2 pi^2 spread_mm^2 f^2)`` with
    ``f1 = 1 / (2 pi glare_mm)``: a Gaussian core and an exponential-like tail; times the Gaussian of the
    focal spot, which blurs the signal but not the quanta's noise.
    """

    spread_mm: float
    glare_share: float
    glare_mm: float
    spot_mm: float

    def converter(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transfer of the converter at squared frequencies, per mm²."""
        tail = (1 + squared * (2 * np.pi * self.glare_mm) ** 2) ** -1.5
        core = np.exp(-2 * (np.pi * self.spread_mm) ** 2 * squared)
        return np.asarray(((1 - self.glare_share) + self.glare_share * tail) * core)

    def signal(self, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transfer of converter and focal spot at squared frequencies, per mm²."""
        return np.asarray(self.converter(squared) * np.exp(-2 * (np.pi * self.spot_mm) ** 2 * squared))


@dataclass(frozen=True)
class Noise:
    """Noise of a pixel that expects ``quanta``; the spectrum is in pixels' variance (mean over frequencies).

    Parameters
    ----------
    coloured : share of the quantum noise that is blurred by the converter; the rest is white (aliased)
    readout : standard deviation of the electronics, quanta
    structure : standard deviation of the gain from pixel to pixel
    """

    blur: Blur
    coloured: float
    readout: float
    structure: float

    def spectrum(self, quanta: float, squared: NDArray[np.float64]) -> NDArray[np.float64]:
        """Noise power, quanta² per pixel, at squared frequencies (per mm²)."""
        quantum = quanta * ((1 - self.coloured) + self.coloured * self.blur.converter(squared) ** 2)
        return np.asarray(quantum + self.readout**2 + (self.structure * quanta) ** 2)

    def draw(self, quanta: Float, pixel_mm: float, random: np.random.Generator) -> Float:
        """Noise, float32, for an image of expected quanta (rows, columns)."""
        amplitude = np.sqrt(np.maximum(quanta, 0))
        noise = random.standard_normal(quanta.shape, dtype=np.float32)
        if self.coloured > 0:
            coloured = filtered(noise, pixel_mm, self.blur.converter)
            white = random.standard_normal(quanta.shape, dtype=np.float32)
            noise = np.float32(np.sqrt(self.coloured)) * coloured
            noise += np.float32(np.sqrt(1 - self.coloured)) * white
        noise *= amplitude
        flat = np.sqrt(self.readout**2 + (np.float32(self.structure) * quanta) ** 2)
        noise += flat * random.standard_normal(quanta.shape, dtype=np.float32)
        return noise


@dataclass(frozen=True)
class Structure:
    """How strong the texture of the tissue is around each place.

    Its power spectrum is taken as ``strength / f^3``, as that of mammograms is (A. E. Burgess et al., Med.
    Phys. 28:419-437, 2001), with a strength that differs from place to place.

    Parameters
    ----------
    strength : float32 (rows, columns): units² of the image per mm, on a grid of ``step_mm``
    """

    strength: Float
    step_mm: float

    def spectrum(
        self, x_mm: float, y_mm: float, squared: NDArray[np.float64], pixel_mm: float
    ) -> NDArray[np.float64]:
        """Power per pixel at squared frequencies (per mm²) around x, y, mm from the image's outer corner.

        At zero frequency it is without bound: the level that a speck lies on is not known beforehand. Zero
        where there is no texture.
        """
        row, column = (
            int(np.clip(at / self.step_mm, 0, size - 1))
            for at, size in zip((y_mm, x_mm), self.strength.shape, strict=True)
        )
        strength = float(self.strength[row, column])
        if strength <= 0:
            return np.zeros(squared.shape)
        with np.errstate(divide="ignore"):
            falling = squared ** (-EXPONENT / 2)
        return np.asarray(strength / pixel_mm**2 * falling)


def structure_of(image: Float, inside: Mask, pixel_mm: float, noise: float = 0.0) -> Structure:
    """The strength of an image's texture, from what lies between two blurs of it.

    The mean deviation stands for the standard one, as it does in a Gaussian field: vessels and edges of the
    gland weigh less so.

    Parameters
    ----------
    image : float32 (rows, columns)
    inside : bool (rows, columns): the breast; its border is no texture
    noise : standard deviation of white noise per pixel that is not to count
    """
    factor = max(1, round(STRUCTURE_STEP_MM / pixel_mm))
    size = tuple(max(1, side // factor) for side in image.shape[::-1])
    weight: Float = _resized(inside.astype(np.float32), size)
    small: Float = _resized(image * inside, size)
    step = pixel_mm * factor

    def blurred(values: Float, sigma_mm: float) -> Float:
        share = cv2.GaussianBlur(weight, (0, 0), sigma_mm / step) + np.float32(1e-6)
        return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma_mm / step) / share)

    near, far = STRUCTURE_BAND_MM
    band: Float = np.abs(np.subtract(blurred(small, near), blurred(small, far))) * weight
    deviation = blurred(band, STRUCTURE_REACH_MM) * np.float32(np.sqrt(np.pi / 2))
    f = np.linspace(1e-3, 10, 20000)
    passed = (np.exp(-2 * (np.pi * near * f) ** 2) - np.exp(-2 * (np.pi * far * f) ** 2)) ** 2
    of_texture = 2 * np.pi * float(np.trapezoid(passed * f ** (1 - EXPONENT), f))
    of_noise = 2 * np.pi * float(np.trapezoid(passed * f, f)) * (noise * pixel_mm) ** 2
    strength = np.maximum(deviation**2 - of_noise, 0) / of_texture
    return Structure(np.asarray(strength, dtype=np.float32), step)


def _resized(image: Float, size: tuple[int, ...]) -> Float:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def filtered(
    image: Float, pixel_mm: float, transfer: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Float:
    """An image (rows, columns) times a transfer function of the squared frequency, borders mirrored."""
    pad = min(round(PAD_MM / pixel_mm), *(size - 1 for size in image.shape))
    padded = np.pad(image, pad, mode="reflect")
    shape = tuple(scipy.fft.next_fast_len(size, real=True) for size in padded.shape)
    squared = frequencies(shape, pixel_mm)
    spectrum = scipy.fft.rfft2(padded, shape)
    spectrum *= transfer(squared).astype(np.float32)
    back = scipy.fft.irfft2(spectrum, shape)
    return np.ascontiguousarray(
        back[pad : pad + image.shape[0], pad : pad + image.shape[1]], dtype=np.float32
    )


def frequencies(shape: tuple[int, ...], pixel_mm: float) -> NDArray[np.float64]:
    """Squared spatial frequencies, per mm², of ``rfft2`` of an image of this shape."""
    fy = np.fft.fftfreq(shape[0], pixel_mm)
    fx = np.fft.rfftfreq(shape[1], pixel_mm)
    return np.asarray(fy[:, None] ** 2 + fx[None, :] ** 2)


@cache
def _weights(columns: int) -> NDArray[np.float64]:
    """How often each column of ``rfft2`` stands in the full transform."""
    weights = np.full(columns // 2 + 1, 2.0)
    weights[0] = 1
    if columns % 2 == 0:
        weights[-1] = 1
    return weights


def ideal_snr(template: Float, spectrum: NDArray[np.float64]) -> float:
    """SNR of the observer who knows the signal exactly and prewhitens the noise.

    ``sqrt(sum |T|^2 / (n NPS))`` over all n discrete frequencies (H. H. Barrett and K. J. Myers,
    Foundations of Image Science, 2004, section 13.2); for white noise that is ``||template|| / sigma``.

    Parameters
    ----------
    template : (rows, columns) mean difference that the signal makes
    spectrum : noise power per pixel on the grid of ``rfft2``, in the template's units squared
    """
    power = np.abs(scipy.fft.rfft2(template.astype(np.float64))) ** 2
    return float(np.sqrt((power / spectrum * _weights(template.shape[1])).sum() / template.size))
