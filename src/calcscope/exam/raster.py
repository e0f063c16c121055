"""Plain image files: PNG, PGM and TIFF of 8 or 16 bits."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO, cast

import numpy as np

from calcscope.errors import UnreadableInput
from calcscope.exam.conventions import facts_of_name
from calcscope.exam.decode import Stored
from calcscope.exam.dicom_file import MIN_SIDE
from calcscope.exam.elements import quiet
from calcscope.exam.model import ViewInfo
from calcscope.exam.options import ReadOptions
from calcscope.exam.sources import Source
from calcscope.exam.views import Claim, decide

GREY_TOLERANCE = 2
"""Colour channels of a grey picture differ by no more than the rounding of a conversion."""


@dataclass(frozen=True)
class RasterHeader:
    """Shape of a plain image: rows, columns, samples a pixel and bits a sample."""

    rows: int
    columns: int
    samples: int
    bits: int


def read_raster(source: Source, kind: str, options: ReadOptions) -> ViewInfo:
    """What is known of a plain image, from the options and its name; refused before anything is decoded.

    Raises
    ------
    UnreadableInput
    """
    with source.open() as stream:
        header = _header(stream, kind, source.name)
    if min(header.rows, header.columns) < MIN_SIDE or header.rows * header.columns > options.max_pixels:
        expected = f"{MIN_SIDE} pixels a side to {options.max_pixels / 1e6:.0f} million in all"
        found = f"an image of {header.rows} × {header.columns} pixels"
        raise UnreadableInput(source.name, found, expected, "check the file")
    if header.bits not in (8, 16) or header.samples not in (1, 2, 3, 4):
        found = f"{header.samples} × {header.bits} bits a pixel"
        raise UnreadableInput(source.name, found, "8 or 16 bit grey values", "convert it to 16-bit PNG")
    facts = facts_of_name(source.file_name)
    if options.pixel_mm is None:
        raise UnreadableInput(
            source.name,
            "an image without pixel size",
            "the size of a pixel in mm",
            "state it with --pixel-mm",
        )
    named = Claim("the file name", facts.laterality, facts.view, weak=facts.dataset is None)
    if facts.dataset:
        named = Claim(f"the {facts.dataset} file name", facts.laterality, facts.view)
    projection = decide([Claim("the command line", options.laterality, options.view), named], source.name)
    return ViewInfo(
        source=source.name,
        sop_uid=source.content_uid(),
        laterality=projection.laterality,
        view=projection.view,
        rows=header.rows,
        columns=header.columns,
        pixel_mm=options.pixel_mm,
        acquisition=facts.acquisition or "digital",
        processing="secondary",
        warnings=projection.warnings,
    )


def _header(stream: BinaryIO, kind: str, name: str) -> RasterHeader:
    from PIL import Image

    try:
        if kind == "tiff":
            return _tiff_header(stream)
        if kind == "png":
            return _png_header(stream)
        image = Image.open(stream, formats=["PPM"])
        bits = 8 if image.mode == "L" else 16 if image.mode.startswith("I") else 1
        return RasterHeader(image.height, image.width, 1, bits)
    except Exception as error:  # every format has its own kinds of damage
        raise _damaged(name, kind, error) from None


def _png_header(stream: BinaryIO) -> RasterHeader:
    head = stream.read(33)
    columns, rows, depth, colour = struct.unpack(">IIBB", head[16:26])
    # Palettes (3) hold colours; 0 grey, 2 RGB, 4 grey and alpha, 6 RGB and alpha.
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    return RasterHeader(rows, columns, samples, depth)


def _tiff_header(stream: BinaryIO) -> RasterHeader:
    import tifffile

    with tifffile.TiffFile(stream) as tiff:
        page = cast(tifffile.TiffPage, tiff.pages[0])
        integer = page.dtype is not None and page.dtype.kind == "u"
        bits = page.bitspersample if integer else 32  # floating-point and signed values are not stored counts
        return RasterHeader(int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel), int(bits))


def _damaged(name: str, kind: str, error: Exception) -> UnreadableInput:
    found = f"a damaged {kind.upper()} file ({type(error).__name__})"
    return UnreadableInput(name, found, "an intact image", "copy or export it again")


def decode_raster(source: Source, kind: str, shape: tuple[int, int]) -> tuple[Stored, int]:
    """Stored values of a plain image and the bits they use.

    Parameters
    ----------
    source, kind : the file, and ``png``, ``pgm`` or ``tiff``
    shape : (rows, columns) that its header announces

    Returns
    -------
    (rows, columns) uint8 or uint16, and 8, 10, 12, 14 or 16: the fewest bits that hold the greatest value,
    as 16-bit files often carry 12-bit images

    Raises
    ------
    UnreadableInput
    """
    with source.open() as stream:
        content = stream.read()
    try:
        with quiet():
            array = _decode_tiff(content) if kind == "tiff" else _decode_with_pillow(content, ("PNG", "PPM"))
    except Exception as error:  # every decoder has its own kinds
        raise _damaged(source.name, kind, error) from None
    if array.ndim not in (2, 3) or array.shape[:2] != shape or array.dtype not in (np.uint8, np.uint16):
        raise _damaged(source.name, kind, ValueError("not the announced shape"))
    grey = _grey(array, source.name)
    greatest = int(grey.max())
    bits = 8 if grey.dtype == np.uint8 else next(bits for bits in (8, 10, 12, 14, 16) if greatest < 1 << bits)
    return grey, bits


def _decode_with_pillow(content: bytes, formats: tuple[str, ...]) -> Stored:
    from PIL import Image

    with _strict_pillow(), Image.open(io.BytesIO(content), formats=formats) as image:
        array = np.asarray(image)
    if array.dtype == np.int32:  # Pillow reads 16-bit PGM into 32-bit integers
        array = array.astype(np.uint16)
    return array


@contextmanager
def _strict_pillow() -> Iterator[None]:
    """Pillow's settings, which are those of the whole process, as they must be here.

    Its own limit on the size gives way to ours, by which the header was judged. A truncated image is a fault,
    which WeasyPrint turns off for all when it is first asked for a PDF.
    """
    from PIL import Image, ImageFile

    with _pillow:
        before = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, False
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = before


_pillow = Lock()


def _decode_tiff(content: bytes) -> Stored:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        page = cast(tifffile.TiffPage, tiff.pages[0])
        inverted = page.photometric == tifffile.PHOTOMETRIC.MINISWHITE
        try:
            array = np.asarray(page.asarray())
        except ValueError:  # LZW and JPEG need a package that tifffile does not bring
            array = _decode_with_pillow(content, ("TIFF",))
            inverted = inverted and array.dtype != np.uint8  # Pillow turns 8-bit images itself
    return np.iinfo(array.dtype).max - array if inverted else array


def _grey(array: Stored, name: str) -> Stored:
    """The one channel of a grey picture; its alpha channel is dropped."""
    if array.ndim == 2:
        return array
    channels = [
        array[..., i] for i in range(array.shape[2] if array.shape[2] in (1, 3) else array.shape[2] - 1)
    ]
    for other in channels[1:]:
        if np.abs(channels[0].astype(np.int32) - other).max() > GREY_TOLERANCE:
            raise UnreadableInput(name, "a colour picture", "grey values", "convert it to 16-bit PNG")
    return np.ascontiguousarray(channels[0])
