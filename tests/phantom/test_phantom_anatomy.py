"""The breast that phantoms are made of."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.phantom.anatomy import GrownAnatomy, grow


@pytest.fixture(scope="module")
def breast() -> GrownAnatomy:
    return grow(11)


def test_the_same_seed_grows_the_same_breast(breast: GrownAnatomy) -> None:
    again = grow(11)
    assert np.array_equal(breast.gland, again.gland)
    assert len(breast.ducts) == len(again.ducts)
    assert all(np.array_equal(a.path, b.path) for a, b in zip(breast.vessels, again.vessels, strict=True))


def test_both_sides_are_alike_but_not_the_same(breast: GrownAnatomy) -> None:
    other = grow(11, "R")
    assert other.density == breast.density
    assert other.size_mm == pytest.approx(breast.size_mm, rel=0.15)
    assert other.ducts[0].path.shape != breast.ducts[0].path.shape or not np.allclose(
        other.ducts[0].path, breast.ducts[0].path
    )


def test_ducts_of_8_to_16_lobes_start_at_the_nipple_and_stay_connected(breast: GrownAnatomy) -> None:
    nipple = np.array([breast.nipple_depth_mm, 0, 0])
    assert 8 <= len({duct.lobe for duct in breast.ducts}) <= 16
    for duct in breast.ducts:
        if duct.parent is None:
            assert np.linalg.norm(duct.path[0] - nipple) < 3
        else:
            parent = breast.ducts[duct.parent]
            assert parent.lobe == duct.lobe
            assert duct.path[0] == pytest.approx(parent.path[-1])
            assert duct.radius_mm[0] <= parent.radius_mm[-1]


def test_vessels_and_the_ends_of_ducts_lie_in_the_breast(breast: GrownAnatomy) -> None:
    assert any(vessel.artery for vessel in breast.vessels)
    assert any(not vessel.artery for vessel in breast.vessels)
    for vessel in breast.vessels:
        assert breast.inside(vessel.path).all()
        assert (2 * vessel.radius_mm < 2.5).all()
    assert breast.inside(np.array([duct.path[-1] for duct in breast.ducts if len(duct.path) > 4])).all()


def test_a_margin_keeps_points_that_far_from_the_skin(breast: GrownAnatomy) -> None:
    random = np.random.default_rng(1)
    points = random.uniform(0, 1, (4000, 3)) * breast.size_mm * (1, 2, 2) - breast.size_mm * (0, 1, 1)
    deep = points[breast.inside(points, 8.0)]
    assert len(deep) > 200
    distance = np.linalg.norm(breast.on_skin(deep) - deep, axis=1)
    assert distance.min() >= 8.0 - 1e-6


def test_the_nearest_point_of_the_skin_is_the_nearest_of_many(breast: GrownAnatomy) -> None:
    random = np.random.default_rng(2)
    sphere = random.normal(size=(60000, 3))
    sphere[:, 0] = np.abs(sphere[:, 0])
    skin = breast.size_mm * sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    for point in np.array([[40.0, 10, -20], [70, 5, 3], [20, -30, 30]]):
        found = breast.on_skin(point[None])[0]
        best = np.linalg.norm(skin - point, axis=1).min()
        assert np.linalg.norm(found - point) == pytest.approx(best, abs=0.1)


def test_denser_classes_hold_more_gland_and_none_outside() -> None:
    shares = []
    for density in ("a", "b", "c", "d"):
        breast = grow(5, density=density, nipple_depth_mm=62)  # type: ignore[arg-type]
        random = np.random.default_rng(3)
        points = random.uniform(0, 1, (20000, 3)) * breast.size_mm * (1, 2, 2) - breast.size_mm * (0, 1, 1)
        inside = breast.inside(points)
        gland = breast.gland_at(points)
        assert gland.min() >= 0
        assert gland.max() <= 1
        shares.append(gland[inside].mean())
        assert breast.gland_at(breast.size_mm[None] * 1.2)[0] == 0
    assert np.all(np.diff(shares) > 0.02)
    assert shares[0] < 0.08
    assert shares[3] > 0.3


def test_the_asked_size_is_grown() -> None:
    assert grow(3, nipple_depth_mm=70).nipple_depth_mm == pytest.approx(70, rel=0.03)
