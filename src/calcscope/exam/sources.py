"""One file, on disk or inside a zip archive, and reading it. Nothing is ever unpacked to disk."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from calcscope.errors import UnreadableInput
from calcscope.exam.kinds import HEAD_BYTES

MAX_READS = 1_000_000
"""The header of a tomosynthesis of 1000 slices is read in a tenth of this. To a parser 8 bytes of zeros are
an element, so that a large file of nothing would keep it busy for hours."""

LARGE = 1 << 20
"""Bytes asked for at once from which on it is looked whether the file has as many."""


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

    def open(self) -> BinaryIO:
        """The content as a seekable stream.

        Raises
        ------
        UnreadableInput
        """
        try:
            if self.member is None:
                return _File(io.FileIO(os.fspath(self.path)))  # a name that pydicom opens again
            return Unpacked(_unpacked(self.path, self.member, self.path.stat().st_mtime_ns))
        except OSError as error:
            raise unreadable_file(self.name, error) from None
        except Exception as error:  # zipfile and its decompressors raise many kinds on damaged data
            raise damaged_archive(self.name, error) from None

    def head(self, archive: zipfile.ZipFile | None = None) -> bytes:
        """The first HEAD_BYTES bytes; of a member, read through its archive, which is open already.

        Raises
        ------
        UnreadableInput
        """
        try:
            if self.member is None or archive is None:
                with self.open() as stream:
                    return stream.read(HEAD_BYTES)
            with archive.open(self.member) as packed:
                return packed.read(HEAD_BYTES)
        except OSError as error:
            raise unreadable_file(self.name, error) from None
        except Exception as error:  # as in open()
            raise damaged_archive(self.name, error) from None

    def content_uid(self) -> str:
        """A UID made from the file's content, for images that carry none (PS3.5 B.2, root 2.25)."""
        with self.open() as stream:
            return uid_of(hashlib.file_digest(stream, "sha256").digest())  # type: ignore[arg-type]


class TooManyReads(ValueError):
    """A stream was asked for its bytes in more pieces than any sound header has elements."""


class _Guarded:
    """A stream that a damaged header cannot make run on: it is read in no more than ``MAX_READS`` pieces."""

    _reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        if self._reads > MAX_READS:
            raise TooManyReads(f"more than {MAX_READS} reads")
        return super().read(size)  # type: ignore[misc, no-any-return]


class _File(_Guarded, io.BufferedReader):
    """A file that makes room for no more than it holds, however many bytes a damaged header asks it for."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LARGE:
            size = min(size, max(os.fstat(self.fileno()).st_size - self.tell(), 0))
        return super().read(size)


class Unpacked(_Guarded, io.BytesIO):
    """The content of an archive's member, or of a deflated data set, as a stream."""


# Kept for one member only: the slices of a tomosynthesis are asked for one after the other.
@lru_cache(maxsize=1)
def _unpacked(path: Path, member: str, modified_ns: int) -> bytes:
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(member).file_size
        with archive.open(member) as stream:
            content = stream.read(size + 1)
    if len(content) != size:
        raise zipfile.BadZipFile("size differs from the directory's")
    return content


def uid_of(digest: bytes) -> str:
    """A DICOM UID from a digest of at least 16 bytes."""
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def unreadable_file(name: str, error: OSError) -> UnreadableInput:
    """The refusal of a file that the operating system does not let us read."""
    found = (error.strerror or type(error).__name__).lower()
    return UnreadableInput(name, found, "a readable file", "check the path and its permissions")


def damaged_archive(name: str, error: Exception) -> UnreadableInput:
    """The refusal of an archive, or a member of one, that does not unpack."""
    found = f"a damaged archive ({type(error).__name__})"
    return UnreadableInput(name, found, "an intact zip file", "copy or pack it again")
