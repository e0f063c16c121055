"""A configuration that does not wait, with the reader that costs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from calcscope.node.config import NodeConfig, checked

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
