"""Which calcifications belong together, and how surely.

Members are linked by density: a calcification with enough others within reach is a core, cores within
reach of one another are one group, and their neighbours belong to it (M. Ester et al., KDD-96, 226-231:
DBSCAN). The reach and the number come from the lexicon's rule (five within one centimetre).

Marks are linked at several levels of probability: a few sure calcifications may gather among many doubtful
marks, and faint ones may gather where none is sure. Of groups that overlap that stays whose number would
least likely come together by chance (a scan statistic: M. Kulldorff, Communications in Statistics
26(6):1481-1496, 1997).

How surely it is a group is a likelihood ratio: what its marks, each with its probability, say for a gathering
of true calcifications there against what they say for marks as this breast has them everywhere
(:func:`evidence`). Sure marks count for much and doubtful ones for little, and a breast with many probable
marks everywhere must show more than a quiet one.
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


EVIDENCE_MIDDLE, EVIDENCE_MIDDLE_FILM = 14.0, 19.0
EVIDENCE_SPREAD = 2.5
"""Evidence at which a group is listed, and the logistic's width. Dust gathers on film, as bright as
calcium: at its 19 the open films list none (docs/accuracy.md)."""


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
    middle : evidence at which a group is as probable as not
    """

    min_count: int
    min_count_coarse: int
    within_mm: float
    min_probability: float
    min_group_probability: float
    middle: float = EVIDENCE_MIDDLE

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

    def for_film(self) -> GroupSettings:
        """The same for digitised films, which carry dust."""
        return replace(self, middle=self.middle + EVIDENCE_MIDDLE_FILM - EVIDENCE_MIDDLE)

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
FEWER = 4
"""Marks of the groups that lower thresholds would form, on fine pixels too: what touches is one mark."""

SURE = 6.0
"""Logit from which on more evidence says less and less of how sure a group is, and only keeps the order:
a plain logistic rounds to 1."""

CORE = 0.8
"""Share of the rule's circle in which the evidence is gathered: most groups are denser than the rule asks."""
SUREST_ODDS = 30.0
"""No mark says more for a calcification than that: a single sure one is no group."""
QUIET = 5.0
"""Odds of all marks that a breast of 100 cm² is taken to have beside its own, so that one without any other
mark is not taken to be without false ones."""
TRUE_MARKS = np.geomspace(1, 60, 25)
"""Numbers of true calcifications in the circle that are tried; the likeliest counts."""

TIE = 1e-3
"""Groups with the same evidence are parted by so much of how probable their members are."""


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
    if not len(catalogue):
        return []
    levels = [level for level in LEVELS if level > settings.min_probability] + [settings.min_probability]
    least, reach = settings.least(catalogue.pixel_mm), settings.within_mm / catalogue.pixel_mm
    linked = [one for level in levels for one in _linked(catalogue, level, least, breast, settings)]
    groups = _apart(linked, [], reach / 2)
    if every:
        below = catalogue.probability[catalogue.probability < settings.min_probability]
        lower = np.quantile(below, np.linspace(0.9, 0.0, 10)).tolist() if len(below) else []
        for level in levels + lower:
            more = _linked(catalogue, level, min(least, FEWER), breast, settings)
            # What a lower threshold adds around a group is its fringe, not a second group.
            groups = _apart(more, groups, reach)
    scored = sorted(_with_probability(groups, catalogue, breast, settings), key=lambda g: -g.probability)
    return [g for g in scored if every or g.probability >= settings.min_group_probability]


def _with_probability(
    groups: list[Group], catalogue: SpeckCatalogue, breast: Breast, settings: GroupSettings
) -> list[Group]:
    """The groups, each as probable as the evidence for it says."""
    if not groups:
        return []
    said = evidence(catalogue, breast, CORE * settings.within_mm / 2)
    return [replace(g, probability=_certainty(g, said, catalogue, settings.middle)) for g in groups]


def evidence(catalogue: SpeckCatalogue, breast: Breast, reach_mm: float) -> NDArray[np.float64]:
    """For each mark, what the marks around say for a gathering of calcifications, (n,) log likelihood ratio.

    With odds ``o`` of the marks within ``reach_mm`` and ``b`` the odds of all marks that such a circle holds
    elsewhere in this breast, ``m`` true calcifications there are exp(-m) prod(1 + m o / b) times as likely
    as none: marks as a Poisson process with the odds as marks, since odds are proportional to the likelihood
    ratio of a mark. The greatest over ``m`` counts.
    """
    xy_mm, p = catalogue.xy_mm, catalogue.probability
    odds = np.minimum(p / np.maximum(1 - p, 1e-9), SUREST_ODDS)
    area_mm2 = float(np.count_nonzero(breast.search)) * breast.pixel_mm**2
    circle_mm2 = np.pi * reach_mm**2
    total = odds.sum()
    said = np.zeros(len(catalogue))
    for i, near in enumerate(cKDTree(xy_mm).query_ball_point(xy_mm, reach_mm)):
        own = odds[np.asarray(near, dtype=np.intp)]
        if len(own) >= FEWEST:
            elsewhere = total - own.sum() + QUIET * area_mm2 / 1e4
            background = elsewhere / max(area_mm2 - circle_mm2, circle_mm2) * circle_mm2
            ratios = np.log1p(np.outer(TRUE_MARKS, own / background)).sum(axis=1) - TRUE_MARKS
            said[i] = max(float(ratios.max()), 0.0)
    return said


def _linked(
    catalogue: SpeckCatalogue, level: float, least: int, breast: Breast, settings: GroupSettings
) -> list[tuple[float, Group]]:
    """Groups of at least ``least`` marks of at least the probability ``level``, each with how little chance
    would bring so many of that level together (-ln of it)."""
    eligible = np.flatnonzero(catalogue.probability >= level)
    if len(eligible) < least:
        return []
    xy_mm, reach = catalogue.xy_mm[eligible], settings.within_mm / 2
    surprise = _surprise(xy_mm, breast, reach)
    return [
        (
            float(surprise[members].max() + TIE * catalogue.probability[eligible[members]].mean()),
            _group(catalogue, eligible[members], settings),
        )
        for members in _link(xy_mm, least, reach)
    ]


def _apart(linked: list[tuple[float, Group]], kept: list[Group], reach: float) -> list[Group]:
    """``kept`` and, least likely by chance first, those of ``linked`` that lie ``reach`` pixels from all."""
    kept = list(kept)
    for _, group in sorted(linked, key=lambda one: -one[0]):
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


def _certainty(group: Group, said: NDArray[np.float64], catalogue: SpeckCatalogue, middle: float) -> float:
    """Probability of a group, strictly increasing in the evidence for it and below 1."""
    logit = (float(said[group.members].max()) - middle) / EVIDENCE_SPREAD
    logit += TIE * float(catalogue.probability[group.members].mean())
    if logit > SURE:
        logit = SURE + float(np.log1p(logit - SURE))
    return float(1 / (1 + np.exp(-logit)))


def _group(catalogue: SpeckCatalogue, members: Index, settings: GroupSettings) -> Group:
    """A group whose probability is not known yet."""
    points = np.concatenate([catalogue.outlines[i] for i in members]).astype(np.float32)
    hull = cv2.convexHull(points)[:, 0].astype(np.float64)
    xy_mm = catalogue.xy_mm[members]
    difference = xy_mm[:, None] - xy_mm[None]
    span = float(np.hypot(difference[..., 0], difference[..., 1]).max(initial=0.0))
    x, y = catalogue.xy[members].mean(axis=0)
    # The hull of the centres grown by a quarter of the circle: no area is less than the specks' own reach.
    margin = settings.within_mm / 8
    area_mm2, perimeter = _area_and_perimeter(hull * catalogue.pixel_mm)
    area_mm2 += perimeter * margin + np.pi * margin**2
    return Group(
        members=members, x=float(x), y=float(y), hull=hull, span_mm=span, area_cm2=area_mm2 / 100,
        probability=0.0,
    )  # fmt: skip


def _area_and_perimeter(polygon: NDArray[np.float64]) -> tuple[float, float]:
    closed = polygon.astype(np.float32)[:, None]
    return float(cv2.contourArea(closed)), float(cv2.arcLength(closed, True))


def form_few(
    catalogue: SpeckCatalogue, breast: Breast, free: Index, settings: GroupSettings | None = None
) -> list[Group]:
    """Sets of fewer than a group's number that lie within the rule's circle of one another.

    Whether such a few are a finding depends on their shape and arrangement, which is not judged here.

    Parameters
    ----------
    catalogue, breast : the view's calcifications and its breast
    free : (n,) the calcifications that may be members: those in no group
    settings : the rule; the lexicon's by default

    Returns
    -------
    list of Group with ``few`` set; member indices refer to ``catalogue``
    """
    settings = settings or GroupSettings.default()
    least = int(lexicon.groups().min_count_linear.value)
    if len(free) < least:
        return []
    pairs = cKDTree(catalogue.xy_mm[free]).query_pairs(settings.within_mm / 2, output_type="ndarray")
    found = [
        replace(_group(catalogue, free[members], settings), few=True)
        for members in connected(len(free), pairs)
        if least <= len(members) < settings.least(catalogue.pixel_mm)
    ]
    return _with_probability(found, catalogue, breast, settings)
