"""The figures of speed of today beside those measured before, kept in a file.

    python benchmarks/history.py [--file FILE] [--repeats 2]      (or: make speed)

Runs ``exam_time.py`` and ``hdog.py``, prints each figure with its change since the last line of the file and
since the best, and appends a line: date, commit, processor, figures. The file is no part of the repository:
times on one machine say nothing about another. Continuous integration keeps it from run to run; the ratios to
the peers, measured in the same minutes, change less between machines than seconds do.

A ratio that is worse than the last one by more than ``--tolerance`` (0.15) is named at the end; with
``--strict`` the command then ends with 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FILE = HERE.parent / "speed-history.jsonl"
SCRIPTS = ("exam_time.py", "hdog.py")
WATCHED = {"exam_processor_ratio_to_sep": 1, "search_hdog_over_calcscope": -1}
"""Figures that must not get worse: 1 where less is better, -1 where more is."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--file", type=Path, default=FILE)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=0.15, help="share by which a ratio may get worse")
    parser.add_argument("--strict", action="store_true", help="end with 1 where one did")
    arguments = parser.parse_args()
    before = lines_of(arguments.file)
    figures = measured(arguments.repeats)
    print(table(figures, before))
    line = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit(),
        "processor": platform.processor() or platform.machine(),
        **figures,
    }
    with arguments.file.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    slower = worse(figures, before, arguments.tolerance)
    if slower:
        print(f"Worse than the last time by more than {arguments.tolerance:.0%}: {', '.join(slower)}.")
        sys.exit(1 if arguments.strict else 0)


def lines_of(file: Path) -> list[dict[str, Any]]:
    """What was measured before, oldest first; a line that is no JSON object is left out."""
    lines = []
    for text in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            lines.append(line)
    return lines


def measured(repeats: int) -> dict[str, float]:
    """The figures of the benchmarks, each run by a process of its own, which prints them too."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for script in SCRIPTS:
            out = Path(folder) / f"{script}.json"
            command = [sys.executable, str(HERE / script), "--repeats", str(repeats), "--json", str(out)]
            subprocess.run(command, check=True)
            figures |= json.loads(out.read_text(encoding="utf-8"))
    return figures


def table(figures: dict[str, float], before: list[dict[str, Any]]) -> str:
    """The figures with their changes, one to a line."""
    rows = []
    for name, value in figures.items():
        known = [line[name] for line in before if name in line]
        change = ""
        if known:
            best = (max if WATCHED.get(name, 1) < 0 else min)(known)
            change = f"{value / known[-1] - 1:+7.1%} since the last, {value / best - 1:+7.1%} since the best"
        rows.append(f"{name:30s} {value:9.3f}  {change}".rstrip())
    return "\n".join(rows)


def worse(figures: dict[str, float], before: list[dict[str, Any]], tolerance: float) -> list[str]:
    """Names of the watched figures that got worse by more than a share."""
    found = []
    for name, sign in WATCHED.items():
        known = [line[name] for line in before if name in line]
        if known and (figures[name] / known[-1]) ** sign > 1 + tolerance:
            found.append(name)
    return found


def commit() -> str:
    """The short name of what is checked out, empty outside a repository."""
    command = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
