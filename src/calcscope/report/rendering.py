"""All renderings of a report, put in place together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import cv2

from calcscope.exam.model import Mammogram, View
from calcscope.report import files, words
from calcscope.report.beside import Films, draw_blink, draw_change, draw_trend
from calcscope.report.canvas import RGB
from calcscope.report.html import render_html
from calcscope.report.model import (
    Change,
    EarlierFinding,
    ExamReport,
    Finding,
    Member,
    Place,
    Report,
    ViewReport,
)
from calcscope.report.overlay import crop_slice, draw_crop, draw_view
from calcscope.report.pdf import PdfUnavailable, render_pdf
from calcscope.report.table import write_table
from calcscope.report.writing import assembled_folder

PNG_LEVEL = 2
"""Compression of the overlays: the next level takes twice the time to save a tenth."""


def render_exam(
    report: Report,
    exam: ExamReport,
    views: Iterable[View],
    folder: Path,
    *,
    earlier: Iterable[View] = (),
    pdf: bool = True,
    progress: Callable[[str], None] = lambda what: None,
) -> list[str]:
    """Write an exam's overlays, table, page and PDF into ``folder``, all or nothing.

    The folder is assembled beside its place and renamed, so that an earlier one is replaced whole or
    left as it was. Pixels are held for one view (or one slice) at a time.

    Parameters
    ----------
    views : the views the exam was read from, found by their ``sop_uid``
    earlier : those of earlier exams it was compared with
    folder : where the renderings go, as a rule ``out / exam.folder``
    pdf : leave out ``report.pdf`` when False
    progress : told what is being written, e.g. ``RCC overlay``

    Returns
    -------
    Warnings for the user: why there is no PDF.

    Raises
    ------
    KeyError
        When a view of the report is not among ``views``.
    UnreadableInput
        When a view's pixels cannot be decoded again.
    """
    films = {view.info.sop_uid: view for view in (*earlier, *views)}
    warnings = []
    with assembled_folder(folder) as place:
        (place / files.OVERLAYS).mkdir()
        for view in exam.views:
            progress(f"{view.label} overlay")
            now = _write_overlays(exam, view, films[view.sop_uid], place)
            _write_changes(exam, view, now, films, place)
        for finding in exam.findings:
            if len(finding.trend) > 1:
                _write(draw_trend(finding), place / files.trend_path(finding.id))
        progress("table")
        write_table(exam, place / files.TABLE)
        progress("page")
        (place / files.HTML).write_text(render_html(report, exam), encoding="utf-8")
        if pdf:
            progress("PDF")
            try:
                (place / files.PDF).write_bytes(render_pdf(report, exam, place))
            except PdfUnavailable as missing:
                warnings.append(str(missing))
    return warnings


def _write_overlays(exam: ExamReport, view: ViewReport, film: View, place: Path) -> Mammogram:
    """The whole view and the crop of each finding in it.

    Returns
    -------
    The view's pixels, of a tomosynthesis those of the last slice that was drawn.
    """
    here = [
        (finding, member)
        for finding in exam.findings
        for member in finding.members
        if member.view == view.sop_uid
    ]
    by_slice: dict[int | None, list[tuple[Finding, Member]]] = {}
    for finding, member in here:
        by_slice.setdefault(crop_slice(view, member), []).append((finding, member))
    # The whole view of a tomosynthesis is the slice of the most suspicious finding: they come first.
    shown = next(iter(by_slice), None)
    for number in by_slice or {None: []}:
        mammogram = film.load(number)
        if number == shown:
            _write(
                draw_view(view, exam.findings, mammogram, exam.earlier_findings),
                place / files.overlay_path(exam, view),
            )
        for finding, member in by_slice.get(number, []):
            crop = draw_crop(view, finding, member, mammogram)
            _write(crop, place / files.crop_path(exam, finding, view.sop_uid))
    return mammogram


def _write_changes(
    exam: ExamReport, view: ViewReport, now: Mammogram, films: Mapping[str, View], place: Path
) -> None:
    """Each finding of a view beside what an earlier exam shows in its place; ``now``: the view's pixels."""
    compared = {
        uid: list(_compared(exam, view, uid))
        for uid in dict.fromkeys(prior.prior_view for one in exam.priors for prior in one.views)
    }
    for uid, here in compared.items():
        if not here:
            continue
        then = films[uid].load()
        for finding, change, places in here:
            pair = Films(now, then, words.month(exam.date or ""), words.month(change.date))
            picture = draw_change(view, finding, change, places, pair)
            _write(picture, place / files.change_path(exam, finding.id, view.sop_uid))
            if len(places) == 1 and not (isinstance(finding, Finding) and finding.benign):
                paths = files.blink_paths(exam, finding.id, view.sop_uid)
                for image, path in zip(draw_blink(view, places[0], pair), paths, strict=True):
                    _write(image, place / path)


def _compared(
    exam: ExamReport, view: ViewReport, prior_uid: str
) -> Iterator[tuple[Finding | EarlierFinding, Change, list[Place]]]:
    """Findings with their places in one view and one earlier view."""
    for finding, change in exam.compared:
        pair = (view.sop_uid, prior_uid)
        places = [each for each in change.places if (each.view, each.prior_view) == pair]
        if places:
            yield finding, change, places


def _write(image: RGB, path: Path) -> None:
    done = cv2.imwrite(
        str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL]
    )
    if not done:
        raise OSError(f"{path.name} could not be written: is the disk full?")
