"""What became of a finding since an earlier exam, and how surely.

Several views of a finding each have a distribution of the change in number (:mod:`calcscope.priors.compare`);
the interval is that of their mean, so that what one view alone shows widens it rather than deciding, unless
that is plain: then number and interval are of that view. Numbers then and now are of one view, the same in
both exams: else the one that shows most of it. A finding that both exams show has changed only where the
interval leaves zero out and the change is as large as the lexicon asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from calcscope import lexicon
from calcscope.describe.model import GroupDescription
from calcscope.priors.compare import Outcome, present_from, span_mm
from calcscope.priors.model import LIKELY, Change, Index, Moment, Numbers, Status, Turned, in_order


def change_of(
    outcomes: Sequence[Outcome], kind: str | None = None, years: float | None = None,
    then: str = "the earlier exam", reason: str | None = None, skin_mm: float | None = None,
) -> Change:  # fmt: skip
    """What became of a finding.

    Parameters
    ----------
    outcomes : one for each view in which it could be compared
    kind : typically benign kind of the finding, or None
    years : between the exams
    then : how words name the earlier exam, such as ``2023``
    reason : why no view could be compared, where there is no outcome
    skin_mm : how near to the skin an earlier group lies that one view alone showed
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
        lead = _lead(outcomes)
        return Change(("not_comparable",), _numbers(lead, outcomes, years), reason=reason, view=_view(lead))
    present = any(len(one.now) for one in outcomes)
    seen = [_was_there(one) if present else _is_there(one) for one in outcomes]
    in_both = [one for one, there in zip(outcomes, seen, strict=True) if there]
    lead = _lead([one for one in exact if any(one is other for other in in_both)] or exact)
    plain = _plain(exact)
    lead = plain or lead
    numbers, limits = _numbers(lead, exact, years), _limits(lead)
    interval = _intervals(exact if plain is None else [plain], exact)
    turned: tuple[Turned, ...] = ()
    if not any(seen):
        # That all views should have missed it is as likely as each of them together.
        if np.prod([one.unlikely for one in exact]) > rules.greatest_chance_of_missing.value:
            reason = reasons.too_fine if present else reasons.too_fine_now
            # Without knowing what the other image missed the change has no interval.
            words = _limit_words(limits, then)
            return Change(("not_comparable",), numbers, {}, limits, words, reason, view=_view(lead))
        status: tuple[Status, ...] = ("new",) if present else ("resolved",)
        numbers, interval = _bounded(status, numbers, interval)
    else:
        found, turned = _changes(exact, lead, numbers, interval)
        status = found or ("unchanged",)
    words = _words(lead, status, turned, numbers, interval, then)
    likely = numbers["count_change"] / max(numbers["comparable_then"], 1.0)
    may_have_grown = status == ("unchanged",) and likely >= rules.least_count_change.value
    if may_have_grown:
        words += (rules.phrases.may_have_grown,)
    near = lexicon.sizes().look_alike_skin_mm.value
    if status == ("resolved",) and skin_mm is not None and skin_mm <= near:
        words += (rules.phrases.on_skin.format(mm=f"{near:g}"),)
    change = Change(
        status, numbers, interval, limits, words + _limit_words(limits, then),
        view=_view(lead), turned=turned, by_view=_by_view(exact), may_have_grown=may_have_grown,
    )  # fmt: skip
    return replace(change, raises_suspicion=change.grew and _may_be_malignant(exact, kind))


def _lead(outcomes: Sequence[Outcome]) -> Outcome:
    """The view that shows most of a finding."""
    return max(outcomes, key=lambda one: (max(len(one.now), len(one.then)), len(one.now) + len(one.then)))


PLAIN = 0.99
"""Of one view's distribution, what leaves zero out where that view alone shows a change in number plainly:
what is a finding of its own in one view may be one with another that came or went in the other."""


def _plain(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The view that by itself shows a change in number plainly, if one does and none the opposite."""
    up, down = [], []
    for one in outcomes:
        low, high = quantiles(one.change, one.lowest, PLAIN)
        if one.paired.supported and abs(_share(one)) >= lexicon.changes().least_count_change.value:
            up += [one] * (low > 0)
            down += [one] * (high < 0)
    return _lead(up or down) if bool(up) != bool(down) else None


def _share(one: Outcome) -> float:
    """Change in number over the number then that both views can show."""
    return _mean(one) / max(one.comparable_then, 1.0)


def _view(one: Outcome) -> str:
    """``CC``, ``MLO``: the side is the finding's."""
    return one.compared.pair.current.info.label[1:]


def _may_be_malignant(outcomes: Sequence[Outcome], kind: str | None) -> bool:
    """Whether growth of it asks for anything: of a group, unless benign by shape; not of single ones."""
    groups = [
        (view.groups[k], view.descriptions[k])
        for one in outcomes
        for view, k in (
            (one.compared.pair.current, one.group_now),
            (one.compared.pair.prior, one.group_then),
        )
        if k is not None
    ]
    if kind is None:
        return bool(groups)
    spread = lexicon.terms().distribution
    return lexicon.terms().typical_kinds[kind].lone_only and any(
        not group.few or spread[told.distribution].effect == "raises" for group, told in groups
    )


def _bounded(
    status: tuple[Status, ...], numbers: dict[str, float], interval: dict[str, tuple[float, float]]
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """No more are new than are found now, and no more resolved than were found then."""
    least, most = (0.0, numbers["count_now"]) if status == ("new",) else (-numbers["count_then"], 0.0)
    low, high = (float(np.clip(end, least, most)) for end in interval["count_change"])
    change = float(np.clip(numbers["count_change"], least, most))
    return {**numbers, "count_change": change}, {**interval, "count_change": (low, high)}


def _matched(one: Outcome) -> bool:
    return one.group_now is not None and one.group_then is not None


def _was_there(one: Outcome) -> bool:
    """Whether the earlier view shows a finding of the current exam: surely where it alone has the group,
    which the current exam then shows in another view."""
    return (
        not len(one.now)
        or _matched(one)
        or _shows(one, one.group_now is None, one.now, one.missing_then, one.before)
    )


def _is_there(one: Outcome) -> bool:
    """Whether the current view shows a finding of the earlier one."""
    return _matched(one) or _shows(one, one.group_then is None, one.then, one.missing_now, one.after)


def _shows(one: Outcome, lone: bool, members: Index, missing: Index, found: float) -> bool:
    """Whether the other view shows ``found`` of a finding's members, all but ``missing``: enough of a group,
    any of lone ones."""
    return len(missing) < len(members) if lone else one.crowd or found >= present_from(len(members))


def _changes(
    outcomes: Sequence[Outcome],
    lead: Outcome,
    numbers: dict[str, float],
    interval: dict[str, tuple[float, float]],
) -> tuple[tuple[Status, ...], tuple[Turned, ...]]:
    """What holds of a finding that both exams show, the most telling first, and which terms changed."""
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
        if largest < 1 and _shrank(outcomes):
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
    told = [lead, *(one for one in outcomes if one is not lead)]
    described = [_described(one) for one in told if others and _matched(one) and _many(one)]
    pairs: dict[Status, list[tuple[Mapping[str, float], Mapping[str, float]]]] = {
        "changed_morphology": [
            (a.morphology_probabilities, b.morphology_probabilities) for a, b in described
        ],
        "changed_distribution": [
            (a.distribution_probabilities, b.distribution_probabilities) for a, b in described
        ],
    }
    turned: list[Turned] = []
    for status, of_views in pairs.items():
        terms = next(filter(None, (_turned(then, now) for then, now in of_views)), None)
        if terms is not None:
            found.append(status)
            turned.append((status, *terms))
    return tuple(found), tuple(turned)


def _many(one: Outcome) -> bool:
    """Whether there are enough to tell a shape and a distribution in both exams: the groups' own members,
    which are what was described."""
    assert one.group_now is not None
    assert one.group_then is not None
    pair = one.compared.pair
    counts = (pair.current.groups[one.group_now].count, pair.prior.groups[one.group_then].count)
    return min(counts) >= lexicon.groups().min_count.value


def _replaced(one: Outcome) -> bool:
    """Whether some came and others went, as many of both as make a group: what is expected, with what either
    image may have missed."""
    few = lexicon.changes().new_from.value
    return all(float(chance @ np.arange(len(chance))) >= few for chance in (one.came, one.went))


def _described(one: Outcome) -> tuple[GroupDescription, GroupDescription]:
    """The group as described then and now."""
    assert one.group_now is not None
    assert one.group_then is not None
    pair = one.compared.pair
    return pair.prior.descriptions[one.group_then], pair.current.descriptions[one.group_now]


def _turned(then: Mapping[str, float], now: Mapping[str, float]) -> tuple[str, str] | None:
    """The term that was sure then and the other that is now, if so."""
    if not then or not now:
        return None
    was, had = max(then.items(), key=lambda item: item[1])
    term, has = max(now.items(), key=lambda item: item[1])
    sure = lexicon.changes().term_certainty.value
    known = was != term and "not_assessable" not in (was, term)
    return (was, term) if known and had >= sure and has >= sure else None


def _numbers(lead: Outcome, outcomes: Sequence[Outcome], years: float | None) -> dict[str, float]:
    """All of the one view but ``size_ratio``: the same calcifications' sizes compare in every view."""
    numbers = {
        **_counts(lead),
        "comparable_now": lead.comparable_now,
        "comparable_then": lead.comparable_then,
        "below_limit_now": float(lead.below_limit_now),
        "below_limit_then": float(lead.below_limit_then),
        "faint_then": float(lead.faint_then),
        "outside_now": float(lead.outside_now),
        "count_change": _mean(lead),
    }
    if years is not None:
        numbers["years"] = years
    size = _size(outcomes)
    if size is not None:
        numbers["size_ratio"] = float(np.exp(size[0]))
    if _matched(lead):
        numbers["density_ratio"] = _density_ratio(lead)
    return numbers


def _counts(one: Outcome) -> dict[str, float]:
    """Number in both exams, and extent where both have a group."""
    numbers = {"count_now": float(one.found_now), "count_then": float(one.found_then)}
    if _matched(one):
        numbers["span_now_mm"], numbers["span_then_mm"] = _spans(one)
    return numbers


def _by_view(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """What each view shows, the one that shows most first."""
    ordered = sorted(outcomes, key=lambda one: -max(len(one.now), len(one.then)))
    found: dict[str, dict[str, float]] = {}
    for one in ordered:
        found.setdefault(_view(one), _counts(one))
    return found


def _intervals(outcomes: Sequence[Outcome], of_size: Sequence[Outcome]) -> dict[str, tuple[float, float]]:
    """Of the change in number in some views, and of the size in all."""
    rules = lexicon.changes()
    low = min(one.lowest for one in outcomes)
    high = max(one.lowest + len(one.change) for one in outcomes)
    total = np.zeros(high - low)
    for one in outcomes:
        start = one.lowest - low
        total[start : start + len(one.change)] += one.change / len(outcomes)
    intervals = {"count_change": quantiles(total, low, rules.interval.value)}
    size = _size(of_size)
    if size is not None:
        low_size, high_size = (float(np.exp(size[0] + way * _beyond() * size[1])) for way in (-1, 1))
        intervals["size_ratio"] = low_size, high_size
    return intervals


def quantiles(chance: Numbers, low: int, within: float) -> tuple[float, float]:
    """The numbers from ``low`` on between which at least ``within`` of a distribution lies, as much to spare
    on either side."""
    total = np.cumsum(chance / chance.sum())
    tail = (1 - within) / 2
    return float(low + int(np.searchsorted(total, tail, side="right"))), float(
        low + int(np.searchsorted(total, 1 - tail - 1e-12))
    )


def _mean(one: Outcome) -> float:
    return float(np.sum(one.change * (one.lowest + np.arange(len(one.change)))) / one.change.sum())


LEAST_SPREAD = 0.1
"""Of the logarithms of sizes: less is chance."""


def _beyond() -> float:
    """Standard errors to either side of an interval."""
    return NormalDist().inv_cdf((1 + lexicon.changes().interval.value) / 2)


def _size(outcomes: Sequence[Outcome], resolved: bool = False) -> tuple[float, float] | None:
    """Logarithm of size now over then of the same calcifications in all views, and its standard error, with
    what is doubtful of all of them alike; None where there are too few."""
    rules = lexicon.changes()
    ratios = np.concatenate([_size_ratios(one, resolved) for one in outcomes])
    if len(ratios) < rules.least_sizes.value:
        return None
    middle = float(np.median(ratios))
    spread = max(1.4826 * float(np.median(np.abs(ratios - middle))), LEAST_SPREAD)
    # The median of n has 1.25 times the standard error of the mean.
    return middle, float(np.hypot(1.2533 * spread / np.sqrt(len(ratios)), rules.size_doubt.value))


def _shrank(outcomes: Sequence[Outcome]) -> bool:
    """Whether the same calcifications are smaller, by what both images resolve: near the pixel all measure
    alike, so that growth is seen there, if too little of it, but shrinking may be another image's blur."""
    size, least = _size(outcomes, resolved=True), lexicon.changes().least_size_change.value
    return size is not None and size[0] + _beyond() * size[1] < 0 and size[0] <= -np.log(1 + least)


def _size_ratios(one: Outcome, resolved: bool) -> Numbers:
    """Logarithms of diameter now over then of the same calcifications, of those probable in both exams and,
    if ``resolved``, wide enough to be measured in both images."""
    pair, paired = one.compared.pair, one.paired
    now, then = pair.current.specks, pair.prior.specks
    i, j = paired.current, paired.prior
    used = np.isin(i, one.now) & (now.probability[i] >= LIKELY) & (then.probability[j] >= LIKELY)
    if resolved:
        least = lexicon.sizes().size_pixels.value * max(now.pixel_mm, then.pixel_mm)
        used &= (now.width_mm[i] >= least) & (then.width_mm[j] >= least)
    return np.asarray(np.log(now.diameter_mm[i[used]] / then.diameter_mm[j[used]]))


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


def _limits(one: Outcome) -> dict[str, float]:
    both = {"now_mm": one.limit_now_mm, "then_mm": one.limit_then_mm}
    return {name: float(value) for name, value in both.items() if value is not None}


def _words(
    lead: Outcome,
    status: tuple[Status, ...],
    turned: Sequence[Turned],
    numbers: dict[str, float],
    interval: dict[str, tuple[float, float]],
    then: str,
) -> tuple[str, ...]:
    """Sentences for the reader."""
    say = lexicon.changes().phrases
    words = []
    of = max(len(lead.now), len(lead.then))
    if status in (("new",), ("resolved",)):
        expected = f"about {min(lead.expected, of):.0f}"
        other = int(numbers["count_then" if status == ("new",) else "count_now"])
        if status == ("new",):
            template = say.new_but if other else say.new
        else:
            template = say.resolved_but if other else say.resolved
        words.append(template.format(view=_view(lead), then=then, count=other, expected=expected, of=of))
    else:
        low, high = interval["count_change"]
        count_then, count_now = int(numbers["count_then"]), int(numbers["count_now"])
        words.append(
            say.counts.format(view=_view(lead), then=then, count_then=count_then, count_now=count_now)
        )
        if lead.outside_now:
            words.append(say.outside.format(count=lead.outside_now))
        if lead.faint_then:
            words.append(say.faint.format(count=lead.faint_then, then=then))
        words.append(
            say.allowing.format(
                change=signed(numbers["count_change"]), low=signed(low), high=signed(high),
                percent=round(100 * lexicon.changes().interval.value),
            )
        )  # fmt: skip
        if lead.below_limit_then:
            words.append(say.unseen.format(count=lead.below_limit_then, of=len(lead.now), then=then))
    if "larger" in status or "smaller" in status:
        ratio = numbers["size_ratio"]
        words.append(
            say.sizes.format(
                percent=round(100 * abs(ratio - 1)), larger="larger" if ratio > 1 else "smaller", then=then
            )
        )
    for what, was, now in turned:
        table = lexicon.turning()[what]
        words.append(getattr(say, what).format(was=table[was].display, now=table[now].display))
    return tuple(words)


def _limit_words(limits: Mapping[str, float], then: str) -> tuple[str, ...]:
    """From which size on each exam shows such calcifications."""
    say, words = lexicon.changes().phrases, []
    if "then_mm" in limits:
        words.append(say.limit_then.format(mm=f"{limits['then_mm']:.2g}", then=then))
    if "now_mm" in limits:
        words.append(say.limit_now.format(mm=f"{limits['now_mm']:.2g}"))
    return tuple(words)


def signed(value: float) -> str:
    """A change as a whole number with its sign; none for nought."""
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
    One moment for each earlier exam that could be compared in the view that most exams share (of several the
    one that shows most), with what the current exam is against it, and the current one last; all numbers are
    of that view. Empty where no exam could.
    """
    known = [(when, change) for when, change in changes if change.by_view]
    if not known:
        return ()
    shared = {view for _, change in known for view in change.by_view}

    def shows(view: str) -> tuple[int, float, str]:
        of_view = [change.by_view[view] for _, change in known if view in change.by_view]
        return len(of_view), max(max(one["count_now"], one["count_then"]) for one in of_view), view

    view = max(shared, key=shows)
    known = [(when, change) for when, change in known if view in change.by_view]
    moments = []
    for when, change in known:
        one = change.by_view[view]
        moments.append(Moment(when, int(one["count_then"]), one.get("span_then_mm"), change.status, view))
    latest = max(known, key=lambda one: one[0])[1].by_view[view]
    now = Moment(date, int(latest["count_now"]), latest.get("span_now_mm"), view=view)
    return in_order([*moments, now])
