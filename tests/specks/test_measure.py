"""Size, place and shape of drawn calcifications."""

from __future__ import annotations

import numpy as np
import pytest
from specks.drawn import HALF_HEIGHT, Inside, breast, ellipsoid, paint, ring, tissue, view

from calcscope.exam.model import Float
from calcscope.specks import SpeckCatalogue, find_specks

PIXEL = 0.07
MIDDLE = 6.3


def found(
    inside: Inside, *, height: float = 0.15, size: int = 180, seed: int = 0, pixel_mm: float = PIXEL
) -> SpeckCatalogue:
    pixels = paint(tissue(size, seed=seed, pixel_mm=pixel_mm), inside, height, pixel_mm)
    return find_specks(view(pixels, pixel_mm), breast(pixels.shape, pixel_mm))


def nearest(catalogue: SpeckCatalogue, x: float, y: float) -> SpeckCatalogue:
    """The mark nearest to a place, mm."""
    away = np.hypot(*(catalogue.xy_mm + catalogue.pixel_mm / 2 - (x, y)).T)
    return catalogue.select(np.array([int(np.argmin(away))]))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("diameter", [0.35, 0.7])
def test_a_ball_between_pixels_lies_within_a_seventh_of_a_pixel_of_its_centre(
    seed: int, diameter: float
) -> None:
    dx, dy = np.random.default_rng(seed).uniform(0, PIXEL, 2)
    x, y = MIDDLE + dx, MIDDLE + dy
    mark = nearest(found(ellipsoid(x, y, diameter, diameter), seed=seed), x, y)
    # Pixel centres are whole numbers: the corner of the image is at -0.5.
    assert mark.x[0] == pytest.approx(x / PIXEL - 0.5, abs=0.15)
    assert mark.y[0] == pytest.approx(y / PIXEL - 0.5, abs=0.15)


@pytest.mark.parametrize("diameter", [0.35, 0.5, 0.8, 1.4, 2.2])
def test_diameter_of_a_ball(diameter: float) -> None:
    """At half height; within a tenth, or 0.05 mm for the smallest."""
    mark = nearest(found(ellipsoid(MIDDLE, MIDDLE, diameter, diameter)), MIDDLE, MIDDLE)
    true = HALF_HEIGHT * diameter
    tolerance = max(0.1 * true, 0.05)
    assert mark.diameter_mm[0] == pytest.approx(true, abs=tolerance)
    assert mark.length_mm[0] == pytest.approx(true, abs=1.5 * tolerance)
    assert mark.width_mm[0] == pytest.approx(true, abs=1.5 * tolerance)
    assert mark.roundness[0] > 0.85
    assert mark.hollowness[0] < 0.15


@pytest.mark.parametrize("degrees", [0, 30, 75, 90, 140])
def test_length_width_and_direction_of_an_ellipsoid(degrees: float) -> None:
    mark = nearest(found(ellipsoid(MIDDLE, MIDDLE, 1.2, 0.5, np.radians(degrees))), MIDDLE, MIDDLE)
    assert mark.length_mm[0] == pytest.approx(HALF_HEIGHT * 1.2, rel=0.15)
    assert mark.width_mm[0] == pytest.approx(HALF_HEIGHT * 0.5, rel=0.15)
    off = (np.degrees(mark.angle[0]) - degrees + 90) % 180 - 90
    assert abs(off) < 5
    assert mark.elongation[0] == pytest.approx(2.4, rel=0.15)


def test_a_ring_is_hollow_and_as_wide_as_its_outer_border() -> None:
    mark = nearest(found(ring(MIDDLE, MIDDLE, 1.6, 0.9)), MIDDLE, MIDDLE)
    assert mark.hollowness[0] > 0.3
    assert mark.diameter_mm[0] == pytest.approx(1.6, rel=0.12)


@pytest.mark.parametrize("pixel_mm", [0.05, 0.1])
def test_an_object_measures_alike_at_two_pixel_sizes(pixel_mm: float) -> None:
    """Against 0.07 mm: noise apart, the same ellipsoid."""
    size = round(12.6 / pixel_mm)
    inside = ellipsoid(MIDDLE, MIDDLE, 0.9, 0.5, 0.6)
    first = nearest(found(inside), MIDDLE, MIDDLE)
    second = nearest(found(inside, size=size, pixel_mm=pixel_mm), MIDDLE, MIDDLE)
    for name in ("length_mm", "width_mm", "diameter_mm"):
        assert getattr(second, name)[0] == pytest.approx(getattr(first, name)[0], rel=0.1), name
    assert second.contrast[0] == pytest.approx(first.contrast[0], rel=0.1)


def test_two_specks_that_touch_are_parted() -> None:
    """Two balls of 0.45 mm that touch."""
    left, right = ellipsoid(MIDDLE - 0.225, MIDDLE, 0.45, 0.45), ellipsoid(MIDDLE + 0.225, MIDDLE, 0.45, 0.45)
    catalogue = found(lambda x, y: np.maximum(left(x, y), right(x, y)))
    near = np.hypot(*(catalogue.xy_mm + PIXEL / 2 - MIDDLE).T) < 0.6
    marks = catalogue.select(near)
    assert sorted(marks.x * PIXEL + PIXEL / 2) == pytest.approx([MIDDLE - 0.225, MIDDLE + 0.225], abs=0.04)
    assert marks.diameter_mm == pytest.approx([HALF_HEIGHT * 0.45] * 2, abs=0.08)


def test_outlines_close_around_their_centres() -> None:
    mark = nearest(found(ellipsoid(MIDDLE, MIDDLE, 0.8, 0.6)), MIDDLE, MIDDLE)
    (outline,) = mark.outlines
    assert outline[0].tolist() == outline[-1].tolist()
    x, y = outline[:-1, 0], outline[:-1, 1]
    area = 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) * PIXEL**2
    assert area == pytest.approx(mark.area_mm2[0])
    assert area == pytest.approx(np.pi / 4 * 0.8 * 0.6 * HALF_HEIGHT**2, rel=0.2)


@pytest.mark.parametrize(
    ("length", "width", "flat"),
    [
        (2.2, 2.2, False),
        (2.6, 0.8, False),
        (4.0, 1.0, False),
        (1.2, 0.5, False),
        (2.2, 2.2, True),
        (2.6, 0.8, True),
        (1.2, 0.5, True),
        (4.0, 1.0, True),
    ],
)
def test_a_large_object_is_one_mark_whether_round_or_flat_on_top(
    length: float, width: float, flat: bool
) -> None:
    """A popcorn's body and rods; half of a flat one's height is reached at its very border."""
    solid = ellipsoid(MIDDLE, MIDDLE, length, width, 0.5)
    catalogue = found((lambda x, y: np.float32(solid(x, y) > 0)) if flat else solid)
    near = np.hypot(*(catalogue.xy_mm + PIXEL / 2 - MIDDLE).T) < length / 2
    assert np.count_nonzero(near) == 1
    outline = 1.0 if flat else HALF_HEIGHT
    mark = nearest(catalogue, MIDDLE, MIDDLE)
    assert mark.length_mm[0] == pytest.approx(outline * length, rel=0.15)
    assert mark.width_mm[0] == pytest.approx(outline * width, rel=0.15)


def shell(diameter: float, wall: float, uneven: float = 0.0) -> Inside:
    """A hollow ball seen through; of three short stretches of its wall only ``1 - uneven`` is there."""

    def inside(x: Float, y: Float) -> Float:
        square = (x - MIDDLE) ** 2 + (y - MIDDLE) ** 2
        outer, inner = (np.sqrt(np.maximum(r**2 - square, 0)) for r in (diameter / 2, diameter / 2 - wall))
        around = 3 * np.arctan2(y - MIDDLE, x - MIDDLE)
        full = np.sqrt(wall * (diameter - wall))
        return np.asarray((outer - inner) / full * np.where(np.cos(around) > 0.7, 1 - uneven, 1))

    return inside


def marks_within(catalogue: SpeckCatalogue, radius_mm: float) -> SpeckCatalogue:
    """The marks so near the middle of the field."""
    return catalogue.select(
        np.hypot(*(catalogue.xy_mm + catalogue.pixel_mm / 2 - MIDDLE).T) < radius_mm + 0.2
    )


@pytest.mark.parametrize("pixel_mm", [0.05, 0.1, 0.2])
@pytest.mark.parametrize(("diameter", "wall"), [(1.5, 0.2), (1.5, 0.25), (3.0, 0.2), (3.0, 0.45), (4.0, 0.2)])
def test_a_shell_is_one_hollow_mark(
    diameter: float, wall: float, pixel_mm: float, request: pytest.FixtureRequest
) -> None:
    """Egg-shell and lucent-centred calcifications."""
    if (diameter, pixel_mm) == (4.0, 0.2):
        reason = "at 20 pixels across and one pixel of wall only a part of the wall is outlined"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    catalogue = found(shell(diameter, wall), size=round(16 / pixel_mm), pixel_mm=pixel_mm)
    marks = marks_within(catalogue, diameter / 2)
    assert len(marks) == 1
    assert marks.length_mm[0] == pytest.approx(diameter, rel=0.12)
    assert marks.hollowness[0] > 0.1


def test_a_rim_too_uneven_for_an_outline_at_half_its_height_is_one_mark() -> None:
    """As film at 0.2 mm shows small ones: bright stretches of a wall, and the rest of it faint."""
    catalogue = found(shell(1.4, 0.2, uneven=0.65), height=0.12, size=80, pixel_mm=0.2)
    marks = marks_within(catalogue, 0.7)
    assert len(marks) == 1
    assert marks.length_mm[0] == pytest.approx(1.4, rel=0.3)
    assert marks.hollowness[0] > 0.15


@pytest.mark.parametrize("pixel_mm", [0.05, 0.1])
@pytest.mark.parametrize("count", [4, 6])
def test_stones_close_together_in_a_circle_are_no_rim(count: int, pixel_mm: float) -> None:
    """Balls of 0.3 mm, their centres 0.4 mm apart."""
    angles = 2 * np.pi * np.arange(count) / count + 0.2
    radius = 0.2 / np.sin(np.pi / count)
    balls = [ellipsoid(MIDDLE + radius * np.cos(a), MIDDLE + radius * np.sin(a), 0.3, 0.3) for a in angles]
    catalogue = found(
        lambda x, y: np.max([ball(x, y) for ball in balls], axis=0),
        size=round(12.6 / pixel_mm),
        pixel_mm=pixel_mm,
    )
    assert len(marks_within(catalogue, radius + 0.15)) == count


def test_lumps_on_a_large_body_are_no_marks_of_their_own() -> None:
    """A popcorn calcification: steep all around, gentle domes on top of it."""
    body = ellipsoid(MIDDLE, MIDDLE, 3.4, 3.0)
    lumps = [ellipsoid(MIDDLE + dx, MIDDLE + dy, 1.1, 1.0) for dx, dy in ((-0.7, 0.4), (0.7, 0.5), (0, -0.7))]
    catalogue = found(lambda x, y: body(x, y) + 0.3 * np.max([lump(x, y) for lump in lumps], axis=0))
    assert len(marks_within(catalogue, 1.7)) == 1
