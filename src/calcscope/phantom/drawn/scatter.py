"""Positions of calcifications in a whole breast, drawn from the definition of each distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calcscope.breast.model import Breast
from calcscope.exam.model import Points
from calcscope.phantom.drawn.paths import Random, cluster, direction, random_for, wander


@dataclass(frozen=True)
class DrawnPoints:
    """Positions drawn from the definition of a distribution.

    Parameters
    ----------
    term : the distribution
    xy_mm : (n, 2) positions, mm from the corner of the image
    breast : a breast without texture (1 mm a pixel) that they lie in
    """

    term: str
    xy_mm: Points
    breast: Breast


def draw_points(term: str, seed: int) -> DrawnPoints:
    """Positions of calcifications of one distribution in a breast of random size."""
    rng = random_for("points", term, seed)
    depth, half = rng.uniform(65, 120), rng.uniform(60, 100)
    breast = half_ellipse(depth, half, pixel_mm=1.0)
    nipple = np.array([depth, half])
    inside = _Inside(depth, half)
    if term == "diffuse":
        places = _scatter(rng, inside, int(rng.integers(40, 160)))
    elif term == "regional":
        places = _region(rng, inside)
    elif term == "grouped":
        spread = rng.uniform(4, 17)
        places = cluster(rng, inside.pick(rng, 0.8), int(rng.integers(5, 25)), 0.4, spread)
    elif term == "linear":
        places = _duct_line(rng, inside, nipple)
    else:
        places = _duct_tree(rng, inside, nipple)
    return DrawnPoints(term, places, breast)


@dataclass(frozen=True)
class _Inside:
    """The half ellipse of a compressed breast: chest wall at x = 0, nipple at (depth, half)."""

    depth: float
    half: float

    def __call__(self, places: Points) -> NDArray[np.bool_]:
        x, y = np.atleast_2d(places).T
        return np.asarray(((x / self.depth) ** 2 + ((y - self.half) / self.half) ** 2 < 0.92) & (x > 1))

    def pick(self, rng: Random, share: float) -> Points:
        while True:
            place = np.array([rng.uniform(0.05, share) * self.depth, rng.uniform(0, 2) * self.half])
            if self(self._grown(place))[0]:
                return place

    def _grown(self, place: Points) -> Points:
        centre = np.array([0.0, self.half])
        return np.asarray(centre + (place - centre) * 1.15)


def _scatter(rng: Random, inside: _Inside, count: int) -> Points:
    """Over the whole breast, somewhat unevenly, as glandular tissue is."""
    dense = [inside.pick(rng, 0.9) for _ in range(4)]
    places: list[Points] = []
    while len(places) < count:
        place = np.array([rng.uniform(0, inside.depth), rng.uniform(0, 2 * inside.half)])
        near = min(float(np.hypot(*(place - d))) for d in dense)
        if inside(place)[0] and rng.random() < 0.35 + 0.65 * np.exp(-((near / 30) ** 2)):
            places.append(place)
    return np.array(places)


def _region(rng: Random, inside: _Inside) -> Points:
    """A broad patch of tissue, longer than 2 cm, of no duct's shape."""
    while True:
        length = rng.uniform(26, 55)
        aspect, angle = rng.uniform(1.0, 1.7), rng.uniform(0, np.pi)
        centre = inside.pick(rng, 0.75)
        count = int(rng.integers(14, 60))
        disc = direction(rng.uniform(0, 2 * np.pi, 3 * count)).T * np.sqrt(rng.random(3 * count))[:, None]
        disc *= (length / 2, length / 2 / aspect)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        places = centre + disc @ turn.T
        kept = places[inside(places)]
        if len(kept) >= 2.4 * count:
            return np.asarray(kept[:count])


def _duct_line(rng: Random, inside: _Inside, nipple: Points) -> Points:
    """Along one duct: a line, gently bent, mostly heading for the nipple."""
    while True:
        centre = inside.pick(rng, 0.8)
        towards = np.arctan2(nipple[1] - centre[1], nipple[0] - centre[0]) + rng.normal(0, 0.3)
        path = wander(rng, centre, towards, rng.uniform(9, 40), bend=0.02)
        count = int(np.clip(rng.normal(9, 4), 4, 22))
        picked = path[np.sort(rng.integers(0, len(path), count))]
        places = picked + rng.normal(0, rng.uniform(0.2, 0.7), picked.shape)
        if inside(places).all() and np.ptp(places, axis=0).max() > 6:
            return np.asarray(places)


def _duct_tree(rng: Random, inside: _Inside, nipple: Points) -> Points:
    """In the ducts of one segment: they fan out from the nipple towards the chest wall."""
    while True:
        bearing = np.pi + rng.uniform(-0.9, 0.9)
        near = rng.uniform(6, 25)
        far = near + rng.uniform(28, 55)
        opening = rng.uniform(0.35, 0.85)
        places = []
        for branch in bearing + opening * np.linspace(-0.5, 0.5, int(rng.integers(4, 8))):
            swerve = rng.normal(0, 0.06)
            for distance in rng.uniform(near, far, int(rng.integers(4, 14))):
                # Branches leave the main duct one after the other, so the fan opens with distance.
                share = (distance - near * 0.5) / (far - near * 0.5)
                angle = bearing + (branch - bearing) * min(1.0, 0.4 + 0.8 * share) + swerve * share
                places.append(nipple + distance * direction(angle) + rng.normal(0, 0.8, 2))
        kept = np.array(places)
        kept = kept[inside(kept)]
        if len(kept) >= 0.85 * len(places) and len(kept) >= 14:
            return np.asarray(kept)


def half_ellipse(depth_mm: float, half_mm: float, pixel_mm: float) -> Breast:
    """A compressed breast ``depth_mm`` from chest wall to nipple and twice ``half_mm`` high."""
    rows, columns = round(2 * half_mm / pixel_mm), round((depth_mm + 8) / pixel_mm)
    y = (np.arange(rows) + 0.5) * pixel_mm / half_mm - 1
    edge = depth_mm / pixel_mm * np.sqrt(np.maximum(1 - y**2, 0))
    mask = np.arange(columns)[None, :] < edge[:, None]
    skin = np.stack([edge, np.arange(rows)], axis=1)
    return breast_of(mask, skin, (depth_mm / pixel_mm, half_mm / pixel_mm), pixel_mm)


def breast_of(mask: NDArray[np.bool_], skin: Points, nipple: tuple[float, float], pixel_mm: float) -> Breast:
    """A breast of a given mask and skin line, without muscle or anything foreign."""
    rows = mask.shape[0]
    outline = np.concatenate([skin, [[0.0, rows - 1.0], [0.0, 0.0]]])
    return Breast(mask, outline, skin, None, nipple, "seen", mask, (), pixel_mm)
