"""What kind of file something is, judged by its first bytes."""

from __future__ import annotations

from pathlib import PurePosixPath

HEAD_BYTES = 512
"""Enough of a file to know its kind: DICOM's magic number lies at byte 128."""

IMAGE_SUFFIXES = {
    "", ".dcm", ".dicom", ".dic", ".ima", ".img", ".png", ".pgm", ".pnm", ".tif", ".tiff", ".jpg", ".jpeg",
    ".jp2", ".j2k", ".zip",
}  # fmt: skip
"""File names that promise an image; numbers (``IM.0001``) do as well, as DICOM file sets use them."""

LITTER = {"thumbs.db", "desktop.ini", "lockfile", "version"}
"""Files that operating systems and CD writers leave beside images."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"P5\n", "pgm"),
    (b"P5 ", "pgm"),
    (b"P2\n", "pgm"),
    (b"P2 ", "pgm"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)

_OTHER: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BM", "a Windows bitmap"),
    (b"GIF8", "a GIF picture"),
    (b"-----BEGIN PGP", "a PGP-encrypted file"),
    (b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", "an encrypted (CMS) file"),
)

_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")
"""A data set without preamble starts in group 0002 or 0008, in either byte order."""


def kind_of(head: bytes, *, promised: bool) -> str | None:
    """``dicom``, ``png``, ``pgm``, ``tiff`` or ``zip``; None for anything else.

    Parameters
    ----------
    head : the first HEAD_BYTES of the file
    promised : whether the user or the file's name says that it is an image. Only then is it taken for one
        on weak evidence: a DICOM data set without magic number, or a zip (which office documents are too).
    """
    if head[128:132] == b"DICM":
        return "dicom"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind if promised or kind != "zip" else None
    bare = len(head) >= 8 and head[:2] in _FIRST_GROUPS and 0 in head[2:4]
    return "dicom" if promised and bare else None


def promises_image(name: str) -> bool:
    """Whether a file name says that there is an image in it, or says nothing."""
    suffix = PurePosixPath(name).suffix.lower()
    return name.lower() not in LITTER and (suffix in IMAGE_SUFFIXES or suffix[1:].isdigit())


def describe_unknown(head: bytes) -> str:
    """Plain words for the first bytes of a file that is no image we read."""
    if not head:
        return "an empty file"
    for magic, words in _OTHER:
        if head.startswith(magic):
            return words
    if not any(head):
        return "nothing but zero bytes"
    text = head.decode("utf-8", errors="replace")
    # The last character may be cut in the middle.
    if all(character.isprintable() or character.isspace() for character in text[:-4]):
        return "a text file"
    return "no known image format"
