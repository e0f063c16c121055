"""How well stated probabilities agree with what turned out to be true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calcscope.evaluate.froc import Froc, MarkedImage

Array = NDArray[np.float64]


def brier(probabilities: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean squared difference of probability and outcome (Brier, Mon Weather Rev 1950;78:1-3).

    0 is perfect; stating the share of positives for everyone gives share x (1 - share). ``weights``: (n,),
    how many cases each one stands for, one without it.
    """
    p, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(positive, dtype=np.float64)
    return float(np.average((p - truth) ** 2, weights=_each(weights, len(p))))


@dataclass(frozen=True)
class ReliabilityBin:
    """Cases of which alike was stated: mean statement, observed share, their number and weight."""

    stated: float
    observed: float
    count: int
    weight: float


def reliability(
    probabilities: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None, bins: int = 10
) -> list[ReliabilityBin]:
    """Occupied bins of equal width over 0 to 1, from low to high; ``weights`` as for :func:`brier`."""
    p, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(positive, dtype=np.float64)
    each = _each(weights, len(p))
    which = np.minimum((p * bins).astype(np.intp), bins - 1)

    def one(inside: NDArray[np.bool_]) -> ReliabilityBin:
        stated, observed = (float(np.average(of[inside], weights=each[inside])) for of in (p, truth))
        return ReliabilityBin(stated, observed, int(inside.sum()), float(each[inside].sum()))

    return [one(which == b) for b in np.unique(which)]


def expected_calibration_error(
    probabilities: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None, bins: int = 10
) -> float:
    """Mean gap between stated and observed over :func:`reliability`'s bins, weighted by their cases.

    Naeini, Cooper and Hauskrecht, AAAI 2015.
    """
    occupied = reliability(probabilities, positive, weights, bins)
    return sum(b.weight * abs(b.stated - b.observed) for b in occupied) / sum(b.weight for b in occupied)


def _each(weights: ArrayLike | None, count: int) -> Array:
    return np.ones(count) if weights is None else np.asarray(weights, dtype=np.float64)


@dataclass(frozen=True)
class Marks:
    """What marks stated, (n,), whether each was of something true, and how many marks it stands for."""

    probability: Array
    true: NDArray[np.bool_]
    weight: Array

    @classmethod
    def of(cls, images: Sequence[MarkedImage]) -> Marks:
        """The best mark of each true object that has one, and every mark on a normal image.

        What hits nothing on an image with true objects may be true all the same where not everything was
        marked; such an image is taken to have as many false marks as a normal one. The shares are those of
        images that all hold something true.

        Raises ValueError without a true object or a normal image.
        """
        curve = Froc.of(images)
        found = curve.best[np.isfinite(curve.best)]
        stands_for = sum(image.truths > 0 for image in images) / curve.normals
        return cls(
            np.concatenate([found, curve.false]),
            np.arange(len(found) + len(curve.false)) < len(found),
            np.repeat([1.0, stands_for], [len(found), len(curve.false)]),
        )


def draw(
    probabilities: ArrayLike,
    positive: ArrayLike,
    path: Path,
    *,
    title: str,
    cases: str,
    of: str,
    weights: ArrayLike | None = None,
) -> None:
    """Draw what was stated against what was observed as a PNG.

    Parameters
    ----------
    probabilities, positive, weights : (n,) what was stated, whether it was so, and as for :func:`brier`
    path : the file to write
    title : above the picture
    cases : what is counted, for the axis: "lesions"
    of : what the probability is of: "malignant"
    """
    from matplotlib.figure import Figure

    bins = reliability(probabilities, positive, weights)
    largest = max(b.count for b in bins)
    figure = Figure(figsize=(5.2, 5.2), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", lw=1, ls="--", label="stated is observed")
    stated, observed = [b.stated for b in bins], [b.observed for b in bins]
    sizes = [12 + 500 * b.count / max(largest, 125) for b in bins]
    axes.scatter(stated, observed, s=sizes, color="#1f4e79", alpha=0.75, zorder=3)
    for b in bins:
        up = b.observed < 0.08  # else the figures would lie on those of the axis
        axes.annotate(
            str(b.count),
            (b.stated, b.observed),
            xytext=(0, 10) if up else (9, -11),
            ha="center" if up else "left",
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    axes.set_xlabel(f"probability stated of being {of}")
    axes.set_ylabel(f"share {of} ({cases} in figures)")
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(loc="upper left", frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")
