"""What stored values mean: one scale for the engine, and grey as the header asks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exam.builders import dataset, draw_breast, mg_dataset, save
from numpy.typing import NDArray
from pydicom.pixels import apply_voi_lut
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForProcessing,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from calcscope.exam import Mammogram, read_exams

Load = Callable[..., Mammogram]


@pytest.fixture(params=[ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Load:
    """Write a mammogram with given pixels and attributes, and load it.

    Once in each syntax: implicit VR leaves the type of padding values and tables to the reader.
    """

    def load(pixels: NDArray[Any] | None = None, **attributes: Any) -> Mammogram:
        ds = mg_dataset(pixels, patient_orientation=["A", "F"], **attributes)
        ds.file_meta.TransferSyntaxUID = request.param
        exams, failures = read_exams([save(ds, tmp_path / "a.dcm")])
        assert failures == []
        return exams[0].views[0].load()

    return load


def test_the_stored_range_becomes_zero_to_one(load: Load) -> None:
    pixels = draw_breast()
    mammogram = load(pixels)
    assert mammogram.pixels.dtype == np.float32
    np.testing.assert_allclose(mammogram.pixels, pixels / 4095, atol=1e-6)
    assert mammogram.valid.all()


def test_monochrome1_is_turned_so_that_dense_is_bright(load: Load) -> None:
    pixels = draw_breast()
    mammogram = load((4095 - pixels).astype(np.uint16), PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_allclose(mammogram.pixels, pixels / 4095, atol=1e-6)


def test_a_falling_rescale_turns_the_scale(load: Load) -> None:
    pixels = draw_breast()
    falling = load((4095 - pixels).astype(np.uint16), RescaleSlope=-1, RescaleIntercept=4095)
    np.testing.assert_allclose(falling.pixels, pixels / 4095, atol=1e-6)


def test_a_modality_lut_goes_before_the_scale(load: Load) -> None:
    pixels = draw_breast()
    table = (np.arange(4096, dtype=np.float64) ** 2 / 4095).astype(np.uint16)
    lut = dataset(LUTDescriptor=[4096, 0, 16], LUTData=table.tobytes(), ModalityLUTType="US")
    mammogram = load(pixels, ModalityLUTSequence=[lut])
    np.testing.assert_allclose(mammogram.pixels, table[pixels] / table.max(), atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_raw_images_become_linear_in_attenuation(load: Load, photometric: str) -> None:
    # Exposure transmitted through 5 to 0 layers of tissue, thickest at the chest wall.
    layers = np.tile(np.repeat(np.arange(6)[::-1], 20), (120, 1))
    exposure = np.rint(16000 * np.exp(-0.8 * layers)).astype(np.uint16)
    mammogram = load(
        exposure,
        bits=14,
        SOPClassUID=DigitalMammographyXRayImageStorageForProcessing,
        PresentationIntentType="FOR PROCESSING",
        PixelIntensityRelationship="LIN",
        PixelIntensityRelationshipSign=1,
        PhotometricInterpretation=photometric,
    )
    assert mammogram.info.processing == "processing"
    levels = mammogram.pixels[60, 10::20]
    # Denser is brighter whatever the photometric interpretation: the sign of the relationship decides.
    assert levels[0] > levels[-1]
    np.testing.assert_allclose(np.diff(levels), np.diff(levels).mean(), rtol=0.01)


def test_padding_is_not_valid_and_as_dark_as_air(load: Load) -> None:
    pixels = draw_breast()
    pixels[:, -30:] = 4000
    pixels[:20, -60:-30] = 4010
    mammogram = load(pixels, PixelPaddingValue=4000, PixelPaddingRangeLimit=4010)
    expected = np.ones(pixels.shape, dtype=bool)
    expected[:, -30:] = False
    expected[:20, -60:-30] = False
    np.testing.assert_array_equal(mammogram.valid, expected)
    assert mammogram.pixels[~mammogram.valid].max() == 0


def test_padding_that_bits_stored_cannot_hold_does_not_squeeze_the_scale(load: Load) -> None:
    pixels = draw_breast()
    padded = pixels.copy()
    padded[:, -30:] = 65535
    mammogram = load(padded, PixelPaddingValue=65535)
    np.testing.assert_allclose(mammogram.pixels[:, :-30], pixels[:, :-30] / 4095, atol=1e-6)
    assert not mammogram.valid[:, -30:].any()
    assert mammogram.valid[:, :-30].all()
    assert mammogram.info.warnings == ()


def test_a_declared_collimator_bounds_the_valid_field(load: Load) -> None:
    mammogram = load(
        CollimatorShape="RECTANGULAR",
        CollimatorLeftVerticalEdge=0,
        CollimatorRightVerticalEdge=200,
        CollimatorUpperHorizontalEdge=21,
        CollimatorLowerHorizontalEdge=301,
    )
    rows, columns = np.flatnonzero(mammogram.valid.any(axis=1)), np.flatnonzero(mammogram.valid.any(axis=0))
    # Columns and rows count from 1 there, and those of the edges belong to the collimator.
    assert (columns[0], columns[-1], rows[0], rows[-1]) == (0, 198, 21, 299)


def test_values_in_the_upper_bits_come_down(load: Load) -> None:
    pixels = draw_breast()
    mammogram = load(pixels << 4, HighBit=15)
    np.testing.assert_allclose(mammogram.pixels, pixels / 4095, atol=1e-6)


def test_overlays_in_unused_bits_are_cleared(tmp_path: Path) -> None:
    pixels = draw_breast()
    written = pixels.copy()
    written[50:60] |= 1 << 14
    ds = mg_dataset(written, patient_orientation=["A", "F"])
    ds.add_new((0x6000, 0x0102), "US", 14)
    exams, _ = read_exams([save(ds, tmp_path / "a.dcm")])
    np.testing.assert_allclose(exams[0].views[0].load().pixels, pixels / 4095, atol=1e-6)


def test_values_beyond_bits_stored_widen_the_scale_with_a_warning(load: Load) -> None:
    mammogram = load(draw_breast(bits=14), BitsStored=12, HighBit=11)
    np.testing.assert_allclose(mammogram.pixels, draw_breast(bits=14) / 16383, atol=1e-6)
    assert any("14 bits" in warning for warning in mammogram.info.warnings)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("rescale", [(1, 0), (2, -100)])
def test_windows_display_as_pydicom_does(load: Load, function: str, rescale: tuple[int, int]) -> None:
    pixels = draw_breast()
    slope, intercept = rescale
    window = {
        "WindowCenter": 1800 * slope + intercept,
        "WindowWidth": 1500 * slope,
        "VOILUTFunction": function,
    }
    both = {"RescaleSlope": slope, "RescaleIntercept": intercept}
    mammogram = load(pixels, **window, **both)
    expected = apply_voi_lut(
        pixels.astype(np.float64) * slope + intercept, mg_dataset(pixels, **window, **both)
    )
    low, high = intercept, 4095 * slope + intercept
    np.testing.assert_allclose(
        mammogram.display(mammogram.pixels), (expected - low) / (high - low), atol=2e-3
    )


def test_a_voi_lut_displays_as_pydicom_does(load: Load) -> None:
    pixels = draw_breast()
    table = np.rint(1023 * np.linspace(0, 1, 3000) ** 0.5).astype(np.uint16)
    lut = dataset(LUTDescriptor=[3000, 500, 10], LUTData=table.tobytes())
    mammogram = load(pixels, VOILUTSequence=[lut])
    expected = apply_voi_lut(pixels, mg_dataset(pixels, VOILUTSequence=[lut]))
    np.testing.assert_allclose(mammogram.display(mammogram.pixels), expected / 1023, atol=2e-3)


def test_the_window_of_a_monochrome1_image_shows_dense_bright(load: Load) -> None:
    pixels = draw_breast()
    upright = load(pixels, WindowCenter=1800, WindowWidth=1500, VOILUTFunction="LINEAR_EXACT")
    inverted = load(
        (4095 - pixels).astype(np.uint16),
        WindowCenter=4095 - 1800,
        WindowWidth=1500,
        VOILUTFunction="LINEAR_EXACT",
        PhotometricInterpretation="MONOCHROME1",
    )
    shown = upright.display(upright.pixels)
    np.testing.assert_allclose(inverted.display(inverted.pixels), shown, atol=2e-3)


@pytest.mark.parametrize("window", [{}, {"WindowCenter": "2000", "WindowWidth": "0"}])
def test_without_usable_window_the_image_fills_the_grey_scale(load: Load, window: dict[str, str]) -> None:
    mammogram = load((draw_breast() // 8).astype(np.uint16), **window)
    grey = mammogram.display(mammogram.pixels)
    assert grey.dtype == np.float32
    assert (grey.min(), grey.max()) == (0, 1)
    assert 0.3 < float(np.median(grey[100:250, 5:60])) < 0.95
