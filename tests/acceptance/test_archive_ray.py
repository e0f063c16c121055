"""The installed command on a real Ray of two machines: the driver killed again and again, then a machine.

The engine reads; the images are small. Each exam is in the tables once, whatever was killed.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hospital_network import wait_for
from running import COMMAND

sys.path.insert(0, str(Path(__file__).parents[1] / "archive"))
from archives import READER, column, exam, files_there, study
from machines import SETTINGS, machines

from calcscope.archive.ledger import Ledger, exam_name
from calcscope.archive.parts import manifest_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
]

KILLS = 3


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in which the workers note what they read."""
    return tmp_path_factory.mktemp("noted") / "read"


@pytest.fixture(scope="module")
def two_machines(noted: Path) -> Iterator[Any]:
    """Ray on two machines of one core."""
    with machines(noted) as made:
        yield made


def start(where: Path, out: Path, address: str, noted: Path) -> subprocess.Popen[str]:
    """``calcscope archive read``, running."""
    command = [COMMAND, "archive", "read", where, "--out", out, "--ray", address, "--reader", READER]
    environment = {**os.environ, **SETTINGS, "ARCHIVE_READ": str(noted), "COLUMNS": "200"}
    return subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def done(out: Path) -> int:
    """Exams that the ledger has as done."""
    path = out / "ledger" / "archive.sqlite3"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM exam WHERE state = 'done'").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def expect(out: Path, numbers: list[int]) -> None:
    """Exactly these exams are in the tables, each once, and no file that does not count."""
    ledger = Ledger(out, writes=False)
    secret = ledger.key()
    ledger.close()
    assert sorted(column(out, "exams", "exam")) == sorted(exam_name(secret, study(n)) for n in numbers)
    assert sorted(column(out, "reports", "exam")) == sorted(column(out, "exams", "exam"))
    assert files_there(out) == {name for names in manifest_of(out)["tables"].values() for name in names}


def test_the_driver_is_killed_again_and_again(tmp_path: Path, two_machines: Any, noted: Path) -> None:
    where, out, count = tmp_path / "archive", tmp_path / "out", 40
    for number in range(count):
        exam(where, number, ("RCC",), PatientComments="slow", day=f"20{20 + number % 3}0101")
    chance = random.Random(9)
    for kill in range(1, KILLS + 1):
        process = start(where, out, two_machines.address, noted)
        wait_for(lambda goal=kill * count // (KILLS + 2): done(out) >= goal, 60, "the reading")
        time.sleep(chance.random() / 5)
        assert process.poll() is None
        process.kill()
        process.communicate()
    before = done(out)
    assert before < count
    process = start(where, out, two_machines.address, noted)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert f"{count} exams read, 0 failed, 0 files not taken" in said
    expect(out, list(range(count)))
    read = Counter(noted.read_text().split())
    assert set(read) == {study(number) for number in range(count)}
    # No more is read again than was on its way when it was killed.
    assert read.total() <= count + KILLS * 4


def test_one_of_two_machines_is_killed(tmp_path: Path, two_machines: Any, noted: Path) -> None:
    where, out, count = tmp_path / "archive", tmp_path / "out", 24
    for number in range(count):
        comment = {5: "die once", 7: "die"}.get(number, "slow")
        exam(where, number, ("RCC",), PatientComments=comment)
    noted.unlink(missing_ok=True)
    process = start(where, out, two_machines.address, noted)
    wait_for(lambda: done(out) >= 9, 60, "the reading")
    (other,) = two_machines.worker_nodes
    two_machines.remove_node(other, allow_graceful=False)
    assert done(out) < count - 1
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert f"{count - 1} exams read, 1 failed, 0 files not taken" in said
    assert not errors.replace("\n", " ").strip() or re.search("exams an hour", errors)
    expect(out, [number for number in range(count) if number != 7])
    read = Counter(noted.read_text().split())
    assert read[study(5)] >= 2
    assert read[study(7)] >= 3
    failed = subprocess.run(
        [COMMAND, "archive", "failed", "--archive", out, "--where"], capture_output=True, text=True,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert failed.returncode == 1
    assert "00007-RCC.dcm" in failed.stdout
    assert "the worker died: of memory, of a fault in a decoder, or it took too long (tried 3 times)" in (
        failed.stdout
    )
