"""Shapes and typical kinds named on drawn scenes, through detection."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calcscope.breast import locate_breast
from calcscope.describe import (
    GroupDescription,
    describe_all_singles,
    describe_group,
    describe_single,
    find_vessels,
    is_milk_of_calcium,
)
from calcscope.evaluate.found import group_of
from calcscope.exam import ReadOptions, read_exams
from calcscope.phantom.drawn.scenes import MORPHOLOGIES, Scene, draw_kind, draw_morphology
from calcscope.specks import SpeckCatalogue, find_specks

LONE = ("popcorn", "rim", "lucent_centred", "round")
IN_GROUPS = ("skin", "vascular", "rod", "dystrophic", "milk_of_calcium", "suture")


def read(scene: Scene) -> tuple[SpeckCatalogue, GroupDescription]:
    catalogue = find_specks(scene.mammogram, scene.breast)
    group = group_of(scene, catalogue)
    assert group is not None
    return catalogue, describe_group(group, catalogue, scene.breast, scene.mammogram)


@pytest.mark.parametrize("term", MORPHOLOGIES)
def test_morphology_of_drawn_groups(term: str) -> None:
    described = [read(draw_morphology(term, seed))[1] for seed in range(2000, 2004)]
    assert [d.morphology for d in described].count(term) >= 3
    # A suspicious shape, or one that is benign only by its spread, is never called benign by its form.
    assert all(d.typical_kind is None for d in described)
    assert all(sum(d.morphology_probabilities.values()) == pytest.approx(1) for d in described)


@pytest.mark.parametrize("kind", LONE)
def test_kind_of_lone_drawn_calcifications(kind: str) -> None:
    named = []
    for seed in range(2000, 2004):
        scene = draw_kind(kind, seed)
        catalogue = find_specks(scene.mammogram, scene.breast)
        group = group_of(scene, catalogue)
        assert group is not None
        named.append(describe_single(int(group.members[0]), catalogue, scene.breast, scene.mammogram))
    assert named.count(kind) >= 3


@pytest.mark.parametrize("kind", IN_GROUPS)
def test_kind_of_drawn_groups(kind: str) -> None:
    named = [read(draw_kind(kind, seed))[1].typical_kind for seed in range(2000, 2003)]
    assert named.count(kind) >= 2


def test_real_coarse_round_calcifications_are_named_round_in_both_views(films: dict[str, Path]) -> None:
    """Case P_00820 of CBIS-DDSM holds a few, by eye at these places of the left CC and MLO films."""
    for name, x, y in (("1-280.dcm", 189, 2145), ("1-281.dcm", 787, 1614)):
        [exam], _ = read_exams([films[name]], ReadOptions(pixel_mm=0.0435))
        mammogram = exam.views[0].load()
        breast = locate_breast(mammogram)
        catalogue = find_specks(mammogram, breast)
        place = mammogram.orientation.to_canonical(np.array([[x, y]], dtype=float))[0]
        index = int(np.argmin(np.hypot(*(catalogue.xy - place).T)))
        assert np.hypot(*(catalogue.xy[index] - place)) * 0.0435 < 1
        assert describe_single(index, catalogue, breast, mammogram) == "round"


def test_milk_of_calcium_needs_a_true_lateral_view() -> None:
    scene = draw_kind("milk_of_calcium", 2000)
    assert read(scene)[1].typical_kind == "milk_of_calcium"
    oblique = replace(scene.mammogram, info=replace(scene.mammogram.info, view="MLO"))
    assert read(replace(scene, mammogram=oblique))[1].typical_kind is None


def test_milk_of_calcium_must_be_smudgy_from_above() -> None:
    lateral = read(draw_kind("milk_of_calcium", 2000))[1]
    above = read(draw_kind("milk_of_calcium", 2000, view="CC"))[1]
    casts = read(draw_morphology("fine_linear", 2000))[1]
    assert is_milk_of_calcium(lateral, above)
    assert not is_milk_of_calcium(lateral, casts)


def test_coarse_pixels_hide_fine_shapes_but_not_large_kinds() -> None:
    fine = read(draw_morphology("coarse_heterogeneous", 2000, pixel_mm=0.2))[1]
    assert fine.morphology == "not_assessable"
    assert fine.morphology_probabilities == {"not_assessable": 1.0}
    large = draw_kind("popcorn", 2000, pixel_mm=0.2)
    catalogue = find_specks(large.mammogram, large.breast)
    group = group_of(large, catalogue)
    assert group is not None
    kind = describe_single(int(group.members[0]), catalogue, large.breast, large.mammogram)
    assert kind in ("popcorn", "dystrophic")


def test_an_empty_view_has_no_vessels_and_no_kinds() -> None:
    scene = draw_kind("round", 2000)
    nothing = SpeckCatalogue.empty(scene.breast.pixel_mm)
    assert find_vessels(nothing, scene.breast, scene.mammogram) == []
    assert describe_all_singles(nothing, scene.breast, scene.mammogram) == []
