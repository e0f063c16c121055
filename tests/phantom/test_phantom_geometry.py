"""From the breast to the view."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.phantom.anatomy import GrownAnatomy, grow
from calcscope.phantom.geometry import project
from calcscope.phantom.model import Pose

VIEWS = ("CC", "MLO", "ML", "LM")


@pytest.fixture(scope="module")
def breast() -> GrownAnatomy:
    return grow(21)


@pytest.fixture(scope="module")
def points(breast: GrownAnatomy) -> np.ndarray:  # type: ignore[type-arg]
    random = np.random.default_rng(4)
    drawn = random.uniform(0, 1, (3000, 3)) * breast.size_mm * (1, 2, 2) - breast.size_mm * (0, 1, 1)
    return drawn[breast.inside(drawn, 4.0)]


@pytest.mark.parametrize("view", VIEWS)
def test_there_and_back(breast: GrownAnatomy, points: np.ndarray, view: str) -> None:  # type: ignore[type-arg]
    projection = project(breast, Pose("L", view, seed=3), 0.1)  # type: ignore[arg-type]
    there = projection.to_view(points)
    assert projection.to_breast(there) == pytest.approx(points, abs=1e-3)
    assert there[:, 2].min() >= 0
    assert there[:, 2].max() <= projection.thickness_mm
    assert (projection.edge_distance(there[:, 0], there[:, 1]) > 0).all()


def test_the_top_of_each_view_is_the_lateral_side_or_the_head(breast: GrownAnatomy) -> None:
    outward, up = np.array([[30.0, 20, 0]]), np.array([[30.0, 0, 20]])
    for view, raised in (("CC", outward), ("ML", up), ("LM", up), ("MLO", outward), ("MLO", up)):
        projection = project(breast, Pose("R", view), 0.1)  # type: ignore[arg-type]
        middle = projection.to_pixels(raised * (1, 0, 0))[0, 1]
        assert projection.to_pixels(raised)[0, 1] < middle - 50


def test_the_height_above_the_support_falls_along_the_beam(breast: GrownAnatomy) -> None:
    for view in VIEWS:
        projection = project(breast, Pose("L", view), 0.1)  # type: ignore[arg-type]
        start = np.array([40.0, 0, 0])
        z = projection.to_view(np.array([start, start + 10 * projection.beam]))[:, 2]
        assert z[1] < z[0]
    assert project(breast, Pose("L", "CC"), 0.1).beam[2] < -0.9


def test_a_point_keeps_its_depth_behind_the_nipple_from_cc_to_mlo(
    breast: GrownAnatomy, points: np.ndarray
) -> None:  # type: ignore[type-arg]
    depths = []
    for view in ("CC", "MLO"):
        projection = project(breast, Pose("L", view, seed=8), 0.1)  # type: ignore[arg-type]
        nipple = projection.to_view(np.array([[breast.nipple_depth_mm, 0, 0]]))[0, 0]
        depths.append(nipple - projection.to_view(points)[:, 0])
    assert np.abs(depths[0] - depths[1]).max() < 5


def test_compression_keeps_about_the_volume(breast: GrownAnatomy) -> None:
    projection = project(breast, Pose("L", "CC", seed=2), 0.1)
    x, y = np.meshgrid(np.arange(0, 180, 1.0), np.arange(-150, 150, 1.0))
    half = projection.half_height(projection.edge_distance(x, y))
    assert 2 * half.sum() / 1000 == pytest.approx(breast.volume_ml, rel=0.15)
    assert 30 <= projection.thickness_mm <= 80


def test_a_magnification_view_shows_the_same_breast_larger_about_its_centre(breast: GrownAnatomy) -> None:
    at = (breast.nipple_depth_mm * 0.6, 12.0, 5.0)
    whole = project(breast, Pose("L", "CC", seed=5), 0.1)
    near = project(breast, Pose("L", "CC", 1.8, at, seed=5), 0.09, (240.0, 180.0))
    assert near.pixel_mm == pytest.approx(0.05)
    assert (near.rows, near.columns) == (2667, 2000)
    target = np.array([at])
    assert near.to_view(target) == pytest.approx(whole.to_view(target))
    assert near.to_pixels(target)[0, 1] == pytest.approx(near.rows / 2, abs=2)
    other = target + np.array([3.0, 4.0, 0.0])
    moved = near.to_pixels(other) - near.to_pixels(target)
    assert moved == pytest.approx(2 * (whole.to_pixels(other) - whole.to_pixels(target)))


def test_another_seed_positions_the_breast_anew(breast: GrownAnatomy) -> None:
    target = np.array([[50.0, 10, 10]])
    places = [project(breast, Pose("L", "CC", seed=seed), 0.1).to_view(target)[0] for seed in (1, 1, 2)]
    assert places[0] == pytest.approx(places[1])
    assert 0.2 < np.linalg.norm(places[0] - places[2]) < 30
