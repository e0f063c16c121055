"""Which groups and which single calcifications of two exams are the same.

Groups first, one to one and globally best: how far apart they lie over how exactly the tissue could be laid,
and how alike they are. Then single calcifications. The tissue tells where to look to a few millimetres; the
constellation that a calcification forms with its neighbours tells better: each neighbourhood votes for a
shift, an affine map through what agrees takes up stretch and turn (robustly: P. J. Huber's M-estimator with
J. W. Tukey's weights), and what then lies within a narrow tolerance is assigned one to one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from calcscope.describe.model import GroupDescription
from calcscope.exam.model import Points
from calcscope.groups.model import Group
from calcscope.groups.pairing import assigned
from calcscope.priors.model import LIKELY, Index, Numbers, Paired, ViewPair
from calcscope.specks.catalogue import SpeckCatalogue

COUNT_SPREAD, SPAN_SPREAD = 1.0, 0.8
"""How much number and extent of one group differ between exams, as a standard deviation of the natural
logarithm: far more than between two views of a day, for change is what is looked for."""
KIND_DIFFERENCE = 1.5
"""Two different kinds count as so many standard deviations."""
SPAN_SHARE = 0.2
"""Of a group's extent, how far its middle moves as members come and go."""
GATE = 3.0
"""Standard deviations beyond which two groups are never the same."""
LEAVE_ALONE = 2.8
"""Groups that differ by more than so many standard deviations in all are left unmatched."""

NEIGHBOURS, NEIGHBOURHOOD_MM = 12, 12.0
"""A calcification and its nearest so many within so many mm vote for a shift."""
VOTE_MM = 0.5
"""Gaussian sigma of a vote: parallax moves neighbours at different depths past one another."""
VOTE_CELL_MM = 0.25
REACH_ERRORS, REACH_MM = 3.0, 2.0
"""Shifts are looked for within so many times the error and so many mm."""
ALIKE = 0.7
"""Deviation of the logarithm of the signal to noise ratio between two exams of one calcification."""
ROLLED = np.array([1.4, 0.7])
"""What distances count along the axis from the chest wall to the nipple (x) and across it: between exams the
breast is rolled about that axis, so calcifications at different heights move past one another across it."""
SUPPORT, CLEARER, APART_MM = 1.6, 1.35, 1.5
"""Votes for a shift, in calcifications, from which on the constellation has told it, and how many times those
for any other shift so far from it they must be."""
FIT_MM = 0.25
"""Gaussian sigma of how near a calcification lies to its counterpart after the local correction."""
BETTER = 1.3
"""How many times better the constellation must fit without the hint before that is left aside."""
HINTED = 1.2
"""How many times more must agree on a shift near the hint than on one without it."""
UNHINTED = 0.5
"""What a shift counts for that the tissue allows and the middles of the groups do not."""
GUIDED_MM = 20.0
"""How far from a neighbourhood that has told its shift others go with it."""
AFFINE_FROM = 4
AFFINE_ROUNDS = 6
TURN, STRETCH_FIRM = 0.12, 1.5
"""Affine part expected (deviation from the identity), and residual (mm) against which it is weighed."""
SMOOTH_MM, SMOOTH_ROUNDS, SMOOTH_FIRM = 6.0, 3, 0.7
"""Gaussian sigma over which what is left is averaged, how often, and what holds it back (calcifications)."""
TIGHTEST_MM, TIGHT_MM, WIDEST_MM = 0.35, 0.9, 1.8
"""Bounds of the greatest distance of a pair where the constellation told the shift: the last two by how"""
SPACING_SHARE = 0.4
"""... far apart calcifications lie, of which it is this share."""
PLAIN, LEFT_MM, LEFT_RATIO = 0.5, 2.2, 0.4
"""Of what is left over in both exams, what is so probable, so near, and so much nearer than the next, is
paired in the end."""
LONG_MM, BESIDE_MM = 0.6, 0.2
"""From this length on one calcification may be found in pieces; what lies so near to it is one of them."""
LOOSE_MM, LOOSE_ERRORS = 1.0, 1.5
"""Where it did not, so many mm and times the error, and"""
BY_CHANCE = 0.3
"""... only where no more than so many others are to be expected that near by chance."""
NEAR_MM = 0.5
"""Distance that costs as much as one deviation of the signal to noise ratio."""


class GroupMatch(NamedTuple):
    """One group: its index in the current and in the earlier view, None where not seen there; how far apart
    they lie, mm, and by how many standard deviations they differ (both 0 for the unmatched)."""

    current: int | None
    prior: int | None
    distance_mm: float = 0.0
    difference: float = 0.0


def match_groups(pair: ViewPair) -> list[GroupMatch]:
    """The groups of two views, one to one, so that all differences together are least.

    In the order of the current view, then what only the earlier one shows; every index occurs once.
    """
    ours, theirs = pair.current.groups, pair.prior.groups
    differ = np.full((len(ours), len(theirs)), np.inf)
    apart = np.zeros_like(differ)
    for i, one in enumerate(ours):
        middle = np.array([[one.x, one.y]]) * pair.current.info.pixel_mm
        there = pair.to_prior_mm(middle)[0]
        error = float(pair.error_at_mm(middle)[0])
        for j, other in enumerate(theirs):
            away = there - np.array([other.x, other.y]) * pair.prior.info.pixel_mm
            apart[i, j] = float(np.hypot(*away))
            sigma = math.hypot(error, SPAN_SHARE * max(one.span_mm, other.span_mm))
            if apart[i, j] <= GATE * sigma:
                own, its = pair.current.descriptions[i], pair.prior.descriptions[j]
                differ[i, j] = _difference(one, other, own, its, apart[i, j] / sigma)
    first, second = assigned(differ, LEAVE_ALONE**2 / 2)
    partner = dict(zip(first.tolist(), second.tolist(), strict=True))
    matches = [
        GroupMatch(i, partner[i], float(apart[i, partner[i]]), float(differ[i, partner[i]]))
        if i in partner
        else GroupMatch(i, None)
        for i in range(len(ours))
    ]
    taken = set(partner.values())
    return matches + [GroupMatch(None, j) for j in range(len(theirs)) if j not in taken]


def _difference(one: Group, other: Group, own: GroupDescription, its: GroupDescription, away: float) -> float:
    """Of two groups ``away`` standard deviations apart, standard deviations."""
    kinds = own.typical_kind or own.morphology, its.typical_kind or its.morphology
    return math.hypot(
        away,
        math.log(one.count / other.count) / COUNT_SPREAD,
        math.log(max(one.span_mm, 1.0) / max(other.span_mm, 1.0)) / SPAN_SPREAD,
        KIND_DIFFERENCE if kinds[0] != kinds[1] and "not_assessable" not in kinds else 0.0,
    )


def match_specks(
    pair: ViewPair, current: Index, prior: Index, hint: Points | None = None, spread_mm: float = 0.0
) -> Paired:
    """Which of some calcifications of the current view are which of some of the earlier one.

    Parameters
    ----------
    current, prior : indices of the two catalogues: a neighbourhood, such as a group and what lies around it
    hint : (2,) mm: shift between the middles of the groups that are taken for the same, where there are such:
        asked where more agree on it than by themselves, for middles move as members come and go
    spread_mm : how far that may be off
    """
    if not len(current) or not len(prior):
        return Paired.none()
    now, then = pair.current.specks, pair.prior.specks
    at, other = pair.there_mm[current] * ROLLED, then.xy_mm[prior] * ROLLED
    hint = None if hint is None else hint * ROLLED
    error = pair.error_mm[current]
    # What the two exams differ by altogether is the processing's; only what is left tells specks apart.
    every = np.log(np.maximum(now.snr[current], 1e-6))[:, None] - np.log(np.maximum(then.snr, 1e-6))
    every -= _usual(every[:, prior], at, other, error)
    strength = every[:, prior]
    alike = np.exp(-((every / ALIKE) ** 2) / 2)
    weight = alike[:, prior]
    weight *= np.sqrt(now.probability[current])[:, None] * np.sqrt(then.probability[prior])
    widest = _widest(other, then.probability[prior])
    shifts = _shifts(at, other, error, weight, None, 0.0)
    told, guided, moved = _guided(at, other, weight, widest, shifts)
    if hint is not None:
        again = _shifts(at, other, error, weight, hint, spread_mm)
        if again[1].sum() > HINTED * shifts[1].sum():
            hinted = _guided(at, other, weight, widest, again)
            # Where the constellation fits plainly better without it, the middles of the groups mislead.
            fit = _fit(moved, other, weight)
            if fit < SUPPORT or _fit(hinted[2], other, weight) > fit / BETTER:
                told, guided, moved = hinted
    distance = np.hypot(*(moved[:, None] - other[None]).transpose(2, 0, 1))
    reach = LOOSE_MM + LOOSE_ERRORS * error
    if told.any():
        reach = np.where(guided, _tight(distance[told], widest), reach)
    scale = np.where(guided, NEAR_MM, np.maximum(error, NEAR_MM))[:, None]
    differ = np.hypot(distance / scale, strength / ALIKE)
    differ[(distance > reach[:, None]) | (np.abs(strength) > 4 * ALIKE)] = np.inf
    # By chance only one of like strength is taken for it: faint marks are many, plain ones few.
    everywhere = alike @ then.probability / (np.count_nonzero(pair.prior.breast.mask) * then.pixel_mm**2)
    others = everywhere * np.pi * reach**2 / np.prod(ROLLED)
    within = np.where(distance <= reach[:, None], weight, 0).sum(axis=1)
    differ[~guided & (others + np.maximum(within - 1, 0) > BY_CHANCE)] = np.inf
    first, second = assigned(differ, (math.hypot(TIGHT_MM / NEAR_MM, 2.0)) ** 2)
    third, fourth = _left_over(
        distance, strength, guided & (now.probability[current] >= PLAIN), then.probability[prior] >= PLAIN,
        first, second,
    )  # fmt: skip
    first, second = np.concatenate([first, third]), np.concatenate([second, fourth])
    chance = float(np.sum(1 - np.exp(-others[first])))
    ours, theirs = _on(moved / ROLLED, other / ROLLED, now, then, current, prior)
    free = np.ones(len(current), dtype=bool), np.ones(len(prior), dtype=bool)
    free[0][first], free[1][second] = False, False
    apart = np.hypot(*((moved[first] - other[second]) / ROLLED).T)
    return Paired(
        current[first], prior[second], apart, bool(guided.any()), chance,
        current[ours & free[0] & guided], prior[theirs & free[1]] if guided.any() else prior[:0],
    )  # fmt: skip


def _guided(
    at: Points, other: Points, weight: Numbers, widest: float, shifts: tuple[Points, Numbers]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Points]:
    """Whose neighbourhood told its shift, who goes with one, and where all lie then, stretched and bent."""
    shift, votes = shifts
    told = votes > 0
    guided = np.zeros(len(at), dtype=bool)
    moved = at.copy()
    if told.any():
        # A neighbourhood that tells nothing itself goes with the nearest one that does.
        away, nearest = (np.asarray(found) for found in cKDTree(at[told]).query(at))
        guided = away <= GUIDED_MM
        moved[guided] += shift[told][nearest[guided]]
        moved[guided] = _through_affine(moved[guided], other, weight[guided], widest)
        moved[guided] = _smoothly(moved[guided], other, weight[guided], widest)
    return told, guided, moved


def _fit(moved: Points, other: Points, weight: Numbers) -> float:
    """How many calcifications lie on one of the other exam, one to one as far as either side has them."""
    distance = np.hypot(*(moved[:, None] - other[None]).transpose(2, 0, 1))
    near = weight * np.exp(-((distance / FIT_MM) ** 2) / 2)
    return float(min(near.max(axis=1).sum(), near.max(axis=0).sum()))


def _left_over(
    distance: Numbers, strength: Numbers, ours: NDArray[np.bool_], theirs: NDArray[np.bool_],
    first: Index, second: Index,
) -> tuple[Index, Index]:  # fmt: skip
    """Rows and columns of what is plain in both exams, left over in both, and nearer to one another than to
    anything else left over: it is bent further than its neighbours."""
    ours, theirs = ours.copy(), theirs.copy()
    ours[first], theirs[second] = False, False
    far = np.where(ours[:, None] & theirs[None] & (np.abs(strength) <= 2 * ALIKE), distance, np.inf)
    if min(far.shape) == 0:
        return first[:0], second[:0]
    row, column = np.arange(len(far)), far.argmin(axis=1)
    best = far[row, column]
    others = far.copy()
    others[row, column] = np.inf
    next_best = np.minimum(others.min(axis=1), others[:, column].min(axis=0))
    good = (best <= LEFT_MM) & (best <= LEFT_RATIO * next_best) & (far.argmin(axis=0)[column] == row)
    return row[good], column[good]


def _on(
    moved: Points, other: Points, now: SpeckCatalogue, then: SpeckCatalogue, current: Index, prior: Index
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of the current view's calcifications lie on a long one of the earlier view or have one lie on
    them, (n,), and the same of the earlier view's, (m,)."""
    onto_then = _off(moved, other, then, prior) <= BESIDE_MM
    onto_now = _off(other, moved, now, current).T <= BESIDE_MM
    onto_then &= (then.length_mm[prior] >= LONG_MM)[None]
    onto_now &= (now.length_mm[current] >= LONG_MM)[:, None]
    on = onto_then | onto_now
    return np.asarray(on.any(axis=1)), np.asarray(on.any(axis=0))


def _off(points: Points, middles: Points, specks: SpeckCatalogue, which: Index) -> Numbers:
    """(n, m): how far points lie outside calcifications, each a stroke of its length, width and angle, mm."""
    along = np.stack([np.cos(specks.angle[which]), np.sin(specks.angle[which])], axis=1)
    half = np.maximum(specks.length_mm[which] - specks.width_mm[which], 0) / 2
    offset = points[:, None] - middles[None]
    at = np.clip(np.einsum("nmk,mk->nm", offset, along), -half, half)
    return np.asarray(
        np.hypot(*(offset - at[..., None] * along[None]).transpose(2, 0, 1)) - specks.width_mm[which] / 2
    )


def _usual(strength: Numbers, at: Points, other: Points, error: Numbers) -> float:
    """Median difference of strength of what lies near one another, 0 where little does."""
    distance = np.hypot(*(at[:, None] - other[None]).transpose(2, 0, 1))
    near = strength[distance < (REACH_MM + error)[:, None]]
    return float(np.clip(np.median(near), -1.0, 1.0)) if len(near) >= 5 else 0.0


def _shifts(
    at: Points, other: Points, error: Numbers, weight: Numbers, hint: Points | None, spread_mm: float
) -> tuple[Points, Numbers]:
    """For each calcification the shift that most of its neighbourhood agrees on, (n, 2) mm, and how many do:
    0 where another shift would have about as many.

    Votes are gathered in cells and blurred; a shift that is large against the error needs more of them.
    """
    reach = float(np.max(REACH_MM + REACH_ERRORS * error))
    if hint is not None:
        reach = max(reach, float(np.hypot(*hint)) + REACH_MM)
    half = math.ceil(reach / VOTE_CELL_MM)
    side = 2 * half + 1
    _, near = cKDTree(at).query(at, k=min(NEIGHBOURS, len(at)), distance_upper_bound=NEIGHBOURHOOD_MM)
    near = near.reshape(len(at), -1)
    offset = other[None] - at[:, None]
    cell = np.rint(offset / VOTE_CELL_MM).astype(np.intp) + half
    inside = np.all((cell >= 0) & (cell < side), axis=2)
    sigma = VOTE_MM / VOTE_CELL_MM
    grid = (np.arange(side) - half) * VOTE_CELL_MM
    far = grid[None] ** 2 + grid[:, None] ** 2
    peak = 2 * np.pi * sigma**2
    ballots = []
    for i in range(len(at)):
        ballot = np.zeros((side, side), dtype=np.float32)
        np.add.at(ballot, (cell[i, inside[i], 1], cell[i, inside[i], 0]), weight[i, inside[i]])
        # No calcification has more than one vote for a shift, however many lie around it there.
        ballots.append(np.minimum(cv2.GaussianBlur(ballot, (0, 0), sigma) * peak, 1.0))
    shift, votes = np.zeros_like(at), np.zeros(len(at))
    for i in range(len(at)):
        those = near[i][near[i] < len(at)]
        total = np.sum([ballots[k] for k in those], axis=0)
        likely = np.exp(-far / (2 * (REACH_MM / 2 + 2 * error[i]) ** 2))
        if hint is not None:
            missed = (grid[None] - hint[0]) ** 2 + (grid[:, None] - hint[1]) ** 2
            likely = np.maximum(UNHINTED * likely, np.exp(-missed / (2 * (REACH_MM / 2 + spread_mm) ** 2)))
        favoured = total * likely
        row, column = np.unravel_index(int(np.argmax(favoured)), favoured.shape)
        shift[i] = grid[column], grid[row]
        elsewhere = favoured[np.hypot(grid[None] - shift[i, 0], grid[:, None] - shift[i, 1]) > APART_MM]
        clear = favoured[row, column] >= CLEARER * float(elsewhere.max(initial=0.0))
        votes[i] = total[row, column] if clear and total[row, column] >= SUPPORT else 0.0
    return shift, votes


def _through_affine(moved: Points, other: Points, weight: Numbers, widest: float) -> Points:
    """Shifted places taken on by an affine map through what they lie near."""
    base = moved.copy()
    for _ in range(AFFINE_ROUNDS):
        nearest, trust = _near(moved, other, weight, widest)
        if np.count_nonzero(trust > 0.05) < AFFINE_FROM:
            return moved
        middle = np.average(base, axis=0, weights=trust)
        given = np.c_[base - middle, np.ones(len(base))]
        firm = np.diag([(STRETCH_FIRM / TURN) ** 2, (STRETCH_FIRM / TURN) ** 2, 1e-3])
        normal = (given * trust[:, None]).T @ given + firm
        away = other[nearest] - base
        moved = base + given @ np.linalg.solve(normal, (given * trust[:, None]).T @ away)
    return moved


def _smoothly(moved: Points, other: Points, weight: Numbers, widest: float) -> Points:
    """Places taken on by what those around are still missed by: a wide group is bent, not only stretched."""
    apart = np.hypot(*(moved[:, None] - moved[None]).transpose(2, 0, 1))
    kernel = np.exp(-((apart / SMOOTH_MM) ** 2) / 2)
    np.fill_diagonal(kernel, 0)  # its own nearest neighbour may be another one
    for _ in range(SMOOTH_ROUNDS):
        nearest, trust = _near(moved, other, weight, widest)
        share = kernel * trust[None]
        away = share @ (other[nearest] - moved) / (share.sum(axis=1, keepdims=True) + SMOOTH_FIRM)
        moved = moved + away
    return moved


def _near(moved: Points, other: Points, weight: Numbers, widest: float) -> tuple[Index, Numbers]:
    """The nearest of the others to each, and how far that is to be believed."""
    found = cKDTree(other).query(moved)
    distance, nearest = np.asarray(found[0]), np.asarray(found[1], dtype=np.intp)
    trust = np.clip(1 - (distance / (1.5 * widest)) ** 2, 0, None) ** 2
    return nearest, trust * weight[np.arange(len(moved)), nearest]


def _widest(other: Points, probability: Numbers) -> float:
    """Greatest distance of a pair: further where calcifications lie further apart, for so they are not mixed
    up, and parallax moves them as far as the breast is turned."""
    return float(np.clip(SPACING_SHARE * _spacing(other, probability), TIGHT_MM, WIDEST_MM))


def _spacing(points: Points, probability: Numbers) -> float:
    """Median distance of probable calcifications to the next, mm; 0 where there are fewer than two."""
    likely = points[probability >= LIKELY]
    if len(likely) < 2:
        return 0.0
    return float(np.median(np.asarray(cKDTree(likely).query(likely, k=2)[0])[:, 1]))


def _tight(distance: Numbers, widest: float) -> float:
    """How near a pair must lie, mm, where the nearest quarter of all lie as near as they do: of deviations
    that are normal in both directions a quarter lies within 0.76 sigma, and nearly all within 3.5."""
    quarter = float(np.quantile(distance.min(axis=1), 0.25))
    return float(np.clip(3.5 / 0.76 * quarter, TIGHTEST_MM, widest))
