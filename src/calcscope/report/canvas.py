"""Drawing on an image: thin anti-aliased marks placed to a fraction of a pixel, text that stays readable."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from calcscope.exam.model import Points
from calcscope.report.palette import TEXT, rgb

RGB = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, drawn pixels."""

SHIFT = 4
"""OpenCV takes whole numbers with this many bits after the point: a sixteenth of a pixel."""

SMALL = 30
"""Letters up to this size, pixels, get a thin dark edge, larger ones a thick one."""


class Canvas:
    """An RGB image (rows, columns, 3) of 8 bits to draw on.

    Lines go onto ``image`` at once; text is kept and laid over them by :meth:`finish`.
    """

    def __init__(self, image: RGB) -> None:
        self.image = np.ascontiguousarray(image)
        self._texts: list[tuple[float, float, str, str, int]] = []
        self._taken: list[Box] = []

    @classmethod
    def blank(cls, width: int, height: int, colour: str) -> Canvas:
        """A canvas of one colour."""
        return cls(np.full((height, width, 3), rgb(colour), np.uint8))

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.image.shape[0])

    def line(self, points: Points, colour: str, thickness: int = 1, *, closed: bool = False) -> None:
        """A polyline through (n, 2) points."""
        fixed = np.rint(np.asarray(points) * (1 << SHIFT)).astype(np.int32)
        cv2.polylines(self.image, [fixed], closed, rgb(colour), thickness, cv2.LINE_AA, SHIFT)

    def dashes(
        self, points: Points, colour: str, dash: float, *, closed: bool = False, thickness: int = 1
    ) -> None:
        """A dashed polyline, dashes and gaps ``dash`` pixels long."""
        points = np.asarray(points, dtype=np.float64)
        if closed:
            points = np.vstack([points, points[:1]])
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        for start in np.arange(0, along[-1], 2 * dash):
            # The corners inside a dash are kept, so that dashes follow the line.
            inside = along[(along > start) & (along < start + dash)]
            at = np.concatenate([[start], inside, [min(start + dash, along[-1])]])
            self.line(
                np.stack([np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])], 1),
                colour,
                thickness,
            )

    def ellipse(
        self, x: float, y: float, half: tuple[float, float], degrees: float, colour: str, thickness: int = 1
    ) -> None:
        """An ellipse of two half axes, the first turned by ``degrees`` from +x towards +y."""
        one = 1 << SHIFT
        cv2.ellipse(
            self.image,
            (round(x * one), round(y * one)),
            (round(half[0] * one), round(half[1] * one)),
            degrees,
            0,
            360,
            rgb(colour),
            thickness,
            cv2.LINE_AA,
            SHIFT,
        )

    def keep_clear(self, box: Box) -> None:
        """Labels placed later stay out of this box."""
        self._taken.append(box)

    def text(self, x: float, y: float, words: str, colour: str = TEXT, size: int = 22) -> float:
        """Text whose top left corner is (x, y); returns its width."""
        self._texts.append((x, y, words, colour, size))
        return text_width(words, size)

    def label(self, box: Box, words: str, colour: str, size: int, *, always: bool) -> None:
        """Text beside a mark's box where it covers no other mark or label.

        Where no place is free it is left out, or with ``always`` put where it covers least.
        """
        width, height = text_width(words, size), size * 1.15
        left, top, right, bottom = box
        gap = size * 0.3
        middle_x, middle_y = (left + right - width) / 2, (top + bottom - height) / 2
        corners = [
            (right + gap, middle_y),
            (left - gap - width, middle_y),
            (middle_x, top - gap - height),
            (middle_x, bottom + gap),
            (right + gap, top - gap - height),
            (left - gap - width, top - gap - height),
            (right + gap, bottom + gap),
            (left - gap - width, bottom + gap),
        ]
        places = [(x, y, x + width, y + height) for x, y in corners]
        costs = [self._covered(place) for place in places]
        best = int(np.argmin(costs))
        if costs[best] > 0 and not always:
            return
        self.text(places[best][0], places[best][1], words, colour, size)
        self.keep_clear(places[best])

    def _covered(self, place: Box) -> float:
        """Area of what is taken that a text would cover, and of the text outside the image."""
        left, top, right, bottom = place
        inside = max(min(right, self.width) - max(left, 0), 0) * max(
            min(bottom, self.height) - max(top, 0), 0
        )
        outside = (right - left) * (bottom - top) - inside
        return 10 * outside + sum(_overlap(place, taken) for taken in self._taken)

    def finish(self) -> RGB:
        """The image with its text."""
        if not self._texts:
            return self.image
        picture = Image.fromarray(self.image)
        draw = ImageDraw.Draw(picture)
        for x, y, words, colour, size in self._texts:
            # A dark edge keeps letters readable on white tissue.
            edge = 2 if size > SMALL else 1
            draw.text((x, y), words, fill=colour, font=_font(size), stroke_width=edge, stroke_fill="#000000")
        return np.asarray(picture)


def text_width(words: str, size: int) -> float:
    """Width of a line of text, pixels."""
    return float(_font(size).getlength(words))


def grown(points: Points, margin: float) -> Points:
    """Convex hull of (n, 2) points with room of ``margin`` around it, rounded corners."""
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = margin * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    cloud = (np.asarray(points)[:, None, :] + circle[None, :, :]).reshape(-1, 2).astype(np.float32)
    return np.asarray(cv2.convexHull(cloud)[:, 0, :], dtype=np.float64)


def box_of(points: Points) -> Box:
    """The box around (n, 2) points."""
    left, top = np.min(points, axis=0)
    right, bottom = np.max(points, axis=0)
    return float(left), float(top), float(right), float(bottom)


def _overlap(a: Box, b: Box) -> float:
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)


@lru_cache(maxsize=16)
def _font(size: int) -> Any:
    # Pillow's own typeface: there wherever Pillow is, whatever fonts the machine has. It knows ASCII,
    # the middle dot and little else.
    return ImageFont.load_default(size)
