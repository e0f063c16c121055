"""Wires, clips and balls: bodies of one width that stop the whole beam up to a border as steep as blur lets.

They are looked for in the image itself: a long wire is no speck, so that the search for specks sees pieces of
it or nothing. Balls that :mod:`calcscope.breast` did not leave out are found here too. Tissue and skin that
saturate the display are still bright a third of a millimetre beyond their border; calcium that saturates it
is uneven in width, or has slopes that reach farther than the blur.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from calcscope.breast.model import Breast
from calcscope.describe.model import Mimic
from calcscope.describe.thresholds import thresholds
from calcscope.exam.model import Mammogram, Points

LEAST_MM2, LEAST_MM = 0.5, 2.0
"""Least area of what is looked for, and least length of a clip."""
WIRE_FROM_MM = 5.5
"""A longer body is a wire or a needle; clips are shorter."""
WIDTH_MM = {"metal": 0.6, "clip": 0.85}
"""Greatest mean width at the top of the range, which blur makes a quarter of a millimetre wider than the
metal where the display is bright. A wire is thinner than most rods of calcium, which are as long and half a
millimetre wide or more before they are blurred; a clip is shorter than they are."""
CLIP_FROM_MM = 0.5
"""Least mean width of a clip: pieces of a calcified vessel's wall are thinner."""
LONG_WIDTH_MM = 0.65
"""The same of a wire that is longer than rods are."""
UNEVEN, OFF_GRID = {"metal": 0.22, "clip": 0.12}, 0.3
"""Most that the width varies along the body (standard deviation over mean), long ones cross bright tissue;
and by how many pixels half of it is uncertain, since a body does not lie along the grid."""
SLENDER = 2.8
"""Least length over mean width."""
BEYOND_MM, DARK = (0.2, 0.35), 0.8
"""Median brightness this far outside the border, as a share of the range: no more than this."""
SLOPE_MM = 0.11
"""Half height lies no farther beyond the border of what is at the top: as far as the blur of the system
(about 0.1 mm, full width at half maximum) carries it. Drawn metal has 0.03 to 0.10; rods of calcium that were
made to saturate the display mostly more."""
STRAIGHT = {"metal": 0.75, "clip": 0.95}
"""Least distance between the ends as a share of the length: rims are closed, and clips do not bend."""
BALL_MM, ROUND, BALL_DARK = (1.4, 3.0), 0.88, 0.5
"""Diameter of a ball, the share of its circle that it fills, and brightness around it: no calcification of a
group is as large, and around others more of them is left."""

SHARP_MM, SHARP_DARK = 0.3, 0.7
"""A border is sharp where the image falls to this brightness within this distance."""
ARC, OFF_CIRCLE_MM, FULL = 2.0, 0.06, 0.97
"""Least turn (radians) of the free part of a ball's border, most that it lies off a circle (root mean
square), and least share of the circle that is at the top of the range."""
ALL_ROUND, AT_SKIN_MM = 5.0, 10.0
"""A ball less free than this must lie this near the skin line, which is what hides part of it: lumps of
calcium that saturate the display hide one another."""
BLOCK = 4
"""Pixels a side of the blocks in which what is bright is looked for first."""


class Body(NamedTuple):
    """One metal body: what it is, and the pixels (x, y) that it covers."""

    mimic: Mimic
    pixels: Points


class _Form(NamedTuple):
    across_mm: float
    filled: float
    length_mm: float
    width_mm: float
    unevenness: float
    straightness: float
    beyond: float
    slope_mm: float


def find_metal(mammogram: Mammogram, breast: Breast) -> list[Body]:
    """Wires (``metal``), clips (``clip``) and balls (``marker``) over the breast."""
    bodies = []
    for window, body in _bright(mammogram, breast):
        form = _form(mammogram, window, body)
        kind = None if form is None else "marker" if _is_ball(form) else _bar(form, mammogram.pixel_mm)
        y, x = (part.start for part in window)
        if form is not None and kind is not None:
            row, column = np.nonzero(body)
            pixels = np.stack([column + x, row + y], axis=1).astype(np.float64)
            middle = pixels.mean(axis=0)
            bodies.append(Body(Mimic(float(middle[0]), float(middle[1]), kind, form.length_mm), pixels))
            continue
        for circle, free in _balls_at_the_border(mammogram, window, body):
            away = np.hypot(*(breast.skin_line - circle[:2] - (x, y)).T).min(initial=np.inf)
            if free < ALL_ROUND and away * mammogram.pixel_mm > AT_SKIN_MM:
                continue
            bodies.append(_disc(circle + np.array([x, y, 0]), mammogram))
    return bodies


def _bright(mammogram: Mammogram, breast: Breast) -> Iterator[tuple[tuple[slice, slice], NDArray[np.uint8]]]:
    """Each body at the top of the range: its window in the image, uint8 of that window."""
    top = float(thresholds()["metal_brightness"]["value"])
    bright = (mammogram.pixels >= top).view(np.uint8)
    bright &= breast.search.view(np.uint8)
    bright *= np.uint8(255)  # so that one pixel of a block shows in the block's mean
    # Bodies are told apart at full size, but where there are any blocks of pixels tell as well.
    rows, columns = bright.shape
    bright = np.pad(bright, ((0, -rows % BLOCK), (0, -columns % BLOCK)))
    size = (bright.shape[1] // BLOCK, bright.shape[0] // BLOCK)
    blocks = np.asarray(cv2.resize(bright, size, interpolation=cv2.INTER_AREA)) > 0
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(blocks.view(np.uint8), connectivity=8)
    least = LEAST_MM2 / mammogram.pixel_mm**2
    for part in np.flatnonzero(boxes[:, cv2.CC_STAT_AREA] * BLOCK**2 >= least):
        if part == 0:  # what is not bright
            continue
        x, y, width, height = (int(value) for value in boxes[part, :4])
        own = (parts[y : y + height, x : x + width] == part).astype(np.uint8)
        own = cv2.resize(own, None, fx=BLOCK, fy=BLOCK, interpolation=cv2.INTER_NEAREST)
        x, y = BLOCK * x, BLOCK * y
        own = cv2.bitwise_and(own, bright[y : y + own.shape[0], x : x + own.shape[1]])
        _, labels, inner, _ = cv2.connectedComponentsWithStats(own, connectivity=8)
        for n in np.flatnonzero(inner[:, cv2.CC_STAT_AREA] >= least):
            if n == 0:
                continue
            left, upper, width, height = (int(value) for value in inner[n, :4])
            body = (labels[upper : upper + height, left : left + width] == n).astype(np.uint8)
            yield np.s_[y + upper : y + upper + height, x + left : x + left + width], body


def _balls_at_the_border(
    mammogram: Mammogram, window: tuple[slice, slice], body: NDArray[np.uint8]
) -> list[tuple[NDArray[np.float64], float]]:
    """Circles (x, y, radius in pixels of the window) of balls that lie partly over what is as bright, each
    with the turn (radians) of its free border.

    Skin and tissue that saturate the display fade away beyond their border, metal does not: the part of a
    body's border that is sharp shows how much of a circle is free.
    """
    mm = mammogram.pixel_mm
    contours, _ = cv2.findContours(body, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    line = max(contours, key=len)[:, 0].astype(np.intp)
    turns = np.arange(12) * np.pi / 6
    around = np.rint(SHARP_MM / mm * np.stack([np.cos(turns), np.sin(turns)], axis=1)).astype(np.intp)
    x, y = np.moveaxis(line[:, None] + around + (window[1].start, window[0].start), 2, 0)
    rows, columns = mammogram.pixels.shape
    darkest = mammogram.pixels[np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1)].min(axis=1)
    sharp = darkest <= SHARP_DARK
    if sharp.all() or not sharp.any():
        return []
    first = int(np.argmin(sharp))
    line, sharp = np.roll(line, -first, axis=0), np.roll(sharp, -first)
    ends = np.flatnonzero(np.diff(np.pad(sharp.astype(np.int8), 1)))
    found = []
    for start, stop in zip(ends[::2], ends[1::2], strict=True):
        arc = line[start:stop].astype(np.float64)
        if len(arc) * mm < BALL_MM[0]:
            continue
        # Least squares of x² + y² = 2 a x + 2 b y + c, about the arc's middle.
        middle = arc.mean(axis=0)
        about = arc - middle
        unknown = np.column_stack([2 * about, np.ones(len(about))])
        (a, b, c), *_ = np.linalg.lstsq(unknown, (about**2).sum(axis=1), rcond=None)
        radius = float(np.sqrt(max(c + a**2 + b**2, 0)))
        if not BALL_MM[0] <= 2 * radius * mm <= BALL_MM[1]:
            continue
        circle = np.array([middle[0] + a, middle[1] + b, radius])
        away = np.hypot(*(about - (a, b)).T)
        free = float(np.ptp(np.unwrap(np.arctan2(*(about - (a, b)).T))))
        x, y = _inside(circle, body.shape).T
        if (
            free >= ARC
            and np.sqrt(np.mean((away - radius) ** 2)) * mm <= OFF_CIRCLE_MM
            and body[y, x].mean() >= FULL
        ):
            found.append((circle, free))
    return found


def _inside(circle: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Pixels (n, 2: x, y) in a circle (x, y, radius), of an image of this shape."""
    x, y, radius = circle
    low = np.maximum(np.floor(circle[:2] - radius).astype(int), 0)
    high = np.minimum(np.ceil(circle[:2] + radius).astype(int) + 1, shape[::-1])
    row, column = np.mgrid[low[1] : high[1], low[0] : high[0]]
    inside = np.hypot(column - x, row - y) <= radius
    return np.stack([column[inside], row[inside]], axis=1)


def _disc(circle: NDArray[np.float64], mammogram: Mammogram) -> Body:
    """The ball that a circle (x, y, radius in pixels of the image) bounds."""
    x, y, radius = (float(value) for value in circle)
    pixels = _inside(circle, mammogram.pixels.shape).astype(np.float64)
    return Body(Mimic(x, y, "marker", 2 * radius * mammogram.pixel_mm), pixels)


def _is_ball(form: _Form) -> bool:
    return (
        BALL_MM[0] <= form.across_mm <= BALL_MM[1]
        and form.filled >= ROUND
        and form.beyond <= BALL_DARK
        and form.slope_mm <= SLOPE_MM
    )


def _bar(form: _Form, pixel_mm: float) -> str | None:
    kind = "metal" if form.length_mm >= WIRE_FROM_MM else "clip"
    longest_rod = thresholds()["rod_to_mm"]["value"]
    if kind == "clip" and form.width_mm < CLIP_FROM_MM:
        return None
    uncertain = OFF_GRID * pixel_mm / (form.width_mm / 2)
    thin = (
        form.length_mm >= max(LEAST_MM, SLENDER * form.width_mm)
        and form.width_mm <= (LONG_WIDTH_MM if form.length_mm > longest_rod else WIDTH_MM[kind])
        and form.straightness >= STRAIGHT[kind]
        and form.unevenness <= np.hypot(UNEVEN[kind], uncertain)
    )
    return kind if thin and form.beyond <= DARK and form.slope_mm <= SLOPE_MM else None


def _form(mammogram: Mammogram, window: tuple[slice, slice], body: NDArray[np.uint8]) -> _Form | None:
    """Measures of a body, None where it can be neither ball nor bar."""
    mm = mammogram.pixel_mm
    rows, columns = body.shape
    extent = float(np.hypot(columns, rows)) * mm
    area = np.count_nonzero(body) * mm**2
    if max(rows, columns) * mm > BALL_MM[1] and area > max(WIDTH_MM.values()) * extent / min(
        STRAIGHT.values()
    ):
        return None
    margin = int(np.ceil(2 * BEYOND_MM[1] / mm)) + 1
    before = [min(part.start, margin) for part in window]
    patch = mammogram.pixels[
        tuple(slice(part.start - less, part.stop + margin) for part, less in zip(window, before, strict=True))
    ]
    after = np.subtract(patch.shape, body.shape) - before
    body = np.pad(body, list(zip(before, after.tolist(), strict=True)))
    # Noise at the border makes holes that would be branches of the middle line.
    body = np.asarray(cv2.morphologyEx(body, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    row, column = np.nonzero(body)
    pixels = np.stack([column, row], axis=1)
    away = cv2.distanceTransform(1 - body, cv2.DIST_L2, cv2.DIST_MASK_5) * mm
    ring = (away >= BEYOND_MM[0]) & (away <= BEYOND_MM[1])
    middle = skeletonize(body > 0)  # type: ignore[no-untyped-call]
    depth: NDArray[np.float32] = np.asarray(
        cv2.distanceTransform(np.pad(body, 1), cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1], dtype=np.float32
    )
    if not ring.any():
        return None
    beyond = float(np.median(patch[ring]))
    peak = float(patch[body > 0].max())
    half = np.count_nonzero((patch >= (peak + beyond) / 2) & (away <= BEYOND_MM[1])) * mm**2
    across = (2 * cv2.minEnclosingCircle(pixels.astype(np.float32))[1] + 1) * mm
    filled = area / (np.pi / 4 * across**2)
    inner = depth[_off_ends(middle, depth)]
    if filled >= ROUND or len(inner) < 3:
        slope = float(np.sqrt(half / np.pi) - np.sqrt(area / np.pi))
        return _Form(across, filled, across, across, 1.0, 1.0, beyond, slope)
    length = max((np.count_nonzero(middle) + 2 * float(inner.mean())) * mm, extent)
    return _Form(
        across,
        filled,
        length,
        width_mm=area / length,
        unevenness=float(inner.std() / inner.mean()),
        straightness=extent / length,
        beyond=beyond,
        slope_mm=(half - area) / (2 * length),
    )


def _off_ends(middle: NDArray[np.bool_], depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a middle line is farther from its ends than the body is wide there, bool (rows, columns)."""
    neighbours = cv2.filter2D(middle.astype(np.uint8), -1, np.ones((3, 3), np.uint8))
    ends = middle & (neighbours <= 2)
    if not ends.any():
        return middle
    away = cv2.distanceTransform((~ends).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(middle & (away > 2 * depth[middle].mean()))
