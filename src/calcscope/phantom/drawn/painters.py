"""Calcium painted from the definition of each lexicon term (sizes, forms and numbers as the atlas
describes them), and of what lies on the skin or the film and mimics it.

A painter lays its solids into a :class:`~calcscope.phantom.drawn.shapes.ThicknessMap` and returns the
centres of what it drew, (n, 2) mm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from calcscope.exam.model import Points
from calcscope.phantom.drawn.paths import (
    Random,
    along_line,
    arc,
    cluster,
    direction,
    nipple_of,
    skin_x,
    wander,
)
from calcscope.phantom.drawn.shapes import (
    Grid,
    ThicknessMap,
    ellipsoid,
    paint_tube,
    settled,
    shell,
    star,
)

# --- groups, by morphology ---------------------------------------------------------------------


def _paint_punctate(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    size = rng.uniform(0.2, 0.4)
    places = cluster(rng, centre, int(rng.integers(6, 20)), gap_mm=0.8)
    for x, y in places:
        pearl(field, rng, x, y, float(np.clip(size * rng.lognormal(0, 0.15), 0.15, 0.48)))
    return places


def _paint_round(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    size = rng.uniform(0.55, 0.9)
    places = cluster(rng, centre, int(rng.integers(5, 12)), gap_mm=1.8)
    for x, y in places:
        pearl(field, rng, x, y, float(np.clip(size * rng.lognormal(0, 0.12), 0.5, 1.05)))
    return places


def pearl(field: ThicknessMap, rng: Random, x: float, y: float, diameter: float) -> None:
    """A smooth, nearly round stone."""
    oval = rng.uniform(1.0, 1.2)
    a, b = diameter / 2 * np.sqrt(oval), diameter / 2 / np.sqrt(oval)
    field.paint(x, y, a, ellipsoid(a, b, b * rng.uniform(0.7, 1.0), rng.uniform(0, np.pi)))


def _paint_amorphous(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    # Each smudge is an aggregate of grains too small to be resolved one by one.
    places = cluster(rng, centre, int(rng.integers(8, 24)), gap_mm=0.9)
    for x, y in places:
        smudge(field, rng, x, y, rng.uniform(0.1, 0.2))
    return places


def smudge(field: ThicknessMap, rng: Random, x: float, y: float, spread: float) -> None:
    """Fine grains whose places scatter by ``spread`` mm (standard deviation)."""
    stretch = rng.uniform(0.7, 1.5)
    for _ in range(int(np.ceil(rng.uniform(0.7, 1.3) * 25 * (spread / 0.15) ** 2))):
        u, v = rng.normal(0, spread, 2) * (stretch, 1 / stretch)
        radius = rng.uniform(0.045, 0.07)
        field.paint(x + u, y + v, radius, ellipsoid(radius, radius, radius, 0.0))


def _paint_fine_pleomorphic(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    places = cluster(rng, centre, int(rng.integers(7, 24)), gap_mm=0.8)
    for x, y in places:
        size = float(np.clip(rng.lognormal(np.log(0.3), 0.4), 0.14, 0.6))
        stone(field, rng, x, y, size, stretch=rng.uniform(1.0, 3.0), jag=rng.uniform(0.3, 0.6))
    return places


def _paint_coarse_heterogeneous(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    places = cluster(rng, centre, int(rng.integers(5, 13)), gap_mm=1.5)
    for x, y in places:
        coarse_stone(field, rng, x, y, rng.uniform(0.5, 1.0))
    return places


def coarse_stone(field: ThicknessMap, rng: Random, x: float, y: float, size: float) -> None:
    """An irregular stone of about ``size`` mm, or two that run together."""
    body = field.blank()
    stone(body, rng, x, y, size, stretch=rng.uniform(1.0, 2.0), jag=rng.uniform(0.2, 0.45))
    if rng.random() < 0.4:
        u, v = direction(rng.uniform(0, 2 * np.pi)) * size * rng.uniform(0.6, 0.9)
        stone(body, rng, x + u, y + v, size * rng.uniform(0.6, 1), stretch=1.3, jag=0.35)
    field.add(body)


def stone(
    field: ThicknessMap, rng: Random, x: float, y: float, size: float, stretch: float, jag: float
) -> None:
    """A broken stone: a faceted outline of mean diameter ``size`` whose corners stick out by ``jag``."""
    corners = int(rng.integers(5, 9))
    angles = np.sort((np.arange(corners) + rng.uniform(-0.35, 0.35, corners)) * 2 * np.pi / corners)
    radii = size / 2 * np.clip(1 + rng.normal(0, jag, corners), 0.35, 1.8)

    def radius_of(direction: Grid) -> Grid:
        return np.asarray(np.interp(direction, angles, radii, period=2 * np.pi), dtype=np.float32)

    depth = size / 2 * rng.uniform(0.4, 1.0)
    reach = size * 0.9 * np.sqrt(stretch) + field.step_mm
    field.paint(x, y, reach, star(radius_of, depth, stretch, rng.uniform(0, np.pi)), merge=True)


def _paint_fine_linear(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    return _paint_casts(field, rng, centre, branching_share=0.0)


def _paint_fine_linear_branching(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    return _paint_casts(field, rng, centre, branching_share=rng.uniform(0.5, 0.9))


def _paint_casts(field: ThicknessMap, rng: Random, centre: Points, branching_share: float) -> Points:
    """Casts of small ducts, thinner than half a millimetre, roughly along one duct."""
    duct = rng.normal(0, 0.5)
    count = int(rng.integers(5, 10))
    places = along_line(rng, centre, duct, count, length_mm=count * rng.uniform(1.6, 2.2))
    for place in places:
        width = rng.uniform(0.13, 0.3)
        angle = duct + rng.normal(0, 0.35)
        length = rng.uniform(0.9, 2.0)
        path = wander(rng, place, angle, length, bend=0.25)
        cast(field, rng, path, angle, width, branching_share)
    return places


def cast(
    field: ThicknessMap, rng: Random, path: Points, angle: float, width: float, branching_share: float
) -> None:
    """A cast of a duct along ``path`` that heads for ``angle``; with twigs in this share of cases."""
    body = field.blank()
    paint_tube(body, path, _uneven(rng, len(path), width / 2))
    if rng.random() < branching_share:
        for _ in range(int(rng.integers(1, 3))):
            fork = path[int(rng.integers(len(path) // 4, 3 * len(path) // 4))]
            turn = rng.choice([-1, 1]) * rng.uniform(0.6, 1.2)
            twig = wander(rng, fork, angle + turn, rng.uniform(0.5, 1.2), bend=0.2, from_start=True)
            paint_tube(body, twig, _uneven(rng, len(twig), width / 2.3))
    field.add(body)


def _uneven(rng: Random, count: int, radius: float) -> NDArray[np.float64]:
    """Half widths along a cast: uneven, but unbroken."""
    bumps = gaussian_filter(rng.normal(0, 1, count), 2)
    return np.asarray(radius * np.clip(1 + 0.6 * bumps, 0.5, 1.5))


# --- typically benign kinds --------------------------------------------------------------------


def _paint_lone_round(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    x, y = centre
    pearl(field, rng, x, y, rng.uniform(0.9, 3.0))
    return centre[None, :]


def _paint_lucent_centred(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    x, y = centre
    radius = rng.uniform(0.6, 1.6)
    field.paint(x, y, 1.3 * radius, shell(radius, radius * rng.uniform(0.2, 0.35), rng.uniform(0.85, 1.1)))
    return centre[None, :]


def _paint_rim(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    x, y = centre
    radius = rng.uniform(1.5, 5.5)
    field.paint(x, y, 1.3 * radius, shell(radius, rng.uniform(0.12, 0.3), rng.uniform(0.8, 1.2)))
    return centre[None, :]


def _paint_skin(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    y = rng.uniform(14, 30)
    near = np.array([skin_x(field, y) - rng.uniform(1.5, 4.0), y])
    places = cluster(rng, near, int(rng.integers(3, 7)), gap_mm=1.3, extent_mm=4.0)
    edge = np.array([skin_x(field, v) for _, v in places])
    places[:, 0] = np.minimum(places[:, 0], edge - 0.8)
    for x, v in places:
        radius = rng.uniform(0.3, 0.6)
        field.paint(x, v, radius * 1.2, shell(radius, radius * rng.uniform(0.3, 0.45), rng.uniform(0.9, 1.1)))
    return places


def _paint_popcorn(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    popcorn(field, rng, centre[0], centre[1], rng.uniform(3.0, 8.0))
    return centre[None, :]


def popcorn(field: ThicknessMap, rng: Random, x: float, y: float, size: float) -> None:
    """Lobes that grew together, ``size`` mm over all."""
    body = field.blank()
    for _ in range(int(rng.integers(12, 24))):
        radius = size * rng.uniform(0.1, 0.2)
        u, v = direction(rng.uniform(0, 2 * np.pi)) * (size / 2 - radius) * np.sqrt(rng.random())
        a, b = radius * rng.uniform(0.8, 1.2), radius * rng.uniform(0.7, 1.1)
        lobe = ellipsoid(a, b, min(radius, 0.9) * rng.uniform(0.6, 1), rng.uniform(0, np.pi), power=2.6)
        body.paint(x + u, y + v, 1.2 * radius, lobe, merge=True)
    field.add(body)


def _paint_rod(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    nipple = nipple_of(field)
    places = cluster(rng, centre, int(rng.integers(2, 7)), gap_mm=4.0, extent_mm=22.0)
    for place in places:
        towards = np.arctan2(nipple[1] - place[1], nipple[0] - place[0]) + rng.normal(0, 0.15)
        path = wander(rng, place, towards, rng.uniform(4, 10), bend=0.04)
        rod(field, rng, path, rng.uniform(0.27, 0.5))
    return places


def rod(field: ThicknessMap, rng: Random, path: Points, half_width: float) -> None:
    """A smooth rod along ``path``, solid or with a lucent bore."""
    radius = np.full(len(path), half_width)
    body = field.blank()
    paint_tube(body, path, radius)
    if rng.random() < 0.4:  # calcium around the duct leaves the duct itself lucent
        bore = field.blank()
        paint_tube(bore, path, radius * rng.uniform(0.5, 0.7))
        body.fine -= bore.fine
    field.add(body)


def _paint_dystrophic(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    places = cluster(rng, centre, int(rng.integers(1, 4)), gap_mm=6.0, extent_mm=14.0)
    for x, y in places:
        dystrophic(field, rng, x, y, rng.uniform(1.6, 4.0))
    return places


def dystrophic(field: ThicknessMap, rng: Random, x: float, y: float, size: float) -> None:
    """An irregular plaque of about ``size`` mm, some with an oil-filled middle."""
    body = field.blank()
    for _ in range(int(rng.integers(2, 5))):
        u, v = rng.normal(0, size / 5, 2)
        part = size * rng.uniform(0.5, 0.9)
        stone(body, rng, x + u, y + v, part, stretch=rng.uniform(1.2, 2.5), jag=0.45)
    body.fine = np.minimum(body.fine, rng.uniform(0.5, 1.0))  # plaques rather than balls
    if rng.random() < 0.4:
        hole = field.blank()
        stone(hole, rng, x, y, size * rng.uniform(0.2, 0.35), stretch=1.3, jag=0.3)
        body.fine *= 1 - 0.8 * (hole.fine > 0)
    field.add(body)


def _paint_suture(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    places = cluster(rng, centre, int(rng.integers(1, 4)), gap_mm=7.0, extent_mm=20.0)
    for place in places:
        suture(field, rng, place, (4, 9))
    return places


def suture(field: ThicknessMap, rng: Random, place: Points, length_mm: tuple[float, float]) -> None:
    """A calcified thread with its knot and cut ends."""
    thread = field.blank()
    radius = rng.uniform(0.13, 0.22)
    angle = rng.uniform(0, 2 * np.pi)
    path = arc(place, angle, rng.uniform(*length_mm), rng.uniform(0.1, 0.35))
    paint_tube(thread, path, np.full(len(path), radius))
    # The knot: a closed loop of the thread, and its two cut ends.
    loop, squeeze = rng.uniform(0.4, 0.8), rng.uniform(0.5, 1.0)
    turn = np.linspace(0, 2 * np.pi, 40)
    ring = np.stack([np.cos(turn), squeeze * np.sin(turn)], axis=1) * loop
    axis = np.stack([direction(angle), direction(angle + np.pi / 2)])
    knot = path[-1] + loop * direction(angle) + ring @ axis
    paint_tube(thread, knot, np.full(len(knot), radius * 1.1))
    for side in (-1, 1):
        heading = angle + side * rng.uniform(0.3, 2.2)
        end = wander(rng, path[-1], heading, rng.uniform(0.8, 2.0), bend=0.2, from_start=True)
        paint_tube(thread, end, np.full(len(end), radius))
    field.add(thread)


def _paint_vascular(field: ThicknessMap, rng: Random, centre: Points) -> Points:
    angle = rng.normal(0, 0.6)
    path = wander(rng, centre, angle, rng.uniform(18, 30), bend=0.06, step_mm=0.15)
    caliber = rng.uniform(0.5, 1.1) * (1 + 0.1 * gaussian_filter(rng.normal(0, 12, len(path)), 20))
    return artery(field, rng, path, caliber)


def artery(field: ThicknessMap, rng: Random, path: Points, caliber: NDArray[np.float64]) -> Points:
    """Plaques in a wall of half width ``caliber``: along its two sides as tracks, or all around as a pipe."""
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.hypot(*along.T)[:, None]
    if rng.random() < 0.5:
        return _paint_tracks(field, rng, path, across, caliber)
    return _paint_pipe(field, rng, path, across, caliber)


def _paint_tracks(
    field: ThicknessMap, rng: Random, path: Points, across: Points, caliber: NDArray[np.float64]
) -> Points:
    thickness = rng.uniform(0.1, 0.17)
    centres = []
    for side in (-1, 1):
        wall = field.blank()
        radius = thickness * np.clip(
            1 + 0.45 * (_patches(rng, len(path), 6) + rng.uniform(-0.3, 0.6)), 0, 1.7
        )
        radius[radius < 0.5 * thickness] = 0  # gaps between plaques
        line = path + side * caliber[:, None] * across + rng.normal(0, 0.03, path.shape)
        paint_tube(wall, line, radius)
        field.add(wall)
        centres.append(line[radius > 0][::20])
    return np.concatenate(centres)


def _paint_pipe(
    field: ThicknessMap, rng: Random, path: Points, across: Points, caliber: NDArray[np.float64]
) -> Points:
    patches = _patches(rng, len(path), 25)
    bare = np.quantile(patches, rng.uniform(0.0, 0.4))  # up to this share of the wall is free of calcium
    cover = np.where(patches < bare, 0, np.clip(0.6 * (patches - bare) + rng.uniform(0.4, 1.0), 0, 1.5))
    centres = []
    for place, side, radius, share in zip(path, across, caliber * rng.uniform(0.6, 0.9), cover, strict=True):
        for _ in range(rng.poisson(1.8 * share)):
            around = rng.uniform(0, 2 * np.pi)
            half_length, half_girth, half_wall = rng.uniform(0.12, 0.4), rng.uniform(0.1, 0.25), 0.05
            # A plaque at the side of the vessel is seen on edge: narrow, and deep along the beam.
            wide = np.hypot(half_girth * np.sin(around), half_wall * np.cos(around))
            deep = np.hypot(half_girth * np.cos(around), half_wall * np.sin(around))
            x, y = place + side * radius * np.cos(around)
            direction_along = float(np.arctan2(-side[0], side[1]))
            field.paint(x, y, half_length, ellipsoid(half_length, wide, deep, direction_along))
            centres.append((x, y))
    return np.array(centres)


def _patches(rng: Random, count: int, width: float) -> NDArray[np.float64]:
    """Smooth random numbers of unit spread along a path."""
    smooth = gaussian_filter(rng.normal(0, 1, count), width)
    return np.asarray(smooth / smooth.std())


def paint_milk_of_calcium(
    field: ThicknessMap, rng: Random, centre: Points, view: Literal["CC", "ML"]
) -> Points:
    """Sediment in small cysts, seen in a true lateral view or from above."""
    places = cluster(rng, centre, int(rng.integers(5, 14)), gap_mm=2.4, extent_mm=14.0)
    for x, y in places:
        radius, fill = rng.uniform(0.45, 1.0), rng.uniform(0.12, 0.35)
        concentration = rng.uniform(0.2, 0.35)  # a suspension, thinner than stone
        paint = settled(radius, fill, (0, 1, 0) if view == "ML" else (0, 0, 1))

        def suspension(
            u: Grid,
            v: Grid,
            paint: Callable[[Grid, Grid], Grid] = paint,
            concentration: float = concentration,
        ) -> Grid:
            return np.asarray(paint(u, v) * concentration, dtype=np.float32)

        field.paint(x, y, radius, suspension)
    return places


# --- mimics ------------------------------------------------------------------------------------


def _paint_deodorant(field: ThicknessMap, rng: Random) -> Points:
    """Aluminium salt in the folds of the armpit, at the top of the field."""
    return _paint_grains(field, rng, highest=5, lowest=18)


def _paint_powder(field: ThicknessMap, rng: Random) -> Points:
    """Talc on the skin below, at the bottom of the field."""
    return _paint_grains(field, rng, highest=27, lowest=39)


def _paint_grains(field: ThicknessMap, rng: Random, highest: float, lowest: float) -> Points:
    """Grains on the skin: dense, many, in streaks."""
    grains = []
    for _ in range(int(rng.integers(2, 5))):
        y = rng.uniform(highest, lowest)
        start = np.array([skin_x(field, y) - rng.uniform(1.5, 5), y])
        streak = wander(rng, start, np.pi / 2 + rng.normal(0, 0.5), rng.uniform(5, 10), bend=0.1)
        picked = streak[rng.integers(0, len(streak), int(rng.integers(15, 35)))]
        grains.append(picked + rng.normal(0, 0.4, picked.shape))
    places = np.concatenate(grains)
    edge = np.array([skin_x(field, v) for _, v in places])
    places = places[places[:, 0] < edge - 0.6]
    for x, y in places:
        stone(field, rng, x, y, rng.uniform(0.2, 0.5), stretch=rng.uniform(1, 1.8), jag=0.3)
    return places


def _paint_metal(field: ThicknessMap, rng: Random) -> Points:
    """A wire, much denser than calcium, with a sharp smooth border."""
    return _paint_bar(field, rng, rng.uniform(8, 14), radius=0.2, bend=0.05)


def _paint_clip(field: ThicknessMap, rng: Random) -> Points:
    """A short straight bar."""
    return _paint_bar(field, rng, rng.uniform(2.5, 4), radius=0.35, bend=0.0)


def _paint_bar(field: ThicknessMap, rng: Random, length: float, radius: float, bend: float) -> Points:
    place = np.array([rng.uniform(12, 28), rng.uniform(12, 32)])
    metal = field.blank()
    path = wander(rng, place, rng.uniform(0, np.pi), length, bend)
    paint_tube(metal, path, np.full(len(path), radius))
    field.fine += _METAL_DENSITY * metal.fine
    return place[None]


def _paint_marker(field: ThicknessMap, rng: Random) -> Points:
    """A ball on the skin."""
    x, y, radius = rng.uniform(12, 28), rng.uniform(12, 32), rng.uniform(0.7, 1.2)
    field.paint(x, y, radius, _metal(ellipsoid(radius, radius, radius, 0.0, power=4)))
    return np.array([[x, y]])


_METAL_DENSITY = 12.0
"""Steel stops far more of a mammographic beam than calcium of the same thickness."""


def _metal(solid: Callable[[Grid, Grid], Grid]) -> Callable[[Grid, Grid], Grid]:
    return lambda u, v: np.asarray(_METAL_DENSITY * solid(u, v), dtype=np.float32)


def film_marks(field: ThicknessMap, rng: Random) -> tuple[Grid, Points]:
    """Dust and scratches that came after the X-rays: no blur but the scanner's own pixels."""
    marks = np.zeros((field.rows, field.columns), np.float32)
    pixel_mm = field.step_mm * 3
    places = []
    for _ in range(int(rng.integers(4, 9))):
        x, y = rng.uniform(4, 32), rng.uniform(4, 40)
        size = int(rng.integers(1, 4))
        column, row = round(x / pixel_mm), round(y / pixel_mm)
        blob = rng.random((size + 1, size + 1)) < 0.75
        blob[0, 0] = True
        marks[row : row + size + 1, column : column + size + 1][blob] = rng.uniform(0.2, 0.5)
        places.append((x, y))
    for _ in range(int(rng.integers(0, 3))):
        x, y = rng.uniform(8, 30), rng.uniform(8, 36)
        end = np.array([x, y]) + direction(rng.uniform(0, np.pi)) * rng.uniform(1, 4)
        points = (np.array([[x, y], end]) / pixel_mm).round().astype(int)
        cv2.line(marks, points[0].tolist(), points[1].tolist(), rng.uniform(0.2, 0.5), 1, cv2.LINE_8)
        places.append(((x + end[0]) / 2, (y + end[1]) / 2))
    return marks, np.array(places)


Painter = Callable[[ThicknessMap, Random, Points], Points]

GROUP_PAINTERS: dict[str, Painter] = {
    "punctate": _paint_punctate,
    "round": _paint_round,
    "amorphous": _paint_amorphous,
    "coarse_heterogeneous": _paint_coarse_heterogeneous,
    "fine_pleomorphic": _paint_fine_pleomorphic,
    "fine_linear": _paint_fine_linear,
    "fine_linear_branching": _paint_fine_linear_branching,
}
KIND_PAINTERS: dict[str, Painter] = {
    "skin": _paint_skin,
    "vascular": _paint_vascular,
    "popcorn": _paint_popcorn,
    "rod": _paint_rod,
    "rim": _paint_rim,
    "lucent_centred": _paint_lucent_centred,
    "round": _paint_lone_round,
    "dystrophic": _paint_dystrophic,
    "suture": _paint_suture,
}
MIMIC_PAINTERS: dict[str, Callable[[ThicknessMap, Random], Points]] = {
    "deodorant": _paint_deodorant,
    "powder": _paint_powder,
    "metal": _paint_metal,
    "marker": _paint_marker,
    "clip": _paint_clip,
}
