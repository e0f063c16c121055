"""What assessment needs to know of a finding, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from calcscope import lexicon
from calcscope.exam.model import Laterality

Mode = Literal["screening", "diagnostic"]


@dataclass(frozen=True)
class Place:
    """Where in the breast a finding lies.

    Parameters
    ----------
    quadrant : ``upper_outer``, ``upper_inner``, ``lower_outer``, ``lower_inner``, ``central``,
        ``axillary_tail`` or None (needs a CC and an MLO or lateral view)
    half : ``outer``, ``inner`` (CC alone), ``upper``, ``lower`` (MLO or lateral alone) or None
    clock : 1 to 12 or None
    depth : ``anterior``, ``middle``, ``posterior`` or None
    nipple_mm : distance to the nipple, mm, or None
    certainty : ``both views``, ``one view`` or ``unknown``
    orientation_assumed : True when outer and inner (or upper and lower) rest on how such views are
        usually hung, because the file does not say which way is up
    """

    quadrant: str | None = None
    half: str | None = None
    clock: int | None = None
    depth: str | None = None
    nipple_mm: float | None = None
    certainty: Literal["both views", "one view", "unknown"] = "unknown"
    orientation_assumed: bool = False


@dataclass(frozen=True)
class ChangeFacts:
    """What a comparison with an earlier exam found.

    Parameters
    ----------
    status : of ``new``, ``more``, ``fewer``, ``larger``, ``smaller``, ``wider``, ``denser``,
        ``changed_morphology``, ``changed_distribution``, ``unchanged``, ``resolved``; none where it is not
        comparable
    years : between the exams
    then, now : numbers of calcifications found, where known
    below_limit_then : how many of those now were not found then and lie below the earlier image's limit
    below_limit_now : how many of those then were not found now and lie below the current image's limit
    faint_then : how many of those now were only doubtful marks then
    outside_now : how many of those then are found now, but not of this finding
    interval : of the change in number, None where nothing can be said
    reason : why it is not comparable, a sentence
    view : the view that the numbers are of
    turned : of each ``changed_…`` the term then and the term now
    may_have_grown : called unchanged for want of certainty alone: no sign of stability
    """

    status: tuple[str, ...]
    years: float
    then: int | None = None
    now: int | None = None
    below_limit_then: int = 0
    below_limit_now: int = 0
    faint_then: int = 0
    outside_now: int = 0
    interval: tuple[float, float] | None = None
    reason: str | None = None
    view: str | None = None
    turned: tuple[tuple[str, str, str], ...] = ()
    may_have_grown: bool = False

    @property
    def trends(self) -> set[str]:
        """``increasing``, ``stable``, ``decreasing``, ``either``: what the terms mean; none where unsure."""
        return set() if self.may_have_grown else lexicon.trends(self.status)

    @property
    def more_suspicious(self) -> tuple[tuple[str, str, str], ...]:
        """Of ``turned`` what is more suspicious now than then."""
        return tuple(one for one in self.turned if lexicon.more_suspicious(*one))


@dataclass(frozen=True)
class FindingFacts:
    """One finding as the stages before assessment describe it.

    Parameters
    ----------
    laterality : side
    views : labels of the views it is seen in, e.g. ``("CC", "MLO")``
    morphology : lexicon term, ``not_assessable``, or None for a lone typical calcification
    distribution : lexicon term or None for a lone calcification
    typical_kind : typically benign kind, or None
    count : number of calcifications (largest over the views)
    span_mm : greatest extent, mm, or None for a lone calcification
    diameter_mm : diameter of the largest calcification, mm; 0 where none was measured
    place : where it is
    few : "fewer than 5"
    solitary : the only group of its kind in both breasts
    bilateral : alike calcifications are diffuse or scattered in both breasts
    change : comparison with an earlier exam, or None without one
    fully_worked_up : magnification views in two planes are part of the exam
    skin_mm : distance of its middle to the skin line in the view where it is nearest, mm, None where unknown
    """

    laterality: Laterality
    views: tuple[str, ...]
    morphology: str | None
    distribution: str | None
    typical_kind: str | None
    count: int
    span_mm: float | None
    diameter_mm: float
    place: Place = field(default_factory=Place)
    few: bool = False
    solitary: bool = True
    bilateral: bool = False
    change: ChangeFacts | None = None
    fully_worked_up: bool = False
    skin_mm: float | None = None


@dataclass(frozen=True)
class Reason:
    """A rule that fired: its identifier in ``rules.yaml``, what it says here, and who says so."""

    rule: str
    text: str
    source: str


@dataclass(frozen=True)
class NextStep:
    """What should happen next: identifier in ``next_steps.yaml``, its words, days until it is due."""

    code: str
    text: str
    due_days: int


@dataclass(frozen=True)
class Malignancy:
    """Estimated probability of malignancy of a worked-up finding, 0 to 1, with its interval.

    Parameters
    ----------
    probability, low, high : re-based to ``prevalence``; the interval is of the model's coefficients
    prevalence : share of worked-up findings that are malignant where the finding was seen
    note : what the number is calibrated on; to be shown wherever the number is
    """

    probability: float
    low: float
    high: float
    prevalence: float
    note: str


@dataclass(frozen=True)
class AssessSettings:
    """Settings of assessment; the defaults lie in the lexicon.

    Parameters
    ----------
    prevalence : share of worked-up findings that are malignant in this clinic, above 0 and below 1
    due_days : days until each next step is due, by its code; steps not named keep their default
    """

    prevalence: float = field(default_factory=lambda: lexicon.malignancy().prevalence.value)
    due_days: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.prevalence < 1:
            raise ValueError(f"prevalence {self.prevalence} must lie above 0 and below 1, such as 0.25")
        unknown = set(self.due_days) - set(lexicon.next_steps().steps)
        if unknown:
            known = ", ".join(lexicon.next_steps().steps)
            raise ValueError(f"due_days names {', '.join(sorted(unknown))}; the steps are {known}")


@dataclass(frozen=True)
class FindingAssessment:
    """What is thought of one finding.

    Parameters
    ----------
    laterality : side of the finding
    category : BI-RADS category, ``0`` to ``5`` with ``4A``, ``4B``, ``4C``
    basis : the deciding rule in a few words
    next_step : what should happen next
    reasons : every rule that bore on the category, the deciding one last; never empty
    malignancy : for worked-up findings of category 4A to 5 that the model knows, else None
    provisional_suspicion : in words, for findings of category 0, else None
    sentence : the report's paragraph, ready to sign
    """

    laterality: Laterality
    category: str
    basis: str
    next_step: NextStep
    reasons: tuple[Reason, ...]
    malignancy: Malignancy | None
    provisional_suspicion: str | None
    sentence: str


@dataclass(frozen=True)
class ExamVerdict:
    """Categories of the breasts and of the exam; a breast without a view has None.

    ``next_steps`` are what should happen, each once, the most urgent first.
    """

    left: str | None
    right: str | None
    overall: str
    next_steps: tuple[NextStep, ...]
    reasons: tuple[Reason, ...]
