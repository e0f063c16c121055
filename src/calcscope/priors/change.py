"""What became of a finding since an earlier exam, and how surely.

Several views of a finding each have a distribution of the change in number (:mod:`calcscope.priors.compare`);
their mean counts, so that what one view alone shows widens the interval rather than deciding. A finding that
both exams show has changed only where the interval leaves zero out and the change is as large as the lexicon
asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

from calcscope import lexicon
from calcscope.describe.model import GroupDescription
from calcscope.priors.compare import Outcome, span_mm
from calcscope.priors.model import Change, Index, Moment, Numbers, Status, in_order


def change_of(
    outcomes: Sequence[Outcome], kind: str | None = None, years: float | None = None,
    then: str = "the earlier exam", reason: str | None = None,
) -> Change:  # fmt: skip
    """What became of a finding.

    Parameters
    ----------
    outcomes : one for each view in which it could be compared
    kind : typically benign kind of the finding, or None
    years : between the exams
    then : how words name the earlier exam, such as ``2023``
    reason : why no view could be compared, where there is no outcome
    """
    rules = lexicon.changes()
    reasons = rules.reasons
    if not outcomes:
        return Change(("not_comparable",), reason=reason or reasons.no_view)
    shown = [one for one in outcomes if one.shown]
    exact = [one for one in shown if one.error_mm <= rules.greatest_error_mm.value or _matched(one)]
    if not exact:
        error = min(one.error_mm for one in outcomes)
        reason = reasons.imprecise.format(mm=f"{error:.0f}") if shown else reasons.not_shown
        return Change(("not_comparable",), _numbers(outcomes, years), reason=reason)
    present = any(len(one.now) for one in outcomes)
    seen = [_was_there(one) if present else _is_there(one) for one in outcomes]
    numbers, interval, limits = _numbers(exact, years), _intervals(exact), _limits(exact)
    if not any(seen):
        # That all views should have missed it is as likely as each of them together.
        if np.prod([one.unlikely for one in exact]) > rules.greatest_chance_of_missing.value:
            reason = reasons.too_fine if present else reasons.too_fine_now
            # Without knowing what the other image missed the change has no interval.
            words = _words(exact, ("not_comparable",), then)
            return Change(("not_comparable",), numbers, {}, limits, words, reason)
        status: tuple[Status, ...] = ("new",) if present else ("resolved",)
    else:
        status = _changes(exact, numbers, interval) or ("unchanged",)
    trends = {lexicon.terms().change[term].trend for term in Change(status).terms}
    grew = "increasing" in trends
    words = _words(exact, status, then)
    return Change(status, numbers, interval, limits, words, raises_suspicion=grew and kind is None)


def _matched(one: Outcome) -> bool:
    return one.group_now is not None and one.group_then is not None


def _was_there(one: Outcome) -> bool:
    """Whether the earlier view shows a finding of the current one."""
    return _matched(one) or _shows(one, one.group_now is None, one.now, one.missing_then, one.before)


def _is_there(one: Outcome) -> bool:
    """Whether the current view shows a finding of the earlier one."""
    return _matched(one) or _shows(one, one.group_then is None, one.then, one.missing_now, one.after)


def _shows(one: Outcome, lone: bool, members: Index, missing: Index, found: float) -> bool:
    """Whether the other view shows ``found`` of a finding's members, all but ``missing``: enough of a group,
    any of lone ones."""
    return len(missing) < len(members) if lone else one.crowd or found >= _present_from(len(members))


DIM = 0.25
"""What may be wanting of a whole number because marks are faint or pairs might be chance."""


def _present_from(count: int) -> float:
    """How many of a group of so many make one that the other exam shows."""
    few = min(lexicon.changes().new_from.value, count / 2)
    return max(few, lexicon.changes().new_share.value * count) - DIM


def _changes(
    outcomes: Sequence[Outcome], numbers: dict[str, float], interval: dict[str, tuple[float, float]]
) -> tuple[Status, ...]:
    """What holds of a finding that both exams show, the most telling first."""
    found: list[Status] = []
    least = lexicon.changes()
    low, high = interval["count_change"]
    share = numbers["count_change"] / max(numbers["comparable_then"], 1.0)
    if low > 0 and share >= least.least_count_change.value:
        found.append("more")
    if high < 0 and share <= -least.least_count_change.value:
        found.append("fewer")
    if "size_ratio" in interval:
        smallest, largest = interval["size_ratio"]
        if smallest > 1 and numbers["size_ratio"] >= 1 + least.least_size_change.value:
            found.append("larger")
        if largest < 1 and numbers["size_ratio"] <= 1 / (1 + least.least_size_change.value):
            found.append("smaller")
    if "span_then_mm" in numbers:
        wider = numbers["span_now_mm"] - numbers["span_then_mm"]
        enough = least.least_span_change.value * numbers["span_then_mm"]
        if wider >= max(least.least_span_change_mm.value, enough) and low > 0:
            found.append("wider")
        elif "more" in found and numbers["density_ratio"] >= 1 + least.least_density_change.value:
            found.append("denser")
    # The same calcifications at the same places under another word are another word, not another pattern.
    others = bool(found) or any(_replaced(one) for one in outcomes)
    described = [_described(one) for one in outcomes if others and _matched(one) and _many(one)]
    if any(_turned(then.morphology_probabilities, now.morphology_probabilities) for then, now in described):
        found.append("changed_morphology")
    if any(
        _turned(then.distribution_probabilities, now.distribution_probabilities) for then, now in described
    ):
        found.append("changed_distribution")
    return tuple(found)


def _many(one: Outcome) -> bool:
    """Whether there are enough to tell a shape and a distribution in both exams."""
    return min(len(one.now), len(one.then)) >= lexicon.groups().min_count.value


def _replaced(one: Outcome) -> bool:
    """Whether some came and others went, though each image would have shown the other's."""
    rules = lexicon.changes()
    pairs = (one.compared.chance_then[one.missing_then], one.compared.chance_now[one.missing_now])
    return all(
        np.count_nonzero(chance >= rules.comparable_from.value) >= rules.new_from.value for chance in pairs
    )


def _described(one: Outcome) -> tuple[GroupDescription, GroupDescription]:
    """The group as described then and now."""
    assert one.group_now is not None
    assert one.group_then is not None
    pair = one.compared.pair
    return pair.prior.descriptions[one.group_then], pair.current.descriptions[one.group_now]


def _turned(then: Mapping[str, float], now: Mapping[str, float]) -> bool:
    """Whether one term was sure then and another is now."""
    if not then or not now:
        return False
    was, had = max(then.items(), key=lambda item: item[1])
    term, has = max(now.items(), key=lambda item: item[1])
    sure = lexicon.changes().term_certainty.value
    return bool(was != term and "not_assessable" not in (was, term) and had >= sure and has >= sure)


def _numbers(outcomes: Sequence[Outcome], years: float | None) -> dict[str, float]:
    best = max(outcomes, key=lambda one: max(len(one.now), len(one.then)))
    numbers = {
        "count_now": float(max(one.found_now for one in outcomes)),
        "count_then": float(max(one.found_then for one in outcomes)),
        "comparable_now": best.comparable_now,
        "comparable_then": best.comparable_then,
        "count_change": _mean(outcomes),
    }
    if years is not None:
        numbers["years"] = years
    ratios = np.concatenate([_size_ratios(one) for one in outcomes])
    if len(ratios) >= lexicon.changes().least_sizes.value:
        numbers["size_ratio"] = float(np.exp(np.median(ratios)))
    spans = [_spans(one) for one in outcomes if _matched(one)]
    if spans:
        now, then = (max(span[k] for span in spans) for k in (0, 1))
        numbers |= {"span_now_mm": now, "span_then_mm": then}
        numbers["density_ratio"] = float(np.median([_density_ratio(o) for o in outcomes if _matched(o)]))
    return numbers


def _intervals(outcomes: Sequence[Outcome]) -> dict[str, tuple[float, float]]:
    rules = lexicon.changes()
    low = min(one.lowest for one in outcomes)
    high = max(one.lowest + len(one.change) for one in outcomes)
    total = np.zeros(high - low)
    for one in outcomes:
        start = one.lowest - low
        total[start : start + len(one.change)] += one.change / len(outcomes)
    intervals = {"count_change": quantiles(total, low, rules.interval.value)}
    ratios = np.concatenate([_size_ratios(one) for one in outcomes])
    if len(ratios) >= rules.least_sizes.value:
        # The median of n has 1.25 times the standard error of the mean.
        spread = 1.4826 * float(np.median(np.abs(ratios - np.median(ratios))))
        error = np.hypot(1.2533 * max(spread, 0.05) / np.sqrt(len(ratios)), rules.size_doubt.value)
        middle, beyond = float(np.median(ratios)), NormalDist().inv_cdf((1 + rules.interval.value) / 2)
        intervals["size_ratio"] = (
            float(np.exp(middle - beyond * error)),
            float(np.exp(middle + beyond * error)),
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
    pair, least = one.compared.pair, lexicon.changes().comparable_from.value
    now = one.now[~np.isin(one.now, one.missing_then) | (one.compared.chance_then[one.now] >= least)]
    then = one.then[~np.isin(one.then, one.missing_now) | (one.compared.chance_now[one.then] >= least)]
    return span_mm(pair.current.specks.xy_mm[now]), span_mm(pair.prior.specks.xy_mm[then])


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
    say, numbers, limits = lexicon.changes().phrases, _numbers(outcomes, None), _limits(outcomes)
    best = max(outcomes, key=lambda one: max(len(one.now), len(one.then)))
    words = []
    of = max(len(best.now), len(best.then))
    if status in (("new",), ("resolved",)):
        expected = f"about {min(max(one.expected for one in outcomes), of):.0f}"
        other = int(numbers["count_then" if status == ("new",) else "count_now"])
        if status == ("new",):
            template = say.new_but if other else say.new
        else:
            template = say.resolved_but if other else say.resolved
        words.append(template.format(then=then, count=other, expected=expected, of=of))
    elif status != ("not_comparable",):
        low, high = _intervals(outcomes)["count_change"]
        count_then, count_now = int(numbers["count_then"]), int(numbers["count_now"])
        words.append(say.counts.format(then=then, count_then=count_then, count_now=count_now))
        words.append(
            say.comparable.format(
                comparable_then=int(numbers["comparable_then"]),
                comparable_now=int(numbers["comparable_now"]),
                change=_signed(numbers["count_change"]), low=_signed(low), high=_signed(high),
                percent=round(100 * lexicon.changes().interval.value),
            )
        )  # fmt: skip
        unseen = int(len(best.now) - numbers["comparable_now"])
        if unseen > 0:
            words.append(say.unseen.format(count=unseen, of=len(best.now), then=then))
    if "larger" in status or "smaller" in status:
        ratio = numbers["size_ratio"]
        words.append(
            say.sizes.format(
                percent=round(100 * abs(ratio - 1)), larger="larger" if ratio > 1 else "smaller", then=then
            )
        )
    if "then_mm" in limits:
        words.append(say.limit_then.format(mm=f"{limits['then_mm']:.2g}", then=then))
    if "now_mm" in limits:
        words.append(say.limit_now.format(mm=f"{limits['now_mm']:.2g}"))
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
    One moment for each earlier exam that could be compared, with what the current exam is against it, and the
    current one last; empty where no exam could
    """
    known = [(when, change) for when, change in changes if "count_then" in change.numbers]
    if not known:
        return ()
    moments = [
        Moment(when, int(change.numbers["count_then"]), change.numbers.get("span_then_mm"), change.status)
        for when, change in known
    ]
    latest = max(known, key=lambda one: one[0])[1]
    now = Moment(date, int(latest.numbers["count_now"]), latest.numbers.get("span_now_mm"))
    return in_order([*moments, now])
