"""Which calcifications make a group, on drawn catalogues."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.breast.model import Breast
from calcscope.exam.model import Points
from calcscope.groups import Group, form_few, form_groups
from calcscope.groups.form import GroupSettings
from calcscope.specks import SpeckCatalogue

FINE, COARSE = 0.07, 0.2
SIDE_MM = 120.0


def breast(pixel_mm: float) -> Breast:
    """A square breast of 120 mm."""
    side = round(SIDE_MM / pixel_mm)
    mask = np.ones((side, side), dtype=np.bool_)
    none = np.zeros((0, 2))
    return Breast(mask, none, none, None, None, "estimated", mask, (), pixel_mm)


def catalogue(xy_mm: Points, probability: object = 0.9, pixel_mm: float = FINE) -> SpeckCatalogue:
    """Specks of 0.4 mm at these places."""
    n = len(xy_mm)
    turn = np.linspace(0, 2 * np.pi, 13)
    circle = 0.2 / pixel_mm * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    columns = {name: np.full(n, 0.4) for name in vars(SpeckCatalogue.empty(1.0))}
    columns |= {
        "x": xy_mm[:, 0] / pixel_mm,
        "y": xy_mm[:, 1] / pixel_mm,
        "probability": np.broadcast_to(np.asarray(probability, dtype=np.float64), n).copy(),
        "slice": np.full(n, -1),
    }
    columns |= {"outlines": tuple(circle + xy / pixel_mm for xy in xy_mm), "pixel_mm": pixel_mm}
    return SpeckCatalogue(**columns)  # type: ignore[arg-type]


def around(count: int, radius_mm: float, centre: tuple[float, float] = (60, 60)) -> Points:
    """Evenly on a circle."""
    turn = 2 * np.pi * np.arange(count) / count
    return np.asarray(centre) + radius_mm * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def groups_of(found: SpeckCatalogue, every: bool = False) -> list[Group]:
    return form_groups(found, breast(found.pixel_mm), every=every)


def test_five_within_a_centimetre_are_a_group() -> None:
    (group,) = groups_of(catalogue(around(5, 2.0)))
    assert group.count == 5
    assert (group.x * FINE, group.y * FINE) == pytest.approx((60, 60))
    assert group.span_mm == pytest.approx(2 * 2.0 * np.sin(np.radians(72)))
    assert not group.few


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_fewer_than_five_are_none(count: int) -> None:
    assert groups_of(catalogue(around(count, 2.0))) == []


def test_five_scattered_wider_are_none() -> None:
    assert groups_of(catalogue(around(5, 9.0))) == []


@pytest.mark.parametrize(("pixel_mm", "count", "groups"), [(0.1, 4, 0), (0.2, 4, 1), (0.2, 2, 0)])
def test_a_coarse_image_shows_only_some_of_a_groups_specks(pixel_mm: float, count: int, groups: int) -> None:
    assert len(groups_of(catalogue(around(count, 1.5), pixel_mm=pixel_mm))) == groups


def test_a_speck_in_reach_of_a_core_belongs_and_one_beyond_does_not() -> None:
    points = np.concatenate([around(6, 1.0), [[60 + 1.0 + 4.9, 60], [60 + 1.0 + 5.2 + 1, 60]]])
    (group,) = groups_of(catalogue(points))
    assert sorted(group.members) == [0, 1, 2, 3, 4, 5, 6]


def test_groups_apart_are_two_and_the_denser_is_the_more_probable() -> None:
    points = np.concatenate([around(6, 2.0, (30, 30)), around(12, 2.0, (90, 90))])
    first, second = groups_of(catalogue(points))
    assert (first.count, second.count) == (12, 6)
    assert first.probability > second.probability


def test_improbable_marks_are_no_members() -> None:
    probability = np.r_[np.full(6, 0.9), np.full(3, 0.2)]
    (group,) = groups_of(catalogue(np.concatenate([around(6, 2.0), around(3, 1.0)]), probability))
    assert group.count == 6


def test_density_is_the_number_over_an_area_that_holds_them() -> None:
    (group,) = groups_of(catalogue(around(9, 3.0)))
    assert np.pi * 0.3**2 < group.area_cm2 < np.pi * 0.5**2
    assert group.density_per_cm2 == pytest.approx(9 / group.area_cm2)


def test_however_dense_two_groups_are_they_keep_their_order() -> None:
    """A probability that rounds to one could not be ordered."""
    random = np.random.default_rng(0)
    points = [
        random.normal(0, 1.2, (n, 2)) + at for n, at in ((90, (30, 30)), (160, (90, 90)), (300, (30, 90)))
    ]
    found = groups_of(catalogue(np.concatenate(points)))
    assert found[0].count > 250
    probabilities = [group.probability for group in found]
    assert len(found) == 3
    assert 1 > probabilities[0] > probabilities[1] > probabilities[2] > 0.99


def scattered(seed: int, count: int = 60, pixel_mm: float = COARSE) -> SpeckCatalogue:
    """Marks at random, of random probability, most probable first."""
    random = np.random.default_rng(seed)
    probability = np.sort(random.random(count))[::-1]
    return catalogue(random.uniform(2, SIDE_MM - 2, (count, 2)), probability, pixel_mm)


def test_marks_at_random_seldom_make_a_group() -> None:
    """Complete spatial randomness, where a third of the marks is probable: at most one image in ten."""
    surprised = sum(bool(groups_of(scattered(seed))) for seed in range(60))
    assert surprised <= 6


def test_many_marks_everywhere_are_no_group_where_a_few_together_in_a_quiet_breast_are() -> None:
    few = catalogue(around(5, 2.0), pixel_mm=COARSE)
    assert len(groups_of(few)) == 1
    crowd = np.random.default_rng(3).uniform(2, SIDE_MM - 2, (400, 2))
    among = groups_of(catalogue(np.concatenate([around(5, 2.0), crowd]), pixel_mm=COARSE), every=True)
    assert not any(0 in group.members and group.probability > 0.5 for group in among)


@pytest.mark.parametrize("seed", range(8))
def test_all_groups_are_strictly_ordered_and_begin_with_those_of_the_operating_point(seed: int) -> None:
    background = scattered(seed, 150)
    found = catalogue(
        np.concatenate([around(8, 2.0), background.xy_mm]),
        np.r_[np.full(8, 0.95), background.probability],
        COARSE,
    )
    every, operating = groups_of(found, every=True), groups_of(found)
    probabilities = np.array([group.probability for group in every])
    assert len(every) > 5
    assert np.all(np.diff(probabilities) < 0)
    assert {tuple(group.members) for group in operating} <= {tuple(group.members) for group in every}


@pytest.mark.parametrize("seed", range(4))
def test_all_groups_share_no_member_and_report_no_fringe(seed: int) -> None:
    random = np.random.default_rng(seed)
    core, fringe = around(8, 2.0), random.normal(0, 3.0, (30, 2)) + 60
    found = catalogue(
        np.concatenate([core, fringe]), np.r_[np.full(8, 0.95), np.linspace(0.24, 0.05, 30)], COARSE
    )
    (group,) = groups_of(found, every=True)
    assert sorted(group.members) == list(range(8))


def test_sure_marks_gather_among_doubtful_ones_and_faint_ones_where_none_is_sure() -> None:
    """One threshold alone loses the first group in its crowd, or the second for want of probable marks."""
    sure, faint = around(6, 2.0, (30, 30)), around(12, 2.0, (90, 90))
    crowd = np.random.default_rng(5).uniform((2, 2), (60, 60), (120, 2))
    found = catalogue(
        np.concatenate([sure, crowd, faint]),
        np.r_[np.full(6, 0.95), np.full(120, 0.3), np.full(12, 0.4)],
        COARSE,
    )
    groups = groups_of(found)
    assert [sorted(g.members) for g in groups if 0 in g.members] == [list(range(6))]
    assert any(set(range(126, 138)) <= set(g.members.tolist()) for g in groups)


def test_nothing_makes_no_group() -> None:
    assert groups_of(SpeckCatalogue.empty(FINE), every=True) == []
    assert form_few(SpeckCatalogue.empty(FINE), breast(FINE), np.zeros(0, dtype=np.intp)) == []


def test_few_are_two_to_four_within_reach_of_one_another() -> None:
    pair, four, five = around(2, 1.5, (20, 20)), around(4, 2.0, (60, 60)), around(5, 2.0, (100, 100))
    marks = catalogue(np.concatenate([pair, four, five, [[20.0, 100.0]]]))
    found = form_few(marks, breast(FINE), np.arange(len(marks)))
    assert sorted(group.count for group in found) == [2, 4]
    assert all(group.few for group in found)


def test_the_rule_is_a_setting() -> None:
    settings = GroupSettings(3, 3, 10.0, 0.5, 0.0)
    found = catalogue(around(3, 2.0))
    assert len(form_groups(found, breast(FINE), settings)) == 1
