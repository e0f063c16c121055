"""What lies on the skin in simulated views."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.phantom.anatomy import grow
from calcscope.phantom.geometry import CompressedBreast, project
from calcscope.phantom.marks import MATERIALS, make_mark
from calcscope.phantom.materials import attenuation
from calcscope.phantom.model import Pose, Tissue, random_for
from calcscope.phantom.tissue import tissue_of


@pytest.fixture(scope="module")
def view() -> tuple[CompressedBreast, Tissue]:
    anatomy = grow(3)
    projection = project(anatomy, Pose("L", "MLO"), 0.2)
    return projection, tissue_of(anatomy, projection)


@pytest.mark.parametrize("kind", sorted(MATERIALS))
def test_a_mark_lies_in_the_image_of_a_known_material(
    kind: str, view: tuple[CompressedBreast, Tissue]
) -> None:
    projection, tissue = view
    mark = make_mark(kind, projection, tissue, random_for(1, kind))
    assert 0 <= mark.x < projection.columns
    assert 0 <= mark.y < projection.rows
    assert mark.patches[0].thickness_mm.max() > 0
    assert mark.material is not None
    assert attenuation(mark.material, 20.0) > 0
    if kind == "marker":
        assert mark.patches[0].thickness_mm.max() == pytest.approx(mark.extent_mm / np.sqrt(2), abs=0.25)


@pytest.mark.parametrize("kind", ["deodorant", "powder", "cream", "marker"])
@pytest.mark.parametrize("seed", range(4))
def test_what_lies_on_the_skin_lies_over_the_breast(
    kind: str, seed: int, view: tuple[CompressedBreast, Tissue]
) -> None:
    projection, tissue = view
    patch = make_mark(kind, projection, tissue, random_for(seed, kind)).patches[0]
    laid = np.argwhere(patch.thickness_mm > 0)[:, ::-1] + 0.5 - np.array(patch.thickness_mm.shape[::-1]) / 2
    at = np.array([patch.x, patch.y]) + laid * patch.step_mm
    column, row = np.floor((at - projection.origin_mm) / projection.pixel_mm).astype(int).T
    seen = (row >= 0) & (column >= 0) & (row < projection.rows) & (column < projection.columns)
    assert tissue.mask[row[seen], column[seen]].mean() > 0.98


def test_deodorant_lies_in_the_upper_part_of_the_view(view: tuple[CompressedBreast, Tissue]) -> None:
    projection, tissue = view
    for seed in range(5):
        assert make_mark("deodorant", projection, tissue, random_for(seed)).y < 0.35 * projection.rows


def test_an_unknown_mark_is_refused(view: tuple[CompressedBreast, Tissue]) -> None:
    with pytest.raises(KeyError):
        make_mark("tattoo", *view, random_for(1))
