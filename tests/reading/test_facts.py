"""What assessment knows of a finding is what the report says of it."""

from __future__ import annotations

from collections.abc import Sequence

from calcscope.assess import assess_finding
from calcscope.reading.facts import change_facts, facts_of
from calcscope.report.model import Change, Laterality, Location, Member, Prior, Turned, ViewReport

VIEWS = ("LCC", "LMLO", "RCC", "RMLO")
PRIOR = Prior(source="then", study_uid="1.2", date="2023-05-02", years=2.9, used=True)


def view(label: str) -> ViewReport:
    """A magnification view with one calcification."""
    return ViewReport.model_validate(
        {
            "source": label, "sop_uid": f"1.{label}", "laterality": label[0], "view": label[1:],
            "modifiers": ["magnification"], "rows": 100, "columns": 100, "pixel_mm": 0.07,
            "breast_area_cm2": 100, "warnings": [], "anatomy": {"outline": []},
            "morphology_assessable": True, "mimics": [],
            "calcifications": [
                {
                    "id": "C1", "x": 5, "y": 5, "probability": 0.9, "diameter_mm": 0.4, "length_mm": 0.4,
                    "width_mm": 0.4, "area_mm2": 0.1, "contrast": 0.1, "snr": 9, "size_class": "micro",
                    "size_is_upper_bound": False, "outline": [],
                }
            ],
            "groups": [],
        }
    )  # fmt: skip


def change(**said: object) -> Change:
    given = {
        "prior": "1.2", "date": "2023-05-02", "status": ["unchanged"],
        "numbers": {"count_now": 12.0, "count_then": 6.0}, "interval": {}, "detection_limit": {},
    }  # fmt: skip
    return Change.model_validate({**given, **said})


class Told:
    """A finding that only says what the rules ask."""

    def __init__(self, side: Laterality, since: Change | None = None, distribution: str = "grouped") -> None:
        self.laterality: Laterality = side
        self.members = [
            Member(view=f"1.{label}", calcifications=["C1"]) for label in VIEWS if label.startswith(side)
        ]
        self.morphology, self.distribution, self.typical_kind = "punctate", distribution, None

        self.count, self.span_mm, self.skin_mm = 12, 6.0, None
        self.location, self.change = Location(), since


def judged(findings: Sequence[Told]) -> list[str]:
    """Categories of findings that are worked up."""
    views = [view(label) for label in VIEWS]
    facts = facts_of(findings, views, [PRIOR])
    return [assess_finding(one, "diagnostic").category for one in facts]


def test_what_may_have_grown_is_not_taken_for_stable() -> None:
    assert judged([Told("L", change())]) == ["2"]
    assert judged([Told("L", change(may_have_grown=True))]) == ["3"]


def test_a_shape_that_became_more_suspicious_is_growth() -> None:
    became = Turned(what="changed_distribution", was="diffuse", now="linear")
    calmer = Turned(what="changed_distribution", was="linear", now="grouped")
    status = ["changed_distribution"]
    graver = change(status=status, turned=[became.model_dump()])
    assert judged([Told("L", graver)]) == ["4A"]
    assert judged([Told("L", change(status=status, turned=[calmer.model_dump()]))]) == ["3"]


def test_whether_both_breasts_are_alike_follows_from_the_findings_that_stand() -> None:
    left, right = Told("L", distribution="diffuse"), Told("R", distribution="diffuse")
    assert judged([left, right]) == ["2", "2"]
    assert judged([Told("L")]) == ["3"]


def test_without_a_number_the_time_between_the_exams_is_still_known() -> None:
    silent = change(status=["not_comparable"], numbers={}, reason="No earlier view could be compared.")
    (facts,) = facts_of([Told("L", silent)], [view(label) for label in VIEWS], [PRIOR])
    assert facts.change is not None
    assert (facts.change.status, facts.change.years) == ((), 2.9)
    assert facts.change.reason == "No earlier view could be compared."


def test_what_a_view_shows_is_what_its_calcifications_and_magnification_say() -> None:
    (facts,) = facts_of([Told("R")], [view(label) for label in VIEWS], [])
    assert facts.views == ("CC magnification", "MLO magnification")
    assert facts.diameter_mm == 0.4
    assert facts.fully_worked_up
    (flat,) = facts_of([Told("R")], [view("RCC")], [])
    assert flat.views == ("CC magnification",)
    assert not flat.fully_worked_up


def test_numbers_that_an_older_report_lacks_are_not_made_up() -> None:
    facts = change_facts(change(), 2.0)
    assert (facts.then, facts.now, facts.below_limit_then, facts.faint_then) == (6, 12, 0, 0)
    assert not facts.may_have_grown
