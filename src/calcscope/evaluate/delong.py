"""DeLong's variance of an area under the ROC curve, and of the difference of two on the same cases.

E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 1988;44:837-845, by the ranks of X. Sun and
W. Xu, IEEE Signal Process Lett 2014;21:1389-1393. Cases are taken to be independent; where several belong to
one woman, :func:`calcscope.evaluate.roc.auc_interval` draws whole women.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error and its normal-theory interval."""

    value: float
    error: float
    low: float
    high: float


def delong(scores: ArrayLike, positive: ArrayLike, confidence: float = 0.95) -> Estimate:
    """The area of one score, the interval cut to 0 to 1.

    The standard error is 0 where the classes are apart: the method then says nothing of the uncertainty.

    Parameters
    ----------
    scores : (n,) larger for more suspicious
    positive : (n,) booleans

    Raises ValueError unless there are two cases of either class.
    """
    area, covariance = _areas(np.atleast_2d(np.asarray(scores, dtype=np.float64)), positive)
    return _estimate(float(area[0]), float(covariance[0, 0]), confidence, (0.0, 1.0))


def delong_difference(
    scores: ArrayLike, others: ArrayLike, positive: ArrayLike, confidence: float = 0.95
) -> tuple[Estimate, float]:
    """The area of ``scores`` less that of ``others`` on the same cases, and the two-sided p value.

    The p value is 1 where the two do not differ in any comparison and 0 where the difference has no variance.
    """
    areas, covariance = _areas(np.array([scores, others], dtype=np.float64), positive)
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    estimate = _estimate(difference, variance, confidence, (-1.0, 1.0))
    if estimate.error == 0:
        return estimate, 1.0 if difference == 0 else 0.0
    return estimate, float(2 * norm.sf(abs(difference) / estimate.error))


def _areas(
    scores: NDArray[np.float64], positive: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas (k,) and their covariance (k, k) of k scores of the same n cases, (k, n)."""
    truth = np.asarray(positive, dtype=np.bool_)
    m, n = int(truth.sum()), int((~truth).sum())
    if min(m, n) < 2:
        raise ValueError("DeLong's variance needs at least two positives and two negatives")
    pooled = rankdata(scores, axis=1)
    # Rank among all less rank in the own class: how many of the other class lie below.
    of_positive = (pooled[:, truth] - rankdata(scores[:, truth], axis=1)) / n
    of_negative = 1 - (pooled[:, ~truth] - rankdata(scores[:, ~truth], axis=1)) / m
    covariance = np.cov(of_positive) / m + np.cov(of_negative) / n
    return of_positive.mean(axis=1), np.atleast_2d(covariance)


def _estimate(value: float, variance: float, confidence: float, limits: tuple[float, float]) -> Estimate:
    error = float(np.sqrt(max(variance, 0.0)))
    reach = float(norm.ppf((1 + confidence) / 2)) * error
    low, high = np.clip([value - reach, value + reach], *limits)
    return Estimate(value, error, float(low), float(high))
