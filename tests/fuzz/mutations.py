"""Ways to damage a sound input, each as files are damaged, or as somebody who means harm would do it."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from pydicom.uid import DeflatedExplicitVRLittleEndian

from fuzz.seeds import BORN, FIRST, NAME, NUMBER, Seed, deflated_zeros, seeds, zip_bomb

Rng = np.random.Generator

LENGTHS = (
    0, 1, 2, 3, 7, 0xFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFE, 0x7FFFFFFF, 0x80000000, 0xEFFFFFF0, 0xFFFFFFFE,
    0xFFFFFFFF,
)  # fmt: skip
VALUES = (
    b"", b"\0\0", b"-1", b"0 ", b"1e999", b"-1e999", b"nan ", b"inf ", b"1e-320", b"99999999999999999999",
    b"2147483648", b"0\\0 ", b"\\\\\\\\", b"0.07\\1e300", b"\xff" * 8, b"\0" * 64, b"9" * 5000, b"A\\" * 4000,
    b"\xff\xff", b"\0\x80", b"\x01\0", b"%s%n%x%d", b"\xc3\x28\xe2\x82", b"\x1b$B\x1b(J", b"../../etc/passwd",
    b"1.2.840.10008.1.2.4.90", b"20240230", b"L\\R ", b"B ", b"MLO\\CC", b"ISO_2022_IR_87\\\\ISO_IR_192",
    f"{NAME}^{FIRST}".encode(), NUMBER.encode(), BORN.encode(), f"{NAME} {BORN} ".encode(),
)  # fmt: skip
REPRESENTATIONS = (
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV "
    b"XX ?? \0\0 \xff\xff 1a"
).split()
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
"""Representations whose length has four bytes in the explicit syntaxes (PS3.5 7.1.2)."""
SYNTAXES = (
    b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99",
    b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.51", b"1.2.840.10008.1.2.4.57",
    b"1.2.840.10008.1.2.4.70", b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.81",
    b"1.2.840.10008.1.2.4.90",
    b"1.2.840.10008.1.2.4.91", b"1.2.840.10008.1.2.4.110", b"1.2.840.10008.1.2.4.201",
    b"1.2.840.10008.1.2.4.203",
    b"1.2.840.10008.1.2.4.102", b"1.2.840.10008.1.2.4.94", b"1.2.840.10008.1.2.7.1", b"1.2.3", b"",
    b"\xff" * 12,
)  # fmt: skip
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0"
PIXEL_DATA = 0x7FE00010
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Damaged:
    """A damaged input: the files to be written, which of them is read, and what was done to it."""

    seed: str
    family: str
    files: tuple[tuple[str, bytes], ...]
    file_name: str
    done: tuple[str, ...]

    @property
    def content(self) -> bytes:
        """Of the file that was damaged."""
        return dict(self.files)[self.file_name]

    def holding(self, content: bytes) -> Damaged:
        """The same input with another content."""
        files = tuple((name, content if name == self.file_name else kept) for name, kept in self.files)
        return replace(self, files=files)


# -- any file


def _span(rng: Rng, size: int, longest: int = 512) -> tuple[int, int]:
    start = int(rng.integers(0, max(size, 1)))
    return start, start + int(rng.integers(1, longest + 1))


def flip(content: bytes, rng: Rng) -> bytes:
    """Some bytes changed, half of the time near the beginning, where the headers are."""
    changed = bytearray(content)
    reach = len(changed) if rng.random() < 0.5 else min(len(changed), 3000)
    for position in rng.integers(0, max(reach, 1), size=int(rng.integers(1, 16))):
        if changed:
            changed[position] = int(rng.integers(256))
    return bytes(changed)


def one_bit(content: bytes, rng: Rng) -> bytes:
    """One bit turned, as memory and wires do."""
    changed = bytearray(content)
    if changed:
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def truncate(content: bytes, rng: Rng) -> bytes:
    """The end is missing."""
    return content[: int(rng.integers(0, len(content) + 1))]


def overwrite(content: bytes, rng: Rng) -> bytes:
    """A run of zeros, of ones or of noise, as a bad sector leaves it."""
    start, end = _span(rng, len(content))
    size = min(end, len(content)) - start
    filling = (bytes(size), b"\xff" * size, rng.bytes(size))[int(rng.integers(3))]
    return content[:start] + filling + content[start + size :]


def insert(content: bytes, rng: Rng) -> bytes:
    """Bytes too many, of noise or of the file itself."""
    at = int(rng.integers(0, len(content) + 1))
    start, end = _span(rng, len(content))
    return (
        content[:at] + (content[start:end] if rng.random() < 0.5 else rng.bytes(end - start)) + content[at:]
    )


def delete(content: bytes, rng: Rng) -> bytes:
    """Bytes too few."""
    start, end = _span(rng, len(content))
    return content[:start] + content[end:]


def extend(content: bytes, rng: Rng) -> bytes:
    """Something behind the end."""
    return content + (rng.bytes(2000) if rng.random() < 0.5 else content)


def words(content: bytes, rng: Rng) -> bytes:
    """A number of two, four or eight bytes replaced by a hostile one."""
    size = int(rng.choice([2, 4, 8]))
    at = int(rng.integers(0, max(min(len(content), 4000) - size, 1)))
    value = int(rng.choice(np.array(LENGTHS, dtype=np.uint64))) & ((1 << 8 * size) - 1)
    order: Literal["little", "big"] = "little" if rng.random() < 0.5 else "big"
    return content[:at] + value.to_bytes(size, order) + content[at + size :]


ANY = (flip, flip, one_bit, truncate, overwrite, insert, delete, extend, words)

# -- DICOM


@dataclass(frozen=True)
class Element:
    """Where an element of the top level lies: its tag, its length (of ``size`` bytes) and its value."""

    tag: int
    start: int
    length_at: int
    size: int
    value: int
    end: int


def elements(content: bytes, packing: str) -> list[Element]:
    """The elements of a DICOM file as far as they can be followed."""
    position = 132 if content[128:132] == b"DICM" else 0
    found: list[Element] = []
    while position + 8 <= len(content) and len(found) < 400:
        meta = content[position : position + 2] == b"\x02\x00"
        explicit = meta or packing != "implicit"
        order: Literal["little", "big"] = "big" if packing == "big" and not meta else "little"
        group = int.from_bytes(content[position : position + 2], order)
        tag = group << 16 | int.from_bytes(content[position + 2 : position + 4], order)
        if explicit and content[position + 4 : position + 6] in LONG:
            at, size = position + 8, 4
        else:
            at, size = (position + 6, 2) if explicit else (position + 4, 4)
        length = int.from_bytes(content[at : at + size], order)
        value = at + size
        if length == UNDEFINED and size == 4:
            close = content.find(SEQUENCE_END, value)
            end = len(content) if close < 0 else close + 8
        else:
            end = value + length
        found.append(Element(tag, position, at, size, value, min(end, len(content))))
        position = end
    return found


def _any_element(content: bytes, rng: Rng, packing: str) -> Element | None:
    found = elements(content, packing)
    return found[int(rng.integers(len(found)))] if found else None


def _order(packing: str, element: Element) -> Literal["little", "big"]:
    return "big" if packing == "big" and element.tag >> 16 != 2 else "little"


def hostile_length(content: bytes, rng: Rng, packing: str) -> bytes:
    """An element that announces another length than it has, or one that is undefined."""
    element = _any_element(content, rng, packing)
    if element is None:
        return content
    true = element.end - element.value
    choices = [*LENGTHS, true + 1, max(true - 1, 0), true + 2, len(content), true * 2]
    value = choices[int(rng.integers(len(choices)))] & ((1 << 8 * element.size) - 1)
    at = element.length_at
    return (
        content[:at] + value.to_bytes(element.size, _order(packing, element)) + content[at + element.size :]
    )


def undefined_length(content: bytes, rng: Rng, packing: str) -> bytes:
    """A length of four bytes, undefined; with or without an end."""
    found = [each for each in elements(content, packing) if each.size == 4]
    if not found:
        return content
    element = found[int(rng.integers(len(found)))]
    closed = SEQUENCE_END + bytes(4) if rng.random() < 0.5 else b""
    at = element.length_at
    return content[:at] + b"\xff" * 4 + content[element.value : element.end] + closed + content[element.end :]


def odd_vr(content: bytes, rng: Rng, packing: str) -> bytes:
    """Another value representation than the element's."""
    element = _any_element(content, rng, packing)
    if element is None or packing == "implicit":
        return content
    other = REPRESENTATIONS[int(rng.integers(len(REPRESENTATIONS)))]
    return content[: element.start + 4] + other + content[element.start + 6 :]


def hostile_value(content: bytes, rng: Rng, packing: str) -> bytes:
    """A value that nobody wrote, of its own length."""
    element = _any_element(content, rng, packing)
    if element is None:
        return content
    return _with_value(content, element, VALUES[int(rng.integers(len(VALUES)))], packing)


def exchanged_values(content: bytes, rng: Rng, packing: str) -> bytes:
    """The value of another element of the same file: a name where a view should stand."""
    one, other = _any_element(content, rng, packing), _any_element(content, rng, packing)
    if one is None or other is None:
        return content
    return _with_value(content, one, content[other.value : other.end], packing)


def _with_value(content: bytes, element: Element, value: bytes, packing: str) -> bytes:
    value += b" " * (len(value) % 2)
    length = (len(value) & ((1 << 8 * element.size) - 1)).to_bytes(element.size, _order(packing, element))
    return content[: element.length_at] + length + value + content[element.end :]


def nested(content: bytes, rng: Rng, packing: str) -> bytes:
    """Sequences in sequences in sequences."""
    element = _any_element(content, rng, packing)
    if element is None:
        return content
    depth = int(rng.choice([1, 3, 50, 900, 5000]))
    tag = b"\x08\x00\x12\x21" if packing != "big" else b"\x00\x08\x21\x12"
    head = tag + (b"" if packing == "implicit" else b"SQ\0\0") + b"\xff" * 4 + ITEM + b"\xff" * 4
    tail = (ITEM_END + bytes(4) + SEQUENCE_END + bytes(4)) * depth if rng.random() < 0.5 else b""
    at = element.start
    return content[:at] + head * depth + tail + content[at:]


def rearranged(content: bytes, rng: Rng, packing: str) -> bytes:
    """An element twice, missing or in another place."""
    element, other = _any_element(content, rng, packing), _any_element(content, rng, packing)
    if element is None or other is None:
        return content
    whole = content[element.start : element.end]
    kind = int(rng.integers(3))
    if kind == 0:
        return content[: element.start] + content[element.end :]
    if kind == 1:
        return content[: element.start] + whole + content[element.start :]
    return content[: other.start] + whole + content[other.start :]


def wrong_syntax(content: bytes, rng: Rng, packing: str) -> bytes:
    """A transfer syntax that is not the file's."""
    element = next((each for each in elements(content, packing) if each.tag == 0x00020010), None)
    if element is None:
        return content
    other = SYNTAXES[int(rng.integers(len(SYNTAXES)))]
    return _with_value(content, element, other + b"\0" * (len(other) % 2), packing)


def hostile_size(content: bytes, rng: Rng, packing: str) -> bytes:
    """Rows, columns, frames, bits or samples that are not the image's."""
    tags = (0x00280010, 0x00280011, 0x00280008, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280002)
    found = [each for each in elements(content, packing) if each.tag in tags]
    if not found:
        return content
    element = found[int(rng.integers(len(found)))]
    if element.tag == 0x00280008:
        return _with_value(
            content, element, (b"-1", b"0 ", b"1 ", b"2 ", b"4 ", b"999999")[rng.integers(6)], packing
        )
    values = (0, 1, 7, 8, 12, 15, 16, 32, 64, 71, 72, 95, 97, 4095, 0x7FFF, 0xFFFF)
    number = values[int(rng.integers(len(values)))]
    return _with_value(content, element, number.to_bytes(2, _order(packing, element)), packing)


def damaged_frame(content: bytes, rng: Rng, packing: str) -> bytes:
    """The compressed image itself is damaged, its wrapping is sound."""
    element = next((each for each in elements(content, packing) if each.tag == PIXEL_DATA), None)
    if element is None or element.end - element.value < 40:
        return content
    frame = content[element.value : element.end]
    # Past the first item, which is the table of offsets, and the head of the second.
    start = 16 + (int.from_bytes(frame[4:8], "little") if frame[:4] == ITEM else 0)
    start = min(start, len(frame) - 24)
    body = bytearray(frame[start:-8])
    reach = len(body) if rng.random() < 0.4 else min(len(body), 120)
    kind = int(rng.integers(4))
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(reach))
        if kind == 0:
            body[at] = int(rng.integers(256))
        elif kind == 1:
            body[at : at + 2] = struct.pack(">H", int(rng.choice([0, 1, 7, 0xFF, 0x7FFF, 0xFFFF])))[
                : len(body) - at
            ]
        elif kind == 2:
            body[at : at + 2] = bytes([0xFF, int(rng.integers(0x4F, 0xFF))])[: len(body) - at]
        else:
            size = min(int(rng.integers(1, 80)), len(body) - at)
            body[at : at + size] = rng.bytes(size)
    return content[: element.value + start] + bytes(body) + frame[-8:] + content[element.end :]


def damaged_items(content: bytes, rng: Rng, packing: str) -> bytes:
    """The items around compressed frames are wrong: lengths, ends, or a table of offsets that points away."""
    element = next((each for each in elements(content, packing) if each.tag == PIXEL_DATA), None)
    if element is None or content[element.value : element.value + 4] != ITEM:
        return content
    starts = []
    at = content.find(ITEM, element.value)
    while 0 <= at < element.end and len(starts) < 40:
        starts.append(at)
        at = content.find(ITEM, at + 4)
    at = starts[int(rng.integers(len(starts)))] + 4
    kind = int(rng.integers(3))
    if kind == 0:
        return content[:at] + int(rng.choice(np.array(LENGTHS))).to_bytes(4, "little") + content[at + 4 :]
    if kind == 1:
        table = b"".join(
            int(rng.choice(np.array(LENGTHS))).to_bytes(4, "little") for _ in range(rng.integers(1, 5))
        )
        first = element.value
        old = int.from_bytes(content[first + 4 : first + 8], "little")
        return content[: first + 4] + len(table).to_bytes(4, "little") + table + content[first + 8 + old :]
    return content[: at - 4] + SEQUENCE_END + bytes(4) + content[at - 4 :]


OF_DICOM = (
    hostile_length, hostile_length, undefined_length, odd_vr, hostile_value, hostile_value, exchanged_values,
    nested, rearranged, wrong_syntax, hostile_size, damaged_frame, damaged_frame, damaged_frame,
    damaged_items,
)  # fmt: skip


def _deflated(content: bytes, rng: Rng) -> bytes:
    """The elements behind the file meta information deflated, now and then into a bomb."""
    found = elements(content, "explicit")
    body = next((each.start for each in found if each.tag >> 16 != 2), len(content))
    syntax = next((each for each in found if each.tag == 0x00020010), None)
    if syntax is None:
        return content
    name = DeflatedExplicitVRLittleEndian.encode()
    head = _with_value(content[:body], syntax, name, "explicit")
    grown = len(head) - body
    length = int.from_bytes(head[140:144], "little") + grown
    head = head[:140] + (length & UNDEFINED).to_bytes(4, "little") + head[144:]
    if rng.random() < 0.03:
        return head + deflated_zeros(200, raw=True)
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return head + deflater.compress(content[body:]) + deflater.flush()


# -- plain images


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    found, position = [], 8
    while position + 12 <= len(content) and len(found) < 100:
        length = int.from_bytes(content[position : position + 4], "big")
        found.append((content[position + 4 : position + 8], content[position + 8 : position + 8 + length]))
        position += 12 + length
    return found


def _packed(chunks: list[tuple[bytes, bytes]]) -> bytes:
    parts = [b"\x89PNG\r\n\x1a\n"]
    for kind, body in chunks:
        check = struct.pack(">I", zlib.crc32(kind + body))
        parts.append(struct.pack(">I", len(body)) + kind + body + check)
    return b"".join(parts)


def png_chunks(content: bytes, rng: Rng) -> bytes:
    """A chunk with hostile content and a right checksum: sizes, bombs, texts, animations."""
    chunks = _chunks(content)
    if not chunks:
        return content
    kind = int(rng.integers(6))
    if kind == 0:
        body = bytearray(chunks[0][1])
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(max(len(body), 1)))
            body[at : at + 1] = bytes([int(rng.choice([0, 1, 2, 3, 4, 6, 8, 16, 255]))])
        chunks[0] = (chunks[0][0], bytes(body))
    elif kind == 1:
        zeros = deflated_zeros(int(rng.choice([1, 80])), raw=False)
        chunks = [(name, zeros if name == b"IDAT" else body) for name, body in chunks]
    elif kind == 2:
        name = (b"zTXt", b"iCCP", b"iTXt", b"tEXt", b"PLTE", b"tRNS", b"acTL", b"fdAT", b"eXIf", b"gAMA")[
            rng.integers(10)
        ]
        zeros = deflated_zeros(80, raw=False) if rng.random() < 0.5 else rng.bytes(200)
        chunks.insert(1, (name, b"key\0\0" + zeros))
    elif kind == 3:
        at = int(rng.integers(len(chunks)))
        chunks[at] = (chunks[at][0], flip(chunks[at][1], rng))
    elif kind == 4:
        chunks.pop(int(rng.integers(len(chunks))))
    else:
        # The picture's own data damaged behind a right checksum.
        try:
            data = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
        except zlib.error:
            data = bytes(1000)
        changed = zlib.compress(truncate(data, rng) if rng.random() < 0.5 else flip(data, rng))
        kept = [each for each in chunks if each[0] not in (b"IDAT", b"IEND")]
        chunks = [*kept, (b"IDAT", changed), (b"IEND", b"")]
    return _packed(chunks)


def tiff_tags(content: bytes, rng: Rng) -> bytes:
    """An entry of the first directory, or the way to it, made hostile."""
    order: Literal["little", "big"] = "little" if content[:2] == b"II" else "big"
    big = content[2:4] in (b"+\0", b"\0+")
    at = int.from_bytes(content[8:16] if big else content[4:8], order)
    count_size, entry = (8, 20) if big else (2, 12)
    count = int.from_bytes(content[at : at + count_size], order)
    if not 0 < count < 100 or at + count_size + entry * count > len(content):
        return words(content, rng)
    kind = int(rng.integers(5))
    start = at + count_size + entry * int(rng.integers(count))
    if kind == 4:  # the next directory is this one
        end = at + count_size + entry * count
        width = 8 if big else 4
        return content[:end] + at.to_bytes(width, order) + content[end + width :]
    width = 8 if big else 4
    place, size = ((start, 2), (start + 2, 2), (start + 4, width), (start + 4 + width, width))[kind]
    tags = (256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325, 330, 338, 339)
    value = int(rng.choice(np.array(LENGTHS, dtype=np.uint64))) if kind else int(rng.choice(tags))
    if kind == 1:
        value = int(rng.integers(0, 20))
    if kind == 3 and rng.random() < 0.5:
        value = int(rng.choice([1, 2, 5, 6, 7, 8, 32773, 34712, 50000, 32946]))
    return content[:place] + (value & ((1 << 8 * size) - 1)).to_bytes(size, order) + content[place + size :]


def pgm_header(content: bytes, rng: Rng) -> bytes:
    """Another header before the values."""
    head = (
        b"P5\n60000 60000\n65535\n", b"P5 72 96 0\n", b"P5 72 96 65536\n", b"P5 72 96 1\n",
        b"P5 -72 96 255\n",
        b"P2 72 96 255\n", b"P5\n#" + b"x" * 9000 + b"\n72 96\n255\n", b"P5 72 96 300\n", b"P5 0 0 255\n",
        b"P2\n99999999999 1\n255\n", b"P5 72 1e9 255\n", b"P2 72 96 65535\n", b"P5\n72 96\n",
    )[int(rng.integers(13))]  # fmt: skip
    return head + content[15:]


# -- archives


def zip_fields(content: bytes, rng: Rng) -> bytes:
    """A field of a header or of the directory made hostile."""
    heads = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"]
    head = heads[int(rng.integers(3))]
    places = []
    at = content.find(head)
    while at >= 0 and len(places) < 20:
        places.append(at)
        at = content.find(head, at + 4)
    if not places:
        return content
    at = places[int(rng.integers(len(places)))] + 4 + 2 * int(rng.integers(21))
    size = int(rng.choice([2, 4]))
    value = int(rng.choice(np.array(LENGTHS))) & ((1 << 8 * size) - 1)
    return content[:at] + value.to_bytes(size, "little") + content[at + size :]


def zip_members(content: bytes, rng: Rng) -> bytes:
    """An archive packed anew: hostile names, damaged members, bombs, archives in archives."""
    stream = io.BytesIO()
    others = [each for each in seeds() if each.family in ("dicom", "png", "tiff")]
    methods = (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    kind = int(rng.integers(6))
    names = (
        "../x.dcm", "/x.dcm", "C:\\x.dcm", "a/../../x.dcm", ".", "x" * 3000 + ".dcm", "\u202egnp.mcd.dcm",
        "DICOMDIR", "a\nb.dcm", "con.dcm", "\x7f.dcm", "ä" * 80, "a//b.dcm", ".hidden", "x.dcm/",
        "-rf.dcm", " ",
    )  # fmt: skip
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", methods[int(rng.integers(4))]) as archive:
        warnings.simplefilter("ignore")
        if kind == 0:
            archive.writestr(names[int(rng.integers(len(names)))], others[0].content)
        elif kind == 1:
            archive.writestr("inner.zip", content)
        elif kind == 2 and rng.random() < 0.3:
            for number in range(5100):  # stored: an encoder of LZMA takes its time for each
                archive.writestr(f"{number}.dcm", b"x", zipfile.ZIP_STORED)
        elif kind == 3:
            for _ in range(2):  # one name twice
                archive.writestr("a.dcm", others[int(rng.integers(len(others)))].content)
        elif kind == 4 and rng.random() < 0.3:
            return zip_bomb()
        for number in range(int(rng.integers(1, 4))):
            inner = others[int(rng.integers(len(others)))]
            suffix = inner.file_name[inner.file_name.index(".") :]
            archive.writestr(f"{number}/LCC{suffix}", damage(inner, rng).content)
    return stream.getvalue()


# -- reports


def json_values(content: bytes, rng: Rng) -> bytes:
    """A value of a JSON text replaced, taken out, doubled or buried."""
    try:
        tree: Any = json.loads(content)
    except (ValueError, RecursionError):
        return flip(content, rng)
    hostile: tuple[Any, ...] = (
        None, -1, 0, 1e308, float("nan"), float("inf"), 10**30, "", "x" * 5000, "\0", "../../x", [], {}, [[]],
        True, NUMBER, f"{NAME}^{FIRST}", "2024-02-30", [0, 0, 0], {"a": 1}, "\ud800", [[0, 0]] * 500,
    )  # fmt: skip
    for _ in range(int(rng.integers(1, 4))):
        node, parent, key = tree, None, None
        while isinstance(node, dict | list) and node and (parent is None or rng.random() < 0.85):
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            parent, key = node, keys[int(rng.integers(len(keys)))]
            node = parent[key]
        if parent is None:
            break
        kind = int(rng.integers(4))
        if kind == 0 and isinstance(parent, dict):
            del parent[key]
        elif kind == 1 and isinstance(parent, list):
            parent.append(node)
        else:
            parent[key] = hostile[int(rng.integers(len(hostile)))]
    text = json.dumps(tree)
    if rng.random() < 0.02:
        text = "[" * 100_000 + text
    return text.encode()


OF_FAMILY: dict[str, tuple[Callable[[bytes, Rng], bytes], ...]] = {
    "png": (png_chunks, png_chunks, png_chunks, *ANY),
    "tiff": (tiff_tags, tiff_tags, tiff_tags, *ANY),
    "pgm": (pgm_header, *ANY),
    "zip": (zip_fields, zip_fields, zip_members, zip_members, *ANY),
    "report": (json_values, json_values, json_values, json_values, flip, truncate, insert),
}


def damage(seed: Seed, rng: Rng) -> Damaged:
    """One to four damages to a seed, as the generator decides."""
    content, done = seed.content, []
    for _ in range(1 + int(rng.choice([0, 0, 0, 1, 2, 3]))):
        if seed.family in OF_FAMILY:
            ways = OF_FAMILY[seed.family]
            way = ways[int(rng.integers(len(ways)))]
            content = way(content, rng)
            done.append(way.__name__)
        elif rng.random() < 0.65:
            structured = OF_DICOM[int(rng.integers(len(OF_DICOM)))]
            content = structured(content, rng, seed.packing)
            done.append(structured.__name__)
        else:
            way = ANY[int(rng.integers(len(ANY)))]
            content = way(content, rng)
            done.append(way.__name__)
    if seed.deflated:
        content = _deflated(content, rng)
    files = (*seed.beside, (seed.file_name, content))
    return Damaged(seed.name, seed.family, files, seed.file_name, tuple(done))


def sound(seed: Seed) -> Damaged:
    """A seed with nothing done to it."""
    return Damaged(seed.name, seed.family, (*seed.beside, (seed.file_name, seed.content)), seed.file_name, ())


def damaged(run: int, number: int) -> Damaged:
    """Input ``number`` of a run: always the same one."""
    every = seeds()
    return damage(every[number % len(every)], np.random.default_rng([run, number]))
