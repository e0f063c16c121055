"""A node in this process, with the reader that costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from quick_node import quick

from calcscope.node.logs import start_log
from calcscope.node.store import Store
from calcscope.node.supervisor import Node


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
