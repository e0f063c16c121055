"""The report's paragraph, whole, as a radiologist would sign it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from calcscope.assess import ChangeFacts, FindingFacts, Place, assess_finding
from calcscope.assess.wording import extent, joined, millimetres, percent, years_phrase

UPPER_OUTER = Place("upper_outer", None, 10, "middle", 45.2, "both views")
GROUP = FindingFacts(
    laterality="R", views=("CC", "MLO"), morphology="fine_pleomorphic", distribution="grouped",
    typical_kind=None, count=12, span_mm=14.3, diameter_mm=0.4, place=UPPER_OUTER,
)  # fmt: skip


def test_a_recall_from_screening() -> None:
    assert assess_finding(GROUP, "screening").sentence == (
        "A group of 12 fine pleomorphic calcifications spanning 14 mm in the upper outer quadrant of the "
        "right breast at 10 o'clock, middle depth, 45 mm from the nipple, seen in the CC and MLO views. "
        "Not compared with an earlier mammogram. Provisional suspicion: moderate. "
        "BI-RADS category 0: incomplete. Additional imaging of the right breast: magnification views, CC and "
        "a true lateral, within 14 days."
    )


def test_a_benign_one_seen_in_one_view() -> None:
    popcorn = replace(
        GROUP, laterality="L", views=("MLO",), morphology=None, distribution=None, typical_kind="popcorn",
        count=1, span_mm=None, diameter_mm=4.24, place=Place(half="upper", certainty="one view"),
        change=ChangeFacts(("unchanged",), 1.0),
    )  # fmt: skip
    assert assess_finding(popcorn, "screening").sentence == (
        "A coarse, popcorn-like calcification of 4.2 mm in the upper half of the left breast, seen in the "
        "MLO view only; whether inner or outer is not known. Unchanged since the mammogram of 1 year ago. "
        "Typically benign (involuting fibroadenoma). BI-RADS category 2: benign. "
        "Routine mammogram in 12 months."
    )


def test_what_nobody_measured_has_no_size() -> None:
    drawn = replace(
        GROUP, views=("CC",), morphology=None, distribution=None, count=1, span_mm=None, diameter_mm=0.0,
        place=Place(half="outer", certainty="one view"),
    )  # fmt: skip
    assert assess_finding(drawn, "screening").sentence.startswith("A calcification in the outer half of the ")
    two = assess_finding(replace(drawn, count=2), "screening").sentence
    assert two.startswith("2 single calcifications apart from one another in the outer half")


def test_a_few_specks_on_a_coarse_scan() -> None:
    row = replace(
        GROUP, views=("CC",), morphology="not_assessable", distribution="linear", count=3, few=True,
        span_mm=6.6, place=Place(half="outer", depth="posterior", certainty="one view"),
    )  # fmt: skip
    assert assess_finding(row, "screening").sentence == (
        "3 calcifications (fewer than 5) in a linear arrangement over 7 mm in the outer half of the right "
        "breast, posterior depth, seen in the CC view only; whether above or below the nipple is not known. "
        "Their shape is not assessable at this resolution. Not compared with an earlier mammogram. "
        "Provisional suspicion: at least low. BI-RADS category 0: incomplete. Additional imaging of "
        "the right breast: magnification views, CC and a true lateral, within 14 days."
    )


def test_a_biopsy_with_its_odds() -> None:
    sentence = assess_finding(replace(GROUP, fully_worked_up=True), "diagnostic").sentence
    assert re.search(
        r"Estimated probability of malignancy \d\d %, 95 % interval \d\d % to \d\d %, at", sentence
    )
    assert "at a prevalence of 26 % (calibrated on the CBIS-DDSM training table)." in sentence
    assert sentence.endswith(
        "BI-RADS category 4B: moderate suspicion of malignancy. Stereotactic vacuum-assisted biopsy of the "
        "right breast, within 14 days."
    )


def test_scattered_in_both_breasts_is_said_without_a_place() -> None:
    diffuse = replace(GROUP, morphology="punctate", distribution="diffuse", count=80, bilateral=True)
    sentence = assess_finding(diffuse, "screening").sentence
    assert sentence.startswith("Diffuse punctate calcifications throughout the right breast, seen in")
    assert "Similar calcifications are scattered in both breasts." in sentence
    assert "o'clock" not in sentence


def test_vessels_are_not_counted() -> None:
    vessel = replace(GROUP, typical_kind="vascular", count=43, span_mm=62.0)
    assert assess_finding(vessel, "screening").sentence.startswith(
        "Vascular calcifications in parallel tracks over 62 mm in the upper outer quadrant"
    )


def test_unproved_milk_of_calcium_says_what_would_prove_it() -> None:
    smudges = replace(GROUP, morphology="amorphous", typical_kind="milk_of_calcium")
    sentence = assess_finding(smudges, "screening").sentence
    assert "Possibly milk of calcium, to be proved in a true lateral view." in sentence
    assert "Typically benign" not in sentence


def test_nothing_is_said_of_a_place_that_is_not_known() -> None:
    lost = replace(GROUP, views=(), place=Place())
    assert assess_finding(lost, "screening").sentence.startswith(
        "A group of 12 fine pleomorphic calcifications spanning 14 mm in the right breast. Not compared"
    )


def compared(status: str, then: int, now: int, **said: object) -> str:
    """The sentence on the comparison with an exam of two years ago."""
    change = ChangeFacts((status,), 2.0, then, now, view="CC", **said)  # type: ignore[arg-type]
    sentence = assess_finding(replace(GROUP, change=change), "screening").sentence
    said_of_it = re.search(r"[^.]* since the mammogram of 2 years ago[^.]*\.", sentence)
    assert said_of_it
    return said_of_it[0].strip().replace("since the mammogram of 2 years ago", "since")


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (("more", 9, 14), "Increased in number since (in the CC view 9 then, 14 now)."),
        (
            ("more", 9, 14, {"below_limit_then": 3}),
            "Increased in number since (in the CC view 9 then, 14 now; 3 of those not seen then lie below "
            "the detection limit of the earlier mammogram).",
        ),
        (
            ("more", 1, 3, {"below_limit_then": 1}),
            "Increased in number since (in the CC view 1 then, 3 now; one not seen then lies below the "
            "detection limit of the earlier mammogram).",
        ),
        (("new", 0, 9), "New since (in the CC view none then, 9 now)."),
        (("new", 0, 1), "New since (in the CC view none then, 1 now)."),
        (("new", 1, 9), "New since (in the CC view at most 1 then, 9 now)."),
        (
            ("fewer", 14, 9, {"below_limit_now": 2, "below_limit_then": 1}),
            "Decreased in number since (in the CC view 14 then, 9 now; 2 of those not seen now lie below the "
            "detection limit of the current mammogram).",
        ),
        (
            ("larger", 22, 8, {"interval": (-5.0, 2.0)}),
            "Increased in size since (in the CC view 22 then, 8 now, a difference within the expected "
            "variability of repeat reading).",
        ),
        (("unchanged", 9, 9), "Unchanged since (in the CC view 9 then and now)."),
        (("unchanged", 1, 1), "Unchanged since."),
        (
            ("unchanged", 8, 11, {"interval": (0.0, 3.0)}),
            "Unchanged since (in the CC view 8 then, 11 now, a difference within the expected variability of "
            "repeat reading).",
        ),
        (
            ("unchanged", 40, 44, {"interval": (1.0, 6.0)}),
            "Unchanged since (in the CC view 40 then, 44 now; the difference in number is too small to "
            "count as a change).",
        ),
        (
            ("unchanged", 6, 12, {"interval": (0.0, 3.0), "faint_then": 5}),
            "Unchanged since (in the CC view 6 then, 12 now; 5 of those now were only faintly seen then; the "
            "remaining difference is within the expected variability of repeat reading).",
        ),
        (
            ("unchanged", 11, 12, {"interval": (0.0, 1.0), "faint_then": 1}),
            "Unchanged since (in the CC view 11 then, 12 now; one of those now was only faintly seen then).",
        ),
        (
            ("unchanged", 17, 3, {"interval": (-3.0, 0.0), "outside_now": 5}),
            "Unchanged since (in the CC view 17 then, 3 now; 5 of those then are now seen outside this "
            "finding; the remaining difference is within the expected variability of repeat reading).",
        ),
        (
            ("unchanged", 4, 14, {"interval": (0.0, 12.0), "may_have_grown": True}),
            "No certain change since, but an increase cannot be excluded (in the CC view 4 then, 14 now).",
        ),
    ],
)
def test_a_comparison_says_the_numbers_and_why_they_differ(told: tuple[Any, ...], sentence: str) -> None:
    status, then, now, *more = told
    assert compared(status, then, now, **(more[0] if more else {})) == sentence


def test_what_is_not_counted_has_no_numbers() -> None:
    vessel = replace(
        GROUP, typical_kind="vascular", morphology=None, distribution=None,
        change=ChangeFacts(("unchanged",), 2.0, 31, 44, interval=(-3.0, 9.0), view="CC"),
    )  # fmt: skip
    assert "Unchanged since the mammogram of 2 years ago." in assess_finding(vessel, "screening").sentence


@pytest.mark.parametrize(
    ("years", "words"),
    [
        (0.08, "1 month"),
        (0.5, "6 months"),
        (1.0, "1 year"),
        (1.1, "13 months"),
        (2.0, "2 years"),
        (6.4, "6 years"),
    ],
)
def test_time_between_exams(years: float, words: str) -> None:
    assert years_phrase(years) == words


def test_numbers_as_a_report_writes_them() -> None:
    assert [percent(p) for p in (0.001, 0.256, 0.999)] == ["below 1 %", "26 %", "above 99 %"]
    assert [millimetres(v) for v in (0.42, 4.0, 9.96, 14.4)] == ["0.4 mm", "4.0 mm", "10 mm", "14 mm"]
    assert [extent(v) for v in (0.6, 6.2, 41.0)] == ["0.6 mm", "6 mm", "41 mm"]
    assert [joined(w) for w in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
