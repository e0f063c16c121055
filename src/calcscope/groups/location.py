"""Where in the breast a finding lies: quadrant, clock position, depth, distance from the nipple.

Positions are measured along and across the posterior nipple line of each view (see
:mod:`calcscope.breast.axes`). With x the outward (lateral) and z the upward offset from that line, a
view whose detector is inclined by ``t`` (0 craniocaudal, 90 true lateral, about 45 oblique) shows
``u = x cos t + z sin t``: an outer finding appears higher on an oblique view than it lies. So a
craniocaudal view gives ``x = u`` and an oblique or lateral one ``z = (u - x cos t) / sin t``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from calcscope import lexicon
from calcscope.assess.model import Place
from calcscope.breast.axes import depth_axes
from calcscope.breast.model import Breast
from calcscope.exam.model import Laterality, ViewInfo
from calcscope.groups.model import Group
from calcscope.lexicon.model import Figure
from calcscope.specks.catalogue import SpeckCatalogue

CRANIOCAUDAL = frozenset({"CC", "XCC", "XCCL", "XCCM", "FB", "CV"})
LATERAL = frozenset({"ML", "LM"})
OBLIQUE = frozenset({"MLO", "LMO", "SIO", "ISO"})
# These show part of the breast, turned or pulled forward: the nipple line in them means little.
PARTIAL = frozenset(
    {"spot", "magnification", "tangential", "rolled_lateral", "rolled_medial", "implant_displaced"}
)


@dataclass(frozen=True)
class Sighting:
    """A group or a lone calcification as one view shows it.

    Parameters
    ----------
    x, y : centre, pixels, canonical
    breast : the breast in that view
    info : the view
    count : number of calcifications
    diameter_mm : middle diameter of them, mm, or None
    contrast : brightness over the surroundings of the brighter ones, any scale that both views share, or None
    kind : lexicon term for what it looks like, or None
    """

    x: float
    y: float
    breast: Breast
    info: ViewInfo
    count: int = 1
    diameter_mm: float | None = None
    contrast: float | None = None
    kind: str | None = None

    @classmethod
    def of_group(
        cls, group: Group, specks: SpeckCatalogue, breast: Breast, info: ViewInfo, kind: str | None
    ) -> Sighting:
        """A group, by what is alike in two views.

        That is the middle diameter and the upper quartile of contrast: the largest mark is often two that
        touch, or a bit of tissue, and says nothing about which group it is.
        """
        diameters, contrasts = specks.diameter_mm[group.members], specks.contrast[group.members]
        return cls(
            group.x,
            group.y,
            breast,
            info,
            group.count,
            float(np.median(diameters)),
            float(np.quantile(contrasts, 0.75)),
            kind,
        )


@dataclass(frozen=True)
class Offset:
    """A sighting relative to the posterior nipple line of its view, mm.

    Parameters
    ----------
    depth : along the line, from the nipple towards the chest wall
    across : to the upper side of the canonical image (outer in craniocaudal, upper in other views)
    length : of the line, from the nipple to the muscle or chest wall edge
    to_muscle : distance in front of the muscle's border; negative over the muscle, None where unseen
    lean : of the line against the image's horizontal, its deep end higher, radians; 0 without a muscle
    """

    depth: float
    across: float
    length: float
    to_muscle: float | None
    lean: float = 0.0

    def along(self, share: float) -> float:
        """Depth behind the nipple along a line that leans by a share of ``lean``, mm.

        1 is perpendicular to the muscle, 0 along the image.
        """
        turn = (1 - share) * self.lean
        return self.depth * math.cos(turn) - self.across * math.sin(turn)


@cache
def figure(name: str) -> float:
    """A threshold of ``lexicon/data/location.yaml``."""
    return Figure.model_validate(lexicon.load("location")[name]).value


def offset(sighting: Sighting) -> Offset | None:
    """Place of a sighting in its own view; None for partial views and where the nipple was not found."""
    if PARTIAL & set(sighting.info.modifiers):
        return None
    axes = depth_axes(sighting.breast)
    if axes is None or axes.length_mm <= 0:
        return None
    depth, across = axes.coordinates(np.array([[sighting.x, sighting.y]]))[0]
    to_muscle = None if sighting.breast.pectoral_line is None else float(axes.length_mm - depth)
    lean = math.atan2(axes.upward[0], -axes.upward[1])
    return Offset(float(depth), float(across), axes.length_mm, to_muscle, lean)


def locate(sightings: Sequence[Sighting]) -> Place:
    """Place of one finding from the views it is seen in.

    Parameters
    ----------
    sightings : the same finding in one or more views of one breast

    Returns
    -------
    Place. A quadrant and a clock position need a craniocaudal and an oblique or lateral view; one view
    gives a half. ``orientation_assumed`` is True when outer and inner, or upper and lower, rest on how
    such views are usually hung, because the file does not say and no muscle shows it.
    """
    flat = _seen(sightings, CRANIOCAUDAL)
    upright = _seen(sightings, LATERAL) or _seen(sightings, OBLIQUE)
    if flat and upright:
        return _both(flat, upright)
    if flat:
        return _one(flat, ("outer", "inner"))
    if upright:
        return _one(upright, ("upper", "lower"))
    return Place()


def _seen(sightings: Sequence[Sighting], views: frozenset[str]) -> tuple[Sighting, Offset] | None:
    """The first sighting in one of ``views`` whose place is known."""
    for sighting in sightings:
        place = offset(sighting) if sighting.info.view in views else None
        if place is not None:
            return sighting, place
    return None


def _assumed(sighting: Sighting) -> bool:
    """True where which way is up was assumed; a muscle found at the top proves it."""
    return not sighting.info.vertical_known and sighting.breast.pectoral_line is None


def _one(seen: tuple[Sighting, Offset], halves: tuple[str, str]) -> Place:
    sighting, at = seen
    central = abs(at.across) < figure("central_within_mm")
    half = None if central else halves[0] if at.across > 0 else halves[1]
    return Place(
        quadrant="axillary_tail" if half == "upper" and _in_tail(at) else None,
        half=half,
        depth=_depth(at.depth / at.length),
        nipple_mm=math.hypot(at.depth, at.across),
        certainty="one view",
        orientation_assumed=half is not None and _assumed(sighting),
    )


def _both(flat: tuple[Sighting, Offset], upright: tuple[Sighting, Offset]) -> Place:
    outward = flat[1].across
    inclination = math.radians(90.0 if upright[0].info.view in LATERAL else figure("oblique_degrees"))
    upward = (upright[1].across - outward * math.cos(inclination)) / math.sin(inclination)
    depth = (flat[1].depth + upright[1].depth) / 2
    central = math.hypot(outward, upward) < figure("central_within_mm")
    quadrant = "central" if central else _quadrant(outward, upward)
    if quadrant == "upper_outer" and _in_tail(upright[1]):
        quadrant = "axillary_tail"
    return Place(
        quadrant=quadrant,
        clock=None if central else clock(outward, upward, flat[0].info.laterality),
        # A craniocaudal view often leaves the deepest tissue out: the longer line is the whole one.
        depth=_depth(depth / max(flat[1].length, upright[1].length)),
        nipple_mm=math.sqrt(depth**2 + outward**2 + upward**2),
        certainty="both views",
        orientation_assumed=not central and (_assumed(flat[0]) or _assumed(upright[0])),
    )


def clock(outward: float, upward: float, laterality: Laterality) -> int:
    """Clock position (1 to 12) as seen by someone facing the woman.

    12 is up; the outer side is 3 o'clock in the left breast and 9 o'clock in the right one.

    Parameters
    ----------
    outward, upward : offsets from the nipple, any unit
    """
    to_the_right = outward if laterality == "L" else -outward
    hours = round(math.degrees(math.atan2(to_the_right, upward)) / 30) % 12
    return hours or 12


def _quadrant(outward: float, upward: float) -> str:
    return f"{'upper' if upward > 0 else 'lower'}_{'outer' if outward > 0 else 'inner'}"


def _in_tail(at: Offset) -> bool:
    """In the axillary tail: high above the nipple line and close to the muscle."""
    return (
        at.to_muscle is not None
        and at.across >= figure("tail_above_mm")
        and at.to_muscle <= figure("tail_muscle_mm")
    )


def _depth(share: float) -> Literal["anterior", "middle", "posterior"]:
    if share < figure("anterior_to"):
        return "anterior"
    return "middle" if share < figure("middle_to") else "posterior"
