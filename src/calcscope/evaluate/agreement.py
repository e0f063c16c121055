"""How well two sets of labels agree beyond what chance alone would give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Weights = Literal["none", "linear", "quadratic"]


def kappa(counts: ArrayLike, weights: Weights = "none") -> float:
    """Cohen's kappa of a square table of counts, rows one set of labels, columns the other.

    1 is perfect agreement, 0 what chance gives; nan when both sides use one and the same label throughout,
    since chance then agrees always.

    Parameters
    ----------
    weights : how much a near miss counts where the labels are ordered: by default a miss is a miss; else in
        proportion to the distance or to its square

    Raises ValueError for a table that is not square or is empty. J. Cohen, Educ Psychol Meas
    1960;20:37-46, and Psychol Bull 1968;70:213-220.
    """
    table = _checked(counts)
    cost = _cost(len(table), weights)
    by_chance = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    expected = float((cost * by_chance).sum())
    return 1 - float((cost * table).sum()) / expected if expected > 0 else float("nan")


def cross_table(one: Sequence[str], other: Sequence[str], labels: Sequence[str]) -> NDArray[np.float64]:
    """Counts of pairs of labels, rows ``one``, columns ``other``, in the order of ``labels``.

    For ordered labels (categories, suspicion) give them in their order and weight the kappa. Raises
    ValueError for a label that is not listed and for sequences of different length.
    """
    place = {label: n for n, label in enumerate(labels)}
    if strange := (set(one) | set(other)) - set(place):
        raise ValueError(f"labels that are not listed: {', '.join(sorted(strange))}")
    table = np.zeros((len(labels), len(labels)))
    for a, b in zip(one, other, strict=True):
        table[place[a], place[b]] += 1
    return table


def kappa_interval(
    counts: ArrayLike,
    weights: Weights = "none",
    *,
    fixed_rows: bool = True,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of :func:`kappa`.

    Parameters
    ----------
    fixed_rows : draw each row's cases anew, as many of each label as were shown, which is how a set of drawn
        scenes is made; else draw cases from the whole table, as they come to two readers
    """
    table = _checked(counts)
    random = np.random.default_rng(seed)
    if fixed_rows:
        totals = table.sum(axis=1)
        shares = table / np.maximum(totals, 1)[:, None]
        shares[totals == 0] = 1 / len(table)  # never drawn from, but must be a distribution
    else:
        totals, shares = table.sum(keepdims=True)[0], table.reshape(1, -1) / table.sum()
    draws = [
        np.array([random.multinomial(int(n), p) for n, p in zip(totals, shares, strict=True)])
        for _ in range(resamples)
    ]
    # A draw of one label throughout has no kappa and is left out.
    drawn = [kappa(draw.reshape(table.shape), weights) for draw in draws]
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _checked(counts: ArrayLike) -> NDArray[np.float64]:
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        raise ValueError(f"a table of shape {table.shape}; rows and columns must be the same labels")
    if not table.sum() > 0:
        raise ValueError("a table without a single case")
    return table


def _cost(size: int, weights: Weights) -> NDArray[np.float64]:
    """What each cell costs: 0 on the diagonal."""
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size))).astype(np.float64)
    if weights == "none":
        return (apart > 0).astype(np.float64)
    return apart if weights == "linear" else apart**2
