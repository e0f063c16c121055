"""The shape of the lexicon's files. All models are frozen and refuse unknown fields."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Suspicion = Literal["typically_benign", "benign_by_spread", "suspicious", "not_assessable"]
Trend = Literal["increasing", "stable", "decreasing", "either"]


class Entry(BaseModel):
    """Base of every part of the lexicon."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(Entry):
    """Where something comes from. ``verified`` is False when the text could not be read."""

    short: str
    reference: str
    verified: bool
    note: str | None = None


class Figure(Entry):
    """A number with its unit and its source; ``verified`` False is shown to the reader."""

    value: float
    unit: str
    source: str
    verified: bool
    note: str | None = None


class Code(Entry):
    """A coded concept. ``cid`` is a DICOM context group that holds it, ``version`` the scheme's."""

    scheme: str
    value: str
    meaning: str
    version: str | None = None
    cid: int | None = None
    verified: bool = True
    reason: str | None = None

    @model_validator(mode="after")
    def _unverified_codes_say_why(self) -> Code:
        if not self.verified and not self.reason:
            raise ValueError(f"code {self.scheme} {self.value} is not verified and does not say why")
        return self


class Rate(Entry):
    """A published malignant share, per cent."""

    percent: float = Field(ge=0, le=100)
    bound: Literal["about", "below", "exact"]
    population: str
    source: str
    verified: bool


class Floor(Entry):
    """The lowest category a suspicious shape may have after work-up."""

    category: Literal["4A", "4B", "4C"]
    source: str
    verified: bool


class Term(Entry):
    """A word of the lexicon with its codes. ``phrase`` is its form in a sentence, where it differs."""

    display: str
    phrase: str | None = None
    definition: str | None = None
    codes: tuple[Code, ...] = ()
    source: str


class Calcifications(Term):
    """A kind of calcification; ``one`` and ``many`` name it in a sentence."""

    one: str
    many: str
    definition: str
    suspicion: Suspicion
    rates: tuple[Rate, ...] = ()


class Morphology(Calcifications):
    """Shape of the calcifications of a group. ``highly_suggestive``: typical of malignancy."""

    floor: Floor | None = None
    highly_suggestive: bool = False
    remark_one: str | None = None
    remark_many: str | None = None

    @model_validator(mode="after")
    def _suspicious_shapes_have_a_floor(self) -> Morphology:
        if (self.suspicion == "suspicious") != (self.floor is not None):
            raise ValueError(f"{self.display}: a floor belongs to suspicious shapes and to no others")
        return self


class TypicalKind(Calcifications):
    """A kind that is benign by shape.

    ``proof_views`` names the views of which one must show it; ``lone_only`` kinds stop being benign
    by shape when they form a group; ``plural_only`` kinds are not counted in a sentence.
    """

    cause: str
    plural_only: bool = False
    lone_only: bool = False
    proof_views: tuple[str, ...] = ()


class Distribution(Term):
    """How calcifications are spread, and what that does to suspicion."""

    phrase: str
    effect: Literal["raises", "lowers", "none"]
    rates: tuple[Rate, ...] = ()


class ChangeTerm(Term):
    """What a comparison found. Increasing sets a floor; stable may let category 3 step down; either sets a
    floor where the new term is more suspicious than the old one."""

    phrase: str
    trend: Trend


class MimicTerm(Term):
    """What is no calcification; ``advice`` says what to do about it."""

    advice: str


class Terms(Entry):
    """``terms.yaml``; the keys are the identifiers used everywhere in Calcscope."""

    morphology: dict[str, Morphology]
    typical_kinds: dict[str, TypicalKind]
    size_classes: dict[str, Term]
    distribution: dict[str, Distribution]
    mimics: dict[str, MimicTerm]
    non_lesions: dict[str, Term]
    change: dict[str, ChangeTerm]
    sides: dict[str, Term]
    quadrants: dict[str, Term]
    halves: dict[str, Term]
    depths: dict[str, Term]
    clock: dict[str, Term]
    concepts: dict[str, Term]


class Sizes(Entry):
    """``sizes.yaml``: size thresholds, mm unless the figure's unit says otherwise."""

    micro_below_mm: Figure
    macro_from_mm: Figure
    fine_shape_pixel_mm: Figure
    size_pixels: Figure
    typical_span_pixels: Figure
    skin_group_mm: Figure
    popcorn_from_mm: Figure
    popcorn_certain_mm: Figure
    rod_width_mm: Figure
    rim_wall_mm: Figure
    dystrophic_from_mm: Figure
    round_from_mm: Figure
    round_to_mm: Figure
    punctate_below_mm: Figure
    coarse_heterogeneous_from_mm: Figure
    coarse_heterogeneous_to_mm: Figure
    fine_pleomorphic_below_mm: Figure
    fine_linear_width_mm: Figure
    look_alike_skin_mm: Figure


class Named(Entry):
    """Terms that a rule names, by their identifiers, with the rule's source."""

    value: tuple[str, ...]
    source: str
    verified: bool
    note: str | None = None


class Groups(Entry):
    """``groups.yaml``: what makes a group, and what makes a finding of fewer (``few_…``)."""

    min_count: Figure
    min_count_coarse: Figure
    min_count_linear: Figure
    few_shapes: Named
    few_distributions: Named
    few_arranged_from: Figure
    within_mm: Figure
    grouped_to_mm: Figure
    regional_from_mm: Figure


class DetectionFit(Entry):
    """Chance that a calcification is found, by its expected signal to noise ratio:
    ``top / (1 + (middle_snr / snr) ** slope)``, the ratio being ``scale * measured ** power``."""

    middle_snr: float
    slope: float
    top: float
    scale: float
    power: float
    source: str
    verified: bool
    note: str | None = None


class ChangePhrases(Entry):
    """Sentences about a comparison. {then} names the earlier exam in words such as ``May 2023``."""

    counts: str
    outside: str
    faint: str
    allowing: str
    may_have_grown: str
    limit_then: str
    limit_now: str
    unseen: str
    new: str
    new_but: str
    resolved: str
    resolved_but: str
    on_skin: str
    changed_morphology: str
    changed_distribution: str
    sizes: str
    turned_over: str


class ChangeReasons(Entry):
    """Why nothing is said of a change."""

    not_shown: str
    imprecise: str
    too_fine: str
    too_fine_now: str
    no_view: str
    refused: str


class Changes(Entry):
    """``change.yaml``: when a finding counts as changed against an earlier exam, and how that is said."""

    least_count_change: Figure
    least_size_change: Figure
    least_span_change: Figure
    least_span_change_mm: Figure
    least_density_change: Figure
    term_certainty: Figure
    new_share: Figure
    new_from: Figure
    recognised_from: Figure
    greatest_chance_of_missing: Figure
    greatest_error_mm: Figure
    interval: Figure
    least_sizes: Figure
    size_doubt: Figure
    comparable_from: Figure
    least_shown: Figure
    detection: DetectionFit
    phrases: ChangePhrases
    reasons: ChangeReasons


class Band(Entry):
    """Malignant probability above ``low`` up to ``high``."""

    low: float
    high: float
    source: str
    verified: bool


class Category(Entry):
    """An assessment category."""

    display: str
    band: Band | None
    suspicion: str | None
    codes: tuple[Code, ...]
    source: str


class Categories(Entry):
    """``categories.yaml``; ``overall_order`` runs from the most pressing to the least."""

    overall_order: tuple[str, ...]
    categories: dict[str, Category]
    undivided_4: Code


class Step(Entry):
    """A next step. ``text`` has the fields {side} and {due}; the smaller ``urgency`` comes first."""

    text: str
    due_days: Figure
    urgency: int
    codes: tuple[Code, ...]
    source: str


class Visits(Entry):
    """Months after which a finding of category 3 is seen again."""

    visits: tuple[int, ...]
    optional: tuple[int, ...]
    source: str
    verified: bool


class NextSteps(Entry):
    """``next_steps.yaml``."""

    steps: dict[str, Step]
    by_category: dict[str, str]
    category_3_months: Visits
    category_3_stable_years: Figure
    category_3_stable_tolerance: Figure


class Rule(Entry):
    """A rule of assessment in words. ``verified`` False: no source read states it so."""

    text: str
    basis: str
    concludes: str
    sources: tuple[str, ...] = Field(min_length=1)
    verified: bool = True


class MalignancySettings(Entry):
    """``malignancy.yaml``: the prevalence a probability is re-based to, and its interval."""

    prevalence: Figure
    interval: Figure


class PlacePhrases(Entry):
    side: str
    region: str
    throughout: str
    clock: str
    nipple: str


class SeenPhrases(Entry):
    several: str
    one: str
    unknown: str


class ComparisonPhrases(Entry):
    none: str
    some: str
    possible: str
    counts: str
    then_and_now: str
    in_both: str
    none_then: str
    at_most: str
    in_view: str
    outside_one: str
    outside_many: str
    faint_one: str
    faint_many: str
    variability: str
    variability_rest: str
    small: str
    below_then_one: str
    below_then_many: str
    below_now_one: str
    below_now_many: str
    turned: str
    unsure: str
    unable: str


class Phrases(Entry):
    """``phrases.yaml``: the fixed phrases of a report paragraph."""

    lone: str
    many: str
    apart: str
    size: str
    largest: str
    orientation_assumed: str
    several_uncounted: str
    over: str
    spanning: str
    few: str
    place: PlacePhrases
    seen: SeenPhrases
    one_view_leaves_open: dict[str, str]
    alike_in_both_breasts: str
    comparison: ComparisonPhrases
    typical: str
    provisional: str
    provisional_undetermined: str
    provisional_undetermined_raised: str
    probability: str
    unproved: str
    category: str
    category_because: str
    due_days: str
    due_months: str


class Notices(Entry):
    """``notices.yaml``: what the software says about itself."""

    research_use: str
    not_verified: str
    calibrated_on_simulation: str
    attribution_cbis_ddsm: str


class CadSr(Entry):
    """``cad_sr.yaml``: names and values of the content items of a Mammography CAD SR.

    ``findings`` names the marks of other makers by scheme and value; ``snomed_rt_schemes`` are the schemes
    under which they write SNOMED RT.
    """

    source: str
    names: dict[str, Code]
    values: dict[str, Code]
    view_modifiers: dict[str, Code]
    snomed_rt_schemes: tuple[str, ...]
    findings: dict[str, str]
    same_within_mm: Figure


class Word(Entry):
    """A word of the HL7 breast imaging guide."""

    code: str
    display: str


class Component(Entry):
    """A part of an Observation: the guide's code and DICOM's, where there are such."""

    display: str
    guide: str | None = None
    dicom: Code | None = None


class GuideWords(Entry):
    """The guide's words by the lexicon's identifiers; what is missing the guide has no word for."""

    finding: Word
    present: Word
    absent: Word
    nipple: Word
    sections: dict[str, Word]
    sides: dict[str, Word]
    quadrants: dict[str, Word]
    regions: dict[str, Word]
    depths: dict[str, Word]
    clock: dict[str, Word]
    types: dict[str, Word]
    distributions: dict[str, Word]
    changes: dict[str, Word]
    categories: dict[str, Word]
    steps: dict[str, Word]


class Order(Entry):
    """What a ServiceRequest asks for, and in which way."""

    code: Code
    detail: Code | None = None


class Fhir(Entry):
    """``fhir.yaml``: ``systems`` has the code system of each coding scheme."""

    source: str
    systems: dict[str, str]
    report: dict[str, Code]
    report_of_guide: Code
    section: Code
    category: Code
    pseudonymised: Code
    unknown: Code
    modality: Code
    breast: Code
    imaging: Code
    components: dict[str, Component]
    guide: GuideWords
    orders: dict[str, Order]


class PatientText(Entry):
    """A sentence for the woman, with the source of what it says."""

    text: str
    source: str


class Odds(Entry):
    """In how many of ``per`` women something is found, with its interval of 95 %, and in whom."""

    value: float = Field(ge=0)
    low: float = Field(ge=0)
    high: float
    per: Literal[100, 1000]
    population: str
    source: str
    verified: bool
    note: str | None = None

    @model_validator(mode="after")
    def _interval_holds_the_value(self) -> Odds:
        if not self.low <= self.value <= self.high <= self.per:
            raise ValueError(f"found {self.low} to {self.high} around {self.value}, of {self.per}")
        return self


class Patient(Entry):
    """``patient.yaml``: what a woman reads. ``steps`` have the field {by}, which is ``by`` filled in."""

    unsigned: str
    not_for_emergencies: str
    about: str
    about_sources: tuple[str, ...]
    seen: dict[str, str]
    categories: dict[str, PatientText]
    steps: dict[str, PatientText]
    follow: str
    follow_source: str
    by: str
    odds: dict[str, Odds]


class ChainStep(Entry):
    """A step of follow-up.

    ``results`` are the words for each result; ``then`` the steps that each opens, ``then_after`` the same
    where an earlier step of the chain had a certain result. A step that an exam fulfils has the one result
    ``done``. ``asks`` are further facts that a result states. ``earliest_share`` of the time must have passed
    before an exam fulfils it. ``visit`` says that the woman comes for it.
    """

    display: str
    by: Literal["exam", "result"]
    owner: str
    then: dict[str, tuple[str, ...]]
    source: str
    then_after: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)
    results: dict[str, str] = Field(default_factory=dict)
    asks: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    modifiers: tuple[str, ...] = ()
    due_days: Figure | None = None
    earliest_share: float = 0.0
    visit: bool = False


class Escalation(Entry):
    """To whom a step is passed on so many days after it was due."""

    after_days: int
    to: str
    source: str
    verified: bool


class Days(Entry):
    """Some numbers of days."""

    value: tuple[int, ...]
    source: str
    verified: bool


class Chains(Entry):
    """``chains.yaml``: what follows a signed recommendation."""

    opens: dict[str, tuple[str, ...]]
    steps: dict[str, ChainStep]
    closing: dict[str, str]
    escalation: tuple[Escalation, ...]
    reminders: Days
    unreachable_after: Figure

    @model_validator(mode="after")
    def _steps_are_known(self) -> Chains:
        named = {step for steps in self.opens.values() for step in steps}
        for step in self.steps.values():
            tables = [step.then, *step.then_after.values()]
            named |= {after for table in tables for steps in table.values() for after in steps}
        if unknown := named - set(self.steps):
            raise ValueError(f"chains.yaml names steps it does not have: {', '.join(sorted(unknown))}")
        return self
