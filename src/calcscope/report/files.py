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


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
