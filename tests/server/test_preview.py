"""The reading room judges a finding that nobody changed as the engine does, whatever its comparison says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from reading.pairs import current, earlier

from calcscope.reading import ReadSettings, read_paths
from calcscope.report.model import ExamReport, Finding
from calcscope.server.reading.content import Previewed, as_report, previewed, suggested

Judgement = tuple[str, str, int | None, list[tuple[str, str]], str]


def of_engine(finding: Finding) -> Judgement:
    step = finding.next_step
    reasons = [(reason.rule, reason.text) for reason in finding.reasons]
    return finding.assessment.category, step.code, step.due_days, reasons, finding.sentence


def of_room(shown: Previewed) -> Judgement:
    reasons = [(reason.rule, reason.text) for reason in shown.reasons]
    return shown.category, shown.next_step, shown.due_days, reasons, shown.sentence


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> list[ExamReport]:
    """The same dozen alone, and compared with exams that show all, three quarters, half or none of it."""
    folder = tmp_path_factory.mktemp("exams")
    now = current(folder / "now")
    long_ago = earlier(folder / "long-ago", 0, "long ago")
    read = list(read_paths([now], None)[0].exams)
    for count, mode in ((12, "screening"), (9, "screening"), (6, "diagnostic"), (0, "screening")):
        then = earlier(folder / f"then-{count}", count)
        priors = [then, long_ago] if count == 6 else [then]
        report, _ = read_paths([now], None, settings=ReadSettings(mode=mode), priors=priors)  # type: ignore[arg-type]
        read += report.exams
    return read


def test_the_preview_of_a_compared_exam_is_what_the_engine_says(exams: Sequence[ExamReport]) -> None:
    told = set()
    for exam in exams:
        kept = ExamReport.model_validate_json(exam.model_dump_json())
        shown = previewed(suggested(kept), kept)
        assert [of_room(each) for each in shown.findings] == [of_engine(each) for each in exam.findings]
        assert shown.assessment == suggested(kept).assessment
        assert shown.next_steps == suggested(kept).next_steps
        told |= {finding.change.status[0] for finding in exam.findings if finding.change}
    assert {"unchanged", "more", "new"} <= told


def test_earlier_films_are_asked_for_as_long_as_a_finding_is_indeterminate(
    exams: Sequence[ExamReport],
) -> None:
    alone, compared = exams[:2]
    content = suggested(alone)
    assert "prior_films" in {step.code for step in previewed(content, alone).next_steps}
    assert "prior_films" not in {step.code for step in previewed(suggested(compared), compared).next_steps}
    benign = content.findings[0].model_copy(update={"category": "2", "next_step": "routine"})
    content = content.model_copy(update={"findings": [benign]})
    assert [step.code for step in previewed(content, alone).next_steps] == ["routine"]


def test_the_distance_to_the_skin_stays_in_a_signed_report(exams: Sequence[ExamReport]) -> None:
    exam = exams[0]
    content = suggested(exam)
    assert content.findings[0].skin_mm is not None
    assert as_report(content, exam).findings[0].skin_mm == exam.findings[0].skin_mm
