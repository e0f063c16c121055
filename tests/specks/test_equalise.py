"""Grey levels of equal noise."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from calcscope.specks.equalise import equalised, noise_by_brightness
from calcscope.specks.saliency import noise_residual

SIDE = 600
INSIDE = np.ones((SIDE, SIDE), dtype=np.bool_)
Image = NDArray[np.float32]


def exposures(seed: int = 0) -> Image:
    """Smooth tissue from 0.1 to 0.9 with even white noise."""
    random = np.random.default_rng(seed)
    tissue = cv2.GaussianBlur(random.normal(size=(SIDE, SIDE)), (0, 0), 40)
    tissue = 0.1 + 0.8 * (tissue - tissue.min()) / np.ptp(tissue)
    return np.asarray(tissue + random.normal(0, 0.01, tissue.shape), dtype=np.float32)


def displayed(image: Image) -> Image:
    """As a processing shows it that presses the dark levels together: noise grows fivefold."""
    return np.asarray(np.maximum(image, 0) ** 2, dtype=np.float32)


def spread_of_noise(image: Image) -> float:
    curve = noise_by_brightness(image, INSIDE, 0.07)
    assert curve is not None
    return float(curve[1].max() / curve[1].min())


def skewness(image: Image) -> float:
    detail = image - cv2.GaussianBlur(image, (0, 0), 3)
    return float((detail**3).mean() / (detail**2).mean() ** 1.5)


def test_noise_that_grows_with_brightness_becomes_even_and_no_longer_leans() -> None:
    shown = displayed(exposures())
    assert spread_of_noise(shown) > 3
    assert skewness(shown) > 0.05
    even = equalised(shown, INSIDE, 0.07)
    assert spread_of_noise(even) < 1.15
    assert abs(skewness(even)) < 0.2 * skewness(shown)


def test_even_noise_is_left_as_it_is() -> None:
    image = exposures()
    even = equalised(image, INSIDE, 0.07)
    assert np.abs(even - image).max() < 0.02


def test_levels_keep_their_order_and_the_breast_its_range() -> None:
    shown = displayed(exposures())
    even = equalised(shown, INSIDE, 0.07)
    order = np.argsort(shown.ravel()[::50], kind="stable")
    assert (np.diff(even.ravel()[::50][order]) >= 0).all()
    near = cv2.blur(shown, (15, 15))
    low, high = np.percentile(near, [0.5, 99.5])
    ends = equalised(np.where(near < 0.5, np.float32(low), np.float32(high)), np.zeros_like(INSIDE), 0.07)
    assert np.percentile(cv2.blur(even, (15, 15)), [0.5, 99.5]) == pytest.approx([low, high], abs=0.03)
    assert np.array_equal(np.unique(ends), np.unique([np.float32(low), np.float32(high)]))


def test_too_small_or_flat_a_breast_tells_nothing() -> None:
    image = exposures()
    few = np.zeros_like(INSIDE)
    few[:30, :30] = True
    assert np.array_equal(equalised(image, few, 0.07), image)
    flat = np.full_like(image, 0.4)
    assert np.array_equal(equalised(flat, INSIDE, 0.07), flat)


def test_a_few_specks_change_little() -> None:
    shown = displayed(exposures())
    with_specks = shown.copy()
    for row, column in np.random.default_rng(1).integers(20, SIDE - 20, (60, 2)):
        cv2.circle(with_specks, (int(column), int(row)), 3, 1.0, cv2.FILLED)
    changed = equalised(with_specks, INSIDE, 0.07) - equalised(shown, INSIDE, 0.07)
    assert np.abs(changed[with_specks == shown]).max() < 0.02


def test_the_residual_keeps_the_deviation_of_white_noise() -> None:
    white = np.random.default_rng(2).normal(0, 0.3, (300, 300)).astype(np.float32)
    assert noise_residual(white)[2:-2, 2:-2].std() == pytest.approx(0.3, rel=0.02)
