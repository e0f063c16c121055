"""Calcified vessels are told from ducts, rods and fibres."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calcscope.breast import Breast, locate_breast
from calcscope.describe import describe_all_singles, find_vessels
from calcscope.describe.vessels import fit_tracks
from calcscope.exam import Mammogram, ReadOptions, read_exams
from calcscope.phantom.drawn.scenes import draw_kind, draw_morphology
from calcscope.specks import SpeckCatalogue, find_specks

ARTERIES = [
    (75, 1312), (130, 1328), (205, 1329), (372, 1620), (460, 1945), (490, 2030), (480, 3240), (580, 3240),
    (1165, 3253), (1240, 3256), (1465, 3205), (1720, 3192), (1857, 3110), (455, 3430), (540, 3500),
    (650, 3575), (890, 3665), (965, 3705), (1070, 3745), (1615, 3738),
]  # fmt: skip
"""Column and row of places on four calcified arteries of the film MG1, by eye."""
SPECKS_OF_THE_MASS = (1235, 2035)
"""Specks at the rim of the mass of that film, away from any vessel."""


def look(path: Path, pixel_mm: float) -> tuple[SpeckCatalogue, Breast, Mammogram]:
    [exam], _ = read_exams([path], ReadOptions(pixel_mm=pixel_mm))
    mammogram = exam.views[0].load()
    breast = locate_breast(mammogram)
    return find_specks(mammogram, breast), breast, mammogram


def test_a_vessel_is_one_finding_and_its_marks_are_vascular() -> None:
    scene = draw_kind("vascular", 2000)
    catalogue = find_specks(scene.mammogram, scene.breast)
    vessels = find_vessels(catalogue, scene.breast, scene.mammogram)
    assert len(vessels) == 1
    kinds = describe_all_singles(catalogue, scene.breast, scene.mammogram, vessels)
    assert {kinds[i] for i in vessels[0]} == {"vascular"}


@pytest.mark.parametrize("term", ["fine_linear", "fine_linear_branching"])
def test_casts_along_one_duct_are_no_vessel(term: str) -> None:
    for seed in range(2000, 2006):
        scene = draw_morphology(term, seed)
        catalogue = find_specks(scene.mammogram, scene.breast)
        assert find_vessels(catalogue, scene.breast, scene.mammogram) == []


@pytest.mark.parametrize("kind", ["rod", "suture", "popcorn"])
def test_other_large_calcifications_are_no_vessel(kind: str) -> None:
    for seed in range(2000, 2002):
        scene = draw_kind(kind, seed)
        catalogue = find_specks(scene.mammogram, scene.breast)
        assert find_vessels(catalogue, scene.breast, scene.mammogram) == []


def test_the_arteries_of_a_film_are_vessels_and_the_specks_of_its_mass_are_not(shared_data: Path) -> None:
    catalogue, breast, mammogram = look(shared_data / "dicom" / "MG1_J2KI.dcm", 0.05)
    vessels = find_vessels(catalogue, breast, mammogram)
    on_vessel = np.zeros(len(catalogue), dtype=bool)
    on_vessel[np.concatenate(vessels)] = True
    to_artery = np.hypot(*(catalogue.xy[:, None] - np.array(ARTERIES)).transpose(2, 0, 1)).min(axis=1) * 0.05
    probable = catalogue.probability >= 0.5
    assert on_vessel[probable & (to_artery < 2)].mean() > 0.9
    # Nearly every place by eye lies near a mark of a vessel.
    reached = [
        (np.hypot(*(catalogue.xy[on_vessel] - place).T) * 0.05).min() < 2.5 for place in np.array(ARTERIES)
    ]
    assert sum(reached) >= len(ARTERIES) - 2
    to_mass = np.hypot(*(catalogue.xy - SPECKS_OF_THE_MASS).T) * 0.05
    assert not on_vessel[to_mass < 10].any()
    assert (to_mass[probable] < 10).sum() >= 4


def test_fibres_of_films_are_no_vessels(films: dict[str, Path]) -> None:
    for name in ("1-131.dcm", "1-133.dcm"):
        assert find_vessels(*look(films[name], 0.0435)) == []


def test_fibres_of_a_digital_view_are_no_vessels(shared_data: Path) -> None:
    assert find_vessels(*look(shared_data / "ffdm" / "gmic_0_R-MLO.png", 0.07)) == []


def test_tracks_of_a_vessel_that_narrows_are_fitted_when_they_may() -> None:
    along = np.arange(0.0, 20.0, 0.25)
    apart = np.interp(along, (0, 20), (1.2, 0.5))
    tracks = np.concatenate([np.stack([along, apart], axis=1), np.stack([along, -apart], axis=1)])
    even, narrowing = fit_tracks(tracks), fit_tracks(tracks, widening=2)
    assert even is not None
    assert narrowing is not None
    assert narrowing.spread < 0.05 < even.spread
    assert narrowing.half_width == pytest.approx(0.85, abs=0.05)
