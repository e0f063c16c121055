"""Smears of ointment drawn on the skin of real views, to see what the reading makes of them.

Ointment with a fifth of zinc oxide attenuates a mammographic beam (18 keV) by about 0.9 a mm, nine times as
much as skin: working figures of this software that no table was read for. Seen from above, a wiped
layer is a patch of streaks with lines where it fills the creases; seen edge on, at the skin line, the same
layer is a thin bright rim, because the beam runs along it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from calcscope.breast.model import Breast
from calcscope.exam.model import Float, Mammogram, Mask, Points
from calcscope.phantom.drawn.paths import Random

BRIGHTNESS = {"film": 0.37, "digital": 0.3}
"""Grey (of 0…1) that a unit of attenuation adds: a film's gradient of 3 over its range; a display's."""
FULL_CONTRAST = 0.25
LEAST_CONTRAST = 0.15
"""Below this grey a film's toe takes contrast, down to this share of it."""
GRID_MM = 0.1
"""Smears are drawn at this step and then enlarged: their streaks are wider."""
LENGTH_MM, WIDTH_MM, DEPTH_MM = (10.0, 25.0), (3.0, 8.0), (1.0, 6.0)
"""Size of a smear, and how far from the skin line a patch has its middle."""
LAYER_MM, CURVE_MM, REACH_MM = 0.1, 25.0, 2.0
"""Thickness of the layer that is seen edge on, the radius of the compressed breast's border, and how far the
layer goes inwards."""
BLUR_MM = 0.1 / 2.355
OFF_WALL_MM = 15.0
"""At the chest wall edge the outline's end is not sure to be skin: smears lie this far off it."""
OUTLINE_MM = 1.0
"""Smoothing of the outline that the rim follows, standard deviation."""


@dataclass(frozen=True)
class Smear:
    """A view with a smear: its pixels, and where it was drawn, both (rows, columns)."""

    pixels: Float
    drawn: Mask


def smear_patch(mammogram: Mammogram, breast: Breast, attenuation: float, rng: Random) -> Smear:
    """Ointment seen from above, within a few mm of the skin line; ``attenuation`` is what a layer has."""
    place, along, inwards = _place(breast, rng)
    length, width = rng.uniform(*LENGTH_MM), rng.uniform(*WIDTH_MM)
    tilt = along + rng.normal(0, 0.25)
    crossing = along + rng.normal(0, 0.3)

    centre = place + inwards * rng.uniform(*DEPTH_MM) / mammogram.pixel_mm
    return _painted(
        mammogram,
        breast,
        centre,
        length / 2 + 4,
        lambda u, v: attenuation * layer(rng, u, v, along, tilt, crossing, (length, width)),
    )


def layer(
    rng: Random, u: Float, v: Float, along: float, tilt: float, crossing: float, size_mm: tuple[float, float]
) -> Float:
    """Thickness of a wiped layer at (u, v) mm from its middle (both (n, n) at ``GRID_MM``); 1 where full.

    ``along`` is the direction of its length, ``tilt`` of the strokes and ``crossing`` of the skin's creases.
    """
    n = len(u)
    s, w = u * np.cos(along) + v * np.sin(along), v * np.cos(along) - u * np.sin(along)
    length, width = size_mm
    ragged = np.hypot(s / (length / 2), w / (width / 2)) - 1 + 0.12 * _streaks(rng, n, 0.0, 0.8, 0.8)
    strokes = 0.4 + 0.5 * np.maximum(_streaks(rng, n, tilt, rng.uniform(0.12, 0.3), rng.uniform(2, 5)), -0.8)
    creases = np.maximum(_streaks(rng, n, crossing, 0.1, 1.5) - 1.2, 0)
    return np.asarray(_within(ragged / 0.04) * np.maximum(strokes + 1.2 * creases, 0.05))


def smear_edge(mammogram: Mammogram, breast: Breast, per_mm: float, rng: Random) -> Smear:
    """Ointment seen edge on along the skin line; ``per_mm`` is its attenuation a mm."""
    place, along, _ = _place(breast, rng)
    length = rng.uniform(*LENGTH_MM)

    def path_mm(u: Float, v: Float) -> Float:
        s = u * np.cos(along) + v * np.sin(along)
        columns, rows = (
            (place[axis] + part / mammogram.pixel_mm).astype(np.float32) for axis, part in ((0, u), (1, v))
        )
        inside = cv2.remap(breast.mask.astype(np.uint8), columns, rows, cv2.INTER_NEAREST)
        # The outline goes in steps of half a millimetre; skin does not.
        signed = distance_transform_edt(inside) - distance_transform_edt(1 - inside)
        depth = np.maximum(gaussian_filter(signed, OUTLINE_MM / GRID_MM), 0) * GRID_MM
        chord = 2 * (np.sqrt(2 * CURVE_MM * depth) - np.sqrt(2 * CURVE_MM * np.maximum(depth - LAYER_MM, 0)))
        uneven = np.clip(1 + 0.4 * _streaks(rng, len(u), 0.0, 1.0, 1.0), 0.1, 2)
        ends = _within((np.abs(s) - length / 2) / 0.4) * _within((depth - REACH_MM) / 0.3)
        return np.asarray(chord * ends * uneven)

    return _painted(mammogram, breast, place, length / 2 + 3, lambda u, v: per_mm * path_mm(u, v))


def _place(breast: Breast, rng: Random) -> tuple[Points, float, Points]:
    """A point of the skin line off the film's ends, (x, y); the line's direction; the way inwards."""
    line, rows = breast.skin_line, breast.mask.shape[0]
    inner = line[:, 0] * breast.pixel_mm > OFF_WALL_MM
    off_ends = np.flatnonzero((line[:, 1] > 0.12 * rows) & (line[:, 1] < 0.88 * rows) & inner)
    place = line[rng.choice(off_ends)]
    near = line[np.hypot(*(line - place).T) < 5 / breast.pixel_mm]
    _, _, axes = np.linalg.svd(near - near.mean(axis=0))
    normal = axes[1] * np.sign(axes[1] @ (np.argwhere(breast.mask)[:, ::-1].mean(axis=0) - place))
    return place, float(np.arctan2(axes[0, 1], axes[0, 0])), normal


def _within(distance: Float) -> Float:
    """1 inside, 0 outside, with a soft border."""
    return np.asarray(1 / (1 + np.exp(np.clip(distance, -50, 50))))


def _streaks(rng: Random, n: int, angle: float, across_mm: float, along_mm: float) -> Float:
    """Noise of unit spread that is drawn out along a direction, (n, n) at the drawing step."""
    size = 2 * n
    noise = gaussian_filter(
        rng.normal(size=(size, size)), (across_mm / GRID_MM, along_mm / GRID_MM), truncate=3
    )
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), -np.degrees(angle), 1)
    turned = cv2.warpAffine(noise / noise.std(), turn, (size, size), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(turned[n // 2 : n // 2 + n, n // 2 : n // 2 + n])


def _painted(
    mammogram: Mammogram,
    breast: Breast,
    centre: Points,
    half_mm: float,
    attenuation: Callable[[Float, Float], Float],
) -> Smear:
    """The view with an attenuation laid over it, given at (u, v) in mm from ``centre``."""
    pixels, mm = mammogram.pixels.copy(), mammogram.pixel_mm
    v, u = (
        np.mgrid[: 2 * round(half_mm / GRID_MM), : 2 * round(half_mm / GRID_MM)] + 0.5
    ) * GRID_MM - half_mm
    drawn = cv2.resize(attenuation(u, v).astype(np.float32), None, fx=GRID_MM / mm, fy=GRID_MM / mm)
    drawn = gaussian_filter(drawn, BLUR_MM / mm)
    rows, columns = pixels.shape
    x0, y0 = (round(float(value)) - drawn.shape[0] // 2 for value in centre)
    top, left = max(0, y0), max(0, x0)
    bottom, right = min(rows, y0 + drawn.shape[0]), min(columns, x0 + drawn.shape[1])
    here = (slice(top, bottom), slice(left, right))
    # Nothing of the skin projects beyond the breast.
    added = drawn[top - y0 : bottom - y0, left - x0 : right - x0] * gaussian_filter(
        breast.mask[here].astype(np.float32), 0.5 / mm
    )
    shown = pixels[here]
    toe = np.clip(shown / FULL_CONTRAST, LEAST_CONTRAST, 1)
    brighter = shown + BRIGHTNESS[mammogram.info.acquisition] * toe * added
    pixels[here] = np.maximum(
        shown, np.where(brighter > 0.9, 0.9 + 0.1 * np.tanh((brighter - 0.9) / 0.1), brighter)
    )
    where = np.zeros(pixels.shape, dtype=bool)
    where[here] = added > 0.15 * np.percentile(drawn, 95)
    return Smear(pixels, where)
