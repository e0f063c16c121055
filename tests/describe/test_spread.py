"""Distribution from positions alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calcscope import lexicon
from calcscope.describe.spread import describe_spread, lying_beyond
from calcscope.phantom.drawn.scatter import draw_points, half_ellipse
from calcscope.phantom.drawn.scenes import DISTRIBUTIONS
from calcscope.specks import SpeckCatalogue


def likeliest(probabilities: dict[str, float]) -> str:
    return max(probabilities, key=probabilities.__getitem__)


@pytest.mark.parametrize("term", DISTRIBUTIONS)
def test_drawn_distributions_are_named_right_at_least_four_times_in_five(term: str) -> None:
    scenes = [draw_points(term, seed) for seed in range(2000, 2030)]
    named = [likeliest(describe_spread(scene.xy_mm, scene.breast)[0]) for scene in scenes]
    assert named.count(term) >= 24


def test_probabilities_of_all_five_terms_sum_to_one() -> None:
    scene = draw_points("regional", 2000)
    probabilities, _ = describe_spread(scene.xy_mm, scene.breast)
    assert set(probabilities) == set(DISTRIBUTIONS)
    assert sum(probabilities.values()) == pytest.approx(1)


def test_extents_rule_terms_out() -> None:
    breast = half_ellipse(100, 80, pixel_mm=1.0)
    limit = lexicon.groups().grouped_to_mm.value
    disc = np.random.default_rng(0).normal(0, 1, (30, 2))
    disc /= np.ptp(disc, axis=0).max()
    small, _ = describe_spread(np.array([40, 80]) + disc * 0.6 * limit, breast)
    large, _ = describe_spread(np.array([40, 80]) + disc * 2.0 * limit, breast)
    assert small["regional"] == small["diffuse"] == 0
    assert large["grouped"] == 0


def test_description_does_not_change_when_the_breast_is_mirrored_top_to_bottom() -> None:
    scene = draw_points("segmental", 2001)
    height = scene.breast.mask.shape[0]
    mirrored = scene.xy_mm * (1, -1) + (0, height)
    assert scene.breast.nipple is not None
    x, y = scene.breast.nipple
    other = replace(scene.breast, nipple=(x, height - y))
    before, _ = describe_spread(scene.xy_mm, scene.breast)
    after, _ = describe_spread(mirrored, other)
    assert after == pytest.approx(before, abs=1e-6)


def test_a_line_and_a_group_are_named_without_a_nipple() -> None:
    for term in ("linear", "grouped"):
        scene = draw_points(term, 2002)
        probabilities, _ = describe_spread(scene.xy_mm, replace(scene.breast, nipple=None))
        assert likeliest(probabilities) == term


def test_the_same_fan_is_less_segmental_turned_away_from_the_nipple() -> None:
    scene = draw_points("segmental", 2003)
    centre = scene.xy_mm.mean(axis=0)
    turned = centre - (scene.xy_mm - centre)
    towards, _ = describe_spread(scene.xy_mm, scene.breast)
    away, _ = describe_spread(turned, scene.breast)
    assert away["segmental"] < towards["segmental"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_calcifications_still_get_a_description(count: int) -> None:
    breast = half_ellipse(100, 80, pixel_mm=1.0)
    xy_mm = np.array([[40.0, 80.0], [43.0, 81.0], [46.0, 82.0]])[:count]
    probabilities, _ = describe_spread(xy_mm, breast)
    assert sum(probabilities.values()) == pytest.approx(1)
    assert np.isfinite(list(probabilities.values())).all()


def at(xy_mm: np.ndarray, probability: np.ndarray) -> SpeckCatalogue:
    """Marks at places (n, 2), mm, of which nothing but the place and the probability matters."""
    nothing = {name: np.zeros(len(xy_mm)) for name in SpeckCatalogue.__dataclass_fields__}
    nothing |= {"x": xy_mm[:, 0], "y": xy_mm[:, 1], "probability": probability}
    return SpeckCatalogue(**(nothing | {"pixel_mm": 1.0, "outlines": tuple(xy_mm[:, None])}))


def test_a_group_that_is_the_densest_place_of_many_is_described_by_all_of_them() -> None:
    random = np.random.default_rng(0)
    group = np.array([40.0, 60.0]) + random.uniform(-3, 3, (6, 2))
    x, y = np.meshgrid(np.arange(15.0, 75.0, 8.0), np.arange(30.0, 100.0, 8.0))
    around = np.stack([x.ravel(), y.ravel()], axis=1)
    places = np.concatenate([group, around])
    members = np.arange(6)
    beyond = lying_beyond(members, at(places, np.full(len(places), 0.9)))
    assert beyond is not None
    assert len(beyond) == len(places)
    # Doubtful marks, strays and what lies far off do not make it part of something wider.
    doubtful = np.where(np.arange(len(places)) < 6, 0.9, 0.5)
    assert lying_beyond(members, at(places, doubtful)) is None
    strays = np.concatenate([group, around[:2], group + np.array([0.0, 60.0])])
    assert lying_beyond(members, at(strays, np.full(len(strays), 0.9))) is None
