"""Laying an image into the canonical orientation: by Patient Orientation, and by what the pixels show.

Headers of mammograms are often wrong or silent here, so the pixels are always asked where the chest wall
is; where they clearly contradict the header, they win.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Laterality, Mask, Orientation

Side = Literal["left", "right", "top", "bottom"]

THUMBNAIL = 256
"""Longest side of the image in which the breast is located: 1 mm of a mammogram remains a pixel."""

CLEAR = 0.15
"""Lead of one side's score over the next below which the pixels do not overrule a header."""


@dataclass(frozen=True)
class Declared:
    """Patient Orientation (0020,0020): the directions of the rows and of the columns, and what is shown."""

    along_row: str
    along_column: str
    laterality: Laterality
    view: str


def from_header(declared: Declared, rows: int, columns: int) -> tuple[Orientation, bool] | None:
    """The orientation that Patient Orientation declares, and whether it says which way is up.

    Returns None where it does not say where the chest wall is.
    """
    anterior = _direction(declared, "A", "P")
    if anterior is None:
        return None
    cranial = _direction(declared, "H", "F")
    lateral = _direction(declared, *("LR" if declared.laterality == "L" else "RL"))
    up = lateral if declared.view in ("CC", "XCCL", "XCCM", "FB", "CV") else cranial or lateral
    known = up is not None and anterior[0] * up[0] + anterior[1] * up[1] == 0
    if not known or up is None:
        return toward_left(_side_behind(anterior), rows, columns), False
    for turns in range(4):
        for flip in (False, True):
            orientation = Orientation(rows, columns, turns, flip)
            if _turned(orientation, anterior) == (1, 0) and _turned(orientation, up) == (0, -1):
                return orientation, True
    raise AssertionError("two perpendicular directions fix the orientation")


def _direction(declared: Declared, toward: str, away: str) -> tuple[int, int] | None:
    """Image direction (x, y) in which a letter of the patient lies, or None where it is not declared."""
    for letters, axis in ((declared.along_row, (1, 0)), (declared.along_column, (0, 1))):
        if toward in letters:
            return axis
        if away in letters:
            return -axis[0], -axis[1]
    return None


def _turned(orientation: Orientation, direction: tuple[int, int]) -> tuple[int, int]:
    points = orientation.to_canonical(np.array([[0, 0], direction], dtype=np.float64))
    x, y = np.rint(points[1] - points[0]).astype(int)
    return int(x), int(y)


def _side_behind(anterior: tuple[int, int]) -> Side:
    sides: dict[tuple[int, int], Side] = {(1, 0): "left", (-1, 0): "right", (0, 1): "top", (0, -1): "bottom"}
    return sides[anterior]


def toward_left(side: Side, rows: int, columns: int) -> Orientation:
    """The orientation that brings a side of the image to the left and mirrors only where it must."""
    turns = {"left": 0, "right": 0, "top": 1, "bottom": 3}[side]
    return Orientation(rows, columns, turns, flip=side == "right")


def chest_wall_side(image: NDArray[np.float32]) -> tuple[Side, float]:
    """The side of an image on which the breast meets the chest wall.

    Parameters
    ----------
    image : (rows, columns), larger is denser; any scale

    Returns
    -------
    the side, and by how much its score leads (0 undecided, 1 certain)
    """
    mask = breast_silhouette(image)
    scores = _straightness(mask)
    ranked = sorted(scores, key=lambda side: scores[side], reverse=True)
    return ranked[0], scores[ranked[0]] - scores[ranked[1]]


def breast_silhouette(image: NDArray[np.float32]) -> Mask:
    """Rough outline of the breast in a thumbnail whose longest side is THUMBNAIL pixels, bool."""
    shrink = THUMBNAIL / max(image.shape)
    size = (max(1, round(image.shape[1] * shrink)), max(1, round(image.shape[0] * shrink)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, (1, 99))
    grey = np.clip((small - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    _, mask = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    # Opening parts labels from the breast; 5 pixels are about 5 mm.
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return np.zeros(mask.shape, dtype=np.bool_)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))


def _straightness(mask: Mask) -> dict[Side, float]:
    """For each side, how far the silhouette keeps to that side of its bounding box, over the longer side."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return {"left": 0.0, "right": 0.0, "top": 0.0, "bottom": 0.0}
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longest = max(box.shape)
    near = max(2, round(0.03 * min(box.shape)))
    return {
        "left": float(box[:, :near].any(axis=1).sum() / longest),
        "right": float(box[:, -near:].any(axis=1).sum() / longest),
        "top": float(box[:near].any(axis=0).sum() / longest),
        "bottom": float(box[-near:].any(axis=0).sum() / longest),
    }


def orient(pixels: Float, declared: Declared | None) -> tuple[Orientation, bool, tuple[str, ...]]:
    """How to lay an image into the canonical orientation.

    Parameters
    ----------
    pixels : (rows, columns) of the source, larger is denser
    declared : Patient Orientation, or None

    Returns
    -------
    the orientation, whether it is known which way is up, and warnings
    """
    rows, columns = pixels.shape
    side, lead = chest_wall_side(pixels)
    header = from_header(declared, rows, columns) if declared else None
    if header is None:
        return toward_left(side, rows, columns), False, ()
    orientation, vertical_known = header
    if orientation.apply(_one_sided(side, pixels.shape))[:, 0].all() or lead < CLEAR:
        return orientation, vertical_known, ()
    warning = (
        f"The image shows the chest wall on the {side}, against Patient Orientation; the image was followed."
    )
    return toward_left(side, rows, columns), False, (warning,)


def _one_sided(side: Side, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    marked = np.zeros(shape, dtype=np.bool_)
    marked[{"left": np.s_[:, 0], "right": np.s_[:, -1], "top": np.s_[0], "bottom": np.s_[-1]}[side]] = True
    return marked
