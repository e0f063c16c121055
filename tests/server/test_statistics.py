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
    # The recall of which nothing is known yet is no exam without a cancer.
    assert (before.shares["cdr"].of, before.shares["cdr"].unknown) == (1, 1)
    assert (before.shares["ppv1"].value, before.shares["ppv1"].unknown) == (None, 1)
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


@pytest.mark.parametrize("reason", ["declined", "moved_away", "fulfilled_elsewhere"])
def test_a_recall_that_was_closed_without_an_exam_has_no_outcome(
    site: Site, tmp_path: Path, account: Account, signed_in: Enter, reason: str
) -> None:
    reader = account("radiologist")
    screening = exam_read(site, tmp_path, "with_prior", day=timezone.localdate())
    signed(screening, reader)
    for step in Step.objects.filter(chain__exam=screening).exclude(code="routine"):
        chains.close(step, reason, by=reader, note="She called.")
    (found,) = audits(Exam.objects.all())["all"]
    assert (found.recalled, found.recalled_known) == (1, 0)
    assert found.shares["cdr"].of == 0
    assert "1 not yet known" in signed_in(reader).get(reverse("reading:statistics")).content.decode()


def test_a_benign_biopsy_is_an_outcome_and_one_without_enough_tissue_is_none(
    site: Site, tmp_path: Path, account: Account
) -> None:
    reader = account("radiologist")
    exam = exam_read(site, tmp_path, "all_terms", day=timezone.localdate())
    signed(exam, reader)
    for step in Step.objects.filter(chain__exam=exam, code="magnification_views"):
        chains.close(step, "error", by=reader)
    for step in Step.objects.filter(chain__exam=exam, code="short_interval"):
        chains.close(step, "error", by=reader)
    biopsies = list(Step.objects.filter(chain__exam=exam, code="biopsy"))
    assert biopsies
    for result, known in (("insufficient", 0), ("benign", 1)):
        opened = []
        for step in biopsies:
            for each in ("done", "calcifications_seen", "placed", "clip_in_place"):
                (step,) = chains.write_result(step, each, by=reader)
            opened += chains.write_result(step, result, by=reader, facts={"calcifications": "seen"})
        biopsies = opened
        if result == "benign":
            for step in opened:
                chains.write_result(step, "concordant", by=reader)
        (found,) = audits(Exam.objects.all())["all"]
        assert (found.biopsy_advised, found.biopsy_known, found.biopsy_cancers) == (1, known, 0)
        assert len(found.biopsies) == known * len(opened)
