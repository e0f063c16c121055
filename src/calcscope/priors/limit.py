"""What an image could have shown: the chance that a calcification seen in one exam is found in another.

A calcification found with some signal to noise ratio in one view is expected to have that ratio in the other
view times what differs between the two: the noise at the corresponding places, how strongly the processing
shows contrast, and the pixel, under which small things blur. Whether one of an expected ratio is found is a
logistic curve in its logarithm, fitted on simulated pairs (`benchmarks/change.py fit`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple

import cv2
import numpy as np
from scipy.spatial import cKDTree

from calcscope import lexicon
from calcscope.breast.model import Breast
from calcscope.exam.model import Mammogram
from calcscope.priors.model import LIKELY, Ground, Numbers, Paired, Viewed, ViewPair
from calcscope.specks.catalogue import SpeckCatalogue
from calcscope.specks.equalise import equalised
from calcscope.specks.saliency import local_noise, quantisation_step
from calcscope.specks.scales import ladder

CELL_MM = 2.0
NOISE_PIXEL_MM = 0.35
"""Pixel at which the noise is looked at: that of a calcification. Noise of finer pixels is what
sharpening and the detector's blur make of it, and says little of what is seen."""
TISSUE_MM = 8.0
"""Gaussian sigma of the surroundings over which the tissue's brightness deviates."""
ENOUGH_PAIRS = 5
"""Matched calcifications from which on their contrasts tell the ratio of the two exams' scales."""
BLURRED_PIXELS = 1.0
"""Area in pixels that sampling adds to a calcification's own."""
PARTED_MM, PARTED_PIXELS, PARTED_LENGTHS = 0.35, 3.0, 0.6
"""Calcifications nearer than so many mm, pixels of the other image, or of their lengths together, may be one
mark there (or one may be in more pieces), and"""
PARTED_CHANCE = 0.6
"""... that is the chance that they are not."""
RATIO_BOUND = 3.0
"""Greatest ratio of contrast scales that the tissue alone is believed to tell."""

Direction = Literal["prior", "current"]
"""The view in which something is looked for."""


def ground_of(mammogram: Mammogram, breast: Breast) -> Ground:
    """Noise and tissue contrast over a view, on the grey levels in which its calcifications are measured."""
    step = quantisation_step(mammogram.pixels)
    even = replace(mammogram, pixels=equalised(mammogram.pixels, breast.search, mammogram.pixel_mm))
    rungs = ladder(even, breast.search)
    rows, columns = (max(1, round(size * mammogram.pixel_mm / CELL_MM)) for size in mammogram.pixels.shape)
    if not rungs:
        nothing = np.ones((rows, columns), dtype=np.float32)
        return Ground(nothing, nothing, CELL_MM)
    rung = min(rungs, key=lambda one: abs(np.log(one.pixel_mm / NOISE_PIXEL_MM)))
    floor = max(step / np.sqrt(12) / rung.factor, 1e-7)
    noise = local_noise(rung.pixels, rung.search, rung.pixel_mm, floor) * rung.pixel_mm
    # Cells of the whole view, read from the rung, which holds only the breast and a margin.
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    at = rung.from_canonical(np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1) * CELL_MM
                               / mammogram.pixel_mm - 0.5)  # fmt: skip
    last = np.array(rung.pixels.shape[::-1]) - 1
    column, row = np.clip(np.rint(at), 0, last).astype(np.intp).T
    grey = np.asarray(cv2.resize(even.pixels, (columns, rows), interpolation=cv2.INTER_AREA))
    inside, searched = (
        np.asarray(cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA))
        for mask in (breast.mask, breast.search)
    )
    cells = noise[row, column].reshape(rows, columns)
    if np.any(searched > 0.5):  # beyond the breast there is no noise that a calcification could lie in
        cells = np.where(searched > 0.5, cells, np.median(cells[searched > 0.5]))
    sigma = TISSUE_MM / CELL_MM
    share = np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), 1e-3)
    mean = cv2.GaussianBlur(grey * inside, (0, 0), sigma) / share
    variance = cv2.GaussianBlur((grey - mean) ** 2 * inside, (0, 0), sigma) / share
    return Ground(
        cells.astype(np.float32),
        np.sqrt(np.maximum(variance, 1e-12)).astype(np.float32),
        CELL_MM,
    )


@dataclass(frozen=True)
class DetectionCurve:
    """Chance of being found by signal to noise ratio: ``top / (1 + (middle / snr) ** slope)``.

    ``scale`` and ``power``: of what is measured to be ``raw``, the ratio to be expected is
    ``scale * raw ** power``. The power is below 1, for what was measured high is so in part by chance.
    """

    middle: float
    slope: float
    top: float
    scale: float = 1.0
    power: float = 1.0

    def chance(self, snr: Numbers) -> Numbers:
        """Of each ratio."""
        at = np.log(np.maximum(snr, 1e-6) / self.middle)
        return np.asarray(self.top / (1 + np.exp(-np.clip(self.slope * at, -50, 50))))

    def own_snr(self, specks: SpeckCatalogue, ground: Ground) -> Numbers:
        """Ratio of each calcification in the view where it was found, as an ideal observer has it."""
        return np.asarray(self.scale * raw_snr(specks, ground) ** self.power)


def raw_snr(specks: SpeckCatalogue, ground: Ground) -> Numbers:
    """Contrast times the root of the area over the noise: the ratio of a disc of even brightness, (n,)."""
    return np.asarray(signal(specks) / ground.noise_at(specks.xy_mm)) if len(specks) else np.zeros(0)


def signal(specks: SpeckCatalogue) -> Numbers:
    """Contrast times the root of the area, units of ``Mammogram.pixels`` times mm, (n,)."""
    return np.maximum(specks.contrast, 1e-9) * np.sqrt(specks.area_mm2)


@cache
def detection_curve() -> DetectionCurve:
    """The curve that was fitted on simulated pairs (``lexicon/data/change.yaml``)."""
    fitted = lexicon.changes().detection
    return DetectionCurve(fitted.middle_snr, fitted.slope, fitted.top, fitted.scale, fitted.power)


def fit_curve(snr: Numbers, found: Numbers) -> DetectionCurve:
    """The curve of greatest likelihood.

    Parameters
    ----------
    snr : (n,) expected ratios of calcifications that are there
    found : (n,) 1 where found, 0 where not
    """
    from scipy.optimize import minimize

    def loss(parameters: Numbers) -> float:
        middle, slope, top = np.exp(parameters[0]), np.exp(parameters[1]), 1 / (1 + np.exp(-parameters[2]))
        chance = np.clip(DetectionCurve(middle, slope, top).chance(snr), 1e-6, 1 - 1e-6)
        return -float(np.sum(found * np.log(chance) + (1 - found) * np.log(1 - chance)))

    best = minimize(loss, np.array([np.log(8.0), np.log(2.0), 3.0]), method="Nelder-Mead").x
    return DetectionCurve(float(np.exp(best[0])), float(np.exp(best[1])), float(1 / (1 + np.exp(-best[2]))))


class Ratio(NamedTuple):
    """Signal in the earlier view over that in the current one of the same calcification; whether it was
    measured on calcifications, so that it holds what the pixels blur."""

    then_over_now: float
    measured: bool


def signal_ratio(pair: ViewPair, paired: Paired) -> Ratio:
    """How strongly the two views show the same.

    From the matched calcifications where there are enough, else from the contrast of the tissue around the
    current view's calcifications, else of the whole breast.
    """
    if len(paired.current) >= ENOUGH_PAIRS:
        now, then = signal(pair.current.specks)[paired.current], signal(pair.prior.specks)[paired.prior]
        return Ratio(float(np.exp(np.median(np.log(then / now)))), True)
    specks = pair.current.specks
    if len(specks):
        now = pair.current_ground.tissue_at(specks.xy_mm)
        then = pair.prior_ground.tissue_at(pair.there_mm)
        ratio = float(np.median(then / now))
    else:
        ratio = float(np.median(pair.prior_ground.tissue) / np.median(pair.current_ground.tissue))
    return Ratio(float(np.clip(ratio, 1 / RATIO_BOUND, RATIO_BOUND)), False)


def expected_snr(pair: ViewPair, into: Direction, ratio: Ratio) -> Numbers:
    """Signal to noise ratio that each calcification of the one view would have in the other.

    Parameters
    ----------
    into : the view they are looked for in: the current view's calcifications in the ``prior``, or the
        earlier view's in the ``current``
    ratio : :func:`signal_ratio`
    """
    if into == "prior":
        own, other, there, stronger = pair.current, pair.prior, pair.there_mm, ratio.then_over_now
        here, over_there = pair.current_ground, pair.prior_ground
    else:
        own, other, there, stronger = pair.prior, pair.current, pair.back_mm, 1 / ratio.then_over_now
        here, over_there = pair.prior_ground, pair.current_ground
    specks = own.specks
    if not len(specks):
        return np.zeros(0)
    quieter = here.noise_at(specks.xy_mm) / over_there.noise_at(there)
    blur = 1.0 if ratio.measured else _blur(specks, other.info.pixel_mm)
    return np.asarray(detection_curve().own_snr(specks, here) * stronger * quieter * blur)


def _blur(specks: SpeckCatalogue, pixel_mm: float) -> Numbers:
    """What coarser pixels leave of the signal to noise ratio: its energy spreads over more area."""
    more = BLURRED_PIXELS * max(0.0, pixel_mm**2 - specks.pixel_mm**2)
    return np.asarray(np.sqrt(specks.area_mm2 / (specks.area_mm2 + more)))


def chance_at(snr: Numbers, view: Viewed, pixel_mm: float) -> Numbers:
    """Chance that each calcification of a view, of an expected signal to noise ratio in an image of another
    pixel size, is found there as a mark of its own, (n,)."""
    return np.asarray(detection_curve().chance(snr) * parted(view, pixel_mm))


def parted(view: Viewed, pixel_mm: float) -> Numbers:
    """Chance that each calcification is a mark of its own at another pixel size, (n,)."""
    specks = view.specks
    likely = np.flatnonzero(specks.probability >= LIKELY)
    chance = np.ones(len(specks))
    if len(likely) > 1:
        points, length = specks.xy_mm[likely], specks.length_mm[likely]
        distance, nearest = (np.asarray(found)[:, 1] for found in cKDTree(points).query(points, k=2))
        reach = np.maximum(PARTED_LENGTHS * (length + length[nearest]), PARTED_PIXELS * pixel_mm)
        tight = distance < np.maximum(reach, PARTED_MM)
        chance[likely[tight]] = PARTED_CHANCE
    return chance


def limit_mm(
    specks: SpeckCatalogue, members: np.typing.NDArray[np.intp], snr: Numbers, pixel_mm: float
) -> float | None:
    """Diameter of a calcification like these that an image would show in every second case, mm.

    The signal to noise ratio goes with contrast times diameter, and the contrast of what is as thick as it is
    wide with the diameter: with its square. No image shows less than its pixel.

    Parameters
    ----------
    members : indices of those it is about; the limit is None without any
    snr : (n,) that all of the catalogue are expected to have in that image
    pixel_mm : of that image
    """
    if not len(members):
        return None
    half = detection_curve().middle
    diameter = specks.diameter_mm[members] * np.sqrt(half / np.maximum(snr[members], 1e-6))
    return float(max(np.median(diameter), pixel_mm))
