"""Another maker's marks beside ours: which of theirs is ours, and a picture of each view with both."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from calcscope import lexicon
from calcscope.exam.model import Mammogram
from calcscope.report import legend, words
from calcscope.report.canvas import RGB, Canvas, box_of, grown
from calcscope.report.frame import Frame
from calcscope.report.model import Calcification, ExamReport, Group, Point, ViewReport
from calcscope.standards.importing import CadMarks, Mark

OURS, THEIRS = "#56b4e9", "#f2b233"
SIDE = 1500
GAP = 10.0
"""Room between a mark's outline and the line around it, drawn pixels."""


@dataclass(frozen=True)
class Ours:
    """A mark of ours: what one view shows of a finding, or one of its lone calcifications."""

    finding: str
    what: str
    x: float
    y: float
    outline: list[Point]
    lone: bool


@dataclass(frozen=True)
class Pair:
    """A mark of theirs and ours that it is, or one of the two alone.

    ``overlap`` is the intersection of the convex outlines over their union, ``apart_mm`` the distance of the
    centres in the breast's plane.
    """

    view: ViewReport
    theirs: Mark | None
    ours: Ours | None
    overlap: float = 0.0
    apart_mm: float | None = None


def our_marks(exam: ExamReport, view: ViewReport) -> list[Ours]:
    """What a view shows of the exam's findings."""
    groups = {each.id: each for each in view.groups}
    specks = {each.id: each for each in view.calcifications}
    found = []
    for finding in exam.findings:
        for member in finding.members:
            if member.view == view.sop_uid:
                parts: Sequence[Group | Calcification] = (
                    [groups[member.group]]
                    if member.group is not None
                    else [specks[one] for one in member.calcifications]
                )
                found += [
                    Ours(finding.id, words.title(finding), each.x, each.y, each.outline, member.group is None)
                    for each in parts
                ]
    return found


def pairs(exam: ExamReport, marks: CadMarks) -> list[Pair]:
    """Each mark of theirs and of ours once, view by view; the best overlap, then the nearest, first.

    Marks that are parts of others, that are to be shown to nobody, or that are on images the exam does
    not hold, are left out.
    """
    return [pair for view in exam.views for pair in _of_view(exam, view, marks)]


def _of_view(exam: ExamReport, view: ViewReport, marks: CadMarks) -> Iterator[Pair]:
    shown = (mark for mark in marks.top() if mark.intent != "not_for_presentation")
    theirs = [mark for mark in shown if mark.view == view.sop_uid]
    ours = our_marks(exam, view)
    near = lexicon.cad_sr().same_within_mm.value
    chances = sorted(
        (-overlap, apart, t, o)
        for t, mark in enumerate(theirs)
        for o, own in enumerate(ours)
        for overlap, apart in [_closeness(mark, own, view.pixel_mm)]
        if overlap > 0 or apart <= near
    )
    taken_t: set[int] = set()
    taken_o: set[int] = set()
    for minus, apart, t, o in chances:
        if t not in taken_t and o not in taken_o:
            taken_t.add(t)
            taken_o.add(o)
            yield Pair(view, theirs[t], ours[o], -minus, apart)
    yield from (Pair(view, mark, None) for t, mark in enumerate(theirs) if t not in taken_t)
    yield from (Pair(view, None, own) for o, own in enumerate(ours) if o not in taken_o)


def _closeness(mark: Mark, own: Ours, pixel_mm: float) -> tuple[float, float]:
    apart = float(np.hypot(mark.x - own.x, mark.y - own.y)) * pixel_mm
    if min(len(mark.outline), len(own.outline)) < 3:
        return 0.0, apart
    a, b = (cv2.convexHull(np.asarray(each.outline, np.float32)) for each in (mark, own))
    both = float(cv2.intersectConvexConvex(a, b)[0])
    whole = cv2.contourArea(a) + cv2.contourArea(b) - both
    return (both / whole if whole > 0 else 0.0), apart


def draw(view: ViewReport, shown: Sequence[Pair], mammogram: Mammogram, maker: str) -> RGB:
    """A view with both sets of marks: ours in blue, whole lines; theirs in amber, dashed.

    Returns
    -------
    uint8 (rows, columns, 3); the strip of text comes beneath the image
    """
    frame = Frame.whole(mammogram, SIDE)
    canvas = Canvas(frame.grey(mammogram))
    lines = []
    for pair in shown:
        if pair.ours is not None:
            lines.append((_line(frame, pair.ours), OURS, pair.ours.finding, False, pair.ours.lone))
        if pair.theirs is not None:
            lines.append(
                (
                    _line(frame, pair.theirs),
                    THEIRS,
                    f"#{pair.theirs.number}",
                    True,
                    pair.theirs.kind == "calcification",
                )
            )
    for line, colour, _, dashed, _ in lines:
        if dashed:
            canvas.dashes(line, colour, 8, closed=True, thickness=2)
        else:
            canvas.line(line, colour, 2, closed=True)
        canvas.keep_clear(box_of(line))
    # Lone calcifications may be many: they are named where there is room.
    for line, colour, name, _, lone in sorted(lines, key=lambda one: one[4]):
        canvas.label(box_of(line), name, colour, 22 if lone else 28, always=not lone)
    canvas.text(24, 24, f"{view.label} · blue: Calcscope · amber, dashed: {maker}", size=28)
    return np.vstack([canvas.finish(), legend.strip(canvas.width, frame.per_mm, [], 28)])


def _line(frame: Frame, mark: Ours | Mark) -> np.ndarray:
    points = mark.outline if len(mark.outline) > 2 else [(mark.x, mark.y)]
    drawn = frame.to_drawn(np.asarray(points, dtype=float))
    if len(points) < 3:
        angle = 2 * np.pi * np.arange(24)[:, None] / 24
        return np.asarray(drawn + 2 * GAP * np.hstack([np.cos(angle), np.sin(angle)]))
    return grown(drawn, GAP)


def page(found: Sequence[Pair], marks: CadMarks, pictures: dict[str, str], notice: str) -> str:
    """A page: a picture of each view, and a table of which mark of theirs is ours."""
    who = html.escape(
        " ".join(filter(None, (marks.maker.manufacturer, marks.maker.model))) or "unknown maker"
    )
    both = sum(pair.theirs is not None and pair.ours is not None for pair in found)
    theirs = sum(pair.theirs is not None for pair in found)
    ours = sum(pair.ours is not None for pair in found)
    rows = "\n".join(_row(pair) for pair in found)
    views = "\n".join(
        f'<figure><img src="{html.escape(file)}" alt="{html.escape(label)}: both sets of marks">'
        f"<figcaption>{html.escape(label)}</figcaption></figure>"
        for label, file in pictures.items()
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Marks beside one another</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }}
.views {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 1rem; }}
figure {{ margin: 0 }} img {{ width: 100%; background: #000 }}
table {{ border-collapse: collapse; width: 100%; margin-top: 1rem }}
th, td {{ text-align: left; padding: .35rem .75rem; border-bottom: 1px solid #d5d9de; vertical-align: top }}
.o {{ color: #0b5c8f }} .t {{ color: #8a5a00 }} small {{ color: #555 }}
</style></head><body>
<h1>Marks of Calcscope and of {who}</h1>
<p>{both} marks are the same; {theirs - both} are of {who} alone, {ours - both} of Calcscope alone.</p>
<div class="views">{views}</div>
<table><thead><tr><th>View</th><th>{who}</th><th>Certainty</th><th>Calcscope</th><th>Overlap</th>
<th>Centres apart</th></tr></thead><tbody>
{rows}
</tbody></table>
<p><small>{html.escape(notice)}</small></p>
</body></html>
"""


def _row(pair: Pair) -> str:
    theirs, ours = pair.theirs, pair.ours
    sure = words.percent(theirs.certainty) if theirs is not None else "–"
    name = f"#{theirs.number} {html.escape(theirs.kind)}" if theirs is not None else "–"
    own = f"{ours.finding} {html.escape(ours.what)}" if ours is not None else "–"
    overlap = words.percent(pair.overlap) if pair.apart_mm is not None else "–"
    return (
        f'<tr><td>{html.escape(pair.view.label)}</td><td class="t">{name}</td><td>{sure}</td>'
        f'<td class="o">{own}</td><td>{overlap}</td><td>{words.length(pair.apart_mm)}</td></tr>'
    )
