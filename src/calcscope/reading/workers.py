"""Views read side by side: each keeps one core busy."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import cv2

View = TypeVar("View")
Read = TypeVar("Read")

SWITCH_SECONDS = 1e-4
"""How long a thread keeps Python's lock when another waits for it. With Python's own 5 ms a view waits that
long for each short step of the other one: a tenth of the whole time."""

PR_SET_PDEATHSIG = 1
"""Of Linux's ``prctl``."""

PATIENCE, LEAST_PATIENCE_SECONDS = 20.0, 300.0
"""Another process is waited for so many times as long as the longest view took here, and no less."""

MOST_TICKETS = 255
"""A ticket is one byte, so that two processes never take half of one."""


@dataclass(frozen=True)
class Workers:
    """Who reads the views of an exam.

    Parameters
    ----------
    count : views read at once; each takes about 0.4 GiB
    processes : read in processes of their own, which do not wait for one another's lock on Python. Only for
        a program that does nothing else at the time: a process is forked, and what other threads hold is held
        for ever in it. Where the system cannot fork, threads read.
    """

    count: int = 2
    processes: bool = False

    def read(self, read: Callable[[View], Read], views: Sequence[View]) -> list[Read]:
        """What ``read`` says of each view, in their order."""
        at_once = min(self.count, len(views))
        if at_once < 2:
            return [read(view) for view in views]
        with _one_thread_each():
            if self.processes and _can_fork() and len(views) <= MOST_TICKETS:
                return _in_processes(read, views, at_once)
            with ThreadPoolExecutor(at_once) as pool:
                return list(pool.map(read, views))


IN_THREADS = Workers()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """One thread of OpenCV for each view: more would only get in each other's way.

    Said before a process is forked: in it, ending threads that it has not got would never come to an end.
    """
    threads, switch = cv2.getNumThreads(), sys.getswitchinterval()
    cv2.setNumThreads(1)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        sys.setswitchinterval(switch)


def _can_fork() -> bool:
    """Whether a forked process can go on with what this one has loaded: on macOS its own libraries cannot."""
    return sys.platform == "linux"


def _in_processes(read: Callable[[View], Read], views: Sequence[View], at_once: int) -> list[Read]:
    """As ``[read(view) for view in views]``, by this process and ``at_once - 1`` more.

    Whoever is free takes the next ticket. A view whose process dies, of want of memory above all, or comes to
    no end is read again here, where nothing else needs memory then.
    """
    tickets, printer = os.pipe()
    os.write(printer, bytes(range(len(views))))
    os.close(printer)
    results: dict[int, Read] = {}
    helpers: list[_Helper] = []
    try:
        with suppress(OSError):  # the system has no process or memory for more
            for _ in range(at_once - 1):
                helpers.append(_Helper(read, views, tickets, results))
        longest = LEAST_PATIENCE_SECONDS / PATIENCE
        for number in _tickets(tickets):
            began = time.monotonic()
            results[number] = read(views[number])
            longest = max(longest, time.monotonic() - began)
        for helper in helpers:
            helper.wait(PATIENCE * longest)
    finally:
        os.close(tickets)
        for helper in helpers:
            helper.end()
    return [results[n] if n in results else read(view) for n, view in enumerate(views)]


def _tickets(tickets: int) -> Iterator[int]:
    while ticket := os.read(tickets, 1):
        yield ticket[0]


class _Helper:
    """A forked process that reads views, and the thread that takes what it found."""

    def __init__(
        self, read: Callable[[View], Read], views: Sequence[View], tickets: int, results: dict[int, Read]
    ) -> None:
        self._results = results
        incoming, outgoing = os.pipe()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads, such as that of a progress bar: the child takes no lock of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                self._child = os.fork()
            except OSError:
                os.close(incoming)
                os.close(outgoing)
                raise
        if self._child == 0:
            _serve(read, views, tickets, outgoing, parent)
        os.close(outgoing)
        self._taker = threading.Thread(target=self._take, args=(incoming,), daemon=True)
        self._taker.start()

    def _take(self, incoming: int) -> None:
        with open(incoming, "rb") as stream, suppress(EOFError, pickle.UnpicklingError):
            while True:
                # From our own child alone.
                number, result = pickle.load(stream)
                self._results[number] = result

    def wait(self, seconds: float) -> None:
        """Until all that it found is here, but no longer than that."""
        self._taker.join(seconds)

    def end(self) -> None:
        """Nothing of it is left."""
        with suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._child, 0)
        self._taker.join()


def _serve(
    read: Callable[[View], Read], views: Sequence[View], tickets: int, outgoing: int, parent: int
) -> None:
    """What the child does; it never returns. Its parent's buffers and exit handlers are not its own."""
    try:
        # However the parent goes, the child does not stay: the system sends this then.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return
        with open(outgoing, "wb", buffering=0) as stream:
            for number in _tickets(tickets):
                pickle.dump((number, read(views[number])), stream, protocol=5)
    finally:
        os._exit(0)
