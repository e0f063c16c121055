"""The strip beneath a picture: its scale bar, and what its marks mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from calcscope.report.canvas import RGB, Canvas, text_width
from calcscope.report.palette import ANATOMY, BORDER, EARLIER, LEFT_OUT, LOOSE, MIMIC, STRIP, TEXT

BARS_MM = (50, 20, 10, 5, 2, 1)
"""Lengths a scale bar may have; the longest that takes less than BAR_SHARE of the width is taken."""
BAR_SHARE = 0.25
SAMPLE = 30.0
"""Room for a mark's sample, pixels."""

Draw = Callable[[Canvas, float, float], None]


@dataclass(frozen=True)
class Entry:
    """Words in the strip, with a sample of the mark they explain drawn before them (or none)."""

    words: str
    sample: Draw | None = None

    def width(self, size: int) -> float:
        """Pixels the entry takes."""
        return text_width(self.words, size) + (SAMPLE if self.sample else 0)


def finding_entry(words: str, colour: str, thickness: int) -> Entry:
    """The line around a finding."""
    return Entry(words, lambda canvas, x, y: canvas.ellipse(x, y, (10, 8), 0, colour, thickness))


LOOSE_ENTRY = Entry("in no finding", lambda canvas, x, y: canvas.ellipse(x, y, (5, 5), 0, LOOSE))
MIMIC_ENTRY = Entry(
    "not a calcification",
    lambda canvas, x, y: canvas.dashes(square(x, y, 8), MIMIC, 4, closed=True),
)
LEFT_OUT_ENTRY = Entry(
    "not searched",
    lambda canvas, x, y: canvas.dashes(square(x, y, 8), LEFT_OUT, 3, closed=True),
)
EARLIER_ENTRY = Entry(
    "in an earlier exam",
    lambda canvas, x, y: canvas.dashes(square(x, y, 8), EARLIER, 4, closed=True),
)
MUSCLE_ENTRY = Entry(
    "pectoral muscle", lambda canvas, x, y: canvas.dashes(np.array([[x - 12, y], [x + 12, y]]), ANATOMY, 5)
)
BORDER_ENTRY = Entry(
    "breast border", lambda canvas, x, y: canvas.line(np.array([[x - 12, y], [x + 12, y]]), BORDER)
)


def square(x: float, y: float, half: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Corners of an upright square, (4, 2)."""
    return np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]]) * half + [x, y]


def strip(width: int, per_mm: float, entries: Sequence[Entry], size: int) -> RGB:
    """A strip ``width`` pixels wide: the scale bar, then the entries, as many lines as they need.

    Parameters
    ----------
    per_mm : drawn pixels for one mm
    size : height of the letters, pixels
    """
    gap, line = size * 1.0, size * 1.7
    bar_mm = next((each for each in BARS_MM if each * per_mm <= BAR_SHARE * width), BARS_MM[-1])
    bar = bar_mm * per_mm
    words = f"{bar_mm} mm"
    places = []
    x, y = gap + bar + gap / 2 + text_width(words, size) + 2 * gap, line / 2
    for entry in entries:
        if x + entry.width(size) > width - gap and x > gap:
            x, y = gap, y + line
        places.append((x, y, entry))
        x += entry.width(size) + 1.5 * gap
    canvas = Canvas.blank(width, round(y + line / 2), STRIP)
    _draw_bar(canvas, gap, line / 2, bar)
    canvas.text(gap + bar + gap / 2, line / 2 - size * 0.62, words, TEXT, size)
    for x, y, entry in places:
        if entry.sample:
            entry.sample(canvas, x + SAMPLE / 2 - 3, y)
        canvas.text(x + (SAMPLE if entry.sample else 0), y - size * 0.62, entry.words, TEXT, size)
    return canvas.finish()


def _draw_bar(canvas: Canvas, x: float, y: float, length: float) -> None:
    canvas.line(np.array([[x, y], [x + length, y]]), TEXT, 2)
    for end in (x, x + length):
        canvas.line(np.array([[end, y - 6], [end, y + 6]]), TEXT, 2)
