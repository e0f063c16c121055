"""X-rays through a simulated breast: attenuation, specks smaller than a pixel, noise, the ideal observer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from calcscope.phantom.fields import power_law
from calcscope.phantom.materials import attenuation
from calcscope.phantom.model import Patch, Pose, Tissue
from calcscope.phantom.optics import Blur, Noise, filtered, frequencies, ideal_snr, structure_of
from calcscope.phantom.physics import draw_setup, expose, setup, taken

SELENIUM = setup("selenium_70")


@dataclass
class Slab:
    """A projection of a plain slab."""

    rows: int = 160
    columns: int = 160
    pixel_mm: float = 0.07
    thickness_mm: float = 45.0
    magnification: float = 1.0

    def __post_init__(self) -> None:
        self.pose = Pose("L", "CC", self.magnification)
        self.origin_mm = np.zeros(2)
        self.beam = np.array([0.0, 0.0, -1.0])

    def to_view(self, points):
        raise NotImplementedError

    to_pixels = to_view

    def tissue(self) -> Tissue:
        shape = (self.rows, self.columns)
        full = np.full(shape, self.thickness_mm, dtype=np.float32)
        none = np.zeros(shape, dtype=np.float32)
        return Tissue(
            full, full * 0.3, none, none, none, np.ones(shape, bool), np.zeros((0, 2)), None, (0.0, 0.0)
        )


def square(side_mm: float, depth_mm: float, x: float, y: float) -> Patch:
    return Patch(np.full((8, 8), depth_mm, dtype=np.float32), x, y, side_mm / 8)


@pytest.mark.parametrize(
    ("material", "per_cm", "tolerance"),
    [("adipose", 0.456, 0.15), ("gland", 0.80, 0.05), ("aluminium", 9.29, 0.01), ("titanium", 71.4, 0.01)],
)
def test_attenuation_at_20_kev_is_that_of_the_published_measurements(material, per_cm, tolerance):
    # Johns and Yaffe 1987 for tissue; NIST for the elements.
    assert attenuation(material, 20) * 10 == pytest.approx(per_cm, rel=tolerance)


def test_an_unknown_material_names_the_known_ones():
    with pytest.raises(KeyError, match="hydroxyapatite"):
        attenuation("kryptonite", 20)


@pytest.mark.parametrize("pixel_mm", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("x", [3.0, 3.013, 3.049])
def test_what_a_speck_takes_is_the_same_at_any_place_and_pixel_size(pixel_mm, x):
    patch = square(0.12, 0.1, x, 4.02)
    window, share = taken(patch, 2.0, (200, 200), np.zeros(2), pixel_mm)
    assert share.sum() * pixel_mm**2 == pytest.approx(0.12**2 * (1 - np.exp(-0.2)), rel=1e-5)
    rows, columns = np.mgrid[window[0], window[1]]
    assert (share * (columns + 0.5)).sum() / share.sum() * pixel_mm == pytest.approx(x, abs=0.2 * pixel_mm)
    assert (share * (rows + 0.5)).sum() / share.sum() * pixel_mm == pytest.approx(4.02, abs=0.2 * pixel_mm)


def test_a_patch_beside_the_image_takes_nothing():
    window, share = taken(square(0.3, 1, -5, 4), 2.0, (50, 50), np.zeros(2), 0.1)
    assert share.size == 0
    assert np.zeros((50, 50))[window].size == 0


def test_the_noise_of_a_direct_detector_is_that_of_counting():
    noise = Noise(Blur(0.014, 0.06, 0.15, 0.0), 0.0, 0.0, 0.0)
    drawn = noise.draw(np.full((300, 300), 1600.0, dtype=np.float32), 0.07, np.random.default_rng(1))
    assert drawn.std() == pytest.approx(40, rel=0.01)


def test_drawn_noise_has_the_spectrum_that_the_model_states():
    noise = Noise(Blur(0.035, 0.3, 0.12, 0.0), 0.85, 15.0, 0.004)
    random = np.random.default_rng(2)
    power, shape = 0.0, (128, 128)
    for _ in range(60):
        drawn = noise.draw(np.full(shape, 2500.0, dtype=np.float32), 0.1, random)
        power = power + np.abs(np.fft.rfft2(drawn)) ** 2 / drawn.size / 60
    squared = frequencies(shape, 0.1)
    for low, high in [(0.2, 1), (1, 2), (2, 4), (4, 5)]:
        ring = (squared >= low**2) & (squared < high**2)
        assert power[ring].mean() == pytest.approx(noise.spectrum(2500, squared)[ring].mean(), rel=0.04)


def test_snr_of_a_gaussian_blob_in_white_noise_is_the_closed_form():
    rows, columns = np.mgrid[-40:41, -40:41]
    width, height, sigma = 3.0, 5.0, 2.0
    blob = (height * np.exp(-(rows**2 + columns**2) / (2 * width**2))).astype(np.float32)
    white = np.full((81, 41), sigma**2)
    assert ideal_snr(blob, white) == pytest.approx(height * width * np.sqrt(np.pi) / sigma, rel=1e-4)


@pytest.mark.parametrize("pixel_mm", [0.05, 0.1])
def test_the_strength_of_a_texture_is_found_under_noise(pixel_mm):
    random = np.random.default_rng(0)
    side = round(50 / pixel_mm)
    texture = power_law((side, side), pixel_mm, random, longest_mm=25.0)
    f = np.sqrt(frequencies(texture.shape, pixel_mm))
    power = np.abs(np.fft.rfft2(texture)) ** 2 / texture.size * pixel_mm**2
    ring = (f > 0.3) & (f < 1)
    strength = float((power[ring] * f[ring] ** 3).mean())
    inside = np.ones(texture.shape, dtype=bool)
    noisy = texture + random.normal(0, 0.3, texture.shape).astype(np.float32)
    for image, noise in ((texture, 0.0), (noisy, 0.3)):
        found = structure_of(image, inside, pixel_mm, noise)
        assert np.median(found.strength) == pytest.approx(strength, rel=0.15)
        squared = frequencies((40, 40), pixel_mm)
        spectrum = found.spectrum(25, 25, squared, pixel_mm)
        assert spectrum[0, 1] * pixel_mm**2 * squared[0, 1] ** 1.5 == pytest.approx(strength, rel=0.25)
        assert np.isinf(spectrum[0, 0])


def test_the_border_of_the_breast_is_no_texture():
    image = np.zeros((400, 400), dtype=np.float32)
    image[:, :200] = 100
    inside = image > 0
    assert structure_of(image, inside, 0.1).strength.max() < 1e-3
    assert structure_of(image, np.ones_like(inside), 0.1).strength.max() > 1


def test_texture_hides_a_broad_speck_more_than_a_small_one():
    random = np.random.default_rng(1)
    texture = 3 * power_law((600, 600), 0.1, random, longest_mm=25.0)
    structure = structure_of(texture, np.ones(texture.shape, dtype=bool), 0.1)
    rows, columns = np.mgrid[-30:31, -30:31]
    squared = frequencies(rows.shape, 0.1)
    noise = np.full(squared.shape, 4.0)
    kept = []
    for width in (0.7, 5.0):
        blob = np.exp(-(rows**2 + columns**2) / (2 * width**2)).astype(np.float32)
        hidden = ideal_snr(blob, noise + structure.spectrum(30, 30, squared, 0.1))
        kept.append(hidden / ideal_snr(blob, noise))
    assert 0.8 < kept[0] <= 1
    assert kept[1] < 0.5 * kept[0]


@pytest.mark.parametrize("name", ["selenium_70", "caesium_100"])
def test_stated_snr_is_what_a_prewhitening_matched_filter_reaches(name):
    chosen, slab = setup(name), Slab(pixel_mm=setup(name).detector_mm)
    speck = square(0.2, 0.06, slab.columns * slab.pixel_mm / 2, slab.rows * slab.pixel_mm / 2)
    tissue = slab.tissue()
    with_it, without = (
        expose(tissue, patches, [], slab, chosen, np.random.default_rng(7)) for patches in ([speck], [])
    )
    template = (with_it.expected - without.expected).astype(np.float64)
    squared = frequencies(template.shape, slab.pixel_mm)
    level = float(without.expected[60:100, 60:100].mean())
    prewhitened = np.fft.irfft2(
        np.fft.rfft2(template) / without.noise.spectrum(level, squared), template.shape
    )
    random = np.random.default_rng(3)
    scores = [
        [
            float((prewhitened * (image + without.noise.draw(image, slab.pixel_mm, random))).sum())
            for _ in range(250)
        ]
        for image in (without.expected, with_it.expected)
    ]
    reached = (np.mean(scores[1]) - np.mean(scores[0])) / np.sqrt((np.var(scores[0]) + np.var(scores[1])) / 2)
    assert abs(reached) == pytest.approx(without.snr_of(speck), rel=0.12)


def test_magnification_sharpens_the_detector_and_raises_the_snr():
    contact, magnified = Slab(), Slab(pixel_mm=0.07 / 1.8, magnification=1.8)
    speck = square(0.15, 0.1, 3.0, 3.0)
    snr = [
        expose(s.tissue(), [], [], s, SELENIUM, np.random.default_rng(4)).snr_of(speck)
        for s in (contact, magnified)
    ]
    assert snr[1] > 1.2 * snr[0]


def test_scatter_over_primary_grows_with_thickness_and_the_grid_takes_most_of_it():
    def ratio(thickness: float, grid: bool) -> float:
        slab = Slab(rows=300, columns=300, pixel_mm=0.4, thickness_mm=thickness)
        view = expose(slab.tissue(), [], [], slab, replace(SELENIUM, grid=grid), np.random.default_rng(5))
        return float((view.expected / view.primary - 1)[150, 100])

    assert 0.15 < ratio(20, False) < 0.35
    assert 0.5 < ratio(60, False) < 0.9  # Boone et al. 2000
    assert ratio(60, True) < 0.3 * ratio(60, False)


def test_the_same_seed_gives_the_same_bits():
    slab = Slab()
    views = [
        expose(slab.tissue(), [], [], slab, draw_setup(np.random.default_rng(6)), np.random.default_rng(6))
        for _ in range(2)
    ]
    assert np.array_equal(views[0].signal, views[1].signal)


def test_blur_keeps_the_mean():
    image = np.zeros((100, 90), dtype=np.float32)
    image[50, 45] = 1
    blurred = filtered(image, 0.1, Blur(0.035, 0.3, 0.12, 0.01).signal)
    assert blurred.sum() == pytest.approx(1, rel=1e-3)
    assert blurred.max() < 0.9


def test_setups_are_drawn_of_the_asked_kind_with_an_exposure_of_their_own():
    random = np.random.default_rng(8)
    drawn = [draw_setup(random) for _ in range(60)]
    assert {each.detector for each in drawn} == {"direct", "indirect"}
    assert len({each.name for each in drawn}) == 5
    over = np.array([each.quanta_per_mm2 / setup(each.name).quanta_per_mm2 for each in drawn])
    assert np.exp(np.log(over).std()) == pytest.approx(np.exp(0.2), rel=0.1)
    assert draw_setup(random, film=True).detector == "film"


def test_the_stored_raw_image_is_linear_in_exposure_and_saturates_in_air():
    slab = Slab()
    view = expose(slab.tissue(), [], [], slab, SELENIUM, np.random.default_rng(9))
    counts = np.full((2, 3), 1000.0, dtype=np.float32)
    counts[0] *= [1, 2, 4]
    counts[1] = 1e9
    stored = replace(view, signal=counts).stored()
    assert stored.dtype == np.uint16
    assert stored[0, 1] / stored[0, 0] == pytest.approx(2, abs=0.01)
    assert stored[0, 2] / stored[0, 0] == pytest.approx(4, abs=0.02)
    assert (stored[1] == 2**14 - 1).all()
