"""A run over an archive: listed, then read, each exam once; it may be killed at any moment and goes on."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import calcscope
from calcscope.archive import parts
from calcscope.archive.cluster import Ended, Executor
from calcscope.archive.ledger import Claim, Done, Ledger, LedgerFault, NotDone
from calcscope.archive.sources import Listed, Place, Refused, Source
from calcscope.archive.work import Orders, read_exam, read_heads

NAMES = 100
"""Files whose headers a worker reads at once."""
AHEAD = 2
"""Tasks on their way for each that runs: none waits for the next, and no more are held than that."""
WAIT_SECONDS = 1.0
PART_SECONDS = 600.0
"""A part is written at least so often, for those who ask meanwhile."""


class Teller(Protocol):
    """Is told how far a run has come."""

    def listed(self, names: int, exams: int) -> None:
        """So many names were listed now, with so many exams in all."""

    def read(self, done: int, failed: int, waiting: int, running: int, workers: int) -> None:
        """Exams in all by state, and exams at once."""


@dataclass(frozen=True)
class Summary:
    """What a run came to.

    Parameters
    ----------
    exams, failed : exams done and given up, over all runs
    refused : files that belong to no exam
    changed : exams that got images after they were read
    """

    exams: int
    failed: int
    refused: int
    changed: int


def open_run(folder: Path, source: str, mode: str) -> Ledger:
    """The ledger of a run over a source, new or to be gone on with.

    Raises
    ------
    LedgerFault : where the folder is of another source or mode, or in use
    """
    ledger = Ledger(folder, create=True)
    for name, value in (("source", source), ("mode", mode)):
        before = ledger.get(name)
        if before and before != value:
            ledger.close()
            raise LedgerFault(
                f"{folder}: found results of {name} {before}; expected {value}; name another --out"
            )
        ledger.set(name, value)
    return ledger


def read_archive(
    ledger: Ledger, orders: Orders, executor: Executor, teller: Teller, *, refresh: bool = False
) -> Summary:
    """List a source, unless that was done, and read every exam that was not.

    Parameters
    ----------
    refresh : list it again, for what came since

    Raises
    ------
    SourceFault : where it cannot be listed; what was listed stays
    """
    ledger.resume()
    parts.clear_leftovers(ledger)
    ledger.set("calcscope", calcscope.__version__)
    if refresh and ledger.get("listing") == "done":
        ledger.set("listing", "")
        ledger.set("cursor", "")
    if ledger.get("listing") != "done":
        names = orders.source.names(ledger.get("cursor"))
        _list(ledger, orders.source, names, executor, teller, keep_cursor=True)
        ledger.set("listing", "done")
    return _read(ledger, orders, executor, teller)


def retry_archive(
    ledger: Ledger, orders: Orders, executor: Executor, teller: Teller, reason: str = ""
) -> Summary:
    """Try again what was given up for reasons that hold a text, and what still waits."""
    ledger.resume()
    parts.clear_leftovers(ledger)
    names = ledger.refused_names() if not reason and orders.source.reads_headers else []
    ledger.forget_refused(names)
    _list(ledger, orders.source, iter(names), executor, teller, keep_cursor=False)
    ledger.retry(reason)
    return _read(ledger, orders, executor, teller)


@dataclass
class _Batch:
    """Names that are being looked at, and what was found so far."""

    names: list[str]
    found: list[Listed] = field(default_factory=list)
    left: int = 0


def _list(
    ledger: Ledger,
    source: Source,
    names: Iterator[str | Refused],
    executor: Executor,
    teller: Teller,
    *,
    keep_cursor: bool,
) -> None:
    """Look up names in their order, many batches at once; only a few are held."""
    waiting: list[_Batch] = []  # in order; the first is kept once it is whole
    flying: dict[Hashable, tuple[_Batch, list[str], bool]] = {}
    exams, more = sum(ledger.counts().values()), True
    while more or waiting:
        while more and len(waiting) < AHEAD * max(executor.slots(), 1):
            taken = list(islice(names, NAMES))
            if not taken:
                more = False
                break
            batch = _Batch([one for one in taken if isinstance(one, str)])
            batch.found += [one for one in taken if isinstance(one, Refused)]
            if source.reads_headers and batch.names:
                _look(executor, source, flying, batch, batch.names)
            else:
                batch.found += read_heads(source, batch.names)
            waiting.append(batch)
        for ticket, answer in executor.finished(WAIT_SECONDS) if flying else ():
            batch, asked, again = flying.pop(ticket)
            batch.left -= 1
            if not isinstance(answer, Ended):
                batch.found += answer
            elif answer.how == "lost" or (len(asked) == 1 and not again):
                _look(executor, source, flying, batch, asked, again=answer.how != "lost")
            elif len(asked) > 1:  # one of them ended the worker: which?
                half = len(asked) // 2
                _look(executor, source, flying, batch, asked[:half])
                _look(executor, source, flying, batch, asked[half:])
            else:
                reason = "found a file that ended the worker twice; expected a readable header; look at it"
                batch.found.append(Refused(Place(asked[0]), reason))
        while waiting and not waiting[0].left:
            batch = waiting.pop(0)
            cursor = batch.names[-1] if batch.names and keep_cursor else None
            exams += ledger.listed(batch.found, cursor)
            teller.listed(len(batch.names), exams)


def _look(
    executor: Executor,
    source: Source,
    flying: dict[Hashable, tuple[_Batch, list[str], bool]],
    batch: _Batch,
    names: list[str],
    *,
    again: bool = False,
) -> None:
    flying[executor.submit(read_heads, source, names)] = (batch, names, again)
    batch.left += 1


def _read(ledger: Ledger, orders: Orders, executor: Executor, teller: Teller) -> Summary:
    """Read what waits, and keep what came of each exam before the next is claimed."""
    counts = ledger.counts()
    done, failed = counts.get("done", 0), counts.get("failed", 0)
    total = sum(counts.values())
    pending, size = ledger.pending()
    flying: dict[Hashable, Claim] = {}
    outcomes: list[Done | NotDone] = []
    written = time.monotonic()
    try:
        while True:
            workers = executor.slots()
            claims, given_up, wait = ledger.turn(outcomes, AHEAD * max(workers, 1) - len(flying))
            finished = [one for one in outcomes if isinstance(one, Done)]
            done, failed = done + len(finished), failed + len(given_up)
            pending, size = pending + len(finished), size + sum(len(one.rows) for one in finished)
            for claim in claims:
                flying[executor.submit(read_exam, orders, claim)] = claim
            teller.read(done, failed, total - done - failed, len(flying), workers)
            due = pending and time.monotonic() - written > PART_SECONDS
            if pending >= parts.EXAMS or size >= parts.BYTES or due:
                parts.write_part(ledger)
                pending, size, written = 0, 0, time.monotonic()
            if not flying and wait is None:
                break
            if not flying and wait is not None:
                time.sleep(min(wait, WAIT_SECONDS))
            outcomes = [
                _outcome(flying.pop(ticket), answer) for ticket, answer in executor.finished(WAIT_SECONDS)
            ]
    finally:
        ledger.release()
        parts.write_part(ledger)
    return summary_of(ledger)


def _outcome(claim: Claim, answer: Any) -> Done | NotDone:
    if isinstance(answer, Ended):
        return NotDone(claim.number, answer.how, answer.reason)
    assert isinstance(answer, Done | NotDone)
    return answer


def summary_of(ledger: Ledger) -> Summary:
    """What all runs in a folder came to."""
    counts = ledger.counts()
    return Summary(
        counts.get("done", 0), counts.get("failed", 0), ledger.number_refused(), ledger.changed_since()
    )
