"""Calcifications and fibres set into real films, for fitting the judge of candidates.

A calcification's brightness is its thickness times a contrast per millimetre, blurred by the film and the
digitiser. There are clumps of overlapping balls, casts of ducts (lines of uneven thickness, some branched),
rods and rims. Fibres are broader, fainter lines that run on for centimetres, alone and across one another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.breast.model import Breast
from calcscope.exam import Mammogram, Orientation
from calcscope.exam.model import Float
from calcscope.specks.judge import breast_grey_range
from calcscope.specks.scales import block_means

Random = np.random.Generator
Points = NDArray[np.float64]
Shape = Callable[[float, float, Random], tuple[Float, Points]]
"""(greatest extent mm, mm per pixel, random) to thickness in mm, and the course of a line through the shape,
pixels from the middle of the patch: a single point in a compact one."""

SIZES_MM = (0.12, 3.0)
CONTRAST_PER_MM = (0.05, 0.7)
"""Of the breast's grey range for each mm of calcification: the coarse calcifications of these films show
0.12 to 0.44; other films and processings differ, and amorphous ones are only in part of calcium."""

BLUR_MM = (0.03, 0.08)
"""Gaussian sigma of film, screen and digitiser together."""

CLUMPS, RODS, RIMS = 40, 8, 6
"""Lone ones set into each film."""

GROUPS = 14
"""Set into each film; a group has 4 to 16 members of up to this size."""
LARGEST_IN_GROUP_MM = 1.5

GROUPS_OF_CASTS = 0.4
CAST_MM = (0.5, 4.0)
"""Share of the groups in which casts lie among the clumps, and their length."""

CROSSINGS = 40
"""Places in each film where one to three fibres pass."""
FIBRE_WIDTH_MM = (0.2, 1.5)
FIBRE_LENGTH_MM = (5.0, 25.0)
FIBRE_CONTRAST_PER_MM = (0.05, 0.5)
BRIGHTEST_FIBRE = 0.3
"""Of the breast's grey range, for each mm of width and at most."""
FIBRE_BEND = 0.05
"""Radians by which its heading wanders per root of a mm."""
LEAST_ANGLE = np.radians(25)
"""Between fibres that cross."""

MARGIN = 8
"""Pixels around a shape, for the blur."""


@dataclass(frozen=True)
class Placed:
    """A simulated calcification.

    Parameters
    ----------
    course : (n, 2) x, y in canonical pixels: points along a line, or the one centre of a compact shape
    size_mm : greatest extent of a compact shape, width of a line
    """

    course: Points
    size_mm: float


def set_in(film: Mammogram, breast: Breast, random: Random) -> tuple[list[Placed], Mammogram]:
    """The film with calcifications and fibres set in, and where the calcifications are."""
    pixels = film.pixels.copy()
    grey = breast_grey_range(film, breast)
    inside = np.argwhere(breast.search[::8, ::8]) * 8
    blur = random.uniform(*BLUR_MM) / film.pixel_mm

    def somewhere() -> tuple[int, int]:
        row, column = inside[random.integers(len(inside))]
        return int(column), int(row)

    for _ in range(CROSSINGS):
        _add_fibres(pixels, somewhere(), film.pixel_mm, grey, random)
    places: list[tuple[tuple[int, int], Shape, float, float]] = []  # where, shape, size, contrast per mm
    for lone, count, limits in (
        (clump, CLUMPS, SIZES_MM),
        (rod, RODS, (1.0, 5.0)),
        (rim, RIMS, (1.0, 5.0)),
    ):
        for _ in range(count):
            size = log_uniform(random, limits)
            places.append((somewhere(), lone, size, log_uniform(random, CONTRAST_PER_MM)))
    for _ in range(GROUPS):
        column, row = somewhere()
        spread = random.uniform(1, 5) / film.pixel_mm
        largest = log_uniform(random, (0.25, LARGEST_IN_GROUP_MM))
        contrast = log_uniform(random, CONTRAST_PER_MM)
        casts = random.random() < GROUPS_OF_CASTS
        for _ in range(random.integers(4, 17)):
            dx, dy = random.normal(0, spread / 2, 2)
            where = round(column + dx), round(row + dy)
            if casts and random.random() < 0.7:
                places.append((where, cast, log_uniform(random, CAST_MM), contrast))
            else:
                places.append((where, clump, log_uniform(random, (SIZES_MM[0], largest)), contrast))
    placed = []
    for (column, row), shape, size, contrast in places:
        thickness, course = shape(size, film.pixel_mm, random)
        half = thickness.shape[0] // 2
        r0, c0 = row - half, column - half
        r1, c1 = r0 + thickness.shape[0], c0 + thickness.shape[1]
        if r0 < 0 or c0 < 0 or r1 > pixels.shape[0] or c1 > pixels.shape[1] or not breast.search[row, column]:
            continue
        # The kernel grows with the patch's own margin, which leaves room for the blur.
        bright = cv2.GaussianBlur(thickness, (0, 0), blur) * np.float32(contrast * grey)
        pixels[r0:r1, c0:c1] += bright
        width = size if len(course) == 1 else float(thickness.max())
        placed.append(Placed(course + np.array([column, row]), width))
    return placed, replace(film, pixels=np.minimum(pixels, 1.0))


def clump(size_mm: float, pixel_mm: float, random: Random) -> tuple[Float, Points]:
    """Overlapping balls within a circle of diameter ``size_mm``."""
    _, rows, columns = _patch(size_mm, pixel_mm)
    thickness = np.zeros(rows.shape)
    stretch = random.uniform(0.4, 1.0)
    turn = random.uniform(0, np.pi)
    for _ in range(random.integers(1, 6)):
        radius = size_mm / 2 * random.uniform(0.35, 0.8)
        reach = max(size_mm / 2 - radius, 0)
        along, across = random.uniform(-reach, reach), random.uniform(-reach, reach) * stretch
        x = along * np.cos(turn) - across * np.sin(turn)
        y = along * np.sin(turn) + across * np.cos(turn)
        chord = radius**2 - (columns - x) ** 2 - (rows - y) ** 2
        thickness = np.maximum(thickness, 2 * np.sqrt(np.maximum(chord, 0)))
    return np.asarray(thickness * random.uniform(0.5, 1.0), dtype=np.float32), np.zeros((1, 2))


def cast(size_mm: float, pixel_mm: float, random: Random) -> tuple[Float, Points]:
    """A bent line of calcium of uneven thickness, one in three branched."""
    half, rows, _ = _patch(size_mm, pixel_mm)
    angle = random.uniform(0, 2 * np.pi)
    start = -0.4 * size_mm * np.array([np.cos(angle), np.sin(angle)])
    course = walk(start, angle, 0.8 * size_mm, 0.4, pixel_mm, random)
    courses = [course]
    if random.random() < 1 / 3:
        fork = course[random.integers(len(course) // 4, max(len(course) * 3 // 4, 1))]
        side = angle + random.choice((-1, 1)) * random.uniform(0.4, 1.0)
        courses.append(walk(fork * pixel_mm, side, 0.35 * size_mm, 0.4, pixel_mm, random))
    width = log_uniform(random, (0.1, min(0.5, 0.4 * size_mm)))
    lumps = cv2.GaussianBlur(random.normal(0, 1, rows.shape), (0, 0), max(width / pixel_mm, 1.0))
    uneven = np.clip(0.75 + 0.25 * lumps / max(float(lumps.std()), 1e-9), 0.3, 1.0)
    thickness = _tube(courses, width, pixel_mm, half) * uneven
    # Its points lie as far apart as the candidates of a line that comes apart.
    return np.asarray(thickness, dtype=np.float32), np.concatenate(courses)[:: max(1, round(0.1 / pixel_mm))]


def rod(size_mm: float, pixel_mm: float, random: Random) -> tuple[Float, Points]:
    """A smooth thick line of even width."""
    half, *_ = _patch(size_mm, pixel_mm)
    angle = random.uniform(0, 2 * np.pi)
    start = -0.45 * size_mm * np.array([np.cos(angle), np.sin(angle)])
    course = walk(start, angle, 0.9 * size_mm, 0.08, pixel_mm, random)
    width = log_uniform(random, (0.25, min(1.0, 0.4 * size_mm)))
    return _tube([course], width, pixel_mm, half), course[:: max(1, round(0.1 / pixel_mm))]


def rim(size_mm: float, pixel_mm: float, random: Random) -> tuple[Float, Points]:
    """A hollow ball."""
    _, rows, columns = _patch(size_mm, pixel_mm)
    outer = size_mm / 2
    inner = outer * random.uniform(0.4, 0.9)
    square = rows**2 + columns**2
    hollow = np.sqrt(np.maximum(outer**2 - square, 0)) - np.sqrt(np.maximum(inner**2 - square, 0))
    return np.asarray(2 * hollow * random.uniform(0.5, 1.0), dtype=np.float32), np.zeros((1, 2))


def _patch(size_mm: float, pixel_mm: float) -> tuple[int, Points, Points]:
    """Half size in pixels, and the mm of each row and column, of a patch that holds ``size_mm``."""
    half = int(np.ceil(size_mm / pixel_mm / 2)) + MARGIN
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1] * pixel_mm
    return half, rows, columns


def walk(
    start: Points, angle: float, length_mm: float, bend: float, pixel_mm: float, random: Random
) -> Points:
    """Points a pixel apart, in pixels, along a path from ``start`` (mm) whose heading wanders by ``bend``
    radians per root of a mm."""
    count = max(2, round(length_mm / pixel_mm))
    heading = angle + np.cumsum(random.normal(0, bend * np.sqrt(pixel_mm), count))
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    return np.asarray(start / pixel_mm + np.cumsum(steps, axis=0))


def _tube(courses: list[Points], width_mm: float, pixel_mm: float, half: int) -> Float:
    """Thickness in mm of round tubes along paths given in pixels from the middle of the patch."""
    distance = tube_distance(courses, pixel_mm, half)
    return np.asarray(2 * np.sqrt(np.maximum((width_mm / 2) ** 2 - distance**2, 0)), dtype=np.float32)


def tube_distance(courses: list[Points], pixel_mm: float, half: int) -> Float:
    """Distance in mm of each pixel of a patch to the nearest of paths given in pixels from its middle."""
    away = np.full((2 * half + 1, 2 * half + 1), 255, dtype=np.uint8)
    for course in courses:
        cv2.polylines(away, [np.rint(course + half).astype(np.int32)], False, 0)
    return np.asarray(cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * pixel_mm)


def fibre_course(angle: float, length_mm: float, pixel_mm: float, random: Random) -> Points:
    """Points a pixel apart, in pixels from its middle, along a fibre that heads for ``angle`` there."""
    ahead = walk(np.zeros(2), angle, length_mm / 2, FIBRE_BEND, pixel_mm, random)
    behind = walk(np.zeros(2), angle + np.pi, length_mm / 2, FIBRE_BEND, pixel_mm, random)
    return np.concatenate([behind[::-1], ahead])


def _add_fibres(pixels: Float, centre: tuple[int, int], pixel_mm: float, grey: float, random: Random) -> None:
    """Add one to three fibres that pass through ``centre``."""
    angles: list[float] = []
    for _ in range(random.integers(1, 4)):
        angle = random.uniform(0, np.pi)
        if any(abs(np.sin(angle - other)) < np.sin(LEAST_ANGLE) for other in angles):
            continue
        angles.append(angle)
        length = log_uniform(random, FIBRE_LENGTH_MM)
        width = log_uniform(random, FIBRE_WIDTH_MM)
        sigma = width / 2.355
        height = min(width * log_uniform(random, FIBRE_CONTRAST_PER_MM), BRIGHTEST_FIBRE) * grey
        half = int(length / pixel_mm / 2 + 3 * sigma / pixel_mm) + MARGIN
        distance = tube_distance([fibre_course(angle, length, pixel_mm, random)], pixel_mm, half)
        along = np.hypot(*np.mgrid[-half : half + 1, -half : half + 1]) * pixel_mm / (length / 2)
        fades = np.clip(1.5 * (1 - along), 0, 1)  # a fibre dives out of the plane, it does not end blunt
        fibre = height * fades * np.exp(-0.5 * (distance / sigma) ** 2)
        column, row = centre
        r0, c0 = max(row - half, 0), max(column - half, 0)
        r1, c1 = min(row + half + 1, pixels.shape[0]), min(column + half + 1, pixels.shape[1])
        pixels[r0:r1, c0:c1] += fibre[
            r0 - row + half : r1 - row + half, c0 - column + half : c1 - column + half
        ]


def reduce(film: Mammogram, reduction: int) -> Mammogram:
    """The film at a pixel size ``reduction`` times as coarse, with 8 bits above 0.2 mm as such scans have."""
    if reduction == 1:
        return film
    pixels = block_means(film.pixels, reduction)
    rows, columns = pixels.shape
    pixel_mm = film.pixel_mm * reduction
    if pixel_mm > 0.2:
        pixels = np.round(pixels * 255) / np.float32(255)
    return Mammogram(
        info=replace(film.info, rows=rows, columns=columns, pixel_mm=pixel_mm),
        pixels=np.asarray(pixels, dtype=np.float32),
        valid=np.ones((rows, columns), dtype=bool),
        orientation=Orientation(rows, columns),
        display=film.display,
    )


def log_uniform(random: Random, limits: tuple[float, float]) -> float:
    """A number whose logarithm is evenly spread."""
    return float(np.exp(random.uniform(np.log(limits[0]), np.log(limits[1]))))
