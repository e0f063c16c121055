"""The report of one exam as a web page that needs nothing but its own folder."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jinja2

from calcscope import lexicon
from calcscope.report import files, words
from calcscope.report.model import (
    Calcification,
    EarlierFinding,
    ExamReport,
    Finding,
    Group,
    Member,
    Report,
    ViewReport,
)
from calcscope.report.palette import CATEGORY_COLOURS

VIEWS_IN_A_ROW = ("CC", "MLO")
"""The standard views hang in this order, right breast and left breast side by side."""


@dataclass(frozen=True)
class Seen:
    """A finding in one view, with what the page says about it there."""

    view: ViewReport
    member: Member
    group: Group | None
    calcifications: list[Calcification]
    crop: str
    change: str | None
    blink: tuple[str, str] | None

    @property
    def sizes(self) -> str:
        """Lengths of its calcifications: the middle one, the least and the greatest."""
        lengths = sorted(each.length_mm for each in self.calcifications)
        if not lengths:
            return "–"
        if len(lengths) == 1:
            return words.length(lengths[0])
        middle = words.length(statistics.median(lengths))
        return f"{middle} ({words.length(lengths[0])} to {words.length(lengths[-1])})"

    @property
    def certainty(self) -> str:
        """Probabilities that its marks are calcifications: the least and the greatest."""
        chances = sorted(each.probability for each in self.calcifications)
        if not chances:
            return "–"
        least, greatest = words.percent(chances[0]), words.percent(chances[-1])
        return least if least == greatest else f"{least} to {greatest}"

    @property
    def upper_bounds(self) -> bool:
        """True when a size may be smaller than measured."""
        return any(each.size_is_upper_bound for each in self.calcifications)


def render_html(
    report: Report,
    exam: ExamReport,
    *,
    image: Callable[[str], str] = lambda path: path,
    paper: bool = False,
) -> str:
    """The page of one exam of a report.

    Parameters
    ----------
    image : turns an image's path inside the exam's folder into the address the page uses
    paper : nothing is folded away, and long lists that other files hold are left out
    """
    seen = {finding.id: _seen(exam, finding) for finding in exam.findings}
    return _template().render(
        report=report,
        exam=exam,
        views=_hanging(exam),
        seen=seen,
        was=[(each, _was(exam, each)) for each in exam.earlier_findings],
        pressing=[finding for finding in exam.findings if not finding.benign],
        benign=[finding for finding in exam.findings if finding.benign],
        overlay=lambda view: image(files.overlay_path(exam, view)),
        image=image,
        paper=paper,
    )


def _seen(exam: ExamReport, finding: Finding) -> list[Seen]:
    views = {view.sop_uid: view for view in exam.views}
    told = []
    for member in finding.members:
        view, mine = views[member.view], set(member.calcifications)
        places = [] if finding.change is None else [p for p in finding.change.places if p.view == member.view]
        told.append(
            Seen(
                view=view,
                member=member,
                group=next((group for group in view.groups if group.id == member.group), None),
                calcifications=[each for each in view.calcifications if each.id in mine],
                crop=files.crop_path(exam, finding, view.sop_uid),
                change=files.change_path(exam, finding.id, view.sop_uid) if places else None,
                blink=files.blink_paths(exam, finding.id, view.sop_uid)
                if len(places) == 1 and not finding.benign
                else None,
            )
        )
    return told


def _was(exam: ExamReport, finding: EarlierFinding) -> list[tuple[str, str, tuple[str, str]]]:
    """For each view that a group of an earlier exam is compared in: label, path of its picture, and paths of
    the images that are blinked."""
    views = {view.sop_uid: view for view in exam.views}
    uids = dict.fromkeys(place.view for place in finding.change.places)
    return [
        (
            views[uid].label,
            files.change_path(exam, finding.id, uid),
            files.blink_paths(exam, finding.id, uid),
        )
        for uid in uids
    ]


def _hanging(exam: ExamReport) -> list[ViewReport]:
    """The views as they hang: by projection, the right breast before the left."""

    def order(view: ViewReport) -> tuple[int, str, str, str]:
        standard = view.view in VIEWS_IN_A_ROW and not view.modifiers
        row = VIEWS_IN_A_ROW.index(view.view) if standard else len(VIEWS_IN_A_ROW)
        return row, view.view, " ".join(view.modifiers), "L" if view.laterality == "L" else "A"

    return sorted(exam.views, key=order)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("calcscope.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters.update(
        term=words.term,
        advice=words.advice,
        left_out=words.left_out,
        category=words.category,
        place=words.place,
        title_of=words.title,
        percent=words.percent,
        mm=words.length,
        day=words.day,
        due=words.due,
        source=words.source,
        status=words.status,
        left_out_prior=words.left_out_prior,
        quantity=words.quantity,
        month=words.month,
        side=words.SIDES.__getitem__,
        sentence=lambda text: text[:1].upper() + text[1:],
    )
    environment.globals.update(
        colours=CATEGORY_COLOURS,
        not_verified=lexicon.notices().not_verified,
        interval=words.interval(),
        table=files.TABLE,
        trend=files.trend_path,
        nothing_compared=words.NOTHING_COMPARED,
    )
    return environment.get_template("report.html.j2")
