"""Bright objects of a view: where one stands out, and its outline on a finer rung of the ladder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np

from calcscope.breast.model import Breast
from calcscope.exam.model import Float, Mammogram, Points
from calcscope.specks.equalise import equalising
from calcscope.specks.outline import Shape, measure
from calcscope.specks.rays import Rays, rays
from calcscope.specks.saliency import Background, local_noise, quantisation_step
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
    logit, finer_logit, coarser_logit : of the network at its brightest point, on the rung it was found on,
        the next finer and the next coarser one, or the same where there is none; not a number where the
        network was not asked
    """

    rung: int
    salience: float
    peak: Points
    shape: Shape
    contrast: float
    snr: float
    rays: Rays
    logit: float
    finer_logit: float = np.nan
    coarser_logit: float = np.nan

    @property
    def slope(self) -> float:
        """Mean fall of the brightness across the outline, in units of ``Mammogram.pixels`` per mm."""
        return self.shape.sharpness * self.contrast


@dataclass(frozen=True)
class Rung:
    scale: Scale
    background: Background
    noise: Float

    @property
    def smooth(self) -> Float:
        return self.background.smooth


def rungs_of(mammogram: Mammogram, breast: Breast) -> list[Rung]:
    """The ladder of a view whose grey levels hold equal noise, each rung with its background and noise."""
    step = quantisation_step(mammogram.pixels)
    if not breast.search.any():
        return []
    even = equalising(mammogram.pixels, breast.search, mammogram.pixel_mm)
    rungs = []
    for scale in ladder(mammogram, breast.search, grey=even):
        # Averaging over factor² pixels also averages the quantisation's error.
        floor = step / np.sqrt(12) / scale.factor
        noise = local_noise(scale.pixels, scale.search, scale.pixel_mm, max(floor, 1e-7))
        rungs.append(Rung(scale, Background(scale.pixels), noise))
    return rungs


class Seed(NamedTuple):
    """A place where something stands out: how far, on which rung, and the network's logit there."""

    salience: float
    rung: int
    row: int
    column: int
    logit: float


def _rung_to_outline_on(rungs: list[Rung], k: int, row: int, column: int, salience: float) -> int:
    """The finest rung, ``FINER_RUNGS`` down at most, on which the object still stands clear of the noise."""
    height = salience * float(rungs[k].noise[row, column])
    for finer in range(max(0, k - FINER_RUNGS), k):
        noise = rungs[finer].noise
        ratio = rungs[k].scale.factor // rungs[finer].scale.factor
        at = min(row * ratio, noise.shape[0] - 1), min(column * ratio, noise.shape[1] - 1)
        if height >= CLEAR_OF_NOISE * float(noise[at]):
            return finer
    return k


def outline_of(rungs: list[Rung], seed: Seed) -> Candidate | None:
    """Outline the object seen at a place of a rung on a finer one, over the ground of its own."""
    salience, k, row, column, logit = seed
    window = Window(rungs, k, _rung_to_outline_on(rungs, k, row, column, salience), row, column)
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
    return None if shape is None else candidate_of(window, k, peak, shape, salience, logit)


def candidate_of(
    window: Window, k: int, peak: tuple[int, int], shape: Shape, salience: float, logit: float
) -> Candidate:
    """The object outlined in a window: peak and shape in the window's pixels."""
    contrast = float(window.excess[peak])
    start = RAYS_START * shape.length_mm / window.fine.scale.pixel_mm / 2 + 1.5
    around = rays(window.patch / contrast, shape.x, shape.y, start)
    top, centre = window.to_canonical(np.array([(peak[1], peak[0]), (shape.x, shape.y)]))
    snr = shape.energy / window.noise(peak)
    outline = window.to_canonical(shape.outline)
    shape = replace(shape, x=float(centre[0]), y=float(centre[1]), outline=outline)
    return Candidate(k, salience, top, shape, contrast, snr, around, logit)


class Window:
    """The image around (row, column) of rung ``k`` as rung ``finer`` shows it, and over rung ``k``'s ground.

    ``PATCH_PIXELS`` of rung ``k`` to each side, less where the image ends. ``row`` and ``column`` are those
    of the window's corner on rung ``finer``.
    """

    def __init__(self, rungs: list[Rung], k: int, finer: int, row: int, column: int) -> None:
        self.fine = rungs[finer]
        self.ratio = ratio = rungs[k].scale.factor // self.fine.scale.factor
        r0, c0 = max(0, row - PATCH_PIXELS), max(0, column - PATCH_PIXELS)
        r1, c1 = row + PATCH_PIXELS + 1, column + PATCH_PIXELS + 1
        self.row, self.column = r0 * ratio, c0 * ratio
        ground = rungs[k].background.ground(r0, r1, c0, c1)
        rows, columns = ground.shape[0] * ratio, ground.shape[1] * ratio
        self.patch: Float = self.fine.smooth[r0 * ratio : r1 * ratio, c0 * ratio : c1 * ratio][
            :rows, :columns
        ]
        if ratio > 1:
            ground = np.asarray(cv2.resize(ground, (columns, rows), interpolation=cv2.INTER_LINEAR))
        self.excess = self.patch - ground[: self.patch.shape[0], : self.patch.shape[1]]

    @classmethod
    def around(cls, rungs: list[Rung], k: int, finer: int, xy: Points) -> Window:
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
