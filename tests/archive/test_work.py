"""A worker leaves nothing on its disk, and ends over an exam that takes too long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from archives import exam
from machines import PATHS

from calcscope.archive.scratch import scratch_folder
from calcscope.archive.work import OVERTIME


def in_a_worker(program: str, **environment: str) -> subprocess.Popen[str]:
    """A program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": PATHS, **environment},
    )


def test_images_go_with_the_worker_that_fetched_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = """
    import time
    from calcscope.archive.scratch import scratch_folder
    with scratch_folder() as folder:
        (folder / "image.dcm").write_bytes(b"of a patient")
        print(folder, flush=True)
        time.sleep(600)
    """
    with in_a_worker(program, TMPDIR=str(tmp_path)) as worker:
        assert worker.stdout is not None
        theirs = Path(worker.stdout.readline().strip())
        with scratch_folder() as folder:
            assert folder.parent == theirs.parent
            assert folder.parent.stat().st_mode & 0o777 == 0o700
            assert (theirs / "image.dcm").exists()  # the worker lives
        assert not folder.exists()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    with scratch_folder():
        assert not theirs.exists()


def test_an_exam_that_takes_too_long_ends_its_worker(tmp_path: Path) -> None:
    exam(tmp_path / "exam", 1, ("RCC",), PatientComments="hang")
    program = f"""
    from calcscope.archive.ledger import Claim
    from calcscope.archive.sources import Place, source_of
    from calcscope.archive.work import Orders, read_exam
    source = source_of({str(tmp_path / "exam")!r})
    orders = Orders(source, b"k" * 32, reader="archive_reader:read", seconds=0.3)
    read_exam(orders, Claim(1, "EX-1", "1.2", (Place("00001-RCC.dcm"),)))
    """
    worker = in_a_worker(program)
    worker.communicate(timeout=60)
    assert worker.returncode == OVERTIME
