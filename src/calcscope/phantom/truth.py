"""The truth of a simulated exam as JSON, in pixels of the images as they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope import __version__
from calcscope.exam.model import Orientation, Points
from calcscope.groups.links import component_of
from calcscope.phantom.exam import PlacedLesion
from calcscope.phantom.model import Mark, Pose, Speck, SpeckTruth, ViewTruth

FORMAT = 1
"""Of the file; grows when a field changes its meaning."""
NAME = "truth.json"
NEAR_OUTLINE_MM = 1.0
"""How far beyond its specks' borders a group's outline runs."""
TOUCHING_PIXELS = 1.0
"""Specks whose borders are no further apart touch in the image: its blur fills the gap."""
DISC = np.stack([np.cos(np.arange(24) * np.pi / 12), np.sin(np.arange(24) * np.pi / 12)], axis=1)
LINE_STEP_MM = 1.0
"""Between the points of the skin line."""


def head(
    seed: int, woman: str, when: str, date: str | None, generator: str, lesions: Sequence[PlacedLesion]
) -> dict[str, Any]:
    """What is true of the whole exam; ``views`` is to be filled with :func:`of_view`."""
    return {
        "format": FORMAT,
        "simulated": True,
        "seed": seed,
        "woman": woman,
        "when": when,
        "date": date,
        "generator": generator,
        "versions": {"calcscope": __version__, "numpy": np.__version__, "opencv": cv2.__version__},
        "lesions": [
            {
                "index": index,
                "sides": list(placed.sides),
                "morphology": placed.lesion.morphology,
                "typical_kind": placed.lesion.typical_kind,
                "distribution": placed.lesion.distribution,
                "change": placed.lesion.change,
                "malignant": None,  # a simulated lesion has no outcome
            }
            for index, placed in enumerate(lesions)
        ],
        "views": [],
    }


def of_view(
    file: str,
    pose: Pose,
    pixel_mm: float,
    orientation: Orientation,
    truth: ViewTruth,
    borders: Sequence[Points],
    specks: Mapping[int, Speck],
    lesions: Sequence[PlacedLesion],
    kind: str,
) -> dict[str, Any]:
    """What is true of one view.

    Parameters
    ----------
    file : beside truth.json
    pixel_mm : in the plane of the breast
    orientation : of the stored image
    truth : in pixels of the canonical image
    borders : of each of its specks, (k, 2) pixels of the canonical image
    specks : of the exam, by index
    kind : ``presentation``, ``raw``, ``film`` or ``background``
    """

    def stored(points: Points) -> list[list[float]]:
        return [[round(x, 2), round(y, 2)] for x, y in orientation.to_source(points).tolist()]

    def at(x: float, y: float) -> dict[str, float]:
        ((x, y),) = stored(np.array([[x, y]]))
        return {"x": x, "y": y}

    in_groups = [(specks[one.speck].group, border) for one, border in zip(truth.specks, borders, strict=True)]
    line = truth.skin_line[:: max(1, round(LINE_STEP_MM / pixel_mm))]
    return {
        "file": file,
        "kind": kind,
        "rows": orientation.rows,
        "columns": orientation.columns,
        "pixel_mm": round(pixel_mm, 6),
        "laterality": pose.laterality,
        "view": pose.view,
        "modifiers": ["magnification"] if pose.magnification > 1 else [],
        "magnification": pose.magnification,
        "normal": not truth.specks,
        "specks": [
            _speck(one, specks[one.speck], at(one.x, one.y), thing)
            for one, thing in zip(truth.specks, objects_of(borders), strict=True)
        ],
        "groups": [
            _group(index, placed, stored(outline_of(members, pixel_mm)), len(members))
            for index, placed in enumerate(lesions)
            if len(members := [b for group, b in in_groups if group == index]) > 1
        ],
        "marks": [_mark(mark, at(mark.x, mark.y)) for mark in truth.marks],
        "nipple": at(*truth.nipple),
        "skin_line": stored(line),
        "pectoral_line": None if truth.pectoral_line is None else stored(truth.pectoral_line),
    }


def outline_of(borders: Sequence[Points], pixel_mm: float) -> Points:
    """Convex outline of a group, (n, 2) pixels: its specks' borders and ``NEAR_OUTLINE_MM`` around them."""
    around = np.concatenate(borders)[:, None] + DISC * NEAR_OUTLINE_MM / pixel_mm
    return np.asarray(cv2.convexHull(around.reshape(-1, 2).astype(np.float32))[:, 0], dtype=np.float64)


def objects_of(borders: Sequence[Points]) -> list[int]:
    """Number of the object that each speck is part of: those that touch in the image are one to a reader.

    Parameters
    ----------
    borders : of each speck, (k, 2) corners of its convex outline, pixels
    """
    if not borders:
        return []
    outlines = [border.astype(np.float32)[:, None] for border in borders]
    boxes = np.array([(*border.min(axis=0), *border.max(axis=0)) for border in borders])
    apart = np.maximum(boxes[:, None, :2] - boxes[None, :, 2:], boxes[None, :, :2] - boxes[:, None, 2:])
    near = np.argwhere(np.triu((apart <= TOUCHING_PIXELS).all(axis=2), 1))
    touching = [(i, j) for i, j in near if _touch(outlines[i], outlines[j])]
    return [int(thing) for thing in component_of(len(borders), touching)]


def _touch(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether two convex outlines, (k, 1, 2) pixels, overlap or nearly meet."""
    if cv2.intersectConvexConvex(one, other)[0] > 0:
        return True
    return any(
        cv2.pointPolygonTest(outline, corner, True) >= -TOUCHING_PIXELS
        for outline, corners in ((one, other), (other, one))
        for corner in corners[:, 0].tolist()
    )


def _speck(truth: SpeckTruth, speck: Speck, place: dict[str, float], thing: int) -> dict[str, Any]:
    return {
        "speck": truth.speck,
        "lesion": speck.group,
        "object": thing,
        **place,
        "form": speck.form,
        "size_mm": round(truth.size_mm, 3),
        "contrast": round(truth.contrast, 4),
        "snr": round(truth.snr, 2),
    }


def _group(index: int, placed: PlacedLesion, outline: list[list[float]], count: int) -> dict[str, Any]:
    lesion = placed.lesion
    return {
        "lesion": index,
        "morphology": lesion.morphology,
        "typical_kind": lesion.typical_kind,
        "distribution": lesion.distribution,
        "count": count,
        "outline": outline,
    }


def _mark(mark: Mark, place: dict[str, float]) -> dict[str, Any]:
    return {"kind": mark.kind, **place, "extent_mm": round(mark.extent_mm, 2)}
