"""What a report may say, and the schema that tells other tools."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
import sample
from pydantic import ValidationError

from calcscope.report.model import Change, Report, exam_folder_name
from calcscope.report.schema import json_schema
from calcscope.report.writing import report_text


@pytest.fixture
def data(report: Report) -> dict[str, Any]:
    return report.model_dump(mode="json")


def first_exam(data: dict[str, Any]) -> dict[str, Any]:
    exam = data["exams"][0]
    assert isinstance(exam, dict)
    return exam


def test_an_outside_validator_accepts_a_written_report(report: Report) -> None:
    schema = json.loads(json_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(report_text(report)), schema)


def test_every_field_is_described() -> None:
    schema = json.loads(json_schema())
    undescribed = [
        f"{name}.{field}"
        for name, model in {**schema["$defs"], "Report": schema}.items()
        for field, about in model.get("properties", {}).items()
        if not about.get("description")
    ]
    assert undescribed == []


def test_unknown_fields_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="extra"):
        Report.model_validate({**data, "surname": "Doe"})


def test_a_report_from_before_a_field_was_added_is_still_read() -> None:
    old = {
        "prior": "1.2", "date": "2023-05-02", "status": ["changed_distribution"], "numbers": {"count_now": 9},
        "interval": {}, "detection_limit": {},
    }  # fmt: skip
    change = Change.model_validate(old)
    assert (change.turned, change.may_have_grown) == ([], False)


def test_numbers_that_are_none_are_refused(data: dict[str, Any]) -> None:
    first_exam(data)["views"][0]["calcifications"][0]["contrast"] = float("nan")
    with pytest.raises(ValidationError, match="finite"):
        Report.model_validate(data)


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (lambda exam: exam["findings"][0]["members"][0].update(view="1.2.3"), "which the exam lacks"),
        (lambda exam: exam["findings"][0]["members"][0].update(group="g9"), "which its view lacks"),
        (lambda exam: exam["findings"][0]["members"][0].update(calcifications=["c99"]), "c99"),
        (lambda exam: exam["findings"][0].update(laterality="L"), "other breast"),
        (lambda exam: exam["findings"][2]["members"][0].update(calcifications=[]), "neither a group nor"),
        (lambda exam: exam["views"][0]["calcifications"][0].update(group="g9"), "which the view lacks"),
        (lambda exam: exam["views"][0]["calcifications"][0].update(x=800.0), "outside the image"),
        (lambda exam: exam["views"][0]["calcifications"][0].update(id="c2"), "occurs twice"),
        (lambda exam: exam["findings"][1].update(id="F1"), "occurs twice"),
        (lambda exam: exam["findings"][0]["malignancy"].update(low=0.5), "does not hold"),
        (lambda exam: exam.update(date="10.11.2026"), "isoformat"),
        (lambda exam: exam.update(folder="../../elsewhere"), "pattern"),
    ],
)
def test_a_report_that_contradicts_itself_is_refused(
    data: dict[str, Any], break_it: Any, complaint: str
) -> None:
    break_it(first_exam(data))
    with pytest.raises(ValidationError, match=complaint):
        Report.model_validate(data)


def test_folder_name_is_stable_and_tells_nothing() -> None:
    name = exam_folder_name(sample.STUDY)
    assert re.fullmatch(r"exam-[0-9a-f]{8}", name)
    assert name == exam_folder_name(sample.STUDY)
    assert name != exam_folder_name(sample.STUDY + ".1")
    assert "4711" not in name


def test_probabilities_keep_their_order_and_coordinates_lose_only_noise(report: Report) -> None:
    speck = report.exams[0].views[0].calcifications[0]
    close = 0.9876543210123456
    changed = type(speck).model_validate({**speck.model_dump(), "probability": close, "x": 12.345678901})
    assert changed.probability == close
    assert changed.x == pytest.approx(12.345678901, abs=0.001)
