"""Fit the class models of description and write ``models/describe.json``.

    calcscope train describe --out describe.json --exams FOLDER

On drawn scenes of seeds below :data:`TRAINING_SEEDS` (seeds from 1000 on belong to tests and to
``benchmarks/describe.py`` and are never used here), and on the groups of simulated exams, which are fainter
and lie in more uneven tissue. Each goes through detection, so the models know shapes as they are measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope import lexicon
from calcscope.breast import locate_breast
from calcscope.describe.appearance import (
    GROUP_MEASUREMENTS,
    SINGLE_MEASUREMENTS,
    measure_group,
    measure_single,
)
from calcscope.describe.body import Body, find_bodies
from calcscope.describe.describing import clarity
from calcscope.describe.form import Form, measure_form
from calcscope.describe.gaussian import GaussianClasses
from calcscope.describe.kinds import OTHER
from calcscope.describe.spread import SPREAD_MEASUREMENTS, measure_spread
from calcscope.evaluate import phantom
from calcscope.evaluate.found import SEEN, group_of, marks_of
from calcscope.evaluate.phantom import PhantomView
from calcscope.evaluate.visible import is_seen
from calcscope.phantom.drawn.scatter import draw_points
from calcscope.phantom.drawn.scenes import (
    DISTRIBUTIONS,
    KINDS,
    MORPHOLOGIES,
    Scene,
    draw_kind,
    draw_morphology,
)
from calcscope.specks import SpeckCatalogue, find_specks

TRAINING_SEEDS = 40
TRAINING_SEEDS_POINTS = 200
"""Scenes of each term; positions alone cost next to nothing, so there are more of them."""
TISSUE_MARKS = 4
"""Marks on mere texture taken from each scene, to be told from calcium."""
SHRINKAGE = 0.5
"""Share of the covariance that all terms hold in common; chosen by cross-validation over 0.05 to 0.8,
where the accuracy changes by less than 0.04. Pooling also keeps the models from trusting fine detail
of the drawings."""
JITTER = 1e-4
"""Share of each variance added to the diagonal, so that no covariance is singular."""
FOLDS = 4
TEMPERATURES = np.geomspace(0.5, 8, 41)

SINGLE_TERMS = (
    "round", "lucent_centred", "rim", "popcorn", "rod", "dystrophic", "suture", "vascular", OTHER,
)  # fmt: skip


Rows = NDArray[np.float64]
Terms = NDArray[np.intp]


def train(
    out: Path, exams: Sequence[Path] = (), progress: Callable[[int, int], None] = lambda n, of: None
) -> None:
    """Draw, measure, fit and write the models.

    Parameters
    ----------
    out : the JSON file to write
    exams : folders of simulated exams whose groups are learnt from too
    progress : takes how many scenes are done and how many there are

    Raises
    ------
    UnreadableInput : for a folder without simulated exams
    """
    groups: list[Rows] = []
    group_terms: list[int] = []
    singles: list[Rows] = []
    single_terms: list[int] = []
    single_weights: list[float] = []
    simulated = [view for folder in exams for view in _with_one_group(folder)]
    count = TRAINING_SEEDS * (len(MORPHOLOGIES) + len(KINDS)) + len(simulated)
    scenes = chain(_drawn(), ((_scene_of(view), False) for view in simulated))
    for number, (scene, is_kind) in enumerate(scenes, start=1):
        progress(number, count)
        catalogue = find_specks(scene.mammogram, scene.breast)
        group = group_of(scene, catalogue)
        if group is None:
            continue
        bodies = find_bodies(group.members, catalogue, scene.mammogram)
        forms = [measure_form(body) for body in bodies]
        if not is_kind:
            groups.append(measure_group(forms, clarity(bodies, catalogue)))
            group_terms.append(MORPHOLOGIES.index(scene.term))
        singles += [measure_single(form) for form in forms]
        single_terms += [SINGLE_TERMS.index(single_term(scene.term, is_kind, form)) for form in forms]
        single_weights += [1 / len(forms)] * len(forms)  # every scene counts alike
        tissue = [measure_form(body) for body in tissue_bodies(scene, catalogue)]
        singles += [measure_single(form) for form in tissue]
        single_terms += [SINGLE_TERMS.index(OTHER)] * len(tissue)
        single_weights += [1 / max(len(tissue), 1)] * len(tissue)
    spreads, spread_terms = _spreads()
    models = {
        "distribution": fit(DISTRIBUTIONS, SPREAD_MEASUREMENTS, spreads, spread_terms),
        "morphology": fit(MORPHOLOGIES, GROUP_MEASUREMENTS, np.array(groups), np.array(group_terms)),
        "single": fit(
            SINGLE_TERMS,
            SINGLE_MEASUREMENTS,
            np.array(singles),
            np.array(single_terms),
            np.array(single_weights),
        ),
    }
    text = json.dumps({name: model.to_dict() for name, model in models.items()}, indent=1)
    out.write_text(text + "\n", encoding="utf-8")


def tissue_bodies(scene: Scene, catalogue: SpeckCatalogue) -> list[Body]:
    """Bodies at the most salient marks of a scene that lie on texture alone."""
    marks = marks_of(scene, catalogue)
    others = np.setdiff1d(np.flatnonzero(catalogue.salience >= SEEN), marks)
    others = others[np.argsort(-catalogue.salience[others])][:TISSUE_MARKS]
    return find_bodies(others, catalogue, scene.mammogram)


def single_term(term: str, is_kind: bool, form: Form) -> str:
    """What one body of a scene is by its form alone: skin is told by its place, the two thin walls of a
    vessel by their being two, milk of calcium by the lateral view."""
    if not is_kind:
        return term if term == "round" else OTHER
    if term == "vascular" and form.breadth_mm < lexicon.load("describe")["vessel_width_mm"]["value"][0]:
        return OTHER
    return {"skin": "lucent_centred", "milk_of_calcium": OTHER}.get(term, term)


def fit(
    terms: Sequence[str],
    measurements: Sequence[str],
    rows: Rows,
    labels: Terms,
    weights: NDArray[np.float64] | None = None,
) -> GaussianClasses:
    """Gaussian classes of rows (n, f) with labels and weights (n,); the temperature by cross-validation."""
    weights = np.ones(len(rows)) if weights is None else weights
    fold = np.arange(len(rows)) % FOLDS
    losses = np.zeros(len(TEMPERATURES))
    for k in range(FOLDS):
        inside, outside = fold != k, fold == k
        model = _gaussians(terms, measurements, rows[inside], labels[inside], weights[inside])
        scores = np.array([model.scores(row) for row in rows[outside]])
        balanced = _balance(labels[outside], weights[outside], len(terms))
        losses += [_loss(scores / t, labels[outside], balanced) for t in TEMPERATURES]
    whole = _gaussians(terms, measurements, rows, labels, weights)
    return replace(whole, temperature=float(TEMPERATURES[int(np.argmin(losses))]))


def _gaussians(
    terms: Sequence[str],
    measurements: Sequence[str],
    rows: Rows,
    labels: Terms,
    weights: NDArray[np.float64],
) -> GaussianClasses:
    whole = np.isfinite(rows).all(axis=1)
    means, own = [], []
    for k in range(len(terms)):
        mine = whole & (labels == k)
        means.append(np.average(rows[mine], axis=0, weights=weights[mine]))
        own.append(np.cov(rows[mine].T, aweights=weights[mine]))
    common = np.mean(own, axis=0)
    covariances = (1 - SHRINKAGE) * np.array(own) + SHRINKAGE * common + JITTER * np.diag(np.diag(common))
    return GaussianClasses(tuple(terms), tuple(measurements), np.array(means), covariances, temperature=1.0)


def _balance(labels: Terms, weights: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Weights that make every term count alike, however many of it there are."""
    total = np.bincount(labels, weights, minlength=count)
    present = np.count_nonzero(total)
    return np.asarray(weights / total[labels] / present)


def _loss(scores: Rows, labels: Terms, weight: NDArray[np.float64]) -> float:
    top = scores.max(axis=1, keepdims=True)
    log_sum = top[:, 0] + np.log(np.exp(scores - top).sum(axis=1))
    return float(weight @ (log_sum - scores[np.arange(len(labels)), labels]))


def _with_one_group(folder: Path) -> list[PhantomView]:
    """The simulated views below a folder with one group that can be seen, and nothing else."""
    views = [view for view in phantom.read(folder) if isinstance(view, PhantomView)]
    return [v for v in views if len(v.terms) == 1 and not v.unseen and len({*v.speck_lesions}) == 1]


def _scene_of(view: PhantomView) -> Scene:
    """A simulated view as a drawn one: what can be seen of its calcium as discs of its extent."""
    mammogram = view.exam().views[0].load()
    seen = [speck for speck in view.specks or () if speck.snr is not None and is_seen(speck.snr)]
    centres = mammogram.orientation.to_canonical(np.array([(speck.x, speck.y) for speck in seen]))
    calcium = np.zeros(mammogram.pixels.shape, np.uint8)
    for speck, (x, y) in zip(seen, centres, strict=True):
        cv2.circle(calcium, (round(x), round(y)), max(1, round(speck.radius)), 1, cv2.FILLED)
    return Scene(view.terms[0][0], mammogram, locate_breast(mammogram), centres, calcium > 0)


def _drawn() -> Iterator[tuple[Scene, bool]]:
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
