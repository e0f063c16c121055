"""What runs through the breast as thin threads: vessels and Cooper's ligaments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from calcscope.phantom.model import Random, Solid, Vessel

STEP_MM = 1.5
"""Between points of a path: finer than the bends of a tortuous artery."""

Depth = Callable[[Solid], NDArray[np.float64]]
"""Depth under the skin of points of the breast frame, mm."""


def grow_vessels(size_mm: NDArray[np.float64], under_skin: Depth, random: Random) -> tuple[Vessel, ...]:
    """Arteries and veins that come in from the axilla and the chest wall and run towards the nipple.

    Parameters
    ----------
    size_mm : (3,) nipple depth and half extents outward and up at the chest wall
    under_skin : depth under the skin; vessels stop at it
    """
    vessels: list[Vessel] = []
    for number in range(int(random.integers(9, 15))):
        artery = number % 3 == 0
        # Two thirds of the supply comes from the axilla (up and outward), the rest from the inner side.
        around = np.radians(random.normal(45, 45) if random.random() < 0.65 else random.normal(200, 50))
        reach = random.uniform(0.45, 0.86)
        start = size_mm * np.array([0.04, reach * np.cos(around), reach * np.sin(around)])
        goal = size_mm * np.array([random.uniform(0.75, 0.95), *random.uniform(-0.25, 0.25, 2)])
        radius = random.uniform(0.35, 0.7) if artery else random.uniform(0.5, 1.2)
        _run(vessels, start, goal, radius, artery, 0, under_skin, random)
    return tuple(vessels)


def _run(
    vessels: list[Vessel],
    start: NDArray[np.float64],
    goal: NDArray[np.float64],
    radius: float,
    artery: bool,
    generation: int,
    under_skin: Depth,
    random: Random,
) -> None:
    length = float(np.linalg.norm(goal - start))
    count = int(length / STEP_MM)
    if count < 8:
        return
    share = np.linspace(0, 1, count)
    path = start + share[:, None] * (goal - start)
    bend = np.sin(np.pi * share)
    path += bend[:, None] * random.normal(0, 0.1 * length, 3)
    winding = 1.3 if artery else 0.6
    for wavelength in (10.0, 17.0, 31.0):
        phase = random.uniform(0, 2 * np.pi, 3)
        size = winding * (wavelength / 17) * random.uniform(0.3, 1.0, 3)
        path += bend[:, None] ** 0.5 * size * np.sin(2 * np.pi * share[:, None] * length / wavelength + phase)
    allowed = (under_skin(path) > 3.0) & (path[:, 0] > 0)
    first = int(np.argmax(allowed))
    last = first + int(np.argmin(np.append(allowed[first:], False)))
    path = path[first:last]
    if len(path) < 8:
        return
    width = np.linspace(radius, 0.45 * radius, len(path))
    vessels.append(Vessel(path, width, artery))
    if generation == 2:
        return
    for _ in range(int(random.integers(1, 4))):
        at = int(random.uniform(0.2, 0.75) * len(path))
        along = path[-1] - path[at]
        aside = random.normal(0, 0.55 * np.linalg.norm(along) + 8, 3)
        _run(
            vessels, path[at], path[-1] + aside, 0.75 * width[at], artery, generation + 1, under_skin, random
        )


def grow_ligaments(size_mm: NDArray[np.float64], under_skin: Depth, random: Random) -> tuple[Solid, ...]:
    """Cooper's ligaments: curved threads that tie the gland to the skin, (n, 3) each, breast frame, mm."""
    ligaments = []
    for _ in range(int(random.integers(200, 320))):
        direction = random.normal(0, 1, 3)
        direction[0] = abs(direction[0])
        direction /= np.linalg.norm(direction)
        outer = size_mm * direction * random.uniform(0.9, 0.985)
        # They lean forwards: the skin end lies nearer the nipple than the gland end.
        inner = outer * random.uniform(0.35, 0.85) - np.array([random.uniform(0, 18), 0, 0])
        share = np.linspace(0, 1, 14)[:, None]
        path = inner + share * (outer - inner)
        length = float(np.linalg.norm(outer - inner))
        # One slow bow and a slight wave: they are under tension.
        path += np.sin(np.pi * share) * random.normal(0, 0.05 * length, 3)
        path += np.sin(2 * np.pi * share) * random.normal(0, 0.015 * length, 3)
        path = path[(under_skin(path) > 1.0) & (path[:, 0] > 0)]
        if len(path) > 3:
            ligaments.append(path)
    return tuple(ligaments)
