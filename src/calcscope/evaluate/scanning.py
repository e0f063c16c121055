"""How many simulated calcifications the scanning ideal observer finds in a real search, in closed form.

:mod:`calcscope.evaluate.observer` runs that observer on noise of known power. A simulated mammogram is too
large and too varied for that; here the observer is a model:

* it knows each calcification's shape and the noise around it, so that its response there, in units of the
  noise's standard deviation, is normal with the SNR as mean and 1 as standard deviation;
* its false marks are the peaks of the same response elsewhere. The breast holds so many independent places
  as its area holds cells, a cell being the area over which the response to noise is like itself,
  ∫C² dA of its correlation C. Above a threshold t lie N (1 - Φ(t)) of N places.

Each step favours the observer. It knows each shape and need not look for others; peaks of a smooth field are
some t² / 2 times as many as independent places show (R. J. Adler, The Geometry of Random Fields, 1981,
chapter 6); prewhitening in tissue makes cells smaller than taken here. That the highest response near a
calcification exceeds the one at its very place, by about 1 / SNR, weighs less. So a detector that judges
each place by itself cannot come above the line; one that knows that calcifications lie in groups has more to
go by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from calcscope.evaluate.visible import figures

Array = NDArray[np.float64]


def cell_mm2(diameter_mm: ArrayLike) -> Array:
    """Area over which the response of a matched filter to noise is like itself, of the filter's shape.

    Parameters
    ----------
    diameter_mm : of a ball, whose projection is blurred by the figure ``scanning_blur_mm``

    The projection is taken as the Gaussian of its variance s² in each direction; the correlation of the
    response to white noise is then exp(-r² / 4s²), and its square covers 2π s².
    """
    variance = (np.asarray(diameter_mm, dtype=np.float64) / 2) ** 2 / 5  # of a ball's projection
    return np.asarray(2 * np.pi * (variance + figures()["scanning_blur_mm"].value ** 2))


@dataclass(frozen=True)
class Scanning:
    """The scanning ideal observer of given calcifications.

    Parameters
    ----------
    snr : (n,) of each calcification when its place is known
    places : (n,) independent places of a normal image at which noise may look like it
    """

    snr: Array
    places: Array

    @classmethod
    def of(cls, snr: ArrayLike, diameter_mm: ArrayLike, area_cm2: float) -> Scanning:
        """Of calcifications (n,) of those greatest extents, in normal images of that mean area."""
        return cls(np.asarray(snr, dtype=np.float64), 100 * area_cm2 / cell_mm2(diameter_mm))

    def sensitivity(self, rates: ArrayLike) -> Array:
        """Share of the calcifications found at each rate of false marks per normal image, of its shape."""
        false = np.minimum(np.asarray(rates, dtype=np.float64)[..., None] / self.places, 1)
        return np.asarray(np.mean(ndtr(self.snr + ndtri(false)), axis=-1))
