"""The scanning ideal observer in closed form, against drawing its responses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from calcscope.evaluate import observer
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


def blurred_ball(diameter_mm: float, pixel_mm: float, size: int) -> np.ndarray:
    """What a ball takes from the beam, blurred, as a signal of :mod:`calcscope.evaluate.observer`."""
    y, x = np.mgrid[-size // 2 : size // 2, -size // 2 : size // 2] * pixel_mm
    ball = np.sqrt(np.maximum((diameter_mm / 2) ** 2 - x**2 - y**2, 0))
    blurred = gaussian_filter(ball, figures()["scanning_blur_mm"].value / pixel_mm)
    return observer.centred(blurred, (size, size))


def test_a_cell_is_where_a_filter_s_response_to_noise_is_like_itself() -> None:
    """Against the projected and blurred ball itself, on a fine grid."""
    spectrum = np.abs(np.fft.fft2(blurred_ball(0.4, 0.02, 256))) ** 2  # of the response to white noise
    correlation = np.fft.ifft2(spectrum).real
    area = np.sum((correlation / correlation[0, 0]) ** 2) * 0.02**2
    assert float(cell_mm2(0.4)) == pytest.approx(area, rel=0.15)


def test_more_is_found_of_strong_ones_at_more_false_marks_in_a_smaller_breast() -> None:
    def share(snr: float, rate: float, area_cm2: float = 100) -> float:
        return float(Scanning.of([snr], [0.3], area_cm2).sensitivity(rate))

    assert share(7, 1) > 0.98
    assert share(7, 1) > share(5, 1) > share(3, 1)
    assert share(5, 5) > share(5, 1)
    assert share(5, 1, 50) > share(5, 1, 200)
    assert share(0, 1e9) == 1  # everything may be marked


@pytest.mark.parametrize("texture", [False, True])
def test_the_line_lies_little_above_the_observer_at_work(texture: bool) -> None:
    """Balls whose shape is known, at unknown places of noise without and with the texture of tissue."""
    pixel_mm, size, number, snr, reach = 0.05, 256, 40, 4.5, 8
    signal = blurred_ball(0.4, pixel_mm, size)
    power = 1 + (observer.power_law(signal.shape, pixel_mm, 1.0) if texture else np.zeros(signal.shape))
    signal *= snr / observer.ideal_detectability(signal, power)
    weights = observer.prewhitening(signal, power)
    random = np.random.default_rng(3)
    images, places = [], [(row, column) for row in range(32, 256, 64) for column in range(32, 256, 64)]
    for normal in (True, False) * number:
        image = observer.sample(power, random)
        for place in () if normal else places:
            image += np.roll(signal, place, axis=(0, 1))
        xy, scores = observer.peaks(observer.respond(image, weights), reach)
        true = np.array([] if normal else places).reshape(-1, 2)[:, ::-1]
        near = np.hypot(*(xy[:, None] - true[None]).transpose(2, 0, 1)) <= reach
        hits = [(float(scores[mark]), int(n)) for mark, n in zip(*np.nonzero(near), strict=True)]
        hits += [(float(score), None) for score in scores] if normal else []
        images.append(MarkedImage(tuple(hits), truths=len(true), normal=normal))
    found = Froc.of(images).sensitivity(RATES)
    area_cm2 = (size * pixel_mm / 10) ** 2
    line = Scanning.of([snr], [0.4], area_cm2).sensitivity(RATES)
    assert np.all(found <= line)
    assert np.all(found >= line - 0.15)
