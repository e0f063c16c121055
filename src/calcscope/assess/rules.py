"""The rules of assessment, each a small question about one finding.

A rule answers with a :class:`~calcscope.assess.model.Reason` when it fires and with None when it does
not. Its words and sources are in ``lexicon/data/rules.yaml`` under the function's own name; which rule
is asked when is in :mod:`calcscope.assess.category`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from calcscope import lexicon
from calcscope.assess.model import FindingFacts, Mode, Reason
from calcscope.assess.wording import capitalised, change_phrase, number, rate_phrase, years_phrase
from calcscope.lexicon.model import Distribution, Morphology, TypicalKind

T = TypeVar("T")

# The subdivisions of category 4, the only ones a step or a probability moves a finding between.
LADDER = ("4A", "4B", "4C")


@dataclass(frozen=True)
class Case:
    """One finding under one mode, with its terms looked up in the lexicon.

    Raises ValueError for a term that the lexicon does not know.
    """

    facts: FindingFacts
    mode: Mode

    def __post_init__(self) -> None:
        terms = lexicon.terms()
        for status in self.facts.change.status if self.facts.change else ():
            _term(terms.change, status, "change")
        _term(terms.typical_kinds, self.facts.typical_kind, "typical kind")
        _term(terms.distribution, self.facts.distribution, "distribution")
        _term(terms.morphology, self.facts.morphology, "morphology")

    @property
    def shape(self) -> Morphology:
        """Its shape; a finding without one is not assessable. A group of what is benign by shape only alone
        has that shape."""
        kind, shapes = self.facts.typical_kind, lexicon.terms().morphology
        return shapes[self.facts.morphology or (kind if kind in shapes else None) or "not_assessable"]

    @property
    def distribution(self) -> Distribution | None:
        """Its distribution, None for a lone calcification."""
        return _term(lexicon.terms().distribution, self.facts.distribution, "distribution")

    @property
    def named_kind(self) -> TypicalKind | None:
        """The typical kind it was called, proved or not."""
        return _term(lexicon.terms().typical_kinds, self.facts.typical_kind, "typical kind")

    @property
    def lacks_proof(self) -> bool:
        """True when its kind must be proved in a view that the finding was not seen in."""
        kind = self.named_kind
        seen = {view.split()[0] for view in self.facts.views}
        return kind is not None and bool(kind.proof_views) and not seen.intersection(kind.proof_views)

    @property
    def typical_kind(self) -> TypicalKind | None:
        """The kind that makes it benign by shape: proved, and no group of what is benign only alone."""
        kind = self.named_kind
        if kind is None or self.lacks_proof:
            return None
        if kind.lone_only and self.facts.distribution and (not self.is_few or self.is_ductal):
            return None
        return kind

    @property
    def is_few(self) -> bool:
        """Fewer calcifications than a group has."""
        return self.facts.few or self.facts.count < lexicon.groups().min_count.value

    @property
    def is_lone(self) -> bool:
        """One calcification, or several apart from one another: no group."""
        return self.facts.count == 1 or self.distribution is None

    @property
    def is_ductal(self) -> bool:
        """Linear or segmental: spread as a duct is."""
        return self.distribution is not None and self.distribution.effect == "raises"

    @property
    def is_diffuse(self) -> bool:
        """Diffuse: the distribution that lowers suspicion."""
        return self.distribution is not None and self.distribution.effect == "lowers"

    @property
    def is_suspicious(self) -> bool:
        """Of a suspicious shape."""
        return self.shape.suspicion == "suspicious"

    @property
    def is_typical_of_malignancy(self) -> bool:
        """Both its shape and its distribution are."""
        return self.shape.highly_suggestive and self.is_ductal

    @property
    def is_small_round(self) -> bool:
        """Round or punctate: benign only by spread."""
        return self.shape.suspicion == "benign_by_spread"

    @property
    def trends(self) -> set[str]:
        """``increasing``, ``stable``, ``decreasing``, ``either``: what the comparison found."""
        return self.facts.change.trends if self.facts.change else set()


def _term(table: dict[str, T], key: str | None, what: str) -> T | None:
    if key is None:
        return None
    if key not in table:
        raise ValueError(f"{what} {key!r} is not in the lexicon; it has {', '.join(table)}")
    return table[key]


def reason(rule: str, *, verified: bool = True, **fields: str) -> Reason:
    """The rule's words with their fields filled in, and its sources as the reader sees them."""
    entry = lexicon.rules()[rule]
    sources = lexicon.cite(entry.sources, verified=verified and entry.verified)
    return Reason(rule, entry.text.format(**fields), sources)


# Benign, whatever the mode.


def benign_by_shape(case: Case) -> Reason | None:
    kind = case.typical_kind
    return reason("benign_by_shape", kind=kind.display, cause=kind.cause) if kind else None


def lone_speck(case: Case) -> Reason | None:
    """A lone speck of no suspicious shape, or several apart from one another, new or not."""
    if not case.is_lone or case.is_suspicious or case.lacks_proof:
        return None
    rule = lexicon.groups()
    return reason(
        "lone_speck", min_count=number(rule.min_count.value), within_mm=number(rule.within_mm.value)
    )


def scattered_in_both_breasts(case: Case) -> Reason | None:
    if not (case.is_small_round and case.is_diffuse and case.facts.bilateral) or "increasing" in case.trends:
        return None
    return reason("scattered_in_both_breasts", Many=capitalised(case.shape.many))


def lone_growing(case: Case) -> Reason | None:
    """Why a lone speck that is new asks for nothing."""
    if "increasing" not in case.trends or case.facts.change is None:
        return None
    return reason("lone_growing", Change=capitalised(change_phrase(case.facts.change)))


def benign_kind_grew(case: Case) -> Reason | None:
    """Why a typical kind that is new or grew stays benign."""
    kind = case.typical_kind
    if "increasing" not in case.trends or case.facts.change is None or kind is None:
        return None
    if kind.lone_only:
        return lone_growing(case)
    return reason("benign_kind_grew", Change=capitalised(change_phrase(case.facts.change)))


# What raises concern.


def suspicious_shape(case: Case) -> Reason | None:
    floor = case.shape.floor
    if floor is None:
        return None
    return reason(
        "suspicious_shape", verified=floor.verified, Many=capitalised(case.shape.many), floor=floor.category
    )


def ductal_spread(case: Case) -> Reason | None:
    """For shapes that are not suspicious; suspicious ones are raised by a step instead."""
    if not case.is_ductal or case.is_suspicious:
        return None
    return _with_distribution("ductal_spread", case, floor=LADDER[0])


def growing(case: Case) -> Reason | None:
    if "increasing" not in case.trends or case.facts.change is None:
        return None
    return reason("growing", Change=capitalised(change_phrase(case.facts.change)), floor=LADDER[0])


def more_suspicious_than_before(case: Case) -> Reason | None:
    """Another shape or distribution than then counts only where it is the more suspicious one."""
    change = case.facts.change
    if change is None or not change.more_suspicious:
        return None
    turned = replace(change, status=tuple(what for what, *_ in change.more_suspicious),
                     turned=change.more_suspicious)  # fmt: skip
    return reason("more_suspicious_than_before", Change=capitalised(change_phrase(turned)), floor=LADDER[0])


def published_shares(case: Case) -> Reason | None:
    """What is known of findings of this shape, and of this distribution, elsewhere.

    The sources are those of the figures; a figure that could not be checked says so in the text.
    """
    if not case.is_suspicious:
        return None
    spread = case.distribution
    named = [(case.shape.display, case.shape.rates), *([(spread.display, spread.rates)] if spread else [])]
    shares = "; ".join(f"{term} {', '.join(map(rate_phrase, rates))}" for term, rates in named if rates)
    sources = dict.fromkeys(rate.source for _, rates in named for rate in rates)
    text = lexicon.rules()["published_shares"].text.format(shares=shares)
    return Reason("published_shares", text, lexicon.cite(sources))


def not_lowered_by_stability(case: Case) -> Reason | None:
    """Said only where a reader might expect stability to help."""
    concerning = case.is_suspicious or case.is_ductal
    change = case.facts.change
    if not concerning or change is None or not change.status or lexicon.grew(change.status, change.turned):
        return None
    return reason("not_lowered_by_stability", change=change_phrase(change))


def known_and_decreased(case: Case) -> Reason | None:
    """Said of what gets category 3 though it was there before: no source read says what decrease means."""
    change = case.facts.change
    if change is None or case.trends != {"decreasing"} or not _long_enough(change.years):
        return None
    if not case.is_small_round or case.is_ductal or not case.facts.fully_worked_up:
        return None
    return reason(
        "known_and_decreased", Change=capitalised(change_phrase(change)), years=years_phrase(change.years)
    )


def _long_enough(years: float) -> bool:
    """Whether what is stable for so long is called benign; a visit is not on the day."""
    steps = lexicon.next_steps()
    least = 12 * steps.category_3_stable_years.value - steps.category_3_stable_tolerance.value
    return 12 * years >= least


def stable_not_worked_up(case: Case) -> Reason | None:
    """Said of what would be benign for being stable, were it worked up."""
    enough = lexicon.next_steps().category_3_stable_years
    change = case.facts.change
    if change is None or case.trends != {"stable"} or not _long_enough(change.years):
        return None
    if not case.is_small_round or case.is_ductal or case.facts.fully_worked_up:
        return None
    return reason("stable_not_worked_up", verified=enough.verified, years=years_phrase(change.years))


def not_comparable(case: Case) -> Reason | None:
    """An earlier exam is there and says nothing of this finding."""
    change = case.facts.change
    if change is None or change.status or change.reason is None:
        return None
    return reason("not_comparable", reason=change.reason[:1].lower() + change.reason[1:])


def few(case: Case) -> Reason | None:
    return reason("few", min_count=number(lexicon.groups().min_count.value)) if case.facts.few else None


def look_alike_on_the_skin(case: Case) -> Reason | None:
    """Ointment in particular is not told from calcium by the description."""
    near = lexicon.sizes().look_alike_skin_mm
    if case.facts.skin_mm is None or case.facts.skin_mm > near.value:
        return None
    return reason("look_alike_on_the_skin", verified=near.verified, skin_mm=number(near.value))


# Incomplete.


def proof_view_missing(case: Case) -> Reason | None:
    kind = case.named_kind
    if kind is None or not case.lacks_proof:
        return None
    return reason("proof_view_missing", Kind=capitalised(kind.display))


def shape_not_assessable(case: Case) -> Reason | None:
    if case.shape.suspicion != "not_assessable":
        return None
    pixel = lexicon.sizes().fine_shape_pixel_mm
    return reason("shape_not_assessable", verified=pixel.verified, fine_shape_pixel_mm=number(pixel.value))


def work_up_incomplete(case: Case) -> Reason | None:
    return None if case.facts.fully_worked_up else reason("work_up_incomplete")


# Round or punctate with nothing against them, worked up.


def stable_for_years(case: Case) -> Reason | None:
    enough = lexicon.next_steps().category_3_stable_years
    change = case.facts.change
    if change is None or case.trends != {"stable"} or not _long_enough(change.years):
        return None
    return reason(
        "stable_for_years",
        verified=enough.verified,
        years=years_phrase(change.years),
        stable_years=number(enough.value),
    )


def alike_after_work_up(case: Case) -> Reason | None:
    if not (case.is_diffuse or (case.facts.bilateral and not case.facts.solitary)):
        return None
    return reason("alike_after_work_up", Many=capitalised(case.shape.many))


def probably_benign(case: Case) -> Reason | None:
    return reason("probably_benign", many=case.shape.many) if case.facts.solitary else None


def not_solitary(case: Case) -> Reason | None:
    return None if case.facts.solitary else reason("not_solitary", floor=LADDER[0])


# Suspicious.


def typical_shape_and_distribution(case: Case) -> Reason | None:
    if not case.is_typical_of_malignancy or case.is_few:
        return None
    return _with_distribution("typical_shape_and_distribution", case)


def too_few_for_category_5(case: Case) -> Reason | None:
    if not case.is_typical_of_malignancy or not case.is_few:
        return None
    return reason("too_few_for_category_5", min_count=number(lexicon.groups().min_count.value))


def distribution_moves(case: Case, floor: str) -> tuple[str, Reason] | None:
    """One step up the ladder for a linear or segmental distribution, one down for a diffuse one."""
    if not case.is_suspicious or not (case.is_ductal or case.is_diffuse):
        return None
    step, rule = (1, "distribution_raises") if case.is_ductal else (-1, "distribution_lowers")
    moved = LADDER[min(max(LADDER.index(floor) + step, 0), len(LADDER) - 1)]
    return (moved, _with_distribution(rule, case, category=moved)) if moved != floor else None


def _with_distribution(rule: str, case: Case, *, floor: str = "", category: str = "") -> Reason:
    return reason(
        rule,
        Many=capitalised(case.shape.many),
        distribution=case.distribution.display if case.distribution else "",
        floor=floor,
        category=category,
    )
