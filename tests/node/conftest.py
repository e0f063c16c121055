"""A node in this process, with the reader that costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from calcscope.node.config import NodeConfig, checked
from calcscope.node.logs import start_log
from calcscope.node.store import Store
from calcscope.node.supervisor import Node

QUICK = {
    "studies": {"quiet_seconds": 0.6, "settle_seconds": 0.1},
    "reading": {"reader": "cheap_reader:read", "kinds": ["cad-sr"]},
    "limits": {"min_free_bytes": 0, "idle_seconds": 10, "stall_seconds": 5},
    "shutdown_seconds": 0.5,
    "port": 0,
}


def quick(folder: Path, **parts: Any) -> NodeConfig:
    """A configuration for tests; parts are laid over :data:`QUICK`."""
    given: dict[str, Any] = {"folder": str(folder), **QUICK}
    for name, part in parts.items():
        given[name] = {**given.get(name, {}), **part} if isinstance(part, dict) else part
    return checked(given, folder, "test")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Node]]:
    """Starts a node with parts of a configuration; its log is in ``tmp_path / "log"``."""
    running: list[Node] = []

    def begin(**parts: Any) -> Node:
        start_log(tmp_path / "log")
        node = Node(quick(tmp_path / "spool", **parts))
        running.append(node)
        return node

    yield begin
    for node in running:
        node.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A spool folder without a node."""
    made = Store(tmp_path / "spool")
    yield made
    made.close()
