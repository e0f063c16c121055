"""The process that reads. It may die of a study, or be ended for taking too long; the node lives on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from typing import cast

from calcscope.errors import CalcscopeError
from calcscope.node.reading import Job, Outcome

POLL_SECONDS = 0.1
START_SECONDS = 120.0
"""For a new process to be there; what it reads has its own limit."""


class ReaderDied(CalcscopeError):
    """No outcome: the process died, was ended, or met an error nobody foresaw."""


class Stopped(CalcscopeError):
    """The node is stopping."""


class Reader:
    """A process that reads one study after another; started when first needed, and anew when it has died.

    Parameters
    ----------
    reader : ``module:function`` that takes a :class:`Job` and returns an :class:`Outcome`
    """

    def __init__(self, reader: str) -> None:
        self._reader = reader
        self._process: multiprocessing.process.BaseProcess | None = None
        self._wire: Connection | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, or None."""
        return self._process.pid if self._process else None

    def read(self, job: Job, time_limit: float, stop: threading.Event) -> Outcome:
        """Have a study read.

        Raises
        ------
        ReaderDied : with the reason
        Stopped : where ``stop`` was set meanwhile
        """
        try:
            wire = self._wire
            if wire is None or self._process is None or not self._process.is_alive():
                wire = self._start()
                _answer(wire, START_SECONDS, stop)
            wire.send(job)
            answer = _answer(wire, time_limit, stop)
        except (EOFError, OSError) as error:
            code = self._exit_code()
            self.close()
            if stop.is_set():
                raise Stopped("the node is stopping") from error
            raise ReaderDied(f"the reading process died ({code})") from error
        except CalcscopeError:
            self.close()
            raise
        if isinstance(answer, str):
            raise ReaderDied(answer)
        return cast(Outcome, answer)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._wire is not None:
            self._wire.close()
        self._process = self._wire = None

    def _start(self) -> Connection:
        self.close()
        # A fresh interpreter: a fork would carry over the locks of the node's threads.
        context = multiprocessing.get_context("spawn")
        self._wire, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._reader), daemon=True)
        self._process.start()
        theirs.close()
        return self._wire

    def _exit_code(self) -> str:
        if self._process is None:
            return "unknown"
        self._process.join(timeout=5)
        code = self._process.exitcode
        return "unknown" if code is None else f"exit {code}" if code >= 0 else signal.Signals(-code).name


def _answer(wire: Connection, seconds: float, stop: threading.Event) -> object:
    """What the process says within a time.

    Raises
    ------
    ReaderDied, Stopped, EOFError
    """
    end = time.monotonic() + seconds
    while not wire.poll(POLL_SECONDS):
        if stop.is_set():
            raise Stopped("the node is stopping")
        if time.monotonic() > end:
            raise ReaderDied(f"took longer than {seconds:.0f} s and was ended")
    return wire.recv()


def _serve(wire: Connection, name: str) -> None:
    """In the new process: read what comes, until the node is gone."""
    from calcscope.node.logs import fault, silence_libraries

    for one in (signal.SIGINT, signal.SIGTERM):  # which may be sent to all; the node's to answer
        signal.signal(one, signal.SIG_IGN)
    threading.Thread(target=_die_with_node, daemon=True).start()
    silence_libraries()
    _mute()
    module, _, function = name.partition(":")
    read = cast(Callable[[Job], Outcome], getattr(import_module(module), function))
    wire.send(None)  # ready
    while True:
        try:
            job = wire.recv()
        except EOFError:
            return
        try:
            answer: Outcome | str = read(job)
        except CalcscopeError as error:
            answer = str(error)
        except (Exception, RecursionError) as error:
            answer = fault(error)
        wire.send(answer)


def _die_with_node() -> None:
    """A reading whose node was killed is done again by the next node, elsewhere: this one is of no use."""
    node = multiprocessing.parent_process()
    if node is not None:
        node.join()
        os._exit(1)


def _mute() -> None:
    """What libraries print may quote a data set, and would land in the node's log."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
