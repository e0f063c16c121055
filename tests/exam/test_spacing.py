"""The pixel size: which attribute counts, and which sizes are refused."""

from __future__ import annotations

from typing import Any

import pytest
from exam.builders import mg_dataset

from calcscope.errors import UnreadableInput
from calcscope.exam import ReadOptions
from calcscope.exam.spacing import Spacing, spacing_of

NONE_STATED: dict[str, Any] = {"ImagerPixelSpacing": None}


def spacing(pixel_mm: float | None = None, **attributes: Any) -> Spacing:
    return spacing_of(mg_dataset(**attributes), "a.dcm", ReadOptions(pixel_mm=pixel_mm))


def test_detector_spacing_is_divided_by_the_stated_magnification() -> None:
    found = spacing(ImagerPixelSpacing=[0.09, 0.09], EstimatedRadiographicMagnificationFactor=1.8)
    assert (found.pixel_mm, found.magnification) == (pytest.approx(0.05), 1.8)


def test_detector_spacing_counts_before_pixel_spacing() -> None:
    assert spacing(ImagerPixelSpacing=[0.1, 0.1], PixelSpacing=[0.07, 0.07]).pixel_mm == pytest.approx(0.1)


def test_pixel_spacing_lies_in_the_patient_and_is_not_divided() -> None:
    found = spacing(**NONE_STATED, PixelSpacing=[0.08, 0.08], EstimatedRadiographicMagnificationFactor=1.6)
    assert found.pixel_mm == pytest.approx(0.08)


def test_the_spacing_of_a_scanned_film() -> None:
    assert spacing(**NONE_STATED, NominalScannedPixelSpacing=[0.05, 0.05]).pixel_mm == pytest.approx(0.05)


@pytest.mark.parametrize("keyword", ["DetectorElementSpacing", "DetectorElementPhysicalSize"])
def test_detector_elements_count_times_binning_over_magnification(keyword: str) -> None:
    attributes = {keyword: [0.05, 0.05], "DetectorBinning": [2, 2]}
    found = spacing(**NONE_STATED, **attributes, EstimatedRadiographicMagnificationFactor=1.25)
    assert found.pixel_mm == pytest.approx(0.08)


def test_what_the_user_states_counts_where_the_header_is_silent() -> None:
    assert spacing(pixel_mm=0.0435, **NONE_STATED) == Spacing(0.0435, 1.0, ())


def test_the_header_wins_over_the_user_with_a_warning() -> None:
    found = spacing(pixel_mm=0.05, ImagerPixelSpacing=[0.07, 0.07])
    assert found.pixel_mm == pytest.approx(0.07)
    assert "0.05" in found.warnings[0]
    assert spacing(pixel_mm=0.0701, ImagerPixelSpacing=[0.07, 0.07]).warnings == ()


def test_no_spacing_is_refused_and_says_how_to_give_it() -> None:
    with pytest.raises(UnreadableInput, match="--pixel-mm"):
        spacing(**NONE_STATED)


@pytest.mark.filterwarnings("ignore:Invalid value for VR DS")
@pytest.mark.parametrize(
    "values", [[0, 0], [-0.07, -0.07], [7, 7], [0.0001, 0.0001], [0.07, 0.14], ["NaN", "NaN"]]
)
def test_impossible_spacing_is_refused_unless_the_user_states_one(values: list[Any]) -> None:
    with pytest.raises(UnreadableInput, match="Imager Pixel Spacing"):
        spacing(ImagerPixelSpacing=values)
    found = spacing(pixel_mm=0.07, ImagerPixelSpacing=values)
    assert found.pixel_mm == 0.07
    assert len(found.warnings) == 1


@pytest.mark.parametrize("factor", [0, 0.5, 40])
def test_an_impossible_magnification_is_not_used(factor: float) -> None:
    found = spacing(EstimatedRadiographicMagnificationFactor=factor)
    assert (found.pixel_mm, found.magnification) == (pytest.approx(0.07), 1.0)
    assert len(found.warnings) == 1


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 5.0])
def test_the_user_cannot_state_nonsense(value: float) -> None:
    with pytest.raises(ValueError, match="pixel size"):
        ReadOptions(pixel_mm=value)
