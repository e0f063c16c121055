"""Calcified vessels, seen in any of three ways.

*Tracks*: a chain of slender bodies that follow one another in direction, through which two parallel
curves, ``c(s) + R`` and ``c(s) - R``, run far better than one curve does, with both tracks occupied side
by side. One line of casts along a duct has no second track.

*Pipe*: a crowd of plaques all around the wall, which forms one long band of even width, wider than any
cast of a duct and lumpier than a rod.

*Course*: probable marks close on one another along a bright ridge (:mod:`calcscope.describe.courses`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calcscope.breast.model import Breast
from calcscope.describe.axes import main_axes
from calcscope.describe.body import Body, find_bodies
from calcscope.describe.courses import (
    ASIDE_MM,
    LOCAL_MM,
    NARROWEST_MM,
    PROBABLE,
    REACH_MM,
    TURN,
    find_courses,
)
from calcscope.describe.form import Form, measure_form
from calcscope.describe.kinds import kind_probabilities
from calcscope.describe.thresholds import thresholds
from calcscope.exam.model import Mammogram, Points
from calcscope.groups.links import connected
from calcscope.specks.catalogue import SpeckCatalogue

LEAST_SALIENCE, CLEAR_SALIENCE = 8.0, 10.0
"""Fainter marks are no plaques that tracks or a pipe could be made of; improbable ones must be clearer.
Detection takes an elongated mark for a fibre, and two tracks of them side by side are the better evidence;
but the fainter fibres under the skin of digital views run side by side too."""
ELONGATED, LEAST_LENGTH_MM = 1.8, 0.6
"""Bodies at least this slender and long have a direction worth following."""
LEAST_CHAIN = 3
"""Two slender bodies side by side are as often two fibres."""
BEND_PER_MM = 1 / 8
"""Degrees of the centre line: one more for every 8 mm, vessels wind gently."""
MOST_BENDS = 7
TRACK_SPREAD, TRACK_GAIN = 0.27, 0.3
"""Most that bodies may scatter about their track, as a share of R (evenly spread points give 0.58), and
as a share of the scatter about one curve."""
LONG_WALL_MM, LONG_WALL_LENIENCE = 4.0, 1.35
"""Casts of ducts are short. Where the bodies are on average this long, both limits are this much wider."""
WIDENING = 2
WIDENING_SPREAD, WIDENING_BESIDE = 0.15, 0.4
"""Long walls may also lie about tracks whose distance changes along them, by a polynomial of this degree;
such tracks fit anything more easily, so the bodies must lie closer to them and more of them side by side."""
BESIDE = 0.3
"""Least share of the length on which both tracks are occupied."""
GRID_MM, JOIN_MM = 0.2, 0.5
"""Grid on which a pipe's plaques are joined, and the gap between two of them that is bridged."""
LEAST_PLAQUES = 5
"""A pipe is a crowd: a rod or a cast is one body or a few."""
PIPE_SLENDERNESS = 4.0
"""Least length of a pipe over its width."""
PIPE_EVEN = 0.6
"""Least share of a pipe's length whose width is within half of the median width."""
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


def find_vessels(catalogue: SpeckCatalogue, breast: Breast, mammogram: Mammogram) -> list[NDArray[np.intp]]:
    """Members of each calcified vessel of a view, as index arrays without common members; longest first.

    Parameters
    ----------
    catalogue : every candidate of the view, probable or not: what the walls of a vessel look like to
        detection is often improbable, and all that lies on a vessel belongs to it
    breast, mammogram : of the view
    """
    found = find_courses(catalogue, breast, mammogram) + _by_bodies(catalogue, mammogram)
    vessels: list[NDArray[np.intp]] = []
    taken: set[int] = set()
    for _, marks in sorted(found, key=lambda vessel: -vessel[0]):
        if left := marks - taken:
            taken |= left
            vessels.append(np.array(sorted(left), dtype=np.intp))
    return vessels


def _by_bodies(catalogue: SpeckCatalogue, mammogram: Mammogram) -> list[tuple[float, set[int]]]:
    """Length (mm) and marks of each vessel that shows as two tracks or as a pipe."""
    faintest = np.where(catalogue.probability >= PROBABLE, LEAST_SALIENCE, CLEAR_SALIENCE)
    bodies = find_bodies(np.flatnonzero(catalogue.salience >= faintest), catalogue, mammogram)
    pixel_mm = catalogue.pixel_mm
    boxes = np.array([_box(body, pixel_mm) for body in bodies]).reshape(-1, 3)
    settings = thresholds()
    widest, longest_rod = settings["vessel_width_mm"]["value"][1], settings["rod_to_mm"]["value"]
    found = []
    for chain in _chains(bodies, boxes, pixel_mm, widest):
        points = np.concatenate([_course(bodies[i], pixel_mm) for i in chain])
        body_mm = float(boxes[chain, 0].mean())
        tracks = fit_tracks(points)
        if tracks is not None and (_is_vessel(tracks, body_mm) or _widens(points, body_mm)):
            found.append((tracks.length, chain))
    for crowd in _crowds(bodies, catalogue):
        length = _pipe_length(np.concatenate([bodies[i].outline * pixel_mm for i in crowd]))
        if length > longest_rod or (length > 0 and not _is_rod([measure_form(bodies[i]) for i in crowd])):
            found.append((length, crowd))
    return [
        (length, {mark for i in _continued(members, bodies, pixel_mm) for mark in bodies[i].marks})
        for length, members in found
    ]


def _continued(members: NDArray[np.intp], bodies: Sequence[Body], pixel_mm: float) -> NDArray[np.intp]:
    """A vessel and the bodies that continue it in its own direction, one after the other."""
    places = (
        np.array([(body.outline.min(axis=0) + body.outline.max(axis=0)) / 2 for body in bodies]) * pixel_mm
    )
    path = np.concatenate([bodies[i].outline * pixel_mm for i in members])
    inside = set(members.tolist())
    grown = True
    while grown:
        grown = False
        tree = cKDTree(path)
        for i, place in enumerate(places):
            distance, nearest = tree.query(place)
            if i in inside or distance > REACH_MM:
                continue
            local = path[tree.query_ball_point(path[int(nearest)], LOCAL_MM)]
            centre, _, across = main_axes(local)
            half_width = float(np.percentile(np.abs((local - centre) @ across), 90))
            if abs(float((place - centre) @ across)) <= half_width + ASIDE_MM:
                inside.add(i)
                path = np.concatenate([path, bodies[i].outline * pixel_mm])
                grown = True
    return np.array(sorted(inside), dtype=np.intp)


def _is_rod(forms: Sequence[Form]) -> bool:
    """Whether most of the area looks more like rods than like the wall of a vessel."""
    rod = vessel = 0.0
    for form in forms:
        probabilities = kind_probabilities(form)
        rod += form.area_mm2 * probabilities["rod"]
        vessel += form.area_mm2 * probabilities["vascular"]
    return rod > vessel


def _is_vessel(tracks: Tracks, body_mm: float) -> bool:
    lenience = LONG_WALL_LENIENCE if body_mm >= LONG_WALL_MM else 1.0
    settings = thresholds()
    narrowest, widest = settings["vessel_width_mm"]["value"]
    return (
        tracks.length >= settings["vessel_length_mm"]["value"]
        and narrowest <= 2 * tracks.half_width <= widest
        and tracks.spread <= TRACK_SPREAD * lenience
        and tracks.gain <= TRACK_GAIN * lenience
        and tracks.beside >= BESIDE
    )


def _widens(points: Points, body_mm: float) -> bool:
    """Whether long walls are those of a vessel that widens or narrows."""
    if body_mm < LONG_WALL_MM:
        return False
    tracks = fit_tracks(points, WIDENING)
    settings = thresholds()
    narrowest, widest = settings["vessel_width_mm"]["value"]
    return (
        tracks is not None
        and tracks.length >= settings["vessel_length_mm"]["value"]
        and narrowest <= 2 * tracks.half_width <= widest
        and max(tracks.spread, tracks.gain) <= WIDENING_SPREAD
        and tracks.beside >= WIDENING_BESIDE
    )


def _crowds(bodies: Sequence[Body], catalogue: SpeckCatalogue) -> list[NDArray[np.intp]]:
    """Bodies joined across small gaps that hold enough marks to be a crowd of plaques."""
    if not bodies:
        return []
    scale = catalogue.pixel_mm / GRID_MM
    size = np.ceil(np.concatenate([body.outline for body in bodies]).max(axis=0) * scale).astype(int) + 3
    drawn = np.zeros((size[1], size[0]), np.uint8)
    for body in bodies:
        cv2.fillPoly(drawn, [np.round(body.outline * scale).astype(np.int32)], 1)
    reach = 2 * round(JOIN_MM / GRID_MM / 2) + 1
    joined = cv2.dilate(drawn, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    _, label = cv2.connectedComponents(joined, connectivity=8)
    places = [np.round(body.outline[0] * scale).astype(int) for body in bodies]
    crowd_of = np.array([label[y, x] for x, y in places])
    marks = np.bincount(crowd_of, [len(body.marks) for body in bodies])
    return [np.flatnonzero(crowd_of == k) for k in np.flatnonzero(marks >= LEAST_PLAQUES) if k > 0]


def _pipe_length(border: Points) -> float:
    """Length in mm of the band that the borders (n, 2) of a crowd fill, or 0 when it is no pipe."""
    settings = thresholds()
    along, _, offset = _about_curve(border)
    length = float(np.ptp(along))
    if length < settings["vessel_length_mm"]["value"]:
        return 0.0
    station = ((along - along.min()) / STEP_MM).astype(int)
    widths = np.array([np.ptp(offset[station == k]) for k in np.unique(station)])
    width = float(np.median(widths))
    even = np.count_nonzero(np.abs(widths - width) <= width / 2) / (length / STEP_MM)
    widest = settings["vessel_width_mm"]["value"][1]
    is_pipe = NARROWEST_MM <= width <= widest and length >= PIPE_SLENDERNESS * width and even >= PIPE_EVEN
    return length if is_pipe else 0.0


def _about_curve(
    points: Points,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Positions along the main axis, a polynomial basis there, and offsets from the curve fitted in it."""
    axes = main_axes(points)
    along = (points - axes.centre) @ axes.along
    across = (points - axes.centre) @ axes.across
    length = float(np.ptp(along))
    degree = int(np.clip(1 + length * BEND_PER_MM, 2, MOST_BENDS))
    basis = np.polynomial.legendre.legvander(2 * (along - along.min()) / max(length, 1e-9) - 1, degree)
    curve, *_ = np.linalg.lstsq(basis, across, rcond=None)
    return along, basis, across - basis @ curve


def fit_tracks(points: Points, widening: int = 0) -> Tracks | None:
    """Fit ``c(s) ± R(s)`` to points (n, 2) in mm by least squares: the side of each point and the curve in
    turn. R is a polynomial of the degree ``widening``, 0 for tracks of one distance; its median is told.
    None for fewer than 8 points."""
    if len(points) < 8:
        return None
    along, basis, rest = _about_curve(points)
    length = float(np.ptp(along))
    widths = np.polynomial.legendre.legvander(2 * (along - along.min()) / max(length, 1e-9) - 1, widening)
    offset = rest
    apart = np.zeros(len(points))
    for _ in range(12):
        side = np.where(offset >= 0, 1.0, -1.0)
        fit, *_ = np.linalg.lstsq(np.column_stack([basis, widths * side[:, None]]), rest, rcond=None)
        offset = rest - basis @ fit[: basis.shape[1]]
        apart = np.abs(widths @ fit[basis.shape[1] :])
        if (np.where(offset >= 0, 1.0, -1.0) == side).all():
            break
    half_width = float(np.median(apart))
    scatter = float(np.sqrt(np.mean((np.abs(offset) - apart) ** 2)))
    stretch = ((along - along.min()) / STEP_MM).astype(int)
    both = np.intersect1d(stretch[offset >= 0], stretch[offset < 0])
    return Tracks(
        half_width=half_width,
        spread=scatter / max(half_width, 1e-9),
        gain=scatter / max(float(rest.std()), 1e-9),
        beside=len(both) / max(length / STEP_MM, 1.0),
        length=length,
    )


def _box(body: Body, pixel_mm: float) -> tuple[float, float, float]:
    """Sides of the smallest rectangle around a body, mm, the longer one first, and its direction, radians."""
    _, (one, other), turn = cv2.minAreaRect(body.outline.astype(np.float32))
    angle = np.deg2rad(turn + (0 if one >= other else 90)) % np.pi
    return max(one, other) * pixel_mm, min(one, other) * pixel_mm, float(angle)


def _chains(
    bodies: Sequence[Body], boxes: NDArray[np.float64], pixel_mm: float, widest_mm: float
) -> list[NDArray[np.intp]]:
    """Slender bodies linked to those that continue or accompany them."""
    length, width, _ = boxes.T
    slender = np.flatnonzero((length >= ELONGATED * width) & (length >= LEAST_LENGTH_MM))
    if len(slender) < LEAST_CHAIN:
        return []
    middles = [(bodies[int(i)].outline.min(axis=0) + bodies[int(i)].outline.max(axis=0)) / 2 for i in slender]
    xy = np.array(middles) * pixel_mm
    half, angle = length[slender] / 2, boxes[slender, 2]
    pairs = cKDTree(xy).query_pairs(float(2 * half.max() + REACH_MM + widest_mm), output_type="ndarray")
    i, j = pairs.T
    turn = np.abs((angle[i] - angle[j] + np.pi / 2) % np.pi - np.pi / 2)
    # Offsets along and across the mean direction of the two.
    mean = angle[i] + ((angle[j] - angle[i] + np.pi / 2) % np.pi - np.pi / 2) / 2
    dx, dy = (xy[j] - xy[i]).T
    along = np.abs(dx * np.cos(mean) + dy * np.sin(mean)) - half[i] - half[j]
    across = np.abs(-dx * np.sin(mean) + dy * np.cos(mean))
    linked = (turn < TURN) & (along < REACH_MM) & (across < widest_mm)
    chains = [slender[members] for members in connected(len(slender), pairs[linked])]
    return [chain for chain in chains if len(chain) >= LEAST_CHAIN]


def _course(body: Body, pixel_mm: float) -> Points:
    """Points (n, 2) in mm along the middle of a slender body."""
    outline = body.outline * pixel_mm
    axes = main_axes(outline)
    along, across = (outline - axes.centre) @ axes.along, (outline - axes.centre) @ axes.across
    count = max(int(np.ptp(along) / STATION_MM), 1)
    station = np.minimum(((along - along.min()) / np.ptp(along) * count).astype(int), count - 1)
    points = []
    for k in range(count):
        here = station == k
        if here.sum() >= 2:
            middle = (across[here].min() + across[here].max()) / 2
            points.append(axes.centre + along[here].mean() * axes.along + middle * axes.across)
    return np.array(points).reshape(-1, 2)
