"""Affine maps between images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Points

Affine = NDArray[np.float64]
"""(2, 3): takes (x, y, 1) to (x, y)."""


def fitted(points: Points, to: Points) -> Affine:
    """The map that takes points, (n, 2), to others with the least squares; n is 3 at least."""
    given = np.c_[points, np.ones(len(points))]
    return np.asarray(np.linalg.lstsq(given, to, rcond=None)[0].T)


def mapped(affine: Affine, points: Points) -> Points:
    """Points, (n, 2), where the map takes them."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2])


def unmapped(affine: Affine, points: Points) -> Points:
    """Points, (n, 2), that the map takes to these."""
    return np.asarray(np.linalg.solve(affine[:, :2], (points - affine[:, 2]).T).T)
