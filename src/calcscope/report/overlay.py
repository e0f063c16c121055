"""Pictures of what was found: each view with its marks, each finding magnified, clean beside marked.

Marks stand around calcifications, never on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from calcscope.exam.model import Mammogram, Points
from calcscope.report import legend, words
from calcscope.report.affine import unmapped
from calcscope.report.canvas import RGB, Canvas, box_of, grown, text_width
from calcscope.report.frame import Frame
from calcscope.report.model import Calcification, EarlierFinding, Finding, Member, Place, Point, ViewReport
from calcscope.report.palette import (
    ANATOMY,
    BORDER,
    CATEGORY_COLOURS,
    EARLIER,
    LEFT_OUT,
    LOOSE,
    MIMIC,
    TEXT,
    dimmed,
)

VIEW_SIDE = 1500
"""Longer side of a whole view, drawn pixels: about 0.2 mm each, enough to find a place by."""
CROP_SIDE = 640
"""Side of a magnified crop, drawn pixels: 0.04 mm each at 25 mm, as fine as the finest films."""
BENIGN_CROP_SIDE = 320
"""Benign findings get smaller crops: there may be dozens."""
FIELDS_MM = (12.5, 25.0, 50.0, 100.0)
"""Fields of the crops; few and fixed, so that crops can be compared by eye."""
ROOM = 1.5
"""A crop's field is at least this many times the finding's extent."""
MARGIN_MM = 2.0
"""Room between a finding's outermost calcifications and the line around it in a whole view."""
RING_GAP = 5.0
"""Room between a calcification's outline and its ring, drawn pixels."""
MIMIC_SQUARE_MM = 10.0
"""Greatest square around what is no calcification: a long scratch must not frame half the breast."""
MOST_TILES = 4
"""Lone calcifications of one finding are magnified one by one, so many at the most."""
DRAWN_WHOLE = ("vascular",)
"""Kinds that are one object although they form no group."""
FAINT = 0.85
"""Brightness of benign marks."""


def draw_view(
    view: ViewReport,
    findings: Iterable[Finding],
    mammogram: Mammogram,
    earlier: Iterable[EarlierFinding] = (),
) -> RGB:
    """A whole view with lines around its findings, a legend and a scale bar.

    Parameters
    ----------
    earlier : what only earlier exams show: dashes stand around its place

    Returns
    -------
    uint8 (rows, columns, 3); the image comes first, the strip of text beneath it
    """
    frame = Frame.whole(mammogram, VIEW_SIDE)
    canvas = Canvas(frame.grey(mammogram))
    pairs = [(each, member) for each in findings for member in each.members if member.view == view.sop_uid]
    marks = [mark for finding, member in pairs for mark in _marks(view, frame, finding, member)]
    told = {speck for _, member in pairs for speck in member.calcifications}
    loose = [each for each in view.calcifications if each.id not in told]
    _draw_anatomy(canvas, frame, view)
    for speck in loose:
        x, y = frame.to_drawn(np.array([[speck.x, speck.y]]))[0]
        canvas.ellipse(x, y, (5, 5), 0, LOOSE)
    title = 44
    canvas.text(*_title_place(canvas, view, title), view.label, TEXT, title)
    for mark in marks:
        canvas.keep_clear(box_of(mark.line))
    # Suspicious marks are drawn last and labelled first: they win where marks meet.
    for mark in sorted(marks, key=lambda mark: not mark.benign):
        canvas.line(mark.line, mark.colour, mark.thickness, closed=True)
    for mark in sorted(marks, key=lambda mark: mark.benign):
        canvas.label(box_of(mark.line), mark.words, mark.text_colour, mark.size, always=not mark.benign)
    gone = [(each, place) for each in earlier for place in each.change.places if place.view == view.sop_uid]
    for each, place in gone:
        border = grown(frame.to_drawn(place_points(view, place)), MARGIN_MM * frame.per_mm)
        canvas.dashes(border, EARLIER, 8, closed=True, thickness=2)
        canvas.keep_clear(box_of(border))
        canvas.label(box_of(border), f"{each.id} · {words.status(each.change)}", EARLIER, 28, always=True)
    _draw_mimics(canvas, frame, view)
    _draw_left_out(canvas, frame, view)
    entries = _entries(view, marks, bool(loose)) + ([legend.EARLIER_ENTRY] if gone else [])
    return np.vstack([canvas.finish(), legend.strip(canvas.width, frame.per_mm, entries, 28)])


def draw_crop(view: ViewReport, finding: Finding, member: Member, mammogram: Mammogram) -> RGB:
    """A finding magnified: the clean image on the left, beside it every calcification in a ring.

    Returns
    -------
    uint8 (rows, columns, 3); the two images side by side, a strip of text beneath them
    """
    parts = _parts(view, finding, member)
    shown = parts[:MOST_TILES]
    fields_mm = [_field_mm(view, part) for part in shown]
    side = BENIGN_CROP_SIDE if finding.benign else CROP_SIDE
    if len(shown) > 1:
        side = BENIGN_CROP_SIDE * 3 // 4
    tiles = [_tile(view, finding, member, part, mammogram, max(fields_mm), side) for part in shown]
    picture = np.hstack(
        [each for pair in zip(tiles, [separator(side)] * len(tiles), strict=True) for each in pair][:-1]
    )
    colour = CATEGORY_COLOURS[finding.assessment.category]
    named = legend.finding_entry(f"{finding.id} · category {finding.assessment.category}", colour, 2)
    field = f"field {max(fields_mm):.3g} mm"
    if len(parts) > 1:
        field += f" · the {len(shown)} largest of {len(parts)}" if len(parts) > len(shown) else " each"
    entries = [named, legend.Entry(f"{view.label} · {field}")]
    strip = legend.strip(picture.shape[1], side / max(fields_mm), entries, 17 if finding.benign else 20)
    return np.vstack([picture, strip])


def _tile(
    view: ViewReport,
    finding: Finding,
    member: Member,
    part: Member,
    mammogram: Mammogram,
    field_mm: float,
    side: int,
) -> RGB:
    """One part of a finding, clean and marked."""
    left, top, right, bottom = box_of(_member_points(view, part))
    frame = Frame.around(mammogram, ((left + right) / 2, (top + bottom) / 2), field_mm, side)
    clean = frame.grey(mammogram, stretch=True)
    canvas = Canvas(clean.copy())
    colour = CATEGORY_COLOURS[finding.assessment.category]
    members = set(member.calcifications)
    # The finding's own rings come last: they lie on top.
    for speck in sorted(view.calcifications, key=lambda speck: speck.id in members):
        ring(canvas, frame, speck, colour if speck.id in members else dimmed(LOOSE))
    if member.group is not None:
        hull = frame.to_drawn(_member_points(view, member))
        canvas.line(grown(hull, MARGIN_MM / 2 * frame.per_mm), dimmed(colour, FAINT), closed=True)
    return np.hstack([clean, separator(side), canvas.finish()])


def separator(rows: int) -> RGB:
    """The white line between two images of a picture."""
    return np.full((rows, 4, 3), 255, np.uint8)


def _field_mm(view: ViewReport, part: Member) -> float:
    left, top, right, bottom = box_of(_member_points(view, part))
    return field_mm(max(right - left, bottom - top) * view.pixel_mm)


def field_mm(extent_mm: float) -> float:
    """Field of a crop that shows something of this extent."""
    return next((field for field in FIELDS_MM if field >= ROOM * extent_mm), ROOM * extent_mm)


def _parts(view: ViewReport, finding: Finding, member: Member) -> list[Member]:
    """What is drawn as one: a group or a vessel whole, lone calcifications one by one, largest first."""
    if member.group is not None or finding.kind in DRAWN_WHOLE:
        return [member]
    size = {speck.id: speck.diameter_mm for speck in view.calcifications}
    ordered = sorted(member.calcifications, key=lambda name: -size[name])
    return [member.model_copy(update={"calcifications": [name]}) for name in ordered]


def crop_slice(view: ViewReport, member: Member) -> int | None:
    """The frame of a tomosynthesis in which most of the member's calcifications lie; None elsewhere."""
    slices = [each.slice for each in view.calcifications if each.id in set(member.calcifications)]
    known = [each for each in slices if each is not None]
    return max(sorted(set(known)), key=known.count) if known else None


@dataclass(frozen=True)
class _Mark:
    """The line around a finding in one view, and its label."""

    line: Points
    colour: str
    text_colour: str
    words: str
    category: str
    benign: bool

    @property
    def thickness(self) -> int:
        return 1 if self.benign else 2

    @property
    def size(self) -> int:
        """Height of the label's letters, pixels."""
        return 24 if self.benign else 34


def _marks(view: ViewReport, frame: Frame, finding: Finding, member: Member) -> list[_Mark]:
    """The lines around a finding in a view: one, or one for each of its lone calcifications."""
    margin_mm = MARGIN_MM * (0.5 if finding.benign else 1)
    colour = CATEGORY_COLOURS[finding.assessment.category]
    group = f" ({member.group})" if member.group is not None else ""
    full = f"{finding.id}{group} · cat. {finding.assessment.category}"
    if finding.change is not None:
        full += f" · {words.statuses(finding.change)[0]}"
    return [
        _Mark(
            line=grown(frame.to_drawn(_member_points(view, part)), margin_mm * frame.per_mm),
            colour=dimmed(colour, FAINT) if finding.benign else colour,
            text_colour=colour,
            words=finding.id if finding.benign else full,
            category=finding.assessment.category,
            benign=finding.benign,
        )
        for part in _parts(view, finding, member)
    ]


def _entries(view: ViewReport, marks: Sequence[_Mark], loose: bool) -> list[legend.Entry]:
    """Only what the view shows."""
    entries = []
    kinds = {(mark.benign, mark.category): mark for mark in marks}
    for (benign, category), mark in sorted(kinds.items(), key=lambda item: item[0][::-1], reverse=True):
        meaning = f"category {category}, benign" if benign else f"category {category}"
        entries.append(legend.finding_entry(meaning, mark.colour, mark.thickness))
    if loose:
        entries.append(legend.LOOSE_ENTRY)
    if view.mimics:
        entries.append(legend.MIMIC_ENTRY)
    if view.left_out:
        entries.append(legend.LEFT_OUT_ENTRY)
    if view.anatomy.nipple is not None:
        seen = view.anatomy.nipple_certainty == "seen"
        meaning = "nipple" if seen else "nipple, estimated"
        entries.append(legend.Entry(meaning, lambda canvas, x, y: _draw_nipple(canvas, x, y, seen=seen)))
    if view.anatomy.pectoral_line is not None:
        entries.append(legend.MUSCLE_ENTRY)
    if view.anatomy.outline:
        entries.append(legend.BORDER_ENTRY)
    return entries


def _draw_anatomy(canvas: Canvas, frame: Frame, view: ViewReport) -> None:
    anatomy = view.anatomy
    if anatomy.outline:
        canvas.line(frame.to_drawn(np.array(anatomy.outline)), BORDER, closed=True)
    if anatomy.pectoral_line is not None:
        canvas.dashes(frame.to_drawn(np.array(anatomy.pectoral_line)), dimmed(ANATOMY, 0.8), 10)
    if anatomy.nipple is not None:
        x, y = frame.to_drawn(np.array([anatomy.nipple]))[0]
        _draw_nipple(canvas, x, y, seen=anatomy.nipple_certainty == "seen")


def _draw_nipple(canvas: Canvas, x: float, y: float, *, seen: bool) -> None:
    """A cross, in a dashed ring where the place was only estimated."""
    for dx, dy in ((11, 0), (0, 11)):
        canvas.line(np.array([[x - dx, y - dy], [x + dx, y + dy]]), ANATOMY)
    if not seen:
        canvas.dashes(grown(np.array([[x, y]]), 15), ANATOMY, 6, closed=True)


def _draw_mimics(canvas: Canvas, frame: Frame, view: ViewReport) -> None:
    """Dashed lines around what is no calcification: its outline, or a square of its size."""
    for mimic in view.mimics:
        if mimic.outline:
            border = grown(frame.to_drawn(np.array(mimic.outline)), RING_GAP)
        else:
            x, y = frame.to_drawn(np.array([[mimic.x, mimic.y]]))[0]
            half_mm = min(mimic.extent_mm, MIMIC_SQUARE_MM) / 2
            border = legend.square(x, y, max(half_mm * frame.per_mm + RING_GAP, 8))
        canvas.dashes(border, MIMIC, 5, closed=True)
        canvas.keep_clear(box_of(border))
        canvas.label(box_of(border), words.term(mimic.kind), MIMIC, 24, always=False)


def _draw_left_out(canvas: Canvas, frame: Frame, view: ViewReport) -> None:
    """Faint dashed lines around what was not searched, without words: one sees what it is."""
    for area in view.left_out:
        canvas.dashes(grown(frame.to_drawn(np.array(area.outline)), RING_GAP), LEFT_OUT, 3, closed=True)


def ring(canvas: Canvas, frame: Frame, speck: Calcification, colour: str, wider: float = 0.0) -> None:
    """An ellipse around a calcification's outline, clear of it on all sides, and by ``wider`` more pixels."""
    outline = frame.to_drawn(np.array(speck.outline or [(speck.x, speck.y)]))
    ring_around(canvas, outline, speck.diameter_mm / 2 * frame.per_mm, colour, wider)


def ring_around(canvas: Canvas, outline: Points, radius: float, colour: str, wider: float = 0.0) -> None:
    """The same around a drawn outline, (n, 2); ``radius`` where it is only a point, drawn pixels."""
    gap = RING_GAP + wider
    if len(outline) < 3:
        canvas.ellipse(outline[0, 0], outline[0, 1], (radius + gap,) * 2, 0, colour)
        return
    (x, y), (width, height), degrees = cv2.minAreaRect(outline.astype(np.float32))
    canvas.ellipse(x, y, (width / 2 + gap, height / 2 + gap), degrees, colour)


def _title_place(canvas: Canvas, view: ViewReport, size: int) -> tuple[float, float]:
    """Upper corner on the nipple's side, where a film carries its letters."""
    margin = 24.0
    if view.laterality == "R":
        return margin, margin
    return canvas.width - margin - text_width(view.label, size), margin


def _member_points(view: ViewReport, member: Member) -> Points:
    """Source points that a line around the finding has to hold: its group's hull and its specks."""
    mine = set(member.calcifications)
    points: list[Point] = [
        each for group in view.groups if group.id == member.group for each in group.outline
    ]
    points += [(group.x, group.y) for group in view.groups if group.id == member.group]
    for speck in view.calcifications:
        if speck.id in mine:
            points += [(speck.x, speck.y), *speck.outline]
    return np.array(points, dtype=np.float64)


def place_points(view: ViewReport, place: Place) -> Points:
    """Source points, (n, 2), of what is there now; where nothing is, of where what was there should be."""
    members = set(place.calcifications)
    own = [
        point
        for each in view.calcifications
        if each.id in members
        for point in (each.outline or [(each.x, each.y)])
    ]
    if own:
        return np.array(own)
    then = [point for each in place.earlier for point in each.outline] or [(place.x, place.y)]
    return to_current(place, then)


def to_current(place: Place, points: Sequence[Point]) -> Points:
    """Points of the earlier source image in the current one, (n, 2)."""
    return unmapped(np.array(place.map), np.array(points))
