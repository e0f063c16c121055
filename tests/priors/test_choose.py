"""Which exams are earlier exams of the same woman, and which views show the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from calcscope.exam.model import Exam, Mammogram, View, ViewInfo
from calcscope.priors.choose import choose_priors, prior_view

PATIENT = "SECRET-17"


def nothing(*_: object) -> Mammogram:
    raise AssertionError("choosing a prior needs no pixels")


def shown(label: str, source: str = "a.dcm", modifiers: tuple[str, ...] = (), **known: Any) -> View:
    uid = known.pop("sop_uid", f"{source}/{label}/{'/'.join(modifiers)}")
    info = ViewInfo(source, uid, "L" if label[0] == "L" else "R", label[1:], 10, 10, 0.1, modifiers, **known)
    return View(info, nothing)


def exam(study: str, date: str | None, *labels: str, patient: str = PATIENT) -> Exam:
    labels = labels or ("RCC", "RMLO")
    return Exam(study, patient, date, tuple(shown(label, f"{study}-{label}.dcm") for label in labels))


NOW = exam("now", "2026-05-01")


def test_several_years_are_used_newest_first() -> None:
    chosen, left_out = choose_priors(
        NOW, [exam("a", "2022-05-01"), exam("b", "2025-05-01"), exam("c", "2023-05-02")]
    )
    assert [one.exam.study_uid for one in chosen] == ["b", "c", "a"]
    assert [round(one.years) for one in chosen] == [1, 3, 4]
    assert not left_out


@pytest.mark.parametrize(
    ("offered", "word"),
    [
        (exam("a", "2024-05-01", patient="OTHER-4"), "another patient ID"),
        (replace(exam("a", "2024-05-01", patient="folder"), has_patient_id=False), "states no patient ID"),
        (replace(exam("a", "2024-05-01"), birth_date="19500203"), "another date of birth: check"),
        (exam("a", "2026-07-01"), "later than"),
        (exam("a", "2026-05-01"), "same day"),
        (exam("a", None), "no date"),
        (exam("now", "2024-05-01"), "current exam itself"),
        (exam("a", "2024-05-01", "LCC", "LMLO"), "same side and projection"),
    ],
)
def test_what_is_no_earlier_exam_is_left_out_with_its_reason(offered: Exam, word: str) -> None:
    chosen, [left_out] = choose_priors(replace(NOW, birth_date="19600102"), [offered])
    assert not chosen
    assert word in left_out.reason
    assert "19" not in left_out.reason
    assert "20" not in left_out.reason
    assert PATIENT not in left_out.reason
    assert offered.patient_id not in left_out.reason


def test_without_a_date_of_the_current_exam_nobody_can_tell() -> None:
    _, [left_out] = choose_priors(exam("now", None), [exam("a", "2024-05-01")])
    assert "current exam has no date" in left_out.reason
    assert "--date" in left_out.reason


def test_an_exam_without_a_patient_id_is_not_said_to_be_another_womans() -> None:
    _, [left_out] = choose_priors(
        replace(NOW, patient_id="folder", has_patient_id=False), [exam("a", "2024-05-01")]
    )
    assert left_out.reason.startswith("The current exam states no patient ID")


def test_a_date_of_birth_that_only_one_exam_states_does_not_matter() -> None:
    chosen, left_out = choose_priors(NOW, [replace(exam("a", "2024-05-01"), birth_date="19500203")])
    assert chosen
    assert not left_out


def test_the_same_study_twice_is_used_once() -> None:
    chosen, [left_out] = choose_priors(NOW, [exam("a", "2024-05-01"), exam("a", "2024-05-01")])
    assert len(chosen) == 1
    assert "twice" in left_out.reason


def test_the_same_images_under_another_study_are_the_same_exam() -> None:
    copied = Exam("copy", PATIENT, "2024-05-01", exam("a", "2024-05-01").views)
    chosen, [left_out] = choose_priors(NOW, [exam("a", "2024-05-01"), copied])
    assert len(chosen) == 1
    assert "twice" in left_out.reason


def test_an_exam_of_which_nothing_could_be_read_is_left_out() -> None:
    old = exam("a", "2024-05-01")
    _, [left_out] = choose_priors(NOW, [old], {view.info.source for view in old.views})
    assert "could be read" in left_out.reason
    chosen, _ = choose_priors(NOW, [old], {old.views[0].info.source})
    assert chosen[0].views == (None, 1)


def test_each_view_finds_the_same_side_and_projection() -> None:
    old = exam("a", "2024-05-01", "LMLO", "RMLO", "LCC", "RML")
    assert prior_view(shown("RMLO"), old) == 1
    assert prior_view(shown("LCC"), old) == 2
    assert prior_view(shown("RCC"), old) is None
    assert prior_view(shown("RLM"), old) == 3  # the same projection from the other side
    assert prior_view(shown("LFB"), old) == 2


def test_tomosynthesis_is_not_compared() -> None:
    slices = shown("RCC", "s.dcm", slices=40)
    old = Exam("a", PATIENT, "2024-05-01", (slices, shown("RCC", "b.dcm")))
    assert prior_view(shown("RCC"), old) == 1
    assert prior_view(slices, old) is None


def test_contact_views_are_compared_with_contact_views() -> None:
    magnified = shown("RCC", "m.dcm", ("magnification",))
    raw = shown("RCC", "r.dcm", processing="processing")
    contact = shown("RCC", "c.dcm")
    old = Exam("a", PATIENT, "2024-05-01", (magnified, raw, contact))
    assert prior_view(shown("RCC"), old) == 2
    assert prior_view(shown("RCC", modifiers=("magnification",)), old) == 0
    assert prior_view(shown("RCC", modifiers=("spot",)), old) == 2


def test_an_id_made_from_a_folder_tells_nobody_even_where_it_is_the_same() -> None:
    now, old = (
        replace(one, patient_id="films", has_patient_id=False) for one in (NOW, exam("a", "2024-05-01"))
    )
    _, [left_out] = choose_priors(now, [old])
    assert "states no patient ID" in left_out.reason
    assert "--patient" in left_out.reason
