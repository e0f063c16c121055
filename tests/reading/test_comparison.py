"""An exam read beside earlier ones: what became of its group, and what is left out and why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pairs import PIXEL_MM, current, earlier, exam, film, group
from priors.textures import bent

from calcscope.exam import Exam, Failure, read_exams
from calcscope.priors.choose import Chosen
from calcscope.priors.model import Change, Status
from calcscope.reading import NothingToCompare, ReadSettings, Workers, compare_paths, read_paths
from calcscope.reading.comparison import Became, Earlier, Offered, compare_exams, deciding
from calcscope.report import model


def read(path: Path, *priors: Path, **options: Any) -> model.ExamReport:
    report, _ = read_paths([path], None, priors=priors, **options)
    (one,) = report.exams
    return one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exams of one breast: twelve calcifications now, six two years ago, none four years ago."""
    place = tmp_path_factory.mktemp("exams")
    current(place / "now")
    earlier(place / "then", 6)
    earlier(place / "long-ago", 0, "long ago")
    return place


@pytest.fixture(scope="module")
def alone(folder: Path) -> model.ExamReport:
    return read(folder / "now")


@pytest.fixture(scope="module")
def compared(folder: Path) -> model.ExamReport:
    return read(folder / "now", folder / "long-ago", folder / "then")


def test_the_group_has_more_with_its_numbers_interval_and_limits(compared: model.ExamReport) -> None:
    (finding,) = compared.findings
    change = finding.change
    assert change is not None
    assert change.status[0] == "more"
    assert change.date == "2024-05-01"
    assert (change.numbers["count_then"], change.numbers["count_now"]) == (6, 12)
    low, high = change.interval["count_change"]
    assert low <= 6 <= high
    assert 0 < change.detection_limit["then_mm"] < 1
    assert change.raises_suspicion
    assert any("6 found in May 2024, 12 now" in words for words in change.words)
    assert (
        "Increased in number since the mammogram of 2 years ago (in the CC view 6 then, 12 now)."
        in finding.sentence
    )
    assert "growing" in {reason.rule for reason in finding.reasons}


def test_each_calcification_found_in_both_lies_where_it_was_drawn(compared: model.ExamReport) -> None:
    change = compared.findings[0].change
    assert change is not None
    (place,) = change.places
    view = {each.id: each for each in compared.views[0].calcifications}
    assert len(place.calcifications) == 12
    assert len(place.not_found_then) == 6
    assert len(place.earlier) == 6
    assert not {each.same_as for each in place.earlier} & {None, *place.not_found_then}
    linear = np.array(place.map)
    for each in place.earlier:
        assert each.found_now
        own = view[str(each.same_as)]
        mapped = linear @ np.array([own.x, own.y, 1.0])
        assert np.hypot(*(mapped - (each.x, each.y))) * 0.12 < 1.0


def test_the_reading_of_the_current_exam_does_not_depend_on_its_priors(
    alone: model.ExamReport, compared: model.ExamReport
) -> None:
    assert compared.views == alone.views
    one, other = alone.findings[0], compared.findings[0]
    depends = {"change", "trend", "reasons", "sentence", "provisional_suspicion"}
    assert one.model_dump(exclude=depends) == other.model_dump(exclude=depends)
    assert "Not compared with an earlier mammogram." in one.sentence


def test_earlier_films_are_requested_only_where_there_are_none(
    alone: model.ExamReport, compared: model.ExamReport
) -> None:
    assert "prior_films" in {step.code for step in alone.next_steps}
    assert "prior_films" not in {step.code for step in compared.next_steps}


def test_three_exams_make_a_trend(compared: model.ExamReport) -> None:
    trend = compared.findings[0].trend
    assert [moment.date for moment in trend] == ["2022-05-01", "2024-05-01", "2026-05-01"]
    assert [moment.count for moment in trend] == [0, 6, 12]
    assert [moment.status and moment.status[0] for moment in trend] == ["new", "more", None]


def test_both_priors_are_named_newest_first(compared: model.ExamReport) -> None:
    assert [prior.date for prior in compared.priors] == ["2024-05-01", "2022-05-01"]
    for prior in compared.priors:
        assert prior.used
        (pair,) = prior.views
        assert pair.view == compared.views[0].sop_uid
        assert pair.agreement is not None
        assert pair.error_mm is not None
        assert pair.error_mm < 3
        assert not pair.turned_over
        linear = np.array(pair.map)
        # Where places of the image of then lie in the breast, and so in the image of now, is known.
        then_mm = np.array([(x, y) for x in (15.0, 35.0, 55.0) for y in (60.0, 80.0, 100.0)])
        own = np.c_[bent(then_mm) / PIXEL_MM - 0.5, np.ones(len(then_mm))]
        away = np.hypot(*(own @ linear.T - (then_mm / PIXEL_MM - 0.5)).T) * PIXEL_MM
        assert np.median(away) < 3
        assert np.median(np.hypot(*(bent(then_mm) - then_mm).T)) > 4  # what it is without a map


def test_a_group_that_is_gone_is_not_lost(tmp_path: Path) -> None:
    exam(tmp_path / "now", "now", film(group(0)))
    report = read(tmp_path / "now", earlier(tmp_path / "then", 12))
    assert report.findings == []
    (gone,) = report.earlier_findings
    assert gone.change.status == ["resolved"]
    assert gone.count == 12
    assert gone.change.places[0].calcifications == []
    assert not any(each.found_now for each in gone.change.places[0].earlier)
    assert report.assessment.left == "1"


def test_what_is_no_earlier_exam_is_left_out_with_its_reason_and_the_rest_is_read(
    folder: Path, tmp_path: Path
) -> None:
    shown = film(group(6), noise_of=2)
    bad = {
        "another woman": (exam(tmp_path / "a", "then", shown, PatientID="OTHER-9"), "another patient ID"),
        "newer": (
            exam(tmp_path / "b", "then", shown, StudyDate="20270101", StudyInstanceUID="2.25.5",
                 SOPInstanceUID="2.25.6"), "later than the current exam",
        ),
        "itself": (folder / "now", "the current exam itself"),
        "another side": (
            exam(tmp_path / "c", "long ago", shown, ImageLaterality="R", StudyDate="20220601",
                 StudyInstanceUID="2.25.7", SOPInstanceUID="2.25.8", PatientOrientation=["P", "L"]),
            "same side and projection",
        ),
        "another breast": (
            exam(tmp_path / "d", "then", film(group(6), breast=2), StudyDate="20230501",
                 StudyInstanceUID="2.25.9", SOPInstanceUID="2.25.10"), "could not be laid",
        ),
        "unreadable": (tmp_path / "broken.dcm", "could be read"),
        "not there": (tmp_path / "nowhere", "check the path"),
        "twice": (exam(tmp_path / "e", "long ago", film(group(0))), "given twice"),
    }  # fmt: skip
    (tmp_path / "broken.dcm").write_bytes((folder / "then" / "LCC.dcm").read_bytes()[:50_000])
    exam(tmp_path / "f", "long ago", film(group(0)))
    paths = [tmp_path / "f", *(path for path, _ in bad.values())]
    whole, _ = read_paths([folder / "now"], None, priors=paths)
    (report,) = whole.exams
    left_out = {prior.source: prior.reason or "" for prior in report.priors if not prior.used}
    assert set(left_out) == {str(path) for path, _ in bad.values()}
    for name, (path, words) in bad.items():
        assert words in left_out[str(path)], name
    assert [prior.source for prior in report.priors if prior.used] == [str(tmp_path / "f")]
    unread = {str(bad[name][0]) for name in ("unreadable", "not there")}
    assert {prior.source for prior in report.priors if prior.study_uid is None} == unread
    assert {failure.source for failure in whole.failures} == {
        str(tmp_path / "broken.dcm"), str(tmp_path / "nowhere"),
    }  # fmt: skip
    (finding,) = report.findings
    assert finding.count == 12
    assert "OTHER-9" not in whole.model_dump_json()


def test_an_earlier_view_that_lies_upside_down_is_compared_with_a_warning(
    folder: Path, tmp_path: Path
) -> None:
    import pydicom

    ds = pydicom.dcmread(folder / "then" / "LCC.dcm")
    exam(tmp_path / "then", "then", ds.pixel_array[::-1].copy())
    report = read(folder / "now", tmp_path / "then")
    (prior,) = report.priors
    assert prior.views[0].turned_over
    assert "turned over" in prior.warnings[0]
    change = report.findings[0].change
    assert change is not None
    assert change.status[0] == "more"


def test_compare_reads_the_newest_whatever_the_order(folder: Path, compared: model.ExamReport) -> None:
    report, warnings = compare_paths([folder / "then", folder / "now", folder / "long-ago"], None)
    assert report.exams == [compared]
    assert warnings == []


def test_compare_with_one_exam_says_so_and_without_dates_refuses(folder: Path, tmp_path: Path) -> None:
    report, warnings = compare_paths([folder / "now"], None)
    assert len(report.exams) == 1
    assert "nothing to compare" in warnings[0]
    undated = exam(tmp_path / "undated", "then", film(group(0)), StudyDate=None)
    (tmp_path / "broken.dcm").write_bytes((folder / "then" / "LCC.dcm").read_bytes()[:50_000])
    with pytest.raises(NothingToCompare, match="without a date") as refused:
        compare_paths([undated, tmp_path / "broken.dcm"], None)
    assert f"{tmp_path / 'broken.dcm'}: found" in str(refused.value)
    assert len(refused.value.failures) == 1


def test_of_two_women_each_is_offered_her_own_exams_alone(folder: Path, tmp_path: Path) -> None:
    from calcscope.reading.offering import Offers

    mine, hers, nobodys = (Exam(name, name[:3], "2020-01-01", ()) for name in ("mine", "hers", "nobody"))
    offers = Offers(tuple(Offered(each, each.study_uid) for each in (mine, hers, nobodys)))
    got = offers.of(Exam("now", "min", "2026-01-01", ()), {"min", "her"})
    assert [one.exam.study_uid for one in got] == ["mine", "nobody"]


def test_studies_of_one_day_are_offered_as_one_exam() -> None:
    from calcscope.reading.offering import Offers

    cc, mlo, old, other = (
        Exam(name, patient, date, (), birth_date=born)
        for name, patient, date, born in (
            ("cc", "P", "2024-05-01", "19600102"),
            ("mlo", "P", "2024-05-01", ""),
            ("old", "P", "2022-05-01", "19600102"),
            ("other", "Q", "2024-05-01", "19600102"),
        )
    )
    offers = Offers(tuple(Offered(each, each.study_uid) for each in (cc, mlo, old, other)))
    got = offers.of(Exam("now", "P", "2026-05-01", ()), {"P"})
    assert [one.source for one in got] == ["cc and mlo", "old", "other"]
    assert got[0].exam.study_uid == "cc"
    # Two women under one ID are kept apart, and so is what nobody is known to own.
    apart = Offers(tuple(Offered(replace(each, birth_date=each.study_uid), "") for each in (cc, mlo)))
    assert len(apart.of(Exam("now", "P", "2026-05-01", ()), {"P"})) == 2
    nobodys = Offers(tuple(Offered(replace(each, has_patient_id=False), "") for each in (cc, mlo)))
    assert len(nobodys.of(Exam("now", "P", "2026-05-01", ()), {"P"})) == 2


def test_a_view_of_each_of_two_studies_of_one_day_makes_one_earlier_exam(tmp_path: Path) -> None:
    exam(tmp_path / "now", "now", film(group(12)))
    mine = earlier(tmp_path / "cc", 6)
    right = {"ImageLaterality": "R", "PatientOrientation": ["P", "L"]}
    uids = {"StudyInstanceUID": "2.25.7", "SOPInstanceUID": "2.25.8"}
    other = exam(tmp_path / "rcc", "then", film(group(0), noise_of=3), **right, **uids)
    for paths in ((other, mine), (mine, other)):
        (prior,) = read(tmp_path / "now", *paths).priors
        assert prior.used
        assert prior.source == " and ".join(map(str, paths))


def test_a_prior_whose_pixels_cannot_be_decoded_is_left_out(folder: Path) -> None:
    (now,), _ = read_exams([folder / "now"])
    (then,), _ = read_exams([folder / "then"])

    def failing(view: Any, settings: ReadSettings, progress: Any) -> Failure:
        return Failure(view.info.source, "found half an image")

    found = compare_exams(now, [], [Offered(then, "then")], ReadSettings(), failing, Workers(1))
    assert found.earlier == ()
    assert [(one.source, one.reason) for one in found.left_out] == [
        ("then", "None of its images could be read.")
    ]
    assert [failure.reason for failure in found.failures] == ["found half an image"]


def test_a_fault_in_comparing_does_not_cost_the_exam(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("Doe^Jane")

    monkeypatch.setattr("calcscope.reading.comparison.lay_and_compare", fault)
    report = read(folder / "now", folder / "then")
    assert report.findings[0].count == 12
    assert report.findings[0].change is None
    (prior,) = report.priors
    assert not prior.used
    assert "does not handle (RuntimeError)" in (prior.reason or "")
    assert "Doe" not in report.model_dump_json()


@pytest.mark.parametrize("step", ["lay_and_compare", "collect"])
def test_a_fault_with_one_earlier_exam_does_not_cost_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    from calcscope.reading import comparison

    whole = getattr(comparison, step)
    calls: list[int] = []

    def once(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:  # that of the newest earlier exam
            raise RuntimeError("Doe^Jane")
        return whole(*arguments, **named)

    monkeypatch.setattr(comparison, step, once)
    report = read(folder / "now", folder / "then", folder / "long-ago")
    assert [(prior.date, prior.used) for prior in report.priors] == [
        ("2022-05-01", True),
        ("2024-05-01", False),
    ]
    assert report.priors[1].study_uid == "2.25.7720240501"
    assert "does not handle (RuntimeError)" in (report.priors[1].reason or "")
    assert report.findings[0].change is not None
    assert report.findings[0].change.date == "2022-05-01"
    assert "Doe" not in report.model_dump_json()


def test_earlier_films_are_requested_for_a_finding_that_no_earlier_view_shows(tmp_path: Path) -> None:
    """The earlier exam has the right CC alone, the finding is in the left one."""
    right = {"ImageLaterality": "R", "PatientOrientation": ["P", "L"]}
    current(tmp_path / "now")
    ds = exam(tmp_path / "now-right", "now", film(group(0)), **right, SOPInstanceUID="2.25.11") / "LCC.dcm"
    ds.rename(tmp_path / "now" / "RCC.dcm")
    report = read(tmp_path / "now", exam(tmp_path / "then", "then", film(group(0), noise_of=3), **right))
    assert [prior.used for prior in report.priors] == [True]
    assert report.findings[0].change is not None
    assert report.findings[0].change.status == ["not_comparable"]
    assert "prior_films" in {step.code for step in report.next_steps}
    assert "say nothing of what is seen in LCC" in report.assessment.reasons[-1].text


def test_what_was_asked_to_be_listed_stays_listed_beside_an_earlier_exam(folder: Path) -> None:
    settings = ReadSettings(min_probability=0.0)
    alone, beside = (
        read_paths([folder / "now"], None, settings=settings, priors=priors)[0].exams[0]
        for priors in ((), (folder / "then",))
    )
    assert beside.views == alone.views
    assert min(each.probability for each in beside.views[0].calcifications) < 0.05


def since(year: int, *status: Status, reason: str | None = None) -> Became:
    """A finding's change since an exam of that year; the current exam is of 2026."""
    chosen = Chosen(Exam(str(year), "P", f"{year}-05-01", ()), 2026.0 - year, ())
    return Became(Earlier(chosen, str(year), (), (), ()), Change(status, reason=reason), ())


@pytest.mark.parametrize(
    ("changes", "year"),
    [
        ([since(2025, "unchanged"), since(2023, "unchanged"), since(2021, "unchanged")], 2021),
        ([since(2025, "unchanged"), since(2023, "more"), since(2021, "new")], 2023),
        ([since(2025, "more"), since(2023, "unchanged")], 2025),
        ([since(2025, "unchanged"), since(2023, "fewer"), since(2021, "unchanged")], 2025),
        ([since(2025, "fewer"), since(2023, "unchanged")], 2025),
        ([since(2025, "not_comparable"), since(2023, "unchanged")], 2023),
        ([since(2025, "not_comparable"), since(2023, "not_comparable")], 2025),
    ],
)
def test_growth_counts_first_then_how_long_it_is_stable(changes: list[Became], year: int) -> None:
    chosen = deciding(changes)
    assert chosen is not None
    assert chosen.earlier.chosen.exam.study_uid == str(year)
