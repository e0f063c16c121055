"""How well stated probabilities agree with what turned out to be true."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


def brier(probabilities: ArrayLike, positive: ArrayLike) -> float:
    """Mean squared difference of probability and outcome (Brier, Mon Weather Rev 1950;78:1-3).

    0 is perfect; stating the share of positives for everyone gives share x (1 - share).
    """
    p, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(positive, dtype=np.float64)
    return float(np.mean((p - truth) ** 2))


@dataclass(frozen=True)
class ReliabilityBin:
    """Cases whose stated probability lies in one bin: mean statement, observed share, number."""

    stated: float
    observed: float
    count: int


def reliability(probabilities: ArrayLike, positive: ArrayLike, bins: int = 10) -> list[ReliabilityBin]:
    """Occupied bins of equal width over 0 to 1, from low to high."""
    p, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(positive, dtype=np.float64)
    which = np.minimum((p * bins).astype(np.intp), bins - 1)
    return [
        ReliabilityBin(float(p[which == b].mean()), float(truth[which == b].mean()), int((which == b).sum()))
        for b in np.unique(which)
    ]


def expected_calibration_error(probabilities: ArrayLike, positive: ArrayLike, bins: int = 10) -> float:
    """Mean gap between stated and observed over :func:`reliability`'s bins, weighted by their count.

    Naeini, Cooper and Hauskrecht, AAAI 2015.
    """
    occupied = reliability(probabilities, positive, bins)
    total = sum(b.count for b in occupied)
    return sum(b.count * abs(b.stated - b.observed) for b in occupied) / total
