"""Ridges: the middle line and the width of bands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calcscope.describe.ridges import SCALES_MM, find_ridges
from calcscope.exam.model import Float
from calcscope.phantom.drawn.scenes import Scene, draw_kind

PIXEL_MM = 0.05


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A drawn breast; its pixels are replaced."""
    return draw_kind("round", 2000, pixel_mm=PIXEL_MM)


def on(scene: Scene, drawn: Float):
    rng = np.random.default_rng(5)
    pixels = 0.3 + drawn + rng.normal(0, 0.01, scene.mammogram.pixels.shape)
    return find_ridges(replace(scene.mammogram, pixels=pixels.astype(np.float32)), scene.breast)


@pytest.mark.parametrize("width_mm", [0.5, 0.8, 1.2])
def test_a_band_has_its_middle_line_and_about_its_width(scene: Scene, width_mm: float) -> None:
    row, column = np.indices(scene.mammogram.pixels.shape) * PIXEL_MM
    band = (np.abs(row - 20) < width_mm / 2) & (column > 6) & (column < 20)
    ridges = on(scene, 0.2 * band.astype(np.float32))
    longest = ridges.ridge == np.bincount(ridges.ridge).argmax()
    assert np.abs(ridges.xy_mm[longest, 1] - 20).max() < 0.4
    assert np.ptp(ridges.xy_mm[longest, 0]) > 12
    best = SCALES_MM[int(ridges.response[longest].mean(axis=0).argmax())]
    assert 0.6 < 2 * best / width_mm < 1.7


def test_noise_holds_no_long_ridge(scene: Scene) -> None:
    ridges = on(scene, np.zeros(scene.mammogram.pixels.shape, np.float32))
    assert np.bincount(ridges.ridge).max() * ridges.step_mm < 3
