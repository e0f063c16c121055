"""PNG, PGM and TIFF files read like any other image when their pixel size is stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from exam.builders import draw_breast
from numpy.typing import NDArray
from PIL import Image, ImageFile

from calcscope.errors import UnreadableInput
from calcscope.exam import Mammogram, ReadOptions, read_exams

OPTIONS = ReadOptions(pixel_mm=0.07)


def load(path: Path, options: ReadOptions = OPTIONS) -> Mammogram:
    exams, failures = read_exams([path], options)
    assert failures == []
    return exams[0].views[0].load()


def reason(path: Path, options: ReadOptions = OPTIONS) -> str:
    exams, failures = read_exams([path], options)
    assert exams == []
    (failure,) = failures
    assert failure.source == str(path)
    return failure.reason


@pytest.mark.parametrize("suffix", ["png", "pgm", "tif"])
@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16)])
def test_every_format_and_depth(tmp_path: Path, suffix: str, dtype: Any, bits: int) -> None:
    image = draw_breast(bits=bits).astype(dtype)
    image[200, 20] = (1 << bits) - 1
    path = tmp_path / f"x_L_MLO.{suffix}"
    assert cv2.imwrite(str(path), image)
    mammogram = load(path)
    # A 16-bit file of a 12-bit image spans 0 to 1 as the 12-bit image does.
    np.testing.assert_allclose(mammogram.pixels, image / ((1 << bits) - 1), atol=1e-6)
    assert (mammogram.info.laterality, mammogram.info.view, mammogram.pixel_mm) == ("L", "MLO", 0.07)
    assert len(mammogram.info.warnings) == 2


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_grey_pictures_saved_as_colour(tmp_path: Path, suffix: str, channels: int) -> None:
    image = draw_breast(bits=8).astype(np.uint8)
    stacked = np.stack([image] * channels, axis=2)
    path = tmp_path / f"LMLO.{suffix}"
    assert cv2.imwrite(str(path), stacked)
    np.testing.assert_allclose(load(path).pixels, image / 255, atol=1e-6)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_tiff_where_zero_is_white(tmp_path: Path, bits: int, compression: str | None) -> None:
    image = draw_breast(bits=bits).astype(np.uint8 if bits == 8 else np.uint16)
    # Pillow inverts 8-bit images itself when it writes them as "white is zero".
    written = Image.fromarray(image if bits == 8 else 65535 - image)
    written.save(tmp_path / "LMLO.tif", compression=compression, tiffinfo={262: 0})
    np.testing.assert_allclose(load(tmp_path / "LMLO.tif").pixels, image / ((1 << bits) - 1), atol=1e-6)


def test_the_user_says_side_and_view_without_warning(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    cv2.imwrite(str(path), draw_breast())
    mammogram = load(path, ReadOptions(pixel_mm=0.07, laterality="R", view="MLO"))
    assert (mammogram.info.label, mammogram.info.warnings) == ("RMLO", ())


def test_a_contradicting_name_is_warned_about(tmp_path: Path) -> None:
    path = tmp_path / "LMLO.png"
    cv2.imwrite(str(path), draw_breast())
    mammogram = load(path, ReadOptions(pixel_mm=0.07, laterality="R", view="MLO"))
    assert mammogram.info.laterality == "R"
    assert len(mammogram.info.warnings) == 1


def test_what_is_not_stated_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    cv2.imwrite(str(path), draw_breast())
    assert "--pixel-mm" in reason(path, ReadOptions(laterality="L", view="CC"))
    assert "--laterality" in reason(path, ReadOptions(pixel_mm=0.07, view="CC"))
    assert "--view" in reason(path, ReadOptions(pixel_mm=0.07, laterality="L"))


def colourful() -> NDArray[np.uint8]:
    image = np.zeros((100, 100, 3), dtype=np.uint8)
    image[:50, :, 0] = 200
    return image


def test_colour_pictures_are_refused_when_loaded(tmp_path: Path) -> None:
    path = tmp_path / "LCC.png"
    cv2.imwrite(str(path), colourful())
    exams, _ = read_exams([path], OPTIONS)
    with pytest.raises(Exception, match="colour"):
        exams[0].views[0].load()


@pytest.mark.parametrize("values", [np.nan, np.inf, 0.5])
def test_floating_point_tiffs_are_refused(tmp_path: Path, values: float) -> None:
    image = draw_breast().astype(np.float32)
    image[10, 10] = values
    tifffile.imwrite(tmp_path / "LCC.tif", image)
    assert "8 or 16 bit" in reason(tmp_path / "LCC.tif")


def test_a_truncated_picture_is_refused_whatever_others_told_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint does
    path = tmp_path / "x_L_MLO.png"
    Image.fromarray(draw_breast()).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    exams, _ = read_exams([path], OPTIONS)
    with pytest.raises(UnreadableInput, match="damaged PNG"):
        exams[0].views[0].load()
    assert ImageFile.LOAD_TRUNCATED_IMAGES
