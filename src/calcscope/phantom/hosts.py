"""Simulated calcifications in real normal mammograms, as folders of PNG with ``truth.json``.

The calcium is laid into a grown breast as deep as the real one, projected in the real view, and shifted so
that the nipples meet; what then falls outside the real breast is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

import cv2
import numpy as np

from calcscope.breast import Breast, locate_breast
from calcscope.errors import UnreadableInput
from calcscope.exam import Mammogram, ReadOptions, View, read_exams
from calcscope.phantom import truth
from calcscope.phantom.anatomy import grow
from calcscope.phantom.background import set_in
from calcscope.phantom.calcium import NoRoom, make_lesion
from calcscope.phantom.exam import PlacedLesion, drawn_conspicuity, thinned
from calcscope.phantom.geometry import CompressedBreast, project
from calcscope.phantom.model import Patch, Pose, Random, Speck, ViewTruth, random_for
from calcscope.phantom.plan import PROJECTIONS, ExamPlan, LesionPlan, drawn_lesions
from calcscope.phantom.view import drawn_patch, seen_shape
from calcscope.report.writing import assembled_folder, layout

TRIES = 20
"""How often a lesion is laid anew when less than half of it falls into the breast."""
LEAST_INSIDE = 0.5
WHITEST = 2**16 - 1


def read_hosts(paths: Sequence[Path], pixel_mm: float | None = None) -> list[View]:
    """The views of real mammograms that calcium can be set into.

    Raises
    ------
    UnreadableInput : for one that cannot be read, or of a view that is not simulated
    """
    exams, failures = read_exams(list(paths), ReadOptions(pixel_mm=pixel_mm))
    for failure in failures:
        raise UnreadableInput(failure.source, failure.reason, "a normal mammogram", "leave it out")
    views = [view for exam in exams for view in exam.views]
    for view in views:
        if view.info.view not in PROJECTIONS or view.info.slices > 1:
            found = f"a view {view.info.label} of {view.info.slices} slices"
            raise UnreadableInput(view.info.source, found, f"one of {', '.join(PROJECTIONS)}", "leave it out")
    if not views:
        raise UnreadableInput(str(paths[0]), "no mammogram", "normal mammograms", "name files or folders")
    return views


def write_host(plan: ExamPlan, host: View, out: Path) -> Path:
    """Set the lesions of a plan into a real view and write ``LABEL.png`` and truth.json into a folder.

    Of the plan the seed, the lesions (all are set into this breast; vessels and skin, which the real breast
    has elsewhere, are not) and the generator count.

    Raises
    ------
    UnreadableInput : when the view cannot be decoded or shows no breast
    OSError : when the folder cannot be written
    """
    mammogram = host.load()
    breast = locate_breast(mammogram)
    if not breast.mask.any():
        raise UnreadableInput(host.info.source, "no breast", "a view of a breast", "leave it out")
    random = random_for(plan.seed, "host")
    laid = _Laid(plan, mammogram, breast)
    for wanted in drawn_lesions(plan):
        if wanted.term not in UNFIT:
            laid.add(wanted, random)
    filled, truths = set_in(mammogram, breast, laid.patches, random)
    shapes = [seen_shape(patch) for patch in laid.patches]
    middles = [mm / mammogram.pixel_mm - 0.5 for mm, _, _ in shapes]
    borders = [mm / mammogram.pixel_mm - 0.5 for _, _, mm in shapes]
    numbered = tuple(
        replace(one, speck=n, x=float(middles[n][0]), y=float(middles[n][1]), size_mm=shapes[n][1])
        for n, one in enumerate(truths)
    )
    line = breast.pectoral_line
    view_truth = ViewTruth(numbered, (), breast.skin_line, line, laid.nipple)
    source = mammogram.orientation
    label = mammogram.info.label.replace(" ", "-")
    folder = out / f"host-{plan.seed:06d}"
    content = truth.head(
        plan.seed, f"host-{plan.seed:06d}", "current", None, plan.generator, tuple(laid.lesions)
    )
    content["views"].append(
        truth.of_view(
            f"{label}.png", laid.projection.pose, mammogram.pixel_mm, source, view_truth, borders,
            dict(enumerate(laid.specks)), laid.lesions, "background",
        )
    )  # fmt: skip
    grey = np.rint(np.clip(filled.pixels, 0, 1) * WHITEST).astype(np.uint16)
    back = np.rot90(grey[:, ::-1] if source.flip else grey, -source.quarter_turns)
    with assembled_folder(folder) as place:
        if not cv2.imwrite(str(place / f"{label}.png"), np.ascontiguousarray(back)):
            raise OSError(f"{label}.png could not be written")
        (place / truth.NAME).write_text(layout(content) + "\n", encoding="utf-8")
    return folder


UNFIT = ("vascular", "skin", "rod")
"""Kinds that must follow a vessel, the skin or a duct of the real breast, which are not known."""


class _Laid:
    """Calcium laid into a real view."""

    def __init__(self, plan: ExamPlan, mammogram: Mammogram, breast: Breast) -> None:
        info = mammogram.info
        self.breast, self.pixel_mm = breast, info.pixel_mm
        self.generator, self.clear = plan.generator, plan.clear
        widest = int(np.flatnonzero(breast.mask.any(axis=0))[-1])
        self.nipple = breast.nipple or (float(widest), float(breast.mask[:, widest].nonzero()[0].mean()))
        depth = float(np.clip(self.nipple[0] * info.pixel_mm, 55, 130))
        self.anatomy = grow(plan.seed, info.laterality, plan.density, nipple_depth_mm=depth)
        view = cast(Literal["CC", "MLO", "ML", "LM"], info.view)
        pose = Pose(info.laterality, view, seed=plan.seed)
        self.projection: CompressedBreast = project(self.anatomy, pose, info.pixel_mm)
        nipple = (np.array(self.nipple) + 0.5) * info.pixel_mm
        self.shift = nipple - self.projection.nipple_mm
        self.lesions: list[PlacedLesion] = []
        self.specks: list[Speck] = []
        self.patches: list[Patch] = []

    def add(self, wanted: LesionPlan, random: Random) -> None:
        """Lay one lesion. Raises ValueError where none of the tries has half of it in the breast."""
        conspicuity = drawn_conspicuity(random)
        index = len(self.lesions)
        for _ in range(TRIES):
            try:
                lesion, specks = make_lesion(self.anatomy, wanted.term, wanted.distribution, index, random)
            except NoRoom:
                continue
            at = self.projection.to_view(np.stack([speck.at for speck in specks]))[:, :2] + self.shift
            inside = self._inside(at)
            if inside.mean() >= LEAST_INSIDE:
                break
        else:
            words = f"{wanted.term} {wanted.distribution or ''}".strip()
            raise ValueError(f"{words} does not fit into this breast; ask for a smaller lesion")
        if wanted.distribution is not None and not self.clear:
            specks = thinned(specks, conspicuity)
        kept = [speck for speck, ok in zip(specks, inside, strict=True) if ok]
        self.lesions.append(PlacedLesion(lesion, (self.projection.pose.laterality,)))
        self.specks += kept
        for speck in kept:
            patch = drawn_patch(speck, self.projection, self.generator)
            self.patches.append(
                replace(patch, x=patch.x + float(self.shift[0]), y=patch.y + float(self.shift[1]))
            )

    def _inside(self, at: np.ndarray) -> np.ndarray:
        columns, rows = np.floor(at / self.pixel_mm).astype(int).T
        height, width = self.breast.search.shape
        within = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
        inside = np.zeros(len(at), dtype=bool)
        inside[within] = self.breast.search[rows[within], columns[within]]
        return inside
