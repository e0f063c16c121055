"""Calcified vessels: stretches of two parallel tracks.

Candidates are chains of calcified bodies that follow one another in direction. A chain is a vessel when
two parallel curves, ``c(s) + R`` and ``c(s) - R``, run through it far better than one curve does, both
tracks are occupied side by side, and the whole is long enough. One line of casts along a duct has no
second track and is left to the description of groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from calcscope import lexicon
from calcscope.describe.body import Body, find_bodies
from calcscope.describe.form import Form, measure_form
from calcscope.exam.model import Mammogram, Points
from calcscope.specks.catalogue import SpeckCatalogue

LEAST_SALIENCE = 8.0
"""Marks fainter than this are not followed. Their probability is not asked: detection takes an elongated
mark for a fibre, and two tracks of them side by side are the better evidence."""
LEAST_MARK_ELONGATION, LEAST_MARK_MM = 1.5, 1.0
"""Marks rounder and shorter than this cannot lie on a slender body of any length."""
ELONGATED, LEAST_LENGTH_MM = 1.8, 0.6
"""Bodies at least this slender and long have a direction worth following."""
REACH_MM = 4.0
"""Gap between plaques of one track that is still bridged."""
TURN = np.deg2rad(35)
"""Most that the direction changes from one plaque to the next."""
BEND_PER_MM = 1 / 8
"""Degrees of the centre line: one more for every 8 mm, vessels wind gently."""
MOST_BENDS = 7
TRACK_SPREAD = 0.36
"""Most that bodies may scatter about their track, as a share of R: evenly spread points give 0.58."""
TRACK_GAIN = 0.5
"""Two tracks must leave less than this share of the scatter about one curve."""
BESIDE = 0.2
"""Least share of the length on which both tracks are occupied."""
STEP_MM = 1.0
"""Length of the stretches in which occupation is counted."""
STATION_MM = 0.25
"""Spacing of the points that stand for a body's course."""


@dataclass(frozen=True)
class Tracks:
    """Two parallel curves through points: half their distance (mm), the scatter about them over it, that
    scatter over the scatter about one curve, the share of the length with both occupied, length (mm)."""

    half_width: float
    spread: float
    gain: float
    beside: float
    length: float


def find_vessels(catalogue: SpeckCatalogue, mammogram: Mammogram) -> list[NDArray[np.intp]]:
    """Members of each calcified vessel of a view, as index arrays; longest vessel first."""
    settings = lexicon.load("describe")
    shortest = settings["vessel_length_mm"]["value"]
    narrowest, widest = settings["vessel_width_mm"]["value"]
    slender = (catalogue.elongation >= LEAST_MARK_ELONGATION) | (catalogue.length_mm >= LEAST_MARK_MM)
    bodies = find_bodies(
        np.flatnonzero(slender & (catalogue.salience >= LEAST_SALIENCE)), catalogue, mammogram
    )
    forms = [measure_form(body) for body in bodies]
    vessels = []
    for chain in _chains(bodies, forms, catalogue.pixel_mm, widest):
        tracks = fit_tracks(np.concatenate([_course(bodies[i], catalogue.pixel_mm) for i in chain]))
        if (
            tracks is not None
            and tracks.length >= shortest
            and narrowest <= 2 * tracks.half_width <= widest
            and tracks.spread <= TRACK_SPREAD
            and tracks.gain <= TRACK_GAIN
            and tracks.beside >= BESIDE
        ):
            marks = np.array(sorted(mark for i in chain for mark in bodies[i].marks), dtype=np.intp)
            vessels.append((tracks.length, marks))
    vessels.sort(key=lambda vessel: -vessel[0])
    return [members for _, members in vessels]


def fit_tracks(points: Points) -> Tracks | None:
    """Fit ``c(s) ± R`` to points (n, 2) in mm by least squares: the side of each point and the curve in
    turn. None for fewer than 8 points."""
    if len(points) < 8:
        return None
    centre = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((points - centre).T))
    along = (points - centre) @ vectors[:, 1]
    across = (points - centre) @ vectors[:, 0]
    length = float(np.ptp(along))
    degree = int(np.clip(1 + length * BEND_PER_MM, 2, MOST_BENDS))
    scaled = 2 * (along - along.min()) / max(length, 1e-9) - 1
    basis = np.polynomial.legendre.legvander(scaled, degree)
    single, *_ = np.linalg.lstsq(basis, across, rcond=None)
    rest = offset = across - basis @ single
    half_width = 0.0
    for _ in range(12):
        side = np.where(offset >= 0, 1.0, -1.0)
        fit, *_ = np.linalg.lstsq(np.column_stack([basis, side]), across, rcond=None)
        offset, half_width = across - basis @ fit[:-1], abs(float(fit[-1]))
        if (np.where(offset >= 0, 1.0, -1.0) == side).all():
            break
    scatter = float(np.sqrt(np.mean((np.abs(offset) - half_width) ** 2)))
    stretch = ((along - along.min()) / STEP_MM).astype(int)
    both = np.intersect1d(stretch[offset >= 0], stretch[offset < 0])
    return Tracks(
        half_width=half_width,
        spread=scatter / max(half_width, 1e-9),
        gain=scatter / max(float(rest.std()), 1e-9),
        beside=len(both) / max(length / STEP_MM, 1.0),
        length=length,
    )


def _chains(
    bodies: Sequence[Body], forms: Sequence[Form], pixel_mm: float, widest_mm: float
) -> list[NDArray[np.intp]]:
    """Slender bodies linked to those that continue or accompany them."""
    slender = np.array(
        [i for i, f in enumerate(forms) if f.elongation >= ELONGATED and f.length_mm >= LEAST_LENGTH_MM],
        dtype=np.intp,
    )
    if len(slender) < 2:
        return []
    boxes = [(bodies[i].outline.min(axis=0) + bodies[i].outline.max(axis=0)) / 2 for i in slender]
    xy = np.array(boxes) * pixel_mm
    half = np.array([forms[i].length_mm / 2 for i in slender])
    angle = np.array([forms[i].angle for i in slender])
    pairs = cKDTree(xy).query_pairs(float(2 * half.max() + REACH_MM + widest_mm), output_type="ndarray")
    i, j = pairs.T
    turn = np.abs((angle[i] - angle[j] + np.pi / 2) % np.pi - np.pi / 2)
    # Offsets along and across the mean direction of the two.
    mean = angle[i] + ((angle[j] - angle[i] + np.pi / 2) % np.pi - np.pi / 2) / 2
    dx, dy = (xy[j] - xy[i]).T
    along = np.abs(dx * np.cos(mean) + dy * np.sin(mean)) - half[i] - half[j]
    across = np.abs(-dx * np.sin(mean) + dy * np.cos(mean))
    linked = (turn < TURN) & (along < REACH_MM) & (across < widest_mm)
    size = len(slender)
    graph = coo_array((np.ones(linked.sum()), (i[linked], j[linked])), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    chains = [slender[label == k] for k in range(label.max() + 1)]
    return [chain for chain in chains if len(chain) >= 2]


def _course(body: Body, pixel_mm: float) -> Points:
    """Points (n, 2) in mm along the middle of a slender body."""
    outline = body.outline * pixel_mm
    centre = outline.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((outline - centre).T))
    along, across = (outline - centre) @ vectors[:, 1], (outline - centre) @ vectors[:, 0]
    count = max(int(np.ptp(along) / STATION_MM), 1)
    station = np.minimum(((along - along.min()) / np.ptp(along) * count).astype(int), count - 1)
    points = []
    for k in range(count):
        here = station == k
        if here.sum() >= 2:
            middle = (across[here].min() + across[here].max()) / 2
            points.append(centre + along[here].mean() * vectors[:, 1] + middle * vectors[:, 0])
    return np.array(points).reshape(-1, 2)
