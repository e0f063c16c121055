"""Pieces of image for training the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exam.builders import draw_breast, mg_dataset, save

from calcscope.errors import UnreadableInput
from calcscope.train import patches
from calcscope.train.patches import BORDER, SIDE, Ground, _of_image, film_folder, grounds, piece


def textures(seed: int, count: int) -> list[patches.Piece]:
    random = np.random.default_rng(seed)
    return [piece([], random) for _ in range(count)]


def test_the_same_seed_draws_the_same_pieces() -> None:
    for one, other in zip(textures(1, 5), textures(1, 5), strict=True):
        assert np.array_equal(one.seen, other.seen)
        assert np.array_equal(one.calcium, other.calcium)
        assert np.array_equal(one.weight, other.weight)


def test_calcium_is_where_the_piece_is_brighter() -> None:
    above = [
        p.seen[(p.calcium > 0) & (p.weight > 0)].mean() - p.seen[(p.calcium == 0) & (p.weight > 0)].mean()
        for p in textures(2, 60)
        if ((p.calcium > 0) & (p.weight > 0)).any()
    ]
    assert len(above) > 20
    assert np.mean(above) > 0.5
    assert np.mean(np.array(above) > 0) > 0.9


def test_some_pieces_hold_nothing_and_borders_teach_nothing() -> None:
    pieces = textures(3, 60)
    empty = np.mean([not p.calcium.any() for p in pieces])
    assert 0.2 < empty < 0.6
    for p in pieces:
        assert p.seen.shape == p.calcium.shape == p.weight.shape == (SIDE, SIDE)
        assert np.isfinite(p.seen).all()
        assert not p.weight[:BORDER].any()
        assert not p.weight[:, -BORDER:].any()


def test_without_calcium_drawn_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "_add_calcium", lambda p, *_: (np.zeros_like(p), np.ones_like(p)))
    assert not any(p.calcium.any() for p in textures(4, 10))


@pytest.mark.slow
def test_films_of_one_woman_can_be_left_out() -> None:
    assert film_folder().is_dir()
    of_one = grounds(["P_00173"])
    assert len(of_one) == 4 * len(patches.REDUCTIONS)
    assert all(0 < g.teaches.mean() < 1 for g in of_one)
    random = np.random.default_rng(0)
    assert all(np.isfinite(piece(of_one, random).seen).all() for _ in range(20))


def test_normal_mammograms_of_a_folder_are_backgrounds(tmp_path: Path) -> None:
    pixels = draw_breast(1200, 800, view="CC")
    save(mg_dataset(pixels, view="CC", patient_orientation=["A", "R"]), tmp_path / "IM0")
    of_one = grounds([], [tmp_path])
    assert [g.pixel_mm for g in of_one] == pytest.approx([0.07, 0.14, 0.28])
    assert not any(g.film for g in of_one)
    random = np.random.default_rng(0)
    assert all(np.isfinite(piece(of_one, random).seen).all() for _ in range(20))


def test_a_folder_without_mammograms_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="no mammogram"):
        grounds([], [tmp_path])


def test_places_that_the_network_was_wrong_about_are_cut_more_often() -> None:
    flat = np.random.default_rng(1).normal(0.5, 0.01, (400, 400)).astype(np.float32)
    flat[290:310, 290:310] += 1  # a bright square at the one hard place
    ground = Ground(flat, np.ones(flat.shape, dtype=bool), np.array([(80, 80)], np.int32), 0.1, False)
    hard = replace(ground, hard=np.array([(300, 300)], np.int32))

    def share(one: Ground) -> float:
        random = np.random.default_rng(2)
        return float(np.mean([(_of_image(one, random)[0] > 1.2).sum() > 50 for _ in range(200)]))

    assert share(ground) == 0
    assert share(hard) == pytest.approx(patches.HARD, abs=0.1)
