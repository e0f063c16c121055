"""Fibres around an object: how bright the directions are that lead away from it.

A calcification ends; the fibre it is mistaken for goes on to either side, and where fibres cross three or
more of them go on. Neighbouring calcifications brighten one direction or two as well, but rarely two opposite
ones and hardly ever three.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calcscope.exam.model import Float
from calcscope.exam.quantiles import percentile

DIRECTIONS = 24
"""Of 15 degrees each."""

REACH = (1.0, 1.3, 1.6)
"""Points of a ray, in units of the distance at which it begins."""

PARTED = 2
"""Two rays are two when they lie more than so many directions apart (a fibre has its width)."""

BASE = 25
"""Percentile of the directions that stands for the tissue: four fibres take an eighth of the circle each."""

_ANGLES = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
_STEPS_X = np.outer(REACH, np.cos(_ANGLES))
_STEPS_Y = np.outer(REACH, np.sin(_ANGLES))
_OPPOSITE = (np.arange(DIRECTIONS) + DIRECTIONS // 2) % DIRECTIONS
_BESIDE = (np.arange(DIRECTIONS)[:, None] + np.arange(-PARTED, PARTED + 1)) % DIRECTIONS


@dataclass(frozen=True)
class Rays:
    """Brightness over the tissue around, in units of the image.

    Parameters
    ----------
    first : of the brightest direction
    opposite : of the brightest pair of opposite directions (the darker one of the two counts)
    third : of the third brightest direction that is not next to the first two
    """

    first: float
    opposite: float
    third: float

    @property
    def crossing(self) -> float:
        """Brightness of what crosses here: a fibre to either side and at least a third arm."""
        return min(self.opposite, self.third)


def rays(patch: Float, x: float, y: float, start: float) -> Rays:
    """Look from (x, y) outwards, from ``start`` pixels on; what lies outside the patch counts as its edge."""
    rows, columns = patch.shape
    at_x = np.clip(np.rint(x + start * _STEPS_X).astype(np.intp), 0, columns - 1)
    at_y = np.clip(np.rint(y + start * _STEPS_Y).astype(np.intp), 0, rows - 1)
    profile = patch[at_y, at_x].mean(axis=0)
    profile = profile - np.float32(percentile(profile, BASE))
    opposite = float(np.minimum(profile, profile[_OPPOSITE]).max())
    heights = []
    left = profile.copy()
    for _ in range(3):
        best = int(np.argmax(left))
        heights.append(float(left[best]))
        left[_BESIDE[best]] = -np.inf
    return Rays(first=heights[0], opposite=opposite, third=heights[2])
