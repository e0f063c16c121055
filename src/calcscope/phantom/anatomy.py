"""The breast of one woman: size, density, gland, ducts, vessels, ligaments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Laterality
from calcscope.phantom.ducts import grow_ducts
from calcscope.phantom.fields import power_law, sampled
from calcscope.phantom.model import Duct, Random, Solid, Vessel, random_for
from calcscope.phantom.strands import grow_ligaments, grow_vessels

Density = Literal["a", "b", "c", "d"]

GLAND_SHARE: dict[str, tuple[float, float]] = {
    "a": (0.02, 0.06),
    "b": (0.07, 0.15),
    "c": (0.17, 0.30),
    "d": (0.34, 0.52),
}
"""By volume, of the classes of density; chosen so that pictures look like the class, not measured."""
DENSITY_ODDS: dict[str, float] = {"a": 0.1, "b": 0.4, "c": 0.4, "d": 0.1}
"""About as often as each class is met at screening; sets only how phantoms vary."""
GRID_MM = 1.0
"""Of the gland field: what is finer is drawn into each view (:mod:`calcscope.phantom.tissue`)."""
NOISE_POINTS = 128
"""Of each side of the periodic random field the gland is made of: longer than any breast is deep."""
STRETCH = 1.7
"""How much longer structures are towards the nipple than across."""
LUMPS = 1.0
"""Strength of lobules of gland of 5 to 20 mm against what is larger."""
COMPACT = 2.2
"""How far gland keeps to its place behind the nipple, against the random field: as one body, or patchy."""
STRAND = 1.3
"""How much likelier gland is in a sheet of connective tissue, in standard deviations of the random field."""
SOFTNESS = 0.14
"""Of the border between gland and fat, in standard deviations of the random field: about a millimetre."""
LOBULE_MM = (2.0, 12.0)
"""Least and greatest half width of a lobule of fat."""
LOBULE_FILL = 0.4
"""Volume of the lobules drawn over the breast's; where they lie in fat already they do not show."""
LOBULE_EDGE_MM = 0.35
"""Softness of a lobule's border."""
SEPTUM_MM, SEPTUM_SHARE = 0.7, 0.9
"""Half width and greatest share of connective tissue in the septum around a lobule."""


@dataclass(frozen=True)
class GrownAnatomy:
    """A half ellipsoid on the chest wall with what is in it (:class:`calcscope.phantom.model.Anatomy`).

    Parameters
    ----------
    seed : of the woman
    side : which breast
    density : class of density, ``a`` to ``d``
    size_mm : (3,) nipple depth, half extent outward and half extent up at the chest wall
    thickness_mm : what the breast is commonly compressed to
    gland : float32 grid of ``GRID_MM``, first point at ``(0, -size[1], -size[2])``: share of gland
    ligaments : (n, 3) each, breast frame, mm
    """

    seed: int
    side: Laterality
    density: Density
    size_mm: NDArray[np.float64]
    thickness_mm: float
    gland: Float
    ducts: tuple[Duct, ...]
    vessels: tuple[Vessel, ...]
    ligaments: tuple[Solid, ...]

    @property
    def nipple_depth_mm(self) -> float:
        """Distance of the nipple from the chest wall."""
        return float(self.size_mm[0])

    @cached_property
    def volume_ml(self) -> float:
        """Of the breast."""
        return float(2 / 3 * np.pi * np.prod(self.size_mm) / 1000)

    def under_skin(self, points: Solid) -> NDArray[np.float64]:
        """Depth under the skin, mm (a lower bound that is exact at the skin; negative outside), (n,)."""
        return _under_skin(points, self.size_mm)

    def inside(self, points: Solid, margin_mm: float = 0.0) -> NDArray[np.bool_]:
        """Which points lie in the breast, at least ``margin_mm`` under the skin and off the chest wall."""
        points = np.atleast_2d(points)
        return np.asarray((self.under_skin(points) >= margin_mm) & (points[:, 0] >= margin_mm))

    def on_skin(self, points: Solid) -> Solid:
        """The nearest points of the skin, (n, 3).

        Nearest on the ellipsoid: ``q_i = a_i² p_i / (a_i² + s)`` with ``s`` the root of ``Σ (q_i/a_i)² = 1``
        (Eberly, Distance from a point to an ellipsoid, 2013), found by halving.
        """
        points = np.atleast_2d(np.asarray(points, dtype=np.float64))
        squares = self.size_mm**2
        low = np.full(len(points), -squares.min() * (1 - 1e-9))
        high = np.full(len(points), np.sqrt((squares * points**2).sum(axis=1)) + 1.0)
        for _ in range(60):
            middle = (low + high) / 2
            out = (squares * points**2 / (squares + middle[:, None]) ** 2).sum(axis=1) > 1
            low, high = np.where(out, middle, low), np.where(out, high, middle)
        nearest = squares * points / (squares + ((low + high) / 2)[:, None])
        nearest[:, 0] = np.maximum(nearest[:, 0], 0)
        return np.asarray(nearest)

    def gland_at(self, points: Solid) -> NDArray[np.float64]:
        """Share of glandular tissue, 0 to 1, at each point, (n,); 0 outside the breast."""
        from scipy.ndimage import map_coordinates

        at = (np.atleast_2d(points) - self.size_mm * (0, -1, -1)) / GRID_MM
        return np.asarray(map_coordinates(self.gland, at.T, order=1, mode="constant"), dtype=np.float64)


def grow(
    seed: int, side: Laterality = "L", density: Density | None = None, nipple_depth_mm: float | None = None
) -> GrownAnatomy:
    """One breast of one woman.

    Parameters
    ----------
    seed : of the woman: her two sides are alike in size, density and pattern, not in detail
    side : ``L`` or ``R``
    density : class of density, ``a`` to ``d``; drawn when None
    nipple_depth_mm : size of the breast from chest wall to nipple; drawn when None
    """
    woman, own = random_for(seed, "woman"), random_for(seed, "side", side)
    drawn = list(DENSITY_ODDS)[int(woman.choice(4, p=list(DENSITY_ODDS.values())))]
    kind: Density = density if density is not None else drawn  # type: ignore[assignment]
    depth = woman.normal(90, 14)
    if nipple_depth_mm is not None:
        depth = nipple_depth_mm
    depth = float(np.clip(depth, 55, 130)) * own.uniform(0.97, 1.03)
    half = (14 + 0.5 * depth) * woman.uniform(0.9, 1.12, 2) * own.uniform(0.97, 1.03, 2)
    size = np.array([depth, *half])
    thickness = float(np.clip(half.mean() * woman.uniform(0.8, 1.05), 30, 80))
    share = float(woman.uniform(*GLAND_SHARE[kind])) * own.uniform(0.9, 1.1)
    gland = _gland(size, share, woman, own)

    def reachable(points: Solid) -> NDArray[np.bool_]:
        return np.asarray((_under_skin(points, size) > 5) & (points[:, 0] > 6))

    def depth_of(points: Solid) -> NDArray[np.float64]:
        return _under_skin(points, size)

    return GrownAnatomy(
        seed, side, kind, size, thickness, gland,
        grow_ducts(depth, reachable, random_for(seed, "ducts", side)),
        grow_vessels(size, depth_of, random_for(seed, "vessels", side)),
        grow_ligaments(size, depth_of, random_for(seed, "ligaments", side)),
    )  # fmt: skip


def _under_skin(points: Solid, size: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depth under the ellipsoid's surface, mm, never more than the true one.

    With f = Σ (p_i/a_i)², a step t changes f by at most |∇f| t + t²/a_min²; the smallest t that can reach
    f = 1 bounds the distance from below.
    """
    points = np.atleast_2d(points)
    slope = np.linalg.norm(2 * points / size**2, axis=1)
    left = 1 - ((points / size) ** 2).sum(axis=1)
    bend = 1 / size.min() ** 2
    inner = (np.sqrt(slope**2 + 4 * bend * np.maximum(left, 0)) - slope) / (2 * bend)
    return np.asarray(np.where(left >= 0, inner, left / np.maximum(slope, 1e-9)))


def _gland(size: NDArray[np.float64], share: float, woman: Random, own: Random) -> Float:
    """Share of gland on the grid, with ``share`` of the breast's volume."""
    counts = np.ceil(size * (1, 2, 2) / GRID_MM).astype(int) + 1
    axes = [np.arange(n) * GRID_MM + start for n, start in zip(counts, size * (0, -1, -1), strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    skin = _under_skin(grid, size)
    within = np.flatnonzero(skin > 0)
    points, skin = grid[within], skin[within]

    # Both sides share the coarse pattern; the outward axis makes them mirror images.
    shape = (NOISE_POINTS,) * 3
    pattern = power_law(shape, 1.2, woman, longest_mm=70)
    pattern = np.float32(0.8) * pattern + np.float32(0.6) * power_law(shape, 1.2, own, longest_mm=35)
    from_nipple = points - np.array([size[0], 0, 0])
    distance = np.linalg.norm(from_nipple, axis=1)
    fan = 80 / (distance + 20)
    warped = np.stack([distance / STRETCH, fan * from_nipple[:, 1], fan * from_nipple[:, 2]])
    noise = sampled(pattern, warped / 1.2)
    lumps = power_law(shape, 1.2, own, longest_mm=24, shortest_mm=7)
    noise += np.float32(LUMPS) * sampled(lumps, points.T / 1.2)

    aside = np.hypot(points[:, 1], points[:, 2])
    fat = woman.uniform(7, 13) * (1 - 0.9 * np.exp(-((aside / 14) ** 2)))
    back = woman.uniform(2, 12)
    # Thin sheets of connective tissue with some gland, which a beam along them shows as bright strands.
    sheets = sampled(power_law(shape, 1.2, own, longest_mm=26, shortest_mm=5, exponent=2), warped / 1.2)
    strands = np.exp(-((sheets / 0.16) ** 2))
    # Gland lies behind the nipple, off the skin and the muscle, with more of it up and outward.
    cover = np.clip(np.minimum((skin - fat) / 8, (points[:, 0] - back) / 28), -2.5, 1)
    place = 1.3 * cover - 0.9 * (aside / size[1:].mean()) ** 2
    place += 0.35 * (points[:, 1] / size[1] + points[:, 2] / size[2])
    level = COMPACT * place + 1.5 * noise + STRAND * strands

    fat_share, septa = (field.reshape(-1)[within] for field in _lobules(counts, size, own))
    septa *= np.float32(SEPTUM_SHARE * min(1.0, share / 0.1))

    def shares(offset: float) -> NDArray[np.float32]:
        solid = 1 / (1 + np.exp(np.clip((np.float32(offset) - level) / np.float32(SOFTNESS), -60, 60)))
        return np.asarray(np.maximum(solid * (1 - fat_share), septa))

    level = level.astype(np.float32)
    low, high = -12.0, 12.0
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if shares(middle).mean() > share else (low, middle)
    gland = np.zeros(len(grid), dtype=np.float32)
    gland[within] = shares(low)
    return np.asarray(gland.reshape(counts))


def _lobules(
    counts: NDArray[np.int_], size: NDArray[np.float64], random: Random
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lobules of fat, drawn out towards the nipple, and their septa; shares 0 to 1 on the grid of gland."""
    fat, septa = np.zeros(counts, dtype=np.float32), np.zeros(counts, dtype=np.float32)
    start, nipple = size * (0, -1, -1), np.array([size[0], 0.0, 0.0])
    left = LOBULE_FILL * 2 / 3 * np.pi * float(np.prod(size))
    while left > 0:
        centre = random.uniform(0, 1, 3) * size * (1, 2, 2) + start
        way = nipple - centre
        away = float(np.linalg.norm(way))
        # Small ones just behind the nipple, larger ones at the back and under the skin.
        half = float(np.clip(random.lognormal(np.log(6.0), 0.4), *LOBULE_MM)) * min(1.0, 0.45 + away / 80)
        long = half * random.uniform(1.0, 2.0)
        if ((centre / size) ** 2).sum() > 1 or away < 2 * half:
            continue
        left -= 4 / 3 * np.pi * half**2 * long
        way = way / away + random.normal(0, 0.35, 3)
        way /= np.linalg.norm(way)
        low = np.maximum(np.floor((centre - long - 2 - start) / GRID_MM).astype(int), 0)
        high = np.minimum(np.ceil((centre + long + 2 - start) / GRID_MM).astype(int) + 1, counts)
        axes = [
            np.arange(a, b) * GRID_MM + s - c for a, b, s, c in zip(low, high, start, centre, strict=True)
        ]
        u, v, w = np.meshgrid(*axes, indexing="ij", sparse=True)
        along = u * way[0] + v * way[1] + w * way[2]
        across = np.maximum(u * u + v * v + w * w - along**2, 0)
        outside = (np.sqrt(across / half**2 + along**2 / long**2) - 1) * half
        window = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        body = 1 / (1 + np.exp(np.clip(outside / LOBULE_EDGE_MM, -60, 60)))
        np.maximum(fat[window], body, out=fat[window], casting="same_kind")
        # Most septa are too thin to see; a few are strong.
        wall = random.random() ** 2 * np.exp(-((outside / SEPTUM_MM) ** 2))
        np.maximum(septa[window], wall, out=septa[window], casting="same_kind")
    return fat, septa
