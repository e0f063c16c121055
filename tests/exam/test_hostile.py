"""Whatever is wrong with a file, it gets one line that says so, and the rest of the exam is read."""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from exam.builders import as_jpeg_baseline, draw_breast, mg_dataset, save, tomo_dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    MPEG4HP41,
    GrayscaleSoftcopyPresentationStateStorage,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    MammographyCADSRStorage,
    MRImageStorage,
    RLELossless,
)

from calcscope.errors import UnreadableInput
from calcscope.exam import Failure, ReadOptions, read_exams

OPTIONS = ReadOptions(max_member_bytes=64 << 20, max_archive_bytes=256 << 20)
SECRETS = ("TEST-1", "Secret", "1960")

Maker = Callable[[Path], Path]


def keep(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def compressed(folder: Path, syntax: str) -> Path:
    ds = mg_dataset()
    ds.compress(syntax, generate_instance_uid=False)
    return save(ds, folder / "bad.dcm")


def cut_frame(folder: Path, syntax: str) -> Path:
    """Encapsulation is whole, but the compressed image inside it ends early."""
    if syntax == JPEGBaseline8Bit:
        ds = as_jpeg_baseline(mg_dataset(draw_breast(bits=8).astype(np.uint8), bits=8))
    else:
        ds = mg_dataset()
        ds.compress(syntax, generate_instance_uid=False)
    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    ds.PixelData = encapsulate([frame[: len(frame) // 2]])
    return save(ds, folder / "bad.dcm")


def noisy_frame(folder: Path, syntax: str) -> Path:
    """A compressed image whose middle was overwritten; both its ends are sound."""
    ds = mg_dataset()
    ds.compress(syntax, generate_instance_uid=False)
    frame = bytearray(get_frame(ds.PixelData, 0, number_of_frames=1))
    middle = len(frame) // 2
    frame[middle : middle + 200] = np.random.default_rng(3).bytes(200)
    ds.PixelData = encapsulate([bytes(frame)])
    return save(ds, folder / "bad.dcm")


def deflate_bomb(folder: Path) -> Path:
    ds = mg_dataset()
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    path = save(ds, folder / "bad.dcm")
    content = path.read_bytes()
    start = 144 + int.from_bytes(content[140:144], "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    chunk = bytes(1 << 20)
    bomb = b"".join(deflater.compress(chunk) for _ in range(80)) + deflater.flush()
    return write(path, content[:start] + bomb)


def damaged_deflate(folder: Path) -> Path:
    path = deflate_bomb(folder)
    content = path.read_bytes()
    start = 144 + int.from_bytes(content[140:144], "little")
    return write(path, content[:start] + b"\xff" * 300)


def deflated_zeros(folder: Path) -> Path:
    """No element, 120 MB of zeros."""
    path = deflate_bomb(folder)
    content = path.read_bytes()
    start = 144 + int.from_bytes(content[140:144], "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    chunk = bytes(1 << 20)
    return write(
        path, content[:start] + b"".join(deflater.compress(chunk) for _ in range(120)) + deflater.flush()
    )


def millions_of_elements(folder: Path) -> Path:
    """Behind a sound header nothing but empty elements, each of 8 zero bytes."""
    path = save(mg_dataset(), folder / "bad.dcm")
    content = path.read_bytes()
    return write(path, content[: 144 + int.from_bytes(content[140:144], "little")] + bytes(16 << 20))


def swollen_frame(folder: Path) -> Path:
    ds = mg_dataset()
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    frame = bytearray(get_frame(ds.PixelData, 0, number_of_frames=1))
    frame[8:16] = struct.pack(">2I", 60_000, 60_000)
    ds.PixelData = encapsulate([bytes(frame)])
    return save(ds, folder / "bad.dcm")


def video(folder: Path) -> Path:
    ds = mg_dataset()
    ds.PixelData = encapsulate([bytes(4000)])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = MPEG4HP41
    return save(ds, folder / "bad.dcm")


def private_syntax(folder: Path) -> Path:
    ds = mg_dataset()
    ds.file_meta.TransferSyntaxUID = "1.2.840.113619.5.2"
    path = folder / "bad.dcm"
    ds.save_as(path, enforce_file_format=True, implicit_vr=True, little_endian=True)
    return path


def endless_element(folder: Path) -> Path:
    path = save(mg_dataset(), folder / "bad.dcm")
    content = path.read_bytes()
    position = content.index(b"\x08\x00\x60\x00CS")
    endless = b"\x08\x00\x55\x00UT\0\0" + b"\xf0\xff\xff\xef"
    return write(path, content[:position] + endless + content[position:])


def huge_png(folder: Path) -> Path:
    """A PNG whose header announces 60,000 by 60,000 pixels of nothing."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 16, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    crc = struct.pack(">I", zlib.crc32(chunk))
    return write(folder / "LCC.png", b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + crc)


def huge_tiff(folder: Path) -> Path:
    tags = [(256, 4, 1, 90_000), (257, 4, 1, 90_000), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 90_000), (279, 4, 1, 100)]
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return write(folder / "LCC.tif", b"II*\x00\x08\x00\x00\x00" + body)


def nested_sequences(folder: Path) -> Path:
    path = save(mg_dataset(), folder / "bad.dcm")
    content = path.read_bytes()
    open_item = b"\x08\x00\x12\x21SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    position = content.index(b"\x08\x00\x60\x00CS")
    return write(path, content[:position] + open_item * 5000 + content[position:])


HEADERS: dict[str, tuple[dict[str, object], str]] = {
    "magnetic resonance": ({"SOPClassUID": MRImageStorage, "Modality": "MR"}, "MR Image Storage"),
    "structured report": ({"SOPClassUID": MammographyCADSRStorage, "Modality": "SR"}, "CAD SR"),
    "presentation state": (
        {"SOPClassUID": GrayscaleSoftcopyPresentationStateStorage, "Modality": "PR"},
        "Presentation State",
    ),
    "ultrasound capture": (
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "Modality": "US"},
        "modality US",
    ),
    "scout": ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "scout"),
    "phantom": ({"QualityControlImage": "YES"}, "quality control"),
    "no pixel data": ({"PixelData": None}, "no pixel data"),
    "no rows": ({"Rows": None}, "0 × 256"),
    "no columns at all": ({"Columns": 0}, "320 × 0"),
    "absurd size": ({"Rows": 65535, "Columns": 65535}, "65535 × 65535"),
    "absurd frames": ({"NumberOfFrames": 2_000_000}, "frames"),
    "negative frames": ({"NumberOfFrames": -1}, "frames"),
    "more rows than pixels": ({"Rows": 340}, "bytes of pixel data"),
    "fewer rows than pixels": ({"Rows": 300}, "bytes of pixel data"),
    "more bits stored than allocated": ({"BitsStored": 20}, "20 stored"),
    "no bits": ({"BitsAllocated": None, "BitsStored": None}, "0 bits allocated"),
    "32 bits": ({"BitsAllocated": 32}, "32 bits allocated"),
    "high bit outside": ({"HighBit": 40}, "high bit 40"),
    "colour": ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "colour"),
    "no spacing": ({"ImagerPixelSpacing": None}, "no pixel size"),
    "zero spacing": ({"ImagerPixelSpacing": [0, 0]}, "Imager Pixel Spacing"),
    "oblong pixels": ({"ImagerPixelSpacing": [0.07, 0.1]}, "Imager Pixel Spacing"),
    "no side": ({"ImageLaterality": None}, "no laterality"),
    "no view": ({"ViewPosition": None}, "no view"),
    "a crop of a dataset": ({"PatientID": "Calc-Test_P_00038_LEFT_CC_1"}, "crop"),
}


def holding(content: bytes, name: str = "bad.dcm") -> Maker:
    return lambda folder: write(folder / name, content)


def header_fault(attributes: dict[str, object]) -> Maker:
    return lambda folder: save(mg_dataset(**attributes), folder / "bad.dcm")  # type: ignore[arg-type]


def nan_spacing(folder: Path) -> Path:
    path = save(mg_dataset(ImagerPixelSpacing=["0.07", "0.07"]), folder / "bad.dcm")
    return write(path, path.read_bytes().replace(b"0.07\\0.07 ", b"nan \\nan  "))


FILES: dict[str, tuple[Maker, str]] = {
    "empty": (holding(b""), "an empty file"),
    "zeros": (holding(bytes(5000)), "zero bytes"),
    "random": (holding(np.random.default_rng(1).bytes(5000)), "no known image"),
    "text": (holding(b"Dear colleague, " * 50), "a text file"),
    "pdf": (holding(b"%PDF-1.7\n" + bytes(99)), "a PDF document"),
    "jpeg picture": (holding(b"\xff\xd8\xff\xe0" + bytes(99), "bad.jpg"), "a JPEG picture"),
    "encrypted": (holding(b"-----BEGIN PGP MESSAGE-----"), "encrypted"),
    "only a preamble": (holding(bytes(128) + b"DICM"), "header"),
    "random behind the preamble": (
        holding(bytes(128) + b"DICM" + np.random.default_rng(2).bytes(4000)),
        "header|modality",
    ),
    "truncated header": (
        lambda folder: keep(save(mg_dataset(), folder / "bad.dcm"), 0.003),
        "header|modality|pixel",
    ),
    "truncated pixels": (lambda folder: keep(save(mg_dataset(), folder / "bad.dcm"), 0.8), "truncated"),
    "truncated tomosynthesis": (
        lambda folder: keep(save(tomo_dataset(np.stack([draw_breast()] * 3)), folder / "bad.dcm"), 0.8),
        "truncated",
    ),
    "truncated fragments": (lambda folder: keep(compressed(folder, RLELossless), 0.8), "truncated"),
    "deflate bomb": (deflate_bomb, "without end"),
    "deflated zeros": (deflated_zeros, "without end"),
    "millions of elements": (millions_of_elements, "TooManyReads"),
    "damaged deflate": (damaged_deflate, "damaged deflated"),
    "video": (video, "compression"),
    "private transfer syntax": (private_syntax, "private transfer syntax"),
    "an element longer than memory": (endless_element, "pixel data|header"),
    "NaN spacing": (nan_spacing, "nan"),
    "endless sequences": (nested_sequences, "header"),
    "huge PNG": (huge_png, "60000 × 60000"),
    "huge TIFF": (huge_tiff, "90000 × 90000"),
    "truncated PNG header": (holding(b"\x89PNG\r\n\x1a\n\0\0", "LCC.png"), "damaged PNG"),
    "truncated TIFF header": (holding(b"II*\x00\xff\xff", "LCC.tif"), "damaged TIFF"),
    "broken PGM": (holding(b"P5\nx y z\n", "LCC.pgm"), "damaged PGM"),
}
FILES |= {name: (header_fault(attributes), words) for name, (attributes, words) in HEADERS.items()}

PIXELS: dict[str, tuple[Maker, str]] = {
    "all zero": (
        lambda f: save(mg_dataset(np.zeros((320, 256), np.uint16)), f / "bad.dcm"),
        "single grey value",
    ),
    "nothing but padding": (
        lambda f: save(mg_dataset(PixelPaddingValue=0, PixelPaddingRangeLimit=4095), f / "bad.dcm"),
        "nothing but padding",
    ),
    "a frame larger than its header": (swollen_frame, "another size"),
    "half an RLE frame": (lambda f: cut_frame(f, RLELossless), "no decoder"),
    "noise in an RLE frame": (lambda f: noisy_frame(f, RLELossless), "no decoder"),
    "noise in a JPEG-LS frame": (lambda f: noisy_frame(f, JPEGLSLossless), "no decoder"),
    "half a JPEG-LS frame": (lambda f: cut_frame(f, JPEGLSLossless), "truncated"),
    "half a JPEG 2000 frame": (lambda f: cut_frame(f, JPEG2000Lossless), "truncated"),
    "half a JPEG frame": (lambda f: cut_frame(f, JPEGBaseline8Bit), "truncated"),
    "truncated PNG": (
        lambda f: keep(png(f / "LCC.png"), 0.6),
        "damaged PNG",
    ),
}


def png(path: Path) -> Path:
    from PIL import Image

    Image.fromarray(draw_breast()).save(path)
    return path


def assert_actionable(failure: Failure, source: Path) -> None:
    assert str(source) in failure.source
    assert "\n" not in failure.reason
    found, expected = failure.reason.split("; expected ")
    assert found.startswith("found ")
    assert "; " in expected  # what to do
    assert not any(secret in failure.reason for secret in SECRETS)


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_one_failure_and_the_rest_is_read(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    make, words = FILES[name]
    bad = make(tmp_path)
    options = OPTIONS if bad.suffix == ".dcm" else ReadOptions(pixel_mm=0.07)
    save(mg_dataset(laterality="R"), tmp_path / "good.dcm")
    recwarn.clear()
    capfd.readouterr()
    exams, failures = read_exams([tmp_path], options)
    assert [view.info.label for exam in exams for view in exam.views] == ["RMLO"]
    (failure,) = failures
    assert_actionable(failure, bad)
    assert any(word in failure.reason for word in words.split("|")), failure.reason
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("name", PIXELS)
def test_bad_pixels_are_refused_when_they_are_loaded(
    tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    make, words = PIXELS[name]
    bad = make(tmp_path)
    capfd.readouterr()
    exams, failures = read_exams([bad], ReadOptions(pixel_mm=0.07))
    assert failures == []
    with pytest.raises(UnreadableInput) as refusal:
        exams[0].views[0].load()
    assert_actionable(Failure(refusal.value.source, refusal.value.reason), bad)
    assert words in refusal.value.reason
    assert capfd.readouterr().err == ""


def archive_with(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def good_member(folder: Path) -> dict[str, bytes]:
    return {"good.dcm": save(mg_dataset(laterality="R"), folder / "good.dcm").read_bytes()}


ARCHIVES: dict[str, tuple[dict[str, bytes], str]] = {
    "bomb": ({"bomb.dcm": bytes(80 << 20)}, "times smaller"),
    "path traversal": ({"../../evil.dcm": b"x"}, "out of the archive"),
    "absolute path": ({"/etc/evil.dcm": b"x"}, "out of the archive"),
    "windows path": ({"..\\evil.dcm": b"x"}, "out of the archive"),
    "no path at all": ({".": b"x"}, "out of the archive"),
    "zip in zip": ({"inner.zip": b"PK\x03\x04" + bytes(40)}, "archive inside an archive"),
    "rubbish": ({"bad.dcm": b"\x07\x08\x09" * 500}, "no known image"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_bad_member_of_an_archive_is_one_failure_and_the_rest_is_read(tmp_path: Path, name: str) -> None:
    members, words = ARCHIVES[name]
    archive = archive_with(tmp_path / "exam.zip", good_member(tmp_path) | members)
    exams, failures = read_exams([archive], OPTIONS)
    assert [view.info.label for exam in exams for view in exam.views] == ["RMLO"]
    (failure,) = failures
    assert_actionable(failure, archive)
    assert words in failure.reason


def test_a_damaged_member_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    members = {"a.dcm": save(mg_dataset(laterality="L"), tmp_path / "a.dcm").read_bytes()}
    archive = archive_with(tmp_path / "exam.zip", members | good_member(tmp_path))
    content = bytearray(archive.read_bytes())
    content[200:400] = b"\xff" * 200  # inside the first member's packed data
    archive.write_bytes(content)
    exams, (failure,) = read_exams([archive])
    assert [view.info.label for exam in exams for view in exam.views] == ["RMLO"]
    assert_actionable(failure, archive)


def test_a_zip_with_a_password_says_so_once(tmp_path: Path) -> None:
    archive = archive_with(tmp_path / "exam.zip", good_member(tmp_path))
    content = bytearray(archive.read_bytes())
    # The encryption bit of the general purpose flags, in the local header and in the central directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    exams, (failure,) = read_exams([archive])
    assert exams == []
    assert_actionable(failure, archive)
    assert "password" in failure.reason


def test_a_member_without_a_name_is_one_failure(tmp_path: Path) -> None:
    archive = archive_with(tmp_path / "exam.zip", good_member(tmp_path) | {"x": b"x"})
    content = archive.read_bytes()
    directory = content.rindex(b"PK\x01\x02")
    # The last entry's name has no letters, in its own header and in the directory.
    local = content.rindex(b"PK\x03\x04")
    content = (
        content[: local + 26]
        + b"\0\0"
        + content[local + 28 : directory + 28]
        + b"\0\0"
        + content[directory + 30 :]
    )
    archive.write_bytes(content)
    exams, failures = read_exams([archive])
    assert exams or failures
    for failure in failures:
        assert_actionable(failure, archive)


def test_no_more_is_asked_for_than_a_file_holds(tmp_path: Path) -> None:
    """An element that announces 4 GB must not have room made for it."""
    resource = pytest.importorskip("resource")
    if sys.platform != "linux":
        pytest.skip("limits the address space")
    path = endless_element(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    most = (int(Path("/proc/self/statm").read_text().split()[0]) << 12) + (1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))
    try:
        _, (failure,) = read_exams([path])
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert "MemoryError" not in failure.reason


def test_too_many_or_too_large_archives_are_refused(tmp_path: Path) -> None:
    archive = archive_with(tmp_path / "exam.zip", {f"{n}.dcm": b"x" for n in range(20)})
    _, (failure,) = read_exams([archive], ReadOptions(max_members=10))
    assert "20 files" in failure.reason
    _, (failure,) = read_exams([archive], ReadOptions(max_archive_bytes=10))
    assert "unpacked" in failure.reason


def test_a_damaged_archive_is_one_failure(tmp_path: Path) -> None:
    archive = keep(archive_with(tmp_path / "exam.zip", good_member(tmp_path)), 0.7)
    exams, (failure,) = read_exams([archive])
    assert exams == []
    assert_actionable(failure, archive)


def test_a_member_that_changes_after_reading_is_refused_when_loaded(tmp_path: Path) -> None:
    archive = archive_with(tmp_path / "exam.zip", good_member(tmp_path))
    exams, _ = read_exams([archive])
    archive.unlink()
    with pytest.raises(UnreadableInput):
        exams[0].views[0].load()


def test_nothing_there_and_nothing_in_it(tmp_path: Path) -> None:
    _, (missing,) = read_exams([tmp_path / "nowhere"])
    assert_actionable(missing, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    _, (empty,) = read_exams([tmp_path / "empty"])
    assert_actionable(empty, tmp_path / "empty")


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_never_raise(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ds = mg_dataset()
    if seed % 2:
        ds.compress(RLELossless, generate_instance_uid=False)
    content = bytearray(save(ds, tmp_path / "a.dcm").read_bytes())
    header = content.index(b"\xe0\x7f\x10\x00")
    for position in rng.integers(0, header + 12, size=8):
        content[position] = rng.integers(256)
    exams, failures = read_exams([write(tmp_path / "a.dcm", bytes(content))])
    assert len(exams) + len(failures) == 1
    for exam in exams:
        try:
            mammogram = exam.views[0].load()
        except UnreadableInput:
            continue
        assert np.isfinite(mammogram.pixels).all()
