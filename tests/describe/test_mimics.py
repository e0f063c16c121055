"""What lies on the skin or the film is told from calcium."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
import pytest
from specks.drawn import breast, tissue, view

from calcscope.breast.model import Breast
from calcscope.describe import Mimic, find_mimics
from calcscope.describe.grains import find_grains
from calcscope.exam import Mammogram, Orientation, ViewInfo
from calcscope.exam.model import Float, Points
from calcscope.phantom.drawn.scatter import half_ellipse
from calcscope.phantom.drawn.scenes import Scene, draw_kind, draw_mimic
from calcscope.specks import SpeckCatalogue, find_specks


def mimics_in(scene: Scene) -> list[Mimic]:
    catalogue = find_specks(scene.mammogram, scene.breast)
    mimics, is_mimic = find_mimics(catalogue, scene.breast, scene.mammogram)
    assert is_mimic.shape == (len(catalogue),)
    assert is_mimic.any() == bool(mimics)
    return mimics


@pytest.mark.parametrize("kind", ["deodorant", "powder", "metal", "marker", "clip"])
def test_drawn_mimics_are_named(kind: str) -> None:
    named = [Counter(m.kind for m in mimics_in(draw_mimic(kind, seed))) for seed in range(2000, 2003)]
    assert sum(kind in names for names in named) >= 2


def test_grains_on_the_skin_are_one_mark_each_crowd() -> None:
    grains = [m for m in mimics_in(draw_mimic("deodorant", 2000)) if m.kind == "deodorant"]
    assert 1 <= len(grains) <= 3
    assert all(mark.extent_mm > 3 for mark in grains)


def test_no_typical_calcification_is_taken_for_a_mimic() -> None:
    for kind in ("popcorn", "rim", "round", "lucent_centred", "skin"):
        assert mimics_in(draw_kind(kind, 2000)) == []


def test_what_is_named_metal_needs_no_speck() -> None:
    scene = draw_mimic("metal", 2000)
    mimics, _ = find_mimics(SpeckCatalogue.empty(scene.mammogram.pixel_mm), scene.breast, scene.mammogram)
    assert [mimic.kind for mimic in mimics] == ["metal"]
    assert 7 < mimics[0].extent_mm < 15


@pytest.mark.parametrize("kind", ["popcorn", "round", "dystrophic", "rod"])
def test_calcium_that_saturates_the_display_is_no_metal(kind: str) -> None:
    scene = draw_kind(kind, 2100)
    bright = np.minimum(1.6 * scene.mammogram.pixels, 1).astype(np.float32)
    saturated = replace(scene, mammogram=replace(scene.mammogram, pixels=bright))
    assert find_specks(saturated.mammogram, saturated.breast).area_mm2.max() > 0.15
    assert mimics_in(saturated) == []


def test_dust_is_a_matter_of_film() -> None:
    scene = draw_mimic("film_artifact", 2000)
    assert "film_artifact" in {m.kind for m in mimics_in(scene)}
    digital = replace(scene.mammogram, info=replace(scene.mammogram.info, acquisition="digital"))
    assert "film_artifact" not in {m.kind for m in mimics_in(replace(scene, mammogram=digital))}


def test_an_empty_view_has_no_mimics() -> None:
    scene = draw_kind("round", 2000)
    mimics, is_mimic = find_mimics(SpeckCatalogue.empty(0.05), scene.breast, scene.mammogram)
    assert mimics == []
    assert len(is_mimic) == 0


def line_on_film(length_mm: float, bend_mm: float, gaps: bool, pixel_mm: float = 0.2) -> list[Mimic]:
    """Mimics found on a film with one thin uneven line of calcium's brightness."""
    random = np.random.default_rng(0)
    size = 200
    along = np.linspace(-length_mm / 2, length_mm / 2, 400)
    points = np.stack([along, bend_mm * np.cos(np.pi * along / length_mm)], axis=1) / pixel_mm
    points = points @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + size / 2
    line = np.zeros((size, size), np.float32)
    cv2.polylines(line, [np.round(points * 16).astype(np.int32)], False, 1, 1, cv2.LINE_AA, shift=4)
    uneven = cv2.GaussianBlur(random.random((size, size)).astype(np.float32), (0, 0), 1.5)
    uneven = (uneven - uneven.min()) / np.ptp(uneven)
    height = np.where(uneven > 0.5, uneven, 0) if gaps else 0.6 + 0.6 * uneven
    film = view(tissue(size, pixel_mm=pixel_mm) + 0.15 * line * height.astype(np.float32), pixel_mm)
    around = breast((size, size), pixel_mm)
    return find_mimics(find_specks(film, around), around, film)[0]


def test_a_scratch_is_a_straight_thin_line_without_gaps() -> None:
    assert {mimic.kind for mimic in line_on_film(25, 0, gaps=False)} == {"film_artifact"}


@pytest.mark.parametrize(
    ("length_mm", "bend_mm", "gaps"),
    [(4, 0, False), (25, 6, False), (25, 0, True)],
    ids=["a cast of calcium", "a vessel", "a row of calcifications"],
)
def test_what_is_short_or_bent_or_has_gaps_is_no_scratch(
    length_mm: float, bend_mm: float, gaps: bool
) -> None:
    assert line_on_film(length_mm, bend_mm, gaps) == []


ViewName = Literal["CC", "MLO"]
SMALL_MM = 0.3
"""Diameter of the specks of a catalogue made by hand."""


def catalogue_at(xy_mm: Points, pixel_mm: float) -> SpeckCatalogue:
    """Small dense specks at these places."""
    columns = {name: np.full(len(xy_mm), SMALL_MM) for name in vars(SpeckCatalogue.empty(pixel_mm))}
    columns |= {"x": xy_mm[:, 0] / pixel_mm, "y": xy_mm[:, 1] / pixel_mm, "slice": np.full(len(xy_mm), -1)}
    columns |= {"area_mm2": np.full(len(xy_mm), SMALL_MM**2), "salience": np.full(len(xy_mm), 10.0)}
    outlines = tuple(np.zeros((0, 2)) for _ in xy_mm)
    return SpeckCatalogue(**columns | {"outlines": outlines, "pixel_mm": pixel_mm})  # type: ignore[arg-type]


def strewn(centre: tuple[float, float], size: tuple[float, float], count: int = 40) -> Points:
    """Places (mm) strewn over an upright rectangle."""
    return np.array(centre) + (np.random.default_rng(1).random((count, 2)) - 0.5) * size


def grains_at(xy_mm: Points, name: ViewName) -> list[str]:
    """What is named in a breast of 100 mm depth and 160 mm height, its nipple halfway down."""
    around = half_ellipse(100, 80, 0.2)
    rows, columns = around.mask.shape
    info = ViewInfo("drawn", "1", "L", name, rows, columns, 0.2, acquisition="digital")
    pixels = np.zeros((rows, columns), np.float32)
    mammogram = Mammogram(info, pixels, around.mask, Orientation(rows, columns), lambda p: p)
    specks = catalogue_at(xy_mm, 0.2)
    return [
        grains.kind for grains in find_grains(specks, around, mammogram, np.ones(len(specks), dtype=bool))
    ]


@pytest.mark.parametrize(
    ("place", "name", "kind"),
    [
        (strewn((20, 20), (15, 15)), "MLO", "deodorant"),
        (strewn((68, 133), (8, 18)), "MLO", "powder"),
        (strewn((7, 80), (8, 25)), "CC", "powder"),
        (strewn((25, 8), (20, 5)), "CC", "deodorant"),
    ],
    ids=["in the armpit", "along the skin below", "in the fold at the chest wall", "at the lateral skin"],
)
def test_crowds_of_grains_in_folds_of_the_skin_are_named(place: Points, name: ViewName, kind: str) -> None:
    assert grains_at(place, name) == [kind]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (strewn((50, 80), (20, 20)), "MLO"),
        (strewn((7, 80), (6, 8)), "CC"),
        (strewn((20, 20), (15, 15), count=12), "MLO"),
        (strewn((88, 80), (12, 24)), "CC"),
        (strewn((70, 110), (45, 8)), "MLO"),
    ],
    ids=["in mid breast", "a tight group", "few", "behind the nipple", "a segment that begins at the skin"],
)
def test_groups_of_calcifications_are_no_grains(place: Points, name: ViewName) -> None:
    assert grains_at(place, name) == []


def lines_in_a_breast(
    count: int, apart_mm: float, turn_deg: float = 0.0, width_mm: float = 0.3, crossed: bool = False
) -> list[str]:
    """What is named where bright lines of 8 mm run side by side, each turned by so much against the last."""
    around = half_ellipse(60, 60, 0.1)
    rows, columns = around.mask.shape
    lines = np.zeros((rows, columns), np.float32)
    for n in range(count):
        along = np.array([np.cos(n * np.radians(turn_deg)), np.sin(n * np.radians(turn_deg))])
        middle = np.array([350, 380 + n * apart_mm * 10])
        ends = np.round(np.stack([middle - 40 * along, middle + 40 * along])).astype(np.int32)
        cv2.polylines(lines, [ends], False, 1, round(10 * width_mm))
    if crossed:
        cv2.line(lines, (320, 370), (380, 380 + round(count * apart_mm * 10)), 1, 2)
    pixels = 0.4 * around.mask + 0.15 * cv2.GaussianBlur(lines, (0, 0), 1.0)
    return named_in(pixels.astype(np.float32), around)


def named_in(pixels: Float, around: Breast) -> list[str]:
    """What is named in a digital view of these pixels of 0.1 mm in which no speck was found."""
    rows, columns = pixels.shape
    info = ViewInfo("drawn", "1", "L", "CC", rows, columns, 0.1, acquisition="digital")
    mammogram = Mammogram(info, pixels, around.mask, Orientation(rows, columns), lambda p: p)
    return [mimic.kind for mimic in find_mimics(SpeckCatalogue.empty(0.1), around, mammogram)[0]]


def test_strokes_side_by_side_are_cream() -> None:
    assert lines_in_a_breast(5, apart_mm=1.0) == ["cream"]


def test_a_few_broad_strokes_are_cream() -> None:
    assert lines_in_a_breast(4, apart_mm=1.6, width_mm=0.6) == ["cream"]


def test_a_crease_that_crosses_the_strokes_hides_no_cream() -> None:
    assert lines_in_a_breast(5, apart_mm=1.2, crossed=True) == ["cream"]


def test_a_ball_partly_over_bright_skin_is_a_marker() -> None:
    around = half_ellipse(60, 60, 0.1)
    skin = np.clip(1.6 - around.skin_distance_mm / 3, 0.3, 1) * around.mask
    assert named_in(skin.astype(np.float32), around) == []
    ball = np.zeros(skin.shape, np.float32)
    cv2.circle(ball, (575, 600), 11, 1, -1)
    pixels = np.maximum(skin, cv2.GaussianBlur(ball, (0, 0), 0.6) * 1.2)
    assert named_in(np.minimum(pixels, 1).astype(np.float32), around) == ["marker"]


def test_noise_at_the_border_of_a_clip_does_not_hide_it() -> None:
    around = half_ellipse(60, 60, 0.1)
    bar = np.zeros(around.mask.shape, np.float32)
    cv2.line(bar, (300, 600), (330, 625), 1, 5)
    pixels = np.minimum(0.4 * around.mask + 1.2 * cv2.GaussianBlur(bar, (0, 0), 0.6), 1).astype(np.float32)
    assert named_in(pixels, around) == ["clip"]
    row, column = np.nonzero(cv2.distanceTransform((pixels >= 0.995).astype(np.uint8), cv2.DIST_L2, 5) == 2)
    pixels[row[::9], column[::9]] = 0.98
    assert named_in(pixels, around) == ["clip"]


@pytest.mark.parametrize(
    ("count", "apart_mm", "turn_deg"),
    [(2, 1.0, 0.0), (5, 5.0, 0.0), (5, 1.2, 30.0)],
    ids=["a vessel beside another", "folds far apart", "ligaments that cross"],
)
def test_fibres_and_folds_are_no_cream(count: int, apart_mm: float, turn_deg: float) -> None:
    assert lines_in_a_breast(count, apart_mm, turn_deg) == []
