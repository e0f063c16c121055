"""Views read side by side: all of them, in order, whatever becomes of a process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import cv2
import pytest

from calcscope.reading import Workers, workers

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux reads in processes of its own")


def _meeting(folder: Path, wait: float = 20.0) -> None:
    """Returns when two have come here."""
    (folder / f"{os.getpid()}-{threading.get_ident()}").touch()
    end = time.monotonic() + wait
    while len(list(folder.iterdir())) < 2:
        assert time.monotonic() < end, "nobody else came"
        time.sleep(0.01)


@pytest.mark.parametrize("count", [0, 1, 2, 4, 255])
@pytest.mark.parametrize("processes", [False, True])
def test_each_view_is_read_once_and_told_in_order(count: int, processes: bool, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()

    def read(view: int) -> tuple[int, str]:
        with log.open("a") as file:
            file.write(f"{view}\n")
        return view, "x" * 100_000  # more than a pipe holds

    views = list(range(count))
    assert Workers(2, processes).read(read, views) == [(view, "x" * 100_000) for view in views]
    assert sorted(map(int, log.read_text().split())) == views


@linux
def test_two_processes_read_at_once(tmp_path: Path) -> None:
    def read(view: int) -> tuple[int, int]:
        _meeting(tmp_path)
        return os.getpid(), cv2.getNumThreads()

    found = Workers(processes=True).read(read, [0, 1])
    assert os.getpid() in [process for process, _ in found]
    assert len({process for process, _ in found}) == 2
    assert [threads for _, threads in found] == [1, 1]


def test_two_threads_read_at_once(tmp_path: Path) -> None:
    switch, threads = sys.getswitchinterval(), cv2.getNumThreads()

    def read(view: int) -> tuple[int, int]:
        _meeting(tmp_path)
        return os.getpid(), threading.get_ident()

    found = Workers().read(read, [0, 1])
    assert {process for process, _ in found} == {os.getpid()}
    assert len({thread for _, thread in found}) == 2
    assert (sys.getswitchinterval(), cv2.getNumThreads()) == (switch, threads)


@linux
def test_what_a_process_that_dies_had_taken_is_read_again() -> None:
    parent = os.getpid()

    def read(view: int) -> int:
        if os.getpid() != parent:
            os.kill(os.getpid(), 9)
        time.sleep(0.05)
        return view

    assert Workers(processes=True).read(read, range(6)) == list(range(6))


@linux
def test_a_process_that_comes_to_no_end_is_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LEAST_PATIENCE_SECONDS", 1.0)
    parent = os.getpid()

    def read(view: int) -> int:
        time.sleep(0.02 if os.getpid() == parent else 600)
        return view

    assert Workers(processes=True).read(read, range(6)) == list(range(6))


@linux
def test_where_no_process_is_to_be_had_one_reads_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", none_left)
    files = len(os.listdir("/proc/self/fd"))
    assert Workers(processes=True).read(str, range(3)) == ["0", "1", "2"]
    assert len(os.listdir("/proc/self/fd")) == files


@linux
def test_half_a_result_counts_as_none() -> None:
    parent = os.getpid()

    def read(view: int) -> object:
        time.sleep(0.05)
        return view if os.getpid() == parent else (view, threading.Lock())  # which cannot be sent

    assert Workers(processes=True).read(read, range(4)) == list(range(4))


@linux
def test_an_error_is_raised_here_and_leaves_no_process() -> None:
    def read(view: int) -> int:
        time.sleep(0.05)
        if view == 2:
            raise KeyError("view")
        return view

    before = _children()
    with pytest.raises(KeyError):
        Workers(processes=True).read(read, range(4))
    assert _children() <= before


@linux
def test_no_process_outlives_the_one_that_reads(tmp_path: Path) -> None:
    script = f"""
        import os, time
        from pathlib import Path
        from calcscope.reading import Workers, workers
        def read(view):
            Path({str(tmp_path)!r}, str(os.getpid())).touch()
            time.sleep(60)
        Workers(processes=True).read(read, [0, 1])
    """
    reading = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    try:
        end = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2:
            assert time.monotonic() < end
            assert reading.poll() is None
            time.sleep(0.02)
    finally:
        reading.kill()
        reading.wait()
    end = time.monotonic() + 20
    for process in (int(one.name) for one in tmp_path.iterdir()):
        while _alive(process):
            assert time.monotonic() < end, "it lives on"
            time.sleep(0.02)


def _children() -> set[str]:
    """Of this thread."""
    return set(Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split())


def _alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in ("Z", "X")
