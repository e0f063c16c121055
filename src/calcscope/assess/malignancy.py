"""The probability that a worked-up finding is malignant, from its shape and distribution.

The model is ``models/malignancy.json``, made by :mod:`calcscope.train.malignancy`; its card beside it
says what it knows and what it does not.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from calcscope import lexicon
from calcscope.assess.model import Malignancy


@dataclass(frozen=True)
class MalignancyModel:
    """A logistic regression on the shape and the distribution of a group.

    Parameters
    ----------
    features : names of the columns; the first is the intercept
    coefficients : (k,) log-odds
    covariance : (k, k) of the coefficients
    shape_terms, distribution_terms : lexicon term to the level of the model it belongs to
    series_share : malignant share of the series it was fitted on
    lesions, women : size of that series
    """

    features: tuple[str, ...]
    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]
    shape_terms: dict[str, str]
    distribution_terms: dict[str, str]
    series_share: float
    lesions: int
    women: int

    def estimate(
        self, morphology: str | None, distribution: str | None, prevalence: float
    ) -> Malignancy | None:
        """Probability with its interval at ``prevalence``, or None for terms the model does not know.

        The log-odds are shifted by ``logit(prevalence) - logit(series_share)``: the series holds more
        cancers than a clinic does, and under Bayes' rule a change of the prior odds alone shifts the
        posterior log-odds by that constant (King and Zeng, Polit Anal 2001;9:137-163).
        """
        if morphology not in self.shape_terms or distribution not in self.distribution_terms:
            return None
        levels = {"intercept", self.shape_terms[morphology], self.distribution_terms[distribution]}
        x = np.array([float(feature in levels) for feature in self.features])
        centre = float(x @ self.coefficients) + _logit(prevalence) - _logit(self.series_share)
        confidence = lexicon.malignancy().interval.value
        reach = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(float(x @ self.covariance @ x))
        return Malignancy(
            probability=_expit(centre),
            low=_expit(centre - reach),
            high=_expit(centre + reach),
            prevalence=prevalence,
            note=self._note(prevalence),
        )

    def _note(self, prevalence: float) -> str:
        default = lexicon.malignancy().prevalence
        mark = (
            "" if default.verified or prevalence != default.value else f" ({lexicon.notices().not_verified})"
        )
        return (
            f"calibrated on the CBIS-DDSM training table: {self.lesions} worked-up lesions of {self.women} "
            "women, film, shape and distribution as readers described them; re-based from "
            f"{self.series_share:.0%} malignant to a prevalence of {prevalence:.0%}{mark}; age, history and "
            "change are not in it, nor is the uncertainty of the prevalence and of the software's description"
        )


@cache
def malignancy_model() -> MalignancyModel:
    """The shipped model."""
    text = (resources.files("calcscope.models") / "malignancy.json").read_text(encoding="utf-8")
    content = json.loads(text)
    return MalignancyModel(
        features=tuple(content["features"]),
        coefficients=np.array(content["coefficients"]),
        covariance=np.array(content["covariance"]),
        shape_terms=content["shape_terms"],
        distribution_terms=content["distribution_terms"],
        series_share=content["series_malignant_share"],
        lesions=content["lesions"],
        women=content["women"],
    )


def _logit(p: float) -> float:
    return math.log(p / (1 - p))


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))
