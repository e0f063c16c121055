"""Scores of stated probabilities on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from calcscope.evaluate.calibration import brier, expected_calibration_error, reliability


def test_brier_score_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    p, truth = rng.random(200), rng.random(200) < 0.4
    assert brier(p, truth) == pytest.approx(brier_score_loss(truth, p))


def test_probabilities_that_come_true_have_no_calibration_error() -> None:
    p = np.repeat([0.25, 0.75], 4)
    truth = [1, 0, 0, 0, 1, 1, 1, 0]
    assert expected_calibration_error(p, truth) == pytest.approx(0)


def test_overconfidence_is_measured_by_its_size() -> None:
    """Nine tenths stated where half come true, for all cases."""
    assert expected_calibration_error(np.full(10, 0.9), [1, 0] * 5) == pytest.approx(0.4)


def test_only_occupied_bins_are_listed_and_certainty_has_one() -> None:
    bins = reliability([0.05, 0.07, 1.0], [0, 1, 1])
    assert [(b.observed, b.count) for b in bins] == [(0.5, 2), (1.0, 1)]
    assert bins[0].stated == pytest.approx(0.06)
