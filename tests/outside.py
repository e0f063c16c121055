"""Programs that this project did not write and that judge what it writes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

JAVA_OPTIONS = " ".join(
    f"-Djdk.xml.{limit}=0" for limit in ("xpathTotalOpLimit", "xpathExprGrpLimit", "xpathExprOpLimit")
)
"""Without these, newer Java stops the validator's style sheets for their size."""
TIMEOUT = 180


def program(name: str) -> str:
    """Path of an outside program; the test is skipped where it is missing, and fails for it on CI."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing; `make system-packages` installs it")
        pytest.skip(f"{name} is not installed (`make system-packages`)")
    return path


def run(name: str, *arguments: str | Path, timeout: float = TIMEOUT) -> subprocess.CompletedProcess[str]:
    """Run an outside program and return what it printed; its exit code is the caller's to judge."""
    command: Sequence[str] = [program(name), *map(str, arguments)]
    environment = {**os.environ, "JAVA_TOOL_OPTIONS": JAVA_OPTIONS}
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", timeout=timeout, env=environment
    )


def sr_faults(path: Path) -> list[str]:
    """What PixelMed's DicomSRValidator, which knows the templates, finds wrong: its error lines."""
    done = run("DicomSRValidator", path)
    lines = (done.stdout + done.stderr).splitlines()
    assert any("Found" in line for line in lines), f"the validator did not judge {path.name}: {lines[-3:]}"
    return [line for line in lines if line.startswith("Error")]


def iod_faults(path: Path) -> list[str]:
    """What dciodvfy finds wrong with an object: its error lines."""
    done = run("dciodvfy", path)
    lines = (done.stdout + done.stderr).splitlines()
    assert lines, f"dciodvfy did not judge {path.name}"
    return [line for line in lines if line.startswith("Error")]
