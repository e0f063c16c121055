"""Area under the ROC curve and its interval when several findings belong to one woman."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata


def auc(scores: ArrayLike, positive: ArrayLike, *, stratum: ArrayLike | None = None) -> float:
    """Chance that a random positive scores above a random negative; a tie counts one half.

    Parameters
    ----------
    scores : (n,) numbers, larger for more suspicious
    positive : (n,) booleans
    stratum : (n,) labels; only pairs of the same stratum are compared. For cross-validation give the
        fold: each fold's model has its own intercept, which leans against the fold it has not seen,
        so comparing scores of different folds makes the area too small.

    Raises ValueError unless some stratum holds both classes. The Mann-Whitney form of the area:
    Hanley and McNeil, Radiology 1982;143:29-36.
    """
    truth = np.asarray(positive, dtype=np.bool_)
    _, score = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    _, label = np.unique(np.zeros(len(truth)) if stratum is None else stratum, return_inverse=True)
    sizes, positives = np.bincount(label), np.bincount(label, weights=truth)
    # One ranking for all: the strata lie one above the other, so a rank less the sizes of the strata
    # below is the rank inside its own.
    rank = rankdata(label * (score.max() + 1) + score) - (np.cumsum(sizes) - sizes)[label]
    pairs = float(np.sum(positives * (sizes - positives)))
    if not pairs:
        raise ValueError("an ROC curve needs at least one positive and one negative")
    wins = float(rank[truth].sum() - np.sum(positives * (positives + 1) / 2))
    return wins / pairs


def auc_interval(
    scores: ArrayLike,
    positive: ArrayLike,
    cluster: ArrayLike,
    *,
    stratum: ArrayLike | None = None,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of :func:`auc`, drawing whole clusters (women) with replacement.

    Findings of one woman are alike, so drawing single findings would make the interval too narrow.
    ``cluster`` is an (n,) array of identifiers. Resamples without both classes are left out.
    """
    score, truth = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=np.bool_)
    strata = np.zeros(len(score)) if stratum is None else np.asarray(stratum)
    _, owner = np.unique(np.asarray(cluster), return_inverse=True)
    rows = [np.flatnonzero(owner == woman) for woman in range(owner.max() + 1)]
    rng = np.random.default_rng(seed)
    areas = []
    for _ in range(resamples):
        drawn = np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))])
        if 0 < truth[drawn].sum() < len(drawn):
            areas.append(auc(score[drawn], truth[drawn], stratum=strata[drawn]))
    tail = (1 - confidence) / 2
    low, high = np.quantile(areas, [tail, 1 - tail])
    return float(low), float(high)
