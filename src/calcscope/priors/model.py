"""What a comparison looks at, and what it answers.

A change maps one to one to ``findings[].change`` of the report: ``status``, ``numbers``, ``interval``,
``detection_limit``; beside them the words for the reader and, where nothing could be said, the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from calcscope import lexicon
from calcscope.breast.model import Breast
from calcscope.describe.model import GroupDescription
from calcscope.exam.model import Float, Points, ViewInfo
from calcscope.groups.model import Group
from calcscope.specks.catalogue import SpeckCatalogue

Index = NDArray[np.intp]
Numbers = NDArray[np.float64]

LISTED = 0.05
"""Least probability of the marks that are compared: what is faint in one exam may be plain in the other."""

LIKELY = 0.25
"""Least probability of a mark that is counted, and that tells how far apart calcifications lie."""

Status = Literal[
    "new", "resolved", "more", "fewer", "larger", "smaller", "wider", "denser", "changed_morphology",
    "changed_distribution", "unchanged", "not_comparable",
]  # fmt: skip

Turned = tuple[str, str, str]
"""``changed_morphology`` or ``changed_distribution``, the term then and the term now."""


class Viewed(Protocol):
    """What one view shows: a :class:`calcscope.reading.view.ViewReading` is one."""

    @property
    def info(self) -> ViewInfo: ...
    @property
    def breast(self) -> Breast: ...
    @property
    def specks(self) -> SpeckCatalogue: ...
    @property
    def groups(self) -> tuple[Group, ...]: ...
    @property
    def descriptions(self) -> tuple[GroupDescription, ...]: ...


class Laid(Protocol):
    """Where places of the current view lie in the earlier one: a
    :class:`calcscope.priors.register.Registration` is one. Points are canonical pixels, (n, 2)."""

    def to_prior(self, xy: Points) -> Points: ...
    def error_at(self, xy: Points) -> NDArray[np.float64]: ...


@dataclass(frozen=True)
class Ground:
    """What specks stand out from, over a view (canonical orientation), on equalised grey levels.

    Parameters
    ----------
    noise : float32 (rows, columns): deviation of the noise of a pixel times the pixel's side, units of
        ``Mammogram.pixels`` times mm, so that pixels of any size compare
    tissue : float32 (rows, columns): deviation of the tissue's brightness, units of ``Mammogram.pixels``
    cell_mm : mm per cell
    """

    noise: Float
    tissue: Float
    cell_mm: float

    def noise_at(self, xy_mm: Points) -> Numbers:
        """At points, (n, 2) mm from the corner of the canonical image; the border goes on."""
        return self._at(self.noise, xy_mm)

    def tissue_at(self, xy_mm: Points) -> Numbers:
        """At points, (n, 2) mm from the corner of the canonical image; the border goes on."""
        return self._at(self.tissue, xy_mm)

    def _at(self, values: Float, xy_mm: Points) -> Numbers:
        last = np.array(values.shape[::-1]) - 1
        column, row = np.clip(np.floor(np.atleast_2d(xy_mm) / self.cell_mm).astype(np.intp), 0, last).T
        return np.asarray(values[row, column], dtype=np.float64)


BACK_ROUNDS = 12
"""Of going back through a registration; a smooth field is inverted in a few."""


@dataclass(frozen=True)
class ViewPair:
    """A view, the earlier one it is compared with, and how they are laid on one another."""

    current: Viewed
    prior: Viewed
    laid: Laid
    current_ground: Ground
    prior_ground: Ground

    @cached_property
    def there_mm(self) -> Points:
        """(n, 2): where the current view's calcifications lie in the earlier view, mm."""
        return self.to_prior_mm(self.current.specks.xy_mm)

    @cached_property
    def error_mm(self) -> Numbers:
        """(n,): how far off that may be."""
        specks = self.current.specks
        return self.laid.error_at(specks.xy) if len(specks) else np.zeros(0)

    @cached_property
    def back_mm(self) -> Points:
        """(m, 2): where the earlier view's calcifications lie in the current one, mm."""
        return self.to_current_mm(self.prior.specks.xy_mm)

    def to_prior_mm(self, xy_mm: Points) -> Points:
        """Points of the current view, (n, 2) mm, in the earlier one."""
        if not len(xy_mm):
            return np.zeros((0, 2))
        return self.laid.to_prior(xy_mm / self.current.info.pixel_mm) * self.prior.info.pixel_mm

    def to_current_mm(self, xy_mm: Points) -> Points:
        """The way back, by going against what is missed (the field is smooth and near a shift)."""
        at = np.array(xy_mm, dtype=np.float64)
        for _ in range(BACK_ROUNDS):
            at = at - (self.to_prior_mm(at) - xy_mm)
        return at

    def error_at_mm(self, xy_mm: Points) -> Numbers:
        """Error to be expected at points of the current view, (n, 2) mm."""
        return self.laid.error_at(np.atleast_2d(xy_mm) / self.current.info.pixel_mm)


@dataclass(frozen=True)
class Members:
    """A finding in one view: its group there, or None, and its calcifications (indices of the catalogue)."""

    group: int | None
    specks: Index


@dataclass(frozen=True)
class Paired:
    """Calcifications of two views that are the same.

    Parameters
    ----------
    current, prior : (k,) indices of the two catalogues, one to one
    distance_mm : (k,) how far apart they lie after the local correction
    supported : whether the constellation itself, and not the tissue alone, told where to look
    chance : how many of the pairs chance would have made
    also_current, also_prior : indices of what is no pair of its own but lies on one of the other exam: a
        long calcification may be found in more pieces in one exam than in the other
    """

    current: Index
    prior: Index
    distance_mm: Numbers
    supported: bool = False
    chance: float = 0.0
    also_current: Index = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    also_prior: Index = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    @classmethod
    def none(cls) -> Paired:
        """Nothing is the same."""
        return cls(np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros(0))


@dataclass(frozen=True)
class Change:
    """What became of one finding.

    Parameters
    ----------
    status : what holds of it, the most telling first; one of them where it is new, resolved, unchanged or not
        comparable
    numbers : of one view, ``count_now``, ``count_then`` (as found), ``comparable_now``, ``comparable_then``
        (what both images can show), ``count_change``; of the other exam's, ``below_limit_now`` and
        ``below_limit_then`` (not found, and found in fewer than every second case), ``faint_then`` (doubtful
        marks then), ``outside_now`` (found now but not of this finding); where both exams have a group
        ``span_now_mm``, ``span_then_mm``, ``density_ratio``; ``years`` where known; and, of all views,
        ``size_ratio`` where there are enough matched calcifications
    interval : 90 % interval, over all views, of ``count_change``, ``size_ratio``
    detection_limit : diameter in mm of a calcification of this finding's kind that is found in every second
        case: ``now_mm``, ``then_mm``
    words : sentences for the reader
    reason : why it is not comparable
    raises_suspicion : whether the change counts as growth of something that may be malignant: a group that
        is not benign by shape, not single calcifications
    view : the view whose numbers these are, such as ``MLO``
    turned : which shape or distribution became which
    by_view : for each view that could be compared its numbers and extents
    may_have_grown : nothing is sure, but the likely change in number is as large as one that counts: it is
        not called grown, and not stable either
    """

    status: tuple[Status, ...]
    numbers: dict[str, float] = field(default_factory=dict)
    interval: dict[str, tuple[float, float]] = field(default_factory=dict)
    detection_limit: dict[str, float] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    reason: str | None = None
    raises_suspicion: bool = False
    view: str | None = None
    turned: tuple[Turned, ...] = ()
    by_view: dict[str, dict[str, float]] = field(default_factory=dict)
    may_have_grown: bool = False

    @property
    def terms(self) -> tuple[str, ...]:
        """Keys of ``change`` in ``terms.yaml``; none where it is not comparable."""
        return tuple(one for one in self.status if one != "not_comparable")

    @property
    def trends(self) -> set[str]:
        """``increasing``, ``stable``, ``decreasing``, ``either``: what the terms mean; none where unsure."""
        return set() if self.may_have_grown else lexicon.trends(self.terms)

    @property
    def grew(self) -> bool:
        """Whether it increased, or became more suspicious in shape or distribution."""
        return lexicon.grew(self.terms, self.turned)


@dataclass(frozen=True)
class Moment:
    """A finding in one exam of several, as one view shows it.

    ``status`` is what the current exam's finding is against that exam's, None for the current exam itself.
    """

    date: str
    count: int
    span_mm: float | None
    status: tuple[Status, ...] | None = None
    view: str | None = None


def in_order(moments: Sequence[Moment]) -> tuple[Moment, ...]:
    """Oldest first: the finding's trend."""
    return tuple(sorted(moments, key=lambda moment: moment.date))
