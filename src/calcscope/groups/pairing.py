"""The same finding in two views of one breast.

Compression moves a finding across the nipple line but little along it, so its depth behind the nipple
is what two views share; number, size, brightness and kind break ties.

In an oblique view the depth runs along the image where the breast is held up, and perpendicular to the
muscle's border where it hangs: for what lies 50 mm above the nipple line, commonly 15 mm apart. How far a
breast hung is not known, but it is the same for all findings of one view, so it is fitted together with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from calcscope.groups.location import Offset, Sighting, figure, offset

# How much the counted calcifications, their middle diameter and the contrast of one finding commonly differ
# between views, as a standard deviation of the natural logarithm: a little more than the 0.35, 0.17 and 0.30
# measured in simulated exams, since real breasts are held less alike.
COUNT_SPREAD, DIAMETER_SPREAD, CONTRAST_SPREAD = 0.5, 0.3, 0.4
# Two different kinds count as a difference of this many standard deviations: terms are often confused.
KIND_DIFFERENCE = 1.5
# Findings that differ by more than this many standard deviations in all are left unpaired.
LEAVE_ALONE = 3.5
# How far a breast hung, as shares of the muscle's lean, that are tried.
SHARES = (0.5, 0.75, 0.25, 1.0, 0.0)


class Pair(NamedTuple):
    """One finding: its index in the first and in the second view (None where not seen there).

    ``score`` is 1 for a perfect agreement, falls to 0 with the differences, and is 0 for the unpaired.
    """

    first: int | None
    second: int | None
    score: float


def pair_views(cc: Sequence[Sighting], mlo: Sequence[Sighting]) -> list[Pair]:
    """Match the findings of two views one to one, so that all differences together are least.

    Parameters
    ----------
    cc, mlo : findings of the craniocaudal and of the oblique or lateral view of the same breast

    Returns
    -------
    Pairs in the order of ``cc``, then what only ``mlo`` shows. Every index occurs once.
    """
    at_cc, at_mlo = [offset(s) for s in cc], [offset(s) for s in mlo]
    every = (_matched(_distances(cc, at_cc, mlo, at_mlo, share), share) for share in SHARES)
    distance, first, second, _ = min(every, key=lambda matching: matching.cost)
    partner = dict(zip(first.tolist(), second.tolist(), strict=True))
    pairs = [
        Pair(i, partner[i], math.exp(-(distance[i, partner[i]] ** 2) / 2))
        if i in partner
        else Pair(i, None, 0.0)
        for i in range(len(cc))
    ]
    matched = set(partner.values())
    return pairs + [Pair(None, j, 0.0) for j in range(len(mlo)) if j not in matched]


FEW = 2
"""Of so many findings in one of the views every matching is tried."""


def assigned(difference: NDArray[np.float64], alone: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the matching of least total squared difference, one to one.

    Parameters
    ----------
    difference : (rows, columns), standard deviations; what is infinite is never matched
    alone : cost of leaving one row or one column unmatched: a pair is left alone beyond twice that
    """
    rows, columns = difference.shape
    if min(rows, columns) <= FEW:
        if rows <= columns:
            return _of_few(difference, alone)
        return _of_few(difference.T, alone)[::-1]
    from scipy.optimize import linear_sum_assignment

    # Each row gets a private partner that stands for "not seen in the other view", and so does each column.
    cost = np.full((rows + columns, rows + columns), 1e9)
    cost[:rows, :columns] = np.where(np.isfinite(difference), difference**2, 1e9)
    cost[np.arange(rows), columns + np.arange(rows)] = alone
    cost[rows + np.arange(columns), np.arange(columns)] = alone
    cost[rows:, columns:] = 0.0
    first, second = linear_sum_assignment(cost)
    real = (first < rows) & (second < columns)
    real[real] &= np.isfinite(difference[first[real], second[real]])
    return first[real], second[real]


def _of_few(difference: NDArray[np.float64], alone: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """As :func:`assigned`, by trying every matching of a few rows."""
    cost = difference**2 - 2 * alone  # a pair saves leaving both alone
    best, chosen = 0.0, [-1] * len(cost)
    for columns in product(range(-1, cost.shape[1]), repeat=len(cost)):
        pairs = [(row, column) for row, column in enumerate(columns) if column >= 0]
        if len({column for _, column in pairs}) == len(pairs):
            total = sum(float(cost[pair]) for pair in pairs)
            if total < best:
                best, chosen = total, list(columns)
    first = np.flatnonzero(np.array(chosen, dtype=np.intp) >= 0)
    return first, np.array(chosen, dtype=np.intp)[first]


class _Matching(NamedTuple):
    """Difference of each two findings, which are matched, and the cost of it all (squared differences)."""

    distance: NDArray[np.float64]
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    cost: float


def _matched(distance: NDArray[np.float64], share: float) -> _Matching:
    """The matching of least cost if the breast hung by ``share`` of the muscle's lean."""
    alone = LEAVE_ALONE**2 / 2
    first, second = assigned(distance, alone)
    unmatched = sum(distance.shape) - 2 * len(first)
    unusual = (share - figure("pair_lean_share")) / figure("pair_lean_spread")
    cost = float((distance[first, second] ** 2).sum()) + alone * unmatched + unusual**2
    return _Matching(distance, first, second, cost)


def _distances(
    cc: Sequence[Sighting],
    at_cc: Sequence[Offset | None],
    mlo: Sequence[Sighting],
    at_mlo: Sequence[Offset | None],
    share: float,
) -> NDArray[np.float64]:
    """(len(cc), len(mlo)) difference of each two findings, standard deviations; inf beyond the gate."""
    distance = np.full((len(cc), len(mlo)), np.inf)
    for i, (one, here) in enumerate(zip(cc, at_cc, strict=True)):
        for j, (other, there) in enumerate(zip(mlo, at_mlo, strict=True)):
            if here is None or there is None:
                continue
            deeper = here.along(share) - there.along(share)
            if abs(deeper) <= figure("pair_within_mm"):
                distance[i, j] = _difference(one, other, deeper)
    return distance


def _difference(one: Sighting, other: Sighting, deeper: float) -> float:
    """Difference of two findings, standard deviations; ``deeper``: difference of their depths, mm."""
    guessed = sum(s.breast.nipple_certainty == "estimated" for s in (one, other))
    terms = [
        deeper / math.hypot(figure("pair_depth_mm"), math.sqrt(guessed) * figure("pair_guessed_mm")),
        math.log(one.count / other.count) / COUNT_SPREAD,
        _log_ratio(one.diameter_mm, other.diameter_mm) / DIAMETER_SPREAD,
        _log_ratio(one.contrast, other.contrast) / CONTRAST_SPREAD,
        KIND_DIFFERENCE if one.kind and other.kind and one.kind != other.kind else 0.0,
    ]
    return math.hypot(*terms)


def _log_ratio(one: float | None, other: float | None) -> float:
    """Logarithm of a ratio; 0 where either is unknown."""
    return math.log(one / other) if one and other and one > 0 and other > 0 else 0.0
