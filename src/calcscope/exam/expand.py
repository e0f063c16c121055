"""The files behind the paths a user gives: single files, folders, zip archives and DICOMDIRs.

A file is judged by its content, not by its name; only in a folder or an archive, files whose name says
that they are no images (``readme.txt``) are passed over.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from calcscope.errors import UnreadableInput
from calcscope.exam.dicom_file import referenced_files
from calcscope.exam.kinds import describe_unknown, kind_of, promises_image
from calcscope.exam.model import Failure
from calcscope.exam.options import RATIO_FREE_BYTES, ReadOptions
from calcscope.exam.sources import Source, damaged_archive, unreadable_file

EXPECTED = "a DICOM mammogram, or a PNG, PGM or TIFF image"

Found = tuple[Source, str] | Failure
"""A file and its kind (``dicom``, ``png``, ``pgm`` or ``tiff``), or why something is refused."""


def expand(paths: Sequence[str | Path], options: ReadOptions) -> Iterator[Found]:
    """Each file behind the paths, or its refusal.

    In the order of the paths, those of a folder or archive sorted by name; each file once.
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


def failure_of(error: UnreadableInput) -> Failure:
    """The entry in the list of failures for a refusal."""
    return Failure(error.source, error.reason)


def _refused(source: str, found: str, expected: str, remedy: str) -> Failure:
    return failure_of(UnreadableInput(source, found, expected, remedy))


def _expand_path(path: Path, options: ReadOptions) -> Iterator[Found]:
    try:
        if path.is_dir():
            yield from _expand_folder(path, options)
        elif path.is_file():
            yield from _expand_file(path, options, promised=True)
        else:
            found = "something that is not a regular file" if path.exists() else "nothing there"
            yield _refused(str(path), found, "a file or folder", "check the path")
    except OSError as error:
        yield failure_of(unreadable_file(str(path), error))
    except ValueError:  # a zero byte in the path
        yield _refused(str(path), "a path that cannot be opened", "a file or folder", "check the path")


def _expand_folder(folder: Path, options: ReadOptions) -> Iterator[Found]:
    anything = False
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            # A folder is walked whole, so the DICOMDIR that lists its files is not needed.
            if name.startswith(".") or name.upper() == "DICOMDIR" or not path.is_file():
                continue
            for found in _expand_file(path, options, promised=promises_image(name)):
                anything = True
                yield found
    if not anything:
        yield _refused(str(folder), "no image in the folder", EXPECTED, "check the path")


def _expand_file(path: Path, options: ReadOptions, *, promised: bool) -> Iterator[Found]:
    source = Source(path)
    try:
        head = source.head()
    except UnreadableInput as error:
        yield failure_of(error)
        return
    kind = kind_of(head, promised=promised)
    if kind == "zip":
        yield from _expand_zip(path, options)
    elif kind == "dicom" and path.name.upper() == "DICOMDIR":
        yield from _expand_dicomdir(path)
    else:
        yield from _offer(source, head, kind, promised=promised)


def _offer(source: Source, head: bytes, kind: str | None, *, promised: bool) -> Iterator[Found]:
    if kind is not None:
        yield source, kind
    elif promised:
        yield _refused(source.name, describe_unknown(head), EXPECTED, "give the original image file")


def _expand_dicomdir(path: Path) -> Iterator[Found]:
    try:
        references = referenced_files(path)
    except UnreadableInput as error:
        yield failure_of(error)
        return
    root = path.parent.resolve()
    for parts in references:
        target = _without_case(path.parent, parts)
        listed = f"{path}!{'/'.join(parts)}"
        if not target.resolve().is_relative_to(root):
            found, expected = "a reference out of its folder", "a file beside the DICOMDIR"
            yield _refused(listed, found, expected, "give the images themselves")
        elif not target.is_file():
            found, expected = "a listed file that is missing", "every file the DICOMDIR lists"
            yield _refused(listed, found, expected, "copy the whole medium")
        else:
            yield from _expand_listed(Source(target))


def _expand_listed(source: Source) -> Iterator[Found]:
    try:
        head = source.head()
    except UnreadableInput as error:
        yield failure_of(error)
        return
    yield from _offer(source, head, kind_of(head, promised=True), promised=True)


def _without_case(folder: Path, parts: Sequence[str]) -> Path:
    """The file that a DICOMDIR names in capitals, whatever case a copy to disk gave it."""
    for part in parts:
        exact = folder / part
        if not exact.exists() and folder.is_dir():
            alike = [name for name in sorted(os.listdir(folder)) if name.lower() == part.lower()]
            exact = folder / alike[0] if alike else exact
        folder = exact
    return folder


def _expand_zip(path: Path, options: ReadOptions) -> Iterator[Found]:
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises many kinds on damaged data
        yield failure_of(damaged_archive(str(path), error))
        return
    with archive:
        members = [member for member in archive.infolist() if not member.filename.endswith("/")]
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
        yield _refused(str(path), "no image in the archive", EXPECTED, "check the archive")


def _refuse_archive(path: Path, members: Sequence[zipfile.ZipInfo], options: ReadOptions) -> Failure | None:
    """Why a whole archive is refused from its directory alone, or None."""
    locked = sum(bool(member.flag_bits & 0x1) for member in members)
    if locked:
        found = f"{locked} of {len(members)} files locked by a password"
        return _refused(str(path), found, "a zip without password", "unpack it first and give the folder")
    if len(members) > options.max_members:
        found = f"{len(members)} files in one archive"
        return _refused(str(path), found, f"at most {options.max_members}", "give one exam at a time")
    total = sum(member.file_size for member in members)
    if total > options.max_archive_bytes:
        found = f"{total / 2**30:.1f} GiB of unpacked data"
        expected = f"at most {options.max_archive_bytes / 2**30:.0f} GiB"
        return _refused(str(path), found, expected, "give one exam at a time, or unpack it first")
    return None


def _expand_member(
    path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, options: ReadOptions
) -> Iterator[Found]:
    source = Source(path, member.filename)
    parts = PurePosixPath(member.filename.replace("\\", "/"))
    if not parts.parts or parts.is_absolute() or ".." in parts.parts or parts.parts[0].endswith(":"):
        found = "a file name that leads out of the archive"
        yield _refused(source.name, found, "names inside the archive", "do not trust this archive")
        return
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts.parts)
    if hidden or parts.name.upper() == "DICOMDIR":
        return
    ratio = member.file_size / max(member.compress_size, 1)
    swells = member.file_size > RATIO_FREE_BYTES and ratio > options.max_ratio
    if swells or member.file_size > options.max_member_bytes:
        found = f"{member.file_size / 2**20:.0f} MiB packed {ratio:.0f} times smaller"
        expected = f"at most {options.max_member_bytes / 2**20:.0f} MiB and {options.max_ratio:.0f} times"
        yield _refused(source.name, found, expected, "unpack it yourself if you trust it")
        return
    try:
        head = source.head(archive)
    except UnreadableInput as error:
        yield failure_of(error)
        return
    promised = promises_image(parts.name)
    kind = kind_of(head, promised=promised)
    if kind == "zip":
        found, remedy = "an archive inside an archive", "unpack the outer archive first"
        yield _refused(source.name, found, EXPECTED, remedy)
        return
    yield from _offer(source, head, kind, promised=promised)
