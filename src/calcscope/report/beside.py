"""Pictures of a change: a finding in an earlier exam and now, side by side, over one another, over time.

In an image a ring stands around each calcification that was found in both exams, two rings around one that
was found in this one alone. The finding's place in the earlier image is drawn in dashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from calcscope.exam.model import Mammogram, Points
from calcscope.priors.model import LIKELY
from calcscope.report import legend, words
from calcscope.report.affine import mapped
from calcscope.report.canvas import RGB, Canvas, box_of, grown, text_width
from calcscope.report.counterpart import Counterpart
from calcscope.report.frame import Frame
from calcscope.report.model import Change, EarlierFinding, Finding, Moment, Place, ViewReport
from calcscope.report.overlay import (
    BENIGN_CROP_SIDE,
    CROP_SIDE,
    FAINT,
    MARGIN_MM,
    MOST_TILES,
    field_mm,
    place_points,
    ring,
    ring_around,
    separator,
    to_current,
)
from calcscope.report.palette import CATEGORY_COLOURS, EARLIER, LOOSE, STRIP, TEXT, dimmed

SECOND_RING = 4.0
"""Between the two rings of what only one exam shows, drawn pixels."""
TITLE = 26
"""Height of the letters in an image, pixels."""
DASH = 7.0
PANEL = (560, 320)
"""Width and height of one panel of a trend, pixels."""
TICKS = 4
"""Lines across a panel at the most."""


@dataclass(frozen=True)
class Films:
    """The two images of a place, and how their exams are called: ``May 2023``."""

    now: Mammogram
    then: Mammogram
    when_now: str
    when_then: str


def draw_change(
    view: ViewReport, finding: Finding | EarlierFinding, change: Change, places: Sequence[Place], films: Films
) -> RGB:
    """A finding in one view of both exams: the earlier image on the left, the current one on the right.

    The earlier image is shifted and turned as a whole, at the same scale; each has its own window.

    Parameters
    ----------
    change : what became of it
    places : its, of this view; several where its calcifications lie apart, of which some are drawn: first
        what only one exam shows, then the largest

    Returns
    -------
    uint8 (rows, columns, 3); pairs of images side by side, a strip of text beneath them
    """
    size = {each.id: each.diameter_mm for each in view.calcifications}

    def first(place: Place) -> tuple[bool, float]:
        alone = bool(place.not_found_then) or any(not each.found_now for each in place.earlier)
        return not alone, -max((size[name] for name in place.calcifications), default=0)

    shown = sorted(places, key=first)[:MOST_TILES]
    fields_mm = [_field_mm(view, place) for place in shown]
    side = BENIGN_CROP_SIDE if isinstance(finding, Finding) and finding.benign else CROP_SIDE
    if len(shown) > 1:
        side = BENIGN_CROP_SIDE * 3 // 4
    tiles: list[RGB] = []
    for place in shown:
        tiles += [_pair(view, finding, place, films, max(fields_mm), side), separator(side)]
    picture = np.hstack(tiles[:-1])
    per_mm = side / max(fields_mm)
    named = f"{finding.id} · {view.label} · {words.status(change)}"
    entries = [legend.Entry(named), *_entries(finding, shown, max(fields_mm), len(places))]
    strip = legend.strip(picture.shape[1], per_mm, entries, 17 if side < CROP_SIDE else 20)
    return np.vstack([picture, strip])


def draw_blink(view: ViewReport, place: Place, films: Films) -> tuple[RGB, RGB]:
    """A finding's place then and now, without marks, one exactly over the other.

    The earlier image is laid on the current one as the registration says.
    """
    frame = _frame(view, place, films.now, _field_mm(view, place), CROP_SIDE)
    then = Canvas(Counterpart.of(frame, place, films.then, deformed=True).grey(films.then))
    now = Canvas(frame.grey(films.now, stretch=True))
    then.text(10, 8, films.when_then, TEXT, TITLE)
    now.text(10, 8, f"{films.when_now}, now", TEXT, TITLE)
    return then.finish(), now.finish()


def _pair(
    view: ViewReport,
    finding: Finding | EarlierFinding,
    place: Place,
    films: Films,
    field: float,
    side: int,
) -> RGB:
    """One place then and now, marked."""
    frame = _frame(view, place, films.now, field, side)
    counterpart = Counterpart.of(frame, place, films.then, deformed=False)
    colour = _colour(finding)
    size = TITLE if side == CROP_SIDE else 16
    now = Canvas(frame.grey(films.now, stretch=True))
    members, alone = set(place.calcifications), set(place.not_found_then)
    for speck in sorted(view.calcifications, key=lambda speck: speck.id in members):
        ring(now, frame, speck, colour if speck.id in members else dimmed(LOOSE))
        if speck.id in alone:
            ring(now, frame, speck, colour, SECOND_RING)
    then = Canvas(counterpart.grey(films.then))
    for earlier in place.earlier:
        outline = counterpart.to_drawn(np.array(earlier.outline or [(earlier.x, earlier.y)]), films.then)
        radius = earlier.diameter_mm / 2 * frame.per_mm
        faint = earlier.probability < LIKELY
        ring_around(then, outline, radius, dimmed(colour) if faint else colour)
        if not earlier.found_now:
            ring_around(then, outline, radius, colour, SECOND_RING)
    margin_mm = MARGIN_MM / 2 + (0 if place.earlier else place.error_mm)
    own = isinstance(finding, Finding)
    if own and (len(place.calcifications) > 1 or not place.earlier):
        # Where it should be: what is now there, as the registration has it then.
        source = mapped(np.array(place.map), place_points(view, place))
        border = grown(counterpart.to_drawn(source, films.then), margin_mm * frame.per_mm)
        then.dashes(border, dimmed(colour, FAINT), DASH, closed=True)
    if not own:
        border = grown(frame.to_drawn(place_points(view, place)), MARGIN_MM / 2 * frame.per_mm)
        now.dashes(border, dimmed(colour, FAINT), DASH, closed=True)
    then.text(8, 6, films.when_then, TEXT, size)
    now.text(8, 6, f"{films.when_now}, now", TEXT, size)
    return np.hstack([then.finish(), separator(side), now.finish()])


def _entries(
    finding: Finding | EarlierFinding, shown: Sequence[Place], field: float, places: int
) -> list[legend.Entry]:
    """What the rings mean where there are any, and the field."""
    colour = _colour(finding)
    entries = []
    if any(each.found_now for place in shown for each in place.earlier):
        entries.append(legend.finding_entry("found in both", colour, 1))
    if any(each.found_now and each.probability < LIKELY for place in shown for each in place.earlier):
        entries.append(legend.finding_entry("doubtful then", dimmed(colour), 1))
    once = any(place.not_found_then for place in shown)
    once |= any(not each.found_now for place in shown for each in place.earlier)
    if once:
        entries.append(
            legend.Entry("found in this image only", lambda canvas, x, y: _twice(canvas, x, y, colour))
        )
    many = f" · {len(shown)} of {places}, what one image alone shows first" if places > len(shown) else ""
    if isinstance(finding, EarlierFinding):
        border = legend.Entry("where it was", lambda canvas, x, y: _dashed(canvas, x, y, colour))
        entries.append(border)
    elif any(len(place.calcifications) > 1 or not place.earlier for place in shown):
        border = legend.Entry("where it is now", lambda canvas, x, y: _dashed(canvas, x, y, colour))
        entries.append(border)
    entries.append(legend.Entry(f"field {field:.3g} mm{many}"))
    return entries


def _dashed(canvas: Canvas, x: float, y: float, colour: str) -> None:
    canvas.dashes(legend.square(x, y, 8), dimmed(colour, FAINT), 4, closed=True)


def _twice(canvas: Canvas, x: float, y: float, colour: str) -> None:
    for half in (6.0, 6.0 + SECOND_RING):
        canvas.ellipse(x, y, (half, half), 0, colour)


def _colour(finding: Finding | EarlierFinding) -> str:
    return EARLIER if isinstance(finding, EarlierFinding) else CATEGORY_COLOURS[finding.assessment.category]


def _frame(view: ViewReport, place: Place, mammogram: Mammogram, field: float, side: int) -> Frame:
    left, top, right, bottom = box_of(_points(view, place))
    return Frame.around(mammogram, ((left + right) / 2, (top + bottom) / 2), field, side)


def _field_mm(view: ViewReport, place: Place) -> float:
    left, top, right, bottom = box_of(_points(view, place))
    return field_mm(max(right - left, bottom - top) * view.pixel_mm)


def _points(view: ViewReport, place: Place) -> Points:
    """Source points of the current image that the picture has to hold: what is there now, and was then."""
    then = [point for each in place.earlier for point in (each.outline or [(each.x, each.y)])]
    if not then:
        return place_points(view, place)
    return np.vstack([place_points(view, place), to_current(place, then)])


# --- over time ------------------------------------------------------------------------------------------


def draw_trend(finding: Finding) -> RGB:
    """Number and extent of a finding in every exam; open dots where the exam is not comparable with now.

    Returns
    -------
    uint8 (rows, columns, 3); a panel for the number and, with two extents or more, one for the extent
    """
    colour = CATEGORY_COLOURS[finding.assessment.category]
    moments = finding.trend
    panels = [_panel("calcifications found", moments, [float(m.count) for m in moments], colour, 0)]
    spans = [(m, m.span_mm) for m in moments if m.span_mm is not None]
    if len(spans) > 1:
        panels.append(_panel("extent, mm", [m for m, _ in spans], [mm for _, mm in spans], colour, 1))
    return np.hstack(panels)


def _panel(title: str, moments: Sequence[Moment], values: Sequence[float], colour: str, digits: int) -> RGB:
    """One panel; ``digits`` behind the point of each value."""
    width, height = PANEL
    left, right, top, bottom, size = 70.0, width - 70.0, 88.0, height - 56.0, 20
    canvas = Canvas.blank(width, height, STRIP)
    canvas.text(14, 10, title, TEXT, size)
    step = _step(max([*values, 1.0]), whole=digits == 0)
    most = step * int(np.ceil(max([*values, 1.0]) / step))
    for tick in np.arange(0, most + step / 2, step):
        y = bottom - (bottom - top) * tick / most
        canvas.line(np.array([[left - 20, y], [right + 20, y]]), dimmed(TEXT, 0.3))
        said = f"{tick:g}"
        canvas.text(left - 28 - text_width(said, 16), y - 10, said, dimmed(TEXT, 0.75), 16)
    days = [date.fromisoformat(moment.date).toordinal() for moment in moments]
    span = max(days[-1] - days[0], 1)
    points = np.array(
        [
            (left + (right - left) * (day - days[0]) / span, bottom - (bottom - top) * value / most)
            for day, value in zip(days, values, strict=True)
        ]
    )
    canvas.line(points, colour, 2)
    taken = -np.inf
    for (x, y), moment, value in zip(points.tolist(), moments, values, strict=True):
        canvas.ellipse(x, y, (7, 7), 0, colour, -1)
        if moment.status == ["not_comparable"]:
            canvas.ellipse(x, y, (4.5, 4.5), 0, STRIP, -1)
        said = f"{value:.{digits}f}"
        canvas.text(x - text_width(said, size) / 2, y - 36, said, TEXT, size)
        when = words.month(moment.date)
        start = min(max(x - text_width(when, 16) / 2, 4), width - 4 - text_width(when, 16))
        if start > taken:  # exams of one season: the later dates give way
            canvas.text(start, bottom + 16, when, TEXT, 16)
            taken = start + text_width(when, 16) + 8
    return canvas.finish()


def _step(greatest: float, whole: bool) -> float:
    """A round distance of the lines across a panel, of counts a whole one."""
    power = 10.0 ** np.floor(np.log10(greatest))
    steps = [m * power for m in (0.1, 0.2, 0.25, 0.5, 1, 2, 2.5, 5)]
    return float(next(s for s in steps if greatest / s <= TICKS and not (whole and s % 1)))
