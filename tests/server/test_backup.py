"""Backing up and restoring, each in a process of its own as an administrator does it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILL = """
import tempfile
from pathlib import Path
from calcscope.server.people.models import Site
from exams import exam_read
exam_read(Site.objects.create(code="north", name="North"), Path(tempfile.mkdtemp()))
"""
ASK = """
from calcscope.server.exams.models import *
print(Exam.objects.count(), Image.objects.count(), all(each.path.exists() for each in Image.objects.all()))
"""


def manage(data: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """``calcscope manage`` over a data folder, with SQLite."""
    environment = {
        **os.environ,
        "CALCSCOPE_DATA": str(data),
        "CALCSCOPE_DATABASE_URL": f"sqlite:///{data}/calcscope.sqlite",
        "PYTHONPATH": f"{TESTS}:{TESTS / 'server'}",
        "DJANGO_SETTINGS_MODULE": "calcscope.server.settings",
    }
    run = [sys.executable, "-m", "calcscope.cli", "manage", *command]
    return subprocess.run(run, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data folder with one exam, and its backup."""
    data = tmp_path_factory.mktemp("data")
    backup = tmp_path_factory.mktemp("backups") / "one"
    for command in (["migrate", "-v", "0"], ["shell", "-v", "0", "-c", FILL], ["backup", str(backup)]):
        done = manage(data, *command)
        assert done.returncode == 0, done.stderr
    return data, backup


def test_a_new_server_begins_with_its_first_command_and_others_say_what_is_missing(tmp_path: Path) -> None:
    data = tmp_path / "srv" / "calcscope"
    early = manage(data, "site", "north")
    assert early.returncode == 1
    assert "found no database" in early.stderr
    assert "calcscope manage migrate" in early.stderr
    assert "Traceback" not in early.stderr
    begun = manage(data, "migrate", "-v", "0")
    assert begun.returncode == 0, begun.stderr
    assert manage(data, "site", "north").returncode == 0


def test_a_backup_comes_back_whole_into_an_empty_folder_alone(
    filled: tuple[Path, Path], tmp_path: Path
) -> None:
    data, backup = filled
    again = tmp_path / "again"
    done = manage(again, "restore", str(backup))
    assert done.returncode == 0, done.stderr
    assert manage(again, "shell", "-v", "0", "-c", ASK).stdout.strip() == "1 4 True"
    assert (again / "secret-key").read_text() == (data / "secret-key").read_text()
    refused = manage(again, "restore", str(backup))
    assert refused.returncode != 0
    assert "empty data folder" in refused.stderr


def test_a_backup_is_never_written_over_something(filled: tuple[Path, Path]) -> None:
    data, backup = filled
    refused = manage(data, "backup", str(backup))
    assert refused.returncode != 0
    assert "new folder" in refused.stderr


def test_a_damaged_backup_is_not_put_back(filled: tuple[Path, Path], tmp_path: Path) -> None:
    _data, backup = filled
    image = next((backup / "files" / "images").rglob("*.dcm"))
    whole = image.read_bytes()
    image.write_bytes(whole[:-1])
    try:
        refused = manage(tmp_path / "again", "restore", str(backup))
    finally:
        image.write_bytes(whole)
    assert refused.returncode != 0
    assert "missing or damaged" in refused.stderr
    assert not (tmp_path / "again" / "calcscope.sqlite").exists()
