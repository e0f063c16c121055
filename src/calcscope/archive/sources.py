"""Where an archive's exams are: what is there, whose study each image belongs to, and fetching an exam.

A source is listed on the machine that drives the run, a few hundred names at a time, in an order that stays;
headers are read and images fetched by the workers, to which a source travels.
"""

from __future__ import annotations

import io
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, ClassVar, TypeVar

from pydicom.filereader import read_partial
from pydicom.uid import DeflatedExplicitVRLittleEndian

from calcscope.errors import CalcscopeError, UnreadableInput
from calcscope.exam import Failure, ReadOptions
from calcscope.exam.dicom_file import open_inflated
from calcscope.exam.elements import quiet, text, uid
from calcscope.exam.expand import EXPECTED, expand
from calcscope.exam.kinds import HEAD_BYTES, describe_unknown, kind_of, promises_image
from calcscope.exam.sources import Source as File

STUDY_UID = 0x0020000D
HEAD_FETCHED = 1 << 16
"""The study's UID comes early in a header: of an image in a store no more than this is fetched to know it."""
MODALITIES = {"", "MG", "CR", "DX", "RG", "OT"}
"""Under which mammograms travel; images of others are passed over."""
TRIES, PAUSE_SECONDS = 3, 1.0
"""A request that fails is made again, after a pause that doubles; then the exam is tried again later."""

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """An image: its path below the source, and its name in a zip archive."""

    path: str
    member: str = ""


@dataclass(frozen=True)
class Head:
    """An image of a study.

    Parameters
    ----------
    place : where it is
    key : what the images of one exam share: the Study Instance UID, or their folder where there is none
    day : of the study, ``YYYYMMDD``, or empty
    """

    place: Place
    key: str
    day: str


@dataclass(frozen=True)
class Refused:
    """A file that belongs to no exam, and why."""

    place: Place
    reason: str


Listed = Head | Refused


class SourceFault(CalcscopeError):
    """The source cannot be listed, or an exam cannot be fetched.

    Parameters
    ----------
    reason : in one line, without names of files
    lasting : False where it may go another time
    """

    def __init__(self, reason: str, *, lasting: bool) -> None:
        self.lasting = lasting
        super().__init__(reason)


class Source(ABC):
    """An archive.

    ``reads_headers``: whether what a name stands for must be looked up, which is the workers' part.
    """

    reads_headers: ClassVar[bool] = True

    @abstractmethod
    def names(self, after: str) -> Iterator[str | Refused]:
        """What is there, in an order that stays, from what follows the name ``after`` on.

        Raises
        ------
        SourceFault : where it cannot be listed
        """

    @abstractmethod
    def heads(self, name: str) -> Iterator[Listed]:
        """The images behind one name; none for what is no mammogram.

        Raises
        ------
        SourceFault : where it cannot be asked
        """

    @abstractmethod
    def fetch(self, key: str, places: Sequence[Place], folder: Path) -> list[Path]:
        """The images of an exam as files: those that are files already, else copies in ``folder``.

        Raises
        ------
        SourceFault, UnreadableInput
        """


def source_of(where: str, **access: Any) -> Source:
    """The source that a user names: a path, an address of fsspec (``s3://…``), or http(s) for DICOMweb.

    Raises
    ------
    SourceFault : where it is nothing of these, or holds a password
    """
    if "://" in where and _tells_a_secret(where):
        raise SourceFault(
            "found a password or key in the address, which is kept with the results; expected it in the file "
            "of --store-options, the variable that --password-env names, or the environment; take it out",
            lasting=True,
        )
    if where.startswith(("http://", "https://")):
        from calcscope.archive.web import Web

        return Web(where.rstrip("/"), **{name: one for name, one in access.items() if name != "options"})
    if "://" in where:
        from calcscope.archive.store import Store

        return Store(where.rstrip("/"), access.get("options") or {})
    path = Path(where).absolute()
    if path.is_dir():
        return Folder(str(path))
    if path.is_file():
        return Folder(str(path.parent), path.name)
    raise SourceFault(
        f"{where}: found nothing there; expected a folder, a zip, an address such as s3://bucket/folder, or "
        "https:// for DICOMweb; check it",
        lasting=True,
    )


def _tells_a_secret(address: str) -> bool:
    """Whether there is a colon before the path that begins no port, or a signature behind it."""
    authority = address.partition("://")[2].partition("/")[0]
    user, _, host = authority.rpartition("@")
    port = host.rpartition("]")[2].partition(":")[2]
    signed = re.search(
        r"[?&](sig|signature|token|.*secret.*|.*password.*|x-amz-\w+)=", address, re.IGNORECASE
    )
    return ":" in user or not (port == "" or port.isdigit()) or signed is not None


@dataclass(frozen=True)
class Folder(Source):
    """Files on a disk, which every worker must see under the same path; or one of them.

    Parameters
    ----------
    root : absolute path
    only : name of the only file, or empty for all
    """

    root: str
    only: str = ""
    limits: ReadOptions = field(default_factory=ReadOptions)

    def names(self, after: str) -> Iterator[str | Refused]:
        if self.only:
            return iter([] if after else [self.only])
        return walk(self._listed, after)

    def _listed(self, folder: str) -> tuple[list[str], list[str]]:
        files, folders = [], []
        with os.scandir(Path(self.root, folder)) as found:
            for one in found:
                if one.is_dir(follow_symlinks=False):  # a link may lead in a circle
                    folders.append(one.name)
                elif one.is_file():
                    files.append(one.name)
        return files, folders

    def heads(self, name: str) -> Iterator[Listed]:
        return heads_of_file(Path(self.root, name), name, self.limits)

    def fetch(self, key: str, places: Sequence[Place], folder: Path) -> list[Path]:
        paths = []
        for number, place in enumerate(places):
            path = Path(self.root, place.path)
            paths.append(path if not place.member else unpacked(path, place.member, folder, number))
        return paths


def unpacked(archive: Path, member: str, folder: Path, number: int) -> Path:
    """A copy of a file in a zip.

    Raises
    ------
    UnreadableInput
    """
    path = folder / f"{number:05d}.dcm"
    with File(archive, member).open() as stream:
        path.write_bytes(stream.read())
    return path


def walk(
    listed: Callable[[str], tuple[list[str], list[str]]],
    after: str,
    folder: str = "",
) -> Iterator[str | Refused]:
    """Names of files below a folder, sorted, those of a folder before those of its folders.

    Parameters
    ----------
    listed : gives the names of the files and of the folders in a folder
    after : a name from an earlier walk; what came before it and itself are left out, and not looked at
    """
    passed, _, deeper = after.partition("/")
    try:
        files, folders = listed(folder)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        yield Refused(Place(printable(folder) or "."), f"found a folder that cannot be listed ({why}); "
                      "expected a readable one; check its permissions")  # fmt: skip
        return
    if not deeper:
        for name in sorted(files):
            if name > passed and not name.startswith(".") and name.upper() != "DICOMDIR":
                yield from _speakable(f"{folder}/{name}" if folder else name)
    for name in sorted(folders):
        if not name.startswith(".") and not (deeper and name < passed):
            below = deeper if deeper and name == passed else ""
            yield from walk(listed, below, f"{folder}/{name}" if folder else name)


def _speakable(name: str) -> Iterator[str | Refused]:
    if printable(name) == name:
        yield name
    else:
        reason = "found a file name that is no text; expected letters and digits; rename it"
        yield Refused(Place(printable(name)), reason)


def printable(name: str) -> str:
    """A name as text, whatever bytes a file system allowed in it."""
    return "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "�" for c in name)


def heads_of_file(path: Path, name: str, limits: ReadOptions) -> Iterator[Listed]:
    """The images in one file: itself, or the members of a zip."""
    promised = promises_image(path.name)
    try:
        head = File(path).head()
        kind = kind_of(head, promised=promised)
        if kind == "zip":
            yield from _heads_of_zip(path, name, limits)
        elif kind == "dicom":
            with open_inflated(File(path), limits) as stream:
                yield from head_of(stream, Place(name))
        elif kind is None and promised:
            yield refused(
                Place(name), UnreadableInput(name, describe_unknown(head), EXPECTED, "look at the file")
            )
    except UnreadableInput as error:
        yield refused(Place(name), error)


def _heads_of_zip(path: Path, name: str, limits: ReadOptions) -> Iterator[Listed]:
    for found in expand([path], limits):
        if isinstance(found, Failure):
            member = found.source.removeprefix(f"{path}").removeprefix("!")
            yield Refused(Place(name, printable(member)), found.reason)
            continue
        file, kind = found
        if kind == "dicom":
            place = Place(name, file.member or "")
            try:
                with open_inflated(file, limits) as stream:
                    yield from head_of(stream, place)
            except UnreadableInput as error:
                yield refused(place, error)


def refused(place: Place, error: UnreadableInput) -> Refused:
    """A file that was refused, with the reason that names no file."""
    return Refused(place, error.reason)


def head_of(stream: BinaryIO, place: Place) -> Iterator[Listed]:
    """The study that a DICOM image states; nothing where it is of another modality."""
    try:
        with quiet():
            header = read_partial(stream, stop_when=lambda tag, vr, length: tag > STUDY_UID, force=True)
    except Exception as error:  # pydicom raises many kinds on damaged files
        found = f"a damaged DICOM header ({type(error).__name__})"
        yield refused(place, UnreadableInput("", found, "an intact DICOM file", "copy or export it again"))
        return
    if text(header, "Modality").upper() in MODALITIES:
        # As in a reading: without a study, what lies together and is of one day is one exam.
        day = text(header, "StudyDate")
        day = day if len(day) == 8 and day.isdigit() else ""
        folder = place.path if place.member else str(PurePosixPath(place.path).parent)
        yield Head(place, uid(header, "StudyInstanceUID") or f"folder {day} {folder}", day)


def head_in(start: bytes, place: Place) -> Head | Refused | None:
    """As :func:`head_of`, from the first bytes of a file; None where they do not tell, or it is passed over.

    Raises
    ------
    EOFError : where more of the file is needed
    """
    whole = len(start) < HEAD_FETCHED
    if not whole and DeflatedExplicitVRLittleEndian.encode() in start[:2048]:
        raise EOFError
    found = next(head_of(io.BytesIO(start), place), None)
    if not whole and (isinstance(found, Refused) or (found and found.key.startswith("folder "))):
        raise EOFError
    return found


def kind_at(start: bytes, name: str) -> str | None:
    """``dicom``, ``zip`` …, from the first bytes of a file."""
    return kind_of(start[:HEAD_BYTES], promised=promises_image(PurePosixPath(name).name))


def asked(what: Callable[[], T], doing: str) -> T:
    """What a request to a store or an archive answers; it is made again where it fails.

    Raises
    ------
    SourceFault : where it fails again and again
    """
    for left in reversed(range(TRIES)):
        try:
            return what()
        except SourceFault:
            raise
        except Exception as error:  # every store has errors of its own, whose words may name files
            lasting = isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError)
            if lasting or not left:
                raise SourceFault(f"{doing} ({type(error).__name__})", lasting=lasting) from None
            time.sleep(PAUSE_SECONDS * 2 ** (TRIES - 1 - left))
    raise AssertionError("unreachable")
