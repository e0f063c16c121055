"""Small sound inputs from which the fuzzers make damaged ones: one of each way in which images come.

Every text that tells whose an image is stands in :data:`SECRETS`; none may come back in a message.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from exam.builders import as_jpeg_baseline, coded, dataset, draw_breast, mg_dataset, tomo_dataset
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MediaStorageDirectoryStorage,
    RLELossless,
)

NAME, FIRST, NUMBER, BORN, STREET = "VRXLQZ", "QWBNTK", "PID7319462", "19470823", "JKWYTLANE"
SECRETS = (NAME, FIRST, NUMBER, BORN, "1947-08-23", STREET)

REFUSED = {"video", "PNG palette"}
"""Names of the seeds that are sound but no mammograms."""

ROWS, COLUMNS = 96, 72

Family = Literal["dicom", "png", "pgm", "tiff", "zip", "dicomdir", "cad-sr", "report"]
Packing = Literal["explicit", "implicit", "big"]


@dataclass(frozen=True)
class Seed:
    """A sound input.

    Parameters
    ----------
    name : what it is
    family : decides how it is damaged and which reader is given it
    content : of the file that is damaged
    file_name : what it is called
    beside : further files of the same folder, left alone
    packing : how a DICOM file writes its elements
    deflated : whether the elements are to be deflated once damaged
    """

    name: str
    family: Family
    content: bytes
    file_name: str
    beside: tuple[tuple[str, bytes], ...] = ()
    packing: Packing = "explicit"
    deflated: bool = False


def _whose(ds: Dataset) -> Dataset:
    """The data set as that of a woman whose texts are :data:`SECRETS`."""
    ds.PatientName, ds.PatientID = f"{NAME}^{FIRST}", NUMBER
    ds.PatientBirthDate, ds.PatientAddress = BORN, f"3 {STREET}"
    ds.OtherPatientIDsSequence = [dataset(PatientID=NUMBER, TypeOfPatientID="TEXT")]
    return ds


def _drawn(view: str = "MLO", bits: int = 12) -> np.ndarray:
    return draw_breast(ROWS, COLUMNS, view=view, bits=bits)


def _image(bits: int = 12, **attributes: object) -> Dataset:
    pixels = _drawn(bits=bits).astype(np.uint8 if bits == 8 else np.uint16)
    return _whose(mg_dataset(pixels, bits=bits, **attributes))


def _written(ds: Dataset) -> bytes:
    stream = io.BytesIO()
    dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()


def _compressed(syntax: str) -> bytes:
    ds = _image()
    ds.compress(syntax, generate_instance_uid=False)
    return _written(ds)


def _big_endian() -> bytes:
    ds = _image()
    ds.PixelData = _drawn().astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    return _written(ds)


def _implicit() -> bytes:
    ds = _image()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return _written(ds)


def _jpeg_lossless() -> bytes | None:
    """GDCM alone encodes it; None where it is not at hand."""
    try:
        import gdcm
    except ImportError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder, "plain.dcm"), Path(folder, "packed.dcm")
        plain.write_bytes(_written(_image()))
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(plain))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(packed))
        assert writer.Write()
        assert JPEGLosslessSV1.encode() in packed.read_bytes()
        return packed.read_bytes()


def _rich() -> bytes:
    """A raw image with all that a header can say about its values, and private elements."""
    ds = _image(
        bits=16,
        SOPClassUID=DigitalMammographyXRayImageStorageForProcessing,
        PresentationIntentType="FOR PROCESSING",
        PhotometricInterpretation="MONOCHROME1",
        PixelIntensityRelationship="LIN",
        PixelIntensityRelationshipSign=-1,
        PixelPaddingValue=0,
        PixelPaddingRangeLimit=20,
        CollimatorShape="RECTANGULAR",
        CollimatorLeftVerticalEdge=2,
        CollimatorRightVerticalEdge=COLUMNS - 2,
        CollimatorUpperHorizontalEdge=2,
        CollimatorLowerHorizontalEdge=ROWS - 2,
        EstimatedRadiographicMagnificationFactor=1.8,
        PatientOrientation=["A", "F"],
        WindowCenter=["2000", "1800"],
        WindowWidth=["4000", "3000"],
        VOILUTFunction="SIGMOID",
        ImageType=["ORIGINAL", "PRIMARY", ""],
    )
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 14, 13
    ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") >> 2).tobytes()
    ds.ViewCodeSequence = [coded("399368009", "medio-lateral oblique")]
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = [coded("399163009", "magnification")]
    lut = dataset(LUTExplanation="made")
    lut.add_new(0x00283002, "US", [256, 0, 16])
    lut.add_new(0x00283006, "OW", np.arange(256, dtype="<u2").tobytes())
    ds.ModalityLUTSequence, ds.VOILUTSequence = [lut], [lut]
    ds.add_new(0x60000010, "US", ROWS)
    ds.add_new(0x60000011, "US", COLUMNS)
    ds.add_new(0x60000102, "US", 15)
    block = ds.private_block(0x0019, f"MAKER {NAME}", create=True)
    block.add_new(1, "LO", f"{FIRST} {NAME}")
    block.add_new(2, "SQ", [dataset(PatientName=f"{NAME}^{FIRST}")])
    return _written(ds)


def _tomo(syntax: str | None) -> bytes:
    ds = _whose(tomo_dataset(np.stack([_drawn()] * 3)))
    if syntax is not None:
        ds.compress(syntax, generate_instance_uid=False)
    return _written(ds)


def _high_throughput() -> bytes:
    """A JPEG 2000 image under the syntax of the high-throughput kind, as a confused writer leaves it."""
    ds = _image()
    ds.compress(JPEG2000Lossless, generate_instance_uid=False)
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.201"
    return _written(ds)


def _video() -> bytes:
    ds = _image()
    ds.PixelData = encapsulate([bytes(2000)])
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    return _written(ds)


def _picture(kind: str, array: np.ndarray, mode: str | None = None, **how: object) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(stream, kind, **how)
    return stream.getvalue()


def _tiff(**how: object) -> bytes:
    import tifffile

    stream = io.BytesIO()
    tifffile.imwrite(stream, how.pop("image", _drawn()), **how)
    return stream.getvalue()


def _plain_pgm() -> bytes:
    rows = "\n".join(" ".join(map(str, row)) for row in _drawn(bits=8))
    return f"P2\n# drawn\n{COLUMNS} {ROWS}\n255\n{rows}\n".encode()


def _zip(compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("exam/IM0001", _written(_image()))
        archive.writestr("exam/right/LCC.png", _picture("PNG", _drawn("CC")))
        archive.writestr("readme.txt", b"nothing to see")
    return stream.getvalue()


@cache
def zip_bomb() -> bytes:
    """200 MB of zeros, packed a thousandfold."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.dcm", "w") as into:
        for _ in range(200):
            into.write(bytes(1 << 20))
    return stream.getvalue()


@cache
def deflated_zeros(mebibytes: int, *, raw: bool) -> bytes:
    """Zeros, deflated: a data set that grows without end (raw), or a picture's or text's (zlib)."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS if raw else zlib.MAX_WBITS)
    return b"".join(deflater.compress(bytes(1 << 20)) for _ in range(mebibytes)) + deflater.flush()


def _dicomdir() -> Seed:
    listed = [
        dataset(DirectoryRecordType="PATIENT", PatientName=f"{NAME}^{FIRST}", PatientID=NUMBER),
        dataset(DirectoryRecordType="IMAGE", ReferencedFileID=["IMAGES", "IM0001"], InstanceNumber=1),
        dataset(DirectoryRecordType="IMAGE", ReferencedFileID=["IMAGES", "IM0002"], InstanceNumber=2),
    ]
    ds = dataset(FileSetID="SET", DirectoryRecordSequence=listed)
    ds.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.file_meta = mg_dataset(_drawn()).file_meta
    ds.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    images = (("IMAGES/IM0001", _written(_image())), ("IMAGES/IM0002", _written(_image(view="CC"))))
    return Seed("DICOMDIR", "dicomdir", _written(ds), "DICOMDIR", beside=images)


def _documents() -> list[Seed]:
    """A report with an earlier exam, and the CAD SR of a smaller one, as calcscope writes them."""
    from hospital import MADE, Exam, with_prior

    from calcscope.standards.exporting import objects_of
    from calcscope.standards.subject import subject_of

    with tempfile.TemporaryDirectory() as folder:
        exam = Exam(Path(folder, "a"))
        exam.group("R", "punctate", "grouped", "4B")
        exam.single("L", "popcorn")
        small = exam.report("4B", "diagnostic")
        cad = objects_of(subject_of(small, small.exams[0], MADE), "cad-sr")["cad-sr.dcm"]
        report = with_prior(Path(folder, "b"))
    text = json.loads(report.model_dump_json())
    text["exams"][0]["patient_id"] = NUMBER
    secret = cad.replace(b"W-4711", NUMBER[:6].encode())
    return [
        Seed("CAD SR", "cad-sr", secret, "cad.dcm"),
        Seed("report.json", "report", json.dumps(text).encode(), "report.json"),
    ]


def _dicom(name: str, content: bytes, packing: Packing = "explicit", deflated: bool = False) -> Seed:
    return Seed(name, "dicom", content, "input.dcm", packing=packing, deflated=deflated)


@cache
def seeds() -> tuple[Seed, ...]:
    """All of them, each reader's images first; made once."""
    grey8, grey16 = _drawn("CC", 8).astype(np.uint8), _drawn("CC")
    colour = np.stack([grey8] * 3, axis=-1)
    film: Callable[..., bytes] = _picture
    found = [
        _dicom("explicit", _written(_image())),
        _dicom("implicit", _implicit(), "implicit"),
        _dicom("big endian", _big_endian(), "big"),
        _dicom("deflated", _written(_image()), deflated=True),
        _dicom("without preamble", _implicit()[132:], "implicit"),
        _dicom("rich", _rich()),
        _dicom("RLE", _compressed(RLELossless)),
        _dicom("JPEG-LS", _compressed(JPEGLSLossless)),
        _dicom("JPEG 2000", _compressed(JPEG2000Lossless)),
        _dicom("HTJ2K in name", _high_throughput()),
        _dicom("JPEG", _written(as_jpeg_baseline(_image(bits=8)))),
        _dicom("video", _video()),
        _dicom("tomosynthesis", _tomo(None)),
        _dicom("tomosynthesis, RLE", _tomo(RLELossless)),
        _dicom("tomosynthesis, JPEG 2000", _tomo(JPEG2000Lossless)),
        Seed("PNG 8", "png", film("PNG", grey8), "LCC.png"),
        Seed("PNG 16", "png", film("PNG", grey16), "LCC.png"),
        Seed("PNG colour", "png", film("PNG", colour), "LCC.png"),
        Seed("PNG palette", "png", film("PNG", grey8, "P"), "LCC.png"),
        Seed("PGM 8", "pgm", film("PPM", grey8), "LCC.pgm"),
        Seed("PGM 16", "pgm", film("PPM", grey16.astype(np.int32), "I"), "LCC.pgm"),
        Seed("PGM in text", "pgm", _plain_pgm(), "LCC.pgm"),
        Seed("TIFF", "tiff", _tiff(), "LCC.tif"),
        Seed("TIFF deflated", "tiff", _tiff(compression="zlib", tile=(32, 32)), "LCC.tif"),
        Seed("TIFF LZW", "tiff", film("TIFF", grey8, compression="tiff_lzw"), "LCC.tif"),
        Seed("BigTIFF", "tiff", _tiff(bigtiff=True, byteorder=">"), "LCC.tif"),
        Seed(
            "TIFF of pages", "tiff", _tiff(image=np.stack([grey16] * 2), photometric="miniswhite"), "LCC.tif"
        ),
        Seed("zip", "zip", _zip(), "exam.zip"),
        Seed("zip, stored", "zip", _zip(zipfile.ZIP_STORED), "exam.zip"),
        Seed("zip, bzip2", "zip", _zip(zipfile.ZIP_BZIP2), "exam.zip"),
        Seed("zip, lzma", "zip", _zip(zipfile.ZIP_LZMA), "exam.zip"),
        _dicomdir(),
        *_documents(),
    ]
    lossless = _jpeg_lossless()
    if lossless is not None:
        found.append(_dicom("JPEG lossless", lossless))
    return tuple(found)
