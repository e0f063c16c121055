"""Pieces: the calcifications of a group, outlined for naming their shape.

The marks of detection are made to find calcium, not to draw it: of a cast that is bright at one end they
outline that end, or several stretches, and of round ones that touch they outline the heap. Here every mark's
calcification is outlined anew: what rises to a share of the *local* height, so that the dim end of a cast is
measured by its own height, in one piece however many marks lie on it; and what is made of touching discs is
taken apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.describe.body import Body, body_of, holds
from calcscope.exam.model import Float, Mammogram, Points
from calcscope.exam.quantiles import median
from calcscope.specks.catalogue import SpeckCatalogue

REACH_MM = 3.2
"""Half size of the field a piece is outlined in; casts, the longest that a morphology names, measure less."""
STEP_MM = 0.03
"""Grid of the outlines: a quarter of the smallest calcification."""
SMOOTH_MM = 0.03
"""Gaussian sigma against the noise of single pixels."""
BROADER, LEAST_OPENING_MM, MOST_OPENING_MM = 3.0, 1.2, 2.2
"""The tissue around is what stays when everything narrower than so many times the mark is taken away."""
HEIGHT_MM = 0.25
"""The local height is the greatest within this distance: half of a cast's width and more."""
SHARE = 0.45
"""Of the local height, at which the border runs: half of it, less what the blur takes from fine tips."""
OVER_NOISE, OF_OWN = 2.5, 0.5
"""The border runs no lower than so many times the noise, but never above half of the mark's own height."""
DISC_RADIUS_MM = 0.2
"""Of the discs that a heap may be taken apart into: touching round ones, not the beads of a cast."""
DISC_COVER, DISC_MARGIN = 0.95, 1.1
"""A heap is made of discs when so much of it lies within so many times their radii."""
DISC_AREA = (0.7, 1.5)
"""And each of its parts has about the area of its disc."""
MOST_DISCS = 6


@dataclass(frozen=True)
class Piece:
    """One calcification of a group.

    Parameters
    ----------
    body : its outline and its pixels
    noise : spread of the tissue and the noise about it, units of ``Mammogram.pixels``
    probability : of its surest mark
    """

    body: Body
    noise: float
    probability: float

    @property
    def centre(self) -> Points:
        """(2,) middle of its outline, pixels."""
        return np.asarray(self.body.outline.mean(axis=0))


def find_pieces(indices: Iterable[int], catalogue: SpeckCatalogue, mammogram: Mammogram) -> list[Piece]:
    """The pieces on which the marks ``indices`` lie, most salient first."""
    wanted = sorted((int(i) for i in indices), key=lambda i: -catalogue.salience[i])
    pieces: list[Piece] = []
    borders: list[NDArray[np.float32]] = []
    for index in wanted:
        if any(holds(border, catalogue.xy[index]) for border in borders):
            continue
        outlines, noise = _outlined(index, catalogue, mammogram)
        for outline in outlines:
            if any(holds(border, outline.mean(axis=0)) for border in borders):
                continue
            border = outline.astype(np.float32)
            marks = [i for i in wanted if i == index or holds(border, catalogue.xy[i])]
            surest = float(catalogue.probability[marks].max())
            pieces.append(Piece(body_of(tuple(marks), outline, mammogram), noise, surest))
            borders.append(border)
    return pieces


def _outlined(index: int, catalogue: SpeckCatalogue, mammogram: Mammogram) -> tuple[list[Points], float]:
    """Outlines (k, 2), pixels, of what a mark lies on, and the noise about it; the mark's own outline where
    nothing rises above the noise or it leads out of the field."""
    pixel_mm = mammogram.pixel_mm
    reach = int(REACH_MM / pixel_mm)
    x, y = catalogue.xy[index]
    left, top = max(int(x) - reach, 0), max(int(y) - reach, 0)
    patch = np.ascontiguousarray(mammogram.pixels[top : int(y) + reach + 1, left : int(x) + reach + 1])
    finer = int(np.clip(np.ceil(pixel_mm / STEP_MM - 1e-6), 1, 4))
    step = pixel_mm / finer
    excess = _excess(patch, pixel_mm, finer, float(catalogue.width_mm[index]))
    noise = 1.4826 * median(np.abs(excess))
    own = np.zeros(excess.shape, np.uint8)
    corners = (catalogue.outlines[index] - (left, top) + 0.5) * finer - 0.5
    cv2.fillPoly(own, [np.round(corners * 16).astype(np.int32)], 1, shift=4)
    height = float(excess[own > 0].max(initial=0.0))
    least = max(min(OVER_NOISE * noise, OF_OWN * height), 0.5 * noise)
    region = _region(excess, own, least, step)
    if region is None:
        return [catalogue.outlines[index]], noise
    outlines = [
        (border + 0.5) / finer - 0.5 + (left, top)
        for part in _taken_apart(_filled(region), step)
        if len(border := _border(part)) >= 3
    ]
    return outlines or [catalogue.outlines[index]], noise


def _region(excess: Float, own: NDArray[np.uint8], least: float, step_mm: float) -> NDArray[np.uint8] | None:
    """What a mark lies on, 0 or 1 (rows, columns); None where nothing rises under it or it leads out of the
    field."""
    # What is raised lies within what is above the least: only there is the local height looked for.
    high = (excess > least).astype(np.uint8)
    _, label, boxes, _ = cv2.connectedComponentsWithStats(high, connectivity=8)
    under = np.unique(label[(own > 0) & (high > 0)])
    if not under.size:
        return None
    start = boxes[under, :2].min(axis=0)
    end = (boxes[under, :2] + boxes[under, 2:4]).max(axis=0)
    disc = _disc(2 * HEIGHT_MM / step_mm)
    margin = disc.shape[0] // 2
    (x0, y0), (x1, y1) = np.maximum(start - margin, 0), end + margin
    local = cv2.dilate(excess[y0:y1, x0:x1], disc)
    raised = ((excess[y0:y1, x0:x1] > SHARE * local) & (high[y0:y1, x0:x1] > 0)).astype(np.uint8)
    _, label = cv2.connectedComponents(raised, connectivity=8)
    under = label[(own[y0:y1, x0:x1] > 0) & (raised > 0)]
    if not under.size:
        return None
    region = np.zeros(excess.shape, np.uint8)
    region[y0:y1, x0:x1] = label == np.bincount(under).argmax()
    if region[0].any() or region[-1].any() or region[:, 0].any() or region[:, -1].any():
        return None
    return region


def _excess(patch: Float, pixel_mm: float, finer: int, width_mm: float) -> Float:
    """Brightness over the tissue around, on a grid ``finer`` times as fine."""
    size = (patch.shape[1] * finer, patch.shape[0] * finer)
    fine = cv2.resize(patch, size, interpolation=cv2.INTER_CUBIC) if finer > 1 else patch
    coarser = max(1, round(0.1 / pixel_mm))
    small_size = (max(3, patch.shape[1] // coarser), max(3, patch.shape[0] // coarser))
    small = cv2.resize(patch, small_size, interpolation=cv2.INTER_AREA)
    opening = np.clip(BROADER * width_mm + 0.5, LEAST_OPENING_MM, MOST_OPENING_MM) / (pixel_mm * coarser)
    around = cv2.morphologyEx(small, cv2.MORPH_OPEN, _disc(opening), borderType=cv2.BORDER_REFLECT)
    around = cv2.GaussianBlur(around, (0, 0), 0.4 / (pixel_mm * coarser))
    smooth = cv2.GaussianBlur(fine, (0, 0), max(SMOOTH_MM * finer / pixel_mm, 0.6))
    excess = smooth - cv2.resize(around, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(excess - np.float32(median(excess)), dtype=np.float32)


def _taken_apart(region: NDArray[np.uint8], step_mm: float) -> list[NDArray[np.uint8]]:
    """The parts of a heap of touching discs; the region itself where it is none."""
    depth = cv2.distanceTransform(np.pad(region, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    left, covered = depth.copy(), np.zeros(region.shape, np.uint8)
    discs: list[tuple[int, int, float]] = []
    while len(discs) < MOST_DISCS:
        y, x = divmod(int(np.argmax(left)), region.shape[1])
        radius = float(left[y, x])
        if radius < 2 or (discs and radius < discs[0][2] / 2):
            break
        discs.append((x, y, radius))
        cv2.circle(covered, (x, y), round(DISC_MARGIN * radius + 1), 1, cv2.FILLED)
        left[covered > 0] = 0
    if len(discs) < 2 or discs[0][2] * step_mm < DISC_RADIUS_MM:
        return [region]
    if (covered & region).sum() < DISC_COVER * region.sum():
        return [region]
    rows, columns = np.nonzero(region)
    away = np.stack([np.hypot(columns - x, rows - y) / radius for x, y, radius in discs])
    nearest = away.argmin(axis=0)
    parts = []
    for n, (_, _, radius) in enumerate(discs):
        part = np.zeros(region.shape, np.uint8)
        part[rows[nearest == n], columns[nearest == n]] = 1
        least, most = np.multiply(DISC_AREA, np.pi * radius**2)
        if not least <= part.sum() <= most:
            return [region]
        parts.append(part)
    return parts


def _filled(region: NDArray[np.uint8]) -> NDArray[np.uint8]:
    filled = np.zeros_like(region)
    cv2.fillPoly(filled, [_border(region).astype(np.int32)], 1)
    return filled


def _border(region: NDArray[np.uint8]) -> Points:
    borders, _ = cv2.findContours(region, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(max(borders, key=len)[:, 0], dtype=np.float64)


def _disc(across: float) -> NDArray[np.uint8]:
    size = max(3, round(across) | 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), dtype=np.uint8)
