from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hospital import MADE, normal

from calcscope.errors import UnreadableInput
from calcscope.report.model import Report
from calcscope.standards.subject import Subject, subject_of


def test_images_and_earlier_images_are_found_where_they_were_read(subjects: dict[str, Subject]) -> None:
    subject = subjects["with_prior"]
    assert len(subject.images) == 4
    assert len(subject.priors) == 4
    assert subject.first.PatientID == "W-4711"


def test_moved_images_are_found_where_the_user_says(tmp_path: Path) -> None:
    report = normal(tmp_path / "there")
    (tmp_path / "there").rename(tmp_path / "elsewhere")
    with pytest.raises(UnreadableInput, match="--images"):
        subject_of(report, report.exams[0], MADE)
    found = subject_of(report, report.exams[0], MADE, [tmp_path / "elsewhere"])
    assert set(found.images) == {view.sop_uid for view in report.exams[0].views}


def test_an_image_that_is_not_the_one_read_is_refused_without_telling_whose_it_is(tmp_path: Path) -> None:
    report = normal(tmp_path)
    view = report.exams[0].views[0].model_copy(update={"sop_uid": "1.2.3"})
    exam = report.exams[0].model_copy(update={"views": [view, *report.exams[0].views[1:]]})
    with pytest.raises(UnreadableInput, match="not the DICOM image") as refusal:
        subject_of(report, exam, MADE)
    assert "4711" not in str(refusal.value).replace(str(tmp_path), "")
    assert len(subject_of(report, exam, MADE, whole=False).images) == 3


def test_the_same_reading_gives_the_same_uid_and_another_one_another(subjects: dict[str, Subject]) -> None:
    subject = subjects["normal"]
    assert subject.uid("a") == replace(subject).uid("a")
    others = {
        subject.uid("b"),
        replace(subject, made=MADE.replace(hour=15)).uid("a"),
        subjects["with_prior"].uid("a"),
    }
    assert len({subject.uid("a"), *others}) == 4
    assert isinstance(subject.report, Report)
