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

from calcscope.exam.model import Float, Laterality, Mask, Orientation, ViewInfo

Side = Literal["left", "right", "top", "bottom"]

THUMBNAIL = 256
"""Longest side of the image in which the breast is located: 1 mm of a mammogram remains a pixel."""

CLEAR = 0.3
"""Lead of one side's score over the next from which the pixels overrule a header: whole breasts lead by
more than this on every film and digital image it was tried on, fields filled with tissue by less."""

SEEN = 0.1
"""Lead from which the pixels decide where no header does."""

UPSIDE_DOWN = -0.5
"""Score of :func:`head_up` below which an oblique view is taken to stand on its head; views that stand
upright score above 0, so a weak score never turns a good image."""

GLARE = 0.97
"""Share of the greatest value from which a pixel counts as the white of a frame around the film."""

FRAME_FILL = 0.95
"""Share of a border row or column that is white where it belongs to such a frame."""

OBLIQUE = ("MLO", "ML", "LM", "LMO", "SIO", "ISO")
CRANIOCAUDAL = ("CC", "XCCL", "XCCM", "FB", "CV")


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
    up = lateral if declared.view in CRANIOCAUDAL else cranial or lateral
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


def chest_wall_side(small: NDArray[np.float32]) -> tuple[Side, float]:
    """The side of an image on which the breast meets the chest wall.

    Parameters
    ----------
    small : (rows, columns) a :func:`thumbnail`; larger is denser, any scale

    Returns
    -------
    the side, and by how much its score leads (0 undecided, 1 certain)
    """
    mask = breast_silhouette(small)
    scores = _straightness(mask)
    ranked = sorted(scores, key=lambda side: scores[side], reverse=True)
    return ranked[0], scores[ranked[0]] - scores[ranked[1]]


def thumbnail(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The image without white frame, shrunk until its longest side is THUMBNAIL pixels."""
    shrink = THUMBNAIL / max(image.shape)
    size = (max(1, round(image.shape[1] * shrink)), max(1, round(image.shape[0] * shrink)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    white = small >= GLARE * small.max()
    inside = []
    for axis in (1, 0):
        keep = np.flatnonzero(white.mean(axis=axis) < FRAME_FILL)
        inside.append(slice(keep[0], keep[-1] + 1) if keep.size else slice(None))
    return np.asarray(small[inside[0], inside[1]], dtype=np.float32)


def breast_silhouette(small: NDArray[np.float32]) -> Mask:
    """Rough outline of the breast in a :func:`thumbnail`, bool of its shape."""
    low, high = np.percentile(small, (1, 99))
    # The root brings fatty tissue nearer to dense tissue than to air, so that Otsu's threshold parts
    # breast and air also where a processed image shows fat nearly black.
    root = np.sqrt(np.clip((small - low) / max(high - low, 1e-6), 0, 1))
    grey = (root * 255).astype(np.uint8)
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


def head_up(small: NDArray[np.float32]) -> float:
    """How surely an oblique view with the chest wall at the left stands upright.

    Three things tell the axilla from the abdomen, each between -1 and 1: the breast is wide where the
    upper edge cuts it, the pectoral muscle makes the corner there bright, and the fullest part lies below
    the middle.

    Parameters
    ----------
    small : (rows, columns) a :func:`thumbnail`; larger is denser, any scale

    Returns
    -------
    their sum: positive for upright, negative for upside down
    """
    mask = breast_silhouette(small)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return 0.0
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    mask, small = mask[box], small[box]
    height, width = mask.shape
    widths = mask.mean(axis=1)
    end = max(1, height // 20)
    axilla = widths[:end].mean() - widths[-end:].mean()
    fullest = np.flatnonzero(widths > 0.9 * widths.max()).mean() / height * 2 - 1
    y, x = np.mgrid[:height, :width]
    corner = (x / width + y / (height / 2) < 0.5) & mask
    opposite = (x / width + (height - 1 - y) / (height / 2) < 0.5) & mask
    levels = [float(small[where].mean()) if where.any() else 0.0 for where in (corner, opposite)]
    muscle = np.clip((levels[0] - levels[1]) / max(float(np.median(small[mask])), 1e-6), -1, 1)
    return float(axilla + muscle + fullest)


def orient(
    pixels: Float, info: ViewInfo, declared: Declared | None
) -> tuple[Orientation, bool, tuple[str, ...]]:
    """How to lay an image into the canonical orientation.

    Parameters
    ----------
    pixels : (rows, columns) of the source, larger is denser
    info : what it shows
    declared : Patient Orientation, or None

    Returns
    -------
    the orientation, whether the header says which way is up, and warnings
    """
    rows, columns = pixels.shape
    small = thumbnail(pixels)
    side, lead = chest_wall_side(small)
    # A spot or magnification view need not reach the chest wall or the axilla: its header is believed.
    whole = not {"spot", "magnification", "tangential"} & set(info.modifiers)
    warnings: list[str] = []
    header = from_header(declared, rows, columns) if declared else None
    if header is not None:
        orientation, vertical_known = header
        seen = orientation.apply(_one_sided(side, small.shape))[:, 0].all()
        if whole and lead >= CLEAR and not seen:
            warnings.append(
                f"The chest wall is seen at the {side}, against Patient Orientation; the image was followed."
            )
            orientation, vertical_known = toward_left(side, rows, columns), False
    else:
        if lead < SEEN:
            # As films are hung: back to back, so a right breast has its chest wall at the right.
            side = "right" if info.laterality == "R" else "left"
            warnings.append(f"Where the chest wall is could not be seen; it was taken to be at the {side}.")
        orientation, vertical_known = toward_left(side, rows, columns), False
    if whole and info.view in OBLIQUE and head_up(orientation.apply(small)) < UPSIDE_DOWN:
        warnings.append("The image stands on its head; it was turned.")
        orientation, vertical_known = upside_down(orientation), False
    return orientation, vertical_known, tuple(warnings)


def upside_down(orientation: Orientation) -> Orientation:
    """The orientation that mirrors the canonical image top to bottom as well."""
    # Mirroring top to bottom is half a turn and mirroring left to right.
    turns = (orientation.quarter_turns + 2) % 4
    return Orientation(orientation.rows, orientation.columns, turns, not orientation.flip)


def _one_sided(side: Side, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    marked = np.zeros(shape, dtype=np.bool_)
    edges = {"left": marked[:, 0], "right": marked[:, -1], "top": marked[0], "bottom": marked[-1]}
    edges[side][:] = True
    return marked
