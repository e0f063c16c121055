"""A finding in two views of two exams: which of its calcifications are the same, which came and which went.

A calcification that only one exam shows has come or gone, or the other exam missed it, or it is none. Its own
probability, the chance that the other exam would have shown it (:mod:`calcscope.priors.limit`) and how many
of its neighbours are found in both say how likely each is (Bayes' rule, over all shares of those that were
there before). The sum over all gives the distribution of the change in number.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from calcscope import lexicon
from calcscope.exam.model import Points
from calcscope.groups.pairing import assigned
from calcscope.priors.limit import (
    ENOUGH_PAIRS,
    chance_at,
    detection_curve,
    expected_snr,
    limit_mm,
    parted,
    signal_ratio,
)
from calcscope.priors.match import SPAN_SHARE, GroupMatch, match_groups, match_specks
from calcscope.priors.model import LIKELY, Index, Members, Numbers, Paired, Viewed, ViewPair

NONE = np.zeros(0, dtype=np.intp)
SHARES = 19
"""Shares of calcifications that were there before, between none and all, that are weighed."""
HIDDEN, LEAST_SEEN = 8, 0.5
"""Most calcifications that are taken to have come with one that was seen, itself counted, and the least
chance of being seen that is believed of what was."""
AROUND_MM = 8.0
"""Around a finding, what is matched with it: neighbours tell where it lies, and are not taken for its own."""
SHOWN_BEYOND_MM = 5.0
"""Beyond the breast's border a place still counts as shown: the registration is that inexact at the skin."""
CROWD_MM = 4.0
"""Most that the place of a crowd is widened by the registration's error."""
DIM = 0.25
"""What may be wanting of a whole number because marks are faint or pairs might be chance."""
REACH_ERRORS, REACH_MM = 3.0, 3.0
"""Around a place in the other view, so many times the error and so many mm, its counterpart is looked for."""


# --- two views ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Compared:
    """Two views compared: which groups match, and what each view could show of the other's calcifications.

    Parameters
    ----------
    pair : the two views
    groups : one to one
    snr_then, chance_then : (n,) of the current view's calcifications: signal to noise ratio expected in the
        earlier view, and chance of being found there
    snr_now, chance_now : (m,) of the earlier view's, in the current one
    """

    pair: ViewPair
    groups: tuple[GroupMatch, ...]
    snr_then: Numbers
    chance_then: Numbers
    snr_now: Numbers
    chance_now: Numbers

    def prior_group(self, group: int) -> int | None:
        """The earlier view's group that a group of the current view is."""
        return next((match.prior for match in self.groups if match.current == group), None)

    def current_group(self, group: int) -> int | None:
        """The current view's group that a group of the earlier view is."""
        return next((match.current for match in self.groups if match.prior == group), None)


def compare_views(pair: ViewPair) -> Compared:
    """Match the groups of two views, and find what each view could show of the other."""
    groups = tuple(match_groups(pair))
    sure = [
        _paired(pair, pair.current.groups[i].members, pair.prior.groups[j].members)
        for i, j, *_ in groups
        if i is not None and j is not None
    ]
    known = [paired for paired in sure if paired.supported]
    every = Paired(
        np.concatenate([NONE, *(paired.current for paired in known)]),
        np.concatenate([NONE, *(paired.prior for paired in known)]),
        np.zeros(sum(len(paired.current) for paired in known)),
    )
    ratio = signal_ratio(pair, every)
    then, now = expected_snr(pair, "prior", ratio), expected_snr(pair, "current", ratio)
    return Compared(
        pair,
        groups,
        then,
        chance_at(then, pair.current, pair.prior.info.pixel_mm),
        now,
        chance_at(now, pair.prior, pair.current.info.pixel_mm),
    )


def _paired(pair: ViewPair, now: Index, then: Index) -> Paired:
    """Calcifications of a finding and of what lies around it in both views, matched."""
    ours, theirs = pair.current.specks, pair.prior.specks
    known = np.concatenate([pair.there_mm[now], theirs.xy_mm[then]])
    error = pair.error_mm[now] if len(now) else pair.error_at_mm(pair.back_mm[then])
    reach = float(np.max(error, initial=0.0)) * REACH_ERRORS + REACH_MM
    near = np.flatnonzero(_within(pair.there_mm, known, AROUND_MM) & (ours.probability >= LIKELY))
    if not len(now):
        near = np.flatnonzero(_within(pair.there_mm, known, reach))
    other = np.flatnonzero(_within(theirs.xy_mm, known, reach + AROUND_MM))
    hint, spread = None, 0.0
    if len(now) and len(then):
        hint = theirs.xy_mm[then].mean(axis=0) - pair.there_mm[now].mean(axis=0)
        spread = SPAN_SHARE * max(span_mm(pair.there_mm[now]), span_mm(theirs.xy_mm[then]))
    return match_specks(pair, np.union1d(now, near), np.union1d(then, other), hint, spread)


def _within(points: Points, of: Points, reach: float) -> NDArray[np.bool_]:
    """Which points, (n, 2), lie within reach of any of the others."""
    if not len(points) or not len(of):
        return np.zeros(len(points), dtype=bool)
    distance = np.hypot(*(points[:, None] - of[None]).transpose(2, 0, 1))
    return np.asarray(distance.min(axis=1) <= reach)


# --- a finding in two views -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """A finding in a pair of views.

    Parameters
    ----------
    now, then : indices of its calcifications in the current and in the earlier view
    paired : which of them are the same, or the same as something beside it
    missing_now, missing_then : of ``then`` and ``now``, those that the other view does not show
    crowd : whether the other view shows a crowd in its place that was not grouped there
    shown : whether the other view shows its place
    error_mm : how exactly the views are laid on one another there
    expected : how many of ``now`` (of ``then`` where there are none) the other view would show
    unlikely : chance that it would have shown too few of them to be recognised, were all there
    found_now, found_then : how many each view shows; where it has no such finding, how many of the other's,
        those that may be none left out
    comparable_now, comparable_then : of them that both views can show
    came, went : chance of each number that came since, and that went, (k,) from 0 on
    change : chance of each change in number, from ``-lowest`` on
    lowest : the least change in ``change``
    limit_now_mm, limit_then_mm : diameter found in every second case
    """

    compared: Compared
    now: Index
    then: Index
    group_now: int | None
    group_then: int | None
    paired: Paired
    missing_then: Index
    missing_now: Index
    crowd: bool
    shown: bool
    error_mm: float
    expected: float
    unlikely: float
    found_now: int
    found_then: int
    comparable_now: float
    comparable_then: float
    came: Numbers
    went: Numbers
    change: Numbers
    lowest: int
    limit_now_mm: float | None
    limit_then_mm: float | None

    @property
    def below_limit_then(self) -> int:
        """How many of ``now`` are not found then and would be in fewer than every second case."""
        return round(len(self.now) - self.comparable_now) if len(self.now) else 0

    @property
    def below_limit_now(self) -> int:
        """How many of ``then`` are not found now and would be in fewer than every second case."""
        return round(len(self.then) - self.comparable_then)

    @property
    def faint_then(self) -> int:
        """How many of ``then`` are doubtful marks, known by what is found in their place now."""
        return len(self.then) - self.found_then

    @property
    def outside_now(self) -> int:
        """How many of ``then`` are found now, but are not of this finding."""
        if not len(self.now):
            return 0
        partners = self.paired.current[np.isin(self.paired.prior, self.then)]
        return int(np.count_nonzero(~np.isin(partners, self.now)))

    @property
    def before(self) -> float:
        """How many of ``now`` were there before, beyond what chance pairs; faint marks count for less."""
        partners = self.paired.prior[np.isin(self.paired.current, self.now)]
        return self._found(np.sqrt(self.compared.pair.prior.specks.probability[partners]))

    @property
    def after(self) -> float:
        """How many of ``then`` are still there: what is doubtful now is not called still there."""
        partners = self.paired.current[np.isin(self.paired.prior, self.then)]
        return self._found(self.compared.pair.current.specks.probability[partners])

    def _found(self, weight: Numbers) -> float:
        return max(0.0, float(weight.sum()) - self.paired.chance)


def outcome(compared: Compared, now: Members | None, then: Members | None) -> Outcome:
    """What became of a finding in one view.

    Parameters
    ----------
    compared : the views
    now, then : the finding in the current and in the earlier view; None where it is not seen. A group's
        counterpart is found where ``then`` (or ``now``) is None.
    """
    pair = compared.pair
    ours, theirs = pair.current.specks, pair.prior.specks
    group_now, group_then = now.group if now else None, then.group if then else None
    if then is None and group_now is not None:
        group_then = compared.prior_group(group_now)
        then = None if group_then is None else Members(group_then, pair.prior.groups[group_then].members)
    if now is None and group_then is not None:
        group_now = compared.current_group(group_then)
        now = None if group_now is None else Members(group_now, pair.current.groups[group_now].members)
    here = now.specks if now else NONE
    there = then.specks if then else NONE
    paired = _paired(pair, here, there)
    if group_now is not None and then is None and not paired.supported:
        there = _crowd(pair.prior, pair.there_mm[here], pair.error_mm[here])
    if group_then is not None and now is None and not paired.supported:
        here = _crowd(pair.current, pair.back_mm[there], pair.error_at_mm(pair.back_mm[there]))
    crowd = not paired.supported and bool(
        (group_now is not None and then is None and len(there))
        or (group_then is not None and now is None and len(here))
    )
    # A pair whose one half belongs to it makes the other one part of what was counted then, or is now.
    if not paired.supported and group_now is not None and group_then is not None:
        paired = Paired.none()  # the groups are the same, but nobody can tell which of them is which
    there = np.union1d(there, paired.prior[np.isin(paired.current, here)]).astype(np.intp)
    extra = paired.current[np.isin(paired.prior, there) & ~np.isin(paired.current, here)]
    known = paired if not crowd else _any_of(pair, here, there)
    missing_then = here[~np.isin(here, known.current) & ~np.isin(here, known.also_current)]
    missing_now = there[~np.isin(there, known.prior) & ~np.isin(there, known.also_prior)]
    both = len(here) - len(missing_then)
    partners = paired.current[np.isin(paired.prior, there)]
    still = int(np.count_nonzero(ours.probability[partners] >= LIKELY)) if not len(here) else both
    then_count = int(np.count_nonzero(theirs.probability[there] >= LIKELY))

    snr_then, snr_now = _corrected(compared, paired)
    chance_then = chance_at(snr_then, pair.current, pair.prior.info.pixel_mm)
    chance_now = chance_at(snr_now, pair.prior, pair.current.info.pixel_mm)
    curve = detection_curve()
    shown_now = curve.own_snr(ours, pair.current_ground)
    shown_then = curve.own_snr(theirs, pair.prior_ground)
    own_now = curve.chance(shown_now) * parted(pair.current, pair.current.info.pixel_mm)
    own_then = curve.chance(shown_then) * parted(pair.prior, pair.prior.info.pixel_mm)
    gained = _came(ours.probability[missing_then], chance_then[missing_then], own_now[missing_then], both)
    lost = _came(theirs.probability[missing_now], chance_now[missing_now], own_then[missing_now],
                 both + len(extra))  # fmt: skip
    visible = (
        (ours.probability * chance_then)[here] if len(here) else (theirs.probability * chance_now)[there]
    )
    recognised = int(min(lexicon.changes().recognised_from.value, np.ceil(len(visible) / 2)))
    grouped = group_now is not None or group_then is not None
    change = np.convolve(gained, lost[::-1])
    least = lexicon.changes().comparable_from.value
    place = pair.there_mm[here] if len(here) else pair.back_mm[there]
    error = pair.error_mm[here] if len(here) else pair.error_at_mm(place)
    shown = _shown(pair.prior if len(here) else pair.current, place, error)
    return Outcome(
        compared=compared,
        now=here,
        then=there,
        group_now=group_now,
        group_then=group_then,
        paired=paired,
        missing_then=missing_then,
        missing_now=missing_now,
        crowd=crowd,
        shown=bool(shown.mean() >= lexicon.changes().least_shown.value) if len(shown) else False,
        error_mm=float(np.median(error)) if len(error) else np.inf,
        expected=float(visible.sum()),
        unlikely=_fewer_than(recognised if grouped else 1, visible),
        found_now=len(here) or still,
        found_then=max(then_count, len(then.specks) if then else 0),
        comparable_now=(both if len(here) else still)
        + float(np.count_nonzero(chance_then[missing_then] >= least)),
        comparable_then=len(there)
        - len(missing_now)
        + float(np.count_nonzero(chance_now[missing_now] >= least)),
        came=gained,
        went=lost,
        change=change,
        lowest=-(len(lost) - 1),
        limit_now_mm=limit_mm(ours, here, shown_now, pair.current.info.pixel_mm)
        if len(here)
        else limit_mm(theirs, there, snr_now, pair.current.info.pixel_mm),
        limit_then_mm=limit_mm(ours, here, snr_then, pair.prior.info.pixel_mm)
        if len(here)
        else limit_mm(theirs, there, shown_then, pair.prior.info.pixel_mm),
    )


def _fewer_than(count: int, chance: Numbers) -> float:
    """Chance that fewer than ``count`` things happen, each with a chance of its own."""
    total = np.ones(1)
    for one in chance:
        total = np.convolve(total, [1 - one, one])
    return float(total[:count].sum())


def _crowd(view: Viewed, place: Points, error_mm: Numbers) -> Index:
    """The calcifications where a group of the other exam should lie, if they are a crowd.

    Where no constellation is recognised and no group was formed, marks that lie there more densely than
    elsewhere in the view are taken for what the group was.
    """
    specks = view.specks
    reach = min(float(np.median(error_mm)), CROWD_MM)
    likely = specks.probability >= LIKELY
    there = np.flatnonzero(likely & _within(specks.xy_mm, place, reach))
    area = np.pi * (span_mm(place) / 2 + reach) ** 2
    whole = max(float(np.count_nonzero(view.breast.mask)) * specks.pixel_mm**2, area)
    usual = float(specks.probability[likely].sum()) * area / whole
    excess = float(specks.probability[there].sum()) - usual
    return there if excess >= present_from(len(place)) else NONE


def _any_of(pair: ViewPair, here: Index, there: Index) -> Paired:
    """A group and the crowd in its place, paired for their number alone: nobody can tell which is which."""
    apart = np.hypot(
        *(pair.there_mm[here][:, None] - pair.prior.specks.xy_mm[there][None]).transpose(2, 0, 1)
    )
    first, second = assigned(apart, np.inf)
    return Paired(here[first], there[second], apart[first, second])


def present_from(count: int) -> float:
    """How many of a group of so many make one that the other exam shows."""
    few = min(lexicon.changes().new_from.value, count / 2)
    return max(few, lexicon.changes().new_share.value * count) - DIM


def _corrected(compared: Compared, paired: Paired) -> tuple[Numbers, Numbers]:
    """Expected ratios with what the finding's own pairs say: what grew was fainter then."""
    if len(paired.current) < ENOUGH_PAIRS:
        return compared.snr_then, compared.snr_now
    ratio = signal_ratio(compared.pair, paired)
    return expected_snr(compared.pair, "prior", ratio), expected_snr(compared.pair, "current", ratio)


def _shown(view: Viewed, xy_mm: Points, error_mm: Numbers) -> NDArray[np.bool_]:
    """Whether a view shows places, (n, 2) mm, as far as their error lets one tell."""
    step = max(1, round(1.0 / view.info.pixel_mm))
    mask = np.ascontiguousarray(view.breast.mask[::step, ::step]).astype(np.uint8)
    side = 2 * round(SHOWN_BEYOND_MM / (step * view.info.pixel_mm)) + 1
    mask = np.asarray(cv2.dilate(mask, np.ones((side, side), np.uint8)))
    rows, columns = mask.shape
    at = xy_mm / (step * view.info.pixel_mm)
    column, row = np.floor(at).astype(np.intp).T
    inside = (column >= 0) & (row >= 0) & (row < rows) & (column < columns)
    shown = np.zeros(len(at), dtype=bool)
    shown[inside] = mask[row[inside], column[inside]] > 0
    # Behind the chest wall's edge the film ends: what lies nearer to it than half the error may be beyond.
    return np.asarray(shown & (xy_mm[:, 0] >= error_mm / 2))


def _came(probability: Numbers, shown: Numbers, own: Numbers, both: int) -> Numbers:
    """Chance of each number of calcifications that came since, (k,) from 0 on.

    Parameters
    ----------
    probability : (n,) that each mark found in this exam alone is a calcification
    shown : (n,) chance that the other exam would have shown it
    own : (n,) chance that this exam shows one like it: for each that came some came unseen
    both : how many are found in both exams
    """
    # For each share of those now that were there before: how well it explains what was found, and how many
    # came. All shares are taken for alike beforehand.
    share = np.linspace(0, 1, SHARES + 2)[1:-1, None]
    missed = probability * share * (1 - shown)
    new = probability * (1 - share)
    fit = both * np.log(share[:, 0]) + np.log(1 - probability + missed + new).sum(axis=1)
    weight = np.exp(fit - fit.max())
    came = new / (1 - probability + missed + new)
    seen = np.clip(own, LEAST_SEEN, 1.0)
    total = np.zeros(len(probability) * HIDDEN + 1)
    for k in range(SHARES):
        one = np.ones(1)
        for chance, known in zip(came[k], seen, strict=True):
            more = known * (1 - known) ** np.arange(HIDDEN)
            one = np.convolve(one, np.concatenate([[1 - chance], chance * more / more.sum()]))
        total += weight[k] * one
    return np.asarray(np.trim_zeros(total / total.sum(), "b"))


def span_mm(points: Points) -> float:
    """Greatest distance of two points, (n, 2) mm."""
    return float(pdist(points).max()) if len(points) > 1 else 0.0
