"""The category of one finding: which rule is asked when.

=========== ===================================================================== ==================
order       rules                                                                 outcome
=========== ===================================================================== ==================
1           ``BENIGN``: by shape, a lone speck, scattered alike in both breasts   2
2           screening mode, everything else                                       0
3           ``INCOMPLETE``: proof view missing, shape not assessable              0
4           round or punctate, neither new, grown, linear nor segmental:          0 without work-up,
            ``SMALL_ROUND``                                                       2, 3 or at least 4A
5           shape and distribution both typical of malignancy                     5
6           the floor of ``CONCERNS``, moved one step by the distribution, raised 4A to 4C
            by the probability where the finding is worked up
=========== ===================================================================== ==================

In screening mode the floor of row 6 becomes the provisional suspicion. Stability and decrease are
asked about in row 4 alone, so they lower nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from calcscope import lexicon
from calcscope.assess import rules
from calcscope.assess.malignancy import malignancy_model
from calcscope.assess.model import (
    AssessSettings,
    FindingAssessment,
    FindingFacts,
    Malignancy,
    Mode,
    Reason,
)
from calcscope.assess.rules import LADDER, Case, reason
from calcscope.assess.sentence import paragraph
from calcscope.assess.wording import next_step, percent

Question = Callable[[Case], Reason | None]

# With what is said of such a one that is new or grew.
BENIGN: tuple[tuple[Question, Question | None], ...] = (
    (rules.benign_by_shape, rules.benign_kind_grew),
    (rules.lone_speck, rules.lone_growing),
    (rules.scattered_in_both_breasts, None),
)
INCOMPLETE: tuple[Question, ...] = (rules.proof_view_missing, rules.shape_not_assessable)
# The strongest last, since the last reason is the one that decides.
CONCERNS: tuple[Question, ...] = (
    rules.growing,
    rules.more_suspicious_than_before,
    rules.ductal_spread,
    rules.suspicious_shape,
)
SMALL_ROUND: tuple[tuple[Question, str], ...] = (
    (rules.work_up_incomplete, "0"),
    (rules.stable_for_years, "2"),
    (rules.alike_after_work_up, "2"),
    (rules.probably_benign, "3"),
    (rules.not_solitary, LADDER[0]),
)
NOTES: tuple[Question, ...] = (
    rules.published_shares,
    rules.few,
    rules.not_lowered_by_stability,
    rules.stable_not_worked_up,
    rules.known_and_decreased,
    rules.not_comparable,
    rules.look_alike_on_the_skin,
)


@dataclass(frozen=True)
class Verdict:
    """A category with the reasons that led to it, the deciding one last."""

    category: str
    reasons: tuple[Reason, ...]
    malignancy: Malignancy | None = None
    suspicion: str | None = None


@dataclass(frozen=True)
class Concern:
    """The floor that the rules set, None where nothing speaks against the finding."""

    floor: str | None
    reasons: tuple[Reason, ...]


def assess_finding(
    facts: FindingFacts, mode: Mode, settings: AssessSettings | None = None
) -> FindingAssessment:
    """Category, next step, reasons and report paragraph of one finding.

    Parameters
    ----------
    facts : the finding as the stages before describe it
    mode : ``screening`` gives 2 or 0, never 3 to 5; ``diagnostic`` gives 0 and 2 to 5
    settings : prevalence and due dates; the lexicon's by default

    Raises ValueError for a term that the lexicon does not know.
    """
    settings = settings or AssessSettings()
    case = Case(facts, mode)
    verdict = judge(case, settings)
    step = next_step(lexicon.next_steps().by_category[verdict.category], settings, facts.laterality)
    basis = lexicon.rules()[verdict.reasons[-1].rule].basis
    return FindingAssessment(
        laterality=facts.laterality,
        category=verdict.category,
        basis=basis,
        next_step=step,
        reasons=verdict.reasons,
        malignancy=verdict.malignancy,
        provisional_suspicion=verdict.suspicion,
        sentence=paragraph(case, verdict.category, basis, step, verdict.malignancy, verdict.suspicion),
    )


def judge(case: Case, settings: AssessSettings) -> Verdict:
    """Ask the rules in the order of the table above."""
    for question, why_it_may_grow in BENIGN:
        if benign := question(case):
            grew = why_it_may_grow(case) if why_it_may_grow else None
            return Verdict("2", (grew, benign) if grew else (benign,))

    concern = weigh(case)
    incomplete = tuple(filter(None, (question(case) for question in INCOMPLETE)))
    if case.mode == "screening":
        why = (*concern.reasons, *incomplete, reason("screening_needs_magnification"))
        return Verdict("0", why, suspicion=provisional(case, concern))
    if incomplete:
        return Verdict("0", (*concern.reasons, *incomplete), suspicion=provisional(case, concern))
    if concern.floor is None:
        return judge_small_round(case, concern, settings)
    return refine(case, concern, settings)


def weigh(case: Case) -> Concern:
    """The floor that ``CONCERNS`` set, moved by the distribution, with every reason."""
    notes = tuple(filter(None, (question(case) for question in NOTES)))
    concerns = tuple(filter(None, (question(case) for question in CONCERNS)))
    if not concerns:
        return Concern(None, notes)
    floor = case.shape.floor.category if case.shape.floor else LADDER[0]
    reasons = (*notes, *concerns)
    if moved := rules.distribution_moves(case, floor):
        floor, why = moved
        reasons = (*reasons, why)
    return Concern(floor, reasons)


def provisional(case: Case, concern: Concern) -> str:
    """Suspicion in words before the work-up."""
    phrases = lexicon.phrases()
    if case.shape.suspicion == "not_assessable" or case.lacks_proof:
        return phrases.provisional_undetermined_raised if concern.floor else phrases.provisional_undetermined
    likely = "5" if rules.typical_shape_and_distribution(case) else concern.floor or "3"
    return lexicon.categories().categories[likely].suspicion or phrases.provisional_undetermined


def judge_small_round(case: Case, concern: Concern, settings: AssessSettings) -> Verdict:
    """Round or punctate with nothing against them: the first rule that fires decides."""
    category, why = next((category, why) for ask, category in SMALL_ROUND if (why := ask(case)))
    if category in LADDER:
        return refine(case, Concern(category, (*concern.reasons, why)), settings)
    suspicion = provisional(case, concern) if category == "0" else None
    return Verdict(category, (*concern.reasons, why), suspicion=suspicion)


def refine(case: Case, concern: Concern, settings: AssessSettings) -> Verdict:
    """Category 5 by rule alone; else the floor, or what the probability raises it to up to 4C.

    The probability is asked for worked-up findings only, and never lowers the floor.
    """
    floor = concern.floor or LADDER[0]
    worked_up = case.facts.fully_worked_up
    malignancy = (
        malignancy_model().estimate(case.facts.morphology, case.facts.distribution, settings.prevalence)
        if worked_up
        else None
    )
    if typical := rules.typical_shape_and_distribution(case):
        unused = (
            [reason("probability_not_used", probability=percent(malignancy.probability))]
            if malignancy
            else []
        )
        return Verdict("5", (*unused, *concern.reasons, typical), malignancy)
    reasons = concern.reasons
    if too_few := rules.too_few_for_category_5(case):
        reasons = (*reasons, too_few)
    if malignancy is None:
        # The floor decides, so its reason stays last.
        if worked_up:
            reasons = (reason("probability_unavailable"), *reasons)
        return Verdict(floor, reasons)
    probability = percent(malignancy.probability)
    raised = band_of(malignancy.probability)
    if LADDER.index(raised) > LADDER.index(floor):
        why = reason("probability_raises", probability=probability, category=raised, floor=floor)
        return Verdict(raised, (*reasons, why), malignancy)
    stays = reason("probability_stays", probability=probability, floor=floor)
    return Verdict(floor, (stays, *reasons), malignancy)


def band_of(probability: float) -> str:
    """The subdivision of category 4 whose band holds ``probability``, the nearest outside them."""
    for category in LADDER:
        band = lexicon.categories().categories[category].band
        if band is not None and probability <= band.high:
            return category
    return LADDER[-1]
