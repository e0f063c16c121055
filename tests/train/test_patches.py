"""Pieces of image for training the network."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.train import patches
from calcscope.train.patches import BORDER, SIDE, film_folder, grounds, piece


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
    assert np.mean(above) > 1
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
