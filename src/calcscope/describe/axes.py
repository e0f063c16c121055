"""The direction in which points spread most, and the one square to it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from calcscope.exam.model import Points


class MainAxes(NamedTuple):
    """Middle of points, the direction of their greatest spread and of their least, (2,) each."""

    centre: Points
    along: Points
    across: Points


def main_axes(points: Points) -> MainAxes:
    """Principal axes of points (n, 2), n at least 2; the directions are unit vectors of either sign."""
    centre = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((points - centre).T))
    return MainAxes(centre, vectors[:, 1], vectors[:, 0])
