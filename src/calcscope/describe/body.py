"""Bodies: the whole calcified object a mark of the catalogue belongs to.

Detection works at the scale of specks and finds a large object (a rod, a shell, a popcorn calcification)
as several marks along it. Here each mark's object is followed outward: thresholds sink from half the
mark's height towards the tissue around, and the widest region whose border is still nearly as sharp as
the sharpest one is the body. Calcium has sharp borders at every level; the gland that a speck lies on
has not.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Mammogram, Mask, Points
from calcscope.exam.quantiles import median, percentile
from calcscope.specks.catalogue import SpeckCatalogue

REACH_MM = 9.0
"""Half size of the field a body is followed in; what leaves it is tissue or a fold, not calcium."""
GRID_MM = 0.1
"""Bodies are followed on pixels of about this size, then measured on the image's own."""
SINK = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2)
"""Thresholds, as shares of the first one's height over the tissue around."""
STILL_SHARP = 0.55
"""A border is still calcium's when its mean gradient is at least this share of the sharpest one's."""
OVER_TISSUE = 2.5
"""And at least so many times the field's median gradient, which is that of tissue and noise."""
GROWN = 1.6
"""Only a region this much larger than the mark's outline is taken for a larger body."""
LEAST_ACROSS = 24
"""Small shapes are resampled until they are about this many steps across, so that skeletons and
depths are not quantised to pixels."""
MOST_FINER = 5
"""Finest resampling; beyond this, interpolation adds nothing."""
MARGIN = 4
"""Pixels kept around a body, to know its surroundings."""


@dataclass(frozen=True)
class Body:
    """One calcified object.

    Parameters
    ----------
    marks : indices of the catalogue's marks that lie on it
    outline : (k, 2) its border, pixels, canonical
    mask : bool (rows, columns): the object, holes filled, on a fine grid
    excess : float32 (rows, columns): brightness over its surroundings, same grid
    step_mm : mm per step of that grid
    """

    marks: tuple[int, ...]
    outline: Points
    mask: Mask
    excess: Float
    step_mm: float


def find_bodies(indices: Iterable[int], catalogue: SpeckCatalogue, mammogram: Mammogram) -> list[Body]:
    """The bodies on which the marks ``indices`` lie, in the order of their first mark."""
    wanted = [int(i) for i in indices]
    field = _Field.of(mammogram)
    bodies: list[Body] = []
    taken: set[int] = set()
    for index in wanted:
        if index in taken:
            continue
        region = field.follow(catalogue, index)
        marks = [index]
        if region is None:
            polygon = catalogue.outlines[index]
        else:
            polygon = region
            border = region.astype(np.float32)
            marks += [
                other
                for other in wanted
                if other != index and other not in taken and holds(border, catalogue.xy[other])
            ]
        taken.update(marks)
        bodies.append(body_of(tuple(marks), polygon, mammogram))
    return bodies


class _Field:
    """The image on the grid on which bodies are followed."""

    def __init__(self, mammogram: Mammogram) -> None:
        self.factor = max(1, round(GRID_MM / mammogram.pixel_mm))
        rows, columns = (size // self.factor * self.factor for size in mammogram.pixels.shape)
        cut = mammogram.pixels[:rows, :columns]
        size = (columns // self.factor, rows // self.factor)
        reduced = cv2.resize(cut, size, interpolation=cv2.INTER_AREA) if self.factor > 1 else cut
        self.pixels: Float = np.asarray(reduced, dtype=np.float32)
        self.reach = int(REACH_MM / (mammogram.pixel_mm * self.factor))
        self.area_mm2 = (mammogram.pixel_mm * self.factor) ** 2
        self._followed: dict[tuple[float, ...], Points | None] = {}

    @classmethod
    def of(cls, mammogram: Mammogram) -> _Field:
        """That of a view, made once as long as the view is held: several stages follow the same bodies."""
        field = _FIELDS.get(id(mammogram))
        if field is None:
            field = _FIELDS[id(mammogram)] = cls(mammogram)
            weakref.finalize(mammogram, _FIELDS.pop, id(mammogram), None)
        return field

    def follow(self, catalogue: SpeckCatalogue, index: int) -> Points | None:
        """Outline (k, 2) of the body at a mark, canonical pixels; None when it is the mark itself."""
        columns = (catalogue.x, catalogue.y, catalogue.contrast, catalogue.area_mm2)
        mark = tuple(float(column[index]) for column in columns)
        if mark not in self._followed:
            self._followed[mark] = self._follow(catalogue, index)
        return self._followed[mark]

    def _follow(self, catalogue: SpeckCatalogue, index: int) -> Points | None:
        x, y = (catalogue.xy[index] + 0.5) / self.factor - 0.5
        left, top = max(int(x) - self.reach, 0), max(int(y) - self.reach, 0)
        patch = self.pixels[top : int(y) + self.reach + 1, left : int(x) + self.reach + 1]
        outline = (catalogue.outlines[index] + 0.5) / self.factor - 0.5 - (left, top)
        own = np.zeros(patch.shape, np.uint8)
        cv2.fillPoly(own, [np.round(outline * 16).astype(np.int32)], 1, shift=4)
        if not own.any():
            return None
        row, column = divmod(int(np.argmax(np.where(own > 0, patch, -np.inf))), patch.shape[1])
        first = float(patch[row, column]) - catalogue.contrast[index] / 2
        around = percentile(patch, 30)
        if first <= around:
            return None
        gradient: Float = np.asarray(
            cv2.magnitude(cv2.Sobel(patch, cv2.CV_32F, 1, 0), cv2.Sobel(patch, cv2.CV_32F, 0, 1)), np.float32
        )
        tissue = median(gradient)
        best: Mask | None = None
        corner = (0, 0)
        sharpest = 0.0
        for share in SINK:
            above = (patch > around + share * (first - around)).astype(np.uint8)
            # The region's own box and a pixel around it are all that is looked at.
            _, _, _, (x0, y0, width, height) = cv2.floodFill(above, None, (column, row), 2, flags=8)
            x1, y1 = x0 + width, y0 + height
            if x0 == 0 or y0 == 0 or x1 == patch.shape[1] or y1 == patch.shape[0]:
                break
            box = (slice(y0 - 1, y1 + 1), slice(x0 - 1, x1 + 1))
            region = (above[box] == 2).astype(np.uint8)
            edge = cv2.dilate(region, np.ones((3, 3), np.uint8)) - cv2.erode(
                region, np.ones((3, 3), np.uint8)
            )
            sharpness = float(gradient[box][edge > 0].mean())
            sharpest = max(sharpest, sharpness)
            if sharpness < max(STILL_SHARP * sharpest, OVER_TISSUE * tissue):
                break
            best, corner = region > 0, (x0 - 1, y0 - 1)
        if best is None or best.sum() * self.area_mm2 < GROWN * catalogue.area_mm2[index]:
            return None
        contours, _ = cv2.findContours(best.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        polygon = max(contours, key=cv2.contourArea)[:, 0].astype(np.float64)
        if len(polygon) < 3:
            return None
        return np.asarray((polygon + corner + (left, top) + 0.5) * self.factor - 0.5)


_FIELDS: dict[int, _Field] = {}
"""Of the views that are being read, by the identity of their mammogram."""


def body_of(marks: tuple[int, ...], outline: Points, mammogram: Mammogram) -> Body:
    """The body within an outline (k, 2), canonical pixels, on which the marks lie."""
    return Body(marks, outline, *_resample(outline, mammogram))


def holds(border: NDArray[np.float32], point: Points) -> bool:
    """Whether a point (2,) lies within a closed border (k, 2) or on it."""
    return cv2.pointPolygonTest(border, (float(point[0]), float(point[1])), False) >= 0


def _resample(outline: Points, mammogram: Mammogram) -> tuple[Mask, Float, float]:
    """Body inside an outline, excess brightness over the surroundings, and step in mm."""
    rows, columns = mammogram.pixels.shape
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - MARGIN, 0)
    high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + MARGIN + 1, (columns, rows))
    patch = mammogram.pixels[low[1] : high[1], low[0] : high[0]]
    across = max(float(np.ptp(outline, axis=0).min()), 1.0)
    finer = int(np.clip(np.ceil(LEAST_ACROSS / across), 1, MOST_FINER))
    if finer > 1:
        size = (patch.shape[1] * finer, patch.shape[0] * finer)
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_CUBIC), dtype=np.float32)
    # cv2.resize keeps pixel *edges* in place: a centre at c moves to (c + 0.5) * finer - 0.5.
    corners = (outline - low + 0.5) * finer - 0.5
    body = np.zeros(patch.shape, np.uint8)
    cv2.fillPoly(body, [np.round(corners * 16).astype(np.int32)], 1, shift=4)
    near = cv2.dilate(body, np.ones((4 * finer + 1, 4 * finer + 1), np.uint8))
    outside = patch[near == 0]
    surroundings = median(outside) if outside.size else float(patch.min())
    return body > 0, np.asarray(patch - surroundings, np.float32), mammogram.pixel_mm / finer
