"""Class models: what the measurements of each term look like, and the odds of the terms from them.

Each term is a Gaussian over a few named measurements (quadratic discriminant analysis; Hastie,
Tibshirani, Friedman, *The Elements of Statistical Learning*, 2nd ed., §4.3). Terms are taken to be
equally likely beforehand. A measurement that could not be made (NaN) is left out of every class,
which a Gaussian allows exactly. The parameters are fitted on drawn shapes by
:mod:`calcscope.train.describe` and ship in ``models/describe.json``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODEL_FILE = "describe.json"

FARTHEST = 6.0
"""A squared distance per measurement beyond which a class fits no worse: real images hold
measurements that no drawing has, and one wild value must not decide alone."""


@dataclass(frozen=True)
class GaussianClasses:
    """Gaussian class models over named measurements.

    Parameters
    ----------
    terms : names of the k classes
    measurements : names of the f measurements, in the order of the arrays below
    means : (k, f)
    covariances : (k, f, f)
    temperature : divides the log likelihoods, so that the odds are as sure as they are right
    """

    terms: tuple[str, ...]
    measurements: tuple[str, ...]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    temperature: float

    def scores(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(k,) log likelihood of each class for measurements (f,), over the temperature."""
        known = np.isfinite(values)
        if not known.any():
            return np.zeros(len(self.terms))
        scores = np.empty(len(self.terms))
        for i, (mean, covariance) in enumerate(zip(self.means, self.covariances, strict=True)):
            part = covariance[np.ix_(known, known)]
            away = values[known] - mean[known]
            distance = float(away @ np.linalg.solve(part, away))
            # Beyond the limit the penalty grows with the root, not the square, of the distance.
            limit = FARTHEST * known.sum()
            if distance > limit:
                distance = limit * (2 * np.sqrt(distance / limit) - 1)
            scores[i] = -0.5 * (distance + np.linalg.slogdet(part)[1])
        return scores / self.temperature

    def probabilities(
        self, values: NDArray[np.float64], impossible: Collection[str] = ()
    ) -> dict[str, float]:
        """Probability of each term, summing to 1; terms that a definition rules out get 0."""
        return softmax(dict(zip(self.terms, self.scores(values).tolist(), strict=True)), impossible)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> GaussianClasses:
        """Read the form in which :meth:`to_dict` writes it."""
        return cls(
            terms=tuple(stored["terms"]),
            measurements=tuple(stored["measurements"]),
            means=np.asarray(stored["means"], dtype=np.float64),
            covariances=np.asarray(stored["covariances"], dtype=np.float64),
            temperature=float(stored["temperature"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON, six significant digits."""
        return {
            "terms": list(self.terms),
            "measurements": list(self.measurements),
            "temperature": _short(self.temperature),
            "means": [[_short(v) for v in row] for row in self.means],
            "covariances": [[[_short(v) for v in row] for row in c] for c in self.covariances],
        }


def softmax(scores: Mapping[str, float], impossible: Collection[str] = ()) -> dict[str, float]:
    """Turn log scores into probabilities; ``impossible`` terms get 0 unless every term is."""
    barred = set(impossible) if set(scores) - set(impossible) else set()
    top = max(score for term, score in scores.items() if term not in barred)
    weights = {term: 0.0 if term in barred else float(np.exp(s - top)) for term, s in scores.items()}
    total = sum(weights.values())
    return {term: weight / total for term, weight in weights.items()}


@cache
def load_classes(name: str) -> GaussianClasses:
    """One of the shipped class models: ``distribution``, ``morphology`` or ``single``."""
    text = files("calcscope.models").joinpath(MODEL_FILE).read_text(encoding="utf-8")
    return GaussianClasses.from_dict(json.loads(text)[name])


def _short(value: float) -> float:
    return float(f"{value:.6g}")
