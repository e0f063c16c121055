"""Work done on Ray: nothing but tasks, so many at once, and what came of each."""

from __future__ import annotations

import ipaddress
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from calcscope.errors import CalcscopeError

MEMORY = 1.5 * 2**30
"""What one exam may need: a machine reads no more at once than it has memory for."""
STORE_BYTES = 128 << 20
"""Of Ray's object store in a Ray of our own: what comes back from an exam is small."""

QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
"""Ray tells its makers how it is used, unless it is told otherwise before it is imported."""
OWN = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}
"""A Ray of our own stays on the loopback address, whatever networks the machine has, and knows its own by a
token of this process."""


class ClusterFault(CalcscopeError):
    """Ray is not there, or cannot be reached; the message says what to do."""


@dataclass(frozen=True)
class Ended:
    """A task without an answer.

    Parameters
    ----------
    how : ``died``: its process did, which may be the task's doing; ``lost``: its machine did
    reason : in one line
    """

    how: str
    reason: str


class Executor(Protocol):
    """Has functions of this package run elsewhere."""

    def slots(self) -> int:
        """How many can run at once now."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Hashable:
        """Have a function run; it must never raise. A ticket for its answer."""

    def finished(self, seconds: float) -> list[tuple[Hashable, Any]]:
        """(ticket, answer or :class:`Ended`) of those that are, waiting so long for the first."""

    def close(self) -> None:
        """End what still runs."""


class Cluster:
    """Ray: one that runs already, or one of our own on this machine that nobody else can reach.

    Parameters
    ----------
    address : ``host:port`` of a Ray, ``auto`` for the one of this machine; None starts one
    workers : exams at once in a Ray of our own; None for one a core

    Raises
    ------
    ClusterFault
    """

    def __init__(self, address: str | None = None, workers: int | None = None) -> None:
        os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
        if address is None:
            os.environ.update(OWN)
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # which Ray reads once
        try:
            import ray
        except ModuleNotFoundError as error:
            raise ClusterFault(
                "found no Ray, which has the work done; expected calcscope[archive]; "
                "pip install 'calcscope[archive]'"
            ) from error
        self._ray: Any = ray
        self._reaper: subprocess.Popen[bytes] | None = None
        self._flying: dict[Any, None] = {}
        common: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        try:
            if address is None:
                self._start(workers, common)
            else:
                self._ray.init(address=address, **common)
        except ClusterFault:
            raise
        except Exception as error:  # Ray's own kinds differ by version
            self.close()
            words = " ".join(str(error).split())[:200]
            raise ClusterFault(
                f"Ray could not be {'started' if address is None else 'reached'}: {words}"
            ) from error
        with suppress(AttributeError):  # it would print its own logs between the lines of the progress
            self._ray._private.worker.print_to_stdstream = lambda *said, **how: None
        room = [node["Resources"].get("memory", 0.0) for node in self._ray.nodes() if node["Alive"]]
        memory = int(min(MEMORY, 0.8 * max(room, default=0.0)))
        self._run = self._ray.remote(num_cpus=1, memory=memory, max_retries=0)(_run)

    def _start(self, workers: int | None, common: dict[str, Any]) -> None:
        # Its own, so that its logs go with it. The path is short: sockets lie in it.
        folder = tempfile.mkdtemp(prefix="cs", dir="/tmp" if os.path.isdir("/tmp") else None)
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "calcscope.archive.reaper", folder],
            stdin=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not meant for it
        )
        self._ray.init(
            address="local",
            num_cpus=workers,
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            _temp_dir=folder,
            **common,
        )
        where = self._ray.util.get_node_ip_address()
        if not ipaddress.ip_address(where).is_loopback:
            self.close()
            raise ClusterFault(
                f"found Ray listening at {where}; expected this machine alone; unset RAY_ADDRESS and start "
                "from a process that has not imported Ray yet"
            )

    def slots(self) -> int:
        return int(self._ray.cluster_resources().get("CPU", 0))

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Hashable:
        ticket: Hashable = self._run.remote(function, *arguments)
        self._flying[ticket] = None
        return ticket

    def finished(self, seconds: float) -> list[tuple[Hashable, Any]]:
        if not self._flying:
            return []
        try:
            ready, rest = self._ray.wait(list(self._flying), timeout=seconds, fetch_local=False)
            if ready and rest:
                more, _ = self._ray.wait(rest, num_returns=len(rest), timeout=0, fetch_local=False)
                ready += more
        except Exception as error:  # as above
            raise ClusterFault(f"Ray went away ({type(error).__name__})") from error
        for ticket in ready:
            del self._flying[ticket]
        return [(ticket, self._answer(ticket)) for ticket in ready]

    def _answer(self, ticket: Any) -> Any:
        from ray import exceptions

        try:
            return self._ray.get(ticket)
        except exceptions.OutOfMemoryError:
            return Ended("died", "the worker ran out of memory and was ended")
        except (exceptions.NodeDiedError, exceptions.ObjectLostError, exceptions.LocalRayletDiedError):
            return Ended("lost", "its machine went away")
        except exceptions.WorkerCrashedError:
            return Ended("died", "the worker died: of memory, of a fault in a decoder, or it took too long")
        except exceptions.RayError as error:
            return Ended("died", f"the worker failed ({type(error).__name__})")

    def close(self) -> None:
        with suppress(Exception):
            self._ray.shutdown()
        if self._reaper is not None:
            self._reaper.communicate()  # it ends what Ray left, and its logs
            self._reaper = None


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    """On a worker."""
    return function(*arguments)
