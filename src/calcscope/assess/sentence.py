"""The report's paragraph on one finding: finding, place, comparison, category, next step.

It is put together from the fixed phrases of ``lexicon/data/phrases.yaml`` and ``terms.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator

from calcscope import lexicon
from calcscope.assess.model import ChangeFacts, FindingFacts, Malignancy, NextStep, Place
from calcscope.assess.rules import Case
from calcscope.assess.wording import (
    capitalised,
    change_phrase,
    extent,
    joined,
    millimetres,
    percent,
    years_phrase,
)


def paragraph(
    case: Case,
    category: str,
    basis: str,
    step: NextStep,
    malignancy: Malignancy | None,
    suspicion: str | None,
) -> str:
    """One paragraph in the style of a mammography report, ready to sign."""
    facts, phrases = case.facts, lexicon.phrases()
    sentences = [capitalised(_joined_clauses(_finding(case), _where(case), _seen(facts))) + "."]
    kind = case.typical_kind
    if kind is None and facts.morphology is not None:
        remark = case.shape.remark_one if facts.count == 1 else case.shape.remark_many
        if remark:
            sentences.append(remark)
    if facts.place.orientation_assumed:
        sentences.append(phrases.orientation_assumed)
    if facts.bilateral:
        sentences.append(phrases.alike_in_both_breasts)
    sentences.append(_comparison(case))
    if kind:
        sentences.append(phrases.typical.format(cause=kind.cause))
    if case.lacks_proof and case.named_kind:
        sentences.append(phrases.unproved.format(kind=case.named_kind.display))
    if suspicion:
        sentences.append(phrases.provisional.format(suspicion=suspicion))
    if malignancy:
        sentences.append(
            phrases.probability.format(
                probability=percent(malignancy.probability),
                confidence=percent(lexicon.malignancy().interval.value),
                low=percent(malignancy.low),
                high=percent(malignancy.high),
                prevalence=percent(malignancy.prevalence),
            )
        )
    display = lexicon.categories().categories[category].display
    unexplained = category == "2" and kind is None
    template = phrases.category_because if unexplained else phrases.category
    sentences.append(template.format(category=category, display=display, basis=basis))
    sentences.append(step.text)
    return " ".join(sentences)


def _joined_clauses(finding: str, where: str, seen: str) -> str:
    return f"{finding} {where}" + (f", {seen}" if seen else "")


def _finding(case: Case) -> str:
    """``a group of 12 fine pleomorphic calcifications spanning 14 mm``."""
    facts, phrases = case.facts, lexicon.phrases()
    words = case.typical_kind or case.shape
    size = largest = ""
    if facts.diameter_mm > 0:  # of what a reader drew none may be measured
        diameter = millimetres(facts.diameter_mm)
        size, largest = phrases.size.format(diameter=diameter), phrases.largest.format(diameter=diameter)
    over = phrases.over.format(span=extent(facts.span_mm)) if facts.span_mm else ""
    spanning = phrases.spanning.format(span=extent(facts.span_mm)) if facts.span_mm else ""
    if case.typical_kind and case.typical_kind.plural_only:
        text = phrases.several_uncounted.format(many=words.many) + over
    elif facts.count == 1:
        text = phrases.lone.format(one=words.one, size=size)
    elif case.typical_kind:
        text = phrases.many.format(count=facts.count, many=words.many, largest=largest)
    elif case.distribution is None:
        text = phrases.apart.format(count=facts.count, many=words.many, largest=largest)
    else:
        text = case.distribution.phrase.format(
            count=facts.count,
            many=words.many,
            few=phrases.few if facts.few else "",
            over=over,
            spanning=spanning,
        )
    return text


def _where(case: Case) -> str:
    terms, place = lexicon.terms(), lexicon.phrases().place
    at = case.facts.place
    side = terms.sides[case.facts.laterality].phrase or ""
    if case.is_diffuse and not case.typical_kind:
        return place.throughout.format(side=side)
    region = _region(at)
    parts = [place.region.format(region=region, side=side) if region else place.side.format(side=side)]
    if at.clock is not None:
        parts[0] += " " + place.clock.format(clock=terms.clock[str(at.clock)].display)
    if at.depth:
        parts.append(terms.depths[at.depth].phrase or "")
    if at.nipple_mm is not None:
        parts.append(place.nipple.format(nipple=f"{at.nipple_mm:.0f} mm"))
    return ", ".join(parts)


def _region(at: Place) -> str | None:
    terms = lexicon.terms()
    if at.quadrant:
        return terms.quadrants[at.quadrant].phrase
    return terms.halves[at.half].phrase if at.half else None


def _seen(facts: FindingFacts) -> str:
    """``seen in the CC view only, whether above or below the nipple is not known``."""
    phrases = lexicon.phrases()
    views = list(dict.fromkeys(facts.views))
    if not views:
        return phrases.seen.unknown
    if len(views) > 1:
        return phrases.seen.several.format(views=joined(views))
    seen = phrases.seen.one.format(views=views[0])
    open_question = phrases.one_view_leaves_open.get(views[0].split()[0])
    return f"{seen}; {open_question}" if open_question and not facts.place.quadrant else seen


def _comparison(case: Case) -> str:
    phrases = lexicon.phrases().comparison
    change = case.facts.change
    if change is None:
        return phrases.none
    ago = f"{years_phrase(change.years)} ago"
    if not change.status:
        reason = change.reason or lexicon.changes().reasons.no_view
        return phrases.unable.format(ago=ago, reason=reason[:1].lower() + reason[1:])
    template = phrases.possible if change.may_have_grown else phrases.some
    return template.format(Change=capitalised(change_phrase(change)), ago=ago, counts=_counts(case, change))


def _counts(case: Case, change: ChangeFacts) -> str:
    """``in the CC view 9 then, 14 now``, with what makes the two comparable. Nothing of one that stayed one,
    nor of what is not counted."""
    phrases = lexicon.phrases().comparison
    uncounted = case.typical_kind is not None and case.typical_kind.plural_only
    if change.then is None or change.now is None or uncounted or change.then == change.now == 1:
        return ""
    then = str(change.then) if change.then else phrases.none_then
    if "new" in change.status and change.then:
        then = phrases.at_most.format(then=then)
    template = phrases.in_both if then == str(change.now) else phrases.then_and_now
    return phrases.counts.format(
        in_view=phrases.in_view.format(view=change.view) if change.view else "",
        numbers=template.format(then=then, now=change.now),
        remarks="".join(_remarks(change, change.now - change.then)),
    )


def _remarks(change: ChangeFacts, more: int) -> Iterator[str]:
    """Why the numbers of two exams differ, by ``more``, where it is not that some came or went."""
    phrases = lexicon.phrases().comparison
    said = 0
    for count, one, many in (
        (change.faint_then if more > 0 else 0, phrases.faint_one, phrases.faint_many),
        (change.outside_now if more < 0 else 0, phrases.outside_one, phrases.outside_many),
        (change.below_limit_then if more > 0 else 0, phrases.below_then_one, phrases.below_then_many),
        (change.below_limit_now if more < 0 else 0, phrases.below_now_one, phrases.below_now_many),
    ):
        if count:
            said += count
            yield one if count == 1 else many.format(count=count)
    told = {"new", "more", "fewer", "resolved"}.intersection(change.status) or change.may_have_grown
    if not told and abs(more) > said:
        low, high = change.interval or (0.0, 0.0)
        rest = phrases.variability_rest if said else phrases.variability
        yield rest if low <= 0 <= high else phrases.small
