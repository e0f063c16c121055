"""What every dataset is read into: images with marked groups, marked calcifications and labels.

Places are pixels of the source image, (x, y) = (column, row), 0-based. A dataset is a list of
:class:`MarkedView`, cheap to hold: images are opened one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from skimage.measure import points_in_poly

from calcscope.errors import UnreadableInput
from calcscope.evaluate.froc import MarkedImage
from calcscope.evaluate.match import marked_specks, match
from calcscope.evaluate.overlap import Overlap, outline_overlap
from calcscope.exam import Exam, ReadOptions, read_exams
from calcscope.exam.model import Points
from calcscope.groups import Group
from calcscope.reading.view import ViewReading

SHARE_INSIDE = 0.5
LEAST_INSIDE = 3
"""See :func:`is_hit`."""


class Region(Protocol):
    """Where a group was marked."""

    def holds(self, xy: Points) -> NDArray[np.bool_]:
        """Which of (n, 2) points lie in it, (n,)."""


@dataclass(frozen=True)
class Circle:
    """A circle by its centre and radius, pixels."""

    x: float
    y: float
    radius: float

    def holds(self, xy: Points) -> NDArray[np.bool_]:
        """Which points lie in the circle or on its rim."""
        return np.asarray(np.hypot(xy[:, 0] - self.x, xy[:, 1] - self.y) <= self.radius)


@dataclass(frozen=True)
class Box:
    """An upright box, pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, xy: Points) -> NDArray[np.bool_]:
        """Which points lie in the box or on its border."""
        across = (xy[:, 0] >= self.left) & (xy[:, 0] <= self.right)
        return np.asarray(across & (xy[:, 1] >= self.top) & (xy[:, 1] <= self.bottom))


@dataclass(frozen=True)
class Outline:
    """A closed outline, (n, 2) vertices, pixels."""

    vertices: Points = field(compare=False)

    def holds(self, xy: Points) -> NDArray[np.bool_]:
        """Which points lie in the outline."""
        return np.asarray(points_in_poly(xy, self.vertices), dtype=np.bool_)  # type: ignore[no-untyped-call]


def is_hit(region: Region, centre: Points, members: Points) -> bool:
    """Whether a group marks this region.

    Its centre lies in it, or at least half of its members do and no fewer than three: a group may reach
    beyond what was marked, which is the densest part of some clusters.

    Parameters
    ----------
    centre, members : (1, 2) and (n, 2) points of the source image
    """
    inside = region.holds(members)
    enough = inside.sum() >= LEAST_INSIDE and inside.mean() >= SHARE_INSIDE
    return bool(region.holds(centre).any() or enough)


@dataclass(frozen=True)
class MarkedGroup:
    """A marked group of calcifications.

    Parameters
    ----------
    region : where
    shape, distribution : the reader's word as a level of :mod:`calcscope.evaluate.cbis_ddsm`, or None
    malignant : what it turned out to be, None where nobody knows or worked it up
    """

    region: Region
    shape: str | None = None
    distribution: str | None = None
    malignant: bool | None = None


@dataclass(frozen=True)
class MarkedSpeck:
    """A marked calcification: its middle, the radius of a disc of its area, its outline where one was drawn,
    (n, 2), pixels, and of a simulated one the ideal observer's SNR and the number of the object it is part of
    (calcifications that touch in the image are one object to a reader; None: an object by itself)."""

    x: float
    y: float
    radius: float = 0.0
    outline: Points | None = field(default=None, compare=False)
    snr: float | None = None
    object: int | None = None


@dataclass(frozen=True)
class MarkedView:
    """One image of a dataset and what is known of it.

    Parameters
    ----------
    name, woman : of the image, and of whom it is (what keeps women apart)
    path, options : the file, and what is known that the file does not say
    groups : the marked groups
    specks : the marked calcifications; None where single ones were not marked
    normal : nothing is on it that a mark could be true of
    calcified : whether the breast has a calcification lesion, None where that is not said
    malignant : whether its breast turned out to have cancer, None where that is not known
    stored : (rows, columns) that the image must have for the marks to fit, None where that is not said
    """

    name: str
    woman: str
    path: Path
    options: ReadOptions
    groups: tuple[MarkedGroup, ...] = ()
    specks: tuple[MarkedSpeck, ...] | None = None
    normal: bool = False
    calcified: bool | None = None
    malignant: bool | None = None
    stored: tuple[int, int] | None = None

    def exam(self) -> Exam:
        """The image as an exam of one view: read together, the two breasts of a woman would make one exam.

        Raises UnreadableInput when it cannot be read or is not of the stored size.
        """
        exams, failures = read_exams([self.path], self.options)
        if not exams:
            found = failures[0].reason if failures else "nothing"
            raise UnreadableInput(str(self.path), found, "a mammogram", "fetch the dataset anew")
        info = exams[0].views[0].info
        if self.stored not in (None, (info.rows, info.columns)):
            found = f"{info.rows} × {info.columns} pixels"
            expected = "{} × {} pixels, on which it was marked".format(*self.stored or ())
            raise UnreadableInput(str(self.path), found, expected, "convert it without scaling or cropping")
        return exams[0]

    def marked(self, reading: ViewReading, groups: Sequence[Group]) -> MarkedImage:
        """The groups of a reading as marks, scored by their probability."""
        marks: list[tuple[float, int | None]] = []
        for group in groups:
            hits = self.hit_by(reading, group)
            marks += [(group.probability, hit) for hit in hits] or [(group.probability, None)]
        return MarkedImage(tuple(marks), truths=len(self.groups), normal=self.normal)

    def hit_by(self, reading: ViewReading, group: Group) -> list[int]:
        """The marked groups that a group of the reading hits."""
        centre = reading.orientation.to_source(np.array([[group.x, group.y]]))
        members = reading.orientation.to_source(reading.specks.xy[group.members])
        return [n for n, marked in enumerate(self.groups) if is_hit(marked.region, centre, members)]

    def marked_singly(self, reading: ViewReading) -> MarkedImage | None:
        """The calcifications of a reading as marks, None where single ones were not marked."""
        if self.specks is None:
            return None
        marks, truths, radii = self._in_mm(reading, self.specks)
        return marked_specks(marks, reading.specks.probability, truths, radii, normal=self.normal)

    def as_objects(self, singly: MarkedImage) -> MarkedImage:
        """What :meth:`marked_singly` gave, where those that touch are one object, hit by a mark on any."""
        place = {speck: k for k, members in enumerate(self.objects) for speck in members}
        marks = tuple((score, None if hit is None else place[hit]) for score, hit in singly.marks)
        return MarkedImage(marks, truths=len(self.objects), normal=self.normal)

    @property
    def objects(self) -> list[list[int]]:
        """The members of each object among ``specks``, by index."""
        members: dict[int | str, list[int]] = {}
        for n, speck in enumerate(self.specks or ()):
            members.setdefault(f"alone {n}" if speck.object is None else speck.object, []).append(n)
        return list(members.values())

    def overlaps(self, reading: ViewReading) -> list[Overlap]:
        """Agreement of the outlines of calcifications that were found and outlined."""
        specks = self.specks or ()
        found = match(*self._in_mm(reading, specks))
        pairs = [(mark, specks[n].outline) for mark, n in enumerate(found) if n >= 0]
        return [
            outline_overlap(
                reading.orientation.to_source(reading.specks.outlines[mark]), drawn, reading.info.pixel_mm
            )
            for mark, drawn in pairs
            if drawn is not None
        ]

    @staticmethod
    def _in_mm(
        reading: ViewReading, specks: Sequence[MarkedSpeck]
    ) -> tuple[Points, Points, NDArray[np.float64]]:
        """Centres of the reading's calcifications, centres and radii of the marked ones, mm."""
        pixel_mm = reading.info.pixel_mm
        truths = np.array([(s.x, s.y) for s in specks], dtype=np.float64).reshape(-1, 2)
        marks = reading.orientation.to_source(reading.specks.xy)
        radii = np.array([speck.radius for speck in specks], dtype=np.float64)
        return marks * pixel_mm, truths * pixel_mm, radii * pixel_mm


def verdict(groups: Sequence[MarkedGroup]) -> bool | None:
    """Whether any of the groups is malignant; None where of none it is known to be and of some nothing is."""
    known = [group.malignant for group in groups]
    return True if True in known else False if known and None not in known else None
