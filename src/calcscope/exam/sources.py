"""The files behind the paths a user gives: single files, folders, zip archives and DICOMDIRs.

Nothing is ever unpacked to disk. A file is judged by its content, not by its name; in a folder or an
archive, files whose name says that they are no images (``readme.txt``) are passed over.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from calcscope.errors import UnreadableInput
from calcscope.exam.model import Failure
from calcscope.exam.options import ReadOptions

IMAGE_SUFFIXES = {
    "", ".dcm", ".dicom", ".dic", ".ima", ".img", ".png", ".pgm", ".pnm", ".tif", ".tiff", ".jpg", ".jpeg",
    ".jp2", ".j2k", ".zip",
}  # fmt: skip
"""File names that promise an image; numbers (``IM.0001``) do as well, as DICOM file sets use them."""

LITTER = {"thumbs.db", "desktop.ini", "lockfile", "version"}
"""Files that operating systems and CD writers leave beside images."""

RATIO_FREE_BYTES = 64 << 20
"""A file this small is no bomb however well it packs: a wholly black image packs a thousandfold."""

HEAD_BYTES = 512
"""Enough of a file to know its kind: DICOM's magic number lies at byte 128."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"P5", "pgm"),
    (b"P2", "pgm"),
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

EXPECTED = "a DICOM mammogram, or a PNG, PGM or TIFF image"


@dataclass(frozen=True)
class Source:
    """One file, on disk or inside a zip archive.

    Parameters
    ----------
    path : the file, or the archive that holds it
    member : name inside the archive, or None
    """

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """What messages and reports call it: the path, or ``archive.zip!member``."""
        return f"{self.path}!{self.member}" if self.member is not None else str(self.path)

    @property
    def file_name(self) -> str:
        """The last part of the name."""
        return PurePosixPath(self.member).name if self.member is not None else self.path.name

    @property
    def folder(self) -> str:
        """The folder (or archive and folder in it) that holds the file."""
        if self.member is not None:
            return f"{self.path}!{PurePosixPath(self.member).parent}"
        return str(self.path.parent)

    def content_uid(self) -> str:
        """A UID made from the file's content, for images that carry none (PS3.5 B.2, root 2.25)."""
        with self.open() as stream:
            return uid_of(hashlib.file_digest(stream, "sha256").digest())  # type: ignore[arg-type]

    def open(self) -> BinaryIO:
        """The content as a seekable stream."""
        try:
            if self.member is None:
                return self.path.open("rb")
            with zipfile.ZipFile(self.path) as archive:
                size = archive.getinfo(self.member).file_size
                with archive.open(self.member) as stream:
                    content = stream.read(size + 1)
        except OSError as error:
            raise unreadable_file(self.name, error) from None
        except Exception as error:  # zipfile and its decompressors raise many kinds on damaged data
            raise damaged_archive(self.name, error) from None
        if len(content) > size:
            raise UnreadableInput(
                self.name,
                "more data than the archive's directory declares",
                "an intact archive",
                "pack it again",
            )
        return io.BytesIO(content)


def uid_of(digest: bytes) -> str:
    """A DICOM UID from a digest of at least 16 bytes."""
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def unreadable_file(name: str, error: OSError) -> UnreadableInput:
    """The refusal of a file that the operating system does not let us read."""
    found = (error.strerror or type(error).__name__).lower()
    return UnreadableInput(name, found, "a readable file", "check the path and its permissions")


def damaged_archive(name: str, error: Exception) -> UnreadableInput:
    """The refusal of an archive that does not unpack."""
    return UnreadableInput(
        name, f"a damaged archive ({type(error).__name__})", "an intact zip file", "copy or pack it again"
    )


def kind_of(head: bytes) -> str | None:
    """``dicom``, ``png``, ``pgm``, ``tiff`` or ``zip`` by a file's first bytes, or None for anything else."""
    if head[128:132] == b"DICM":
        return "dicom"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    # Without preamble a data set starts with a low tag of group 0002 or 0008 in either byte order.
    if len(head) >= 8 and head[:2] in (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08") and 0 in head[2:4]:
        return "dicom"
    return None


def describe_unknown(head: bytes) -> str:
    """Plain words for content that is no image we read."""
    if not head:
        return "an empty file"
    for magic, words in _OTHER:
        if head.startswith(magic):
            return words
    if not any(head):
        return "nothing but zero bytes"
    text = head.decode("utf-8", errors="replace")
    if all(character.isprintable() or character.isspace() for character in text[:-4]):
        return "a text file"
    return "no known image format"


def expand(paths: Sequence[str | Path], options: ReadOptions) -> Iterator[tuple[Source, str] | Failure]:
    """Each file behind the paths with its kind (``dicom``, ``png``, ``pgm``, ``tiff``), or its refusal.

    Files are given in the order of the paths, those of a folder or archive sorted by name; each once.
    """
    seen: set[tuple[Path, str | None]] = set()
    for path in map(Path, paths):
        for found in _expand_path(path, options):
            if isinstance(found, Failure):
                yield found
                continue
            key = (found[0].path.resolve(), found[0].member)
            if key not in seen:
                seen.add(key)
                yield found


def _expand_path(path: Path, options: ReadOptions) -> Iterator[tuple[Source, str] | Failure]:
    try:
        if path.is_dir():
            yield from _expand_folder(path, options)
        elif path.is_file():
            yield from _expand_file(path, options, asked_for=True)
        else:
            found = "something that is not a regular file" if path.exists() else "nothing there"
            yield _failure(str(path), found, "a file or folder", "check the path")
    except (OSError, ValueError) as error:
        found = getattr(error, "strerror", None) or "a path that cannot be opened"
        yield _failure(
            str(path), found.lower(), "a readable file or folder", "check the path and permissions"
        )


def _expand_folder(folder: Path, options: ReadOptions) -> Iterator[tuple[Source, str] | Failure]:
    anything = False
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith(".") or name.upper() == "DICOMDIR" or not path.is_file():
                continue
            for found in _expand_file(path, options, asked_for=False):
                anything = True
                yield found
    if not anything:
        yield _failure(str(folder), "no image in the folder", EXPECTED, "check the path")


def _expand_file(
    path: Path, options: ReadOptions, *, asked_for: bool
) -> Iterator[tuple[Source, str] | Failure]:
    source = Source(path)
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        yield Failure(source.name, unreadable_file(source.name, error).reason)
        return
    kind = kind_of(head)
    if kind == "zip":
        yield from _expand_zip(path, options)
    elif kind == "dicom" and path.name.upper() == "DICOMDIR":
        yield from _expand_dicomdir(path)
    elif kind is not None:
        yield source, kind
    elif asked_for or _promises_image(path.name):
        yield _failure(source.name, describe_unknown(head), EXPECTED, "give the original image file")


def _expand_dicomdir(path: Path) -> Iterator[tuple[Source, str] | Failure]:
    from calcscope.exam.dicom_file import referenced_files

    try:
        references = referenced_files(path)
    except UnreadableInput as error:
        yield Failure(error.source, error.reason)
        return
    root = path.parent.resolve()
    for parts in references:
        target = _without_case(path.parent, parts)
        if not target.resolve().is_relative_to(root):
            yield _failure(
                f"{path}!{'/'.join(parts)}",
                "a reference out of its folder",
                "a file beside the DICOMDIR",
                "give the images themselves",
            )
        elif not target.is_file():
            yield _failure(
                f"{path}!{'/'.join(parts)}",
                "a listed file that is missing",
                "every file the DICOMDIR lists",
                "copy the whole medium",
            )
        else:
            with target.open("rb") as stream:
                head = stream.read(HEAD_BYTES)
            if kind_of(head) == "dicom":
                yield Source(target), "dicom"
            else:
                yield _failure(str(target), describe_unknown(head), "a DICOM file", "copy the medium again")


def _without_case(folder: Path, parts: Sequence[str]) -> Path:
    """The file that a DICOMDIR names in capitals, whatever case a copy to disk gave it."""
    for part in parts:
        exact = folder / part
        if not exact.exists() and folder.is_dir():
            alike = [name for name in sorted(os.listdir(folder)) if name.lower() == part.lower()]
            exact = folder / alike[0] if alike else exact
        folder = exact
    return folder


def _expand_zip(path: Path, options: ReadOptions) -> Iterator[tuple[Source, str] | Failure]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            refusal = _refuse_archive(path, members, options)
            if refusal is not None:
                yield refusal
                return
            anything = False
            for member in sorted(members, key=lambda member: member.filename):
                for found in _expand_member(path, archive, member, options):
                    anything = True
                    yield found
            if not anything:
                yield _failure(str(path), "no image in the archive", EXPECTED, "check the archive")
    except Exception as error:  # zipfile and its decompressors raise many kinds on damaged data
        refusal_of_damage = damaged_archive(str(path), error)
        yield Failure(refusal_of_damage.source, refusal_of_damage.reason)


def _refuse_archive(path: Path, members: Sequence[zipfile.ZipInfo], options: ReadOptions) -> Failure | None:
    """Why a whole archive is refused from its directory alone, or None."""
    locked = sum(bool(member.flag_bits & 0x1) for member in members)
    if locked:
        found = f"{locked} of {len(members)} files locked by a password"
        return _failure(str(path), found, "a zip without password", "unpack it first and give the folder")
    if len(members) > options.max_members:
        found = f"{len(members)} files in one archive"
        return _failure(str(path), found, f"at most {options.max_members}", "give one exam at a time")
    total = sum(member.file_size for member in members)
    if total > options.max_archive_bytes:
        found = f"{total / 2**30:.1f} GiB of unpacked data"
        expected = f"at most {options.max_archive_bytes / 2**30:.0f} GiB"
        return _failure(str(path), found, expected, "give one exam at a time, or unpack it first")
    return None


def _expand_member(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, options: ReadOptions
) -> Iterator[tuple[Source, str] | Failure]:
    source = Source(path, member.filename)
    parts = PurePosixPath(member.filename.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or (parts.parts and parts.parts[0].endswith(":")):
        found = "a file name that leads out of the archive"
        yield _failure(source.name, found, "names inside the archive", "do not trust this archive")
        return
    if any(part.startswith((".", "__MACOSX")) for part in parts.parts) or parts.name.upper() == "DICOMDIR":
        return
    ratio = member.file_size / max(member.compress_size, 1)
    swells = member.file_size > RATIO_FREE_BYTES and ratio > options.max_ratio
    if swells or member.file_size > options.max_member_bytes:
        found = f"{member.file_size / 2**20:.0f} MiB packed {ratio:.0f} times smaller"
        expected = f"at most {options.max_member_bytes / 2**20:.0f} MiB and {options.max_ratio:.0f} times"
        yield _failure(source.name, found, expected, "unpack it yourself if you trust it")
        return
    with archive.open(member) as stream:
        head = stream.read(HEAD_BYTES)
    kind = kind_of(head)
    if kind == "zip":
        yield _failure(
            source.name, "an archive inside an archive", EXPECTED, "unpack the outer archive first"
        )
    elif kind is not None:
        yield source, kind
    elif _promises_image(parts.name):
        yield _failure(source.name, describe_unknown(head), EXPECTED, "give the original image file")


def _promises_image(name: str) -> bool:
    suffix = PurePosixPath(name).suffix.lower()
    return name.lower() not in LITTER and (suffix in IMAGE_SUFFIXES or suffix[1:].isdigit())


def _failure(source: str, found: str, expected: str, remedy: str) -> Failure:
    return Failure(source, UnreadableInput(source, found, expected, remedy).reason)
