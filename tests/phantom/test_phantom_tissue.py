"""Maps of tissue of one view."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from calcscope.phantom.anatomy import GrownAnatomy, grow
from calcscope.phantom.fields import power_law
from calcscope.phantom.geometry import CompressedBreast, project
from calcscope.phantom.model import Pose, Tissue
from calcscope.phantom.tissue import tissue_of

Case = tuple[GrownAnatomy, CompressedBreast, Tissue]


@pytest.fixture(scope="module", params=["CC", "MLO"])
def case(request: pytest.FixtureRequest) -> Case:
    breast = grow(31, density="c", nipple_depth_mm=70)
    projection = project(breast, Pose("L", request.param, seed=31), 0.2)
    return breast, projection, tissue_of(breast, projection)


def falloff(picture: np.ndarray, pixel_mm: float, low: float, high: float) -> float:  # type: ignore[type-arg]
    """Exponent of the power spectrum of a square picture between two frequencies, per mm."""
    window = np.outer(np.hanning(len(picture)), np.hanning(len(picture)))
    power = np.abs(np.fft.fft2((picture - picture.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(len(picture), pixel_mm)] * 2))
    edges = np.geomspace(low, high, 12)
    bands = [(frequency >= a) & (frequency < b) for a, b in itertools.pairwise(edges)]
    means = [power[band].mean() for band in bands]
    return float(-np.polyfit(np.log(np.sqrt(edges[:-1] * edges[1:])), np.log(means), 1)[0])


def test_a_power_law_field_falls_as_asked() -> None:
    field = power_law((512, 512), 0.1, np.random.default_rng(1))
    assert falloff(field, 0.1, 0.2, 3) == pytest.approx(3.0, abs=0.15)


def test_the_parts_fit_into_the_whole(case: Case) -> None:
    _, _, tissue = case
    parts = (tissue.gland, tissue.fibre, tissue.skin, tissue.muscle)
    for part in (*parts, tissue.thickness):
        assert part.dtype == np.float32
        assert part.shape == tissue.mask.shape
        assert part.min() >= 0
        assert not part[~tissue.mask].any()
    assert (sum(parts) <= tissue.thickness + 0.01).all()


def test_what_lies_in_the_breast_falls_into_the_mask(case: Case) -> None:
    breast, projection, tissue = case
    points = np.concatenate([duct.path for duct in breast.ducts])
    column, row = np.round(projection.to_pixels(points[breast.inside(points, 1.0)])).astype(int).T
    seen = (column >= 0) & (row >= 0) & (row < projection.rows) & (column < projection.columns)
    assert tissue.mask[row[seen], column[seen]].all()


def test_the_nipple_is_where_the_projection_puts_it_on_the_skin(case: Case) -> None:
    breast, projection, tissue = case
    nipple = projection.to_pixels(np.array([[breast.nipple_depth_mm, 0, 0]]))[0]
    assert tissue.nipple == pytest.approx(tuple(nipple))
    away = np.linalg.norm(tissue.skin_line - nipple, axis=1).min() * projection.pixel_mm
    assert away < 10


def test_only_mlo_shows_the_pectoral_muscle_behind_its_line(case: Case) -> None:
    _, projection, tissue = case
    if projection.pose.view != "MLO":
        assert tissue.pectoral_line is None
        assert not tissue.muscle.any()
        return
    assert tissue.pectoral_line is not None
    (top_x, top_y), (low_x, low_y) = tissue.pectoral_line
    assert top_y == pytest.approx(-0.5)
    assert low_x == pytest.approx(-0.5)
    row = int(low_y / 3)
    border = top_x * (1 - row / low_y)
    step = 8 / projection.pixel_mm
    assert tissue.muscle[row, int(border - step)] > 5
    assert tissue.muscle[row, int(border + step)] < 0.5


def test_the_same_view_is_drawn_the_same(case: Case) -> None:
    breast, projection, tissue = case
    again = tissue_of(breast, projection)
    assert np.array_equal(again.gland, tissue.gland)
    assert np.array_equal(again.fibre, tissue.fibre)


def test_the_spectrum_of_tissue_falls_as_on_mammograms() -> None:
    breast = grow(44, density="c", nipple_depth_mm=85)
    projection = project(breast, Pose("L", "CC", seed=1), 0.1)
    tissue = tissue_of(breast, projection)
    column, row = (int(v) for v in projection.to_pixels(np.array([[breast.nipple_depth_mm * 0.55, 0, 0]]))[0])
    dense = (tissue.gland + tissue.fibre)[row - 256 : row + 256, column - 256 : column + 256]
    assert falloff(dense, 0.1, 0.1, 1.5) == pytest.approx(3.0, abs=0.5)


def test_skin_is_brightest_along_the_outline() -> None:
    breast = grow(6, density="a", nipple_depth_mm=75)
    projection = project(breast, Pose("L", "CC", seed=6), 0.1)
    tissue = tissue_of(breast, projection)
    row = int(tissue.nipple[1] - 300)
    edge = int(np.flatnonzero(tissue.mask[row])[-1])
    flat = tissue.skin[row - 200 : row + 200, edge - 500 : edge - 300]
    # Twice 1.5 mm, and not everywhere the same.
    assert np.median(flat) == pytest.approx(3.0, abs=0.4)
    assert 0.05 < flat.std() < 0.7
    assert tissue.skin[row, edge - 30 : edge].max() > 3 * np.median(flat)
