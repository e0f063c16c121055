"""Display processing, film and specks set into a picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from test_phantom_physics import Slab, square

from calcscope.breast import locate_breast
from calcscope.exam.model import Mammogram, Orientation, ViewInfo
from calcscope.phantom.background import Host, host_of, noise_blur, set_in, set_into
from calcscope.phantom.film import SCANNERS, develop
from calcscope.phantom.model import Tissue
from calcscope.phantom.optics import Structure
from calcscope.phantom.physics import Exposure, expose, setup
from calcscope.phantom.processing import MAKERS, process


def half_disc(pixel_mm: float) -> tuple[Slab, Tissue]:
    """A breast that is half a disc of 50 mm radius with a rounded rim."""
    slab = Slab(rows=round(120 / pixel_mm), columns=round(80 / pixel_mm), pixel_mm=pixel_mm)
    rows, columns = np.mgrid[: slab.rows, : slab.columns] * pixel_mm
    inside = 50 - np.hypot(rows - 60, columns)
    rim = 1 - np.clip(inside / 20, 0, 1)
    thickness = np.where(inside > 0, 45 * np.sqrt(1 - rim**2), 0).astype(np.float32)
    none = np.zeros_like(thickness)
    return slab, Tissue(
        thickness, thickness * 0.3, none, none, none, thickness > 0, np.zeros((0, 2)), None, (0, 0)
    )


@pytest.fixture(scope="module")
def exposure() -> Exposure:
    slab, tissue = half_disc(0.1)
    return expose(
        tissue, [square(1.0, 0.5, 20, 60)], [], slab, setup("caesium_100"), np.random.default_rng(1)
    )


def shown(exposure: Exposure, maker: str) -> np.ndarray:
    picture = process(exposure, maker, np.random.default_rng(2))
    pixels = picture.pixels.astype(float)
    return 4095 - pixels if picture.photometric == "MONOCHROME1" else pixels


@pytest.mark.parametrize("maker", sorted(MAKERS))
def test_air_is_black_tissue_grey_and_calcium_white(exposure, maker):
    grey = shown(exposure, maker)
    assert grey[:50, -50:].max() < 200
    assert 500 < np.median(grey[500:700, 50:150]) < 3900
    assert grey[600, 200] > np.median(grey[580:620, 240:300]) + 300


def test_makers_differ(exposure):
    grey = [shown(exposure, maker)[300:900, 20:400].ravel() for maker in sorted(MAKERS)]
    for i, one in enumerate(grey):
        for other in grey[i + 1 :]:
            assert np.abs(one - other).mean() > 60


@pytest.mark.parametrize("name", sorted(SCANNERS))
def test_film_is_dark_in_air_and_light_in_the_breast_at_the_scanners_pixel(name):
    slab, tissue = half_disc(0.1)
    view = expose(tissue, [], [], slab, setup("screen_film"), np.random.default_rng(3))
    scan = develop(view, SCANNERS[name], np.random.default_rng(4), "R-CC")
    assert scan.pixels.dtype == (np.uint8 if SCANNERS[name].bits == 8 else np.uint16)
    assert scan.pixels.shape[0] == pytest.approx(120 / SCANNERS[name].pixel_mm, abs=1)
    share = scan.pixels / (2.0**scan.bits - 1)
    (column, row), *_ = np.rint(scan.to_scan(np.array([[100.0, 600.0]]))).astype(int)
    assert np.median(share[row - 20 : row + 20, column - 20 : column + 20]) > 0.3
    assert np.median(share[-100:, -100:]) < 0.2
    label = next(mark for mark in scan.marks if mark.kind == "marker")
    around = share[int(label.y) - 10 : int(label.y) + 10, int(label.x - 15) : int(label.x + 15)]
    assert around.max() > 0.85


def test_the_blur_of_noise_is_found():
    white = np.random.default_rng(5).standard_normal((400, 400), dtype=np.float32)
    inside = np.ones(white.shape, dtype=bool)
    assert noise_blur(white, inside) < 0.25
    assert noise_blur(cv2.GaussianBlur(white, (0, 0), 1.0), inside) == pytest.approx(1.0, abs=0.15)


def test_a_thin_speck_set_into_a_picture_adds_its_attenuation_and_states_its_snr():
    pixels, step = np.full((200, 200), 0.4, dtype=np.float32), 0.05
    plain = Structure(np.zeros((1, 1), dtype=np.float32), 10.0)
    host = Host(np.full((200, 200), 0.01, dtype=np.float32), 0.0, 0.5, 0.04, step, plain)
    patch = square(0.3, 0.02, 5.0, 5.0)
    out, (truth,) = set_into(pixels, host, [patch])
    added = (out - pixels).astype(float)
    # The sum of a thin speck is grey per unit of log times attenuation times volume.
    assert added.sum() * step**2 == pytest.approx(0.5 * truth.contrast * 0.3**2, rel=0.03)
    assert truth.snr == pytest.approx(np.sqrt((added**2).sum()) / 0.01, rel=0.03)
    assert (truth.x, truth.y) == (99.5, 99.5)
    assert truth.size_mm == pytest.approx(0.3)


def test_of_a_picture_the_noise_is_estimated_and_specks_brighten_their_places(exposure):
    pixels = (shown(exposure, "A") / 4095).astype(np.float32)
    info = ViewInfo("simulated.png", "1.2.3", "L", "CC", *pixels.shape, 0.1)
    picture = Mammogram(info, pixels, np.ones(pixels.shape, bool), Orientation(*pixels.shape), lambda p: p)
    breast = locate_breast(picture)
    host = host_of(picture, breast, np.random.default_rng(6))
    flat = pixels[560:640, 40:120]
    mixed = flat[1:, 1:] - flat[1:, :-1] - flat[:-1, 1:] + flat[:-1, :-1]
    assert np.median(host.noise[560:640, 40:120]) == pytest.approx(mixed.std() / 2, rel=0.3)
    assert host.pixel_mm == 0.1
    patches = [square(0.4, 0.3, 10, 55), square(0.4, 0.3, 10, -20)]
    out, (inside, outside) = set_in(picture, breast, patches, np.random.default_rng(6))
    assert inside.snr > 0
    assert outside.snr == 0
    changed = np.abs(out.pixels - pixels) > 1e-3
    row, column = np.nonzero(changed)
    assert np.hypot(column - 99.5, row - 549.5).max() < 8
    assert (out.pixels - pixels)[549:551, 99:101].min() > 0.02
