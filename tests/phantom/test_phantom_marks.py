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
