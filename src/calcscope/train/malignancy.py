"""Fit the malignancy model that ships as ``models/malignancy.json``.

    python -m calcscope.train.malignancy calc_case_description_train_set.csv --out malignancy.json

The table is the calcification training table of CBIS-DDSM (CC BY 3.0, doi
10.7937/K9/TCIA.2016.7O02S9CY). What is done to it, and why:

* Rows ``BENIGN_WITHOUT_CALLBACK`` are left out, and the rows of a lesion become one
  (:mod:`calcscope.evaluate.cbis_ddsm`): 371 of the 376 rows without a distribution are among those left out,
  so "no distribution" alone would predict benign.
* Lesions of typically benign kinds alone are left out: a rule calls them benign, not a probability.
* Lesions without a shape or without a distribution are left out, never given a level of their own.

The model is a logistic regression on the shape and the distribution, with a weak normal prior on
every coefficient but the intercept, fitted by Newton's method. Its covariance is the sandwich
estimate with the lesions of one woman as a cluster (Liang and Zeger, Biometrika 1986;73:13-22), so
the interval shown at run time knows that they are not independent.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calcscope.evaluate.calibration import brier, expected_calibration_error
from calcscope.evaluate.cbis_ddsm import DISTRIBUTIONS, SHAPES, Lesion, read_lesions
from calcscope.evaluate.roc import auc, auc_interval

Array = NDArray[np.float64]

# The levels the coefficients are relative to: the commonest ones.
REFERENCE = ("pleomorphic", "grouped")
# Which lexicon terms each level speaks for at run time. Coarse heterogeneous is missing on purpose:
# the table has no word of its own for it, and the published shares differ widely from fine
# pleomorphic ones.
SHAPE_TERMS = {
    "round": "round_or_punctate",
    "punctate": "round_or_punctate",
    "amorphous": "amorphous",
    "fine_pleomorphic": "pleomorphic",
    "fine_linear": "fine_linear",
    "fine_linear_branching": "fine_linear",
}
PRIOR_SD = 2.5  # log-odds; weak: an odds ratio of 12 lies one standard deviation out
MIN_LESIONS = 20  # a level with fewer is not offered at run time: its interval says nothing
FOLDS = 10
REPEATS = 5  # partitions into folds; one alone moves the area by about 0.01
RESAMPLES = 500
DECIMALS = 6  # of every stored number, so that another machine's last bits cannot change the file


def features() -> list[str]:
    """Names of the model's columns: the intercept, then each level but the references."""
    levels = dict.fromkeys([*SHAPES.values(), *DISTRIBUTIONS.values()])
    return ["intercept", *(level for level in levels if level not in REFERENCE)]


def design(lesions: Sequence[Lesion]) -> Array:
    """(lesions, features) matrix of zeros and ones."""
    columns = features()
    matrix = np.zeros((len(lesions), len(columns)))
    for row, lesion in zip(matrix, lesions, strict=True):
        for name in ("intercept", lesion.shape, lesion.distribution):
            if name not in REFERENCE:
                row[columns.index(name)] = 1
    return matrix


def fit(x: Array, y: Array) -> tuple[Array, Array]:
    """Coefficients (k,) and penalised information (k, k) of the logistic regression of y on x.

    The normal prior has standard deviation ``PRIOR_SD`` on all columns but the first.
    """
    penalty = np.full(x.shape[1], PRIOR_SD**-2)
    penalty[0] = 0
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = predict(x, beta)
        information = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(information, x.T @ (y - p) - penalty * beta)
        beta += step
        if np.abs(step).max() < 1e-12:
            return beta, information
    raise ArithmeticError("the logistic regression did not converge in 50 steps")


def predict(x: Array, beta: Array) -> Array:
    """Probabilities (n,)."""
    return np.asarray(1 / (1 + np.exp(-x @ beta)))


def clustered_covariance(x: Array, y: Array, beta: Array, information: Array, women: Sequence[str]) -> Array:
    """Sandwich covariance (k, k) of ``beta``, the lesions of one woman being one cluster."""
    scores = x * (y - predict(x, beta))[:, None]
    _, owner = np.unique(np.asarray(women), return_inverse=True)
    summed = np.zeros((owner.max() + 1, x.shape[1]))
    np.add.at(summed, owner, scores)
    bread = np.linalg.inv(information)
    return np.asarray(bread @ (summed.T @ summed) @ bread)


def cross_validate(x: Array, y: Array, women: Sequence[str]) -> tuple[Array, NDArray[np.intp]]:
    """Out-of-fold probabilities and folds, each (REPEATS, n); a woman's lesions share one fold.

    No two repeats share a fold number, so that the folds can serve as strata.
    """
    names, owner = np.unique(np.asarray(women), return_inverse=True)
    probability = np.empty((REPEATS, len(y)))
    fold = np.empty((REPEATS, len(y)), dtype=np.intp)
    for repeat in range(REPEATS):
        fold[repeat] = repeat * FOLDS + (np.random.default_rng(repeat).permutation(len(names)) % FOLDS)[owner]
        for held_out in np.unique(fold[repeat]):
            test = fold[repeat] == held_out
            beta, _ = fit(x[~test], y[~test])
            probability[repeat, test] = predict(x[test], beta)
    return probability, fold


def performance(x: Array, y: Array, women: Sequence[str]) -> dict[str, float]:
    """Cross-validated area under the ROC curve with its interval by woman, Brier score and ECE."""
    probability, fold = cross_validate(x, y, women)
    p, truth, owner = probability.ravel(), np.tile(y, REPEATS), np.tile(np.asarray(women), REPEATS)
    strata = fold.ravel()
    low, high = auc_interval(p, truth, owner, stratum=strata, resamples=RESAMPLES)
    return {
        "auc": auc(p, truth, stratum=strata),
        "auc_low": low,
        "auc_high": high,
        "brier": brier(p, truth),
        "expected_calibration_error": expected_calibration_error(p, truth),
    }


def train(table: Path) -> dict[str, object]:
    """The content of ``malignancy.json``, fitted on ``table``."""
    lesions = read_lesions(table)
    women = [lesion.woman for lesion in lesions]
    x = design(lesions)
    y = np.array([lesion.malignant for lesion in lesions], dtype=np.float64)
    beta, information = fit(x, y)
    covariance = clustered_covariance(x, y, beta, information, women)
    counts = {
        level: sum(level in (lesion.shape, lesion.distribution) for lesion in lesions)
        for level in dict.fromkeys([*SHAPES.values(), *DISTRIBUTIONS.values()])
    }
    return {
        "name": "malignancy of worked-up calcifications from shape and distribution",
        "formula": (
            "logit p = x b + logit(prevalence) - logit(series_malignant_share); "
            "interval: x b ± z sqrt(x C x'), shifted alike"
        ),
        "features": features(),
        "coefficients": [round(v, DECIMALS) for v in beta.tolist()],
        "covariance": [[round(v, DECIMALS) for v in row] for row in covariance.tolist()],
        "shape_terms": {term: level for term, level in SHAPE_TERMS.items() if counts[level] >= MIN_LESIONS},
        "distribution_terms": {
            level: level for level in DISTRIBUTIONS.values() if counts[level] >= MIN_LESIONS
        },
        "reference": list(REFERENCE),
        "series_malignant_share": round(float(y.mean()), DECIMALS),
        "lesions": len(lesions),
        "women": len(set(women)),
        "lesions_by_level": counts,
        "cross_validation": {
            "folds": FOLDS,
            "repeats": REPEATS,
            **{name: round(value, 3) for name, value in performance(x, y, women).items()},
        },
        "source": "cbis_ddsm",
        "table_sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
        "attribution": (
            "Fitted on the calcification training table of CBIS-DDSM: Sawyer-Lee R, Gimenez F, Hoogi A, "
            "Rubin D, The Cancer Imaging Archive, 2016, doi 10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0"
        ),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line: TABLE --out FILE."""
    parser = argparse.ArgumentParser(prog="python -m calcscope.train.malignancy", description=main.__doc__)
    parser.add_argument("table", type=Path, help="calc_case_description_train_set.csv of CBIS-DDSM")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args(arguments)
    content = json.dumps(train(options.table), indent=1, ensure_ascii=False) + "\n"
    options.out.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
