"""What a group of calcifications is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Points


@dataclass(frozen=True)
class Group:
    """Calcifications of one view that belong together.

    Parameters
    ----------
    members : indices into the view's :class:`~calcscope.specks.catalogue.SpeckCatalogue`
    x, y : centre, pixels, canonical
    hull : (k, 2) convex hull of the members' outlines, pixels, canonical
    span_mm : greatest distance between two members' centres, mm
    area_cm2 : area of the hull grown by half the linking distance, cm²
    probability : chance that this is a true group of calcifications, strictly ordered, below 1
    few : True when it has fewer members than the rule for a group asks for ("fewer than 5")
    """

    members: NDArray[np.intp]
    x: float
    y: float
    hull: Points
    span_mm: float
    area_cm2: float
    probability: float
    few: bool = False

    @property
    def count(self) -> int:
        """Number of calcifications."""
        return len(self.members)

    @property
    def density_per_cm2(self) -> float:
        """Calcifications per cm² of the group's area."""
        return self.count / self.area_cm2
