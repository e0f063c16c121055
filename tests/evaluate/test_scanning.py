"""The scanning ideal observer in closed form, against drawing its responses."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.evaluate.froc import Froc, MarkedImage
from calcscope.evaluate.scanning import Scanning, cell_mm2
from calcscope.evaluate.visible import figures

RATES = (0.5, 1.0, 2.0, 5.0)


def test_the_closed_form_is_what_independent_places_give() -> None:
    snr, places, random = np.array([2.0, 3.0, 4.0, 5.0]), 400, np.random.default_rng(1)
    images = [
        MarkedImage(tuple((float(s), n) for n, s in enumerate(random.normal(snr))), len(snr))
        for _ in range(4000)
    ]
    images += [
        MarkedImage(tuple((float(s), None) for s in random.standard_normal(places) if s > 1.5), normal=True)
        for _ in range(4000)
    ]
    drawn = Froc.of(images).sensitivity(RATES)
    scanning = Scanning(snr, np.full(len(snr), float(places)))
    np.testing.assert_allclose(scanning.sensitivity(RATES), drawn, atol=0.01)


def test_a_cell_is_where_a_filter_s_response_to_noise_is_like_itself() -> None:
    """Against the projected and blurred ball itself, on a fine grid."""
    step, diameter = 0.02, 0.4
    y, x = np.mgrid[-128:128, -128:128] * step
    ball = np.sqrt(np.maximum((diameter / 2) ** 2 - x**2 - y**2, 0))
    blur = np.exp(-(x**2 + y**2) / 2 / figures()["scanning_blur_mm"].value ** 2)
    spectrum = np.abs(np.fft.fft2(ball) * np.fft.fft2(blur)) ** 2  # of the response to white noise
    correlation = np.fft.ifft2(spectrum).real
    area = np.sum((correlation / correlation[0, 0]) ** 2) * step**2
    assert float(cell_mm2(diameter)) == pytest.approx(area, rel=0.15)


def test_more_is_found_of_strong_ones_at_more_false_marks_in_a_smaller_breast() -> None:
    def share(snr: float, rate: float, area_cm2: float = 100) -> float:
        return float(Scanning.of([snr], [0.3], area_cm2).sensitivity(rate))

    assert share(7, 1) > 0.98
    assert share(7, 1) > share(5, 1) > share(3, 1)
    assert share(5, 5) > share(5, 1)
    assert share(5, 1, 50) > share(5, 1, 200)
    assert share(0, 1e9) == 1  # everything may be marked
