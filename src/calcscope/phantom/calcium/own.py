"""The own generator: solids in closed form, those of :mod:`calcscope.phantom.drawn`, one at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calcscope.exam.model import Points
from calcscope.phantom.drawn import painters
from calcscope.phantom.drawn.shapes import ThicknessMap, settled, shell
from calcscope.phantom.model import Patch, Projection, Random, Speck, random_for

MARGIN = 1.3
"""Half width of the canvas over the body's greatest extent: outlines may stick out before they are sized."""
GRAIN_MM = 0.14
"""Grains of a smudge are at most this large: its outline reaches about twice the spread of their places."""

Body = Callable[[ThicknessMap, Random, float, float, float], None]


class OwnShapes:
    """Draws each form from its definition (:class:`calcscope.phantom.model.ShapeGenerator`)."""

    name = "own"

    def draw(self, speck: Speck, projection: Projection, step_mm: float) -> Patch:
        """The speck as a projection shows it; the outline of a stone is its own in each sort of view."""
        if speck.along is not None:
            return _draw_course(speck, projection, step_mm)
        x, y = projection.to_view(speck.at[None, :])[0, :2]
        size = speck.size_mm
        half = MARGIN * size
        field = ThicknessMap(2 * half + 2 * step_mm, 2 * half + 2 * step_mm, step_mm)
        middle = field.columns * step_mm / 2
        if speck.form == "milk":
            _milk(field, random_for(speck.seed, "own"), middle, size, _down(projection))
        elif speck.form in EXACT:
            EXACT[speck.form](field, random_for(speck.seed, "own"), middle, middle, size)
        else:
            body = SIZED[speck.form]
            # Drawn twice with the same numbers: once to see how large it comes out, once to size.
            trial = ThicknessMap(2 * MARGIN * size, 2 * MARGIN * size, size / 30)
            body(trial, _random(speck, projection), MARGIN * size, MARGIN * size, size)
            body(field, _random(speck, projection), middle, middle, size * size / _extent(trial))
        return Patch(field.pixels(), float(x), float(y), step_mm)


OWN = OwnShapes()


def _random(speck: Speck, projection: Projection) -> Random:
    return random_for(speck.seed, "own", projection.pose.view)


def _extent(field: ThicknessMap) -> float:
    """Greatest extent of what was drawn, mm, over 18 directions."""
    row, column = np.nonzero(field.fine)
    angles = np.arange(18) * np.pi / 18
    across = np.outer(column, np.cos(angles)) + np.outer(row, np.sin(angles))
    return float((np.ptp(across, axis=0).max() + 1) * field.step_mm)


def _down(projection: Projection) -> tuple[float, float, float]:
    """Gravity for an upright woman: right and down in the view and along the beam."""
    deep = -float(projection.beam[2])
    level = float(np.sqrt(max(1 - deep**2, 0.0)))
    return (0.0, level, deep) if level > 0 else (0.0, 0.0, 1.0)


def _milk(
    field: ThicknessMap, rng: Random, middle: float, size: float, down: tuple[float, float, float]
) -> None:
    field.paint(middle, middle, size / 2, settled(size / 2, rng.uniform(0.15, 0.35), down))


def _pearl(field: ThicknessMap, rng: Random, x: float, y: float, size: float) -> None:
    # ``pearl`` takes the mean diameter of an oval of aspect up to 1.2.
    painters.pearl(field, rng, x, y, size / np.sqrt(1.2))


def _rim(field: ThicknessMap, rng: Random, x: float, y: float, size: float) -> None:
    flattening = rng.uniform(0.85, 1.0)
    field.paint(x, y, size / 2, shell(size / 2, min(rng.uniform(0.12, 0.3), size / 8), flattening))


def _lucent(field: ThicknessMap, rng: Random, x: float, y: float, size: float) -> None:
    flattening = rng.uniform(0.9, 1.0)
    field.paint(x, y, size / 2, shell(size / 2, size / 2 * rng.uniform(0.3, 0.45), flattening))


def _stone(field: ThicknessMap, rng: Random, x: float, y: float, size: float) -> None:
    stretch, jag = rng.uniform(1.0, 3.0), rng.uniform(0.3, 0.6)
    painters.stone(field, rng, x, y, size, stretch, jag)


def _smudge(field: ThicknessMap, rng: Random, x: float, y: float, size: float) -> None:
    painters.smudge(field, rng, x, y, max(size - GRAIN_MM, 0.1) / 4.5)


def _suture(field: ThicknessMap, rng: Random, x: float, y: float, size: float) -> None:
    painters.suture(field, rng, np.array([x, y]), (0.7 * size, 0.8 * size))


EXACT: dict[str, Body] = {"pearl": _pearl, "rim": _rim, "lucent": _lucent, "smudge": _smudge}
"""Forms whose extent follows from their definition; that of a smudge, from the spread of its grains."""
SIZED: dict[str, Body] = {
    "stone": _stone,
    "coarse": painters.coarse_stone,
    "popcorn": painters.popcorn,
    "dystrophic": painters.dystrophic,
    "suture": _suture,
}


def _draw_course(speck: Speck, projection: Projection, step_mm: float) -> Patch:
    assert speck.along is not None
    assert speck.width_mm is not None
    course = projection.to_view(speck.along)[:, :2]
    corner = course.min(axis=0)
    margin = 2 * speck.width_mm + (1.5 if speck.form == "branching" else 0.3)
    width, height = course.max(axis=0) - corner + 2 * margin
    field = ThicknessMap(float(width), float(height), step_mm)
    path = _evenly(course - corner + margin)
    rng = random_for(speck.seed, "own")
    ends = path[-1] - path[0]
    angle = float(np.arctan2(ends[1], ends[0]))
    if speck.form == "rod":
        painters.rod(field, rng, path, speck.width_mm / 2)
    elif speck.form == "vessel":
        painters.artery(field, rng, path, np.full(len(path), speck.width_mm / 2))
    else:
        painters.cast(field, rng, path, angle, speck.width_mm, 1.0 if speck.form == "branching" else 0.0)
    x, y = corner - margin + np.array([field.columns, field.rows]) * step_mm / 2
    return Patch(field.pixels(), float(x), float(y), step_mm)


def _evenly(course: Points, step_mm: float = 0.1) -> Points:
    """The course as points ``step_mm`` apart, at least five."""
    gone = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(course, axis=0).T))])
    at = np.linspace(0, gone[-1], max(5, round(gone[-1] / step_mm)))
    return np.stack([np.interp(at, gone, course[:, axis]) for axis in (0, 1)], axis=1)
