"""Images with marks: what counts as a hit, and readings set against the marks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from calcscope.errors import UnreadableInput
from calcscope.evaluate.marked import Box, Circle, MarkedGroup, MarkedView, Outline, is_hit, verdict
from calcscope.exam import ReadOptions


def test_a_circle_is_hit_by_a_centre_or_by_half_of_the_members() -> None:
    circle = Circle(100.0, 100.0, 10.0)
    inside, outside = np.array([[109.0, 100.0]]), np.array([[111.0, 100.0]])
    assert is_hit(circle, inside, np.repeat(outside, 5, axis=0))
    assert is_hit(circle, outside, np.concatenate([inside] * 3 + [outside] * 3))
    assert not is_hit(circle, outside, np.concatenate([inside] * 3 + [outside] * 4))
    assert not is_hit(circle, outside, np.concatenate([inside] * 2))


@pytest.mark.parametrize(
    "region",
    [Box(10, 20, 30, 60), Outline(np.array([[10.0, 20.0], [30.0, 20.0], [30.0, 60.0], [10.0, 60.0]]))],
)
def test_a_box_and_an_outline_take_x_before_y(region: Box | Outline) -> None:
    assert region.holds(np.array([[15.0, 55.0], [55.0, 15.0]])).tolist() == [True, False]


def test_the_outcome_of_several_groups() -> None:
    def groups(*outcomes: bool | None) -> list[MarkedGroup]:
        return [MarkedGroup(Circle(0, 0, 1), malignant=outcome) for outcome in outcomes]

    assert verdict(groups(False, True, None)) is True
    assert verdict(groups(False, False)) is False
    assert verdict(groups(False, None)) is None
    assert verdict([]) is None


def test_an_image_of_another_size_than_was_marked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    cv2.imwrite(str(path), np.full((100, 80), 9, np.uint8))
    options = ReadOptions(pixel_mm=0.1, laterality="L", view="CC")
    assert MarkedView("one", "w", path, options, stored=(100, 80)).exam().views[0].info.columns == 80
    with pytest.raises(UnreadableInput, match="100 × 80 pixels; expected 200 × 160 pixels"):
        MarkedView("one", "w", path, options, stored=(200, 160)).exam()
