"""The node: one process that starts, watches and stops everything."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from calcscope.errors import CalcscopeError
from calcscope.node import studies
from calcscope.node.config import NodeConfig
from calcscope.node.logs import fault, log, said
from calcscope.node.priors import earlier_images
from calcscope.node.reader import Reader, Stopped
from calcscope.node.reading import Job, Outcome
from calcscope.node.receiver import Receiver
from calcscope.node.sending import Commitments, Deliveries, Outbox
from calcscope.node.store import INCOMING, STORED, Store, flush_file, flush_folder, now

POLL_SECONDS = 0.25
SWEEP_SECONDS = 600.0
JOIN_SECONDS = 5.0
DISK_SECONDS = 10.0
"""Between two looks at a disk that is full."""


class Node:
    """A running node.

    Parameters
    ----------
    config : as of :func:`calcscope.node.config.load`

    Raises
    ------
    StoreFault, OSError : where the folder or the port cannot be had
    """

    def __init__(self, config: NodeConfig) -> None:
        self.config = config
        self._stop = threading.Event()
        self._work = threading.Event()
        self.store = Store(config.folder)
        try:
            again = studies.recover(self.store)
            swept = sweep(self.store)
            self.receiver = Receiver(self.store, config, self._work.set)
        except BaseException:
            self.store.close()
            raise
        self._started = now()
        self._outboxes: list[Outbox] = [
            *(Deliveries(self.store, config, place, self._stop) for place in config.send),
            Commitments(self.store, config, self._stop),
        ]
        self._threads: list[threading.Thread] = [
            *self._outboxes,
            *(threading.Thread(target=self._read, name="reader") for _ in range(config.reading.workers)),
            threading.Thread(target=self._keep_house, name="housekeeping"),
        ]
        for thread in self._threads:
            thread.daemon = True
            thread.start()
        where = {"host": config.host, "port": self.receiver.port, "peers": len(config.peer)}
        log.info(said("started", title=config.title, **where, read_again=again, swept=swept))

    def run(self) -> None:
        """Until SIGTERM or SIGINT; then stop cleanly. For the main thread."""
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda *_: self._stop.set())
        while not self._stop.wait(60):
            pass
        self.close()

    def close(self) -> None:
        """Stop: nobody new, open associations may end, what is being read is read at the next start."""
        log.info(said("stopping"))
        self._stop.set()
        self._work.set()
        self.receiver.stop(self.config.shutdown_seconds)
        for outbox in self._outboxes:
            outbox.wake.set()
        end = time.monotonic() + JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        self.store.close()
        log.info(said("stopped"))

    # -- reading

    def _read(self) -> None:
        reader = Reader(self.config.reading.reader)
        try:
            while not self._stop.is_set():
                self._work.clear()
                try:
                    busy = self._read_next(reader)
                except Exception as error:  # the thread must outlive whatever it meets
                    if not self._stop.is_set():
                        log.error(said("reading failed", reason=fault(error)))
                        self._stop.wait(JOIN_SECONDS)
                    busy = False
                if not busy:
                    self._work.wait(POLL_SECONDS)
        finally:
            reader.close()

    def _read_next(self, reader: Reader) -> bool:
        """Read the study that waits longest; False where none is complete."""
        waiting = studies.complete(self.store, self.config.studies, self._started)
        if waiting and self.store.free_bytes() < self.config.limits.min_free_bytes:
            log.error(said("reading waits", studies=len(waiting), reason="too little disk is left"))
            self._stop.wait(DISK_SECONDS)
            return False
        for study in waiting:
            claim = studies.claim(self.store, study)
            if claim is not None:
                self._read_one(reader, claim)
                return True
        return False

    def _read_one(self, reader: Reader, claim: studies.Claim) -> None:
        short, began = self.store.short(claim.study_uid), time.monotonic()
        log.info(said("reading", study=short, number=claim.number, images=len(claim.files)))
        try:
            outcome, priors = self._outcome(reader, claim)
        except Stopped:
            studies.interrupted(self.store, claim)
            return
        except Exception as error:  # the claim must end, whatever was met
            reason = str(error) if isinstance(error, CalcscopeError) else fault(error)
            again = self._set_down(
                lambda: studies.broken(self.store, self.config.reading.tries, claim, reason)
            )
            log.error(said("not read", study=short, number=claim.number, again=again, reason=reason))
            return
        read = self._set_down(lambda: studies.finished(self.store, self.config, claim, outcome))
        for reason in outcome.failures:
            log.warning(said("left out" if read else "not read", study=short, reason=reason))
        if read:
            facts = {"priors": priors, "objects": len(outcome.objects)}
            seconds = f"{time.monotonic() - began:.1f}"
            log.info(said("read", study=short, number=claim.number, **facts, seconds=seconds))
        for outbox in self._outboxes:
            outbox.wake.set()

    def _outcome(self, reader: Reader, claim: studies.Claim) -> tuple[Outcome, int]:
        """What a study's reading gives, on the disk; and how many earlier images it had."""
        rules = self.config.reading
        priors = earlier_images(self.store, self.config, claim.study, claim.files)
        out = self.store.path(claim.folder)
        out.mkdir(parents=True, mode=0o700)
        job = Job(claim.files, tuple(priors), out, rules.mode, rules.kinds, rules.render, claim.replaces)
        outcome = reader.read(job, rules.time_limit, self._stop)
        flush_reading(self.store, out, outcome)
        return outcome, len(priors)

    def _set_down(self, do: Callable[[], bool]) -> bool:
        """Write the end of a reading; again and again while the disk is full, until the node stops.

        Where it could not be written, the next node reads the study anew.
        """
        while True:
            try:
                return do()
            except (OSError, sqlite3.Error) as error:
                log.error(said("not set down", reason=fault(error)))
                if self._stop.wait(DISK_SECONDS):
                    raise

    def _keep_house(self) -> None:
        """Remove what aborted associations left half-received."""
        age = max(SWEEP_SECONDS, 10 * self.config.limits.idle_seconds)
        while not self._stop.wait(SWEEP_SECONDS):
            try:
                sweep_incoming(self.store, age)
            except OSError as error:
                log.error(said("sweeping failed", reason=fault(error)))


def flush_reading(store: Store, out: Path, outcome: Outcome) -> None:
    """Have all that a reading wrote on the disk before its rows say so."""
    for made in outcome.objects:
        flush_file(out / made.file)
    for folder in [*(path for path in out.rglob("*") if path.is_dir()), out, *out.parents]:
        flush_folder(folder)
        if folder == store.folder:
            break


def sweep(store: Store) -> int:
    """After a start: remove files without a row, which nobody was told are kept; returns how many."""
    swept = sweep_incoming(store, 0.0)
    kept = {row["file"] for row in store.rows("SELECT file FROM instance")}
    for path in store.path(STORED).glob("*/*"):
        if str(path.relative_to(store.folder)) not in kept:
            path.unlink(missing_ok=True)
            swept += 1
    return swept


def sweep_incoming(store: Store, age: float) -> int:
    """Remove half-received files that nobody has written to for so many seconds."""
    swept = 0
    for path in store.path(INCOMING).iterdir():
        if time.time() - path.stat().st_mtime >= age:
            path.unlink(missing_ok=True)
            swept += 1
    return swept
