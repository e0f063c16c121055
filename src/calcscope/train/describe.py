"""Fit the class models of description and write ``models/describe.json``.

    calcscope train describe --out describe.json --normals FOLDER

On drawn scenes of seeds below :data:`TRAINING_SEEDS` (seeds from 1000 on belong to tests and to
``benchmarks/describe.py`` and are never used here), and on groups set into normal mammograms or taken from
simulated exams (:mod:`calcscope.train.fields`), which are fainter and lie in more uneven tissue, with false
marks among them. Each goes through detection, so the models know shapes as they are measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from calcscope import lexicon
from calcscope.describe.appearance import GROUP_MEASUREMENTS, SINGLE_MEASUREMENTS, measure_single
from calcscope.describe.body import Body, find_bodies
from calcscope.describe.describing import measured
from calcscope.describe.form import Form, measure_form
from calcscope.describe.gaussian import GaussianClasses
from calcscope.describe.kinds import OTHER
from calcscope.describe.spread import SPREAD_MEASUREMENTS, measure_spread
from calcscope.evaluate.found import SEEN, group_of, marks_of
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
from calcscope.train.fields import GROUPS_IN_VIEW, Field, chosen_normals, of_exam, of_normal, views_of_exams

TRAINING_SEEDS = 40
TRAINING_SEEDS_MORPHOLOGY = 20
TRAINING_SEEDS_POINTS = 200
"""Scenes of each term; of morphologies the fields have more to teach, and positions alone cost next to
nothing."""
TISSUE_MARKS = 4
"""Marks on mere texture taken from each scene, to be told from calcium."""
SHRINKAGE = {"distribution": 0.5, "morphology": 0.85, "single": 0.5}
"""Share of the covariance that all terms hold in common. That of morphology was chosen on simulated exams of
the other generator: with less pooling the models learn the generator's own way of drawing."""
DRAWN_WEIGHT = 0.5
"""Of a drawn scene beside a field, in morphology: drawings are more typical than what is met."""
JITTER = 1e-4
"""Share of each variance added to the diagonal, so that no covariance is singular."""
FOLDS = 4
TEMPERATURES = np.geomspace(0.5, 8, 41)

SINGLE_TERMS = (
    "round", "lucent_centred", "rim", "popcorn", "rod", "dystrophic", "suture", "vascular", OTHER,
)  # fmt: skip


Rows = NDArray[np.float64]
Terms = NDArray[np.intp]


class _Samples:
    """Measurements with their terms and weights."""

    def __init__(self, terms: Sequence[str], measurements: Sequence[str]) -> None:
        self.terms, self.measurements = terms, measurements
        self.rows: list[NDArray[np.float64]] = []
        self.labels: list[int] = []
        self.weights: list[float] = []

    def add(self, term: str, row: NDArray[np.float64], weight: float = 1.0) -> None:
        self.rows.append(row)
        self.labels.append(self.terms.index(term))
        self.weights.append(weight)

    def fit(self, shrinkage: float) -> GaussianClasses:
        labels, weights = np.array(self.labels, dtype=np.intp), np.array(self.weights)
        return fit(self.terms, self.measurements, np.array(self.rows), labels, weights, shrinkage)


def train(
    out: Path,
    normals: Sequence[Path] = (),
    exams: Sequence[Path] = (),
    progress: Callable[[int, int], None] = lambda n, of: None,
) -> None:
    """Draw, measure, fit and write the models.

    Parameters
    ----------
    out : the JSON file to write
    normals : folders of mammograms without calcium, that groups are set into
    exams : folders of simulated exams whose groups are learnt from too
    progress : takes how many scenes are done and how many there are

    Raises
    ------
    UnreadableInput : for a folder without mammograms, or without simulated exams
    """
    samples = {
        "distribution": _Samples(DISTRIBUTIONS, SPREAD_MEASUREMENTS),
        "morphology": _Samples(MORPHOLOGIES, GROUP_MEASUREMENTS),
        "single": _Samples(SINGLE_TERMS, SINGLE_MEASUREMENTS),
    }
    hosts, views = chosen_normals(normals), views_of_exams(exams)
    drawn = TRAINING_SEEDS_MORPHOLOGY * len(MORPHOLOGIES) + TRAINING_SEEDS * len(KINDS)
    count = drawn + GROUPS_IN_VIEW * len(hosts) + len(views)
    done = 0
    for scene, is_kind in _drawn():
        _learn_scene(scene, is_kind, samples)
        progress(done := done + 1, count)
    for number, host in enumerate(hosts):
        for field in of_normal(host, number):
            _learn_field(field, samples)
            progress(done := done + 1, count)
    for view in views:
        _learn_field(of_exam(view), samples)
        progress(done := done + 1, count)
    for seed in range(TRAINING_SEEDS_POINTS):
        for term in DISTRIBUTIONS:
            points = draw_points(term, seed)
            samples["distribution"].add(term, measure_spread(points.xy_mm, points.breast))
    models = {name: those.fit(SHRINKAGE[name]).to_dict() for name, those in samples.items()}
    out.write_text(json.dumps(models, indent=1) + "\n", encoding="utf-8")


def _learn_scene(scene: Scene, is_kind: bool, samples: dict[str, _Samples]) -> None:
    """What a drawn scene teaches."""
    catalogue = find_specks(scene.mammogram, scene.breast)
    group = group_of(scene, catalogue)
    if group is None:
        return
    if not is_kind:
        _, values = measured(group.members, catalogue, scene.mammogram)
        samples["morphology"].add(scene.term, values, DRAWN_WEIGHT)
    forms = [measure_form(body) for body in find_bodies(group.members, catalogue, scene.mammogram)]
    for form in forms:  # every scene counts alike
        samples["single"].add(single_term(scene.term, is_kind, form), measure_single(form), 1 / len(forms))
    _learn_tissue(tissue_bodies(scene, catalogue), samples["single"])


def _learn_field(field: Field, samples: dict[str, _Samples]) -> None:
    """What a group in a field teaches, as far as it can be seen and forms a group."""
    catalogue = find_specks(field.mammogram, field.breast)
    group = field.group(catalogue) if field.told else None
    if group is None:
        return
    places, values = measured(group.members, catalogue, field.mammogram)
    samples["morphology"].add(field.morphology, values)
    in_view = places + field.corner * field.mammogram.pixel_mm
    samples["distribution"].add(field.distribution, measure_spread(in_view, field.whole))
    right = field.on_calcium(catalogue.xy[group.members])
    bodies = find_bodies(group.members[right], catalogue, field.mammogram)
    for form in map(measure_form, bodies):
        term = single_term(field.morphology, False, form)
        samples["single"].add(term, measure_single(form), 1 / len(bodies))
    _learn_tissue(find_bodies(group.members[~right], catalogue, field.mammogram), samples["single"])


def _learn_tissue(bodies: Sequence[Body], singles: _Samples) -> None:
    for form in map(measure_form, bodies):
        singles.add(OTHER, measure_single(form), 1 / len(bodies))


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
    weights: NDArray[np.float64],
    shrinkage: float,
) -> GaussianClasses:
    """Gaussian classes of rows (n, f) with labels and weights (n,); the temperature by cross-validation."""
    fold = np.arange(len(rows)) % FOLDS
    losses = np.zeros(len(TEMPERATURES))
    for k in range(FOLDS):
        inside, outside = fold != k, fold == k
        model = _gaussians(terms, measurements, rows[inside], labels[inside], weights[inside], shrinkage)
        scores = np.array([model.scores(row) for row in rows[outside]])
        balanced = _balance(labels[outside], weights[outside], len(terms))
        losses += [_loss(scores / t, labels[outside], balanced) for t in TEMPERATURES]
    whole = _gaussians(terms, measurements, rows, labels, weights, shrinkage)
    return replace(whole, temperature=float(TEMPERATURES[int(np.argmin(losses))]))


def _gaussians(
    terms: Sequence[str],
    measurements: Sequence[str],
    rows: Rows,
    labels: Terms,
    weights: NDArray[np.float64],
    shrinkage: float,
) -> GaussianClasses:
    whole = np.isfinite(rows).all(axis=1)
    means, own = [], []
    for k in range(len(terms)):
        mine = whole & (labels == k)
        means.append(np.average(rows[mine], axis=0, weights=weights[mine]))
        own.append(np.cov(rows[mine].T, aweights=weights[mine]))
    common = np.mean(own, axis=0)
    covariances = (1 - shrinkage) * np.array(own) + shrinkage * common + JITTER * np.diag(np.diag(common))
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


def _drawn() -> Iterator[tuple[Scene, bool]]:
    for seed in range(TRAINING_SEEDS):
        for term in MORPHOLOGIES if seed < TRAINING_SEEDS_MORPHOLOGY else ():
            yield draw_morphology(term, seed), False
        for term in KINDS:
            yield draw_kind(term, seed), True
