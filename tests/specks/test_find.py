"""What is found, what is not, and what must not matter."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from specks.drawn import breast, ellipsoid, paint, strand, tissue, view

from calcscope.exam.model import Float
from calcscope.reading import ReadSettings
from calcscope.specks import SpeckCatalogue, SpeckSettings, find_specks
from calcscope.specks.find import find_candidates
from calcscope.specks.saliency import TILE, WHOLE, Background, background, local_noise, quantisation_step
from calcscope.specks.scales import ladder

PIXEL = 0.07
SPECKS = [(4.0, 5.0, 0.5), (8.2, 4.4, 0.35), (11.1, 9.7, 0.8), (5.3, 12.2, 0.4), (13.0, 13.1, 1.2)]


@cache
def scene() -> Float:
    """Five balls of 0.35 to 1.2 mm in noise."""
    pixels = tissue(256)
    for x, y, diameter in SPECKS:
        pixels = paint(pixels, ellipsoid(x, y, diameter, diameter), 0.15 * min(1, diameter / 0.5))
    return pixels


def catalogue_of(pixels: Float, least: float = 0.5, salience: float = 4.0) -> SpeckCatalogue:
    settings = SpeckSettings(min_probability=least, min_salience=salience)
    return find_specks(view(pixels), breast(pixels.shape), settings)


def test_each_calcification_is_found_and_little_else() -> None:
    catalogue = catalogue_of(scene())
    centres = catalogue.xy_mm + PIXEL / 2
    for x, y, diameter in SPECKS:
        assert np.hypot(*(centres - (x, y)).T).min() < 0.1, diameter
    assert len(catalogue) <= len(SPECKS) + 1


def test_most_probable_first_and_strictly_ordered() -> None:
    probability = catalogue_of(scene(), 0.0, salience=2.0).probability
    assert len(probability) > len(SPECKS)
    assert np.all(np.diff(probability) < 0)
    assert 0 < probability[-1] < probability[0] < 1


def test_the_threshold_changes_what_is_listed_and_nothing_else() -> None:
    every, listed = catalogue_of(scene(), 0.0, salience=2.0), catalogue_of(scene(), 0.5, salience=2.0)
    assert np.array_equal(every.xy[: len(listed)], listed.xy)
    assert len(listed) == np.count_nonzero(every.probability >= 0.5)


@pytest.mark.parametrize("degrees", [0, 20, 45, 70, 90])
def test_a_fibre_is_no_calcification(degrees: float) -> None:
    pixels = paint(tissue(200), strand(7, 7, 0.35, np.radians(degrees)), 0.06, blur_mm=0.12)
    catalogue = catalogue_of(pixels)
    assert len(catalogue) <= 1  # noise on a fibre can look like a doubtful speck
    assert catalogue.probability.max(initial=0) < 0.8
    assert not ReadSettings().may_stand_alone(catalogue).any()


@pytest.mark.parametrize("width", [0.25, 0.35, 0.6])
@pytest.mark.parametrize("degrees", [30, 50, 70, 90])
def test_the_crossing_of_two_fibres_is_not_listed_as_a_lone_calcification(
    degrees: float, width: float
) -> None:
    pixels = tissue(200)
    for angle in (0.3, 0.3 + np.radians(degrees)):
        pixels = paint(pixels, strand(7, 7, width, angle), 0.06, blur_mm=0.12)
    assert not ReadSettings().may_stand_alone(catalogue_of(pixels)).any()


def test_a_calcification_on_a_fibre_or_with_a_neighbour_may_stand_alone() -> None:
    pixels = paint(tissue(200), strand(7, 7, 0.35, 0.3), 0.03, blur_mm=0.12)
    pixels = paint(pixels, ellipsoid(7, 7, 0.6, 0.6), 0.15)
    pixels = paint(pixels, ellipsoid(8.2, 7, 0.6, 0.6), 0.15)
    assert np.count_nonzero(ReadSettings().may_stand_alone(catalogue_of(pixels))) == 2


def test_a_faint_speck_is_a_candidate_where_the_network_takes_it_for_calcium() -> None:
    pixels = paint(tissue(256), ellipsoid(9.0, 9.0, 0.4, 0.4), 0.018)
    near = {}
    for logit in (-np.inf, np.inf):
        settings = SpeckSettings(min_salience=15.0, faint_salience=2.0, faint_logit=logit)
        found = find_candidates(view(pixels), breast(pixels.shape), settings)
        centres = np.array([(c.shape.x, c.shape.y) for c in found]).reshape(-1, 2) * PIXEL + PIXEL / 2
        near[logit] = int((np.hypot(*(centres - 9.0).T) < 0.15).sum())
    assert near == {-np.inf: 1, np.inf: 0}


def test_a_single_hot_pixel_or_a_grain_of_dust_is_no_calcification() -> None:
    """Much brighter than calcium of its width could be, and sharp to the pixel."""
    pixels = tissue(200)
    pixels[60, 80] += 0.5
    pixels[120:122, 140] += 0.55
    assert len(catalogue_of(pixels)) == 0


def test_brightness_and_contrast_of_the_whole_image_do_not_matter() -> None:
    plain, other = catalogue_of(scene(), 0.1), catalogue_of(scene() * np.float32(0.5) + np.float32(0.25), 0.1)
    assert len(plain) == len(other)
    assert other.xy == pytest.approx(plain.xy, abs=0.02)
    assert other.probability == pytest.approx(plain.probability, abs=0.01)
    assert other.contrast == pytest.approx(plain.contrast / 2, rel=0.01)
    assert other.snr == pytest.approx(plain.snr, rel=0.01)
    assert other.diameter_mm == pytest.approx(plain.diameter_mm, rel=0.01)


@pytest.mark.parametrize("turn", ["mirrored", "upside down", "turned"])
def test_how_the_image_lies_does_not_matter(turn: str) -> None:
    pixels = scene()
    last = pixels.shape[0] - 1
    laid, back = {
        "mirrored": (pixels[:, ::-1], lambda x, y: (last - x, y)),
        "upside down": (pixels[::-1], lambda x, y: (x, last - y)),
        "turned": (np.rot90(pixels), lambda x, y: (last - y, x)),
    }[turn]
    plain, other = catalogue_of(pixels), catalogue_of(np.ascontiguousarray(laid))
    assert len(plain) == len(other)
    there = np.stack(back(other.x, other.y), axis=1)
    for k, (x, y) in enumerate(plain.xy):
        twin = int(np.argmin(np.hypot(*(there - (x, y)).T)))
        assert there[twin] == pytest.approx((x, y), abs=0.3)
        assert other.diameter_mm[twin] == pytest.approx(plain.diameter_mm[k], rel=0.06)
        assert other.probability[twin] == pytest.approx(plain.probability[k], abs=0.1)


def test_nothing_is_looked_for_outside_the_search_region() -> None:
    pixels = scene()
    search = np.zeros(pixels.shape, dtype=np.bool_)
    assert len(find_specks(view(pixels), breast(pixels.shape, search=search))) == 0
    search[:, : round(6.5 / PIXEL)] = True
    left = find_specks(view(pixels), breast(pixels.shape, search=search), SpeckSettings(min_probability=0.5))
    centres = left.xy_mm + PIXEL / 2
    assert sorted(round(float(y)) for _, y in centres) == [5, 12]


def test_an_even_image_holds_nothing() -> None:
    assert len(catalogue_of(np.full((200, 200), 0.4, dtype=np.float32), 0.0)) == 0


def test_an_image_smaller_than_the_operator_holds_nothing() -> None:
    assert len(catalogue_of(tissue(12), 0.0)) == 0


@pytest.mark.parametrize("sigma", [0.002, 0.02])
def test_the_noise_of_white_noise(sigma: float) -> None:
    pixels = tissue(400, noise=sigma)
    inside = np.ones(pixels.shape, dtype=np.bool_)
    assert float(np.median(local_noise(pixels, inside, PIXEL, 1e-7))) == pytest.approx(sigma, rel=0.05)


def test_specks_do_not_count_as_noise() -> None:
    pixels = tissue(400, noise=0.004)
    rows, columns = np.random.default_rng(1).integers(10, 390, (2, 120))
    pixels[rows, columns] += 0.3
    inside = np.ones(pixels.shape, dtype=np.bool_)
    assert float(np.median(local_noise(pixels, inside, PIXEL, 1e-7))) == pytest.approx(0.004, rel=0.05)


def test_noise_is_local() -> None:
    pixels = tissue(500, noise=0.002)
    pixels[:, 250:] += np.random.default_rng(2).normal(0, 0.02, (500, 250)).astype(np.float32)
    noise = local_noise(pixels, np.ones(pixels.shape, dtype=np.bool_), PIXEL, 1e-7)
    assert noise[250, 60] == pytest.approx(0.002, rel=0.1)
    assert noise[250, 440] == pytest.approx(0.02, rel=0.1)


def test_what_stands_out_is_the_same_worked_out_in_tiles_as_at_once() -> None:
    rows, columns = 12 * TILE + 5, WHOLE // (12 * TILE) + 40
    pixels = tissue(max(rows, columns), noise=0.004)[:rows, :columns]
    for row, column in np.random.default_rng(3).integers((0, 0), (rows, columns), (40, 2)):
        cv2.circle(pixels, (int(column), int(row)), 2, 0.9, -1)
    noise = np.full(pixels.shape, 0.004, dtype=np.float32)
    search = np.zeros(pixels.shape, dtype=np.bool_)
    search[20:, : columns - 9] = True
    smooth, ground = background(pixels)
    salience = (smooth - ground) / noise
    highest = cv2.dilate(salience, np.ones((3, 3), np.uint8))
    expected = np.nonzero((salience > 4) & (salience == highest) & search)
    lazy = Background(pixels)
    found_rows, found_columns, height = lazy.peaks(noise, search, 4.0)
    assert len(height) > 20
    assert np.array_equal(found_rows, expected[0])
    assert np.array_equal(found_columns, expected[1])
    assert np.array_equal(height, salience[expected])
    assert np.array_equal(lazy.ground(-3, 200, 300, columns + 9), ground[:200, 300:])


def test_the_step_between_grey_levels() -> None:
    eight_bits = np.round(tissue(100, noise=0.05) * 255) / np.float32(255)
    assert quantisation_step(eight_bits) == pytest.approx(1 / 255, rel=1e-3)
    assert quantisation_step(np.full((50, 50), 0.3, dtype=np.float32)) == 0


def test_each_rung_maps_points_there_and_back() -> None:
    search = np.zeros((700, 600), dtype=np.bool_)
    search[123:640, 77:555] = True
    scales = ladder(view(np.zeros((700, 600), dtype=np.float32)), search)
    points = np.array([[100.0, 200.0], [333.3, 444.4]])
    assert [scale.factor for scale in scales] == [1, 2, 4, 8]
    for scale in scales:
        assert scale.to_canonical(scale.from_canonical(points)) == pytest.approx(points, abs=1e-9)


def test_a_bright_pixel_lies_at_its_canonical_place_on_every_rung() -> None:
    pixels = np.zeros((512, 512), dtype=np.float32)
    pixels[208:216, 304:312] = 1  # one pixel of the rung of factor 8, centred on (307.5, 211.5)
    for scale in ladder(view(pixels), np.ones(pixels.shape, dtype=np.bool_)):
        rows, columns = np.nonzero(scale.pixels)
        (centre,) = scale.to_canonical(np.array([[columns.mean(), rows.mean()]]))
        assert centre.tolist() == [307.5, 211.5]


def test_fine_images_are_reduced_to_where_shape_is_seen() -> None:
    scales = ladder(view(np.zeros((256, 256), np.float32), 0.025), np.ones((256, 256), dtype=np.bool_))
    assert scales[0].pixel_mm == pytest.approx(0.075)
