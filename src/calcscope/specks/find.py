"""From a view to the catalogue of its calcifications."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calcscope.breast.model import Breast
from calcscope.exam.model import Float, Mammogram, Points
from calcscope.specks.catalogue import SpeckCatalogue
from calcscope.specks.judge import features, judge
from calcscope.specks.network import logits_at
from calcscope.specks.outline import Shape, any_saddle, measure
from calcscope.specks.rays import Rays, rays
from calcscope.specks.saliency import background, local_noise, quantisation_step
from calcscope.specks.scales import Scale, ladder

PATCH_PIXELS = 6
"""Half size of the patch an object is outlined in, pixels of the rung it was found on."""

FINER_RUNGS = 2
"""The outline is drawn this many rungs finer than the object was found on, where there are any."""

CLEAR_OF_NOISE = 6.0
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

SPLIT_SADDLE = 0.2
SPLIT_NOISE = 3.0
"""Depth of the saddle that parts the parts of an object, as a share of the lower one and in units of the
noise. Two balls that touch have one of 0.25 between them at a pixel a sixth of their size; along a drawn
wall or rod it is 0.1. Three deviations, because the parts were picked as the highest points."""

RIM_LEVEL = 0.2
RIM_PIECES = 3
RIM_PIXELS = 5
RIM_STRETCHED = 1.5
RIM_ROUND = 0.8
HOLLOW, EMPTY = 0.15, 0.75
"""See :func:`_join_rims`: height of a broken rim's outline, the fewest pieces that show one, its largest
diameter in pixels of the rung it is looked for on, how drawn out the pieces are at least, how round it is,
and how hollow at least and at most."""


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
    peak : (2,) its brightest point, canonical pixels
    shape : measurements; centre and outline in canonical pixels
    contrast : peak over the background, in units of ``Mammogram.pixels``
    snr : norm of the excess inside the outline over the noise of one pixel
    rays : brightness of the directions that lead away from it, over its contrast: high on fibres
    logit : of the network on the next finer rung than it was found on (the finest has none finer); not a
        number where the network was not asked
    """

    rung: int
    salience: float
    peak: Points
    shape: Shape
    contrast: float
    snr: float
    rays: Rays
    logit: float = np.nan

    @property
    def slope(self) -> float:
        """Mean fall of the brightness across the outline, in units of ``Mammogram.pixels`` per mm."""
        return self.shape.sharpness * self.contrast


@dataclass(frozen=True)
class _Rung:
    scale: Scale
    smooth: Float
    ground: Float
    noise: Float

    @property
    def salience(self) -> Float:
        return np.asarray(cv2.divide(cv2.subtract(self.smooth, self.ground), self.noise))


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
    rungs = _rungs(mammogram, breast)
    if not rungs:
        return []
    seeds = [
        (salience, k, row, column)
        for k, rung in enumerate(rungs)
        for salience, row, column in _peaks(rung, settings.min_salience)
    ]
    seeds.sort(reverse=True)
    candidates = [
        candidate
        for salience, k, row, column in seeds[: settings.max_candidates]
        if (candidate := _outline(rungs, k, row, column, salience)) is not None
    ]
    candidates = _join_rims(_merge(candidates, rungs), rungs)
    return _ask_network(candidates, rungs) if network else candidates


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


def _ask_network(candidates: list[Candidate], rungs: list[_Rung]) -> list[Candidate]:
    """The candidates with what the network says of their brightest points."""
    looked_at = np.array([max(c.rung - 1, 0) for c in candidates], dtype=np.intp)
    logits = np.full(len(candidates), np.nan)
    for k, rung in enumerate(rungs):
        here = np.flatnonzero(looked_at == k)
        if len(here):
            peaks = rung.scale.from_canonical(np.array([candidates[n].peak for n in here]))
            at = np.rint(peaks[:, ::-1]).astype(np.intp)
            logits[here] = logits_at(rung.scale.pixels, rung.noise, at)
    return [replace(c, logit=float(logit)) for c, logit in zip(candidates, logits, strict=True)]


def _peaks(rung: _Rung, min_salience: float) -> list[tuple[float, int, int]]:
    """(salience, row, column) of each local maximum of 3 × 3 pixels above the threshold."""
    salience = rung.salience
    highest = cv2.dilate(salience, np.ones((3, 3), np.uint8))
    high = np.nonzero(salience > min_salience)  # few: the rest need not be compared
    tops = (salience[high] == highest[high]) & rung.scale.search[high]
    return [(float(salience[r, c]), int(r), int(c)) for r, c in zip(*(i[tops] for i in high), strict=True)]


def _rung_to_outline_on(rungs: list[_Rung], k: int, row: int, column: int, salience: float) -> int:
    """The finest rung, ``FINER_RUNGS`` down at most, on which the object still stands clear of the noise."""
    height = salience * float(rungs[k].noise[row, column])
    for finer in range(max(0, k - FINER_RUNGS), k):
        noise = rungs[finer].noise
        ratio = rungs[k].scale.factor // rungs[finer].scale.factor
        at = min(row * ratio, noise.shape[0] - 1), min(column * ratio, noise.shape[1] - 1)
        if height >= CLEAR_OF_NOISE * float(noise[at]):
            return finer
    return k


def _outline(rungs: list[_Rung], k: int, row: int, column: int, salience: float) -> Candidate | None:
    """Outline the object seen at (row, column) of rung ``k`` on a finer rung, over rung ``k``'s ground."""
    window = _Window(rungs, k, _rung_to_outline_on(rungs, k, row, column, salience), row, column)
    # The peak on the finer rung, within the coarse pixel that was found and its neighbours.
    ratio = window.ratio
    pr, pc = row * ratio - window.row, column * ratio - window.column
    n0, m0 = max(0, pr - ratio + 1), max(0, pc - ratio + 1)
    near = window.excess[n0 : pr + 2 * ratio - 1, m0 : pc + 2 * ratio - 1]
    peak_row, peak_column = np.unravel_index(int(np.argmax(near)), near.shape)
    peak = (n0 + int(peak_row), m0 + int(peak_column))
    shape = measure(
        window.excess,
        peak,
        window.fine.scale.pixel_mm,
        window.noise(peak),
        blur=(ratio - 1) * PARTING_BLUR,
    )
    return None if shape is None else _candidate(window, k, peak, shape, salience)


def _candidate(window: _Window, k: int, peak: tuple[int, int], shape: Shape, salience: float) -> Candidate:
    """The object outlined in a window: peak and shape in the window's pixels."""
    contrast = float(window.excess[peak])
    start = RAYS_START * shape.length_mm / window.fine.scale.pixel_mm / 2 + 1.5
    around = rays(window.patch / contrast, shape.x, shape.y, start)
    top, centre = window.to_canonical(np.array([(peak[1], peak[0]), (shape.x, shape.y)]))
    snr = shape.energy / window.noise(peak)
    outline = window.to_canonical(shape.outline)
    shape = replace(shape, x=float(centre[0]), y=float(centre[1]), outline=outline)
    return Candidate(k, salience, top, shape, contrast, snr, around)


class _Window:
    """The image around (row, column) of rung ``k`` as rung ``finer`` shows it, and over rung ``k``'s ground.

    ``PATCH_PIXELS`` of rung ``k`` to each side, less where the image ends. ``row`` and ``column`` are those
    of the window's corner on rung ``finer``.
    """

    def __init__(self, rungs: list[_Rung], k: int, finer: int, row: int, column: int) -> None:
        self.fine = rungs[finer]
        self.ratio = ratio = rungs[k].scale.factor // self.fine.scale.factor
        r0, c0 = max(0, row - PATCH_PIXELS), max(0, column - PATCH_PIXELS)
        r1, c1 = row + PATCH_PIXELS + 1, column + PATCH_PIXELS + 1
        self.row, self.column = r0 * ratio, c0 * ratio
        ground = rungs[k].ground[r0:r1, c0:c1]
        rows, columns = ground.shape[0] * ratio, ground.shape[1] * ratio
        self.patch: Float = self.fine.smooth[r0 * ratio : r1 * ratio, c0 * ratio : c1 * ratio][
            :rows, :columns
        ]
        if ratio > 1:
            ground = np.asarray(cv2.resize(ground, (columns, rows), interpolation=cv2.INTER_LINEAR))
        self.excess = self.patch - ground[: self.patch.shape[0], : self.patch.shape[1]]

    @classmethod
    def around(cls, rungs: list[_Rung], k: int, finer: int, xy: Points) -> _Window:
        """About a canonical point, shape (2,)."""
        scale = rungs[k].scale
        column, row = np.rint(scale.from_canonical(xy[None])[0]).astype(int)
        rows, columns = scale.pixels.shape
        return cls(rungs, k, finer, int(np.clip(row, 0, rows - 1)), int(np.clip(column, 0, columns - 1)))

    def to_canonical(self, xy: Points) -> Points:
        """Points of the window, (n, 2), as canonical ones."""
        return self.fine.scale.to_canonical(xy + np.array([self.column, self.row], dtype=np.float64))

    def pixel_at(self, xy: Points) -> tuple[int, int]:
        """Row and column, in the window, of the pixel at a canonical point, shape (2,)."""
        column, row = np.rint(self.fine.scale.from_canonical(xy[None])[0] - (self.column, self.row)).astype(
            int
        )
        rows, columns = self.excess.shape
        return int(np.clip(row, 0, rows - 1)), int(np.clip(column, 0, columns - 1))

    def noise(self, at: tuple[int, int]) -> float:
        """Of one pixel of the window, at (row, column)."""
        rows, columns = self.fine.noise.shape
        return float(self.fine.noise[min(self.row + at[0], rows - 1), min(self.column + at[1], columns - 1)])


def _merge(candidates: list[Candidate], rungs: list[_Rung]) -> list[Candidate]:
    """One candidate for each object: where outlines overlap, the most salient one stays.

    Two exceptions. An outline that holds two or more separate finer ones, each of at least ``SPLIT_CONTRAST``
    of its own contrast, is a tight group seen from afar where the brightness falls between them (see
    :func:`_part`), and gives way to them; where it does not, they are stretches of one object and give way
    to it. And lower ones whose border is gentler than that of the outline that holds them are lumps on it, or
    bits of its wall; a faint speck on a gland has a steeper border than the gland.
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
    gone = np.zeros(len(candidates), dtype=bool)
    for i, candidate in enumerate(candidates):
        finer = [
            j
            for j in held[i]
            if candidates[j].rung < candidate.rung
            and candidates[j].shape.area_mm2 < SPLIT_AREA * candidate.shape.area_mm2
        ]
        parts = [j for j in finer if candidates[j].contrast >= SPLIT_CONTRAST * candidate.contrast]
        separate: list[int] = []
        for j in parts:
            if not any(j in held[other] or other in held[j] for other in separate):
                separate.append(j)
        if len(separate) >= 2:
            if _part(candidate, [candidates[j] for j in separate], rungs):
                gone[i] = True
                continue
            gone[parts] = True
        low = [j for j in finer if j not in parts and candidates[j].slope < candidate.slope]
        gone[low] = True

    kept: list[int] = []
    for i in range(len(candidates)):
        if gone[i]:
            continue
        kept.append(i)
        gone[held[i]] = True
        for j in range(i + 1, len(candidates)):
            if not gone[j] and i in held[j]:
                gone[j] = True
    return [candidates[i] for i in kept]


def _part(whole: Candidate, parts: list[Candidate], rungs: list[_Rung]) -> bool:
    """Whether the brightness falls anywhere between the parts, seen over the ground that the whole stands on.

    The ground of the parts' own rungs rises inside a large object and leaves its border standing as ridges,
    so it cannot tell. Two parts are apart where every way from one to the other crosses a saddle
    ``SPLIT_SADDLE`` of the lower one deep, and deeper than noise makes it.
    """
    finer = max(0, min(whole.rung - FINER_RUNGS, *(part.rung for part in parts)))
    window = _Window.around(rungs, whole.rung, finer, whole.peak)
    tops = [window.pixel_at(part.peak) for part in parts]
    return any_saddle(window.excess, tops, SPLIT_SADDLE, SPLIT_NOISE * window.noise(tops[0]))


def _join_rims(kept: list[Candidate], rungs: list[_Rung]) -> list[Candidate]:
    """The candidates with the pieces of a broken rim taken together, most salient first.

    A rim along which the brightness varies by more than half has no half-height outline, only pieces. Pieces
    of like contrast around a darker middle are one rim where they are drawn out, as stretches of a wall are,
    and one round outline at ``RIM_LEVEL`` of the brightest holds them all, with a middle that is darker but
    not empty: the beam crosses the wall of a shell there too. Stones that happen to lie in a circle are
    round, and there is nothing between them.
    """
    if not kept:
        return []
    peaks = np.array([c.peak for c in kept])
    contrast = np.array([c.contrast for c in kept])
    elongation = np.array([c.shape.elongation for c in kept])
    rung = np.array([c.rung for c in kept])
    free = np.ones(len(kept), dtype=bool)
    rims: list[Candidate] = []
    tree = cKDTree(peaks)
    for k in range(1, len(rungs)):
        factor = rungs[k].scale.factor
        for i, near in enumerate(tree.query_ball_point(peaks, RIM_PIXELS * factor)):
            if len(near) < RIM_PIECES or not free[i]:
                continue
            pieces = np.array(near, dtype=np.intp)
            share = contrast[pieces] / contrast[i]
            alike = (share >= SPLIT_CONTRAST) & (share <= 1) & (rung[pieces] <= k)
            pieces = pieces[alike & free[pieces]]
            if len(pieces) < RIM_PIECES or np.median(elongation[pieces]) < RIM_STRETCHED:
                continue
            if i not in pieces or not _surround(peaks[pieces]):
                continue
            middle = (peaks[pieces].min(axis=0) + peaks[pieces].max(axis=0)) / 2
            window = _Window.around(rungs, k, max(0, k - FINER_RUNGS), middle)
            peak = window.pixel_at(peaks[i])
            shape = measure(window.excess, peak, window.fine.scale.pixel_mm, None, level=RIM_LEVEL)
            if shape is None or shape.roundness < RIM_ROUND or not HOLLOW <= shape.hollowness <= EMPTY:
                continue
            rim = _candidate(window, k, peak, shape, kept[i].salience)
            border = rim.shape.outline.astype(np.float32)
            held = [
                j
                for j in tree.query_ball_point(middle, PATCH_PIXELS * factor)
                if free[j]
                and cv2.pointPolygonTest(border, (float(peaks[j, 0]), float(peaks[j, 1])), False) >= 0
            ]
            if np.isin(pieces, held).all():
                free[held] = False
                rims.append(rim)
    left = [c for c, alone in zip(kept, free, strict=True) if alone]
    return sorted(rims + left, key=lambda c: -c.salience)


def _surround(points: Points) -> bool:
    """Whether points, (n, 2), lie around an empty middle: on every side of it, at like distance."""
    off = points - (points.min(axis=0) + points.max(axis=0)) / 2
    distance = np.hypot(*off.T)
    angles = np.sort(np.arctan2(off[:, 1], off[:, 0]))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    return bool(distance.min() > distance.max() / 2 and gaps.max() < np.pi)


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
