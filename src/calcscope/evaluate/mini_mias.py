"""The films of mini-MIAS that come with a table of circles, as images with truth.

The folder holds one PNG a film (1024 x 1024, 0.2 mm a pixel, mediolateral oblique, odd numbers left and even
ones right breasts) and ``truth.csv`` with the columns image, class, severity, x, y, radius: a circle around
each cluster of calcifications, in pixels of the film (J. Suckling et al., Excerpta Medica International
Congress Series 1069:375-378, 1994).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calcscope.errors import UnreadableInput
from calcscope.evaluate.froc import MarkedImage
from calcscope.exam import Exam, ReadOptions, read_exams
from calcscope.exam.model import Points
from calcscope.groups import Group
from calcscope.reading.view import ViewReading

PIXEL_MM = 0.2
SHARE_INSIDE = 0.5
LEAST_INSIDE = 3
"""See :meth:`Circle.is_hit_by`."""


@dataclass(frozen=True)
class Circle:
    """A marked cluster of calcifications: severity ``B`` or ``M``; centre and radius in film pixels."""

    severity: str
    x: float
    y: float
    radius: float

    def is_hit_by(self, centre: Points, members: Points) -> bool:
        """Whether a group marks this cluster.

        Its centre lies in the circle, or at least half of its members do and no fewer than three: a
        group may reach beyond the circle, which is drawn round the densest part of some clusters.

        Parameters
        ----------
        centre, members : (1, 2) and (n, 2) points of the film
        """
        inside = self._holds(members)
        enough = inside.sum() >= LEAST_INSIDE and inside.mean() >= SHARE_INSIDE
        return bool(self._holds(centre).any() or enough)

    def _holds(self, xy: Points) -> np.typing.NDArray[np.bool_]:
        return np.asarray(np.hypot(xy[:, 0] - self.x, xy[:, 1] - self.y) <= self.radius)


@dataclass(frozen=True)
class Film:
    """One film: its name, its class (``CALC``, ``NORM``, ``CIRC`` …), its circles, and the exam it makes.

    A film of class ``CALC`` without a circle shows calcifications everywhere.
    """

    name: str
    kind: str
    circles: tuple[Circle, ...]
    exam: Exam

    def marked(self, reading: ViewReading, groups: Sequence[Group]) -> MarkedImage:
        """The groups of a reading of this film as marks, scored by their probability."""
        marks: list[tuple[float, int | None]] = []
        for group in groups:
            centre = reading.orientation.to_source(np.array([[group.x, group.y]]))
            members = reading.orientation.to_source(reading.specks.xy[group.members])
            hits = [n for n, circle in enumerate(self.circles) if circle.is_hit_by(centre, members)]
            marks += [(group.probability, hit) for hit in hits]
            if not hits:
                marks.append((group.probability, None))
        return MarkedImage(tuple(marks), truths=len(self.circles), normal=self.kind == "NORM")


def read_films(folder: Path) -> list[Film]:
    """The films of a folder in the order of its table.

    Raises
    ------
    UnreadableInput : when the table is missing or names a film that cannot be read
    """
    table = folder / "truth.csv"
    if not table.is_file():
        raise UnreadableInput(
            str(folder), "no truth.csv", "a folder of films with truth.csv", "name the folder of the films"
        )
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    films = []
    for name in dict.fromkeys(row["image"] for row in rows):
        # Each film alone: read together, the two breasts of a woman would make one exam.
        exams, failures = read_exams([folder / f"{name}.png"], ReadOptions(pixel_mm=PIXEL_MM, view="MLO"))
        if not exams:
            raise UnreadableInput(str(table), f"{name}: {failures[0].reason}", "one PNG a film", "add it")
        own = [row for row in rows if row["image"] == name]
        circles = tuple(
            Circle(row["severity"], float(row["x"]), float(row["y"]), float(row["radius"]))
            for row in own
            if row["class"] == "CALC" and row["x"]
        )
        films.append(Film(name, own[0]["class"], circles, exams[0]))
    return films
