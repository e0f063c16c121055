"""The product run as a user runs it: the installed command, in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from calcscope.report import model

COMMAND = Path(sys.executable).parent / "calcscope"
ENVIRONMENT = {**os.environ, "COLUMNS": "300", "OMP_NUM_THREADS": "1"}

PNG_OPTIONS = ("--pixel-mm", "0.174", "--laterality", "L", "--view", "CC")


def calcscope(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, env=ENVIRONMENT, timeout=300
    )


@dataclass(frozen=True)
class Reading:
    """A finished run: the process, its folder and the report in it."""

    process: subprocess.CompletedProcess[str]
    out: Path
    report: model.Report
