"""Which study is to be read, who reads it, and what came of it. A study is read once for each state of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from calcscope.node.config import NodeConfig, StudyRules
from calcscope.node.reading import Outcome
from calcscope.node.store import READINGS, Store, now


@dataclass(frozen=True)
class Claim:
    """A reading that has begun: a row of ``reading`` in the state ``reading``.

    Parameters
    ----------
    reading, study : ids
    study_uid : of the study
    number : of the reading among those of the study, from 1
    folder : for the report and the objects, below the spool folder
    files : the study's images
    replaces : by kind, the object of the study's earlier reading
    """

    reading: int
    study: int
    study_uid: str
    number: int
    folder: str
    files: tuple[Path, ...]
    replaces: dict[str, Path]


def complete(store: Store, rules: StudyRules, started: float) -> list[int]:
    """Ids of the studies that are complete and not read, the one that waits longest first.

    ``started`` is when the node began to listen: while it did not, no sender could go on, so that silence
    before says nothing.
    """
    rows = store.rows(
        "SELECT study.id, study.received, group_concat(DISTINCT view) AS views FROM study "
        "JOIN instance ON instance.study = study.id WHERE pending = 1 AND set_aside IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM reading WHERE reading.study = study.id AND state = 'reading') "
        "GROUP BY study.id ORDER BY study.received"
    )
    at = now()
    return [row["id"] for row in rows if _is_complete(row, rules, at, started)]


def _is_complete(row: sqlite3.Row, rules: StudyRules, at: float, started: float) -> bool:
    silent = at - max(row["received"], started)
    views = set((row["views"] or "").split(","))
    if rules.expected_views and views >= set(rules.expected_views):
        return bool(silent >= min(rules.settle_seconds, rules.quiet_seconds))
    return bool(silent >= rules.quiet_seconds)


def claim(store: Store, study: int) -> Claim | None:
    """Begin a reading; None where another reader was quicker or there is nothing to read any more."""

    def enter(db: sqlite3.Connection) -> tuple[int, int, str] | None:
        free = db.execute(
            "SELECT 1 FROM study WHERE id = ? AND pending = 1 AND set_aside IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM reading WHERE study = ? AND state = 'reading')",
            (study, study),
        ).fetchone()
        if free is None:
            return None
        (number,) = db.execute(
            "SELECT coalesce(max(number), 0) + 1 FROM reading WHERE study = ?", (study,)
        ).fetchone()
        folder = f"{READINGS}/{study:08d}/{number}"
        reading = db.execute(
            "INSERT INTO reading (study, number, newest, state, folder, started) SELECT ?, ?, max(id), "
            "'reading', ?, ? FROM instance WHERE study = ? AND image = 1",
            (study, number, folder, now(), study),
        ).lastrowid
        assert reading is not None
        return reading, number, folder

    entered = store.write(enter)
    if entered is None:
        return None
    reading, number, folder = entered
    (row,) = store.rows(
        "SELECT study_uid, newest FROM reading JOIN study ON study.id = study WHERE reading.id = ?",
        (reading,),
    )
    files = store.rows(
        "SELECT file FROM instance WHERE study = ? AND image = 1 AND id <= ? ORDER BY id",
        (study, row["newest"]),
    )
    earlier = store.rows(
        "SELECT kind, file FROM object WHERE sop_uid IS NOT NULL AND reading = (SELECT max(id) FROM reading "
        "WHERE study = ? AND state = 'read') ORDER BY id DESC",
        (study,),
    )
    return Claim(
        reading,
        study,
        row["study_uid"],
        number,
        folder,
        tuple(store.path(one["file"]) for one in files),
        {one["kind"]: store.path(one["file"]) for one in earlier},
    )


def finished(store: Store, config: NodeConfig, done: Claim, outcome: Outcome) -> bool:
    """Set down a reading with its objects and where each is to go, all at once; True where it was read."""
    state = "read" if outcome.exams else "failed"
    reason = "; ".join(outcome.failures) or None

    def enter(db: sqlite3.Connection) -> None:
        _end(db, done, state, reason)
        _settle(db, done)
        if state == "failed":
            return
        at = now()
        for made in outcome.objects:
            found = db.execute(
                "INSERT INTO object (reading, kind, sop_uid, sop_class, file) VALUES (?, ?, ?, ?, ?)",
                (done.reading, made.kind, made.sop_uid, made.sop_class, f"{done.folder}/{made.file}"),
            ).lastrowid
            for place in config.places(made.kind):
                db.execute(
                    "INSERT INTO delivery (object, place, due, made) VALUES (?, ?, ?, ?)",
                    (found, place, at, at),
                )

    store.write(enter)
    return state == "read"


def broken(store: Store, tries: int, done: Claim, reason: str) -> bool:
    """Set down that the reader died of a study; True where it is to be tried again."""

    def enter(db: sqlite3.Connection) -> bool:
        (before,) = db.execute(
            "SELECT count(*) FROM reading WHERE study = ? AND state = 'broken' AND newest = "
            "(SELECT newest FROM reading WHERE id = ?)",
            (done.study, done.reading),
        ).fetchone()
        again = bool(before + 1 < tries)
        _end(db, done, "broken" if again else "failed", reason)
        if not again:
            _settle(db, done)
        return again

    return store.write(enter)


def interrupted(store: Store, done: Claim) -> None:
    """Set down that the node was stopped while a study was read."""
    store.write(lambda db: _end(db, done, "interrupted", None))


def recover(store: Store) -> int:
    """After a start: what was being read when the node died is to be read again; returns how many."""

    def enter(db: sqlite3.Connection) -> int:
        db.execute("UPDATE fetch SET state = 'missing', ended = ? WHERE state = 'asked'", (now(),))
        return db.execute(
            "UPDATE reading SET state = 'interrupted', ended = ? WHERE state = 'reading'", (now(),)
        ).rowcount

    return store.write(enter)


def _end(db: sqlite3.Connection, done: Claim, state: str, reason: str | None) -> None:
    ended = db.execute(
        "UPDATE reading SET state = ?, reason = ?, ended = ? WHERE id = ? AND state = 'reading'",
        (state, reason, now(), done.reading),
    ).rowcount
    assert ended == 1, "a reading ends once"


def _settle(db: sqlite3.Connection, done: Claim) -> None:
    """The study waits on only where an image arrived that the reading did not have."""
    db.execute(
        "UPDATE study SET pending = EXISTS (SELECT 1 FROM instance WHERE study = ? AND image = 1 "
        "AND fetched = 0 AND id > (SELECT newest FROM reading WHERE id = ?)) WHERE id = ?",
        (done.study, done.reading, done.study),
    )


def same_patient(store: Store, study: int) -> Sequence[sqlite3.Row]:
    """Other studies of the woman that are here: ``study_uid`` and one image's ``file`` each."""
    return store.rows(
        "SELECT study.id, study_uid, min(file) AS file FROM instance JOIN study ON study.id = study "
        "WHERE study.id <> ? AND set_aside IS NULL AND image = 1 AND patient <> '' AND patient IN "
        "(SELECT patient FROM instance WHERE study = ?) GROUP BY study.id",
        (study, study),
    )


def images(store: Store, study: int) -> list[Path]:
    """Files of a study's images."""
    rows = store.rows("SELECT file FROM instance WHERE study = ? AND image = 1 ORDER BY id", (study,))
    return [store.path(row["file"]) for row in rows]
