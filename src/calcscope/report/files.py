"""Names of the files in an exam's folder: made from views and findings, never from patient data."""

from __future__ import annotations

import re
from collections import Counter

from calcscope.report.model import ExamReport, Finding, ViewReport

OVERLAYS = "overlays"
HTML = "report.html"
PDF = "report.pdf"
TABLE = "calcifications.parquet"


def view_slugs(exam: ExamReport) -> dict[str, str]:
    """A short name for each view, by ``sop_uid``: ``rcc``, and ``rcc-2`` for a second of its kind."""
    used: Counter[str] = Counter()
    slugs = {}
    for view in exam.views:
        slug = _slug(view.label)
        used[slug] += 1
        slugs[view.sop_uid] = slug if used[slug] == 1 else f"{slug}-{used[slug]}"
    return slugs


def overlay_path(exam: ExamReport, view: ViewReport) -> str:
    """Path of a view's overlay inside the exam's folder."""
    return f"{OVERLAYS}/{view_slugs(exam)[view.sop_uid]}.png"


def crop_path(exam: ExamReport, finding: Finding, view_uid: str) -> str:
    """Path of the magnified crop of a finding in one view inside the exam's folder."""
    return f"{OVERLAYS}/finding-{finding.id}-{view_slugs(exam)[view_uid]}.png"


def change_path(exam: ExamReport, finding: str, view_uid: str) -> str:
    """Path of a finding in an earlier exam and now, side by side, inside the exam's folder."""
    return f"{OVERLAYS}/change-{finding}-{view_slugs(exam)[view_uid]}.png"


def blink_paths(exam: ExamReport, finding: str, view_uid: str) -> tuple[str, str]:
    """Paths of the two images that are blinked, the earlier one and the current one."""
    stem = f"{OVERLAYS}/blink-{finding}-{view_slugs(exam)[view_uid]}"
    return f"{stem}-then.png", f"{stem}-now.png"


def trend_path(finding: str) -> str:
    """Path of a finding's trend over several exams inside the exam's folder."""
    return f"{OVERLAYS}/trend-{finding}.png"


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
