"""Every kind of signed result that a woman may be told of, and what came of her biopsy, made up.

For tests, for measuring the texts, and for looking at them before a site approves them. This module knows
nothing of Django.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, get_args

from calcscope import lexicon
from calcscope.server.patients.facts import BiopsyFact, FindingFact, Form, Place, ResultFacts, StepFact

EXAM = date(2026, 3, 2)
DUE = date(2026, 3, 16)
FORMS = get_args(Form)
SPOT = Place(quadrant="upper_outer", clock=2)
BIOPSIES: tuple[dict[str, Any], ...] = (
    *({"result": "benign", "concordant": each} for each in (True, False, None)),
    {"result": "high_risk", "concordant": True},
    {"result": "dcis", "concordant": True},
    {"result": "invasive", "concordant": True},
    {"result": "insufficient"},
)
AFTER = {
    "benign": ("follow_up_6_months", "repeat_or_excision", None),
    "high_risk": ("surgical_opinion",), "dcis": ("referral",), "invasive": ("referral",),
    "insufficient": ("biopsy",),
}  # fmt: skip
"""The step that follows each result; after a benign one by whether picture and sample fit."""


def finding(category: str, form: str, kind: str | None = None, **more: Any) -> FindingFact:
    """A finding of the left breast, unless said otherwise."""
    given = {"id": "f1", "side": "L", "place": SPOT, "count": 1 if form == "single" else 23, **more}
    return FindingFact(category=category, form=form, kind=kind, **given)


def result(*findings: FindingFact, overall: str | None = None, **more: Any) -> ResultFacts:
    """A signed exam with the steps that its categories ask for."""
    order = lexicon.categories().overall_order
    overall = overall or (min((f.category for f in findings), key=order.index) if findings else "1")
    by_category = lexicon.next_steps().by_category
    if "steps" not in more and overall in by_category:
        code = by_category[overall]
        side = None if code == "routine" or not findings else findings[0].side
        more["steps"] = (StepFact(code=code, side=side, due=DUE),)
    given = {"exam_date": EXAM, "mode": "diagnostic", "sides": ("R", "L"), **more}
    return ResultFacts(findings=findings, overall=overall, **given)


def every_result() -> Iterator[ResultFacts]:
    """All categories, kinds and forms, in both modes, before and after each result of a biopsy."""
    for mode in ("screening", "diagnostic"):
        yield result(mode=mode)
        yield result(overall="0", mode=mode)
        for kind in lexicon.terms().typical_kinds:
            yield result(finding("2", "single", kind), mode=mode)
        for form in FORMS:
            for category in ("0", "2", "3", "4A", "4B", "4C", "5", "6"):
                one = finding(category, form)
                if mode == "screening" and category == "3":
                    continue  # never given from screening views
                yield result(one, mode=mode)
                if lexicon.next_steps().by_category.get(category) != "biopsy":
                    continue
                for biopsy in BIOPSIES:
                    yield after(one, mode=mode, **biopsy)


def after(one: FindingFact, *, mode: str = "diagnostic", **biopsy: Any) -> ResultFacts:
    """The same exam once the laboratory has answered."""
    codes = AFTER[biopsy["result"]]
    code = codes[0]
    if biopsy["result"] == "benign":
        code = codes[(True, False, None).index(biopsy["concordant"])]
    steps = (StepFact(code=code or "concordance", side=one.side, due=DUE),)
    told = BiopsyFact(side=one.side, findings=(one.id,), **biopsy)
    return result(one, mode=mode, steps=steps, biopsies=(told,))
