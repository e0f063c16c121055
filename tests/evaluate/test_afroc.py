"""JAFROC and weighted AFROC figures of merit."""

from __future__ import annotations

import pytest

from calcscope.evaluate.afroc import merit
from calcscope.evaluate.froc import MarkedImage
from calcscope.evaluate.roc import auc


def test_one_object_an_image_is_the_area_under_the_curve() -> None:
    """With one object an image and its one mark, both are the area of objects against normal images."""
    found, false = [0.9, 0.6, 0.4, 0.4], [0.5, 0.4, 0.1]
    images = [MarkedImage(((score, 0),), truths=1) for score in found]
    images += [MarkedImage(((score, None),), normal=True) for score in false]
    area = auc(found + false, [True] * 4 + [False] * 3)
    result = merit(images, resamples=20)
    assert result.jafroc[0] == pytest.approx(area)
    assert result.wafroc[0] == pytest.approx(area)


def test_an_image_with_many_objects_weighs_more_in_jafroc_alone() -> None:
    """Three objects found on one image, one missed on another; the normal image has a mark."""
    many = MarkedImage(((0.9, 0), (0.9, 1), (0.9, 2)), truths=3)
    images = [many, MarkedImage((), truths=1), MarkedImage(((0.5, None),), normal=True)]
    result = merit(images, resamples=20)
    assert result.jafroc[0] == pytest.approx(3 / 4)
    assert result.wafroc[0] == pytest.approx(1 / 2)


def test_the_highest_false_mark_of_an_image_counts_and_no_mark_ties_with_no_mark() -> None:
    """Object at 0.6 against normals whose highest are 0.8 and none; the object without a mark ties once."""
    images = [MarkedImage(((0.6, 0),), truths=2)]
    images += [MarkedImage(((0.2, None), (0.8, None)), normal=True), MarkedImage((), normal=True)]
    assert merit(images, resamples=20).wafroc[0] == pytest.approx((0 + 1 + 0 + 0.5) / 4)


def test_the_interval_holds_the_value() -> None:
    images = [MarkedImage(((k / 10, 0),), truths=1) for k in range(3, 10)]
    images += [MarkedImage(((k / 10, None),), normal=True) for k in range(6)]
    value, low, high = merit(images, resamples=200).jafroc
    assert low < value < high


def test_without_a_normal_image_there_is_no_figure() -> None:
    with pytest.raises(ValueError, match="normal image"):
        merit([MarkedImage((), truths=1)])
