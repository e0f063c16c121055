"""Groups and single calcifications are recognised in an earlier view, however inexactly it is laid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from priors.drawn import DrawnView, DrawnWay, catalogue, gathered, pair, view

from calcscope.priors.match import match_groups, match_specks
from calcscope.priors.model import ViewPair


def every(views: ViewPair) -> tuple[np.typing.NDArray[np.intp], np.typing.NDArray[np.intp]]:
    return np.arange(len(views.current.specks)), np.arange(len(views.prior.specks))


def moved(now: DrawnView, jitter: float, random: np.random.Generator, extra: int, **way: Any) -> ViewPair:
    """A pair whose earlier view shows the current one's calcifications, moved, and ``extra`` others."""
    there = DrawnWay(0.07, 0.07, **way).true_mm(now.specks.xy_mm)
    there = there + random.normal(0, jitter, there.shape)
    there = np.vstack([there, random.uniform(30, 90, (extra, 2))])
    return pair(now, view(there), **way)


@pytest.mark.parametrize("seed", range(5))
def test_a_constellation_is_recognised_where_the_tissue_is_laid_millimetres_off(seed: int) -> None:
    random = np.random.default_rng(seed)
    now = view(gathered(random, 12), (12,))
    views = moved(now, 0.1, random, 25, wrong=(3.0, -2.5), error=2.0, turn=0.06, stretch=1.04)
    paired = match_specks(views, *every(views))
    assert paired.supported
    assert len(paired.current) == 12
    assert np.array_equal(paired.current, paired.prior)


@pytest.mark.parametrize("seed", range(5))
def test_specks_that_came_and_went_are_left_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    points = gathered(random, 16)
    now = view(points[:11], (11,))
    laid = DrawnWay(0.07, 0.07, turn=0.05)
    then = view(laid.true_mm(points[5:]), (11,))  # 6 of them are the current 5 to 10
    views = pair(now, then, wrong=(-2.0, 2.0), error=2.0, turn=0.05)
    paired = match_specks(views, *every(views))
    found = {(int(i), int(j)) for i, j in zip(paired.current, paired.prior, strict=True)}
    same = {(k + 5, k) for k in range(6)}
    assert same <= found
    assert len(found - same) <= 1  # two that lie as near as if they were one


def test_nothing_is_recognised_among_marks_at_random() -> None:
    wrong = []
    for seed in range(10):
        random = np.random.default_rng(seed)
        now = view(gathered(random, 10), (10,))
        views = pair(now, view(random.uniform(20, 100, (60, 2))), error=2.5)
        wrong.append(len(match_specks(views, *every(views)).current))
    assert np.mean(wrong) <= 2.5


def test_a_lone_calcification_is_found_again_where_no_other_is_near() -> None:
    now = view(np.array([[50.0, 50.0]]), snr=60.0)
    views = pair(now, view(np.array([[52.0, 51.0], [80.0, 20.0]]), snr=60.0), error=2.0)
    paired = match_specks(views, *every(views))
    assert paired.prior.tolist() == [0]
    assert not paired.supported


def test_of_two_near_a_lone_one_the_alike_is_taken() -> None:
    now = view(np.array([[50.0, 50.0]]), snr=60.0)
    then = view(np.array([[51.0, 50.0], [50.0, 51.2]]), snr=np.array([9.0, 55.0]))
    views = pair(now, then, error=2.0)
    assert match_specks(views, *every(views)).prior.tolist() == [1]


def test_each_is_matched_once() -> None:
    now = view(np.array([[50.0, 50.0], [50.3, 50.0]]))
    views = pair(now, view(np.array([[50.1, 50.0]])), error=1.0)
    assert len(match_specks(views, *every(views)).current) == 1


def test_pieces_of_one_long_calcification_lie_on_it() -> None:
    """Found whole then, in three pieces now: one pair, and two that are no more calcifications."""
    random = np.random.default_rng(2)
    round_ones = gathered(random, 7, (50, 50), 5, 1.5)
    middle = np.array([58.0, 50.0])
    pieces = middle + np.array([[-0.9, 0.0], [0.0, 0.0], [0.9, 0.0]])
    now, then = view(np.vstack([round_ones, pieces])), view(np.vstack([round_ones, middle]))
    whole = np.r_[np.full(7, 0.4), 2.6]
    specks = replace(then.specks, length_mm=whole, width_mm=np.full(8, 0.3), angle=np.zeros(8))
    views = pair(now, replace(then, specks=specks))
    paired = match_specks(views, *every(views))
    assert len(paired.current) == 8
    assert set(paired.current) | set(paired.also_current) == set(range(10))


def test_the_middles_of_the_groups_help_where_the_tissue_is_laid_far_off() -> None:
    random = np.random.default_rng(1)
    points = gathered(random, 5, spread_mm=3)
    views = pair(view(points), view(np.vstack([points, random.uniform(30, 90, (40, 2))])), wrong=(7.0, -4.0))
    hint = -np.array([7.0, -4.0]) + 0.8
    assert match_specks(views, *every(views), hint, 1.0).prior.tolist() == [0, 1, 2, 3, 4]


def test_nothing_matches_nothing() -> None:
    views = pair(view(np.zeros((0, 2))), view(np.array([[50.0, 50.0]])))
    assert not len(match_specks(views, *every(views)).current)


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_matched_globally_best(seed: int) -> None:
    """Each lies nearer to the other's place than to its own: only together are they matched right."""
    random = np.random.default_rng(seed)
    first, second = gathered(random, 8, (50, 50), 4), gathered(random, 20, (62, 50), 4)
    now = view(np.vstack([first, second]), (8, 20))
    then = view(np.vstack([second, first]) + np.array([5.0, 0.0]), (20, 8))
    matches = match_groups(pair(now, then, error=3.0))
    assert [(m.current, m.prior) for m in matches] == [(0, 1), (1, 0)]


def test_a_group_far_from_any_other_stays_alone() -> None:
    random = np.random.default_rng(0)
    now = view(gathered(random, 8, (30, 30)), (8,))
    then = view(gathered(random, 8, (90, 90)), (8,))
    assert [(m.current, m.prior) for m in match_groups(pair(now, then))] == [(0, None), (None, 0)]


def test_the_less_exact_the_registration_the_further_a_group_is_looked_for() -> None:
    random = np.random.default_rng(0)
    now = view(gathered(random, 8, (50, 50), 3), (8,))
    then = view(gathered(random, 8, (60, 50), 3), (8,))
    assert match_groups(pair(now, then, error=1.5))[0].prior is None
    assert match_groups(pair(now, then, error=6.0))[0].prior == 0


def test_places_go_there_and_back() -> None:
    now = view(gathered(np.random.default_rng(0), 9))
    views = pair(now, view(np.zeros((0, 2)), pixel_mm=0.05), shift=(4, -7), turn=0.1, stretch=1.06)
    assert np.allclose(views.to_current_mm(views.there_mm), now.specks.xy_mm, atol=1e-3)


def test_a_view_without_calcifications_is_drawn() -> None:
    assert len(catalogue(np.zeros((0, 2)))) == 0


@pytest.mark.parametrize("seed", range(4))
def test_calcifications_at_other_heights_are_matched_though_the_breast_was_rolled(seed: int) -> None:
    random = np.random.default_rng(seed)
    points = gathered(random, 10, spread_mm=12, apart_mm=3.0)
    height = random.uniform(-1.2, 1.2, len(points))  # mm that each moved across the axis of the nipple
    rolled = points + np.stack([random.normal(0, 0.05, len(points)), height], axis=1)
    views = pair(view(points, (10,)), view(rolled), error=2.0)
    paired = match_specks(views, *every(views))
    assert np.count_nonzero(paired.current == paired.prior) >= 8
    assert np.all(paired.distance_mm <= 2.5)
