"""Marks on single calcifications: one to one, nearest first."""

from __future__ import annotations

import numpy as np

from calcscope.evaluate.froc import Froc
from calcscope.evaluate.match import marked_specks, match


def test_two_marks_on_one_calcification_are_one_hit() -> None:
    marks = np.array([[1.0, 1.0], [1.2, 1.0]])
    assert match(marks, np.array([[1.15, 1.0]])).tolist() == [-1, 0]


def test_one_mark_between_two_calcifications_finds_the_nearer() -> None:
    assert match(np.array([[0.3, 0.0]]), np.array([[0.0, 0.0], [0.5, 0.0]])).tolist() == [1]


def test_a_large_calcification_is_found_anywhere_within_its_radius() -> None:
    truths = np.array([[0.0, 0.0]])
    assert match(np.array([[1.4, 0.0]]), truths, [1.5]).tolist() == [0]
    assert match(np.array([[1.4, 0.0]]), truths, [0.1]).tolist() == [-1]


def test_nothing_marked_and_nothing_there_are_no_faults() -> None:
    nothing = np.zeros((0, 2))
    assert match(nothing, np.ones((3, 2))).tolist() == []
    assert match(np.ones((2, 2)), nothing).tolist() == [-1, -1]


def test_a_curve_of_single_calcifications() -> None:
    image = marked_specks(np.array([[0.0, 0.0], [9.0, 9.0]]), [0.9, 0.8], np.array([[0.1, 0.0], [5.0, 5.0]]))
    normal = marked_specks(np.array([[3.0, 3.0]]), [0.7], np.zeros((0, 2)), normal=True)
    assert Froc.of([image, normal]).sensitivity([0.0]).tolist() == [0.5]
