"""Every way in which DICOM packs the pixels of a mammogram gives the same image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exam.builders import as_jpeg_baseline, draw_breast, mg_dataset, save, tomo_dataset
from numpy.typing import NDArray
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from calcscope.exam import Mammogram, ReadOptions, read_exams


def load_only(path: Path, options: ReadOptions | None = None) -> Mammogram:
    exams, failures = read_exams([path], options)
    assert failures == []
    assert len(exams) == 1
    (view,) = exams[0].views
    return view.load()


def stored(mammogram: Mammogram, bits: int) -> NDArray[np.int64]:
    """The stored values in the order of the source image."""
    whole = np.rint(mammogram.pixels.astype(np.float64) * ((1 << bits) - 1)).astype(np.int64)
    rows, columns = np.mgrid[: whole.shape[0], : whole.shape[1]]
    source = mammogram.orientation.to_source(np.stack([columns.ravel(), rows.ravel()], axis=1)).astype(int)
    image = np.zeros((mammogram.info.rows, mammogram.info.columns), dtype=np.int64)
    image[source[:, 1], source[:, 0]] = whole.ravel()
    return image


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
)
@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16)])
def test_native_syntaxes_keep_every_value(tmp_path: Path, syntax: str, dtype: type, bits: int) -> None:
    pixels = draw_breast(bits=bits).astype(dtype)
    ds = mg_dataset(pixels, bits=bits)
    ds.file_meta.TransferSyntaxUID = syntax
    mammogram = load_only(save(ds, tmp_path / "IM0001"))
    np.testing.assert_array_equal(stored(mammogram, bits), pixels)


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 12)])
def test_big_endian(tmp_path: Path, dtype: type, bits: int) -> None:
    pixels = draw_breast(bits=bits).astype(dtype)
    ds = mg_dataset(pixels, bits=bits)
    ds.PixelData = pixels.astype(np.dtype(dtype).newbyteorder(">")).tobytes()
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    np.testing.assert_array_equal(stored(load_only(save(ds, tmp_path / "a.dcm")), bits), pixels)


def test_signed_values_map_the_lowest_to_zero(tmp_path: Path) -> None:
    pixels = draw_breast().astype(np.int16) - 2048
    mammogram = load_only(save(mg_dataset(pixels), tmp_path / "signed.dcm"))
    np.testing.assert_array_equal(stored(mammogram, 12), pixels.astype(np.int64) + 2048)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("bits", [8, 12])
def test_lossless_compression_keeps_every_value(tmp_path: Path, syntax: str, bits: int) -> None:
    pixels = draw_breast(bits=bits).astype(np.uint8 if bits == 8 else np.uint16)
    ds = mg_dataset(pixels, bits=bits)
    ds.compress(syntax, generate_instance_uid=False)
    np.testing.assert_array_equal(stored(load_only(save(ds, tmp_path / "a.dcm")), bits), pixels)


@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1])
def test_jpeg_lossless(tmp_path: Path, syntax: str) -> None:
    gdcm = pytest.importorskip("gdcm", reason="only GDCM encodes lossless JPEG here")
    pixels = draw_breast()
    plain = save(mg_dataset(pixels), tmp_path / "plain.dcm")
    reader = gdcm.ImageReader()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    kinds = {
        JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
        JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    }
    change.SetTransferSyntax(gdcm.TransferSyntax(kinds[syntax]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(tmp_path / "lossless.dcm"))
    assert writer.Write()
    np.testing.assert_array_equal(stored(load_only(tmp_path / "lossless.dcm"), 12), pixels)


def test_jpeg_baseline_is_close(tmp_path: Path) -> None:
    pixels = draw_breast(bits=8).astype(np.uint8)
    ds = as_jpeg_baseline(mg_dataset(pixels, bits=8))
    found = stored(load_only(save(ds, tmp_path / "a.dcm")), 8)
    assert np.abs(found - pixels).mean() < 2


def test_a_jpeg_with_a_wrong_scan_header_reads_all_the_same(tmp_path: Path) -> None:
    ds = as_jpeg_baseline(mg_dataset(draw_breast(bits=8).astype(np.uint8), bits=8))
    sound = stored(load_only(save(ds, tmp_path / "sound.dcm")), 8)
    # Spectral selection of the only scan: 0 to 0 in place of 0 to 63.
    position = ds.PixelData.index(b"\xff\xda") + 2 + 1 + 2 + 1 + 2
    assert ds.PixelData[position - 1 : position + 2] == b"\x00\x3f\x00"
    ds.PixelData = ds.PixelData[:position] + b"\x00" + ds.PixelData[position + 1 :]
    np.testing.assert_array_equal(stored(load_only(save(ds, tmp_path / "a.dcm")), 8), sound)


def test_the_sample_that_one_decoder_refuses_reads_like_its_twin(shared_data: Path) -> None:
    options = ReadOptions(pixel_mm=0.05)
    jpeg = load_only(shared_data / "dicom" / "MG1_JPLY.dcm", options)
    jpeg_2000 = load_only(shared_data / "dicom" / "MG1_J2KI.dcm", options)
    # Both were compressed ten times, with loss, from the same film.
    assert jpeg.pixels.shape == (4664, 3064)
    assert np.abs(jpeg.pixels - jpeg_2000.pixels).mean() < 0.01


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless])
def test_tomosynthesis_slices_load_one_by_one(tmp_path: Path, syntax: str) -> None:
    slices = np.stack([draw_breast(seed=seed) for seed in range(3)])
    ds = tomo_dataset(slices)
    if syntax != ExplicitVRLittleEndian:
        ds.compress(syntax, generate_instance_uid=False)
    exams, failures = read_exams([save(ds, tmp_path / "tomo.dcm")])
    assert failures == []
    (view,) = exams[0].views
    assert (view.info.slices, view.info.laterality, view.info.view) == (3, "L", "MLO")
    assert view.info.pixel_mm == pytest.approx(0.1)
    for number in range(3):
        mammogram = view.load(number)
        assert mammogram.slice == number
        np.testing.assert_array_equal(stored(mammogram, 12), slices[number])
    assert view.load().slice == 1
    with pytest.raises(IndexError):
        view.load(3)


@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_preamble_and_file_meta(tmp_path: Path, implicit: bool) -> None:
    pixels = draw_breast()
    ds = mg_dataset(pixels)
    del ds.file_meta
    path = tmp_path / "bare"
    ds.save_as(path, enforce_file_format=False, implicit_vr=implicit, little_endian=True)
    assert path.read_bytes()[:2] == b"\x08\x00"
    np.testing.assert_array_equal(stored(load_only(path), 12), pixels)
