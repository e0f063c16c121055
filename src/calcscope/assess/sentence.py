"""The report's paragraph on one finding: finding, place, comparison, category, next step.

It is put together from the fixed phrases of ``lexicon/data/phrases.yaml`` and ``terms.yaml``.
"""

from __future__ import annotations

from calcscope import lexicon
from calcscope.assess.model import FindingFacts, Malignancy, NextStep, Place
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
    sentences.append(_comparison(facts))
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
    diameter = millimetres(facts.diameter_mm)
    over = phrases.over.format(span=extent(facts.span_mm)) if facts.span_mm else ""
    spanning = phrases.spanning.format(span=extent(facts.span_mm)) if facts.span_mm else ""
    if case.typical_kind and case.typical_kind.plural_only:
        text = phrases.several_uncounted.format(many=words.many) + over
    elif facts.count == 1:
        text = phrases.lone.format(one=words.one, diameter=diameter)
    elif case.typical_kind:
        text = phrases.many.format(count=facts.count, many=words.many, diameter=diameter)
    elif case.distribution is None:
        text = phrases.apart.format(count=facts.count, many=words.many, diameter=diameter)
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


def _comparison(facts: FindingFacts) -> str:
    phrases = lexicon.phrases().comparison
    change = facts.change
    if change is None:
        return phrases.none
    ago = f"{years_phrase(change.years)} ago"
    if not change.status:
        reason = change.reason or lexicon.changes().reasons.no_view
        return phrases.unable.format(ago=ago, reason=reason[:1].lower() + reason[1:])
    said = capitalised(change_phrase(change))
    if {"more", "fewer"}.intersection(change.status) and change.then is not None and change.now is not None:
        where = phrases.in_view.format(view=change.view) if change.view else ""
        return phrases.counted.format(Change=said, ago=ago, then=change.then, now=change.now, in_view=where)
    return phrases.some.format(Change=said, ago=ago)
