"""Files on disk and rows in a database, so that what is acknowledged survives a kill at any moment.

All writing goes through one thread, which commits whatever waits in one transaction: senders share the cost
of flushing to the disk, and no two of them can be told different things.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import queue
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from calcscope.errors import CalcscopeError

SCHEMA_VERSION = 1
DATABASE = "node.sqlite3"
INCOMING, STORED, READINGS = "incoming", "stored", "readings"
BATCH = 64
"""Most writes in one transaction."""

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], T]


class StoreFault(CalcscopeError):
    """The spool folder cannot be used."""


class Store:
    """The spool folder of one node.

    Parameters
    ----------
    folder : made where it is missing

    Raises
    ------
    StoreFault : where another node uses it, or another version made it
    OSError : where it cannot be written
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in (INCOMING, STORED, READINGS):
            (folder / name).mkdir(exist_ok=True, mode=0o700)
        self._lock = os.open(folder / "node.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise StoreFault(
                f"{folder}: another node uses this folder; expected one node for each; stop the other one"
            ) from None
        self._readers = threading.local()
        connection = connect(folder)
        self.salt = _prepare(connection, folder)
        flush_folder(folder)
        self._queue: queue.SimpleQueue[tuple[Write[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(
            target=self._run, args=(connection,), name="store-writer", daemon=True
        )
        self._closed = False
        self._writer.start()

    def write(self, do: Write[T]) -> T:
        """Run ``do`` in the writer's transaction; returns once that is committed and on the disk.

        Raises
        ------
        sqlite3.Error, OSError : of ``do`` or of the commit; then nothing of it is kept
        """
        if self._closed:
            raise StoreFault(f"{self.folder}: closed; the node is stopping")
        done: Future[T] = Future()
        self._queue.put((do, done))
        return done.result()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """What a query finds in the newest committed state."""
        connection: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = self._readers.connection = connect(self.folder, writes=False)
        return connection.execute(sql, values).fetchall()

    def path(self, name: str) -> Path:
        """A file of a row."""
        return self.folder / name

    def free_bytes(self) -> int:
        """Disk that is left."""
        return shutil.disk_usage(self.folder).free

    def short(self, uid: str) -> str:
        """What log and status call a study or an object: a digest that only this node's database explains."""
        return self.digest(uid)[:8]

    def digest(self, value: str) -> str:
        """A digest that tells values apart and is of no use without this node's database."""
        return hashlib.sha256(self.salt + value.encode()).hexdigest()

    def close(self) -> None:
        """Commit what waits and let the folder go."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._writer.join()
            os.close(self._lock)

    def _run(self, connection: sqlite3.Connection) -> None:
        going = True
        while going:
            batch = [self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            going = None not in batch
            _commit(connection, [one for one in batch if one is not None])
        connection.close()


def connect(folder: Path, *, writes: bool = True) -> sqlite3.Connection:
    """A connection in which a commit is on the disk when it returns."""
    connection = sqlite3.connect(folder / DATABASE, isolation_level=None, timeout=30, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    if writes:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    else:
        connection.execute("PRAGMA query_only = ON")
    return connection


def _prepare(connection: sqlite3.Connection, folder: Path) -> bytes:
    """Make the tables where they are missing; returns the salt."""
    schema = resources.files("calcscope.node").joinpath("schema.sql").read_text(encoding="utf-8")
    connection.executescript(schema)
    found = connection.execute("SELECT version, salt FROM node").fetchone()
    if found is None:
        salt = secrets.token_bytes(16)
        connection.execute("INSERT INTO node VALUES (?, ?)", (SCHEMA_VERSION, salt))
        return salt
    if found["version"] != SCHEMA_VERSION:
        raise StoreFault(
            f"{folder}: a database of version {found['version']}; expected {SCHEMA_VERSION}; "
            "use the Calcscope that made it, or another folder"
        )
    return bytes(found["salt"])


def _commit(connection: sqlite3.Connection, batch: list[tuple[Write[Any], Future[Any]]]) -> None:
    """All writes of a batch in one transaction; each fails alone, the commit for all."""
    if not batch:
        return
    results: list[tuple[Future[Any], Any]] = []
    try:
        connection.execute("BEGIN IMMEDIATE")
        for do, done in batch:
            connection.execute("SAVEPOINT one")
            try:
                result = do(connection)
            except Exception as error:
                connection.execute("ROLLBACK TO one")
                done.set_exception(error)
            else:
                results.append((done, result))
            connection.execute("RELEASE one")
        connection.execute("COMMIT")
    except Exception as error:  # a full disk shows here
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        for _, done in batch:
            if not done.done():
                done.set_exception(error)
        return
    for done, result in results:
        done.set_result(result)


def flush_file(path: Path) -> None:
    """Have a file's content on the disk."""
    _flush(path, os.O_RDONLY)


def flush_folder(path: Path) -> None:
    """Have a folder's names on the disk."""
    _flush(path, os.O_RDONLY | os.O_DIRECTORY)


def _flush(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def now() -> float:
    """Seconds since 1970."""
    return time.time()
