"""Fit the class models of description on drawn shapes and write ``models/describe.json``.

``python -m calcscope.train.describe`` (about ten minutes on one core). Everything is drawn from seeds
below :data:`TRAINING_SEEDS`; seeds from 1000 on belong to ``benchmarks/describe.py`` and are never used
here. Each scene goes through detection, so the models know shapes as they are measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calcscope.describe.appearance import (
    GROUP_MEASUREMENTS,
    SINGLE_MEASUREMENTS,
    measure_group,
    measure_single,
)
from calcscope.describe.body import find_bodies
from calcscope.describe.describing import clarity
from calcscope.describe.form import measure_form
from calcscope.describe.gaussian import MODEL_FILE, GaussianClasses
from calcscope.describe.kinds import OTHER
from calcscope.describe.spread import SPREAD_MEASUREMENTS, measure_spread
from calcscope.evaluate.drawn import (
    DISTRIBUTIONS,
    KINDS,
    MORPHOLOGIES,
    Scene,
    draw_kind,
    draw_morphology,
)
from calcscope.evaluate.found import group_of
from calcscope.evaluate.scatter import draw_points
from calcscope.specks import find_specks

TRAINING_SEEDS = 40
TRAINING_SEEDS_POINTS = 200
"""Scenes of each term; positions alone cost next to nothing, so there are more of them."""
SHRINKAGE = 0.5
"""Share of the covariance that all terms hold in common; chosen by cross-validation over 0.05 to 0.8,
where the accuracy changes by less than 0.04. Pooling also keeps the models from trusting fine detail
of the drawings."""
JITTER = 1e-4
"""Share of each variance added to the diagonal, so that no covariance is singular."""
FOLDS = 4
TEMPERATURES = np.geomspace(0.5, 8, 41)

SINGLE_TERMS = ("round", "lucent_centred", "rim", "popcorn", "rod", "dystrophic", "suture", OTHER)
SINGLE_TERM_OF_KIND = {"skin": "lucent_centred", "vascular": OTHER, "milk_of_calcium": OTHER}
"""What one calcification of a kind is by its form alone, where that differs: skin is told by its
place, a vessel by its second track, milk of calcium by the lateral view."""

Rows = NDArray[np.float64]
Terms = NDArray[np.intp]


def main() -> None:
    """Draw, measure, fit and write the models."""
    groups: list[Rows] = []
    group_terms: list[int] = []
    singles: list[Rows] = []
    single_terms: list[int] = []
    for scene, is_kind in _scenes():
        catalogue = find_specks(scene.mammogram, scene.breast)
        group = group_of(scene, catalogue)
        if group is None:
            continue
        bodies = find_bodies(group.members, catalogue, scene.mammogram)
        forms = [measure_form(body) for body in bodies]
        if is_kind:
            term = SINGLE_TERM_OF_KIND.get(scene.term, scene.term)
        else:
            groups.append(measure_group(forms, clarity(bodies, catalogue)))
            group_terms.append(MORPHOLOGIES.index(scene.term))
            term = scene.term if scene.term == "round" else OTHER
        singles += [measure_single(form) for form in forms]
        single_terms += [SINGLE_TERMS.index(term)] * len(forms)
    spreads, spread_terms = _spreads()
    models = {
        "distribution": fit(DISTRIBUTIONS, SPREAD_MEASUREMENTS, spreads, spread_terms),
        "morphology": fit(MORPHOLOGIES, GROUP_MEASUREMENTS, np.array(groups), np.array(group_terms)),
        "single": fit(SINGLE_TERMS, SINGLE_MEASUREMENTS, np.array(singles), np.array(single_terms)),
    }
    path = Path(__file__).parents[1] / "models" / MODEL_FILE
    text = json.dumps({name: model.to_dict() for name, model in models.items()}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def fit(terms: Sequence[str], measurements: Sequence[str], rows: Rows, labels: Terms) -> GaussianClasses:
    """Gaussian classes of rows (n, f) with labels (n,), the temperature set by cross-validation."""
    fold = np.arange(len(rows)) % FOLDS
    losses = np.zeros(len(TEMPERATURES))
    for k in range(FOLDS):
        model = _gaussians(terms, measurements, rows[fold != k], labels[fold != k])
        scores = np.array([model.scores(row) for row in rows[fold == k]])
        weight = _balance(labels[fold == k], len(terms))
        losses += [_loss(scores / t, labels[fold == k], weight) for t in TEMPERATURES]
    temperature = float(TEMPERATURES[int(np.argmin(losses))])
    whole = _gaussians(terms, measurements, rows, labels)
    return GaussianClasses(whole.terms, whole.measurements, whole.means, whole.covariances, temperature)


def _gaussians(
    terms: Sequence[str], measurements: Sequence[str], rows: Rows, labels: Terms
) -> GaussianClasses:
    means = np.array([np.nanmean(rows[labels == k], axis=0) for k in range(len(terms))])
    whole = np.isfinite(rows).all(axis=1)
    own = np.array([np.cov(rows[whole & (labels == k)].T) for k in range(len(terms))])
    common = own.mean(axis=0)
    covariances = (1 - SHRINKAGE) * own + SHRINKAGE * common + JITTER * np.diag(np.diag(common))
    return GaussianClasses(tuple(terms), tuple(measurements), means, covariances, temperature=1.0)


def _balance(labels: Terms, count: int) -> NDArray[np.float64]:
    """Weights that make every term count alike, however many of it there are."""
    number = np.maximum(np.bincount(labels, minlength=count), 1)
    return np.asarray(1 / number[labels] / count)


def _loss(scores: Rows, labels: Terms, weight: NDArray[np.float64]) -> float:
    top = scores.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(scores - top).sum(axis=1))
    return float(weight @ (log_sum - scores[np.arange(len(labels)), labels]))


def _scenes() -> Iterator[tuple[Scene, bool]]:
    for seed in range(TRAINING_SEEDS):
        for term in MORPHOLOGIES:
            yield draw_morphology(term, seed), False
        for term in KINDS:
            yield draw_kind(term, seed), True


def _spreads() -> tuple[Rows, Terms]:
    rows, labels = [], []
    for seed in range(TRAINING_SEEDS_POINTS):
        for k, term in enumerate(DISTRIBUTIONS):
            drawn = draw_points(term, seed)
            rows.append(measure_spread(drawn.xy_mm, drawn.breast))
            labels.append(k)
    return np.array(rows), np.array(labels)


if __name__ == "__main__":
    main()
