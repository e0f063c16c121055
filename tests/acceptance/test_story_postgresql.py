"""The server's own tests once more, on a real PostgreSQL instead of SQLite, by the one setting."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from reading_room import ROOT, postgresql

pytestmark = pytest.mark.slow


def test_the_server_does_the_same_on_postgresql() -> None:
    with postgresql() as url:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:xdist",
                "tests/server",
            ],
            cwd=ROOT,
            env={**os.environ, "CALCSCOPE_DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=400,
        )
    assert done.returncode == 0, done.stdout[-4000:]
