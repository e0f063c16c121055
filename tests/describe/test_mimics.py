"""What lies on the skin or the film is told from calcium."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from calcscope.describe import Mimic, find_mimics
from calcscope.evaluate.drawn import Scene, draw_kind, draw_mimic
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
