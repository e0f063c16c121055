"""Figures of merit of a free-response study: JAFROC and the weighted AFROC.

Both are the chance that a true object is scored above the highest false mark of a normal image, a tie
counting one half; an object or an image without marks is scored below every mark. JAFROC counts every object
alike, so that an image with many objects weighs more; the weighted AFROC gives every image with objects the
same weight, shared among its objects (D. P. Chakraborty and K. S. Berbaum, Med Phys 2004;31:2313-2330; D. P.
Chakraborty and X. Zhai, Med Phys 2016;43:2548-2557).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calcscope.evaluate.froc import MarkedImage


@dataclass(frozen=True)
class Merit:
    """The two figures of merit with their intervals, (value, low, high) each; 0.5 is guessing, 1 perfect."""

    jafroc: tuple[float, float, float]
    wafroc: tuple[float, float, float]


def merit(
    images: Sequence[MarkedImage], *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Merit:
    """Figures of merit, objects of one image weighing the same, with percentile bootstrap intervals by image
    (those with objects and the normal ones each drawn for themselves).

    Raises ValueError without a true object or a normal image.
    """
    diseased = [image for image in images if image.truths]
    normal = [image for image in images if image.normal]
    if not diseased or not normal:
        raise ValueError("a figure of merit needs at least one true object and one normal image")
    highest = np.array([max(image.false, default=-np.inf) for image in normal])
    wins = np.stack([_wins(image.best, highest) for image in diseased])
    counts = np.array([image.truths for image in diseased], dtype=np.float64)
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        rows = random.integers(len(diseased), size=len(diseased))
        columns = random.integers(len(normal), size=len(normal))
        drawn.append(_merits(wins[rows][:, columns], counts[rows]))
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    jafroc, wafroc = (
        (float(v), float(a), float(b)) for v, a, b in zip(_merits(wins, counts), low, high, strict=True)
    )
    return Merit(jafroc, wafroc)


def _wins(best: NDArray[np.float64], highest: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many of an image's objects are scored above each normal image, ties one half, (normals,)."""
    above, equal = best[:, None] > highest, best[:, None] == highest
    return np.asarray((above + 0.5 * equal).sum(axis=0))


def _merits(wins: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[float, float]:
    mean = wins.mean(axis=1)
    return float(mean.sum() / counts.sum()), float(np.mean(mean / counts))
