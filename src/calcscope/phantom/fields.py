"""Random fields with the power spectrum of breast tissue.

Mammograms have power spectra near 1/f^3 (Burgess et al., Med Phys 28, 419, 2001). A parallel projection keeps
the exponent of a volume's spectrum (central slice), so volumes and fine detail use the same one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from calcscope.exam.model import Float
from calcscope.phantom.model import Random

EXPONENT = 3.0
"""Of the power spectrum of tissue, as measured on mammograms."""


def power_law(
    shape: tuple[int, ...],
    step_mm: float,
    random: Random,
    longest_mm: float = np.inf,
    shortest_mm: float = 0.0,
    exponent: float = EXPONENT,
) -> Float:
    """A Gaussian field of mean 0 and variance 1, periodic, with a power spectrum that falls as 1/f^exponent.

    Parameters
    ----------
    shape : of the field, 2-D or 3-D
    step_mm : between its points
    longest_mm, shortest_mm : wavelengths beyond which the field has nothing (soft ends)

    Returns
    -------
    float32 of the given shape
    """
    spectrum = fft.rfftn(random.standard_normal(shape, dtype=np.float32))
    axes = [fft.fftfreq(n, step_mm) for n in shape[:-1]] + [fft.rfftfreq(shape[-1], step_mm)]
    squared = np.zeros(spectrum.shape, dtype=np.float32)
    for number, axis in enumerate(axes):
        squared += (axis.astype(np.float32) ** 2).reshape(
            [-1 if i == number else 1 for i in range(len(shape))]
        )
    squared.flat[0] = 1.0
    gain = squared ** np.float32(-exponent / 4)
    if np.isfinite(longest_mm):
        gain *= 1 - np.exp(-((squared * np.float32(longest_mm**2)) ** 2))
    if shortest_mm > 0:
        gain *= np.exp(-((squared * np.float32(shortest_mm**2)) ** 2))
    gain.flat[0] = 0.0
    spectrum *= gain
    field = np.asarray(fft.irfftn(spectrum, shape), dtype=np.float32)
    field /= field.std()
    return field


def sampled(field: NDArray[np.float32], at: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values of a periodic field at fractional indices ``at`` (dimensions, …), linear between its points."""
    from scipy.ndimage import map_coordinates

    return np.asarray(map_coordinates(field, at, order=1, mode="grid-wrap"), dtype=np.float32)
