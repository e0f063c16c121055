"""Which place of a simulated earlier view shows the same tissue as a place of the current view.

A view sums what lies along the beam, and between two exams the breast is turned a little about the axis of
its nipple, squeezed to another thickness and pulled in more or less. So one place of the current view has not
one place in the earlier view but one for each height above the support; they lie some millimetres apart, and
no registration of images can do better than their middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from calcscope.exam.model import Points
from calcscope.phantom.anatomy import Density, grow
from calcscope.phantom.exam import positioning_seed
from calcscope.phantom.geometry import CompressedBreast, project
from calcscope.phantom.model import Pose
from calcscope.phantom.plan import view_of

LEAST_HALF_MM = 3.0
"""Nearer to the skin than where half the breast is so thin, a place has no heights to speak of."""


@dataclass(frozen=True)
class Correspondence:
    """Two views of one simulated breast, the current and the earlier one."""

    current: CompressedBreast
    prior: CompressedBreast

    def to_prior(self, xy: Points, height: float) -> Points:
        """Where the tissue lies in the earlier view.

        Parameters
        ----------
        xy : (n, 2) x, y in mm from the upper left corner of the current image, in the canonical orientation
        height : above the middle plane, in half heights of the breast at that place, -1 to 1

        Returns
        -------
        (n, 2) mm from the upper left corner of the earlier image; NaN for places outside the breast or near
        its rim, and where the earlier image does not show them
        """
        at = np.atleast_2d(np.asarray(xy, dtype=np.float64)) + self.current.origin_mm
        half = self.current.half_height(self.current.edge_distance(at[:, 0], at[:, 1]))
        z = self.current.thickness_mm / 2 + height * half
        tissue = self.current.to_breast(np.column_stack([at, z]))
        there = self.prior.to_view(tissue)[:, :2] - self.prior.origin_mm
        extent = np.array([self.prior.columns, self.prior.rows]) * self.prior.pixel_mm
        known = (half >= LEAST_HALF_MM) & ((there >= 0) & (there <= extent)).all(axis=1)
        return np.where(known[:, None], there, np.nan)


def correspondence(seed: int, label: str, pixel_mm: float, density: Density | None = None) -> Correspondence:
    """The truth of one view of a simulated pair of exams.

    Parameters
    ----------
    seed : of the exams
    label : of the view, such as ``RCC``; contact views only, which alone have an earlier one
    pixel_mm : of the images; it rounds their extent, no more
    density : that was asked for when they were made, None where it was drawn

    Raises
    ------
    ValueError : for a magnification view
    """
    side, view, magnified = view_of(label)
    if magnified:
        raise ValueError(f"view {label!r}; expected a contact view, since earlier exams have no other")
    breast = grow(seed, side, density)

    def taken(when: Literal["current", "prior"]) -> CompressedBreast:
        return project(breast, Pose(side, view, seed=positioning_seed(seed, when)), pixel_mm)

    return Correspondence(taken("current"), taken("prior"))
