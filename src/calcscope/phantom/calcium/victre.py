"""The second generator: solids in three dimensions, turned and summed along the beam.

Most are put together from the pieces of VICTRE's cluster (:mod:`calcscope.phantom.calcium.pieces`), shells
and sediment from closed forms. Shares no code with the own generator, so that what learns from one can be
tried on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from calcscope.phantom.calcium import pieces
from calcscope.phantom.model import Patch, Projection, Random, Solid, Speck, random_for

Array = NDArray[np.float64]

FINE = 3
"""Samples to a step of the grid across the beam."""
LAYERS = 24
"""Samples along the beam through one piece."""


_level = (np.arange(200) + 0.5) / 200
_ring, _turn = np.sqrt(1 - _level**2), np.arange(200) * np.pi * (3 - np.sqrt(5))
WAYS = np.stack([_ring * np.cos(_turn), _ring * np.sin(_turn), _level], axis=1)
"""(200, 3) directions spread evenly over half a sphere (spiral of the golden angle)."""


@dataclass(frozen=True)
class Blob:
    """A piece (its number, or None for a ball), its middle and its three axes as rows, mm, breast frame."""

    piece: int | None
    at: Array
    axes: Array


class VictreShapes:
    """Draws each form from voxel solids (:class:`calcscope.phantom.model.ShapeGenerator`)."""

    name = "victre"

    def draw(self, speck: Speck, projection: Projection, step_mm: float) -> Patch:
        """The speck as a projection shows it: the same solid in every view."""
        random = random_for(speck.seed, "victre", speck.form)
        across = _axes(projection, speck.at)
        if speck.form in HOLLOW:
            inside, reach = HOLLOW[speck.form](random, speck.size_mm)
            x, y = projection.to_view(speck.at[None, :])[0, :2]
            return Patch(_summed(inside, reach, across, step_mm), float(x), float(y), step_mm)
        blobs = STRUNG[speck.form](random, speck) if speck.along is not None else _sized(random, speck)
        return _painted(blobs, speck, projection, across, step_mm)


VICTRE = VictreShapes()


def _axes(projection: Projection, at: Array) -> Array:
    """(3, 3): rows to the right and down in the view and along the beam, breast frame."""
    right = np.array([1.0, 0.0, 0.0])
    right -= (right @ projection.beam) * projection.beam
    right /= np.linalg.norm(right)
    down = np.cross(projection.beam, right)
    seen = projection.to_view(np.stack([at, at + 0.5 * down]))
    return np.stack([right, down * np.sign(seen[1, 1] - seen[0, 1]), projection.beam])


def _turned(random: Random) -> Array:
    return np.asarray(np.linalg.qr(random.normal(size=(3, 3)))[0])


def _piece(random: Random, at: Array, size: float, uneven: float = 0.0) -> Blob:
    """A piece turned at random, ``size`` mm long, drawn out along its axes by up to ``uneven``."""
    stretch = np.exp(random.uniform(-uneven, 0, 3))
    return Blob(int(random.integers(5)), at, _turned(random) * (size * stretch / stretch.max())[:, None])


def _drawn_out(random: Random, at: Array, frame: Array, across: ArrayLike) -> Blob:
    """A piece that measures ``across`` mm (3,) along the rows of a frame."""
    piece = int(random.integers(5))
    return Blob(piece, at, frame * (np.asarray(across) / np.ptp(pieces.corners()[piece], axis=0))[:, None])


def _span(blob: Blob) -> Array:
    """Points about its middle that span a blob, (n, 3) mm."""
    unit = np.concatenate([WAYS, -WAYS]) / 2 if blob.piece is None else pieces.corners()[blob.piece]
    return np.asarray(unit @ blob.axes)


def _ball(at: Array, diameter: float) -> Blob:
    return Blob(None, at, np.eye(3) * diameter)


def _in_ball(random: Random, count: int, radius: float) -> Array:
    toward = random.normal(size=(count, 3))
    toward /= np.linalg.norm(toward, axis=1)[:, None]
    return np.asarray(toward * radius * np.cbrt(random.random((count, 1))))


def _pearl(random: Random) -> list[Blob]:
    axes = _turned(random) * random.uniform(0.85, 1.0, 3)[:, None]
    return [Blob(None, np.zeros(3), axes)]


def _splinter(random: Random) -> list[Blob]:
    """One piece drawn out to two to four times its width."""
    return [_drawn_out(random, np.zeros(3), _turned(random), [1.0, *random.uniform(0.25, 0.45, 2)])]


def _hook(random: Random) -> list[Blob]:
    """Two drawn-out pieces that meet in an angle, one the longer."""
    turned = _turned(random)
    bend = random.uniform(0.9, 1.9)
    blobs = []
    for toward, length in ((0.0, 1.0), (bend, random.uniform(0.6, 0.9))):
        way = np.cos(toward) * turned[0] + np.sin(toward) * turned[1]
        frame = np.stack([way, np.cross(turned[2], way), turned[2]])
        blobs.append(_drawn_out(random, 0.42 * length * way, frame, [length, 0.36, 0.4]))
    return blobs


def _chip(random: Random) -> list[Blob]:
    """A piece with one or two knobs that stick out of its ends."""
    turned = _turned(random)
    blobs = [_drawn_out(random, np.zeros(3), turned, [1.0, 0.5, 0.5])]
    for end in (-1, 1)[: int(random.integers(1, 3))]:
        # A knob sits off the middle of an end, so that a notch stays beside it.
        at = end * 0.4 * turned[0] + random.choice([-1, 1]) * random.uniform(0.25, 0.42) * turned[1]
        blobs.append(_drawn_out(random, at, _turned(random), random.uniform(0.3, 0.6, 3)))
    return blobs


def _stone(random: Random) -> list[Blob]:
    # VICTRE's pieces are compact: what is pleomorphic must be put together, each stone in a way of its own.
    return (_splinter, _hook, _chip)[int(random.integers(3))](random)


def _coarse(random: Random) -> list[Blob]:
    """Two to four uneven pieces that run together, each grown on one before it."""
    blobs = [_drawn_out(random, np.zeros(3), _turned(random), [1.0, *random.uniform(0.4, 0.8, 2)])]
    for _ in range(int(random.integers(1, 4))):
        on = blobs[int(random.integers(len(blobs)))]
        way = random.normal(size=3)
        way /= np.linalg.norm(way)
        at = on.at + np.ptp(_span(on) @ way) / 2 * way
        blobs.append(_drawn_out(random, at, _turned(random), random.uniform(0.25, 0.8, 3)))
    return blobs


def _smudge(random: Random) -> list[Blob]:
    """Grains too small to be told apart, densest in the middle."""
    places = random.normal(0, 0.2, (int(random.integers(120, 180)), 3))
    # What strays belongs to the haze too, but not out where it would set the size of the whole.
    places *= np.minimum(1.0, 0.45 / np.linalg.norm(places, axis=1))[:, None]
    places = places * random.uniform(0.6, 1.0, 3) @ _turned(random)
    return [_piece(random, at, random.uniform(0.08, 0.125)) for at in places]


def _popcorn(random: Random) -> list[Blob]:
    return [
        _piece(random, at, random.uniform(0.25, 0.45))
        for at in _in_ball(random, int(random.integers(18, 28)), 0.3)
    ]


def _dystrophic(random: Random) -> list[Blob]:
    places = _in_ball(random, int(random.integers(4, 8)), 0.4) * (1, 0.8, 0.35) @ _turned(random)
    return [_piece(random, at, random.uniform(0.35, 0.6), 0.7) for at in places]


def _suture(random: Random) -> list[Blob]:
    turn = np.linspace(0, 2 * np.pi, 40)
    bow = np.linspace(0, random.uniform(0.8, 1.6), 60)
    loop = 0.11 * np.stack([np.cos(turn) + 1, random.uniform(0.5, 1) * np.sin(turn), 0 * turn], axis=1)
    thread = 0.6 * np.stack([-np.sin(bow), 1 - np.cos(bow), 0.3 * bow**2], axis=1)
    ends = [np.linspace(0, 0.25, 16)[:, None] * np.append(random.normal(size=2), 0) / 1.5 for _ in range(2)]
    places = np.concatenate([loop, thread, *ends]) @ _turned(random)
    return [_ball(at, 0.07) for at in places]


COMPACT: dict[str, Callable[[Random], list[Blob]]] = {
    "pearl": _pearl, "stone": _stone, "coarse": _coarse, "smudge": _smudge, "popcorn": _popcorn,
    "dystrophic": _dystrophic, "suture": _suture,
}  # fmt: skip
LOOSE = ("smudge",)
"""Forms of grains that lie apart, at depths of their own."""


def _sized(random: Random, speck: Speck) -> list[Blob]:
    """The form's blobs with the greatest extent of the speck, about its place."""
    blobs = COMPACT[speck.form](random)
    at = np.stack([blob.at for blob in blobs])
    spans = np.concatenate([blob.at + _span(blob) for blob in blobs])
    scale = speck.size_mm / np.ptp(spans @ WAYS.T, axis=0).max()
    return [
        Blob(blob.piece, speck.at + scale * (blob.at - at.mean(axis=0)), scale * blob.axes) for blob in blobs
    ]


def _cast(random: Random, speck: Speck) -> list[Blob]:
    path, width = _course(speck)
    return _beaded(random, path, width)


def _branching(random: Random, speck: Speck) -> list[Blob]:
    path, width = _course(speck)
    blobs = _beaded(random, path, width)
    for _ in range(int(random.integers(1, 3))):
        fork = path[int(random.integers(len(path) // 4, 3 * len(path) // 4))]
        way = path[-1] - path[0]
        way = way / np.linalg.norm(way)
        side = np.cross(way, random.normal(size=3))
        twig = way + random.uniform(0.7, 1.3) * side / np.linalg.norm(side)
        length = random.uniform(0.3, 0.6) * speck.size_mm
        share = np.arange(0, length, width / 2)[:, None]
        blobs += _beaded(random, fork + share * twig / np.linalg.norm(twig), 0.85 * width)
    return blobs


def _beaded(random: Random, path: Solid, width: float) -> list[Blob]:
    # Pieces are narrower than they are long, and lean on one another.
    return [_piece(random, at, width * random.uniform(1.1, 1.7)) for at in path]


def _rod(random: Random, speck: Speck) -> list[Blob]:
    path, width = _course(speck)
    return [
        _ball(at, width)
        for at in np.concatenate([path + share * np.gradient(path, axis=0) for share in (-0.33, 0.0, 0.33)])
    ]


def _vessel(random: Random, speck: Speck) -> list[Blob]:
    """Plaques all around the wall, in patches."""
    path, caliber = _course(speck, 0.25)
    way = np.gradient(path, axis=0)
    way /= np.linalg.norm(way, axis=1)[:, None]
    first = np.cross(way, [0.3, 0.5, 0.8])
    first /= np.linalg.norm(first, axis=1)[:, None]
    second = np.cross(way, first)
    phase = random.uniform(0, 2 * np.pi, 2)
    blobs = []
    for number, at in enumerate(path):
        cover = 1.6 + np.sin(number / 9 + phase[0]) + np.sin(number / 23 + phase[1])
        for _ in range(random.poisson(1.8 * max(cover, 0.0))):
            around = random.uniform(0, 2 * np.pi)
            outwards = np.cos(around) * first[number] + np.sin(around) * second[number]
            axes = np.stack([way[number], np.cross(outwards, way[number]), outwards])
            size = np.array([random.uniform(0.3, 0.7), random.uniform(0.2, 0.4), 0.13])
            place = at + caliber / 2 * outwards
            blobs.append(Blob(int(random.integers(5)), place, axes * size[:, None]))
    return blobs


STRUNG: dict[str, Callable[[Random, Speck], list[Blob]]] = {
    "cast": _cast, "branching": _branching, "rod": _rod, "vessel": _vessel,
}  # fmt: skip


def _course(speck: Speck, step_mm: float | None = None) -> tuple[Solid, float]:
    """The speck's course in steps of half its width, and its width."""
    assert speck.along is not None
    assert speck.width_mm is not None
    gone = np.append(0, np.cumsum(np.linalg.norm(np.diff(speck.along, axis=0), axis=1)))
    count = max(5, round(gone[-1] / (step_mm or speck.width_mm / 2)))
    at = np.linspace(0, gone[-1], count)
    return np.stack([np.interp(at, gone, axis) for axis in speck.along.T], axis=1), speck.width_mm


Inside = Callable[[Array], Array]
"""How far inside a solid points (..., 3) about its middle lie, mm, breast frame."""


def _shell(random: Random, size: float, wall: float) -> tuple[Inside, float]:
    knobs = random.normal(size=(3, 3)) * 3 / size
    phase = random.uniform(0, 2 * np.pi, 3)

    def inside(points: Array) -> Array:
        # Waves over the surface make a wall that is thicker here and thinner there.
        uneven = 1 + 0.2 * np.sin(points @ knobs.T + phase).sum(axis=-1)
        away = np.linalg.norm(points, axis=-1)
        return np.asarray(np.minimum(size / 2 - away, away - (size / 2 - wall * np.clip(uneven, 0.4, 1.6))))

    return inside, size / 2


def _rim(random: Random, size: float) -> tuple[Inside, float]:
    return _shell(random, size, min(random.uniform(0.12, 0.3), size / 8))


def _lucent(random: Random, size: float) -> tuple[Inside, float]:
    return _shell(random, size, size * random.uniform(0.15, 0.22))


def _milk(random: Random, size: float) -> tuple[Inside, float]:
    level = -size / 2 * (1 - 2 * random.uniform(0.15, 0.35))

    def inside(points: Array) -> Array:
        return np.asarray(np.minimum(size / 2 - np.linalg.norm(points, axis=-1), level - points[..., 2]))

    return inside, size / 2


HOLLOW = {"rim": _rim, "lucent": _lucent, "milk": _milk}


def _summed(inside: Inside, reach: float, across: Array, step_mm: float) -> NDArray[np.float32]:
    """Thickness along the beam of a solid about the middle of a patch."""
    half = int(np.ceil(reach / step_mm)) + 1
    fine = step_mm / FINE
    u = (np.arange(2 * half * FINE) + 0.5) * fine - half * step_mm
    layer = 2 * reach / (4 * LAYERS)
    total = np.zeros((len(u), len(u)))
    plane = u[None, :, None] * across[0] + u[:, None, None] * across[1]
    for w in (np.arange(4 * LAYERS) + 0.5) * layer - reach:
        total += layer * np.clip(0.5 + inside(plane + w * across[2]) / fine, 0, 1)
    return _averaged(total)


def _averaged(total: Array) -> NDArray[np.float32]:
    rows, columns = (length // FINE for length in total.shape)
    return np.asarray(total.reshape(rows, FINE, columns, FINE).mean(axis=(1, 3)), dtype=np.float32)


def _painted(blobs: list[Blob], speck: Speck, projection: Projection, across: Array, step_mm: float) -> Patch:
    """The blobs in one body, where they overlap along the beam the thicker counts; loose grains add up."""
    lay = np.add if speck.form in LOOSE else np.maximum
    at = np.stack([blob.at for blob in blobs])
    if speck.along is None:
        middle = projection.to_view(speck.at[None, :])[0, :2] + (at - speck.at) @ across[:2].T
    else:
        middle = projection.to_view(at)[:, :2]
    reach = max(float(np.linalg.norm(blob.axes, axis=1).max()) for blob in blobs) / 2 + step_mm
    low = middle.min(axis=0) - reach
    columns, rows = (int(np.ceil(length / step_mm)) for length in middle.max(axis=0) + reach - low)
    fine = step_mm / FINE
    total = np.zeros((rows * FINE, columns * FINE))
    for blob, place in zip(blobs, middle, strict=True):
        _stamp(total, blob, place - low, across, fine, lay)
    x, y = low + np.array([columns, rows]) * step_mm / 2
    return Patch(_averaged(total), float(x), float(y), step_mm)


def _stamp(total: Array, blob: Blob, place: Array, across: Array, fine: float, lay: np.ufunc) -> None:
    lengths = np.linalg.norm(blob.axes, axis=1)
    reach = lengths.max() / 2
    left, top = np.maximum(((place - reach) / fine).astype(int), 0)
    right, bottom = ((place + reach) / fine).astype(int) + 2
    window = total[top:bottom, left:right]
    u = (np.arange(window.shape[1]) + left + 0.5) * fine - place[0]
    v = (np.arange(window.shape[0]) + top + 0.5) * fine - place[1]
    to_piece = across @ (blob.axes / lengths[:, None] ** 2).T
    plane = u[None, :, None] * to_piece[0] + v[:, None, None] * to_piece[1]
    layer = 2 * reach / LAYERS
    w = (np.arange(LAYERS) + 0.5) * layer - reach
    local = plane[None] + w[:, None, None, None] * to_piece[2]
    if blob.piece is None:
        inside = 0.5 - np.linalg.norm(local, axis=-1)
    else:
        field = pieces.fields()[blob.piece]
        points = np.moveaxis(local, -1, 0) / pieces.spacing()[blob.piece] + (field.shape[0] - 1) / 2
        inside = map_coordinates(field, points, order=1, mode="nearest")
    thickness = layer * np.clip(0.5 + inside * lengths.min() / fine, 0, 1).sum(axis=0)
    lay(window, thickness, out=window)
