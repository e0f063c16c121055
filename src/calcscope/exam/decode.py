"""Stored pixel values of one frame, whatever transfer syntax they are packed in."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from calcscope.errors import UnreadableInput
from calcscope.exam.elements import quiet
from calcscope.exam.rle import decode_rle

Stored = NDArray[np.integer]

DECODERS = ("pylibjpeg", "pydicom", "pillow")
"""pydicom's decoding plugins in the order they are tried, the fastest first. Two are no fallback: OpenCV
fills what a damaged file lacks with grey and calls it success, and GDCM ends the whole process on some
damaged JPEG 2000 headers."""
STRICT = {RLELossless: "calcscope", JPEGLSLossless: "pyjpegls", JPEGLSNearLossless: "pyjpegls"}
"""Encodings read by one decoder alone, because the others take damaged data for an image: RLE by
:func:`calcscope.exam.rle.decode_rle`, JPEG-LS by CharLS."""

JPEG_STARTS = (b"\xff\xd8", b"\xff\x4f")
JPEG_END = b"\xff\xd9"
"""Start of a JPEG or JPEG-LS image and of a JPEG 2000 codestream; all end alike."""

NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)


@dataclass(frozen=True)
class PixelLayout:
    """How and where a DICOM file stores its pixels.

    Parameters
    ----------
    transfer_syntax : its UID
    offset : position of the pixel data's value in the (inflated) file, bytes
    length : of the value, bytes; None when encapsulated
    rows, columns, frames : shape
    bits_allocated, bits_stored, high_bit : as in the header
    signed : Pixel Representation 1
    overlay_bits : True where unused high bits hold overlays and have to be masked
    swapped_bytes : True where 8-bit pixels were written as big-endian words
    extended_offsets : Extended Offset Table and its lengths, or None
    """

    transfer_syntax: str
    offset: int
    length: int | None
    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    overlay_bits: bool = False
    swapped_bytes: bool = False
    extended_offsets: tuple[bytes, bytes] | None = None

    @property
    def frame_bytes(self) -> int:
        """Size of one unpacked frame."""
        return self.rows * self.columns * self.bits_allocated // 8

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """Type of the stored values as they come out of :func:`decode_frame`."""
        return np.dtype(f"{'i' if self.signed else 'u'}{self.bits_allocated // 8}")


def decode_frame(stream: BinaryIO, layout: PixelLayout, frame: int, name: str) -> Stored:
    """Stored values of one frame.

    Parameters
    ----------
    stream : the file
    layout : how it stores its pixels
    frame : 0-based
    name : what messages call the file

    Returns
    -------
    (rows, columns) array of ``layout.dtype``; values lie in the range of Bits Stored unless the file is
    at fault

    Raises
    ------
    UnreadableInput : where pixel data are truncated or no decoder reads them
    """
    if layout.transfer_syntax in NATIVE:
        values = _native_frame(stream, layout, frame, name)
    else:
        values = _encapsulated_frame(stream, layout, frame, name)
    return _stored_bits(values, layout)


def _native_frame(stream: BinaryIO, layout: PixelLayout, frame: int, name: str) -> Stored:
    stream.seek(layout.offset + frame * layout.frame_bytes)
    content = bytearray(layout.frame_bytes)
    if stream.readinto(content) != layout.frame_bytes:  # type: ignore[attr-defined]
        raise truncated(name)
    order: Literal["<", ">"] = ">" if layout.transfer_syntax == ExplicitVRBigEndian else "<"
    if layout.swapped_bytes:
        content[0::2], content[1::2] = content[1::2], content[0::2]
    values = np.frombuffer(content, dtype=layout.dtype.newbyteorder(order))
    return values.astype(layout.dtype, copy=False).reshape(layout.rows, layout.columns)


def truncated(name: str) -> UnreadableInput:
    """The refusal of pixel data that end too early."""
    return UnreadableInput(name, "truncated pixel data", "every pixel the header announces", "copy it again")


def decoders_of(transfer_syntax: str) -> list[str]:
    """Decoders at hand for a compressed transfer syntax, in the order to try them."""
    if transfer_syntax in STRICT:
        return [STRICT[UID(transfer_syntax)]]
    try:
        with quiet():
            available = get_decoder(UID(transfer_syntax)).available_plugins
    except NotImplementedError:  # a transfer syntax for video, or an unknown one
        return []
    return [plugin for plugin in DECODERS if plugin in available]


def _encapsulated_frame(stream: BinaryIO, layout: PixelLayout, frame: int, name: str) -> Stored:
    stream.seek(layout.offset)
    try:
        with quiet():
            encoded = get_frame(
                stream,
                frame,
                number_of_frames=layout.frames,
                extended_offsets=layout.extended_offsets,
            )
    except Exception:  # pydicom raises many kinds on damaged encapsulation
        raise truncated(name) from None
    # libjpeg fills a truncated image up without a word, so its end is looked for first.
    if encoded.startswith(JPEG_STARTS) and not encoded.rstrip(b"\0\xff").endswith(JPEG_END):
        raise truncated(name)
    size = announced_size(encoded)
    if size not in (None, (layout.rows, layout.columns)):
        # A decoder would make room for whatever the image announces.
        found = "a compressed image of another size than its header states"
        raise UnreadableInput(name, found, f"{layout.rows} × {layout.columns} pixels", "export it again")
    encoded = repaired_jpeg(encoded)
    reasons: list[str] = []
    for plugin in decoders_of(layout.transfer_syntax):
        try:
            return _decode(encoded, layout, plugin)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # each decoder has its own kinds; Rust's panic is no Exception
            reasons.append(_short(error))
    words = "; ".join(dict.fromkeys(reasons))
    raise UnreadableInput(
        name,
        f"pixel data that no decoder reads ({words})",
        "an intact compressed image",
        "export it again, uncompressed if possible",
    )


def _decode(encoded: bytes, layout: PixelLayout, plugin: str) -> Stored:
    if layout.transfer_syntax == RLELossless:
        return decode_rle(encoded, layout.rows, layout.columns, layout.bits_allocated // 8).view(layout.dtype)
    # The frame goes in as encapsulated data of its own, so every frame takes the same way.
    image: dict[str, Any] = {
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": 1,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_stored,
        "photometric_interpretation": "MONOCHROME2",
        "pixel_representation": int(layout.signed),
        "pixel_keyword": "PixelData",
    }
    alone = encapsulate([encoded], has_bot=False)
    with quiet():
        decoder = get_decoder(UID(layout.transfer_syntax))
        array, _ = decoder.as_array(alone, index=0, decoding_plugin=plugin, **image)
    if array.shape != (layout.rows, layout.columns):
        raise ValueError(f"decoded to {array.shape}")
    return np.asarray(array)


def _short(error: BaseException) -> str:
    """The last line of an error, where pydicom puts the decoder's own words."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub(r" <\S+ object at 0x\w+>", "", lines[-1]).strip()[:120]


def announced_size(encoded: bytes) -> tuple[int, int] | None:
    """(rows, columns) that a JPEG, JPEG-LS or JPEG 2000 image announces; None where it says nothing."""
    if encoded[:4] == b"\xff\x4f\xff\x51":  # start of a codestream, image and tile size (T.800 A.5.1)
        right, bottom, left, top = struct.unpack(">4I", encoded[8:24].ljust(16, b"\0"))
        return bottom - top, right - left
    for marker, start, _ in _jpeg_segments(encoded):
        if marker in (0xC0, 0xC1, 0xC2, 0xC3, 0xF7):  # start of frame (T.81 B.2.2, T.87 C.2.2)
            rows, columns = struct.unpack(">2H", encoded[start + 5 : start + 9].ljust(4, b"\0"))
            return rows, columns
    return None


def repaired_jpeg(encoded: bytes) -> bytes:
    """The same image; a sequential JPEG whose scan header was written wrongly is put right.

    Some encoders leave the spectral selection of a sequential scan at 0 to 0 where ITU-T T.81 table B.3
    demands 0 to 63; strict decoders then refuse a stream that is sound otherwise.
    """
    sequential = False
    for marker, _, end in _jpeg_segments(encoded):
        sequential |= marker in (0xC0, 0xC1)
        if marker == 0xDA and sequential and encoded[end - 3 : end] != b"\x00\x3f\x00":
            return encoded[: end - 3] + b"\x00\x3f\x00" + encoded[end:]
    return encoded


def _jpeg_segments(encoded: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment of a JPEG image up to its first scan."""
    position, marker = 2, 0
    while marker != 0xDA and encoded[:2] == b"\xff\xd8" and encoded[position : position + 1] == b"\xff":
        marker = int.from_bytes(encoded[position + 1 : position + 2], "big")
        end = position + 2 + int.from_bytes(encoded[position + 2 : position + 4], "big")
        yield marker, position, end
        position = end


def _stored_bits(values: Stored, layout: PixelLayout) -> Stored:
    """Bring values that lie in the upper bits down, and clear overlays out of the unused bits."""
    shift = layout.high_bit + 1 - layout.bits_stored
    if shift:
        values = values >> shift
    if layout.overlay_bits:
        unused = layout.bits_allocated - layout.bits_stored
        # Shifting up and down again clears the bits and extends the sign.
        values = (values << unused) >> unused
    return values
