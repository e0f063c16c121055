"""Scores of stated probabilities on cases whose answer is known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from calcscope.evaluate.calibration import Marks, brier, expected_calibration_error, reliability
from calcscope.evaluate.froc import MarkedImage
from calcscope.evaluate.marked import MarkedSpeck, MarkedView
from calcscope.evaluate.measure import Measured, _add
from calcscope.exam import Orientation, ReadOptions


def test_brier_score_against_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    p, truth = rng.random(200), rng.random(200) < 0.4
    assert brier(p, truth) == pytest.approx(brier_score_loss(truth, p))


def test_probabilities_that_come_true_have_no_calibration_error() -> None:
    p = np.repeat([0.25, 0.75], 4)
    truth = [1, 0, 0, 0, 1, 1, 1, 0]
    assert expected_calibration_error(p, truth) == pytest.approx(0)


def test_overconfidence_is_measured_by_its_size() -> None:
    """Nine tenths stated where half come true, for all cases."""
    assert expected_calibration_error(np.full(10, 0.9), [1, 0] * 5) == pytest.approx(0.4)


def test_only_occupied_bins_are_listed_and_certainty_has_one() -> None:
    bins = reliability([0.05, 0.07, 1.0], [0, 1, 1])
    assert [(b.observed, b.count) for b in bins] == [(0.5, 2), (1.0, 1)]
    assert bins[0].stated == pytest.approx(0.06)


def test_a_case_that_stands_for_three_counts_like_three() -> None:
    p, truth = np.array([0.2, 0.7, 0.9]), np.array([False, True, True])
    weights = [1, 3, 2]
    as_many = np.repeat(p, weights), np.repeat(truth, weights)
    assert brier(p, truth, weights) == pytest.approx(brier(*as_many))
    assert expected_calibration_error(p, truth, weights) == pytest.approx(
        expected_calibration_error(*as_many)
    )


def test_false_marks_of_normal_images_stand_for_those_of_the_others() -> None:
    """Two images with calcium, four without: each false mark counts half, and what hits nothing beside a
    true object does not count."""
    images = [
        MarkedImage(((0.9, 0), (0.4, 0), (0.6, None)), truths=1),
        MarkedImage(((0.8, 1),), truths=2),
        MarkedImage(((0.7, None),), normal=True),
        *[MarkedImage((), normal=True)] * 3,
    ]
    marks = Marks.of(images)
    assert marks.probability.tolist() == [0.9, 0.8, 0.7]
    assert marks.true.tolist() == [True, True, False]
    assert marks.weight.tolist() == [1.0, 1.0, 0.5]


def test_only_what_a_reader_is_shown_counts_as_stated(tmp_path: Path) -> None:
    """Of three marks two are listed: a member of a group of the operating point, and an obvious lone one."""
    specks = SimpleNamespace(
        xy=np.array([[10.0, 10.0], [60.0, 60.0], [90.0, 20.0]]),
        outlines=(),
        probability=np.array([0.9, 0.6, 0.3]),
    )
    reading = SimpleNamespace(
        specks=specks,
        orientation=Orientation(100, 100),
        info=SimpleNamespace(pixel_mm=0.1, laterality="R"),
        groups=(SimpleNamespace(members=np.array([1]), x=60.0, y=60.0, probability=0.7),),
        more_groups=(),
        descriptions=(),
        more_descriptions=(),
        vessels=(),
        lone=np.array([True, False, True]),
    )
    settings = SimpleNamespace(may_stand_alone=lambda specks: specks.probability > 0.8)
    marked = MarkedView("a", "w", tmp_path, ReadOptions(), specks=(MarkedSpeck(10.0, 11.0),))
    measured = Measured()
    _add(measured, marked, reading, settings)  # type: ignore[arg-type]
    assert measured.singles[0].marks == ((0.9, 0), (0.6, None), (0.3, None))
    assert measured.listed[0].marks == ((0.9, 0), (0.6, None))
