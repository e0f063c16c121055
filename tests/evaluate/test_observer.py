"""The ideal observer against closed forms: what is known exactly of signals in Gaussian noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from calcscope.evaluate import observer
from calcscope.evaluate.observer import Array, Trials

SHAPE = (64, 64)
RANDOM = np.random.default_rng(3)


def gaussian(sigma: float, shape: tuple[int, int] = SHAPE) -> Array:
    rows, columns = (np.fft.fftfreq(n, 1 / n) for n in shape)
    return np.exp(-(rows[:, None] ** 2 + columns**2) / 2 / sigma**2)


def structure() -> Array:
    return 1 + observer.power_law(SHAPE, 0.1, 1.0)


def test_in_white_noise_detectability_is_the_signals_norm_over_the_noise() -> None:
    signal = gaussian(2.0)
    power = np.full(SHAPE, 0.25)
    norm_over_sigma = np.sqrt(np.pi) * 2.0 / 0.5  # the integral of exp(-r²/σ²) is πσ²
    assert observer.ideal_detectability(signal, power) == pytest.approx(norm_over_sigma, rel=1e-6)


def test_power_law_falls_with_the_third_power_of_frequency() -> None:
    power = observer.power_law(SHAPE, 0.1, 1.25)
    assert power[0, 8] == pytest.approx(1.0)  # 8 cycles over 6.4 mm
    assert power[16, 0] == pytest.approx(1 / 8)
    assert power[0, 0] == power[0, 1]


def test_samples_have_the_power_asked_for() -> None:
    power = structure()
    fields = np.stack([observer.sample(power, RANDOM) for _ in range(400)])
    measured = np.mean(np.abs(np.fft.fft2(fields)) ** 2, axis=0) / power.size
    rings = np.round(observer.frequency(SHAPE, 0.1) * 6.4).astype(int)
    ratio = np.bincount(rings.ravel(), (measured / power).ravel()) / np.bincount(rings.ravel())
    assert np.allclose(ratio[1:30], 1, atol=0.12)


def test_no_filter_beats_prewhitening_and_its_scores_have_the_detectability_foretold() -> None:
    signal, power = gaussian(1.5), structure()
    best = observer.prewhitening(signal, power)
    ideal = observer.ideal_detectability(signal, power)
    assert observer.detectability(best, signal, power) == pytest.approx(ideal)
    for other in (signal, gaussian(1.0) - 0.2 * gaussian(2.2), best + 0.05 * gaussian(3.0)):
        assert observer.detectability(other, signal, power) < ideal
    scores = np.array([observer.respond(observer.sample(power, RANDOM), best)[0, 0] for _ in range(3000)])
    assert np.sum(best * signal) / scores.std() == pytest.approx(ideal, rel=0.05)


def test_hotelling_on_a_patch_approaches_the_ideal_from_below() -> None:
    signal, power = gaussian(1.5), 1 + observer.power_law(SHAPE, 0.1, 2.0)
    ideal = observer.ideal_detectability(signal, power)
    reached = []
    for size in (3, 7, 15):
        half = size // 2
        patch = np.roll(signal, (half, half), axis=(0, 1))[:size, :size]
        weights = observer.hotelling(patch.ravel(), observer.patch_covariance(power, size))
        filtered = observer.centred(weights.reshape(size, size), SHAPE)
        reached.append(observer.detectability(filtered, signal, power) / ideal)
    assert reached == sorted(reached)
    assert 0.98 < reached[-1] <= 1


def test_patch_covariance_keeps_directions_apart() -> None:
    power = np.broadcast_to(1 + np.cos(2 * np.pi * np.fft.fftfreq(64)), SHAPE)  # neighbours in a row alone
    covariance = observer.patch_covariance(np.array(power), 2)
    assert covariance == pytest.approx(
        np.array([[1, 0.5, 0, 0], [0.5, 1, 0, 0], [0, 0, 1, 0.5], [0, 0, 0.5, 1]])
    )


def test_few_channels_reach_nearly_the_ideal_for_a_round_signal_and_samples_tell_their_covariance() -> None:
    signal, power = gaussian(1.5), structure()
    ideal = observer.ideal_detectability(signal, power)
    channels = observer.laguerre_gauss(SHAPE, 9.0, 6)
    known = observer.channelised(signal, channels, observer.channel_covariance(channels, power))
    assert 0.96 < observer.detectability(known, signal, power) / ideal <= 1
    fields = np.stack([observer.sample(power, RANDOM) for _ in range(600)])
    seen = np.tensordot(fields, channels, axes=((1, 2), (1, 2)))
    measured = observer.channelised(signal, channels, np.cov(seen, rowvar=False), ridge=1e-6)
    assert 0.94 < observer.detectability(measured, signal, power) / ideal <= 1


def test_ridge_makes_a_covariance_of_too_few_samples_usable() -> None:
    samples = RANDOM.standard_normal((5, 9))
    with pytest.raises(np.linalg.LinAlgError):
        observer.hotelling(np.ones(9), np.ones((9, 9)) - np.eye(9))
    assert np.all(np.isfinite(observer.hotelling(np.ones(9), np.cov(samples, rowvar=False), ridge=0.1)))


def test_a_patch_larger_than_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        observer.centred(np.ones((3, 9)), (8, 8))


def test_the_area_of_two_unit_normals_gives_back_their_distance() -> None:
    distance = np.array([-1.0, 0.0, 1.5, 3.0])
    assert observer.d_a(norm.cdf(distance / np.sqrt(2))) == pytest.approx(distance)


def gaussian_trials(d: float, ideal: float, images: int, places: int, seed: int) -> Trials:
    random = np.random.default_rng(seed)
    present = np.broadcast_to(np.arange(places) % 2 == 0, (images, places))
    return Trials(ideal, random.standard_normal((images, places)) + d * present, present)


def test_efficiency_is_the_square_of_the_share_of_detectability() -> None:
    trials = [gaussian_trials(0.7 * ideal, ideal, 100, 80, 1) for ideal in (1.0, 2.0, 3.0)]
    found = observer.efficiency(trials)
    assert found.value == pytest.approx(0.49, abs=0.03)
    assert found.low < 0.49 < found.high
    assert found.high - found.low < 0.1


def test_interval_of_the_efficiency_covers_the_truth_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        found = observer.efficiency(
            [gaussian_trials(1.2, 2.0, 30, 8, seed)], confidence=0.8, resamples=200, seed=seed
        )
        covered += found.low <= 0.36 <= found.high
    assert 38 <= covered <= 58


def test_a_tie_counts_one_half_and_worse_than_chance_is_no_efficiency() -> None:
    present = np.array([[True, False], [True, False]])
    wins, pairs = Trials(1.0, np.array([[1.0, 1.0], [0.0, 2.0]]), present).pairs()
    assert wins.tolist() == [[0.5, 0.0], [0.0, 0.0]]
    assert pairs.tolist() == [[1, 1], [1, 1]]
    backwards = gaussian_trials(-2.0, 2.0, 50, 20, 2)
    assert observer.efficiency([backwards]).value == 0


def test_a_detector_that_never_errs_has_a_finite_efficiency() -> None:
    assert np.isfinite(observer.efficiency([gaussian_trials(50.0, 3.0, 20, 10, 2)]).high)


def test_efficiency_needs_both_kinds_of_place() -> None:
    with pytest.raises(ValueError, match="with and without"):
        observer.efficiency([Trials(1.0, np.zeros((3, 2)), np.ones((3, 2), dtype=np.bool_))])


def test_the_scanning_observer_averages_likelihoods_over_signals_and_places() -> None:
    """Against the likelihoods written out with the covariance matrix of a tiny image."""
    shape = (6, 6)
    power = 1 + observer.power_law(shape, 1.0, 0.2)
    signals = [gaussian(0.6, shape), 2.0 * gaussian(1.0, shape)]
    image = observer.sample(power, RANDOM)
    inverse = np.linalg.inv(observer.patch_covariance(power, 6))

    def ratio(row: int, column: int) -> float:
        moved = [np.roll(s, (row, column), axis=(0, 1)).ravel() for s in signals]
        return float(np.mean([np.exp(s @ inverse @ image.ravel() - s @ inverse @ s / 2) for s in moved]))

    exact = observer.log_likelihood_ratio(image, signals, power)
    assert exact[2, 3] == pytest.approx(np.log(ratio(2, 3)))
    near = observer.log_likelihood_ratio(image, signals, power, tolerance=1)
    five = sum(ratio(2 + y, 3 + x) for y, x in ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)))
    assert near[2, 3] == pytest.approx(np.log(five))


def test_likelihood_ratio_is_one_on_average_without_a_signal() -> None:
    signal, power = 0.5 * gaussian(1.5), structure()
    maps = [
        observer.log_likelihood_ratio(observer.sample(power, RANDOM), [signal], power) for _ in range(200)
    ]
    assert np.mean(np.exp(maps)) == pytest.approx(1, abs=0.02)


def test_marks_are_local_peaks_highest_first() -> None:
    response = np.zeros((20, 20))
    response[5, 6], response[5, 8], response[14:17, 1:4] = 2.0, 1.0, 3.0  # the last one flat on top
    xy, scores = observer.peaks(response, 3, least=0.5)
    assert xy.tolist() == [[2, 15], [6, 5]]
    assert scores.tolist() == [3, 2]
