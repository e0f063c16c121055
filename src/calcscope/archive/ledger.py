"""What an archive has and what was done with it: a database in the folder of the run, written by one process.

A worker writes nothing. What it found becomes durable here, in one transaction with the state of the exam, so
that an exam is either done and its rows kept, or it is read again.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from calcscope.archive.sources import Listed, Place, Refused
from calcscope.errors import CalcscopeError
from calcscope.standards.pseudonyms import read_key

PRIVATE = "ledger"
"""Folder with what leads back to women: the database and the key of the pseudonyms."""
DATABASE, LOCK, KEY = "archive.sqlite3", "lock", "pseudonyms.key"
LAYOUT = "1"

DEATHS, LOSSES, TRIES = 3, 10, 4
"""How often an exam is tried when the worker died of it, when its machine or the whole run ended meanwhile,
and when its images could not be fetched."""
LIMITS = {"died": ("deaths", DEATHS), "lost": ("losses", LOSSES), "unfetched": ("tries", TRIES)}
WAIT_SECONDS = 10.0
"""Before an exam is fetched again; doubles."""

PLACE = "path || iif(member = '', '', '!' || member)"

RESUMABLE = "run the same command again: it goes on where it stopped"


class LedgerFault(CalcscopeError):
    """The folder of a run cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Claim:
    """An exam that a worker is to read."""

    number: int
    name: str
    key: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Done:
    """An exam was read.

    Parameters
    ----------
    number : of the exam
    year : of the exam, 0 where it has no date
    rows : its rows of every table, see :mod:`calcscope.archive.rows`
    """

    number: int
    year: int
    rows: bytes


@dataclass(frozen=True)
class NotDone:
    """An exam was not read.

    Parameters
    ----------
    number : of the exam
    how : ``failed`` for good; ``unfetched``, ``died`` (the worker) and ``lost`` (its machine) are tried again
    reason : in one line, without patient data
    """

    number: int
    how: str
    reason: str


@dataclass(frozen=True)
class Failed:
    """An exam or a file that was given up."""

    name: str
    reason: str
    where: str


class Ledger:
    """The database of a run, open for writing by this process alone, or for looking.

    Parameters
    ----------
    folder : of the run; made, for its owner alone, where ``create`` is set

    Raises
    ------
    LedgerFault : where there is none, or another run has it
    """

    def __init__(self, folder: Path, *, create: bool = False, writes: bool = True) -> None:
        self.folder = folder
        private = folder / PRIVATE
        if create:
            folder.mkdir(parents=True, exist_ok=True)
            private.mkdir(mode=0o700, exist_ok=True)
        elif not (private / DATABASE).is_file():
            raise LedgerFault(
                f"{folder}: found no {PRIVATE}/{DATABASE}; expected the folder of calcscope archive read; "
                "name it with --archive"
            )
        self._lock = _locked(private / LOCK) if writes else None
        address = (private / DATABASE).absolute().as_uri() + ("" if writes else "?mode=ro")
        self._database = sqlite3.connect(address, uri=True, isolation_level=None, timeout=30)
        if writes:
            self._prepare()

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA cache_size = -65536")
        if not self._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone():
            schema = resources.files("calcscope.archive").joinpath("schema.sql").read_text(encoding="utf-8")
            self._database.executescript(f"BEGIN; {schema} COMMIT;")
            self.set("layout", LAYOUT)
        if self.get("layout") != LAYOUT:
            raise LedgerFault(
                f"{self.folder}: found layout {self.get('layout')}; expected {LAYOUT}; it was written by "
                "another version of Calcscope: use that one"
            )

    def close(self) -> None:
        """Let the folder go."""
        self._database.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def get(self, name: str) -> str:
        """A fact about the run, or an empty text."""
        row = self._database.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def set(self, name: str, value: str) -> None:
        """Keep a fact about the run."""
        self._database.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def key(self) -> bytes:
        """The key of the pseudonyms, made where there is none."""
        return read_key(self.folder / PRIVATE / KEY)

    # Listing

    def listed(self, found: Sequence[Listed], cursor: str | None) -> int:
        """Keep what was listed, and how far the listing has come; None leaves that as it was.

        Returns
        -------
        how many exams are new
        """
        secret, new = self.key(), 0
        with self._transaction() as database:
            for one in found:
                place = (one.place.path, one.place.member)
                if isinstance(one, Refused):
                    database.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?)", (*place, one.reason))
                    continue
                name = exam_name(secret, one.key)
                added = database.execute(
                    "INSERT OR IGNORE INTO exam (name, key, day) VALUES (?, ?, ?)", (name, one.key, one.day)
                )
                new += added.rowcount
                number = database.execute("SELECT number FROM exam WHERE key = ?", (one.key,)).fetchone()[0]
                added = database.execute("INSERT OR IGNORE INTO image VALUES (?, ?, ?)", (*place, number))
                if added.rowcount:
                    database.execute(
                        "UPDATE exam SET images_since = images_since + 1 WHERE number = ? AND state = 'done'",
                        (number,),
                    )
                database.execute("DELETE FROM refused WHERE path = ? AND member = ?", place)
            if cursor is not None:
                database.execute("INSERT OR REPLACE INTO about VALUES ('cursor', ?)", (cursor,))
        return new

    # Reading

    def resume(self) -> int:
        """Give back what a run that ended had claimed; how many exams that is."""
        with self._transaction() as database:
            left = database.execute("SELECT number FROM exam WHERE state = 'claimed'").fetchall()
            for (number,) in left:
                self._again(database, NotDone(number, "lost", "the run ended meanwhile"))
        return len(left)

    def turn(
        self, outcomes: Iterable[Done | NotDone], wanted: int
    ) -> tuple[list[Claim], list[NotDone], float | None]:
        """Keep what came of exams, and claim the next ones, in one transaction.

        Returns
        -------
        the claims, those that failed for good, and the seconds until the next exam may be tried again, None
        where none waits
        """
        given_up = []
        with self._transaction() as database:
            for one in outcomes:
                if isinstance(one, Done):
                    database.execute("INSERT INTO result VALUES (?, ?, ?)", (one.number, one.year, one.rows))
                    database.execute(
                        "UPDATE exam SET state = 'done', reason = '', images_since = 0, not_before = 0 "
                        "WHERE number = ?",
                        (one.number,),
                    )
                elif self._again(database, one):
                    given_up.append(one)
            now = time.time()
            rows = database.execute(
                "SELECT number, name, key FROM exam WHERE state = 'waiting' AND not_before <= ? "
                "ORDER BY day, number LIMIT ?",
                (now, max(wanted, 0)),
            ).fetchall()
            claims = []
            for number, name, key in rows:
                database.execute("UPDATE exam SET state = 'claimed' WHERE number = ?", (number,))
                places = database.execute(
                    "SELECT path, member FROM image WHERE exam = ? ORDER BY path, member", (number,)
                )
                claims.append(Claim(number, name, key, tuple(Place(*one) for one in places)))
            waits = database.execute(
                "SELECT min(not_before) FROM exam INDEXED BY exam_later "
                "WHERE not_before > 0 AND not_before > ?",
                (now,),
            ).fetchone()[0]
        return claims, given_up, None if waits is None else max(waits - now, 0.0)

    def _again(self, database: sqlite3.Connection, one: NotDone) -> bool:
        """Let an exam wait for another try, or give it up; True where it is given up."""
        column, most = LIMITS.get(one.how, ("tries", 0))
        database.execute(f"UPDATE exam SET {column} = {column} + 1 WHERE number = ?", (one.number,))
        count = database.execute(f"SELECT {column} FROM exam WHERE number = ?", (one.number,)).fetchone()[0]
        if count < most:
            pause = WAIT_SECONDS * 2 ** (count - 1) if one.how == "unfetched" else 0
            database.execute(
                "UPDATE exam SET state = 'waiting', reason = ?, not_before = ? WHERE number = ?",
                (one.reason, time.time() + pause if pause else 0, one.number),
            )
            return False
        times = f" (tried {count} times)" if count > 1 else ""
        database.execute(
            "UPDATE exam SET state = 'failed', reason = ?, not_before = 0 WHERE number = ?",
            (one.reason + times, one.number),
        )
        return True

    def release(self) -> None:
        """Give back what this run had claimed, when it stops by itself: that counts against no exam."""
        self._database.execute("UPDATE exam SET state = 'waiting' WHERE state = 'claimed'")

    def refused_names(self) -> list[str]:
        """Names of files that belong to no exam, each once."""
        return [row[0] for row in self._database.execute("SELECT DISTINCT path FROM refused ORDER BY path")]

    def forget_refused(self, names: Sequence[str]) -> None:
        """Forget why files were refused, since they are looked at again."""
        with self._transaction() as database:
            database.executemany("DELETE FROM refused WHERE path = ?", [(name,) for name in names])

    def retry(self, reason: str = "") -> int:
        """Let what failed, of reasons that hold a text, wait for a new try; how many exams that is."""
        with self._transaction() as database:
            changed = database.execute(
                "UPDATE exam SET state = 'waiting', tries = 0, deaths = 0, losses = 0, not_before = 0 "
                "WHERE state = 'failed' AND instr(reason, ?) > 0",
                (reason,),
            )
        return changed.rowcount

    # Parts

    def pending(self) -> tuple[int, int]:
        """Exams that are done and in no part yet, and the bytes of their rows."""
        found = self._database.execute(
            "SELECT count(*), coalesce(sum(length(rows)), 0) FROM result"
        ).fetchone()
        return int(found[0]), int(found[1])

    def results(self) -> list[tuple[int, int, bytes]]:
        """(exam, year, rows) of those."""
        return self._database.execute("SELECT exam, year, rows FROM result ORDER BY exam").fetchall()

    def add_part(self, number: int, exams: Sequence[int], files: dict[str, list[str]]) -> None:
        """The rows of exams are in files now: keep their names instead of the rows."""
        with self._transaction() as database:
            database.execute("INSERT INTO part VALUES (?, ?, ?)", (number, len(exams), json.dumps(files)))
            for exam in exams:
                database.execute("UPDATE exam SET part = ? WHERE number = ?", (number, exam))
                database.execute("DELETE FROM result WHERE exam = ?", (exam,))

    def parts(self) -> list[tuple[int, int, dict[str, list[str]]]]:
        """(number, exams, files of each table) of every part."""
        rows = self._database.execute("SELECT number, exams, files FROM part ORDER BY number")
        return [(number, exams, json.loads(files)) for number, exams, files in rows]

    # Looking

    def counts(self) -> dict[str, int]:
        """Exams by state."""
        return dict(self._database.execute("SELECT state, count(*) FROM exam GROUP BY state").fetchall())

    def failures(self) -> Iterator[Failed]:
        """Exams that were given up, then files that belong to none."""
        rows = self._database.execute(
            f"SELECT name, reason, (SELECT {PLACE} FROM image WHERE exam = exam.number "
            "ORDER BY path, member LIMIT 1) FROM exam WHERE state = 'failed' ORDER BY number"
        )
        for name, reason, where in rows:
            yield Failed(name, reason, where or "")
        files = self._database.execute(f"SELECT '', reason, {PLACE} FROM refused ORDER BY path, member")
        for row in files:
            yield Failed(*row)

    def number_refused(self) -> int:
        """Files that belong to no exam."""
        return int(self._database.execute("SELECT count(*) FROM refused").fetchone()[0])

    def changed_since(self) -> int:
        """Exams that got more images after they were read."""
        return int(self._database.execute("SELECT count(*) FROM exam WHERE images_since > 0").fetchone()[0])

    def key_of(self, name: str) -> str:
        """The Study Instance UID of an exam in the tables, or an empty text."""
        row = self._database.execute("SELECT key FROM exam WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""


def exam_name(secret: bytes, key: str) -> str:
    """What stands for an exam in the tables: the same under one key, leading nowhere without it."""
    return "EX-" + hmac.new(secret, f"exam\n{key}".encode(), hashlib.sha256).hexdigest()[:20].upper()


def _locked(path: Path) -> int:
    """A lock that ends with this process."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise LedgerFault(
            f"{path.parent.parent}: found another run that writes there; expected none; stop it, or wait"
        ) from None
    return handle
