"""Hospitals, and a folder for articles of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from calcscope.server.people.models import Site


@pytest.fixture
def north(db: None) -> Site:
    return Site.objects.create(
        code="north", name="North Hospital", phone="+1 555 0100", email="breast@north.example.org",
        address="1 North Street",
    )  # fmt: skip


@pytest.fixture
def south(db: None) -> Site:
    return Site.objects.create(code="south", name="South Hospital", phone="+1 555 0200")


@pytest.fixture
def own(db: None, tmp_path: Path, settings: Any) -> Path:
    """The folder of files of a server of its own."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path
