"""The categories of the breasts and of the exam, and what should happen next."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from calcscope import lexicon
from calcscope.assess.model import AssessSettings, ExamVerdict, FindingAssessment, Mode, NextStep, Reason
from calcscope.assess.rules import reason
from calcscope.assess.wording import joined, next_step
from calcscope.exam.model import Laterality

# What a finding can be given in each mode. Screening never goes beyond asking for more.
CATEGORIES: dict[Mode, frozenset[str]] = {
    "screening": frozenset({"0", "2"}),
    "diagnostic": frozenset({"0", "2", "3", "4A", "4B", "4C", "5"}),
}


def assess_exam(
    findings: Sequence[FindingAssessment],
    mode: Mode,
    has_priors: bool,
    sides_present: Collection[Laterality],
    settings: AssessSettings | None = None,
    untold: Sequence[str] = (),
) -> ExamVerdict:
    """Categories by breast and overall, and the next steps, each once, the most urgent first.

    A breast with a view and no finding is 1; a breast without a view has no category. Where anything
    more urgent is due, the routine mammogram is left out. An indeterminate exam without priors, or with
    such as say nothing of an indeterminate finding, asks for the earlier films as well.

    Parameters
    ----------
    has_priors : whether the exam was compared with an earlier one
    untold : labels of the views that show an indeterminate finding of which no earlier exam says anything

    Raises ValueError when no breast was imaged, a finding lies in one that was not, or a finding has
    a category that ``mode`` does not know.
    """
    settings = settings or AssessSettings()
    if not sides_present:
        raise ValueError("no view of either breast: there is nothing to assess")
    if stray := {finding.laterality for finding in findings} - set(sides_present):
        raise ValueError(f"a finding lies in a breast without a view: {', '.join(sorted(stray))}")
    unknown = {finding.category for finding in findings} - CATEGORIES[mode]
    if unknown:
        raise ValueError(f"category {', '.join(sorted(unknown))} is never given in {mode} mode")
    by_side = {
        side: most_pressing([f.category for f in findings if f.laterality == side]) for side in sides_present
    }
    overall = most_pressing(list(by_side.values()))
    steps = {finding.next_step: None for finding in findings}
    reasons = [_why(overall, by_side)]
    if (untold or not has_priors) and any(finding.category == "0" for finding in findings):
        steps[next_step("prior_films", settings)] = None
        why = reason("earlier_films_say_nothing", views=joined(untold)) if has_priors else None
        reasons.append(why or reason("no_earlier_films"))
    return ExamVerdict(
        left=by_side.get("L"),
        right=by_side.get("R"),
        overall=overall,
        next_steps=_most_urgent_first(list(steps) or [next_step("routine", settings)]),
        reasons=tuple(reasons),
    )


def most_pressing(categories: Sequence[str]) -> str:
    """The category that comes first in the lexicon's order; 1 when there is none."""
    return min(categories, key=lexicon.categories().overall_order.index, default="1")


def _why(overall: str, by_side: dict[Laterality, str]) -> Reason:
    if overall == "1":
        return reason("no_finding")
    sides = lexicon.terms().sides
    breasts = [sides[side].phrase or "" for side in sorted(by_side) if by_side[side] == overall]
    return reason("most_pressing", category=overall, breast=joined(breasts))


def _most_urgent_first(steps: list[NextStep]) -> tuple[NextStep, ...]:
    table = lexicon.next_steps().steps
    ordered = sorted(steps, key=lambda step: table[step.code].urgency)
    pressing = [step for step in ordered if step.code != "routine"]
    return tuple(pressing or ordered)
