"""Where a finding lies that the reader drew, by the function that places the engine's own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from calcscope.assess import Place
from calcscope.breast import Breast
from calcscope.errors import CalcscopeError
from calcscope.exam import Orientation, ViewInfo, read_exams
from calcscope.exam.model import Points
from calcscope.exam.options import ReadOptions
from calcscope.groups.location import Sighting, locate
from calcscope.report.model import ExamReport, Location, ViewReport
from calcscope.server.exams.models import Exam
from calcscope.server.reading.content import ReadFinding, ReadingContent, Where

CHOSEN = "location."
"""Begins the name of a field of the place that the reader chose herself (:class:`.content.Edit`)."""


def placed(content: ReadingContent, report: ExamReport, exam: Exam) -> ReadingContent:
    """The content with the places of the findings that the reader drew: one view tells the half of the
    breast, a craniocaudal and an oblique or lateral one the quadrant. What she chose herself stays.

    A part split off from a finding that two views had placed keeps that place.
    """
    files = {image.sop_uid: image.path for image in exam.images.all()}
    views = {view.sop_uid: view for view in report.views}
    findings = [
        finding.model_copy(update={"location": _location(finding, views, files, exam.options)})
        if finding.origin == "reader" and finding.location.certainty != "both views"
        else finding
        for finding in content.findings
    ]
    return content.model_copy(update={"findings": findings})


def _location(
    finding: ReadFinding, views: Mapping[str, ViewReport], files: Mapping[str, Path], options: ReadOptions
) -> Location:
    sightings = []
    for member in finding.members:
        view, path = views.get(member.view), files.get(member.view)
        if view is None or path is None or view.laterality != finding.laterality:
            continue
        try:
            info, orientation = _laid(path, options)
        except (CalcscopeError, OSError):  # an image that cannot be read any more says nothing
            continue
        sighting = _sighting(member, view, info, orientation)
        if sighting is not None:
            sightings.append(sighting)
    found = locate(sightings)
    if found.certainty == "unknown":
        return finding.location
    return _with_what_she_chose(found, finding)


def _with_what_she_chose(found: Place, finding: ReadFinding) -> Location:
    chosen = {edit.field.removeprefix(CHOSEN) for edit in finding.edits if edit.field.startswith(CHOSEN)}
    derived = {
        "quadrant": found.quadrant,
        "half": found.half,
        "clock": found.clock,
        "depth": found.depth,
        "nipple_mm": None if found.nipple_mm is None else round(found.nipple_mm, 1),
        "certainty": found.certainty,
        "orientation_assumed": found.orientation_assumed,
    }
    if "quadrant" in chosen and finding.location.quadrant:
        derived["half"] = None  # her quadrant says it, and more
    own = finding.location.model_dump(include=chosen)
    return Location.model_validate(derived | own)


@lru_cache(maxsize=256)
def _laid(path: Path, options: ReadOptions) -> tuple[ViewInfo, Orientation]:
    """What an image shows and how it lies, as the engine found: the report states it in no field.

    The files of images never change, and are named by their content.
    """
    exams, failures = read_exams([path], options)
    if not exams:
        raise OSError(failures[0].reason)
    mammogram = exams[0].views[0].load()
    return mammogram.info, mammogram.orientation


def _sighting(member: Where, view: ViewReport, info: ViewInfo, orientation: Orientation) -> Sighting | None:
    """A finding as one view shows it: in the middle of its calcifications, or of what was drawn."""
    names = set(member.calcifications)
    specks = [(speck.x, speck.y) for speck in view.calcifications if speck.id in names]
    if specks:
        middle = np.mean(specks, axis=0)
    elif member.outline:
        middle = _middle(np.array(member.outline))
    else:
        return None
    ((x, y),) = orientation.to_canonical(middle)
    return Sighting(float(x), float(y), _breast(view, orientation), info)


def _middle(outline: Points) -> Points:
    """Centre of a polygon's area, (2,); of one without area the mean of its corners."""
    moments = cv2.moments(outline.astype(np.float32))
    if not moments["m00"]:
        return np.asarray(outline.mean(axis=0))
    return np.array([moments["m10"], moments["m01"]]) / moments["m00"]


def _breast(view: ViewReport, orientation: Orientation) -> Breast:
    """The breast's landmarks as the report states them, in the canonical orientation."""
    anatomy = view.anatomy
    outline = orientation.to_canonical(np.array(anatomy.outline).reshape(-1, 2))
    drawn = np.zeros(orientation.canonical_shape, np.uint8)
    if len(outline):
        cv2.fillPoly(drawn, [np.rint(outline).astype(np.int32)], 1)
    mask = drawn.view(np.bool_)
    nipple = None
    if anatomy.nipple is not None:
        ((x, y),) = orientation.to_canonical(np.array(anatomy.nipple))
        nipple = float(x), float(y)
    line = anatomy.pectoral_line
    return Breast(
        mask=mask, outline=outline, skin_line=np.zeros((0, 2)),
        pectoral_line=None if line is None else orientation.to_canonical(np.array(line)), nipple=nipple,
        nipple_certainty=anatomy.nipple_certainty or "estimated", search=mask, foreign=(),
        pixel_mm=view.pixel_mm,
    )  # fmt: skip
