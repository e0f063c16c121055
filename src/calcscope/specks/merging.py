"""Which of the objects that overlap are one."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import cKDTree

from calcscope.exam.model import Points
from calcscope.specks.candidates import FINER_RUNGS, PATCH_PIXELS, Candidate, Rung, Window, candidate_of
from calcscope.specks.outline import any_saddle, measure

SPLIT_CONTRAST = 0.35
SPLIT_AREA = 0.5
"""See :func:`merged`: a popcorn calcification has lumps too, but low ones or one that fills it."""

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
"""See :func:`with_rims_joined`: height of a broken rim's outline, the fewest pieces that show one, its
largest diameter in pixels of the rung it is looked for on, how drawn out the pieces are at least, how round
it is, and how hollow at least and at most."""


def merged(candidates: list[Candidate], rungs: list[Rung]) -> list[Candidate]:
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


def _part(whole: Candidate, parts: list[Candidate], rungs: list[Rung]) -> bool:
    """Whether the brightness falls anywhere between the parts, seen over the ground that the whole stands on.

    The ground of the parts' own rungs rises inside a large object and leaves its border standing as ridges,
    so it cannot tell. Two parts are apart where every way from one to the other crosses a saddle
    ``SPLIT_SADDLE`` of the lower one deep, and deeper than noise makes it.
    """
    finer = max(0, min(whole.rung - FINER_RUNGS, *(part.rung for part in parts)))
    window = Window.around(rungs, whole.rung, finer, whole.peak)
    tops = [window.pixel_at(part.peak) for part in parts]
    return any_saddle(window.excess, tops, SPLIT_SADDLE, SPLIT_NOISE * window.noise(tops[0]))


def with_rims_joined(kept: list[Candidate], rungs: list[Rung]) -> list[Candidate]:
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
            window = Window.around(rungs, k, max(0, k - FINER_RUNGS), middle)
            peak = window.pixel_at(peaks[i])
            shape = measure(window.excess, peak, window.fine.scale.pixel_mm, None, level=RIM_LEVEL)
            if shape is None or shape.roundness < RIM_ROUND or not HOLLOW <= shape.hollowness <= EMPTY:
                continue
            rim = candidate_of(window, k, peak, shape, kept[i].salience, kept[i].logit)
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
