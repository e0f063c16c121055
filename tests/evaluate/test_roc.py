"""Areas under ROC curves against scikit-learn, and intervals against repeated sampling."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from calcscope.evaluate.roc import auc, auc_interval


@pytest.mark.parametrize("levels", [3, 1000])
def test_the_area_with_and_without_ties(levels: int) -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(400) < 0.3
    scores = np.round((rng.normal(size=400) + truth) * levels / 10)
    assert auc(scores, truth) == pytest.approx(roc_auc_score(truth, scores))


def test_only_pairs_of_one_stratum_are_compared() -> None:
    """In each stratum the order is perfect; across them it is reversed."""
    scores, truth = [10, 9, 2, 1], [True, False, True, False]
    assert auc(scores, truth) == pytest.approx(0.75)
    assert auc(scores, truth, stratum=["a", "a", "b", "b"]) == 1
    assert auc([1, 2, 1, 2], truth, stratum=["b", "b", "a", "a"]) == 0


def test_strata_weigh_by_their_pairs() -> None:
    rng = np.random.default_rng(2)
    scores, truth, stratum = rng.random(300), rng.random(300) < 0.4, rng.integers(3, size=300)
    wins = pairs = 0.0
    for label in range(3):
        inside = stratum == label
        n = truth[inside].sum() * (~truth[inside]).sum()
        wins += n * roc_auc_score(truth[inside], scores[inside])
        pairs += n
    assert auc(scores, truth, stratum=stratum) == pytest.approx(wins / pairs)


def test_one_class_alone_has_no_area() -> None:
    with pytest.raises(ValueError, match="one positive and one negative"):
        auc([1, 2], [True, True])


def test_the_interval_by_woman_covers_the_truth_as_often_as_it_says() -> None:
    """Women with two findings each that share their score; the true area is Φ(1/√2) = 0.760."""
    covered = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        woman = np.repeat(np.arange(120), 2)
        truth = np.repeat(rng.random(120) < 0.5, 2)
        scores = truth + np.repeat(rng.normal(size=120), 2)
        low, high = auc_interval(scores, truth, woman, resamples=200, seed=seed)
        covered.append(low <= 0.7602 <= high)
    assert 0.88 <= np.mean(covered) <= 0.99


def test_findings_of_one_woman_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    woman = np.repeat(np.arange(60), 4)
    truth = np.repeat(rng.random(60) < 0.5, 4)
    scores = truth + np.repeat(rng.normal(size=60), 4)
    by_woman = np.diff(auc_interval(scores, truth, woman, resamples=300))
    by_finding = np.diff(auc_interval(scores, truth, np.arange(240), resamples=300))
    assert by_woman > 1.5 * by_finding
