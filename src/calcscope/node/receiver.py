"""The DICOM service: C-ECHO, C-STORE and storage commitment, for those who are listed."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from typing import cast
from weakref import WeakKeyDictionary

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.presentation import build_context

from calcscope.exam.elements import items, text, uid
from calcscope.node.classes import COMMITMENT, STORED, VERIFICATION
from calcscope.node.config import NodeConfig
from calcscope.node.instances import (
    NOT_SUPPORTED,
    NOT_UNDERSTOOD,
    OUT_OF_RESOURCES,
    SUCCESS,
    Refused,
    inspect,
    keep,
)
from calcscope.node.logs import fault, log, said
from calcscope.node.spooling import spool_into, was_unwritten
from calcscope.node.store import INCOMING, Store, StoreFault, now
from calcscope.node.wire import Rate, bound, from_address, serve

REJECTED_FOR_GOOD, BY_USER, CALLING_UNKNOWN = 1, 1, 3
REJECTED_FOR_NOW, BY_PROVIDER, LIMIT_EXCEEDED = 2, 3, 2
"""Of A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

PROCESSING_FAILURE, NOT_AUTHORISED, NO_SUCH_ACTION, INVALID_ARGUMENT = 0x0110, 0x0124, 0x0123, 0x0115
REQUEST_COMMITMENT = 1
COMMENT_LENGTH = 64

CONTEXTS = [
    build_context(VERIFICATION),
    build_context(COMMITMENT),
    *(build_context(one, list(syntaxes)) for one, syntaxes in STORED.items()),
]


class Receiver:
    """Listens from its making to :meth:`stop`.

    Parameters
    ----------
    arrived : called after an image that is to be read was kept

    Raises
    ------
    OSError : where the address cannot be listened on
    """

    def __init__(self, store: Store, config: NodeConfig, arrived: Callable[[], None]) -> None:
        self._store, self._config, self._arrived = store, config, arrived
        self._rate = Rate(config.limits.instances_per_minute)
        self._anew: WeakKeyDictionary[Association, Callable[[], None]] = WeakKeyDictionary()
        spool_into(store.path(INCOMING))
        ae = AE(ae_title=config.title)
        ae.require_called_aet = True
        ae.maximum_associations = config.limits.associations
        ae.maximum_pdu_size = config.limits.pdu_bytes
        ae.network_timeout = config.limits.idle_seconds
        ae.acse_timeout = ae.dimse_timeout = config.limits.stall_seconds
        handlers = [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_REQUESTED, self._requested),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_ABORTED, self._aborted),
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_C_STORE, self._stored),
            (evt.EVT_N_ACTION, self._commitment),
        ]
        self._server, self._thread = serve(config, ae, CONTEXTS, handlers)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def stop(self, seconds: float) -> None:
        """Accept nobody any more, let open associations end for so long, then abort them."""
        self._server.shutdown()
        end = time.monotonic() + seconds
        while self._server.active_associations and time.monotonic() < end:
            time.sleep(0.05)
        for association in self._server.active_associations:
            association.abort(block=False)
        end = time.monotonic() + 2
        while self._server.active_associations and time.monotonic() < end:
            time.sleep(0.05)

    # -- associations

    def _opened(self, event: Event) -> None:
        limits = self._config.limits
        self._anew[event.assoc] = bound(
            event.assoc, limits.pdu_bytes, limits.instance_bytes, limits.stall_seconds
        )

    def _requested(self, event: Event) -> None:
        association = event.assoc
        title = _calling(association)
        address = association.requestor.address
        peers = from_address(self._config.peer, address)
        if self._config.peer and title not in [peer.title for peer in peers]:
            self._reject(association, title, "not listed", REJECTED_FOR_GOOD, BY_USER, CALLING_UNKNOWN)
            return
        same = [
            one for one in self._server.active_associations if one is not association and _calls(one, title)
        ]
        if len(same) >= self._config.limits.associations_per_peer:
            self._reject(
                association, title, "too many associations", REJECTED_FOR_NOW, BY_PROVIDER, LIMIT_EXCEEDED
            )

    def _reject(self, association: Association, title: str, reason: str, *how: int) -> None:
        log.warning(
            said("association rejected", peer=title, address=association.requestor.address, reason=reason)
        )
        association.acse.send_reject(*how)
        association.is_rejected = True
        association.kill()

    def _rejected(self, event: Event) -> None:
        log.warning(
            said("association rejected", peer=_title(event), reason="called title or number of associations")
        )

    def _aborted(self, event: Event) -> None:
        log.warning(said("association aborted", peer=_title(event)))

    def _echo(self, event: Event) -> int:
        self._message_ended(event)
        return SUCCESS

    def _message_ended(self, event: Event) -> None:
        begin_anew = self._anew.get(event.assoc)
        if begin_anew is not None:
            begin_anew()

    # -- instances

    def _stored(self, event: Event) -> int | Dataset:
        self._message_ended(event)
        peer = _title(event)
        self._rate.wait(peer)
        return store_event(
            self._store, event, peer, self._config.limits.min_free_bytes, self._is_fetched, self._arrived
        )

    def _is_fetched(self, event: Event, study_uid: str) -> bool:
        """Whether the instance comes because the node asked for an earlier exam.

        The request says so where it is a sub-operation of a C-MOVE (PS3.7 9.3.1.1). Archives that leave that
        out are believed only for a study that is being asked for.
        """
        originator = cast(C_STORE, event.request).MoveOriginatorApplicationEntityTitle
        if originator is not None and str(originator).strip():
            return str(originator).strip() == self._config.title
        priors = self._config.priors
        if priors is None or priors.source.by != "move" or _title(event) != priors.source.title:
            return False
        asked = "SELECT 1 FROM fetch WHERE study_uid = ? AND state = 'asked'"
        return bool(self._store.rows(asked, (study_uid,)))

    # -- storage commitment

    def _commitment(self, event: Event) -> tuple[int, None]:
        """Note what is asked; the answer is sent on an association of the node's own (PS3.4 J.3)."""
        self._message_ended(event)
        title = _title(event)
        peer = next((one for one in self._config.peer if one.title == title), None)
        if event.action_type != REQUEST_COMMITMENT:
            return NO_SUCH_ACTION, None
        if peer is None or peer.port is None:
            reason = "no port of the peer is configured, to which the answer could go"
            log.warning(said("commitment refused", peer=title, reason=reason))
            return NOT_AUTHORISED, None
        try:
            asked = event.action_information
            transaction = uid(asked, "TransactionUID")
            wanted = [
                (text(item, "ReferencedSOPClassUID"), text(item, "ReferencedSOPInstanceUID"))
                for item in items(asked, "ReferencedSOPSequence")
            ]
        except Exception as error:  # pydicom raises many kinds on damaged data
            log.warning(said("commitment refused", peer=title, reason=fault(error)))
            return INVALID_ARGUMENT, None
        if not transaction or not wanted:
            return INVALID_ARGUMENT, None
        at = now()
        try:
            self._store.write(
                lambda db: db.execute(
                    "INSERT OR IGNORE INTO commitment (transaction_uid, peer, asked, due, made) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (transaction, title, json.dumps(wanted), at, at),
                )
            )
        except (OSError, sqlite3.Error, StoreFault) as error:
            log.error(said("commitment not noted", peer=title, reason=fault(error)))
            return PROCESSING_FAILURE, None
        log.info(said("commitment asked", peer=title, instances=len(wanted)))
        return SUCCESS, None


def store_event(
    store: Store,
    event: Event,
    peer: str,
    min_free_bytes: int,
    is_fetched: Callable[[Event, str], bool],
    arrived: Callable[[], None] = lambda: None,
) -> int | Dataset:
    """Keep the instance of a C-STORE request; returns the status to answer with."""
    request = cast(C_STORE, event.request)
    short = store.short(str(request.AffectedSOPInstanceUID))
    path = event.dataset_path
    try:
        if event.context.abstract_syntax != request.AffectedSOPClassUID:
            raise Refused(NOT_SUPPORTED, "SOP class is not that of the presentation context")
        if was_unwritten(path) or store.free_bytes() < min_free_bytes:
            raise Refused(OUT_OF_RESOURCES, "too little disk is left")
        arrival = inspect(path, str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))
        kept = keep(store, arrival, peer, fetched=is_fetched(event, arrival.study_uid))
    except Refused as error:
        return _refusal(peer, short, error.status, error.why)
    except (OSError, sqlite3.Error, StoreFault) as error:  # nearly always a full disk
        log.error(said("not kept", peer=peer, instance=short, reason=fault(error)))
        return _refusal(peer, short, OUT_OF_RESOURCES, "it could not be written to the disk")
    except Exception as error:
        log.error(said("not kept", peer=peer, instance=short, reason=fault(error)))
        return _refusal(peer, short, NOT_UNDERSTOOD, "it could not be interpreted")
    finally:
        path.unlink(missing_ok=True)
    study = store.short(arrival.study_uid)
    log.info(said("stored" if kept.new else "stored before", peer=peer, instance=short, study=study))
    if kept.set_aside:
        log.warning(said("set aside", study=study, reason=kept.set_aside))
    if arrival.image and kept.new:
        arrived()
    if kept.note:
        log.warning(said("header left out", peer=peer, instance=short, reason=kept.note))
        return _status(kept.status, kept.note)
    return kept.status


def _refusal(peer: str, short: str, status: int, why: str) -> Dataset:
    log.warning(said("refused", peer=peer, instance=short, status=f"0x{status:04X}", reason=why))
    return _status(status, why)


def _status(code: int, comment: str) -> Dataset:
    status = Dataset()
    status.Status, status.ErrorComment = code, comment[:COMMENT_LENGTH]
    return status


def _title(event: Event) -> str:
    return _calling(event.assoc)


def _calling(association: Association) -> str:
    primitive = association.requestor.primitive
    return str(primitive.calling_ae_title).strip() if primitive else ""


def _calls(association: Association, title: str) -> bool:
    return _calling(association) == title
