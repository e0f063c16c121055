"""Fixtures of the archive's tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which readings are noted."""
    path = tmp_path / "read"
    monkeypatch.setenv("ARCHIVE_READ", str(path))
    return path


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause before what failed is tried again."""
    monkeypatch.setattr("calcscope.archive.sources.PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("calcscope.archive.ledger.WAIT_SECONDS", 0.01)
