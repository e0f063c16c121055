"""Milk ducts: one tree for each lobe, from the nipple backwards in a fan of segments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from calcscope.phantom.model import Duct, Random, Solid

Inside = Callable[[Solid], NDArray[np.bool_]]

STEP_MM = 2.0
"""Between points of a path: finer than any bend of a duct."""
SINUS_MM = 1.2
"""Greatest radius of a main duct, the sinus just behind the nipple."""
SMALLEST_MM = 0.15
"""Radius at which a branch ends in lobules."""


def grow_ducts(nipple_depth_mm: float, inside: Inside, random: Random) -> tuple[Duct, ...]:
    """The duct trees of 8 to 16 lobes.

    Parameters
    ----------
    nipple_depth_mm : the ducts start from ``(nipple_depth_mm, 0, 0)``
    inside : which points of the breast frame ducts may reach
    """
    ducts: list[Duct] = []
    lobes = int(random.integers(8, 17))
    turn = random.uniform(0, 2 * np.pi)
    nipple = np.array([nipple_depth_mm, 0.0, 0.0])
    for lobe in range(lobes):
        around = turn + 2 * np.pi * (lobe + random.uniform(-0.3, 0.3)) / lobes
        # From the axis of the breast; every third lobe lies near it, the others fill the ring about it.
        off = np.radians(random.uniform(8, 22) if lobe % 3 == 0 else random.uniform(30, 58))
        aim = np.array([-np.cos(off), np.sin(off) * np.cos(around), np.sin(off) * np.sin(around)])
        mouth = nipple + np.array([-1.0, 1.5 * np.cos(around), 1.5 * np.sin(around)])
        _branch(ducts, mouth, np.array([-1.0, 0, 0]), aim, SINUS_MM * random.uniform(0.5, 1), lobe, None, 0,
                inside, random)  # fmt: skip
    return tuple(ducts)


def _branch(
    ducts: list[Duct],
    start: NDArray[np.float64],
    heading: NDArray[np.float64],
    aim: NDArray[np.float64],
    radius: float,
    lobe: int,
    parent: int | None,
    generation: int,
    inside: Inside,
    random: Random,
) -> None:
    """Add the duct that starts here, and what branches off it, to ``ducts``."""
    length = random.uniform(14, 26) * 0.86**generation
    points = [start]
    for _ in range(max(2, round(length / STEP_MM))):
        heading = heading + 0.22 * (aim - heading) + random.normal(0, 0.13, 3)
        heading /= np.linalg.norm(heading)
        points.append(points[-1] + STEP_MM * heading)
    path = np.array(points)
    allowed = inside(path)
    # The mouth lies in the nipple, in front of what counts as inside.
    allowed[: 4 if generation == 0 else 1] = True
    whole = bool(allowed.all())
    if not whole:
        path = path[: int(np.argmin(allowed))]
    if len(path) < 2:
        return
    end = radius * (0.62 if generation == 0 else 0.78)
    mine = len(ducts)
    ducts.append(Duct(path, np.linspace(radius, end, len(path)), lobe, parent))
    if not whole or end < SMALLEST_MM or generation >= 6:
        return
    for _ in range(2 if random.random() < 0.85 else 3):
        spread = random.normal(0, 0.42, 3)
        turned = aim + spread
        turned /= np.linalg.norm(turned)
        thinner = end * random.uniform(0.72, 0.95)
        _branch(ducts, path[-1], heading, turned, thinner, lobe, mine, generation + 1, inside, random)
