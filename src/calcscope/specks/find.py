"""From a view to the catalogue of its calcifications."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.breast.model import Breast
from calcscope.exam.model import Float, Mammogram, Points
from calcscope.specks.catalogue import SpeckCatalogue
from calcscope.specks.judge import features, judge
from calcscope.specks.outline import Shape, measure
from calcscope.specks.rays import Rays, rays
from calcscope.specks.saliency import background, local_noise, quantisation_step
from calcscope.specks.scales import Scale, ladder

PATCH_PIXELS = 6
"""Half size of the patch an object is outlined in, pixels of the rung it was found on."""

FINER_RUNGS = 2
"""The outline is drawn this many rungs finer than the object was found on, where there are any."""

CLEAR_OF_NOISE = 4.0
"""An object must be so many times as high as the noise of the rung it is outlined on: below that its outline
is the outline of the noise."""

PARTING_BLUR = 1.0
"""Neighbours are told apart at about the resolution of the rung they were found on: sigma in finer
pixels, for each finer pixel to the coarse one beyond the first."""

RAYS_START = 1.5
"""Where the rays on which fibres are looked for begin, in units of the object's own half length."""

SPLIT_CONTRAST = 0.35
SPLIT_AREA = 0.5
"""See :func:`_merge`: a popcorn calcification has lumps too, but low ones or one that fills it."""


@dataclass(frozen=True)
class SpeckSettings:
    """What is a candidate, and which candidates are listed.

    Parameters
    ----------
    min_salience : least height of a candidate over the background in units of the local noise
    min_probability : candidates below it are left out of the catalogue
    max_candidates : per view; the most salient are kept (an image of noise must not take for ever)
    """

    min_salience: float = 5.0
    min_probability: float = 0.0
    max_candidates: int = 4000


@dataclass(frozen=True)
class Candidate:
    """A bright object before it is judged.

    Parameters
    ----------
    rung : of the ladder it was found on, 0 the finest
    salience : height over the background in units of the local noise
    shape : measurements; centre and outline in canonical pixels
    contrast : peak over the background, in units of ``Mammogram.pixels``
    snr : norm of the excess inside the outline over the noise of one pixel
    rays : brightness of the directions that lead away from it, over its contrast: high on fibres
    """

    rung: int
    salience: float
    shape: Shape
    contrast: float
    snr: float
    rays: Rays


@dataclass(frozen=True)
class _Rung:
    scale: Scale
    smooth: Float
    ground: Float
    noise: Float

    @property
    def salience(self) -> Float:
        return np.asarray((self.smooth - self.ground) / self.noise)


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
    mammogram: Mammogram, breast: Breast, settings: SpeckSettings = SpeckSettings()
) -> list[Candidate]:
    """Every small bright object of a view, measured but not judged, most salient first."""
    rungs = _rungs(mammogram, breast)
    if not rungs:
        return []
    seeds = [
        (salience, k, row, column)
        for k, rung in enumerate(rungs)
        for salience, row, column in _peaks(rung, settings.min_salience)
    ]
    seeds.sort(reverse=True)
    return _merge(
        [
            candidate
            for salience, k, row, column in seeds[: settings.max_candidates]
            if (candidate := _outline(rungs, k, row, column, salience)) is not None
        ]
    )


def _rungs(mammogram: Mammogram, breast: Breast) -> list[_Rung]:
    step = quantisation_step(mammogram.pixels)
    rungs = []
    for scale in ladder(mammogram, breast.search):
        smooth, ground = background(scale.pixels)
        # Averaging over factor² pixels also averages the quantisation's error.
        floor = step / np.sqrt(12) / scale.factor
        noise = local_noise(scale.pixels, scale.search, scale.pixel_mm, max(floor, 1e-7))
        rungs.append(_Rung(scale, smooth, ground, noise))
    return rungs


def _peaks(rung: _Rung, min_salience: float) -> list[tuple[float, int, int]]:
    """(salience, row, column) of each local maximum of 3 × 3 pixels above the threshold."""
    salience = rung.salience
    highest = cv2.dilate(salience, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((salience == highest) & rung.scale.search & (salience > min_salience))
    return [(float(salience[r, c]), int(r), int(c)) for r, c in zip(rows, columns, strict=True)]


def _rung_to_outline_on(rungs: list[_Rung], k: int, row: int, column: int, salience: float) -> _Rung:
    """The finest rung, ``FINER_RUNGS`` down at most, on which the object still stands clear of the noise."""
    height = salience * float(rungs[k].noise[row, column])
    for finer in range(max(0, k - FINER_RUNGS), k):
        rung = rungs[finer]
        ratio = rungs[k].scale.factor // rung.scale.factor
        noise = rung.noise[
            min(row * ratio, rung.noise.shape[0] - 1), min(column * ratio, rung.noise.shape[1] - 1)
        ]
        if height >= CLEAR_OF_NOISE * float(noise):
            return rung
    return rungs[k]


def _outline(rungs: list[_Rung], k: int, row: int, column: int, salience: float) -> Candidate | None:
    """Outline the object seen at (row, column) of rung ``k`` on a finer rung, over rung ``k``'s ground."""
    coarse = rungs[k].scale
    fine = _rung_to_outline_on(rungs, k, row, column, salience)
    ratio = coarse.factor // fine.scale.factor
    r0, c0 = max(0, row - PATCH_PIXELS), max(0, column - PATCH_PIXELS)
    r1, c1 = row + PATCH_PIXELS + 1, column + PATCH_PIXELS + 1
    ground = rungs[k].ground[r0:r1, c0:c1]
    patch: Float = fine.smooth[r0 * ratio : r1 * ratio, c0 * ratio : c1 * ratio]
    rows, columns = ground.shape[0] * ratio, ground.shape[1] * ratio
    patch = patch[:rows, :columns]
    if ratio > 1:
        ground = np.asarray(cv2.resize(ground, (columns, rows), interpolation=cv2.INTER_LINEAR))
    excess = patch - ground[: patch.shape[0], : patch.shape[1]]

    # The peak on the finer rung, within the coarse pixel that was found and its neighbours.
    pr, pc = (row - r0) * ratio, (column - c0) * ratio
    n0, m0 = max(0, pr - ratio + 1), max(0, pc - ratio + 1)
    near = excess[n0 : pr + 2 * ratio - 1, m0 : pc + 2 * ratio - 1]
    peak_row, peak_column = np.unravel_index(int(np.argmax(near)), near.shape)
    peak = (n0 + int(peak_row), m0 + int(peak_column))

    noise_row = min(r0 * ratio + peak[0], fine.noise.shape[0] - 1)
    noise_column = min(c0 * ratio + peak[1], fine.noise.shape[1] - 1)
    noise = float(fine.noise[noise_row, noise_column])
    shape = measure(excess, peak, fine.scale.pixel_mm, noise, blur=(ratio - 1) * PARTING_BLUR)
    if shape is None:
        return None
    contrast = float(excess[peak])
    start = RAYS_START * shape.length_mm / fine.scale.pixel_mm / 2 + 1.5
    around = rays(patch / contrast, shape.x, shape.y, start)
    corner = np.array([c0 * ratio, r0 * ratio], dtype=np.float64)
    (centre,) = fine.scale.to_canonical(corner + np.array([shape.x, shape.y]))[None]
    shape = replace(
        shape, x=float(centre[0]), y=float(centre[1]), outline=fine.scale.to_canonical(corner + shape.outline)
    )
    return Candidate(k, salience, shape, contrast, shape.energy / noise, around)


def _merge(candidates: list[Candidate]) -> list[Candidate]:
    """One candidate for each object: where outlines overlap, the most salient one stays.

    Exception: an outline that holds two or more separate finer ones, each of at least
    ``SPLIT_CONTRAST`` of its own contrast, is a tight group seen from afar and gives way to them.
    """
    candidates = sorted(candidates, key=lambda c: -c.salience)
    if not candidates:
        return []
    centres = np.array([(c.shape.x, c.shape.y) for c in candidates])
    boxes = np.array([[c.shape.outline.min(axis=0), c.shape.outline.max(axis=0)] for c in candidates])

    def holds(i: int) -> list[int]:
        """Candidates whose centre lies inside the outline of candidate i."""
        near = np.flatnonzero(np.all((centres >= boxes[i, 0]) & (centres <= boxes[i, 1]), axis=1))
        polygon = candidates[i].shape.outline.astype(np.float32)
        return [
            int(j)
            for j in near
            if j != i
            and cv2.pointPolygonTest(polygon, (float(centres[j, 0]), float(centres[j, 1])), False) >= 0
        ]

    held = [holds(i) for i in range(len(candidates))]
    kept: list[int] = []
    gone = np.zeros(len(candidates), dtype=bool)
    for i, candidate in enumerate(candidates):
        if gone[i]:
            continue
        parts = [
            j
            for j in held[i]
            if candidates[j].rung < candidate.rung
            and candidates[j].contrast >= SPLIT_CONTRAST * candidate.contrast
            and candidates[j].shape.area_mm2 < SPLIT_AREA * candidate.shape.area_mm2
        ]
        separate: list[int] = []
        for j in parts:
            if not any(j in held[other] or other in held[j] for other in separate):
                separate.append(j)
        if len(separate) >= 2:
            gone[i] = True
            continue
        kept.append(i)
        gone[held[i]] = True
        for j in range(i + 1, len(candidates)):
            if not gone[j] and i in held[j]:
                gone[j] = True
    return [candidates[i] for i in kept]


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
