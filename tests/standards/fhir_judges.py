"""Programs from npm that judge FHIR R4 resources: Medplum's validator and Lantana's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest
from outside import TIMEOUT, program

HERE = Path(__file__).parent / "fhir"


def install(cache: Path) -> Path:
    """The judges in a folder of their own below ``cache``, once for each pair of versions.

    Skips the test where they cannot be had, and fails it for that on CI.
    """
    wanted = (HERE / "package.json").read_bytes()
    folder = cache / "judges"
    if not (folder / "package.json").is_file() or (folder / "package.json").read_bytes() != wanted:
        new = cache / f"new-{uuid4().hex}"
        new.mkdir(parents=True)
        (new / "package.json").write_bytes(wanted)
        command = [
            program("npm"),
            "install",
            "--ignore-scripts",
            "--no-package-lock",
            "--no-audit",
            "--no-fund",
        ]
        done = subprocess.run(command, cwd=new, capture_output=True, text=True, timeout=TIMEOUT)
        if done.returncode != 0:
            shutil.rmtree(new)
            if os.environ.get("CI") == "true":
                pytest.fail(f"npm could not install the FHIR judges: {done.stderr[-300:]}")
            pytest.skip("npm could not install the FHIR judges")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            new.rename(folder)
        except OSError:  # another worker was quicker
            shutil.rmtree(new)
    shutil.copy(HERE / "judge.mjs", folder)
    return folder


def faults(folder: Path, *files: Path) -> dict[str, list[str]]:
    """What the judges find wrong with bundles, by file name."""
    command = [program("node"), "judge.mjs", *(str(file.resolve()) for file in files)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr[-2000:]
    judged = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(judged) == len(files)
    return {Path(each["file"]).name: each["faults"] for each in judged}
