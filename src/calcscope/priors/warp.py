"""Fields of places: for each pixel of one grid, x and y on another."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Points

Affine = NDArray[np.float64]
"""(2, 3): what takes (x, y, 1) of one view to (x, y) of the other."""


def mapped(affine: Affine, points: Points) -> Points:
    """Points (n, 2) through an affine map."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2])


def field_of(affine: Affine, shape: tuple[int, int]) -> Float:
    """The field of an affine map, float32 (rows, columns, 2)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    places = mapped(affine, np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float64))
    return places.reshape(*shape, 2).astype(np.float32)


def through(image: Float, field: Float) -> Float:
    """What an image shows at the places of a field, 0 beyond its borders."""
    return np.asarray(cv2.remap(image, field[..., 0], field[..., 1], cv2.INTER_LINEAR))


def moved(field: Float, displacement: Float) -> Float:
    """The field read at each pixel's own place plus a displacement, both (rows, columns, 2)."""
    rows, columns = field.shape[:2]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    at = x + displacement[..., 0], y + displacement[..., 1]
    return np.asarray(cv2.remap(field, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def read(values: Float, points: Points) -> NDArray[np.float64]:
    """(n, k) of values (rows, columns, k) at points (n, 2), straight between pixels, the border going on."""
    at = np.asarray(points, dtype=np.float32).reshape(-1, 1, 2)
    layers = [
        cv2.remap(np.ascontiguousarray(values[..., k]), at, None, cv2.INTER_LINEAR,  # type: ignore[call-overload]
                  borderMode=cv2.BORDER_REPLICATE)[:, 0]
        for k in range(values.shape[-1])
    ]  # fmt: skip
    return np.stack(layers, axis=1).astype(np.float64)
