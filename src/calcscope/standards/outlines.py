"""Where findings lie in a view: outlines, the pixels inside them, and the names they are tracked by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Points
from calcscope.report.canvas import grown
from calcscope.report.model import Calcification, EarlierFinding, Finding, Group, Member, ViewReport
from calcscope.standards.subject import Subject

Mask = NDArray[np.bool_]

DRAWN_WHOLE = ("vascular",)
"""Kinds that are one object although they form no group."""
TO_CORNER = 0.5
"""From the report's coordinates, whose whole numbers are pixel centres, to those of SCOORD (PS3.3 C.18.6.1.2)
and of PIXEL in a presentation state (C.10.5.1.2): both have 0.0 at the outer corner of the first pixel."""


@dataclass(frozen=True)
class Sight:
    """A finding as one view shows it.

    Parameters
    ----------
    calcifications : those of the finding that the report lists, the most probable first
    group : its group in the view, None for lone calcifications
    """

    finding: Finding
    view: ViewReport
    member: Member
    calcifications: tuple[Calcification, ...]
    group: Group | None

    @property
    def outlines(self) -> list[Points]:
        """Closed polygons, (n, 2) pixels: one for each calcification; the group's where none is listed."""
        if not self.calcifications and self.group is not None:
            return [np.array(self.group.outline or [(self.group.x, self.group.y)])]
        return [np.array(each.outline or [(each.x, each.y)]) for each in self.calcifications]

    @property
    def border(self) -> Points:
        """Convex hull around everything of it, (n, 2) pixels; of a single point a small circle."""
        hull = self.group.outline if self.group is not None else []
        points = np.concatenate([*self.outlines, np.array(hull).reshape(-1, 2)])
        return within(grown(points, 0.5), self.view)

    @property
    def frames(self) -> list[int]:
        """The frames of a tomosynthesis in which its calcifications lie, 0-based; empty elsewhere."""
        return sorted({each.slice for each in self.calcifications if each.slice is not None})

    @property
    def parts(self) -> list[Sight]:
        """What is marked as one: a group or a vessel whole, lone calcifications one by one."""
        if self.group is not None or self.finding.kind in DRAWN_WHOLE or len(self.calcifications) < 2:
            return [self]
        return [self.only(each) for each in self.calcifications]

    def slices(self) -> Iterator[tuple[int | None, Sight]]:
        """What of it lies in each frame, 0-based; (None, all of it) in an image of one frame."""
        if not self.frames:
            yield None, self
        for frame in self.frames:
            own = tuple(each for each in self.calcifications if each.slice == frame)
            yield frame, Sight(self.finding, self.view, self.member, own, self.group)

    def only(self, speck: Calcification) -> Sight:
        """One of its calcifications, as if it were all."""
        return Sight(self.finding, self.view, self.member, (speck,), None)


def sights(subject: Subject, view: ViewReport) -> list[Sight]:
    """The exam's findings that a view shows, in the report's order."""
    groups = {each.id: each for each in view.groups}
    found = []
    for finding in subject.exam.findings:
        for member in finding.members:
            if member.view == view.sop_uid:
                own = set(member.calcifications)
                listed = [each for each in view.calcifications if each.id in own]
                listed.sort(key=lambda each: -each.probability)
                group = groups[member.group] if member.group is not None else None
                found.append(Sight(finding, view, member, tuple(listed), group))
    return found


def tracking(subject: Subject, finding: Finding | EarlierFinding) -> tuple[str, str]:
    """Identifier and UID by which all objects, and all views, name the same finding."""
    return finding.id, subject.uid("finding", finding.id)


def speck_tracking(
    subject: Subject, view: ViewReport, speck: Calcification, finding: Finding | None
) -> tuple[str, str]:
    """Identifier and UID by which all objects name the same calcification of a view."""
    named = f"{view.label} {speck.id}" if finding is None else f"{finding.id} {view.label} {speck.id}"
    return named, subject.uid("calcification", view.sop_uid, speck.id)


def mask(shape: tuple[int, int], outlines: Iterable[Points]) -> Mask:
    """The pixels of an image, (rows, columns), whose centres lie inside any of the outlines.

    A calcification too small to hold a pixel's centre is the pixel its middle lies in: none may vanish.
    """
    from skimage.draw import polygon

    inside = np.zeros(shape, dtype=bool)
    for outline in outlines:
        rows, columns = polygon(outline[:, 1], outline[:, 0], shape)  # type: ignore[no-untyped-call]
        if len(rows) == 0:
            x, y = outline.mean(axis=0)
            rows = np.clip([round(float(y))], 0, shape[0] - 1)
            columns = np.clip([round(float(x))], 0, shape[1] - 1)
        inside[rows, columns] = True
    return inside


def closed(points: Points, view: ViewReport) -> Points:
    """An outline in DICOM's pixel coordinates, its first point repeated at the end, (n + 1, 2)."""
    inside = within(points, view) + TO_CORNER
    return np.concatenate([inside, inside[:1]])


def within(points: Points, view: ViewReport) -> Points:
    """Points moved onto the image where they lie beyond its edge: no object may point outside."""
    limit = [view.columns - TO_CORNER, view.rows - TO_CORNER]
    return np.asarray(np.clip(points, -TO_CORNER, limit), dtype=np.float64)
