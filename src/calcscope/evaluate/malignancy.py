"""How the shipped malignancy model does on lesions whose outcome is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calcscope.assess.malignancy import malignancy_model
from calcscope.evaluate.calibration import brier, expected_calibration_error
from calcscope.evaluate.cbis_ddsm import Lesion
from calcscope.evaluate.roc import auc, auc_interval


@dataclass(frozen=True)
class MalignancyScore:
    """The shipped model on a table of lesions.

    Parameters
    ----------
    probability, malignant : (n,) what was stated and what was true, of the lesions the model speaks of
    women : number of women they belong to
    silent : lesions that it gives no probability for, since too few of their words were in its fit
    prevalence : malignant share that the probabilities are based on
    auc, low, high : area under the ROC curve and its 95 % interval, drawn by woman
    brier, calibration_error : see :mod:`calcscope.evaluate.calibration`
    """

    probability: NDArray[np.float64]
    malignant: NDArray[np.bool_]
    women: int
    silent: int
    prevalence: float
    auc: float
    low: float
    high: float
    brier: float
    calibration_error: float


def score_lesions(lesions: Sequence[Lesion], prevalence: float | None = None) -> MalignancyScore:
    """Score the model's probabilities at ``prevalence``, by default the share of the series of its fit.

    Raises ValueError unless the lesions hold malignant and benign ones that the model speaks of.
    """
    model = malignancy_model()
    base = model.series_share if prevalence is None else prevalence
    # The table's edition of the lexicon has one word where today's has two; either stands for its level.
    terms = {level: term for term, level in model.shape_terms.items()}
    stated = [model.estimate(terms.get(one.shape), one.distribution, base) for one in lesions]
    spoken = [(one, given) for one, given in zip(lesions, stated, strict=True) if given is not None]
    probability = np.array([given.probability for _, given in spoken], dtype=np.float64)
    malignant = np.array([one.malignant for one, _ in spoken], dtype=np.bool_)
    women = [one.woman for one, _ in spoken]
    area = auc(probability, malignant)
    low, high = auc_interval(probability, malignant, women)
    return MalignancyScore(
        probability=probability,
        malignant=malignant,
        women=len(set(women)),
        silent=len(lesions) - len(spoken),
        prevalence=base,
        auc=area,
        low=low,
        high=high,
        brier=brier(probability, malignant),
        calibration_error=expected_calibration_error(probability, malignant),
    )
