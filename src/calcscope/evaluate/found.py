"""What the engine finds on a drawn scene, matched to what was drawn."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.groups import Group
from calcscope.phantom.drawn.scenes import Scene
from calcscope.specks import SpeckCatalogue

SEEN = 6.0
"""Marks at least this salient count as seen. How probable detection holds them to be is not asked:
description is measured apart from detection."""
NEAR_MM = 0.2
"""A mark whose centre lies this near drawn calcium is a mark of it."""


def marks_of(scene: Scene, catalogue: SpeckCatalogue) -> NDArray[np.intp]:
    """Indices of the marks that lie on drawn calcium, or in its lucent middle."""
    if not len(catalogue):
        return np.zeros(0, dtype=np.intp)
    size = 2 * round(NEAR_MM / catalogue.pixel_mm) + 1
    near = cv2.dilate(scene.calcium.astype(np.uint8), np.ones((size, size), np.uint8))
    borders, _ = cv2.findContours(near, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(near, borders, -1, 1, cv2.FILLED)
    column, row = np.rint(catalogue.xy).astype(int).T
    return np.flatnonzero((near[row, column] > 0) & (catalogue.salience >= SEEN))


def group_of(scene: Scene, catalogue: SpeckCatalogue) -> Group | None:
    """The marks of what was drawn as one group; None where nothing was found."""
    marks = marks_of(scene, catalogue)
    if not len(marks):
        return None
    outline = np.concatenate([catalogue.outlines[i] for i in marks]).astype(np.float32)
    hull = cv2.convexHull(outline)[:, 0].astype(np.float64)
    away = catalogue.xy_mm[marks][:, None] - catalogue.xy_mm[marks][None]
    x, y = catalogue.xy[marks].mean(axis=0)
    area = max(cv2.contourArea(hull.astype(np.float32)) * catalogue.pixel_mm**2 / 100, 1e-4)
    span = float(np.hypot(away[..., 0], away[..., 1]).max())
    return Group(marks, float(x), float(y), hull, span, area, probability=0.5, few=len(marks) < 5)
