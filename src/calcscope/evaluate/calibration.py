"""How well stated probabilities agree with what turned out to be true."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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


def draw(probabilities: ArrayLike, positive: ArrayLike, path: Path, *, title: str, cases: str) -> None:
    """Draw what was stated against what was observed as a PNG.

    Parameters
    ----------
    probabilities, positive : (n,) what was stated, and whether it was so
    path : the file to write
    title : above the picture
    cases : what is counted, for the axis: "lesions"
    """
    from matplotlib.figure import Figure

    bins = reliability(probabilities, positive)
    figure = Figure(figsize=(5.2, 5.2), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", lw=1, ls="--", label="stated is observed")
    stated, observed = [b.stated for b in bins], [b.observed for b in bins]
    axes.scatter(stated, observed, s=[12 + 4 * b.count for b in bins], color="#1f4e79", alpha=0.75, zorder=3)
    for b in bins:
        axes.annotate(
            str(b.count), (b.stated, b.observed), xytext=(9, -11), textcoords="offset points", fontsize=8
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    axes.set_xlabel("probability of malignancy stated")
    axes.set_ylabel(f"share malignant ({cases} in figures)")
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(loc="upper left", frameon=False)
    figure.savefig(path, format="png")
