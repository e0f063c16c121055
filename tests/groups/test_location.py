"""Points in a breast of known geometry are put where they are."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pytest
from groups.geometry import Woman

from calcscope.exam.model import Laterality
from calcscope.groups import Group
from calcscope.groups.location import Sighting, clock, locate
from calcscope.specks.catalogue import SpeckCatalogue


@pytest.mark.parametrize(
    ("outward", "upward", "quadrant", "left_clock", "right_clock"),
    [
        (15, 26, "upper_outer", 1, 11),
        (-26, 15, "upper_inner", 10, 2),
        (26, -15, "lower_outer", 4, 8),
        (-15, -26, "lower_inner", 7, 5),
        (3, -3, "central", None, None),
    ],
)
@pytest.mark.parametrize("upright", ["MLO", "ML"])
def test_two_views_give_the_quadrant_and_the_clock(
    outward: float,
    upward: float,
    quadrant: str,
    left_clock: int | None,
    right_clock: int | None,
    upright: str,
) -> None:
    sides: list[tuple[Laterality, int | None]] = [("L", left_clock), ("R", right_clock)]
    for side, hour in sides:
        woman = Woman(side)
        place = locate([woman.sees("CC", outward, upward, 45), woman.sees(upright, outward, upward, 45)])
        assert (place.quadrant, place.clock, place.half) == (quadrant, hour, None)
        assert place.certainty == "both views"


def test_an_outer_finding_is_not_taken_for_an_upper_one_because_the_oblique_view_lifts_it() -> None:
    woman = Woman("L")
    low_and_outer = [woman.sees("CC", 40, -15, 50), woman.sees("MLO", 40, -15, 50)]
    # In the oblique view alone it lies above the nipple line.
    assert locate(low_and_outer[1:]).half == "upper"
    assert locate(low_and_outer).quadrant == "lower_outer"


@pytest.mark.parametrize(
    ("laterality", "outward", "upward", "hour"),
    [
        ("L", 0, 1, 12), ("L", 1, 0, 3), ("L", 0, -1, 6), ("L", -1, 0, 9),
        ("R", 0, 1, 12), ("R", 1, 0, 9), ("R", 0, -1, 6), ("R", -1, 0, 3),
        ("L", 1, 1.8, 1), ("R", 1, 1.8, 11),
    ],
)  # fmt: skip
def test_the_clock_is_read_facing_the_woman(
    laterality: Laterality, outward: float, upward: float, hour: int
) -> None:
    assert clock(outward, upward, laterality) == hour


@pytest.mark.parametrize(
    ("view", "outward", "upward", "half"),
    [("CC", 30, 0, "outer"), ("CC", -30, 0, "inner"), ("MLO", 0, 40, "upper"), ("ML", 20, -30, "lower")],
)
def test_one_view_gives_a_half(view: str, outward: float, upward: float, half: str) -> None:
    place = locate([Woman("R").sees(view, outward, upward, 40)])
    assert (place.half, place.quadrant, place.clock) == (half, None, None)
    assert place.certainty == "one view"


def test_a_finding_on_the_nipple_line_of_one_view_is_in_no_half() -> None:
    place = locate([Woman("R").sees("CC", 4, 30, 45)])
    assert place.half is None
    assert place.depth == "middle"


@pytest.mark.parametrize(("depth", "third"), [(10, "anterior"), (45, "middle"), (80, "posterior")])
def test_depth_is_told_in_thirds_of_the_nipple_line(depth: float, third: str) -> None:
    woman = Woman("L", length_mm=90)
    assert locate([woman.sees("CC", 20, 0, depth)]).depth == third
    assert locate([woman.sees("CC", 20, 10, depth), woman.sees("MLO", 20, 10, depth)]).depth == third


def test_the_distance_from_the_nipple_is_the_straight_one() -> None:
    woman = Woman("L")
    both = locate([woman.sees("CC", 20, 30, 40), woman.sees("MLO", 20, 30, 40)])
    assert both.nipple_mm == pytest.approx(math.sqrt(20**2 + 30**2 + 40**2), abs=0.5)
    assert locate([woman.sees("CC", 30, 99, 40)]).nipple_mm == pytest.approx(50, abs=0.5)


def test_high_tissue_before_the_muscle_is_the_axillary_tail() -> None:
    woman = Woman("L", length_mm=80)
    high = [woman.sees("CC", 30, 70, 70), woman.sees("MLO", 30, 70, 70)]
    assert locate(high).quadrant == "axillary_tail"
    assert locate(high[1:]).quadrant == "axillary_tail"
    assert locate([woman.sees("CC", -30, 120, 70), woman.sees("MLO", -30, 120, 70)]).quadrant == "upper_inner"
    assert locate([woman.sees("CC", 30, 70, 20), woman.sees("MLO", 30, 70, 20)]).quadrant == "upper_outer"


def test_a_true_lateral_view_is_preferred_to_an_oblique_one() -> None:
    woman = Woman("L")
    # The oblique view was taken steeper than usual, which would put the finding too high.
    views = [woman.sees("CC", -20, 5, 40), woman.sees("MLO", -20, 12, 40), woman.sees("ML", -20, -12, 40)]
    assert locate(views[:2]).quadrant == "upper_inner"
    assert locate(views).quadrant == "lower_inner"


def test_an_assumed_orientation_is_said() -> None:
    unsure = Woman("L", vertical_known=False)
    flat, oblique = unsure.sees("CC", 30, 30, 40), unsure.sees("MLO", 30, 30, 40)
    assert locate([flat]).orientation_assumed
    assert locate([flat, oblique]).orientation_assumed
    # The muscle in the upper corner proves which way up the oblique view is.
    assert not locate([oblique]).orientation_assumed
    assert not locate([Woman("L").sees("CC", 30, 30, 40)]).orientation_assumed


def test_where_nothing_is_known_nothing_is_said() -> None:
    woman = Woman("L")
    assert locate([]).certainty == "unknown"
    assert locate([woman.sees("CC", 30, 30, 40, nipple=False)]).certainty == "unknown"
    # A magnification view shows a part of the breast: the nipple line in it means nothing.
    assert locate([woman.sees("CC", 30, 30, 40, modifiers=("magnification",))]).certainty == "unknown"


def test_one_large_mark_does_not_make_a_group_another_one() -> None:
    specks = SpeckCatalogue.empty(0.1)
    area = np.pi / 4 * np.array([0.3, 0.32, 0.28, 0.31, 1.4]) ** 2
    number = len(area)
    numbers = {
        f.name: np.ones(number) for f in fields(specks) if f.name not in ("outlines", "slice", "pixel_mm")
    }
    specks = SpeckCatalogue(
        **{**numbers, "area_mm2": area, "contrast": np.array([0.1, 0.2, 0.3, 0.4, 2.0])},
        outlines=(np.zeros((0, 2)),) * number,
        slice=np.full(number, -1),
        pixel_mm=0.1,
    )
    group = Group(np.arange(number), 40.0, 50.0, np.zeros((0, 2)), 5.0, 1.0, 0.9)
    seen = Woman("L").sees("CC", 0, 0, 40)

    sighting = Sighting.of_group(group, specks, seen.breast, seen.info, "punctate")

    assert (sighting.x, sighting.y, sighting.count, sighting.kind) == (40, 50, 5, "punctate")
    assert sighting.diameter_mm == pytest.approx(0.31)
    assert sighting.contrast == pytest.approx(0.4)
