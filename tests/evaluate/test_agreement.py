"""Agreement beyond chance, against scikit-learn and by what it must be."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.evaluate.agreement import Weights, cross_table, kappa, kappa_interval


@pytest.mark.parametrize(
    ("weights", "theirs"), [("none", None), ("linear", "linear"), ("quadratic", "quadratic")]
)
def test_it_is_the_kappa_of_scikit_learn(weights: Weights, theirs: str | None) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(1)
    one = random.integers(0, 4, 300)
    other = np.where(random.random(300) < 0.6, one, random.integers(0, 4, 300))
    counts = metrics.confusion_matrix(one, other)
    assert kappa(counts, weights) == pytest.approx(metrics.cohen_kappa_score(one, other, weights=theirs))


def test_perfect_is_one_and_chance_is_nought() -> None:
    assert kappa(np.diag([3, 5, 7])) == 1
    assert kappa(np.outer([10, 20, 30], [1, 2, 3])) == pytest.approx(0)
    assert np.isnan(kappa([[9, 0], [0, 0]]))


def test_the_interval_holds_the_value_and_shrinks_with_more_cases() -> None:
    few = np.array([[8, 2], [3, 7]])
    low, high = kappa_interval(few)
    assert low < kappa(few) < high
    narrow = np.subtract(*kappa_interval(few * 25))
    assert abs(narrow) < (high - low) / 3


@pytest.mark.parametrize("counts", [np.zeros((2, 2)), np.ones((2, 3)), np.ones(4)])
def test_what_is_no_table_of_agreement_is_refused(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="table"):
        kappa(counts)


def test_a_table_of_two_readers_and_near_misses_of_ordered_categories() -> None:
    order = ("2", "4A", "4B", "5")
    one, other = ["2", "4A", "4B", "5"] * 5, ["2", "4B", "4B", "5"] * 5
    table = cross_table(one, other, order)
    assert table[1].tolist() == [0, 0, 5, 0]
    assert kappa(table, "quadratic") > kappa(table)
    low, high = kappa_interval(table, "quadratic", fixed_rows=False, resamples=200)
    assert low < kappa(table, "quadratic") < high
    with pytest.raises(ValueError, match="not listed: 6"):
        cross_table(["6"], ["2"], order)
