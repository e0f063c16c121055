"""DeLong's intervals against counting by hand, the bootstrap and Hanley and McNeil's formula."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.evaluate.delong import delong, delong_difference
from calcscope.evaluate.roc import auc, auc_interval


def test_a_case_worked_by_hand() -> None:
    """Positives 3, 1 against negatives 2, 0: the positives win 1 and 1/2, the negatives lose 1/2 and 0.

    The variance of either pair is 1/8, over two cases each: 1/16 + 1/16.
    """
    result = delong([3, 1, 2, 0], [True, True, False, False])
    assert result.value == pytest.approx(0.75)
    assert result.error == pytest.approx(np.sqrt(1 / 8))
    assert (result.low, result.high) == (pytest.approx(0.75 - 1.959964 * np.sqrt(1 / 8)), 1.0)


def binormal(seed: int, m: int, n: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = np.arange(m + n) < m
    return np.round(random.normal(size=m + n) + shift * truth, 1), truth


def test_the_area_is_the_mann_whitney_area_with_ties() -> None:
    score, truth = binormal(1, 60, 90, 1.0)
    assert delong(score, truth).value == pytest.approx(auc(score, truth))


def test_the_interval_is_that_of_the_bootstrap_and_near_hanley_and_mcneil() -> None:
    score, truth = binormal(2, 80, 120, 1.0)
    result = delong(score, truth)
    assert (result.low, result.high) == pytest.approx(
        auc_interval(score, truth, np.arange(len(score)), resamples=2000), abs=0.01
    )
    a, m, n = result.value, 80, 120
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    hanley = np.sqrt((a * (1 - a) + (m - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / (m * n))
    assert result.error == pytest.approx(hanley, rel=0.1)


def test_the_difference_of_two_scores_of_the_same_cases_against_the_bootstrap() -> None:
    score, truth = binormal(3, 80, 120, 1.0)
    other = score + np.random.default_rng(4).normal(size=200)
    result, p = delong_difference(score, other, truth)
    assert result.value == pytest.approx(auc(score, truth) - auc(other, truth))
    random = np.random.default_rng(5)
    drawn = [
        auc(score[i], truth[i]) - auc(other[i], truth[i]) for i in random.integers(200, size=(1000, 200))
    ]
    assert result.error == pytest.approx(np.std(drawn), rel=0.1)
    assert (p < 0.05) == (result.low > 0 or result.high < 0)


def test_a_score_does_not_differ_from_itself() -> None:
    score, truth = binormal(6, 20, 20, 1.0)
    result, p = delong_difference(score, score, truth)
    assert (result.value, result.error, p) == (0.0, 0.0, 1.0)


def test_one_positive_has_no_variance() -> None:
    with pytest.raises(ValueError, match="two positives"):
        delong([1, 2, 3], [True, False, False])
