"""Earlier exams of a woman: those that are here, and those that an archive has."""

from __future__ import annotations

import datetime
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import build_context, build_role

from calcscope.errors import CalcscopeError
from calcscope.exam.elements import quiet, text, uid
from calcscope.node.classes import FIND, GET, MAMMOGRAMS, MOVE, STORED
from calcscope.node.config import NodeConfig, PriorRules, PriorsByDicom, PriorsByWeb
from calcscope.node.instances import Refused, inspect, keep
from calcscope.node.logs import fault, log, said
from calcscope.node.receiver import store_event
from calcscope.node.store import INCOMING, Store, now
from calcscope.node.studies import images, same_patient
from calcscope.node.web import client
from calcscope.node.wire import requesting, tls_arguments, was_rejected

MODALITY = "MG"
DAYS_A_YEAR = 365.25
PENDING = (0xFF00, 0xFF01)
DEFAULT_MOST = 2


class NotFetched(CalcscopeError):
    """An earlier exam is not at hand; the reason is for the log."""


@dataclass(frozen=True)
class Known:
    """A study by its UID, its day (ISO, or empty where unknown), and its id where it is here."""

    study_uid: str
    day: str
    study: int | None = None


def earlier_images(store: Store, config: NodeConfig, study: int, files: tuple[Path, ...]) -> list[Path]:
    """Images of earlier exams of the woman whose study has these ``files``: the newest first.

    What the archive does not give within the time limit is left out; nothing is raised for it.
    """
    with quiet():
        header = dcmread(files[0], stop_before_pixels=True)
    patient, day, own = text(header, "PatientID"), _day(header), uid(header, "StudyInstanceUID")
    rules = config.priors
    most = rules.most if rules else DEFAULT_MOST
    if not patient or not day or not most:
        return []
    if rules is not None:
        _fetch_within(store, config, rules, patient, own, day)
    here = [
        Known(row["study_uid"], _day_of(store.path(row["file"])), row["id"])
        for row in same_patient(store, study)
    ]
    years = rules.years if rules else None
    return [
        image
        for known in _newest(here, day, own, most, years)
        for image in images(store, known.study)  # type: ignore[arg-type]
    ]


def _day(header: Dataset) -> str:
    """Study Date as ISO, or empty."""
    stored = text(header, "StudyDate")
    try:
        return datetime.datetime.strptime(stored, "%Y%m%d").date().isoformat()
    except ValueError:
        return ""


def _day_of(file: Path) -> str:
    with quiet():
        return _day(dcmread(file, stop_before_pixels=True))


def _newest(found: list[Known], day: str, own: str, most: int, years: float | None) -> list[Known]:
    """The newest few of the studies before a day."""
    oldest = ""
    if years is not None:
        back = datetime.timedelta(days=years * DAYS_A_YEAR)
        oldest = (datetime.date.fromisoformat(day) - back).isoformat()
    earlier = [one for one in found if one.study_uid != own and oldest <= one.day < day and one.day]
    return sorted(earlier, key=lambda one: one.day, reverse=True)[:most]


def _fetch_within(
    store: Store, config: NodeConfig, rules: PriorRules, patient: str, own: str, day: str
) -> None:
    """Fetch, and leave off when the time is over: what comes later is kept for the next reading."""
    end = time.monotonic() + rules.time_limit
    work = threading.Thread(
        target=_fetch, args=(store, config, rules, patient, own, day, end), name="priors", daemon=True
    )
    work.start()
    work.join(rules.time_limit)
    if work.is_alive():
        log.warning(said("earlier exams left out", study=store.short(own), reason="time limit"))


def _fetch(
    store: Store, config: NodeConfig, rules: PriorRules, patient: str, own: str, day: str, end: float
) -> None:
    short = store.short(own)
    try:
        archive = _archive(store, config, rules.source, max(1.0, end - time.monotonic()))
        found = _newest(archive.find(patient), day, own, rules.most, rules.years)
        for one in found:
            if time.monotonic() < end and _wanted(store, one.study_uid):
                _fetch_one(store, archive, one.study_uid, short)
    except NotFetched as error:
        log.warning(said("earlier exams left out", study=short, reason=str(error)))
    except Exception as error:  # an archive's answers find errors that nobody thought of
        log.warning(said("earlier exams left out", study=short, reason=fault(error)))


def _fetch_one(store: Store, archive: _Archive, study_uid: str, short: str) -> None:
    state, reason = "here", None
    try:
        archive.fetch(study_uid)
        if not store.rows("SELECT 1 FROM study WHERE study_uid = ?", (study_uid,)):
            raise NotFetched("nothing came")
        log.info(said("earlier exam fetched", study=short, earlier=store.short(study_uid)))
    except NotFetched as error:
        state, reason = "missing", str(error)
        log.warning(said("earlier exam not fetched", study=short, reason=reason))
    finally:
        store.write(
            lambda db: db.execute(
                "UPDATE fetch SET state = ?, reason = ?, ended = ? WHERE study_uid = ?",
                (state, reason, now(), study_uid),
            )
        )


def _wanted(store: Store, study_uid: str) -> bool:
    """Note that a study is asked for; False where it is here already: sent to be read, or fetched before."""
    here = store.rows(
        "SELECT 1 FROM study JOIN instance ON instance.study = study.id WHERE study_uid = ? AND image = 1 "
        "AND (fetched = 0 OR EXISTS (SELECT 1 FROM fetch WHERE fetch.study_uid = study.study_uid "
        "AND fetch.state = 'here'))",
        (study_uid,),
    )
    if not here:
        store.write(
            lambda db: db.execute(
                "INSERT INTO fetch (study_uid, state, started) VALUES (?, 'asked', ?) "
                "ON CONFLICT (study_uid) DO UPDATE SET state = 'asked', started = excluded.started, "
                "ended = NULL, reason = NULL",
                (study_uid, now()),
            )
        )
    return not here


class _Archive:
    """Where earlier exams are asked for."""

    def find(self, patient: str) -> list[Known]:
        """Mammography studies of a patient."""
        raise NotImplementedError

    def fetch(self, study_uid: str) -> None:
        """Have the mammograms of a study in the store."""
        raise NotImplementedError


def _archive(
    store: Store, config: NodeConfig, source: PriorsByDicom | PriorsByWeb, seconds: float
) -> _Archive:
    if isinstance(source, PriorsByWeb):
        return _WebArchive(store, source, seconds)
    return _DicomArchive(store, config, source, seconds)


class _DicomArchive(_Archive):
    """C-FIND, and C-MOVE to the node itself or C-GET."""

    def __init__(self, store: Store, config: NodeConfig, source: PriorsByDicom, seconds: float) -> None:
        self._store, self._config, self._source, self._seconds = store, config, source, seconds

    def find(self, patient: str) -> list[Known]:
        """See :meth:`_Archive.find`."""
        asked = Dataset()
        asked.QueryRetrieveLevel, asked.PatientID = "STUDY", patient
        asked.ModalitiesInStudy, asked.StudyDate, asked.StudyInstanceUID = MODALITY, "", ""
        found = []
        with _Opened(self._open([build_context(FIND)])) as association:
            for status, answer in association.send_c_find(asked, FIND):
                code = int(status.get("Status", -1))
                if code in PENDING and answer is not None:
                    # Archives that do not filter by it return other modalities too.
                    found.append(Known(uid(answer, "StudyInstanceUID"), _day(answer)))
                elif code != 0:
                    raise NotFetched("no answer to C-FIND" if code < 0 else f"C-FIND status 0x{code:04X}")
        return [one for one in found if one.study_uid]

    def fetch(self, study_uid: str) -> None:
        """See :meth:`_Archive.fetch`."""
        asked = Dataset()
        asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", study_uid
        if self._source.by == "move":
            with _Opened(self._open([build_context(MOVE)])) as association:
                self._follow(association.send_c_move(asked, self._config.title, MOVE), "C-MOVE")
            return
        stored = [build_context(one, list(STORED[one])) for one in MAMMOGRAMS]
        roles = [build_role(one, scp_role=True) for one in MAMMOGRAMS]
        with _Opened(self._open([build_context(GET), *stored], roles)) as association:
            self._follow(association.send_c_get(asked, GET), "C-GET")

    def _follow(self, answers: Iterator[tuple[Dataset, Dataset | None]], what: str) -> None:
        for status, _ in answers:
            code = int(status.get("Status", -1))
            # B000: some sub-operations failed; what came is used.
            if code not in (0, *PENDING, 0xB000):
                raise NotFetched(f"no answer to {what}" if code < 0 else f"{what} status 0x{code:04X}")

    def _open(self, contexts: list[Any], roles: list[Any] | None = None) -> Association:
        source = self._source
        ae = requesting(self._config.title, self._seconds)
        ae.requested_contexts = contexts
        association = ae.associate(
            source.host,
            source.port,
            ae_title=source.title,
            ext_neg=roles or [],
            evt_handlers=[(evt.EVT_C_STORE, self._came)],
            tls_args=tls_arguments(self._config, source.host, source.tls),
        )
        if not association.is_established:
            raise NotFetched("association rejected" if was_rejected(association) else "archive not reached")
        return association

    def _came(self, event: Event) -> int | Dataset:
        """An instance that C-GET brings, on the same association."""
        return store_event(
            self._store,
            event,
            self._source.title,
            self._config.limits.min_free_bytes,
            lambda event, study: True,
        )


class _Opened:
    """Releases an association at the end."""

    def __init__(self, association: Association) -> None:
        self._association = association

    def __enter__(self) -> Association:
        return self._association

    def __exit__(self, *error: object) -> None:
        if self._association.is_established:
            self._association.release()


class _WebArchive(_Archive):
    """QIDO-RS and WADO-RS."""

    def __init__(self, store: Store, source: PriorsByWeb, seconds: float) -> None:
        self._store, self._source = store, source
        self._client = client(source.url, source.user, source.password_env, source.ca, seconds)

    def find(self, patient: str) -> list[Known]:
        """See :meth:`_Archive.find`."""
        from requests import RequestException

        try:
            answers = self._client.search_for_studies(
                search_filters={"PatientID": patient, "ModalitiesInStudy": MODALITY}
            )
        except (RequestException, OSError) as error:
            raise NotFetched(f"QIDO-RS failed ({type(error).__name__})") from error
        studies = [Dataset.from_json(answer) for answer in answers]
        return [Known(uid(one, "StudyInstanceUID"), _day(one)) for one in studies]

    def fetch(self, study_uid: str) -> None:
        """See :meth:`_Archive.fetch`."""
        from requests import RequestException

        try:
            for instance in self._client.iter_study(study_uid):
                if instance.get("SOPClassUID") in MAMMOGRAMS:
                    self._keep(instance)
        except (RequestException, OSError) as error:
            raise NotFetched(f"WADO-RS failed ({type(error).__name__})") from error

    def _keep(self, instance: Dataset) -> None:
        with tempfile.NamedTemporaryFile(dir=self._store.path(INCOMING), suffix=".dcm", delete=False) as file:
            path = Path(file.name)
        try:
            instance.save_as(path, enforce_file_format=True)
            arrival = inspect(path, str(instance.SOPClassUID), str(instance.SOPInstanceUID))
            keep(self._store, arrival, self._source.url, fetched=True)
        except Refused as error:
            log.warning(said("earlier image left out", reason=error.why))
        finally:
            path.unlink(missing_ok=True)
