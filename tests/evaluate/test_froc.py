"""The FROC curve on hand-made readings whose curve can be counted on the fingers."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from calcscope.errors import UnreadableInput
from calcscope.evaluate.froc import Froc, MarkedImage, bootstrap, draw
from calcscope.evaluate.mini_mias import Circle, read_films

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


def test_a_circle_is_hit_by_a_centre_or_by_half_of_the_members() -> None:
    circle = Circle("M", 100.0, 100.0, 10.0)
    inside, outside = np.array([[109.0, 100.0]]), np.array([[111.0, 100.0]])
    assert circle.is_hit_by(inside, np.repeat(outside, 5, axis=0))
    assert circle.is_hit_by(outside, np.concatenate([inside] * 3 + [outside] * 3))
    assert not circle.is_hit_by(outside, np.concatenate([inside] * 3 + [outside] * 4))
    assert not circle.is_hit_by(outside, np.concatenate([inside] * 2))


def test_films_are_read_each_alone_with_their_circles(tmp_path: Path) -> None:
    """mdb001 and mdb002 are the two breasts of one woman."""
    image = np.zeros((200, 200), np.uint8)
    image[40:160, :120] = 150
    for name, laid in (("mdb001", image), ("mdb002", image[:, ::-1])):
        cv2.imwrite(str(tmp_path / f"{name}.png"), laid)
    with (tmp_path / "truth.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "class", "severity", "x", "y", "radius"])
        writer.writerows([["mdb001", "CALC", "M", 50, 60, 9], ["mdb001", "CALC", "B", 70, 80, 5]])
        writer.writerow(["mdb002", "NORM", "", "", "", ""])
    first, second = read_films(tmp_path)
    assert first.circles == (Circle("M", 50, 60, 9), Circle("B", 70, 80, 5))
    assert (second.name, second.kind, second.circles) == ("mdb002", "NORM", ())
    assert [film.exam.views[0].info.laterality for film in (first, second)] == ["L", "R"]
    assert first.exam.views[0].info.pixel_mm == 0.2


def test_a_folder_without_its_table_or_a_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=r"truth\.csv"):
        read_films(tmp_path)
    (tmp_path / "truth.csv").write_text("image,class,severity,x,y,radius\nmdb001,NORM,,,,\n")
    with pytest.raises(UnreadableInput, match="mdb001"):
        read_films(tmp_path)
