"""What is to go out: results to their places, answers to storage commitment; tried until it is there.

What is to be sent is a row as soon as the reading is one. A kill between sending and the note of it has it
sent once more, with the same UIDs: archives keep one.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pynetdicom.presentation import build_context, build_role
from pynetdicom.sop_class import StorageCommitmentPushModelInstance as COMMITMENT_INSTANCE

from calcscope.errors import CalcscopeError
from calcscope.node.classes import COMMITMENT
from calcscope.node.config import DicomPlace, FolderPlace, NodeConfig, Peer, Place, Sending, WebPlace
from calcscope.node.logs import fault, log, said
from calcscope.node.store import Store, now
from calcscope.node.web import client
from calcscope.node.wire import requesting, tls_arguments, was_rejected
from calcscope.report.writing import write_atomically

NETWORK_SECONDS = 30
POLL_SECONDS = 1.0
AT_ONCE = 32
"""Objects on one association."""
DAY = 86400

ALL_HERE, SOME_MISSING = 1, 2
NO_SUCH_INSTANCE, CLASS_CONFLICT = 0x0112, 0x0119
"""Event types and failure reasons of storage commitment (PS3.4 J.3.3, PS3.3 C.14)."""


class NotSent(CalcscopeError):
    """A place did not take something; the reason is for log and status."""


class Outbox(threading.Thread, ABC):
    """A thread that sends what is due and sets down what came of it."""

    table = "delivery"

    def __init__(self, name: str, store: Store, sending: Sending, stop: threading.Event) -> None:
        super().__init__(name=f"to {name}", daemon=True)
        self._store, self._sending, self._stop_event = store, sending, stop
        self.wake = threading.Event()

    def run(self) -> None:
        """Until the node stops."""
        while not self._stop_event.is_set():
            try:
                busy = self.send_due()
            except Exception as error:  # the thread must outlive whatever it meets
                log.error(said("sending failed", to=self.name[3:], reason=fault(error)))
                busy = False
            if not busy:
                self.wake.wait(POLL_SECONDS)
            self.wake.clear()

    @abstractmethod
    def send_due(self) -> bool:
        """Send what is due; True where something was."""

    def _note(self, key: str, values: Sequence[object], row: sqlite3.Row, reason: str | None) -> str:
        """Set down that something was sent (no reason) or why not; returns its new state."""
        at, attempts = now(), row["attempts"] + 1
        wait = min(self._sending.first_wait * 2.0 ** min(row["attempts"], 30), self._sending.longest_wait)
        late = at - row["made"] > self._sending.give_up_days * DAY
        state = "sent" if reason is None else "given up" if late else "waiting"
        ended = None if state == "waiting" else at
        self._store.write(
            lambda db: db.execute(
                f"UPDATE {self.table} SET state = ?, attempts = ?, due = ?, reason = ?, ended = ? "
                f"WHERE {key}",
                (state, attempts, at + wait, reason, ended, *values),
            )
        )
        return state


class Deliveries(Outbox):
    """Results for one place."""

    def __init__(self, store: Store, config: NodeConfig, place: Place, stop: threading.Event) -> None:
        super().__init__(place.name, store, config.sending, stop)
        self._config, self._place = config, place

    def send_due(self) -> bool:
        """See :meth:`Outbox.send_due`."""
        rows = self._store.rows(
            "SELECT object.*, delivery.attempts, delivery.made, study.study_uid FROM delivery "
            "JOIN object ON object.id = object JOIN reading ON reading.id = reading "
            "JOIN study ON study.id = study WHERE place = ? AND delivery.state = 'waiting' AND due <= ? "
            "ORDER BY object.id LIMIT ?",
            (self._place.name, now(), AT_ONCE),
        )
        if not rows:
            return False
        for row, reason in zip(rows, self._send(rows), strict=True):
            state = self._note("object = ? AND place = ?", (row["id"], self._place.name), row, reason)
            study = self._store.short(row["study_uid"])
            tell = log.info if reason is None else log.error if state == "given up" else log.warning
            event = "sent" if reason is None else "given up" if state == "given up" else "not sent"
            tell(said(event, to=self._place.name, kind=row["kind"], study=study, reason=reason))
        return True

    def _send(self, rows: Sequence[sqlite3.Row]) -> list[str | None]:
        """For each object None, or why it was not taken."""
        files = [self._store.path(row["file"]) for row in rows]
        try:
            match self._place:
                case DicomPlace():
                    return store_all(self._config, self._place, rows, files)
                case WebPlace():
                    return [stow(self._place, file) for file in files]
                case FolderPlace():
                    return [_copy(self._place, row, file) for row, file in zip(rows, files, strict=True)]
        except NotSent as error:
            return [str(error)] * len(rows)


def store_all(
    config: NodeConfig, place: DicomPlace, rows: Sequence[sqlite3.Row], files: Sequence[Path]
) -> list[str | None]:
    """Send objects by C-STORE on one association; for each None, or why it was not taken.

    Raises
    ------
    NotSent : where there is no association
    """
    ae = requesting(config.title, NETWORK_SECONDS)
    classes = list(dict.fromkeys(row["sop_class"] for row in rows))
    for one in classes:
        ae.add_requested_context(UID(one), ExplicitVRLittleEndian)
    association = ae.associate(
        place.host,
        place.port,
        ae_title=place.title,
        tls_args=tls_arguments(config, place.host, place.tls),
    )
    if not association.is_established:
        raise NotSent("association rejected" if was_rejected(association) else "not reached")
    try:
        return [_store_one(association, file) for file in files]
    finally:
        if association.is_established:
            association.release()


def _store_one(association, file: Path) -> str | None:  # type: ignore[no-untyped-def]
    if not association.is_established:
        return "association ended before"
    try:
        status = association.send_c_store(dcmread(file))
    except ValueError:
        return "its SOP class was not accepted"
    if "Status" not in status:
        return "no answer"
    code = int(status.Status)
    # Warnings (B000, B006, B007) say that it was stored, not quite as it was sent.
    return None if code == 0 or code >> 12 == 0xB else f"status 0x{code:04X}"


def stow(place: WebPlace, file: Path) -> str | None:
    """Send an object by STOW-RS; None, or why it was not taken.

    Raises
    ------
    NotSent : where the place is not reached
    """
    from requests import HTTPError, RequestException

    try:
        service = client(place.url, place.user, place.password_env, place.ca, NETWORK_SECONDS)
        answer = service.store_instances([dcmread(file)])
    except HTTPError as error:
        return "HTTP error" if error.response is None else f"HTTP {error.response.status_code}"
    except (RequestException, OSError) as error:
        raise NotSent(f"not reached ({type(error).__name__})") from error
    except CalcscopeError as error:
        raise NotSent(str(error)) from error
    failed = answer.get("FailedSOPSequence") or []
    return f"failure reason 0x{int(failed[0].FailureReason):04X}" if failed else None


def _copy(place: FolderPlace, row: sqlite3.Row, file: Path) -> str | None:
    try:
        write_atomically(place.folder / row["study_uid"] / file.name, file.read_bytes())
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


class Commitments(Outbox):
    """Answers to those who asked whether their instances are safe here."""

    table = "commitment"

    def __init__(self, store: Store, config: NodeConfig, stop: threading.Event) -> None:
        super().__init__("commitment", store, config.sending, stop)
        self._config = config

    def send_due(self) -> bool:
        """See :meth:`Outbox.send_due`."""
        rows = self._store.rows(
            "SELECT * FROM commitment WHERE state = 'waiting' AND due <= ? ORDER BY id LIMIT ?",
            (now(), AT_ONCE),
        )
        for row in rows:
            peer = next((one for one in self._config.peer if one.title == row["peer"] and one.port), None)
            reason = "its port is no longer configured" if peer is None else self._answer(peer, row)
            state = self._note("id = ?", (row["id"],), row, reason)
            tell = log.info if reason is None else log.warning
            tell(said("commitment answered" if reason is None else "commitment " + state, peer=row["peer"],
                      reason=reason))  # fmt: skip
        return bool(rows)

    def _answer(self, peer: Peer, row: sqlite3.Row) -> str | None:
        result = self._result(row)
        ae = requesting(self._config.title, NETWORK_SECONDS)
        ae.requested_contexts = [build_context(COMMITMENT)]
        host = peer.host or peer.address
        association = ae.associate(
            host,
            peer.port or 0,
            ae_title=peer.title,
            ext_neg=[build_role(COMMITMENT, scp_role=True)],
            tls_args=tls_arguments(self._config, host, peer.tls),
        )
        if not association.is_established:
            return "association rejected" if was_rejected(association) else "not reached"
        try:
            status, _ = association.send_n_event_report(
                result,
                SOME_MISSING if "FailedSOPSequence" in result else ALL_HERE,
                COMMITMENT,
                COMMITMENT_INSTANCE,
            )
        except ValueError:
            return "storage commitment was not accepted"
        finally:
            if association.is_established:
                association.release()
        code = int(status.get("Status", -1))
        return None if code == 0 else "no answer" if code < 0 else f"status 0x{code:04X}"

    def _result(self, row: sqlite3.Row) -> Dataset:
        here: list[Dataset] = []
        failed: list[Dataset] = []
        for sop_class, sop_uid in json.loads(row["asked"]):
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
            found = self._store.rows("SELECT sop_class, file FROM instance WHERE sop_uid = ?", (sop_uid,))
            if not found or not self._store.path(found[0]["file"]).is_file():
                item.FailureReason = NO_SUCH_INSTANCE
            elif found[0]["sop_class"] != sop_class:
                item.FailureReason = CLASS_CONFLICT
            (failed if "FailureReason" in item else here).append(item)
        result = Dataset()
        result.TransactionUID = row["transaction_uid"]
        if here:
            result.ReferencedSOPSequence = here
        if failed:
            result.FailedSOPSequence = failed
        return result
