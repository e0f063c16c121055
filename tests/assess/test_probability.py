"""The malignancy probability: what it knows, how it is re-based, what its interval means."""

from __future__ import annotations

import math

import numpy as np
import pytest

from calcscope.assess.malignancy import malignancy_model

MODEL = malignancy_model()


def odds(p: float) -> float:
    return p / (1 - p)


def test_at_the_series_own_share_the_probability_matches_the_table() -> None:
    """Of the 282 grouped pleomorphic lesions of the table 45 % are malignant."""
    estimate = MODEL.estimate("fine_pleomorphic", "grouped", MODEL.series_share)
    assert estimate is not None
    assert estimate.probability == pytest.approx(0.45, abs=0.04)


@pytest.mark.parametrize("prevalence", [0.01, 0.1, 0.3, 0.8])
def test_re_basing_multiplies_the_odds_by_the_ratio_of_the_prior_odds(prevalence: float) -> None:
    here = MODEL.estimate("amorphous", "linear", prevalence)
    there = MODEL.estimate("amorphous", "linear", MODEL.series_share)
    assert here is not None
    assert there is not None
    ratio = odds(prevalence) / odds(MODEL.series_share)
    for name in ("probability", "low", "high"):
        assert odds(getattr(here, name)) == pytest.approx(ratio * odds(getattr(there, name)))


def test_the_shapes_stand_in_the_published_order() -> None:
    shapes = ["punctate", "amorphous", "fine_pleomorphic", "fine_linear"]
    estimates = [MODEL.estimate(shape, "grouped", 0.25) for shape in shapes]
    values = [e.probability for e in estimates if e]
    assert len(values) == 4
    assert values == sorted(values)


def test_the_interval_is_the_spread_of_the_coefficients() -> None:
    """Against 100,000 draws from the coefficients' own distribution."""
    draws = np.random.default_rng(0).multivariate_normal(MODEL.coefficients, MODEL.covariance, 100_000)
    column = [float(name in {"intercept", "fine_linear", "segmental"}) for name in MODEL.features]
    log_odds = draws @ np.array(column)
    estimate = MODEL.estimate("fine_linear", "segmental", MODEL.series_share)
    assert estimate is not None
    low, high = np.quantile(log_odds, [0.025, 0.975])
    assert math.log(odds(estimate.low)) == pytest.approx(low, abs=0.02)
    assert math.log(odds(estimate.high)) == pytest.approx(high, abs=0.02)


@pytest.mark.parametrize(
    ("morphology", "distribution"),
    [
        ("coarse_heterogeneous", "grouped"),
        ("not_assessable", "grouped"),
        (None, "grouped"),
        ("amorphous", None),
        ("amorphous", "diffuse"),
    ],
)
def test_what_the_series_does_not_know_gets_no_number(
    morphology: str | None, distribution: str | None
) -> None:
    assert MODEL.estimate(morphology, distribution, 0.25) is None


def test_the_note_says_what_the_number_is_calibrated_on() -> None:
    estimate = MODEL.estimate("amorphous", "grouped", 0.1)
    assert estimate is not None
    assert "calibrated on the CBIS-DDSM training table" in estimate.note
    assert "prevalence of 10%" in estimate.note
