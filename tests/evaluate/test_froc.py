"""The FROC curve on hand-made readings whose curve can be counted on the fingers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from calcscope.evaluate.froc import Froc, MarkedImage, bootstrap, draw

IMAGES = [
    MarkedImage(((0.9, 0), (0.3, 0), (0.8, None)), truths=2),  # found at 0.9; never; a false mark not counted
    MarkedImage(((0.5, 0), (0.7, 1)), truths=2),
    MarkedImage(((0.6, None), (0.4, None)), normal=True),
    MarkedImage((), normal=True),
]


def test_objects_are_found_at_their_best_mark_and_false_marks_count_on_normal_images_alone() -> None:
    curve = Froc.of(IMAGES)
    assert curve.best.tolist() == [0.9, -np.inf, 0.5, 0.7]
    assert curve.false.tolist() == [0.6, 0.4]
    assert curve.normals == 2


@pytest.mark.parametrize(("rate", "found"), [(0, 2), (0.4, 2), (0.5, 3), (0.9, 3), (1.0, 3), (5.0, 3)])
def test_sensitivity_is_that_of_the_lowest_threshold_that_keeps_the_rate(rate: float, found: int) -> None:
    assert Froc.of(IMAGES).sensitivity(rate) == found / 4


def test_a_false_mark_counts_before_a_true_one_of_the_same_score() -> None:
    curve = Froc.of([MarkedImage(((0.5, 0),), truths=1), MarkedImage(((0.5, None),), normal=True)])
    assert curve.sensitivity([0, 1]).tolist() == [0, 1]
    assert curve.false_marks(0.5) == 1


def test_false_marks_of_a_threshold() -> None:
    assert Froc.of(IMAGES).false_marks([0.7, 0.6, 0.5, 0.1]).tolist() == [0, 0.5, 0.5, 1]


def test_steps_rise() -> None:
    rates, sensitivity = Froc.of(IMAGES).steps()
    assert rates.tolist() == [0, 0.5, 1]
    assert sensitivity.tolist() == [0.5, 0.75, 0.75]


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """40 simulated studies of 40 + 40 images; 80 % intervals cover the true share of 0.7."""
    random = np.random.default_rng(5)
    covered = 0
    for study in range(40):
        diseased = [MarkedImage(((1.0, 0),) if random.random() < 0.7 else (), truths=1) for _ in range(40)]
        images = diseased + [MarkedImage((), normal=True)] * 40
        low, high = bootstrap(images, lambda c: c.sensitivity(0), confidence=0.8, resamples=150, seed=study)
        covered += bool(low <= 0.7 <= high)
    assert 25 <= covered <= 39


def test_interval_draws_normal_images_too() -> None:
    images = [MarkedImage(((0.5, 0),), truths=1)]
    images += [MarkedImage(((0.9, None),) * (n % 2), normal=True) for n in range(10)]
    low, high = bootstrap(images, lambda curve: curve.false_marks(0.5), resamples=300)
    assert low < 0.5 < high


@pytest.mark.parametrize("images", [IMAGES[:2], IMAGES[2:]])
def test_a_curve_needs_both_kinds_of_image(images: list[MarkedImage]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Froc.of(images)


def test_contradictory_images_are_refused() -> None:
    with pytest.raises(ValueError, match="normal image"):
        MarkedImage((), truths=1, normal=True)
    with pytest.raises(ValueError, match="object 1 of 1"):
        MarkedImage(((0.5, 1),), truths=1)
    with pytest.raises(ValueError, match="score"):
        MarkedImage(((float("nan"), None),))


def test_picture_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "froc.png"
    draw(IMAGES, path, title="four images", objects="groups", operating=(0.5, 0.75))
    picture = cv2.imread(str(path))
    assert picture is not None
    assert min(picture.shape[:2]) > 500
