from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from accounts import Account, Enter
from django.urls import reverse
from django.utils import timezone
from exams import exam_read
from test_signing import signed

from calcscope.server.exams.models import Exam
from calcscope.server.followup import chains
from calcscope.server.followup.models import Step
from calcscope.server.people.models import Site
from calcscope.server.reading.statistics import Share, audits


def test_wilsons_interval() -> None:
    # Newcombe, Stat Med 1998;17:857, table I, method 3: 81 of 263 gives 0.2553 to 0.3662.
    low, high = Share(81, 263).interval or (0, 0)
    assert (low, high) == pytest.approx((25.53, 36.62), abs=0.01)
    assert Share(0, 0).interval is None


def test_outcomes_follow_the_chains_of_an_exam(
    site: Site, tmp_path: Path, account: Account, signed_in: Enter
) -> None:
    reader = account("radiologist")
    today = timezone.localdate()
    screening = exam_read(site, tmp_path / "a", "with_prior", day=today)
    signed(screening, reader)
    normal = exam_read(site, tmp_path / "b", "normal", patient="W-2", day=today)
    signed(normal, reader)
    (before,) = audits(Exam.objects.all())["all"]
    assert (before.screens, before.recalled, before.recalled_known) == (2, 1, 0)
    diagnostic = exam_read(site, tmp_path / "c", "all_terms", day=today + timedelta(days=365))
    signed(diagnostic, reader)
    for step in Step.objects.filter(chain__exam=screening, code="magnification_views"):
        chains.fulfil(step, diagnostic, by=reader)
    step = Step.objects.get(chain__exam=diagnostic, code="biopsy", chain__side="R")
    for result in ("done", "calcifications_seen", "placed", "clip_in_place"):
        (step,) = chains.write_result(step, result, by=reader)
    chains.write_result(step, "invasive", by=reader, facts={"calcifications": "seen"})
    (after,) = audits(Exam.objects.all())["all"]
    assert (after.recalled_known, after.recalled_cancers) == (1, 1)
    # Both exams lead to the one biopsy: it is counted once.
    assert (len(after.biopsies), len(after.biopsies_cancers)) == (1, 1)
    assert after.shares["cdr"].value == 500
    page = signed_in(reader).get(reverse("reading:statistics")).content.decode()
    assert "500.0" in page
    assert page.count("<svg") == 5  # category 3 has no outcome yet
