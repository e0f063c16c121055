"""What a reading was asked for is checked, and stated in the report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import catalogue

from calcscope.assess import AssessSettings
from calcscope.reading import ReadSettings


@pytest.mark.parametrize("name", ["min_probability", "lone_probability", "lone_round_probability"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_a_probability_lies_between_0_and_1(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        ReadSettings(**{name: value})


def test_listing_more_lowers_what_is_looked_at_and_listing_less_does_not_raise_it() -> None:
    plain = ReadSettings()
    assert ReadSettings(min_probability=0.0).listed_from == 0
    assert ReadSettings(min_probability=0.999).listed_from == plain.listed_from


def test_the_report_states_what_was_asked_for() -> None:
    asked = ReadSettings(
        mode="diagnostic", min_probability=0.2, all_groups=True, assess=AssessSettings(prevalence=0.1)
    )
    stated = asked.as_stated()
    assert stated["mode"] == "diagnostic"
    assert (stated["min_probability"], stated["all_groups"], stated["prevalence"]) == (0.2, True, 0.1)
    assert stated["operating_point"] == ReadSettings().as_stated()["operating_point"]


@pytest.mark.parametrize(
    ("change", "listed"),
    [
        ({}, True),
        ({"probability": 0.9}, False),
        ({"salience": 10.0}, False),
        ({"crossing": 0.6}, False),
        # A round macrocalcification may be less probable and lie on fibres; what is small or ragged may not.
        ({"probability": 0.7, "crossing": 0.6, "diameter_mm": 1.3}, True),
        ({"probability": 0.7, "crossing": 0.6, "diameter_mm": 0.7}, False),
        ({"probability": 0.7, "crossing": 0.6, "diameter_mm": 1.3, "roundness": 0.6}, False),
        ({"probability": 0.5, "diameter_mm": 1.3}, False),
    ],
)
def test_a_lone_calcification_must_be_sure_obvious_and_no_crossing(
    change: dict[str, float], listed: bool
) -> None:
    change = dict(change)
    made = catalogue([(200, 200)], diameter_mm=change.pop("diameter_mm", 0.4))
    made = replace(made, **{name: np.array([value]) for name, value in change.items()})
    assert ReadSettings().may_stand_alone(made).tolist() == [listed]
