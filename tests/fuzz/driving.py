"""Damaged inputs given to readers in processes apart; what goes wrong is kept as small as can be."""

from __future__ import annotations

import json
import os
import pickle
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from fuzz.mutations import Damaged, damaged
from fuzz.seeds import SECRETS

WORKER = Path(__file__).with_name("worker.py")
MEMORY = 1 << 30
"""Bytes that one input may make a reader ask for beyond what it holds before."""
SECONDS = 20.0
"""Time on the clock for one input; a machine at work takes a hundred times the 10 ms of most."""
CPU_SECONDS = 5.0
"""Time of the processor for one input."""
LEAK = 64 << 20
"""Bytes that a process may hold more at its end than when every library was loaded."""
TRIES = 150
"""Smaller inputs tried for each fault."""


@dataclass
class Fault:
    """An input that was not answered, and why."""

    number: int
    input: Damaged
    kind: str
    words: str

    @property
    def place(self) -> str:
        """What tells one fault from another: the kind and the last line of the library's own code."""
        lines = [line.strip() for line in self.words.splitlines() if "/calcscope/" in line]
        return f"{self.kind}: {lines[-1] if lines else self.words[:120]}"


@dataclass
class Tally:
    """What a run came to."""

    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    unforeseen: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    slowest: float = 0.0
    most_memory: int = 0
    leaks: list[str] = field(default_factory=list)


class Died(Exception):
    """A worker that ended, or had to be ended, before it answered."""

    def __init__(self, kind: str, words: str) -> None:
        self.kind, self.words = kind, words
        super().__init__(kind, words)


class Worker:
    """A process that answers."""

    def __init__(self, run: int, folder: Path, memory: int = MEMORY, engine_every: int = 0) -> None:
        self.folder = folder
        command = [sys.executable, str(WORKER), str(run), str(folder), str(memory), str(engine_every)]
        environment = {
            **os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1",
        }  # fmt: skip
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=0
        )
        self._left = b""
        try:
            self.first: dict[str, Any] = self._line(120)
        except Died as death:
            raise RuntimeError(f"the fuzzer's worker did not start: {death.words}") from None

    def ask(self, what: int | str | Path, seconds: float = SECONDS) -> dict[str, Any]:
        """The answer to an input, by its number or the path of a pickled one; or to ``held``."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n".encode())
        return self._line(seconds)

    def _line(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        while b"\n" not in self._left:
            ready, _, _ = select.select([self._process.stdout], [], [], seconds)
            if not ready:
                self.end()
                raise Died("hang", f"no answer in {seconds:g} s")
            content = os.read(self._process.stdout.fileno(), 1 << 16)
            if not content:
                code = self._process.wait()
                name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
                printed = (self.folder / "printed").read_text(encoding="utf-8", errors="replace")[-2000:]
                raise Died("crash", f"{name}\n{printed}")
            self._left += content
        line, self._left = self._left.split(b"\n", 1)
        return dict(json.loads(line))

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def faults_of(answer: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Kind and words of each fault of an answer."""
    for words in answer["faults"]:
        yield ("message" if words.startswith("patient") else "fault"), words
    if answer["seconds"] > CPU_SECONDS:
        yield "slow", f"{answer['seconds']:.1f} s of processor time"


def fuzz(
    run: int, numbers: Iterator[int], folder: Path, tally: Tally, lock: Any, engine_every: int = 0
) -> None:
    """Have inputs read by one worker until there are no more; started anew where it dies."""
    worker: Worker | None = None
    for number in numbers:
        try:
            worker = worker or Worker(run, folder, engine_every=engine_every)
            answer = worker.ask(number)
        except Died as death:
            worker = None
            answer = {"outcome": "fault", "faults": [], "unforeseen": [], "seconds": 0, "grown": 0}
            answer["faults"] = [f"{death.kind}: {death.words}"]
        with lock:
            tally.inputs += 1
            tally.outcomes[answer["outcome"]] += 1
            tally.unforeseen.update(answer["unforeseen"])
            tally.slowest = max(tally.slowest, answer["seconds"])
            tally.most_memory = max(tally.most_memory, answer["grown"])
            for kind, words in faults_of(answer):
                tally.faults.append(Fault(number, damaged(run, number), kind, words))
    if worker is not None:
        with lock:
            tally.leaks += _leaks(worker)
        worker.end()
    printed = (folder / "printed").read_text(encoding="utf-8", errors="replace") if folder.exists() else ""
    with lock:
        tally.leaks += [f"patient data printed by {folder.name}" for each in SECRETS[:4] if each in printed]


def _leaks(worker: Worker) -> list[str]:
    first, last = worker.first, worker.ask("held")
    found = [
        f"{last[what] - first[what]} more {what} held open"
        for what in ("files", "threads")
        if last[what] > first[what]
    ]
    if last["rss"] - first["rss"] > LEAK:
        found.append(f"{(last['rss'] - first['rss']) >> 20} MiB more held")
    return found


def run_all(
    run: int, count: int, folder: Path, workers: int = 2, engine_every: int = 0, first: int = 0
) -> Tally:
    """Inputs ``first`` to ``first + count`` of a run, by several workers beside one another."""
    tally, lock = Tally(), threading.Lock()
    numbers = iter(range(first, first + count))
    with ThreadPoolExecutor(workers) as pool:
        running = [
            pool.submit(
                fuzz, run, _shared(numbers, lock), folder / f"worker{place}", tally, lock, engine_every
            )
            for place in range(workers)
        ]
    for each in running:
        each.result()
    return tally


def _shared(numbers: Iterator[int], lock: Any) -> Iterator[int]:
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            return
        yield number


def minimised(fault: Fault, folder: Path) -> Damaged:
    """A smaller input with the same fault: pieces are cut out as long as it stays."""
    kept = fault.input
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    worker: Worker | None = None
    tries = 0
    size = max(len(kept.content) // 2, 1)
    while size >= 1 and tries < TRIES:
        at = 0
        while at < len(kept.content) and tries < TRIES:
            smaller = kept.holding(kept.content[:at] + kept.content[at + size :])
            tries += 1
            (folder / "try.pickle").write_bytes(pickle.dumps(smaller))
            try:
                worker = worker or Worker(0, folder / "worker")
                answer = worker.ask(folder / "try.pickle", 5)
                found = list(faults_of(answer))
            except Died as death:
                worker = None
                found = [("fault", f"{death.kind}: {death.words}")]
            same = any(Fault(0, smaller, kind, words).place == fault.place for kind, words in found)
            if same:
                kept = smaller
            else:
                at += size
        size //= 2
    if worker is not None:
        worker.end()
    return kept


def save(fault: Fault, small: Damaged, folder: Path, number: int) -> Path:
    """Keep a failing input: its files, and what is wrong with it."""
    place = folder / f"{number:03}"
    for name, content in small.files:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    words = f"{fault.kind}\nmade from {small.seed} by {', '.join(small.done)}\n\n{fault.words}\n"
    (place / "why.txt").write_text(words, encoding="utf-8")
    return place
