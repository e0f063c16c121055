"""What became of a finding since an earlier exam, and how surely.

A calcification that only one exam shows has come or gone, or the other exam missed it, or it is none. Its own
probability, the chance that the other exam would have shown it (:mod:`calcscope.priors.limit`) and how many
of its neighbours are found in both say how likely each is (Bayes' rule; the share of those that were there
before by expectation maximisation). The sum over all gives the distribution of the change in number, whose
quantiles are the interval. Several views of a finding each have such a distribution; their mean counts, so
that what one view alone shows widens the interval rather than deciding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist

from calcscope import lexicon
from calcscope.describe.model import GroupDescription
from calcscope.exam.model import Points
from calcscope.lexicon.model import Figure
from calcscope.priors.limit import chance_at, contrast_ratio, detection_curve, expected_snr, limit_mm, parted
from calcscope.priors.match import GroupMatch, match_groups, match_specks
from calcscope.priors.model import (
    Change,
    Index,
    Members,
    Moment,
    Numbers,
    Paired,
    Status,
    Viewed,
    ViewPair,
    in_order,
)

NONE = np.zeros(0, dtype=np.intp)
ROUNDS = 30
"""Of expectation maximisation."""
HIDDEN = 8
"""Most calcifications that came unseen with one that was seen."""
AROUND_MM = 2.0
"""Around a finding, what is matched with it lest a neighbour be taken for one of its own."""
LIKELY = 0.25
"""Least probability of a mark that is counted."""
ENOUGH_PAIRS = 5
SHOWN_BEYOND_MM = 5.0
"""Beyond the breast's border a place still counts as shown: the registration is that inexact at the skin."""
REACH_ERRORS, REACH_MM = 3.0, 3.0
"""Around a place in the other view, so many times the error and so many mm, its counterpart is looked for."""


@cache
def figure(name: str) -> float:
    """A threshold of ``lexicon/data/change.yaml``."""
    return Figure.model_validate(lexicon.load("change")[name]).value


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
    ratio = contrast_ratio(pair, every)
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
    other = np.flatnonzero(_within(theirs.xy_mm, known, reach))
    return match_specks(pair, np.union1d(now, near), np.union1d(then, other))


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
    shown : whether the other view shows its place
    error_mm : how exactly the views are laid on one another there
    expected : how many of ``now`` (of ``then`` where there are none) the other view would show
    comparable_now, comparable_then : of them that both views can show
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
    shown: bool
    error_mm: float
    expected: float
    comparable_now: float
    comparable_then: float
    change: Numbers
    lowest: int
    limit_now_mm: float | None
    limit_then_mm: float | None

    @property
    def before(self) -> float:
        """How many of ``now`` were there before, beyond what chance pairs."""
        return max(0.0, len(self.now) - len(self.missing_then) - self.paired.chance)

    @property
    def after(self) -> float:
        """How many of ``then`` are still there."""
        return max(0.0, len(self.then) - len(self.missing_now) - self.paired.chance)


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
    # A pair whose one half belongs to it makes the other one part of what was counted then, or is now.
    there = np.union1d(there, paired.prior[np.isin(paired.current, here)]).astype(np.intp)
    extra = paired.current[np.isin(paired.prior, there) & ~np.isin(paired.current, here)]
    missing_then = here[~np.isin(here, paired.current)]
    missing_now = there[~np.isin(there, paired.prior)]
    both = len(here) - len(missing_then)

    snr_then, snr_now = _corrected(compared, paired)
    chance_then = chance_at(snr_then, pair.current, pair.prior.info.pixel_mm)
    chance_now = chance_at(snr_now, pair.prior, pair.current.info.pixel_mm)
    curve = detection_curve()
    own_now = curve.chance(ours.snr) * parted(pair.current, pair.current.info.pixel_mm)
    own_then = curve.chance(theirs.snr) * parted(pair.prior, pair.prior.info.pixel_mm)
    gained = _came(ours.probability[missing_then], chance_then[missing_then], own_now[missing_then], both)
    lost = _came(theirs.probability[missing_now], chance_now[missing_now], own_then[missing_now],
                 both + len(extra))  # fmt: skip
    change = np.convolve(gained, lost[::-1])
    least = figure("comparable_from")
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
        shown=bool(shown.mean() >= figure("least_shown")) if len(shown) else False,
        error_mm=float(np.median(error)) if len(error) else np.inf,
        expected=float((ours.probability * chance_then)[here].sum())
        if len(here)
        else float((theirs.probability * chance_now)[there].sum()),
        comparable_now=both + float(np.count_nonzero(chance_then[missing_then] >= least)),
        comparable_then=both + float(np.count_nonzero(chance_now[missing_now] >= least)),
        change=change,
        lowest=-(len(lost) - 1),
        limit_now_mm=limit_mm(ours, here, ours.snr, pair.current.info.pixel_mm)
        if len(here)
        else limit_mm(theirs, there, snr_now, pair.current.info.pixel_mm),
        limit_then_mm=limit_mm(ours, here, snr_then, pair.prior.info.pixel_mm)
        if len(here)
        else limit_mm(theirs, there, theirs.snr, pair.prior.info.pixel_mm),
    )


def _corrected(compared: Compared, paired: Paired) -> tuple[Numbers, Numbers]:
    """Expected ratios with what the finding's own pairs say: what grew was fainter then."""
    if len(paired.current) < ENOUGH_PAIRS:
        return compared.snr_then, compared.snr_now
    ours, theirs = compared.pair.current.specks, compared.pair.prior.specks
    then = np.median(np.log(theirs.snr[paired.prior] / compared.snr_then[paired.current]))
    now = np.median(np.log(ours.snr[paired.current] / compared.snr_now[paired.prior]))
    return compared.snr_then * np.exp(then), compared.snr_now * np.exp(now)


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


def _came(probability: Numbers, missed_unless: Numbers, own: Numbers, both: int) -> Numbers:
    """Chance of each number of calcifications that came since, (k,) from 0 on.

    Parameters
    ----------
    probability : (n,) that each mark found in this exam alone is a calcification
    missed_unless : (n,) chance that the other exam would have shown it
    own : (n,) chance that this exam shows one like it: for each that came some came unseen
    both : how many are found in both exams
    """
    share = 0.5
    came = probability.copy()
    for _ in range(ROUNDS):
        missed = share * (1 - missed_unless)
        came = probability * (1 - share) / (1 - share + missed)
        share = (1 + both + float(np.sum(probability - came))) / (2 + both + float(np.sum(probability)))
    total = np.ones(1)
    for chance, seen in zip(came, own, strict=True):
        seen = max(float(seen), 0.5)
        more = seen * (1 - seen) ** np.arange(HIDDEN)
        total = np.convolve(total, np.concatenate([[1 - chance], chance * more / more.sum()]))
    return total


# --- a finding in all views -----------------------------------------------------------------------------


def change_of(
    outcomes: Sequence[Outcome], kind: str | None = None, years: float | None = None,
    then: str = "the earlier exam",
) -> Change:  # fmt: skip
    """What became of a finding.

    Parameters
    ----------
    outcomes : one for each view in which it could be compared
    kind : typically benign kind of the finding, or None
    years : between the exams
    then : how words name the earlier exam, such as ``2023``
    """
    reasons = lexicon.load("change")["reasons"]
    if not outcomes:
        return Change(("not_comparable",), reason=reasons["no_view"])
    shown = [one for one in outcomes if one.shown]
    exact = [one for one in shown if one.error_mm <= figure("greatest_error_mm") or _matched(one)]
    if not exact:
        error = min(one.error_mm for one in outcomes)
        reason = reasons["imprecise"].format(mm=f"{error:.0f}") if shown else reasons["not_shown"]
        return Change(("not_comparable",), _numbers(outcomes, years), reason=reason)
    present = any(len(one.now) for one in outcomes)
    seen = [_was_there(one) if present else _is_there(one) for one in outcomes]
    numbers, interval, limits = _numbers(exact, years), _intervals(exact), _limits(exact)
    if not any(seen):
        able = [one for one in exact if one.expected >= _enough(one)]
        if not able:
            reason = reasons["too_fine" if present else "too_fine_now"]
            return Change(("not_comparable",), numbers, interval, limits, _words(exact, (), then), reason)
        status: tuple[Status, ...] = ("new",) if present else ("resolved",)
    else:
        status = _changes(exact, numbers, interval) or ("unchanged",)
    trends = {lexicon.terms().change[term].trend for term in Change(status).terms}
    grew = "increasing" in trends
    words = _words(exact, status, then)
    if grew and kind is not None:
        words += (lexicon.load("change")["phrases"]["grows"],)
    return Change(status, numbers, interval, limits, words, raises_suspicion=grew and kind is None)


def _matched(one: Outcome) -> bool:
    return one.group_now is not None and one.group_then is not None


def _was_there(one: Outcome) -> bool:
    """Whether the earlier view shows a finding of the current one."""
    if _matched(one):
        return True
    lone = one.group_now is None
    least = 1.0 if lone else max(figure("new_from"), figure("new_share") * len(one.now))
    found = len(one.now) - len(one.missing_then) if lone else one.before
    return found >= least


def _is_there(one: Outcome) -> bool:
    """Whether the current view shows a finding of the earlier one."""
    if _matched(one):
        return True
    lone = one.group_then is None
    least = 1.0 if lone else max(figure("new_from"), figure("new_share") * len(one.then))
    found = len(one.then) - len(one.missing_now) if lone else one.after
    return found >= least


def _enough(one: Outcome) -> float:
    grouped = one.group_now is not None or one.group_then is not None
    return figure("least_expected" if grouped else "least_expected_lone")


def _changes(
    outcomes: Sequence[Outcome], numbers: dict[str, float], interval: dict[str, tuple[float, float]]
) -> tuple[Status, ...]:
    """What holds of a finding that both exams show, the most telling first."""
    found: list[Status] = []
    low, high = interval["count_change"]
    share = numbers["count_change"] / max(numbers["comparable_then"], 1.0)
    if low > 0 and share >= figure("least_count_change"):
        found.append("more")
    if high < 0 and share <= -figure("least_count_change"):
        found.append("fewer")
    if "size_ratio" in interval:
        smallest, largest = interval["size_ratio"]
        if smallest > 1 and numbers["size_ratio"] >= 1 + figure("least_size_change"):
            found.append("larger")
        if largest < 1 and numbers["size_ratio"] <= 1 / (1 + figure("least_size_change")):
            found.append("smaller")
    if "span_then_mm" in numbers:
        wider = numbers["span_now_mm"] - numbers["span_then_mm"]
        if wider >= max(
            figure("least_span_change_mm"), figure("least_span_change") * numbers["span_then_mm"]
        ) and low > 0:  # fmt: skip
            found.append("wider")
        elif "more" in found and numbers["density_ratio"] >= 1 + figure("least_density_change"):
            found.append("denser")
    described = [_described(one) for one in outcomes if _matched(one)]
    if any(_turned(then.morphology_probabilities, now.morphology_probabilities) for then, now in described):
        found.append("changed_morphology")
    if any(
        _turned(then.distribution_probabilities, now.distribution_probabilities) for then, now in described
    ):
        found.append("changed_distribution")
    return tuple(found)


def _described(one: Outcome) -> tuple[GroupDescription, GroupDescription]:
    """The group as described then and now."""
    assert one.group_now is not None
    assert one.group_then is not None
    pair = one.compared.pair
    return pair.prior.descriptions[one.group_then], pair.current.descriptions[one.group_now]


def _turned(then: object, now: object) -> bool:
    """Whether one term was sure then and another is now."""
    assert hasattr(then, "items")
    assert hasattr(now, "items")
    if not then or not now:
        return False
    was, had = max(then.items(), key=lambda item: item[1])
    term, has = max(now.items(), key=lambda item: item[1])
    sure = figure("term_certainty")
    return bool(was != term and "not_assessable" not in (was, term) and had >= sure and has >= sure)


def _numbers(outcomes: Sequence[Outcome], years: float | None) -> dict[str, float]:
    best = max(outcomes, key=lambda one: max(len(one.now), len(one.then)))
    numbers = {
        "count_now": float(max(len(one.now) for one in outcomes)),
        "count_then": float(max(len(one.then) for one in outcomes)),
        "comparable_now": best.comparable_now,
        "comparable_then": best.comparable_then,
        "count_change": _mean(outcomes),
    }
    if years is not None:
        numbers["years"] = years
    ratios = np.concatenate([_size_ratios(one) for one in outcomes])
    if len(ratios) >= figure("least_sizes"):
        numbers["size_ratio"] = float(np.exp(np.median(ratios)))
    spans = [_spans(one) for one in outcomes if _matched(one)]
    if spans:
        now, then = (max(span[k] for span in spans) for k in (0, 1))
        numbers |= {"span_now_mm": now, "span_then_mm": then}
        numbers["density_ratio"] = float(np.median([_density_ratio(o) for o in outcomes if _matched(o)]))
    return numbers


def _intervals(outcomes: Sequence[Outcome]) -> dict[str, tuple[float, float]]:
    low = min(one.lowest for one in outcomes)
    high = max(one.lowest + len(one.change) for one in outcomes)
    total = np.zeros(high - low)
    for one in outcomes:
        start = one.lowest - low
        total[start : start + len(one.change)] += one.change / len(outcomes)
    intervals = {"count_change": quantiles(total, low, figure("interval"))}
    ratios = np.concatenate([_size_ratios(one) for one in outcomes])
    if len(ratios) >= figure("least_sizes"):
        # The median of n has 1.25 times the standard error of the mean; 1.645 of them hold 90 %.
        spread = 1.4826 * float(np.median(np.abs(ratios - np.median(ratios))))
        error = np.hypot(1.2533 * max(spread, 0.05) / np.sqrt(len(ratios)), figure("size_doubt"))
        middle = float(np.median(ratios))
        intervals["size_ratio"] = (
            float(np.exp(middle - 1.645 * error)),
            float(np.exp(middle + 1.645 * error)),
        )
    return intervals


def quantiles(chance: Numbers, low: int, within: float) -> tuple[float, float]:
    """The numbers from ``low`` on between which at least ``within`` of a distribution lies, as much to spare
    on either side."""
    total = np.cumsum(chance / chance.sum())
    tail = (1 - within) / 2
    return float(low + int(np.searchsorted(total, tail, side="right"))), float(
        low + int(np.searchsorted(total, 1 - tail - 1e-12))
    )


def _mean(outcomes: Sequence[Outcome]) -> float:
    means = [
        float(np.sum(one.change * (one.lowest + np.arange(len(one.change)))) / one.change.sum())
        for one in outcomes
    ]
    return float(np.mean(means))


def _size_ratios(one: Outcome) -> Numbers:
    """Logarithms of size now over then of the same calcifications, of those wide enough to be measured."""
    pair, own = one.compared.pair, np.isin(one.paired.current, one.now)
    now, then = pair.current.specks, pair.prior.specks
    i, j = one.paired.current[own], one.paired.prior[own]
    least = lexicon.sizes().size_pixels.value * max(now.pixel_mm, then.pixel_mm)
    wide = (now.width_mm[i] >= least) & (then.width_mm[j] >= least)
    return np.log(now.diameter_mm[i[wide]] / then.diameter_mm[j[wide]])


def _spans(one: Outcome) -> tuple[float, float]:
    """Extent now and then, mm, of what both views can show."""
    pair, least = one.compared.pair, figure("comparable_from")
    now = one.now[~np.isin(one.now, one.missing_then) | (one.compared.chance_then[one.now] >= least)]
    then = one.then[~np.isin(one.then, one.missing_now) | (one.compared.chance_now[one.then] >= least)]
    return _span(pair.current.specks.xy_mm[now]), _span(pair.prior.specks.xy_mm[then])


def _span(points: Points) -> float:
    return float(pdist(points).max()) if len(points) > 1 else 0.0


def _density_ratio(one: Outcome) -> float:
    assert one.group_now is not None
    assert one.group_then is not None
    pair = one.compared.pair
    return (
        pair.current.groups[one.group_now].density_per_cm2 / pair.prior.groups[one.group_then].density_per_cm2
    )


def _limits(outcomes: Sequence[Outcome]) -> dict[str, float]:
    limits = {}
    for name, values in (
        ("now_mm", [one.limit_now_mm for one in outcomes]),
        ("then_mm", [one.limit_then_mm for one in outcomes]),
    ):
        known = [value for value in values if value is not None]
        if known:
            limits[name] = float(min(known))
    return limits


def _words(outcomes: Sequence[Outcome], status: tuple[Status, ...], then: str) -> tuple[str, ...]:
    """Sentences for the reader."""
    say, numbers, limits = lexicon.load("change")["phrases"], _numbers(outcomes, None), _limits(outcomes)
    best = max(outcomes, key=lambda one: max(len(one.now), len(one.then)))
    words = []
    of = max(len(best.now), len(best.then))
    if status in (("new",), ("resolved",)):
        expected = max(one.expected for one in outcomes)
        words.append(say[status[0]].format(then=then, expected=f"about {min(expected, of):.0f}", of=of))
    else:
        low, high = _intervals(outcomes)["count_change"]
        count = int(numbers["count_now"])
        words.append(
            say["counts"].format(
                then=then, count_then=int(numbers["count_then"]), count_now=count,
                noun="calcification" if count == 1 else "calcifications",
            )
        )  # fmt: skip
        words.append(
            say["comparable"].format(
                comparable_then=int(numbers["comparable_then"]),
                comparable_now=int(numbers["comparable_now"]),
                change=_signed(numbers["count_change"]), low=_signed(low), high=_signed(high),
                percent=round(100 * figure("interval")),
            )
        )  # fmt: skip
        unseen = int(len(best.now) - numbers["comparable_now"])
        if unseen > 0:
            words.append(say["unseen"].format(count=unseen, of=len(best.now), then=then))
    if "larger" in status or "smaller" in status:
        ratio = numbers["size_ratio"]
        words.append(
            say["sizes"].format(
                percent=round(100 * abs(ratio - 1)), larger="larger" if ratio > 1 else "smaller", then=then
            )
        )
    if "then_mm" in limits:
        words.append(say["limit_then"].format(mm=f"{limits['then_mm']:.2g}", then=then))
    if "now_mm" in limits:
        words.append(say["limit_now"].format(mm=f"{limits['now_mm']:.2g}"))
    return tuple(words)


def _signed(value: float) -> str:
    return f"{value:+.0f}" if round(value) else "0"


# --- several exams --------------------------------------------------------------------------------------


def trend(date: str, changes: Sequence[tuple[str, Change]]) -> tuple[Moment, ...]:
    """A finding over several exams, oldest first.

    Parameters
    ----------
    date : ISO date of the current exam
    changes : for each earlier exam its ISO date and the change since it

    Returns
    -------
    One moment for each earlier exam with what the current exam is against it, and the current one last
    """
    moments = [
        Moment(when, int(change.numbers.get("count_then", 0)), change.numbers.get("span_then_mm"),
               change.status)
        for when, change in changes
    ]  # fmt: skip
    latest = max(changes, key=lambda one: one[0])[1] if changes else None
    count = int(latest.numbers.get("count_now", 0)) if latest else 0
    span = latest.numbers.get("span_now_mm") if latest else None
    return in_order([*moments, replace(Moment(date, count, span))])
