"""The DICOM file as a container: data set, transfer syntax, and where the pixels lie in it."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
)

from calcscope.errors import UnreadableInput
from calcscope.exam.decode import NATIVE, PixelLayout, decoders_of, truncated
from calcscope.exam.elements import integer, items, quiet, text, texts
from calcscope.exam.options import RATIO_FREE_BYTES, ReadOptions
from calcscope.exam.sources import Source, Unpacked

MIN_SIDE = 32
"""Fewer rows or columns than this cannot hold a breast at any pixel size."""

META_BYTES = 2048
"""The file meta information of any real file is shorter."""

UNDEFINED_LENGTH = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010


def open_inflated(source: Source, options: ReadOptions) -> BinaryIO:
    """The file as a stream; a deflated data set is inflated, and labelled Explicit VR Little Endian.

    Raises
    ------
    UnreadableInput : where deflated data are damaged, or grow beyond ``options.max_member_bytes`` or
        ``options.max_ratio``
    """
    stream = source.open()
    head = stream.read(META_BYTES)
    stream.seek(0)
    if DeflatedExplicitVRLittleEndian.encode() not in head or head[128:132] != b"DICM":
        return stream
    with stream:
        content = stream.read()
    group_length = int.from_bytes(content[140:144], "little")
    start = 144 + group_length
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    most = min(options.max_member_bytes, max(RATIO_FREE_BYTES, round(len(content) * options.max_ratio)))
    try:
        data_set = inflater.decompress(content[start:], most)
    except zlib.error:
        raise UnreadableInput(
            source.name, "damaged deflated data", "an intact data set", "copy or export it again"
        ) from None
    if inflater.unconsumed_tail:
        limit = f"at most {most / 2**20:.0f} MiB"
        raise UnreadableInput(
            source.name, "deflated data that grow without end", limit, "export it uncompressed"
        )
    # Same length, so that the group length stays true: UIDs are padded with zero bytes.
    plain = ExplicitVRLittleEndian.encode().ljust(len(DeflatedExplicitVRLittleEndian), b"\0")
    meta = content[:start].replace(DeflatedExplicitVRLittleEndian.encode(), plain)
    return Unpacked(meta + data_set)


def referenced_files(path: Path) -> list[tuple[str, ...]]:
    """Folder and file names of the images that a DICOMDIR lists, in its order.

    Raises
    ------
    UnreadableInput : where it is no readable DICOMDIR or lists nothing
    """
    try:
        with quiet(), Source(path).open() as stream:
            ds = dcmread(stream)
            records = items(ds, "DirectoryRecordSequence")
            references = [tuple(texts(record, "ReferencedFileID")) for record in records]
    except Exception as error:  # pydicom raises many kinds on damaged files
        raise _unparsable(str(path), error) from None
    found = [parts for parts in references if parts and all(parts)]
    if not found:
        raise UnreadableInput(
            str(path), "a DICOMDIR that lists no file", "images in it", "give the folder instead"
        )
    return found


def _unparsable(name: str, error: BaseException) -> UnreadableInput:
    found = f"a damaged DICOM header ({type(error).__name__})"
    return UnreadableInput(name, found, "an intact DICOM file", "copy or export it again")


def parse(stream: BinaryIO, name: str) -> FileDataset:
    """The header, leaving the stream at the tag of the pixel data (or at the end of the file)."""
    try:
        with quiet():
            ds = dcmread(stream, stop_before_pixels=True, force=True)
    except (Exception, RecursionError) as error:  # pydicom raises many kinds on damaged files
        raise _unparsable(name, error) from None
    if not any(keyword in ds for keyword in ("SOPClassUID", "Modality", "Rows")):
        raise UnreadableInput(
            name, "a DICOM file without image header", "a mammogram", "copy or export it again"
        )
    return ds


def pixel_layout(ds: FileDataset, stream: BinaryIO, name: str, options: ReadOptions) -> PixelLayout:
    """Where and how the pixels are stored; refuses sizes that cannot be before anything is allocated."""
    rows, columns = integer(ds, "Rows") or 0, integer(ds, "Columns") or 0
    frames = integer(ds, "NumberOfFrames") or 1
    if min(rows, columns) < MIN_SIDE or rows * columns > options.max_pixels:
        expected = f"{MIN_SIDE} pixels a side to {options.max_pixels / 1e6:.0f} million in all"
        raise UnreadableInput(
            name, f"an image of {rows} × {columns} pixels", expected, "check the file's header"
        )
    if not 1 <= frames <= options.max_slices:
        expected = f"1 to {options.max_slices} frames"
        raise UnreadableInput(name, f"{frames} frames", expected, "check the file's header")
    samples = integer(ds, "SamplesPerPixel") or 1
    photometric = text(ds, "PhotometricInterpretation").upper()
    if samples != 1 or photometric not in ("MONOCHROME1", "MONOCHROME2", ""):
        raise UnreadableInput(
            name,
            "a colour image",
            "one grey value a pixel (MONOCHROME1 or 2)",
            "leave it out",
        )
    allocated = integer(ds, "BitsAllocated") or 0
    stored = integer(ds, "BitsStored") or allocated
    high_bit = integer(ds, "HighBit")
    high_bit = stored - 1 if high_bit is None else high_bit
    if allocated not in (8, 16) or not 1 < stored <= allocated or not stored - 1 <= high_bit < allocated:
        found = f"{allocated} bits allocated, {stored} stored, high bit {high_bit}"
        raise UnreadableInput(name, found, "8 or 16 allocated, no more stored", "check the file's header")
    element = _pixel_element(ds, stream, name)
    layout = PixelLayout(
        element.transfer_syntax,
        element.offset,
        element.length,
        rows,
        columns,
        frames,
        allocated,
        stored,
        high_bit,
        signed=integer(ds, "PixelRepresentation") == 1,
        overlay_bits=_has_embedded_overlay(ds),
        swapped_bytes=element.swapped_bytes and allocated == 8,
        extended_offsets=_extended_offsets(ds),
    )
    if element.length is None:
        _require_fragments(stream, layout, element.file_size, name)
    else:
        _require_length(layout, element.file_size, name)
    return layout


@dataclass(frozen=True)
class _PixelElement:
    """The pixel data element: transfer syntax, where its value lies, its length (None: encapsulated),
    whether bytes lie swapped in words, and the size of the file."""

    transfer_syntax: str
    offset: int
    length: int | None
    swapped_bytes: bool
    file_size: int


def _pixel_element(ds: FileDataset, stream: BinaryIO, name: str) -> _PixelElement:
    little = ds.original_encoding[1]
    position = stream.tell()
    size = stream.seek(0, io.SEEK_END)
    stream.seek(position)
    head = stream.read(12)
    order: Literal["little", "big"] = "little" if little else "big"
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    if tag != PIXEL_DATA or len(head) < 12:
        raise UnreadableInput(name, "no pixel data", "an image", "copy or export it again")
    # No length of implicit VR reads like these letters: it would be odd.
    vr = head[4:6] if head[4:6] in (b"OB", b"OW", b"UN") else None
    start, offset = (8, position + 12) if vr else (4, position + 8)
    length = int.from_bytes(head[start : start + 4], order)
    stated = text(ds.file_meta, "TransferSyntaxUID")
    native = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    swapped = not little and vr == b"OW"
    if length != UNDEFINED_LENGTH:
        if stated and stated not in NATIVE and UID(stated).is_private:
            found = "a private transfer syntax"
            raise UnreadableInput(name, found, "a standard DICOM encoding", "export it again, uncompressed")
        return _PixelElement(native, offset, length, swapped, size)
    if not stated or stated in NATIVE:
        found = "compressed pixel data without a transfer syntax"
        raise UnreadableInput(name, found, "file meta information", "export it again")
    if not decoders_of(stated):
        found = "a compression that is not read here"
        expected = "RLE, JPEG, JPEG-LS or JPEG 2000"
        raise UnreadableInput(name, found, expected, "export it again, uncompressed if possible")
    return _PixelElement(stated, offset, None, False, size)


def _has_embedded_overlay(ds: Dataset) -> bool:
    """True where an overlay (60xx,0102 Overlay Bit Position above 0) lies in unused bits of the pixels."""
    positions = [ds[group, 0x0102].value for group in range(0x6000, 0x6020, 2) if (group, 0x0102) in ds]
    return any(isinstance(position, int) and position > 0 for position in positions)


def _extended_offsets(ds: Dataset) -> tuple[bytes, bytes] | None:
    """Extended Offset Table and its lengths, which replace the Basic Offset Table of very long data."""
    offsets, lengths = ds.get("ExtendedOffsetTable"), ds.get("ExtendedOffsetTableLengths")
    return (offsets, lengths) if isinstance(offsets, bytes) and isinstance(lengths, bytes) else None


def _require_length(layout: PixelLayout, size: int, name: str) -> None:
    expected, found = layout.frame_bytes * layout.frames, layout.length or 0
    # Some writers pad by a few bytes; a whole row more or less means that Rows or Columns are wrong.
    if not expected <= found < expected + layout.frame_bytes // layout.rows:
        raise UnreadableInput(
            name,
            f"{found} bytes of pixel data",
            f"{expected} as the header announces",
            "copy or export it again",
        )
    if layout.offset + expected > size:
        raise truncated(name)


def _require_fragments(stream: BinaryIO, layout: PixelLayout, size: int, name: str) -> None:
    """Walk the items of encapsulated pixel data: each must be whole, and there must be one for each frame."""
    position, fragments = layout.offset, -1  # the first item is the offset table
    while position < size:
        stream.seek(position)
        head = stream.read(8)
        if head[:4] == b"\xfe\xff\xdd\xe0":
            break
        length = int.from_bytes(head[4:], "little")
        if head[:4] != b"\xfe\xff\x00\xe0" or position + 8 + length > size:
            raise truncated(name)
        position += 8 + length
        fragments += 1
    if fragments < layout.frames:
        raise truncated(name)
