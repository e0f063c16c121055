"""The simulated calcifications that the judge is fitted on."""

from __future__ import annotations

import numpy as np
import pytest
from specks.drawn import breast, tissue, view

from calcscope.train import simulate
from calcscope.train.patches import FILM_PIXEL_MM
from calcscope.train.simulate import clump, set_in
from calcscope.train.specks import fit, match


def test_the_same_seed_sets_in_the_same_calcifications() -> None:
    film, where = view(tissue(500), FILM_PIXEL_MM), breast((500, 500), FILM_PIXEL_MM)
    first, again, other = (set_in(film, where, np.random.default_rng(seed)) for seed in (3, 3, 4))
    # OpenCV's blur may differ in the last bit with where an array lies in memory.
    np.testing.assert_allclose(first[1].pixels, again[1].pixels, rtol=0, atol=1e-6)
    assert [p.size_mm for p in first[0]] == [p.size_mm for p in again[0]] != [p.size_mm for p in other[0]]
    assert all(np.array_equal(p.course, q.course) for p, q in zip(first[0], again[0], strict=True))


def test_what_is_set_in_brightens_its_place_and_nothing_far_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate, "CROSSINGS", 0)
    film, where = view(tissue(500), FILM_PIXEL_MM), breast((500, 500), FILM_PIXEL_MM)
    placed, image = set_in(film, where, np.random.default_rng(0))
    brighter = image.pixels - film.pixels
    assert placed
    assert brighter.min() >= 0
    rows, columns = np.nonzero(brighter > 1e-3)
    centres = np.concatenate([p.course for p in placed])
    away = np.hypot(columns[:, None] - centres[:, 0], rows[:, None] - centres[:, 1])
    reach = np.concatenate([np.full(len(p.course), p.size_mm / 2) for p in placed]) / FILM_PIXEL_MM + 8
    assert np.all((away <= reach).any(axis=1))


def test_fibres_are_no_calcifications_and_cross_inside_the_breast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLUMPS", "RODS", "RIMS", "GROUPS"):
        monkeypatch.setattr(simulate, name, 0)
    film, where = view(tissue(800), FILM_PIXEL_MM), breast((800, 800), FILM_PIXEL_MM)
    placed, image = set_in(film, where, np.random.default_rng(0))
    assert not placed
    assert (image.pixels > film.pixels + 1e-3).mean() > 0.02


@pytest.mark.parametrize("shape", [simulate.cast, simulate.rod])
def test_the_course_of_a_line_runs_through_its_calcium(shape: simulate.Shape) -> None:
    for seed in range(10):
        thickness, course = shape(2.0, 0.05, np.random.default_rng(seed))
        column, row = (np.rint(course).astype(int) + thickness.shape[0] // 2).T
        assert (thickness[row, column] > 0).all()
        assert np.hypot(*np.ptp(course, axis=0)) * 0.05 > 1.0


def test_a_rim_is_brightest_around_an_emptier_middle() -> None:
    for seed in range(10):
        thickness, _ = simulate.rim(2.0, 0.05, np.random.default_rng(seed))
        middle = thickness.shape[0] // 2
        assert 0 < thickness[middle, middle] < thickness.max()


def test_a_clump_keeps_within_its_size() -> None:
    for seed in range(20):
        thickness, _ = clump(0.8, 0.05, np.random.default_rng(seed))
        rows, columns = np.nonzero(thickness)
        middle = thickness.shape[0] // 2
        assert np.hypot(rows - middle, columns - middle).max() * 0.05 <= 0.4 + 0.05
        assert 0 < thickness.max() <= 0.8


def test_nothing_found_matches_nothing() -> None:
    labels, sure = match([], [], [], 1, 0.05)
    assert len(labels) == len(sure) == 0


def test_the_fit_parts_what_can_be_parted_and_repeats_itself() -> None:
    random = np.random.default_rng(0)
    x = random.normal(0, 1, (400, 2))
    y = x[:, 0] + 0.3 * random.normal(0, 1, 400) > 0
    mean, scale, weights = fit(x, y)
    assert weights[1] > 1 > abs(weights[2])
    assert all(np.array_equal(a, b) for a, b in zip((mean, scale, weights), fit(x, y), strict=True))
