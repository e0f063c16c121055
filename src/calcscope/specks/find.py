"""From a view to the catalogue of its calcifications."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calcscope.breast.model import Breast
from calcscope.exam.model import Mammogram, Points
from calcscope.specks.candidates import Candidate, Rung, Seed, outline_of, rungs_of
from calcscope.specks.catalogue import SpeckCatalogue
from calcscope.specks.judge import features, judge
from calcscope.specks.merging import merged, with_rims_joined
from calcscope.specks.network import RungLogits, logits_at


@dataclass(frozen=True)
class SpeckSettings:
    """What is a candidate, and which candidates are listed.

    Parameters
    ----------
    min_salience : least height of a candidate over the background in units of the local noise
    faint_salience, faint_logit : from the first on it is a candidate too where the network gives it at least
        the second
    plain_salience, unlike_logit : up to the first it is no candidate where the network gives it less than the
        second: it would be judged improbable, and measuring it takes time
    min_probability : candidates below it are left out of the catalogue
    max_candidates : per view; the most salient are kept (an image of noise must not take for ever)
    """

    min_salience: float = 5.0
    faint_salience: float = 3.0
    faint_logit: float = -1.0
    plain_salience: float = 6.0
    unlike_logit: float = -2.0
    min_probability: float = 0.0
    max_candidates: int = 4000


def find_specks(
    mammogram: Mammogram, breast: Breast, settings: SpeckSettings = SpeckSettings()
) -> SpeckCatalogue:
    """Find and measure every calcification of a view.

    Parameters
    ----------
    mammogram, breast : the view and where to look in it
    settings : thresholds

    Returns
    -------
    SpeckCatalogue, most probable first
    """
    candidates = find_candidates(mammogram, breast, settings)
    probability = judge(features(candidates, mammogram, breast))
    order = np.argsort(-probability, kind="stable")
    order = order[probability[order] >= settings.min_probability]
    return _catalogue([candidates[i] for i in order], probability[order], mammogram)


def find_candidates(
    mammogram: Mammogram, breast: Breast, settings: SpeckSettings = SpeckSettings(), network: bool = True
) -> list[Candidate]:
    """Every small bright object of a view, measured but not judged, most salient first.

    ``network``: whether the network is asked what it sees there; what trains it does not.
    """
    rungs = rungs_of(mammogram, breast)
    if not rungs:
        return []
    maps = (
        [RungLogits(rung.scale.pixels, rung.noise, rung.scale.search) for rung in rungs[1:]]
        if network
        else None
    )
    seeds = [seed for k in range(len(rungs)) for seed in _seeds(rungs, k, maps, settings)]
    seeds.sort(key=lambda seed: -seed.salience)
    found = [outline_of(rungs, seed) for seed in seeds[: settings.max_candidates]]
    candidates = with_rims_joined(merged([c for c in found if c is not None], rungs), rungs)
    return _asked_beside(candidates, rungs, maps) if maps else candidates


def _seeds(rungs: list[Rung], k: int, maps: list[RungLogits] | None, settings: SpeckSettings) -> list[Seed]:
    """What stands out on a rung, or stands out less and is calcium to the network.

    ``maps``: its logits on all rungs but the finest, which is too large to ask it about more than the peaks;
    None where it is not to be asked.
    """
    rung = rungs[k]
    if maps is None:
        return [Seed(*peak, np.nan) for peak in _peaks(rung, k, settings.min_salience)]
    peaks = _peaks(rung, k, min(settings.faint_salience, settings.min_salience))
    at = np.array([(row, column) for _, _, row, column in peaks], dtype=np.intp).reshape(-1, 2)
    says = maps[k - 1].near(at) if k else logits_at(rung.scale.pixels, rung.noise, at)
    return [
        Seed(*peak, float(logit))
        for peak, logit in zip(peaks, says, strict=True)
        if peak[0] > settings.plain_salience
        or logit >= (settings.unlike_logit if peak[0] > settings.min_salience else settings.faint_logit)
    ]


def _asked_beside(candidates: list[Candidate], rungs: list[Rung], maps: list[RungLogits]) -> list[Candidate]:
    """The candidates with what the network says of their brightest points on the rungs beside their own."""
    own = np.array([c.rung for c in candidates], dtype=np.intp)
    peaks = np.array([c.peak for c in candidates]).reshape(-1, 2)
    says = np.array([c.logit for c in candidates])
    finer, coarser = says.copy(), says.copy()
    for k, rung in enumerate(rungs):
        places = rung.scale.from_canonical(peaks)[:, ::-1]
        for logits, here in ((finer, own == k + 1), (coarser, own == k - 1)):
            at = np.rint(places[here]).astype(np.intp)
            if len(at):
                logits[here] = maps[k - 1].near(at) if k else logits_at(rung.scale.pixels, rung.noise, at)
    return [
        replace(c, finer_logit=float(f), coarser_logit=float(g))
        for c, f, g in zip(candidates, finer, coarser, strict=True)
    ]


def _peaks(rung: Rung, k: int, min_salience: float) -> list[tuple[float, int, int, int]]:
    """(salience, k, row, column) of each local maximum of 3 × 3 pixels above the threshold."""
    found = rung.background.peaks(rung.noise, rung.scale.search, min_salience)
    return [(float(height), k, int(row), int(column)) for row, column, height in zip(*found, strict=True)]


def _catalogue(
    candidates: list[Candidate], probability: NDArray[np.float64], mammogram: Mammogram
) -> SpeckCatalogue:
    def column(values: list[float]) -> NDArray[np.float64]:
        return np.asarray(values, dtype=np.float64)

    shapes = [c.shape for c in candidates]
    names = ("x", "y", "area_mm2", "length_mm", "width_mm", "roundness", "elongation",
             "irregularity", "hollowness", "angle", "sharpness")  # fmt: skip
    outlines: tuple[Points, ...] = tuple(s.outline for s in shapes)
    return SpeckCatalogue(
        **{name: column([getattr(s, name) for s in shapes]) for name in names},
        probability=probability,
        contrast=column([c.contrast for c in candidates]),
        snr=column([c.snr for c in candidates]),
        salience=column([c.salience for c in candidates]),
        crossing=column([c.rays.crossing for c in candidates]),
        outlines=outlines,
        slice=np.full(len(shapes), -1 if mammogram.slice is None else mammogram.slice, dtype=np.int64),
        pixel_mm=mammogram.pixel_mm,
    )
