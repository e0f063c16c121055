"""Calcified vessels that show as a course: probable marks along a bright ridge.

Where the plaques of a wall have run together, the vessel is one bright band and detection finds only its
lumps. Fibres are as long and as bright, but hold few probable marks; a rod is shorter; a cast of a duct is
thinner. What continues a course, along its ridge or in its direction across a gap, is the same vessel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from calcscope import lexicon
from calcscope.breast.model import Breast
from calcscope.describe.axes import main_axes
from calcscope.describe.ridges import SCALES_MM, Ridges, find_ridges
from calcscope.describe.thresholds import thresholds
from calcscope.exam.model import Mammogram, Points
from calcscope.groups.links import connected
from calcscope.specks.catalogue import SpeckCatalogue

PROBABLE = 0.25
"""Marks from this probability on are evidence by themselves."""
REACH_MM = 4.0
"""Gap between plaques of one wall that is still bridged."""
TURN = np.deg2rad(35)
"""Most that the direction changes from one plaque to the next."""
NARROWEST_MM = 0.7
"""Least width of a band that is a vessel: casts of ducts are thinner, and a rod is rarely wider."""
LOCAL_MM, ASIDE_MM = 5.0, 0.4
"""A vessel's direction is taken over this distance; what continues it lies no further aside of its wall."""
ON_RIDGE_MM = 0.6
"""Marks of a wall lie no further from the middle of the ridge."""
COURSE_MARKS, PIECE_MARKS = 8, 2
"""Fewest probable marks of a course, and of a piece that continues one."""
PIECE_SLENDERNESS = 2.5
"""Least length of a piece over its width: an even speck or a cluster is no piece of a wall."""
MARKS_PER_MM = 0.6
"""Least density of those marks; the fibres of the films and digital views looked at hold fewer, or five at
most in one place."""
BRIDGE_MM, BRIDGE_LENGTHS = 15.0, 3.0
"""Longest stretch without calcium between two pieces of one vessel, also in lengths of the shorter piece:
what is small must be near to belong."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a ridge that probable marks follow: its points (n, 2) in mm, the number of its ridge,
    its half width and greatest extent in mm, the number of those marks."""

    xy_mm: Points
    ridge: int
    half_width: float
    length: float
    marks: int

    def toward(self, at: Points) -> Points:
        """Direction of the piece near a point, a unit vector."""
        return main_axes(self.xy_mm[np.hypot(*(self.xy_mm - at).T) <= LOCAL_MM]).along


def find_courses(
    catalogue: SpeckCatalogue, breast: Breast, mammogram: Mammogram
) -> list[tuple[float, set[int]]]:
    """Length (mm) and marks, probable or not, of each vessel that shows as a course."""
    probable = catalogue.xy_mm[catalogue.probability >= PROBABLE]
    settings = thresholds()
    shortest, longest_rod = settings["vessel_length_mm"]["value"], settings["rod_to_mm"]["value"]
    chained = _in_chains(probable, shortest)
    if not len(chained):
        return []
    pieces = _pieces(find_ridges(mammogram, breast, chained), probable, catalogue.pixel_mm)
    found = []
    for members in connected(
        len(pieces),
        [(i, j) for i in range(len(pieces)) for j in range(i) if _continues(pieces[i], pieces[j])],
    ):
        length = sum(pieces[i].length for i in members)
        certain = any(pieces[i].length >= shortest and pieces[i].marks >= COURSE_MARKS for i in members)
        if not certain or length <= longest_rod:
            continue
        path = np.concatenate([pieces[i].xy_mm for i in members])
        half_width = max(pieces[i].half_width for i in members)
        aside = np.asarray(cKDTree(path).query(catalogue.xy_mm)[0])
        marks = np.flatnonzero(aside <= half_width + ASIDE_MM)
        found.append((length, set(marks.tolist())))
    return found


def _in_chains(xy_mm: Points, shortest_mm: float) -> Points:
    """The points that have enough others near for a piece of a vessel; none where nowhere enough for a course
    lie near and far enough: that spares most views the search for ridges, and the others most of it."""
    pairs = cKDTree(xy_mm).query_pairs(REACH_MM, output_type="ndarray") if len(xy_mm) else ()
    chains = connected(len(xy_mm), pairs)
    if not any(len(chain) >= COURSE_MARKS and _extent(xy_mm[chain]) >= shortest_mm for chain in chains):
        return np.zeros((0, 2))
    return np.asarray(xy_mm[np.concatenate([chain for chain in chains if len(chain) >= PIECE_MARKS])])


def _pieces(ridges: Ridges, probable_mm: Points, pixel_mm: float) -> list[Piece]:
    """Stretches of ridges, no narrower than a vessel's wall is resolved, that marks (n, 2) in mm follow."""
    if not len(ridges.xy_mm):
        return []
    aside, nearest = map(np.asarray, cKDTree(ridges.xy_mm).query(probable_mm))
    on_ridge = nearest[aside <= ON_RIDGE_MM]
    if len(on_ridge) < PIECE_MARKS:
        return []
    gap = np.asarray(cKDTree(ridges.xy_mm[on_ridge]).query(ridges.xy_mm)[0])
    followed = np.flatnonzero(gap <= REACH_MM / 2)
    steps = cKDTree(ridges.xy_mm[followed]).query_pairs(1.5 * ridges.step_mm, output_type="ndarray")
    narrowest = max(NARROWEST_MM, lexicon.sizes().typical_span_pixels.value * pixel_mm)
    pieces = []
    for members in connected(len(followed), steps):
        points = followed[members]
        marks = int(np.isin(on_ridge, points).sum())
        length = _extent(ridges.xy_mm[points])
        half_width = SCALES_MM[int(ridges.response[points].mean(axis=0).argmax())]
        enough = marks >= max(PIECE_MARKS, MARKS_PER_MM * length)
        if enough and 2 * half_width >= narrowest and length >= PIECE_SLENDERNESS * 2 * half_width:
            pieces.append(
                Piece(ridges.xy_mm[points], int(ridges.ridge[points[0]]), half_width, length, marks)
            )
    return pieces


def _continues(one: Piece, other: Piece) -> bool:
    """Whether two pieces are of one vessel: near along one ridge, or in line with the gap between them."""
    distance, nearest = map(np.asarray, cKDTree(one.xy_mm).query(other.xy_mm))
    closest = int(distance.argmin())
    if distance[closest] > min(BRIDGE_MM, BRIDGE_LENGTHS * min(one.length, other.length)):
        return False
    if one.ridge == other.ridge:
        return True
    end, start = one.xy_mm[int(nearest[closest])], other.xy_mm[closest]
    across = (start - end) / distance[closest]
    turns = [np.arccos(min(abs(across @ piece), 1.0)) for piece in (one.toward(end), other.toward(start))]
    return bool(np.mean(turns) <= TURN)


def _extent(xy_mm: Points) -> float:
    """Greatest extent of points (n, 2), along the best of eight directions."""
    turns = np.arange(8) * np.pi / 8
    return float(np.ptp(xy_mm @ np.stack([np.cos(turns), np.sin(turns)]), axis=0).max(initial=0.0))
