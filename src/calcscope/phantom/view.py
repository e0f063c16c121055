"""One simulated view: from the breast and what is in it to stored pixels with their truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Points
from calcscope.phantom.anatomy import GrownAnatomy
from calcscope.phantom.calcium import OWN, VICTRE
from calcscope.phantom.film import SCANNERS, develop
from calcscope.phantom.geometry import CompressedBreast, project
from calcscope.phantom.marks import make_mark
from calcscope.phantom.model import (
    Mark,
    Patch,
    Pose,
    Random,
    ShapeGenerator,
    Speck,
    SpeckTruth,
    ViewTruth,
)
from calcscope.phantom.physics import STORED_BITS, Exposure, Setup, expose
from calcscope.phantom.plan import ExamPlan
from calcscope.phantom.processing import BITS, process
from calcscope.phantom.tissue import tissue_of

GENERATORS: dict[str, ShapeGenerator] = {"own": OWN, "victre": VICTRE}
FINEST_STEP_MM = 0.05
"""Grid that calcium is drawn on where pixels are larger: specks as small as they keep their form."""
SHOWN = 1e-4
"""Share of its greatest thickness from which a cell belongs to a speck."""


@dataclass(frozen=True)
class SimulatedView:
    """A view in the canonical orientation, with its truth.

    Parameters
    ----------
    label : such as ``RCC``; ``LMCC`` for a magnification view
    pixels : uint8 or uint16 (rows, columns)
    bits : stored
    photometric : ``MONOCHROME2`` (larger is whiter) or ``MONOCHROME1``
    window : center, width and function of the VOI window, None for raw images
    pixel_mm : in the plane of the breast, of the stored image
    thickness_mm : of the compressed breast
    setup : detector and exposure
    truth : in pixels of the stored image
    specks : for each entry of ``truth.specks``, what the beam meets
    borders : for each of them, the convex hull of what is seen, (k, 2) pixels of the stored image
    origin_mm : (2,) view x, y of the outer corner of pixel (0, 0)
    """

    label: str
    pose: Pose
    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    bits: int
    photometric: Literal["MONOCHROME1", "MONOCHROME2"]
    window: tuple[float, float, str] | None
    pixel_mm: float
    thickness_mm: float
    setup: Setup
    truth: ViewTruth
    specks: tuple[Patch, ...]
    borders: tuple[Points, ...]
    origin_mm: NDArray[np.float64]

    @property
    def kind(self) -> Literal["presentation", "raw", "film"]:
        """Processed for display, raw, or a digitised film."""
        if self.setup.detector == "film":
            return "film"
        return "presentation" if self.window else "raw"


def take_view(
    breast: GrownAnatomy,
    pose: Pose,
    label: str,
    specks: Sequence[tuple[int, Speck]],
    kinds: Sequence[str],
    plan: ExamPlan,
    setup: Setup,
    random: Random,
) -> SimulatedView:
    """Take one view.

    Parameters
    ----------
    specks : those of this breast, with their indices in the exam
    kinds : of marks to put in the view
    """
    projection = project(breast, pose, setup.detector_mm)
    tissue = tissue_of(breast, projection)
    marks = [make_mark(kind, projection, tissue, random) for kind in kinds]
    patches = [(n, drawn_patch(speck, projection, plan.generator)) for n, speck in specks]
    exposure = expose(tissue, [patch for _, patch in patches], marks, projection, setup, random)
    truths, seen, borders = _seen(patches, exposure, projection)
    truth = ViewTruth(tuple(truths), tuple(marks), tissue.skin_line, tissue.pectoral_line, tissue.nipple)
    del tissue
    if plan.maker == "film":
        scanner = SCANNERS[plan.scanner]
        if plan.pixel_mm is not None:
            scanner = replace(scanner, pixel_mm=plan.pixel_mm)
        scan = develop(
            exposure, scanner, random, f"{pose.laterality}-{pose.view}", mirrored=pose.laterality == "R"
        )
        return SimulatedView(
            label, pose, scan.pixels, scan.bits, "MONOCHROME2",
            ((2**scan.bits - 1) / 2, 2**scan.bits, "LINEAR"), scan.pixel_mm, projection.thickness_mm, setup,
            _scaled(truth, scan.to_scan, scan.marks), seen, tuple(map(scan.to_scan, borders)),
            projection.origin_mm,
        )  # fmt: skip
    if plan.maker == "raw":
        return SimulatedView(
            label, pose, exposure.stored(), STORED_BITS, "MONOCHROME1", None, projection.pixel_mm,
            projection.thickness_mm, setup, truth, seen, borders, projection.origin_mm,
        )  # fmt: skip
    shown = process(exposure, plan.maker, random)
    return SimulatedView(
        label, pose, shown.pixels, BITS, shown.photometric, (shown.center, shown.width, shown.function),
        projection.pixel_mm, projection.thickness_mm, setup, truth, seen, borders, projection.origin_mm,
    )  # fmt: skip


def drawn_patch(speck: Speck, projection: CompressedBreast, generator: str) -> Patch:
    """The solid calcium that the beam meets in a speck."""
    step = min(projection.pixel_mm, FINEST_STEP_MM)
    patch = GENERATORS[generator].draw(speck, projection, step)
    return replace(patch, thickness_mm=patch.thickness_mm * np.float32(speck.density))


def _seen(
    patches: Sequence[tuple[int, Patch]], exposure: Exposure, projection: CompressedBreast
) -> tuple[list[SpeckTruth], tuple[Patch, ...], tuple[Points, ...]]:
    """The specks whose middle lies in the image, with what the beam meets and their borders in pixels."""
    truths, seen, borders = [], [], []
    for number, patch in patches:
        if not patch.thickness_mm.any():
            continue
        middle, size, border = seen_shape(patch)
        x, y = projection.pixels_of(middle[None, :])[0]
        if not (-0.5 <= x <= projection.columns - 0.5 and -0.5 <= y <= projection.rows - 0.5):
            continue
        contrast, snr = exposure.contrast_of(patch), exposure.snr_of(patch)
        truths.append(SpeckTruth(number, float(x), float(y), size, contrast, snr))
        seen.append(patch)
        borders.append(projection.pixels_of(border))
    return truths, tuple(seen), tuple(borders)


def seen_shape(patch: Patch) -> tuple[NDArray[np.float64], float, Points]:
    """Centre of mass, (2,) view mm, greatest extent, mm, and convex hull, (k, 2) view mm, of a patch."""
    thickness = patch.thickness_mm
    rows, columns = np.nonzero(thickness > SHOWN * thickness.max())
    weights = thickness[rows, columns].astype(np.float64)
    cells = np.stack([columns, rows], axis=1)
    half = np.array(thickness.shape[::-1]) / 2 - 0.5

    def in_view(points: Points) -> Points:
        return np.asarray((points - half) * patch.step_mm + [patch.x, patch.y])

    hull = cv2.convexHull(cells.astype(np.int32))[:, 0].astype(np.float64)
    apart = np.hypot(*(hull[:, None] - hull[None]).transpose(2, 0, 1))
    extent = float((apart.max() + 1) * patch.step_mm)
    return in_view(weights @ cells / weights.sum()), extent, in_view(hull)


def _scaled(truth: ViewTruth, to_scan: Callable[[Points], Points], marks: Sequence[Mark]) -> ViewTruth:
    """The truth in pixels of a film's scan, with what lies on the film."""

    def point(x: float, y: float) -> tuple[float, float]:
        ((x, y),) = to_scan(np.array([[x, y]]))
        return float(x), float(y)

    def moved(mark: Mark) -> Mark:
        x, y = point(mark.x, mark.y)
        return replace(mark, x=x, y=y)

    specks = []
    for speck in truth.specks:
        x, y = point(speck.x, speck.y)
        specks.append(replace(speck, x=x, y=y))
    line = truth.pectoral_line
    return ViewTruth(
        tuple(specks),
        (*map(moved, truth.marks), *marks),
        to_scan(truth.skin_line),
        None if line is None else to_scan(line),
        point(*truth.nipple),
    )
