"""One received instance: what its header says, whether it is what it claims to be, and keeping it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import read_file_meta_info
from pydicom.pixels.utils import pixel_array

from calcscope.errors import CalcscopeError, UnreadableInput
from calcscope.exam.dicom_file import UNDEFINED_LENGTH, open_inflated
from calcscope.exam.elements import hoist_functional_groups, quiet, text, uid
from calcscope.exam.options import ReadOptions
from calcscope.exam.sources import Source
from calcscope.exam.views import projection_of
from calcscope.node.classes import MAMMOGRAMS, NEEDED
from calcscope.node.store import STORED, Store, flush_file, flush_folder, now

SUCCESS = 0x0000
COERCED = 0xB000
NOT_SUPPORTED = 0x0122
OUT_OF_RESOURCES = 0xA700
NO_MATCH = 0xA900
NOT_UNDERSTOOD = 0xC000
OTHER_CONTENT = 0xC001
"""Status codes of C-STORE (PS3.4 B.2.3, PS3.7 C). There is none for a UID that is taken: C001 is of the range
"cannot understand", and its comment says what is the matter."""

PATIENTS = "images of more than one patient"
DEFER_BYTES = 4096
"""Longer values are stepped over: a header is small, whatever its pixels."""


class Refused(CalcscopeError):
    """An instance that is not kept.

    Parameters
    ----------
    status : of the C-STORE response
    why : for the error comment and the log, without anything from the data set; at most 64 characters
    """

    def __init__(self, status: int, why: str) -> None:
        self.status, self.why = status, why
        super().__init__(f"0x{status:04X}: {why}")


@dataclass(frozen=True)
class Arrival:
    """A received file with what the node needs of its header.

    ``patient`` is Patient ID as stored; ``view`` side and view such as ``RCC``, or None; ``image`` whether it
    is of a kind that is read.
    """

    path: Path
    sop_class: str
    sop_uid: str
    study_uid: str
    transfer_syntax: str
    patient: str
    view: str | None
    image: bool


@dataclass(frozen=True)
class Kept:
    """What became of it: the status to answer with, and whether it is news.

    ``note`` says what was left out, ``set_aside`` why its study is not read.
    """

    status: int
    new: bool
    note: str | None = None
    set_aside: str | None = None


def inspect(path: Path, sop_class: str, sop_uid: str) -> Arrival:
    """Look at a received file that was announced as an instance of a class.

    Raises
    ------
    Refused : where it is damaged or not what was announced
    """
    header = _header(path)
    with quiet():  # values are converted when they are asked for, and a malformed one is said with a warning
        return _arrival(path, header, sop_class, sop_uid)


def _arrival(path: Path, header: Dataset, sop_class: str, sop_uid: str) -> Arrival:
    if uid(header, "SOPClassUID") != sop_class:
        raise Refused(NO_MATCH, "data set states another SOP class than the request")
    if uid(header, "SOPInstanceUID") != sop_uid:
        raise Refused(NO_MATCH, "data set states another SOP instance than the request")
    study = uid(header, "StudyInstanceUID")
    missing = ["StudyInstanceUID"] if not study else []
    missing += [keyword for keyword in NEEDED.get(sop_class, ()) if keyword not in header]  # type: ignore[call-overload]
    if missing:
        raise Refused(NO_MATCH, f"data set lacks {missing[0]}")
    image = sop_class in MAMMOGRAMS
    return Arrival(
        path,
        sop_class,
        sop_uid,
        study,
        text(read_file_meta_info(path), "TransferSyntaxUID"),  # before any inflating
        text(header, "PatientID"),
        _view(header) if image else None,
        image,
    )


def _header(path: Path) -> FileDataset:
    """The whole file parsed, long values stepped over."""
    try:
        with quiet(), open_inflated(Source(path), ReadOptions()) as stream:
            header = dcmread(stream, defer_size=DEFER_BYTES)
            end = stream.tell()
            if end > stream.seek(0, os.SEEK_END) or _is_short(header):
                raise Refused(NOT_UNDERSTOOD, "data set ends early")
            return header
    except Refused:
        raise
    except MemoryError as error:
        raise Refused(OUT_OF_RESOURCES, "not enough memory") from error
    except (Exception, RecursionError) as error:  # pydicom raises many kinds on damaged data
        raise Refused(NOT_UNDERSTOOD, f"data set cannot be parsed ({type(error).__name__})") from error


def _is_short(header: Dataset) -> bool:
    """Whether the last value ends before its stated length, which pydicom takes without a word."""
    last = header.get_item(max(header.keys(), default=0)) if header else None
    return (
        isinstance(last, RawDataElement)
        and last.value is not None
        and last.length not in (UNDEFINED_LENGTH, len(last.value))
    )


def _view(header: Dataset) -> str | None:
    """Side and view of a whole breast; None for magnifications and what states none."""
    hoist_functional_groups(header)
    try:
        projection = projection_of(header, "image", "", ReadOptions())
    except UnreadableInput:
        return None
    return None if projection.modifiers else projection.laterality + projection.view


def keep(store: Store, arrival: Arrival, peer: str, *, fetched: bool = False) -> Kept:
    """Have an instance on the disk, file and row; then return what to answer.

    The file is moved into the store, or removed where the same is there already. Of two with one UID the
    first stays.

    Raises
    ------
    Refused : where another content has this UID
    OSError, sqlite3.Error : where it could not be kept; then it is not
    """
    known = _known(store, arrival.sop_uid)
    if known is None:
        digest = _digest(arrival.path)
        flush_file(arrival.path)
        known = store.write(lambda db: _enter(db, store, arrival, digest, peer, fetched))
        if known is None:
            (row,) = store.rows("SELECT set_aside FROM study WHERE study_uid = ?", (arrival.study_uid,))
            return Kept(SUCCESS, new=True, set_aside=row["set_aside"])
    kept = _again(store, arrival, known)
    if known["fetched"] and not fetched:
        store.write(lambda db: _sent_too(db, arrival.sop_uid))
        return replace(kept, new=True)
    return kept


KNOWN = "SELECT file, sha256, fetched FROM instance WHERE sop_uid = ?"


def _known(store: Store, sop_uid: str) -> sqlite3.Row | None:
    return next(iter(store.rows(KNOWN, (sop_uid,))), None)


def _sent_too(db: sqlite3.Connection, sop_uid: str) -> None:
    """What was only fetched as part of an earlier exam is now sent to be read."""
    db.execute("UPDATE instance SET fetched = 0 WHERE sop_uid = ?", (sop_uid,))
    db.execute(
        "UPDATE study SET pending = 1, received = ? WHERE id = "
        "(SELECT study FROM instance WHERE sop_uid = ? AND image = 1)",
        (now(), sop_uid),
    )


def _enter(
    db: sqlite3.Connection, store: Store, arrival: Arrival, digest: str, peer: str, fetched: bool
) -> sqlite3.Row | None:
    """Move the file into place and write its row; returns the row that was there before, or None."""
    known: sqlite3.Row | None = db.execute(KNOWN, (arrival.sop_uid,)).fetchone()
    if known is not None:
        return known
    name = file_name(arrival.sop_uid)
    target = store.path(name)
    if not target.parent.exists():
        target.parent.mkdir(mode=0o700)
        flush_folder(target.parent.parent)
    size = arrival.path.stat().st_size
    os.replace(arrival.path, target)
    flush_folder(target.parent)
    at = now()
    patient = store.digest(arrival.patient) if arrival.patient else ""
    pending = arrival.image and not fetched
    db.execute(
        "INSERT INTO study (study_uid, pending, received) VALUES (?, ?, ?) "
        "ON CONFLICT (study_uid) DO UPDATE SET "
        "pending = max(pending, excluded.pending), received = iif(?, excluded.received, received)",
        (arrival.study_uid, int(pending), at, arrival.image),
    )
    (study,) = db.execute("SELECT id FROM study WHERE study_uid = ?", (arrival.study_uid,)).fetchone()
    db.execute(
        "INSERT INTO instance (study, sop_uid, sop_class, transfer_syntax, file, bytes, sha256, patient, "
        "view, image, fetched, peer, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (study, arrival.sop_uid, arrival.sop_class, arrival.transfer_syntax, name, size, digest, patient,
         arrival.view, int(arrival.image), int(fetched), peer, at),
    )  # fmt: skip
    # Kept, but not read as one woman's: nobody here can tell whose image is in the wrong study.
    db.execute(
        "UPDATE study SET set_aside = ? WHERE id = ? AND set_aside IS NULL AND "
        "(SELECT count(DISTINCT patient) FROM instance WHERE study = ? AND patient <> '') > 1",
        (PATIENTS, study, study),
    )
    return None


def file_name(sop_uid: str) -> str:
    """Where an instance lies below the spool folder: by digest, since a UID from outside names no path."""
    digest = hashlib.sha256(sop_uid.encode()).hexdigest()
    return f"{STORED}/{digest[:2]}/{digest}.dcm"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _again(store: Store, arrival: Arrival, known: sqlite3.Row) -> Kept:
    try:
        if known["sha256"] == _digest(arrival.path):
            return Kept(SUCCESS, new=False)
        like = compare(store.path(known["file"]), arrival.path)
    finally:
        arrival.path.unlink(missing_ok=True)
    if like == "same":
        return Kept(SUCCESS, new=False)
    if like == "header":
        note = "the same pixels are here under another header, which stays"
        return Kept(COERCED, new=False, note=note)
    raise Refused(OTHER_CONTENT, "SOP Instance UID is taken by other content, which stays")


def compare(one: Path, other: Path) -> Literal["same", "header", "other"]:
    """Whether two files of one UID hold the same, the same pixels under another header, or other content.

    The same pixels may be encoded in two ways.
    """
    try:
        with quiet():
            first, second = dcmread(one), dcmread(other)
            if ("PixelData" in first) != ("PixelData" in second):
                return "other"
            image = "PixelData" in first
            if image and not np.array_equal(pixel_array(one), pixel_array(other)):
                return "other"
            for each in (first, second):
                each.pop("PixelData", None)
            if Dataset(first) == Dataset(second):
                return "same"
            return "header" if image else "other"
    except Exception:  # damaged pixels find errors that nobody thought of
        return "other"
