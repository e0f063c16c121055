"""Overlap of outlines whose areas and distances are known."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.evaluate.overlap import mask_overlap, outline_overlap

SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])


def test_an_outline_agrees_with_itself_whatever_its_first_vertex() -> None:
    result = outline_overlap(SQUARE, np.roll(SQUARE, 1, axis=0), 0.1)
    assert (result.dice, result.iou) == (1.0, 1.0)
    assert result.hausdorff_mm == pytest.approx(0, abs=1e-9)


def test_a_square_shifted_by_half_its_side() -> None:
    result = outline_overlap(SQUARE, SQUARE + np.array([5, 0]), 0.1)
    assert result.dice == pytest.approx(0.5, abs=0.01)
    assert result.iou == pytest.approx(1 / 3, abs=0.01)
    assert result.hausdorff_mm == pytest.approx(0.5, abs=0.01)


def test_a_circle_in_a_circle_and_two_apart() -> None:
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    inner = outline_overlap(circle, 2 * circle, 0.05)
    assert inner.iou == pytest.approx(0.25, abs=0.01)
    assert inner.hausdorff_mm == pytest.approx(0.05, rel=0.02)
    assert outline_overlap(circle, circle + np.array([10, 0]), 0.05).dice == 0


def test_masks_and_what_has_no_area() -> None:
    one = np.zeros((4, 4), dtype=bool)
    assert np.isnan(mask_overlap(one, one)).all()
    with pytest.raises(ValueError, match="three vertices"):
        outline_overlap(SQUARE, SQUARE[:2], 0.1)
    with pytest.raises(ValueError, match="without area"):
        outline_overlap(SQUARE, np.array([[1.0, 1.0], [5.0, 1.0], [3.0, 1.0]]), 0.1)
