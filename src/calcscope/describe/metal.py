"""Wires, clips and balls: bodies of one width that stop the whole beam up to a border as steep as blur lets.

They are looked for in the image itself: a long wire is no speck, so that the search for specks sees pieces of
it or nothing. Balls that :mod:`calcscope.breast` did not leave out are found here too. Tissue and skin that
saturate the display are still bright a third of a millimetre beyond their border; calcium that saturates it
is uneven in width, or has slopes that reach farther than the blur.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from calcscope import lexicon
from calcscope.breast.model import Breast
from calcscope.describe.model import Mimic
from calcscope.exam.model import Mammogram, Points

LEAST_MM2, LEAST_MM = 0.5, 2.0
"""Least area of what is looked for, and least length of a clip."""
WIRE_FROM_MM = 5.5
"""A longer body is a wire or a needle; clips are shorter."""
WIDTH_MM = {"metal": 0.55, "clip": 0.75}
"""Greatest mean width. A wire is thinner than most rods of calcium, which are as long and half a millimetre
wide or more; a clip is shorter than they are."""
UNEVEN = {"metal": 0.22, "clip": 0.12}
"""Most that the width varies along the body (standard deviation over mean); long ones cross bright tissue."""
SLENDER = 2.8
"""Least length over mean width."""
BEYOND_MM, DARK = (0.2, 0.35), 0.8
"""Median brightness this far outside the border, as a share of the range: no more than this."""
SLOPE_MM = 0.1
"""Half height lies no farther beyond the border of what is at the top: as far as the blur of the system
(about 0.1 mm, full width at half maximum) carries it. Drawn metal has 0.03 to 0.10; rods of calcium that were
made to saturate the display mostly more."""
STRAIGHT = 0.75
"""Least distance between the ends as a share of the length: rims are closed."""
BALL_MM, ROUND, BALL_DARK = (1.4, 3.0), 0.9, 0.5
"""Diameter of a ball, the share of its circle that it fills, and brightness around it: no calcification of a
group is as large, and around others more of them is left."""


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
    top = lexicon.load("describe")["metal_brightness"]["value"]
    bright = ((mammogram.pixels >= top) & breast.search).astype(np.uint8)
    _, labels, boxes, centres = cv2.connectedComponentsWithStats(bright, connectivity=8)
    bodies = []
    for n in np.flatnonzero(boxes[:, cv2.CC_STAT_AREA] * mammogram.pixel_mm**2 >= LEAST_MM2):
        if n == 0:  # what is not bright
            continue
        form, pixels = _form(mammogram, labels, int(n), boxes[n])
        if form is None:
            continue
        kind = "marker" if _is_ball(form) else _bar(form)
        if kind is None:
            continue
        x, y = (float(value) for value in centres[n])
        bodies.append(Body(Mimic(x, y, kind, form.length_mm), pixels))
    return bodies


def _is_ball(form: _Form) -> bool:
    return (
        BALL_MM[0] <= form.across_mm <= BALL_MM[1]
        and form.filled >= ROUND
        and form.beyond <= BALL_DARK
        and form.slope_mm <= SLOPE_MM
    )


def _bar(form: _Form) -> str | None:
    kind = "metal" if form.length_mm >= WIRE_FROM_MM else "clip"
    thin = (
        form.length_mm >= max(LEAST_MM, SLENDER * form.width_mm)
        and form.width_mm <= WIDTH_MM[kind]
        and form.straightness >= STRAIGHT
        and form.unevenness <= UNEVEN[kind]
    )
    return kind if thin and form.beyond <= DARK and form.slope_mm <= SLOPE_MM else None


def _form(
    mammogram: Mammogram, labels: NDArray[np.int32], number: int, box: NDArray[np.int32]
) -> tuple[_Form | None, Points]:
    mm = mammogram.pixel_mm
    x, y, columns, rows = (int(value) for value in box[:4])
    margin = int(np.ceil(2 * BEYOND_MM[1] / mm)) + 1
    left, upper = max(x - margin, 0), max(y - margin, 0)
    window = np.s_[upper : y + rows + margin, left : x + columns + margin]
    body = (labels[window] == number).astype(np.uint8)
    patch = mammogram.pixels[window]
    row, column = np.nonzero(body)
    pixels = np.stack([column + left, row + upper], axis=1).astype(np.float64)
    away = cv2.distanceTransform(1 - body, cv2.DIST_L2, cv2.DIST_MASK_5) * mm
    ring = (away >= BEYOND_MM[0]) & (away <= BEYOND_MM[1])
    middle = skeletonize(body > 0)  # type: ignore[no-untyped-call]
    depth: NDArray[np.float32] = np.asarray(
        cv2.distanceTransform(np.pad(body, 1), cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1], dtype=np.float32
    )
    if not ring.any():
        return None, pixels
    beyond = float(np.median(patch[ring]))
    peak = float(patch[body > 0].max())
    area = len(row) * mm**2
    half = np.count_nonzero((patch >= (peak + beyond) / 2) & (away <= BEYOND_MM[1])) * mm**2
    extent = float(np.hypot(columns, rows)) * mm
    across = (2 * cv2.minEnclosingCircle(pixels.astype(np.float32))[1] + 1) * mm
    filled = area / (np.pi / 4 * across**2)
    inner = depth[_off_ends(middle, depth)]
    if filled >= ROUND or len(inner) < 3:
        slope = float(np.sqrt(half / np.pi) - np.sqrt(area / np.pi))
        return _Form(across, filled, across, across, 1.0, 1.0, beyond, slope), pixels
    length = max((np.count_nonzero(middle) + 2 * float(inner.mean())) * mm, extent)
    return (
        _Form(
            across,
            filled,
            length,
            width_mm=area / length,
            unevenness=float(inner.std() / inner.mean()),
            straightness=extent / length,
            beyond=beyond,
            slope_mm=(half - area) / (2 * length),
        ),
        pixels,
    )


def _off_ends(middle: NDArray[np.bool_], depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a middle line is farther from its ends than the body is wide there, bool (rows, columns)."""
    neighbours = cv2.filter2D(middle.astype(np.uint8), -1, np.ones((3, 3), np.uint8))
    ends = middle & (neighbours <= 2)
    if not ends.any():
        return middle
    away = cv2.distanceTransform((~ends).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(middle & (away > 2 * depth[middle].mean()))
