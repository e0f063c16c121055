"""Whatever arrives is answered by a result or a named error: 1,000 damaged inputs, the same ones each time.

``benchmarks/fuzz.py`` gives as many as are wanted, others for each run.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.driving import MEMORY, SECONDS, Died, Worker, faults_of, minimised, run_all, save
from fuzz.mutations import damaged
from fuzz.seeds import seeds

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory and looks into /proc")

INPUTS, RUN = 1000, 7


def test_damaged_inputs_are_answered_without_crash_hang_leak_or_patient_data(tmp_path: Path) -> None:
    tally = run_all(RUN, INPUTS, tmp_path, workers=1)
    for number, fault in enumerate(tally.faults[:3]):
        kept = save(fault, minimised(fault, tmp_path / "smaller"), tmp_path / "faults", number)
        print(f"number {fault.number}, kept in {kept}\n{fault.words}")
    assert [fault.place for fault in tally.faults] == []
    assert tally.leaks == []
    assert tally.inputs == INPUTS
    # Damages that damage nothing, or everything, would show nothing.
    assert tally.outcomes["read"] > INPUTS / 10
    assert tally.outcomes["refused"] > INPUTS / 4


def test_an_input_is_the_same_each_time_and_another_in_each_run() -> None:
    numbers = range(len(seeds()))
    first = [damaged(1, number) for number in numbers]
    assert first == [damaged(1, number) for number in numbers]
    other = [damaged(2, number) for number in numbers]
    assert sum(one.content != two.content for one, two in zip(first, other, strict=True)) > len(first) / 2


def test_what_kills_or_stops_a_reader_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch itself: a reader that dies, hangs, or takes more memory than it may is a fault."""
    script = tmp_path / "worker.py"
    for words, kind in [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crash"),
        ("import time; time.sleep(60)", "hang"),
    ]:
        script.write_text(f"print('{{}}', flush=True)\ninput()\n{words}\n", encoding="utf-8")
        monkeypatch.setattr("fuzz.driving.WORKER", script)
        (tmp_path / "printed").touch()
        with Worker(1, tmp_path) as worker, pytest.raises(Died) as death:
            worker.ask(0, seconds=1)
        assert death.value.kind == kind
    answer = {"faults": ["patient data in a message: 'x'"], "seconds": 60.0}
    assert [kind for kind, _ in faults_of(answer)] == ["message", "slow"]
    assert MEMORY <= 1 << 30
    assert SECONDS <= 30


def test_a_short_run_led_by_coverage(tmp_path: Path) -> None:
    """The harness of ``coverage_guided.py`` works; a run that finds something takes hours."""
    pytest.importorskip("atheris", reason="python -m pip install atheris")
    script = Path(__file__).with_name("coverage_guided.py")
    command = [sys.executable, str(script), "-runs=200", "-max_len=60000", str(tmp_path / "corpus")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr
