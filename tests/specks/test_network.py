"""The network that sees calcium pixel by pixel."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calcscope.specks.network import (
    BLOCK,
    MODEL_FILE,
    NOT_ASKED,
    RungLogits,
    current_model,
    greatest_at,
    logit_map,
    logits_at,
    normalise,
    rung_logits,
    using,
)
from calcscope.specks.saliency import local_noise

NOISE = 0.01
Image = NDArray[np.float32]


def grain(seed: int, rows: int = 160, columns: int = 160) -> Image:
    random = np.random.default_rng(seed)
    return (0.4 + NOISE * random.normal(size=(rows, columns))).astype(np.float32)


def with_disc(image: Image, row: int, column: int, radius: float, height: float) -> Image:
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    disc = (np.hypot(rows - row, columns - column) <= radius).astype(np.float32)
    return np.asarray(image + height * cv2.GaussianBlur(disc, (0, 0), 0.6), dtype=np.float32)


def with_line(image: Image, row: int, width: float, height: float) -> Image:
    rows = np.arange(image.shape[0])[:, None]
    return np.asarray(image + height * np.exp(-0.5 * ((rows - row) / (width / 2.355)) ** 2), dtype=np.float32)


def test_a_disc_in_grain_is_calcium_and_grain_is_not() -> None:
    hits, false = 0, 0
    for seed in range(8):
        logits = logit_map(with_disc(grain(seed), 80, 80, 1.5, 8 * NOISE), 0.1)
        hits += logits[79:82, 79:82].max() > 0
        logits[70:91, 70:91] = -np.inf
        false += cv2.connectedComponents((logits > 2).astype(np.uint8))[0] - 1
    assert hits == 8
    assert false <= 4  # of 200,000 pixels of grain


def test_a_line_as_bright_as_a_disc_is_no_calcium() -> None:
    line = logit_map(with_line(grain(1), 80, 3.0, 8 * NOISE), 0.1)[60:100, 20:140].max()
    disc = logit_map(with_disc(grain(1), 80, 80, 1.5, 8 * NOISE), 0.1)[79:82, 79:82].max()
    assert disc > line + 2


def test_exposure_and_contrast_of_the_image_change_nothing() -> None:
    image = with_disc(grain(2), 80, 80, 1.5, 8 * NOISE)
    assert np.allclose(logit_map(image, 0.1), logit_map(image * 3 + 0.7, 0.1), atol=0.05)


def test_what_stands_out_more_is_surer() -> None:
    heights = (2, 4, 6, 10)
    logits = [
        np.mean([logit_map(with_disc(grain(s), 80, 80, 1.5, h * NOISE), 0.1)[80, 80] for s in range(5)])
        for h in heights
    ]
    assert logits == sorted(logits)


def test_asked_at_points_it_says_what_the_whole_map_says() -> None:
    image = with_disc(with_disc(grain(3, 150, 173), 75, 75, 1.5, 0.08), 30, 140, 1.2, 0.1)
    everywhere = np.ones(image.shape, dtype=bool)
    noise = local_noise(image, everywhere, 0.1, 1e-7)
    points = np.array([(75, 75), (30, 140), (40, 90), (120, 20)])
    asked = logits_at(image, noise, points)
    whole = logit_map(image, 0.1)
    # The blocks end HALO pixels beyond their border, the map does not: only far surroundings differ.
    for (row, column), logit in zip(points, asked, strict=True):
        near = whole[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].max()
        assert logit == pytest.approx(near, abs=2.0)
    corners = np.array([(0, 0), (149, 172)])
    assert np.isfinite(logits_at(image, noise, corners)).all()
    assert logits_at(image, noise, np.zeros((0, 2), dtype=np.intp)).shape == (0,)


def test_the_order_and_number_of_points_change_nothing() -> None:
    image = with_disc(grain(4), 80, 80, 1.5, 0.08)
    noise = np.full(image.shape, NOISE, dtype=np.float32)
    points = np.random.default_rng(0).integers(0, 160, (100, 2))
    together = logits_at(image, noise, points)
    assert np.allclose(together[::-1], logits_at(image, noise, points[::-1]), atol=1e-4)
    assert together[3] == pytest.approx(logits_at(image, noise, points[3:4])[0], abs=1e-4)
    assert len(np.unique(points // BLOCK, axis=0)) < len(points)  # points share blocks


def test_the_input_is_linear_in_the_noise_and_logarithmic_beyond() -> None:
    image = np.zeros((41, 41), dtype=np.float32)
    noise = np.ones_like(image)
    faint, bright, twice = (image.copy() for _ in range(3))
    faint[20, 20], bright[20, 20], twice[20, 20] = 0.2, 200, 400
    assert normalise(faint, noise)[20, 20] == pytest.approx(0.2 * (1 - 1 / (18 * np.pi)) / 2, rel=0.02)
    gain = normalise(twice, noise)[20, 20] - normalise(bright, noise)[20, 20]
    assert gain == pytest.approx(np.log(2), rel=0.01)


def test_the_greatest_logit_near_a_point_ends_with_the_image() -> None:
    logits = np.arange(20, dtype=np.float32).reshape(4, 5)
    points = np.array([(0, 0), (1, 1), (3, 4), (3, 0)])
    assert greatest_at(logits, points).tolist() == [6, 12, 19, 16]
    assert greatest_at(logits, points[:0]).shape == (0,)


def test_another_model_is_asked_only_within_its_block(tmp_path: Path) -> None:
    image = grain(5)
    before = logit_map(image, 0.1)
    with pytest.raises(FileNotFoundError), using(tmp_path / "none.onnx"):
        logit_map(image, 0.1)
    assert np.array_equal(logit_map(image, 0.1), before)
    assert current_model() is None


def test_the_model_is_small() -> None:
    assert len((resources.files("calcscope.models") / MODEL_FILE).read_bytes()) < 10e6


def test_asked_of_a_part_it_says_there_what_it_says_of_the_whole() -> None:
    image = with_disc(grain(6, 300, 280), 150, 140, 1.5, 0.08)
    noise = np.full(image.shape, NOISE, dtype=np.float32)
    part = np.zeros(image.shape, dtype=bool)
    part[120:190, 101:180] = True
    whole, asked = rung_logits(image, noise), rung_logits(image, noise, part)
    assert np.abs(asked - whole)[part].max() < 1.0
    assert np.abs(asked - whole)[140:160, 130:150].max() < 0.1
    assert (asked[:, :96] == NOT_ASKED).all()
    assert (asked[260:] == NOT_ASKED).all()


def test_asked_at_few_places_a_rung_says_what_it_says_everywhere() -> None:
    random = np.random.default_rng(5)
    image = with_disc(with_disc(grain(5, 300, 421), 131, 75, 1.5, 0.08), 250, 400, 1.2, 0.1)
    noise = np.full(image.shape, NOISE, dtype=np.float32)
    search = np.zeros(image.shape, dtype=bool)
    search[20:270, 30:415] = True
    whole = rung_logits(image, noise, search)
    asked = RungLogits(image, noise, search)
    for count in (3, 10, 2):
        points = random.integers((0, 0), image.shape, (count, 2))
        points[0] = 127, 220  # on the border of two strips
        assert np.array_equal(asked.near(points), greatest_at(whole, points))
