"""Where the tissue of a simulated current view lies in the earlier one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calcscope.phantom.correspondence import Correspondence, correspondence
from calcscope.phantom.exam import make_exam
from calcscope.phantom.plan import ExamPlan, lesion_of


@pytest.fixture(scope="module")
def pair() -> Correspondence:
    return correspondence(8001, "RMLO", 0.2)


def test_the_nipple_lies_on_the_nipple(pair: Correspondence) -> None:
    inside = pair.current.nipple_mm - pair.current.origin_mm - [2.0, 0]
    found = pair.to_prior(inside[None], 0.0)[0]
    assert found == pytest.approx(pair.prior.nipple_mm - pair.prior.origin_mm - [2.0, 0], abs=1.0)


def test_heights_lie_apart_across_the_axis_of_the_nipple(pair: Correspondence) -> None:
    place = (pair.current.nipple_mm - pair.current.origin_mm - [40.0, 0])[None]
    low, middle, high = (pair.to_prior(place, height)[0] for height in (-0.5, 0.0, 0.5))
    assert low[0] == pytest.approx(high[0], abs=1e-6)
    assert (low + high) / 2 == pytest.approx(middle, abs=0.1)
    assert low[1] != pytest.approx(high[1], abs=0.05)


def test_the_same_view_twice_changes_nothing(pair: Correspondence) -> None:
    same = replace(pair, prior=pair.current)
    places = np.array([[20.0, 120.0], [40.0, 150.0]])
    assert same.to_prior(places, 0.3) == pytest.approx(places, abs=1e-6)


def test_places_outside_the_breast_have_none(pair: Correspondence) -> None:
    assert np.isnan(pair.to_prior(np.array([[170.0, 5.0]]), 0.0)).all()


def test_it_is_the_geometry_that_exams_are_made_with() -> None:
    plan = ExamPlan(
        seed=8001, views=("RCC",), lesions=(lesion_of("round:grouped:R"),), change="stable", pixel_mm=0.4
    )
    prior = next(make_exam(plan)[0].views())
    truth = correspondence(8001, "RCC", 0.4)
    assert prior.origin_mm == pytest.approx(truth.prior.origin_mm)
    assert prior.thickness_mm == truth.prior.thickness_mm
    assert prior.truth.nipple == pytest.approx(truth.prior.pixels_of(truth.prior.nipple_mm)[0], abs=1.0)


def test_magnification_views_have_no_earlier_one() -> None:
    with pytest.raises(ValueError, match="contact view"):
        correspondence(1, "RMCC", 0.1)
