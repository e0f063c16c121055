"""Progress on the screen: how far, how fast, how long still; lines instead of a bar where nobody looks."""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINE_SECONDS = 60.0
RATE_SECONDS = 600.0
"""The rate is that of the last ten minutes: exams of one time take alike."""


class Bar:
    """A bar, or a line a minute where standard error is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[rate]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("listing", total=None, rate="")
        self._names, self._line = 0, 0.0
        self._moments: deque[tuple[float, int]] = deque()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def listed(self, names: int, exams: int) -> None:
        """So many names more were listed, with so many exams in all."""
        self._names += names
        words = f"listing: {self._names} files, {exams} exams"
        self._bar.update(self._task, description=words)
        self._say(words)

    def read(self, done: int, failed: int, waiting: int, running: int, workers: int) -> None:
        """Exams in all by state, and how many are read at once."""
        now = time.monotonic()
        self._moments.append((now, done + failed))
        while now - self._moments[0][0] > RATE_SECONDS:
            self._moments.popleft()
        rate = self._rate()
        left = f", {span(waiting / rate)} left" if rate and waiting else ""
        words = f"{rate * 3600:,.0f} exams an hour{left}, {workers} at once, {failed} failed"
        self._bar.update(
            self._task, description="reading", completed=done + failed, total=done + failed + waiting,
            rate=words,
        )  # fmt: skip
        self._say(f"{done + failed} of {done + failed + waiting} exams, {words}")

    def _rate(self) -> float:
        """Exams a second."""
        (since, before), (now, after) = self._moments[0], self._moments[-1]
        return (after - before) / (now - since) if now > since else 0.0

    def _say(self, words: str) -> None:
        now = time.monotonic()
        if not self._console.is_terminal and now - self._line > LINE_SECONDS:
            if self._line:
                self._console.print(words, highlight=False, soft_wrap=True)
            self._line = now


def span(seconds: float) -> str:
    """A time in the units that tell it: ``3 days 4 h``, ``25 min``, ``40 s``."""
    days, hours, minutes = int(seconds // 86400), int(seconds // 3600) % 24, int(seconds // 60) % 60
    if days:
        return f"{days} day{'s' if days > 1 else ''} {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
