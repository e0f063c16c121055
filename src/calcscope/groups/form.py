"""Which calcifications belong together, and how surely.

Members are linked by density: a calcification with enough others within reach is a core, cores within
reach of one another are one group, and their neighbours belong to it (M. Ester et al., KDD-96, 226-231:
DBSCAN). The reach and the number come from the lexicon's rule (five within one centimetre).

How surely a group is one is a question of chance: with so many marks of such probability in this breast, how
often would as many as these fall together? The probability of that under complete spatial randomness
(Poisson) scores the group (a scan statistic: M. Kulldorff, Communications in Statistics 26(6):1481-1496,
1997). A breast with many marks everywhere must show a denser gathering than a quiet one.

Marks are linked at several levels of probability: a few sure calcifications may gather among many doubtful
marks, and faint ones may gather where none is sure. Of groups that overlap the least likely by chance stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import gammaln, hyp1f1

from calcscope import lexicon
from calcscope.breast.model import Breast
from calcscope.groups.links import component_of, connected
from calcscope.groups.model import Group
from calcscope.specks.catalogue import SpeckCatalogue

Index = NDArray[np.intp]


@dataclass(frozen=True)
class GroupSettings:
    """The rule for a group.

    Parameters
    ----------
    min_count : a group has at least so many
    min_count_coarse : and so many where pixels are too large to part neighbours: what is counted there is
        the least there can be
    within_mm : they lie within a circle of this diameter, mm
    min_probability : of a member: the lowest level at which marks are linked
    min_group_probability : of the group itself
    """

    min_count: int
    min_count_coarse: int
    within_mm: float
    min_probability: float
    min_group_probability: float

    @classmethod
    def default(cls) -> GroupSettings:
        """The lexicon's rule at the shipped operating point."""
        rule = lexicon.groups()
        return cls(
            min_count=int(rule.min_count.value),
            min_count_coarse=int(rule.min_count_coarse.value),
            within_mm=rule.within_mm.value,
            min_probability=OPERATING_PROBABILITY,
            min_group_probability=OPERATING_GROUP_PROBABILITY,
        )

    def least(self, pixel_mm: float) -> int:
        """Least number of a group in an image of this pixel size."""
        coarse = pixel_mm > lexicon.sizes().fine_shape_pixel_mm.value
        return self.min_count_coarse if coarse else self.min_count


OPERATING_PROBABILITY = 0.25
"""Less probable marks follow the texture of the tissue, which gathers in places too."""
OPERATING_GROUP_PROBABILITY = 0.5

LEVELS = (0.75, 0.5)
"""Marks are also linked at these probabilities, where they lie above the lowest."""

FEWEST = 3
"""Two marks fall together by chance wherever there are many."""

SURPRISE_MIDDLE = 18.0
SURPRISE_SPREAD = 2.5
"""Surprise (-ln chance) at which a group is listed, and the logistic's width: at 18 the gatherings of fibres
and dust on the open films are no groups (docs/accuracy.md)."""

SURE = 6.0
"""Logit from which on more surprise says less and less of how sure a group is, and only keeps the order:
a plain logistic rounds to 1."""

LOWER = 0.5
"""What is linked below the lowest level of the operating point is half as probable as its surprise says."""

TIE = 0.01
"""Chance counts in whole marks, so that groups tie; this much surprise, shared out by how probable the
members are, parts them."""


def form_groups(
    catalogue: SpeckCatalogue,
    breast: Breast,
    settings: GroupSettings | None = None,
    every: bool = False,
) -> list[Group]:
    """Groups of one view.

    Parameters
    ----------
    catalogue : the view's calcifications (those that cannot be members already taken out)
    breast : the view's breast
    settings : the rule; the lexicon's by default
    every : also the groups that lower thresholds would form, strictly ordered by probability (for FROC)

    Returns
    -------
    list of Group, most probable first; member indices refer to ``catalogue``
    """
    settings = settings or GroupSettings.default()
    levels = [level for level in LEVELS if level > settings.min_probability] + [settings.min_probability]
    linked = [group for level in levels for group in _linked(catalogue, level, breast, settings)]
    groups = _apart(linked, [], settings.within_mm / 2 / catalogue.pixel_mm)
    if not every:
        return [g for g in groups if g.probability >= settings.min_group_probability]
    below = catalogue.probability[catalogue.probability < settings.min_probability]
    if len(below):
        for level in np.quantile(below, np.linspace(0.9, 0.0, 10)):
            lower = [
                replace(g, probability=LOWER * g.probability)
                for g in _linked(catalogue, float(level), breast, settings)
            ]
            # What a lower threshold adds around a group is its fringe, not a second group.
            groups = _apart(lower, groups, settings.within_mm / catalogue.pixel_mm)
    return sorted(groups, key=lambda g: -g.probability)


def _linked(catalogue: SpeckCatalogue, level: float, breast: Breast, settings: GroupSettings) -> list[Group]:
    """Groups of the marks of at least the probability ``level``, by what chance says of that level."""
    eligible = np.flatnonzero(catalogue.probability >= level)
    least, reach = settings.least(catalogue.pixel_mm), settings.within_mm / 2
    if len(eligible) < least:
        return []
    xy_mm = catalogue.xy_mm[eligible]
    surprise = np.zeros(len(catalogue))
    surprise[eligible] = _surprise(xy_mm, breast, reach)
    return [
        _group(catalogue, eligible[members], surprise, settings) for members in _link(xy_mm, least, reach)
    ]


def _apart(groups: list[Group], kept: list[Group], reach: float) -> list[Group]:
    """``kept`` and, most probable first, those of ``groups`` that lie ``reach`` pixels from all others."""
    kept = list(kept)
    for group in sorted(groups, key=lambda g: -g.probability):
        members = set(group.members.tolist())
        if not any(_near(group, other, reach) or members & set(other.members.tolist()) for other in kept):
            kept.append(group)
    return kept


def _link(xy_mm: NDArray[np.float64], least: int, reach: float) -> list[Index]:
    """Density-linked sets of points, mm; each an index array."""
    if len(xy_mm) < least:
        return []
    tree = cKDTree(xy_mm)
    pairs = tree.query_pairs(reach, output_type="ndarray")
    degree = np.bincount(pairs.ravel(), minlength=len(xy_mm)) + 1
    core = degree >= least
    both = core[pairs].all(axis=1)
    label = np.where(core, component_of(len(xy_mm), pairs[both]), -1)
    # A border point joins its nearest core.
    for i in np.flatnonzero(~core):
        neighbours = [j for j in tree.query_ball_point(xy_mm[i], reach) if core[j]]
        if neighbours:
            nearest = neighbours[int(np.argmin(np.linalg.norm(xy_mm[neighbours] - xy_mm[i], axis=1)))]
            label[i] = label[nearest]
    return [np.flatnonzero(label == k) for k in np.unique(label[label >= 0])]


def _near(group: Group, other: Group, reach: float) -> bool:
    """Whether the centre of ``group`` lies within ``reach`` pixels of the outline of ``other``."""
    outline = other.hull.astype(np.float32)
    return bool(cv2.pointPolygonTest(outline, (group.x, group.y), True) > -reach)


def _surprise(xy_mm: NDArray[np.float64], breast: Breast, reach: float) -> NDArray[np.float64]:
    """For each mark, -ln of the chance that as many as lie within ``reach`` mm of it fall together, (n,)."""
    area_mm2 = float(np.count_nonzero(breast.search)) * breast.pixel_mm**2
    near = np.asarray(cKDTree(xy_mm).query_ball_point(xy_mm, reach, return_length=True), dtype=np.intp)
    chance = _chance(near, len(xy_mm) / area_mm2 * np.pi * reach**2)
    return np.where(near >= FEWEST, chance, 0.0)


def _chance(count: Index, expected: float) -> NDArray[np.float64]:
    """-ln of the chance that a Poisson number of mean ``expected`` is ``count`` or more, also where that
    chance is too small for a float (Kummer's function: DLMF 8.5.1 with 8.2.4)."""
    log_exactly = count * np.log(expected) - expected - gammaln(count + 1)
    return np.asarray(-log_exactly - np.log(hyp1f1(1, count + 1, expected)))


def _certainty(surprise: float) -> float:
    """Probability of a group, strictly increasing in its surprise and below 1."""
    logit = (surprise - SURPRISE_MIDDLE) / SURPRISE_SPREAD
    if logit > SURE:
        logit = SURE + float(np.log1p(logit - SURE))
    return float(1 / (1 + np.exp(-logit)))


def _group(
    catalogue: SpeckCatalogue, members: Index, surprise: NDArray[np.float64], settings: GroupSettings
) -> Group:
    points = np.concatenate([catalogue.outlines[i] for i in members]).astype(np.float32)
    hull = cv2.convexHull(points)[:, 0].astype(np.float64)
    xy_mm = catalogue.xy_mm[members]
    difference = xy_mm[:, None] - xy_mm[None]
    span = float(np.hypot(difference[..., 0], difference[..., 1]).max(initial=0.0))
    x, y = catalogue.xy[members].mean(axis=0)
    score = float(surprise[members].max(initial=0.0) + TIE * catalogue.probability[members].mean())
    # The hull of the centres grown by a quarter of the circle: no area is less than the specks' own reach.
    margin = settings.within_mm / 8
    area_mm2, perimeter = _area_and_perimeter(hull * catalogue.pixel_mm)
    area_mm2 += perimeter * margin + np.pi * margin**2
    return Group(
        members=members,
        x=float(x),
        y=float(y),
        hull=hull,
        span_mm=span,
        area_cm2=area_mm2 / 100,
        probability=_certainty(score),
    )


def _area_and_perimeter(polygon: NDArray[np.float64]) -> tuple[float, float]:
    closed = polygon.astype(np.float32)[:, None]
    return float(cv2.contourArea(closed)), float(cv2.arcLength(closed, True))


def form_few(catalogue: SpeckCatalogue, settings: GroupSettings | None = None) -> list[Group]:
    """Sets of fewer than a group's number that lie within the rule's circle of one another.

    Whether such a few are a finding depends on their shape and arrangement, which is not judged here.

    Parameters
    ----------
    catalogue : calcifications in no group
    settings : the rule; the lexicon's by default

    Returns
    -------
    list of Group with ``few`` set; member indices refer to ``catalogue``
    """
    settings = settings or GroupSettings.default()
    least = int(lexicon.groups().min_count_linear.value)
    if len(catalogue) < least:
        return []
    pairs = cKDTree(catalogue.xy_mm).query_pairs(settings.within_mm / 2, output_type="ndarray")
    alone = np.zeros(len(catalogue))
    return [
        replace(_group(catalogue, members, alone, settings), few=True)
        for members in connected(len(catalogue), pairs)
        if least <= len(members) < settings.least(catalogue.pixel_mm)
    ]
