"""What lies on the skin or the film is told from calcium."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import cv2
import numpy as np
import pytest
from specks.drawn import breast, tissue, view

from calcscope.describe import Mimic, find_mimics
from calcscope.phantom.drawn.scenes import Scene, draw_kind, draw_mimic
from calcscope.specks import SpeckCatalogue, find_specks


def mimics_in(scene: Scene) -> list[Mimic]:
    catalogue = find_specks(scene.mammogram, scene.breast)
    mimics, is_mimic = find_mimics(catalogue, scene.breast, scene.mammogram)
    assert is_mimic.shape == (len(catalogue),)
    assert is_mimic.any() == bool(mimics)
    return mimics


@pytest.mark.parametrize("kind", ["deodorant", "powder", "metal"])
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


@pytest.mark.parametrize("kind", ["popcorn", "round", "dystrophic"])
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
