"""The pieces of the VICTRE cluster as the package ships them.

``python -m calcscope.phantom.calcium.pieces VOLUME.raw`` makes the shipped file from VICTRE's
``heteroCalc2_121_100.raw`` (100 x 100 x 100 voxels of 0.05 mm, uint8, CC0).
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects, gaussian_filter, label, zoom
from scipy.spatial import ConvexHull

Field = NDArray[np.float64]

SIDE = 9
"""Voxels of the shipped cubes: the largest piece measures five, and keeps an empty border."""
FINER = 3
"""The smooth field's points to a voxel."""


def extract(volume: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The separate pieces of a cluster, each in the middle of a cube, uint8 (n, SIDE, SIDE, SIDE)."""
    labels, count = label(volume > 0, np.ones((3, 3, 3)))
    cubes = np.zeros((count, SIDE, SIDE, SIDE), np.uint8)
    for number, box in enumerate(find_objects(labels)):
        piece = labels[box] == number + 1
        z, y, x = ((SIDE - length) // 2 for length in piece.shape)
        depth, height, width = piece.shape
        cubes[number, z : z + depth, y : y + height, x : x + width] = piece
    return cubes


@cache
def fields() -> tuple[Field, ...]:
    """For each piece, how far inside it each point of a cube lies (negative outside).

    Smoothed to a surface without steps, in units of the piece's greatest extent; the cube spans
    ``SIDE * FINER`` points about the piece's middle, and :func:`spacing` says how far apart they are.
    """
    return tuple(_smooth(cube)[0] for cube in _cubes())


@cache
def spacing() -> tuple[float, ...]:
    """Distance of the points of each field, in units of the piece's greatest extent."""
    return tuple(_smooth(cube)[1] for cube in _cubes())


@cache
def corners() -> tuple[Field, ...]:
    """For each piece (n, 3) points that span it, about its middle, in units of its greatest extent."""
    spans = []
    for field, step in zip(fields(), spacing(), strict=True):
        points = (np.argwhere(field > 0) - (np.array(field.shape) - 1) / 2) * step
        spans.append(points[ConvexHull(points).vertices])
    return tuple(spans)


def _cubes() -> NDArray[np.uint8]:
    with as_file(files("calcscope.phantom") / "data" / "victre_pieces.npy") as path:
        return np.asarray(np.load(path), dtype=np.uint8)


def _smooth(cube: NDArray[np.uint8]) -> tuple[Field, float]:
    fine = gaussian_filter(zoom(cube.astype(np.float64), FINER, order=1, grid_mode=True, mode="nearest"), 1.0)
    solid = fine > 0.5 * fine.max()
    inside = distance_transform_edt(solid) - distance_transform_edt(~solid)
    inside = gaussian_filter(inside, 0.7)
    points = np.argwhere(inside > 0)
    extent = float(np.linalg.norm(points[:, None] - points[None], axis=2).max()) + 1
    return inside / extent, 1 / extent


def main(path: Path) -> None:
    """Write the shipped file from VICTRE's volume."""
    volume = np.fromfile(path, np.uint8).reshape(100, 100, 100)
    np.save(Path(__file__).parents[1] / "data" / "victre_pieces.npy", extract(volume))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
