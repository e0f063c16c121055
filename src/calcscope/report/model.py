"""The report contract: what ``report.json`` holds (JSON Schema in ``docs/reference``).

Coordinates are 0-based ``x`` (column), ``y`` (row) of the *source* image at pixel centres; lengths
are mm at the detector plane divided by the magnification the header states. Terms are identifiers of
the lexicon. Probabilities keep every digit, because their order matters; coordinates and lengths are
rounded to what can be measured, so that the same exam gives the same file everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date as Date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION = "1.2"

Laterality = Literal["L", "R"]
Mode = Literal["screening", "diagnostic"]
SizeClass = Literal["micro", "between", "macro"]
Category = Literal["0", "1", "2", "3", "4A", "4B", "4C", "5", "6"]

# A thousandth of a pixel and a tenth of a micrometre are far below what an image can tell.
Pixel = Annotated[float, AfterValidator(lambda value: round(value, 3))]
Length = Annotated[float, Field(ge=0), AfterValidator(lambda value: round(value, 4))]
Point = tuple[Pixel, Pixel]
Row = tuple[float, float, float]
"""One line of an affine map: what x, y and 1 are multiplied by."""
IsoDate = Annotated[str, AfterValidator(lambda text: Date.fromisoformat(text).isoformat())]
Probability = Annotated[float, Field(ge=0, le=1)]
Probabilities = dict[str, Probability]


def exam_folder_name(study_uid: str) -> str:
    """Name of an exam's folder beside ``report.json``: stable, and telling nothing about the woman.

    The UID itself is not used: files carrying none get one made from their content, and some
    archives build UIDs from patient numbers.
    """
    return "exam-" + hashlib.sha256(study_uid.encode()).hexdigest()[:8]


class Model(BaseModel):
    """Base of every part of the report: unknown fields are refused, nothing changes after writing."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Failure(Model):
    """An input that was not read; the rest of the exam was."""

    source: str = Field(description="File, or archive!member, that was not read")
    reason: str = Field(description="What was found, what was expected, what to do")


class PriorView(Model):
    """A view of the exam and the earlier view that it was compared with, or was to be compared with."""

    view: str = Field(description="sop_uid of the view")
    prior_view: str = Field(description="sop_uid of the earlier view")
    source: str = Field(description="File, or archive!member, of the earlier view")
    pixel_mm: float = Field(
        gt=0, description="Size of a pixel of the earlier view in the plane of the breast"
    )
    agreement: float | None = Field(
        None, ge=0, le=1, description="Share of the tissue's blocks found where the registration has them"
    )
    error_mm: Length | None = Field(
        None, description="Median over the breast of the error that two of three places stay below"
    )
    turned_over: bool = Field(False, description="True where the earlier view fits only upside down")
    map: tuple[Row, Row] | None = Field(
        None,
        description="Over the whole breast: takes (x, y, 1) of the source image to x and y of the earlier "
        "one; each finding's place has one that is nearer the truth there",
    )
    reason: str | None = Field(None, description="Why the two could not be laid on one another, else null")


class Prior(Model):
    """An earlier exam that was offered for comparison."""

    source: str = Field(description="Where the earlier exam was read from")
    study_uid: str | None = Field(None, description="Its Study Instance UID, null where none of it was read")
    date: IsoDate | None = Field(None, description="ISO date of the earlier exam")
    years: float | None = Field(None, ge=0, description="Years from it to this exam, null where not used")
    used: bool = Field(description="Whether the comparison used it")
    reason: str | None = Field(None, description="Why it was left out")
    views: list[PriorView] = Field([], description="Which views were compared with which")
    warnings: list[str] = Field([], description="What the reader must know of the comparison")


class Anatomy(Model):
    """The breast's landmarks in one view."""

    outline: list[Point] = Field(description="Breast border, closed polygon, pixels")
    pectoral_line: tuple[Point, Point] | None = Field(
        None, description="Ends of the pectoral muscle's straight border, pixels; null where none is seen"
    )
    nipple: Point | None = Field(None, description="Nipple, pixels; null where it cannot be found")
    nipple_certainty: Literal["seen", "estimated"] | None = Field(
        None, description="Seen in profile, or estimated from the outline alone"
    )


class Calcification(Model):
    """One calcification in one view."""

    id: str = Field(description="Unique within the view")
    x: Pixel = Field(description="Column of its centre in the source image, 0-based")
    y: Pixel = Field(description="Row of its centre in the source image, 0-based")
    slice: int | None = Field(None, ge=0, description="Frame, 0-based, of a tomosynthesis")
    probability: Probability = Field(description="That the mark is a calcification, strictly ordered")
    diameter_mm: Length = Field(description="Diameter of the disc of the same area")
    length_mm: Length = Field(description="Greatest Feret diameter of the outline")
    width_mm: Length = Field(description="Least Feret diameter of the outline")
    area_mm2: Length = Field(description="Area inside the outline, mm²")
    contrast: float = Field(description="Peak over the local background; the image's range is 1")
    snr: float = Field(description="Excess inside the outline over the noise of one pixel")
    size_class: SizeClass = Field(description="Micro or macro by the size settings, or between")
    size_is_upper_bound: bool = Field(description="True below three pixels: the true size may be smaller")
    kind: str | None = Field(None, description="Kind of the single calcification, lexicon term")
    outline: list[Point] = Field(description="Outline at half height, closed polygon, pixels")
    group: str | None = Field(None, description="Id of the group it belongs to, in the same view")


class Group(Model):
    """Calcifications of one view that belong together."""

    id: str = Field(description="Unique within the view")
    x: Pixel = Field(description="Column of its centre in the source image, 0-based")
    y: Pixel = Field(description="Row of its centre in the source image, 0-based")
    span_mm: Length = Field(description="Greatest distance between two members' centres")
    count: int = Field(ge=1, description="Number of members, whether listed or not")
    few: bool = Field(False, description='Labelled "fewer than 5"')
    density_per_cm2: float = Field(ge=0, description="Members per cm² of the group's area")
    probability: Probability = Field(description="That this is a true group, strictly ordered")
    distribution: str = Field(description="Likeliest distribution, lexicon term")
    distribution_probabilities: Probabilities = Field(description="Probability of each distribution")
    morphology: str = Field(description="Likeliest morphology, lexicon term, or not_assessable")
    morphology_probabilities: Probabilities = Field(description="Probability of each morphology")
    typical_kind: str | None = Field(None, description="Typically benign kind of the whole group")
    outline: list[Point] = Field(description="Convex hull of the members, pixels")


class Mimic(Model):
    """Something on the skin or on the film that looks like a calcification and is none."""

    x: Pixel = Field(description="Column in the source image, 0-based")
    y: Pixel = Field(description="Row in the source image, 0-based")
    kind: str = Field(description="deodorant, powder, cream, metal, marker, clip, film_artifact")
    extent_mm: Length = Field(description="Greatest extent")
    outline: list[Point] = Field(
        [], description="Closed polygon, pixels; empty where only its place is known"
    )


class LeftOut(Model):
    """A part of the image that was not searched, because it shows no breast tissue."""

    x: Pixel = Field(description="Column of its centre in the source image, 0-based")
    y: Pixel = Field(description="Row of its centre in the source image, 0-based")
    kind: str = Field(description="label, film_edge, collimator, scanner_line, implant")
    extent_mm: Length = Field(description="Greatest extent")
    outline: list[Point] = Field(description="Closed polygon, pixels; two points for a line")


class ViewReport(Model):
    """One view and everything found in it."""

    source: str = Field(description="File, or archive!member, the view came from")
    sop_uid: str = Field(description="SOP Instance UID, made from the content where there is none")
    laterality: Laterality = Field(description="Side")
    view: str = Field(description="CC, MLO, ML …")
    modifiers: list[str] = Field(description="spot, magnification, tangential …")
    rows: int = Field(gt=0, description="Rows of the source image")
    columns: int = Field(gt=0, description="Columns of the source image")
    pixel_mm: float = Field(gt=0, description="Size of a pixel in the plane of the breast, mm")
    breast_area_cm2: float = Field(ge=0, description="Area of the breast without the pectoral muscle")
    warnings: list[str] = Field(description="What was assumed or could not be done, for the reader")
    anatomy: Anatomy = Field(description="Landmarks")
    morphology_assessable: bool = Field(
        description="False where the pixels are too large to name fine shapes"
    )
    experimental: bool = Field(False, description="True for tomosynthesis")
    calcifications: list[Calcification] = Field(description="Each calcification listed")
    groups: list[Group] = Field(description="Each group formed")
    mimics: list[Mimic] = Field(description="What looks like a calcification and is none")
    left_out: list[LeftOut] = Field([], description="What was left out of the search")

    @property
    def label(self) -> str:
        """Short name as hung on a light box: ``LCC``, ``RMLO``, ``RCC spot magnification``."""
        return " ".join([self.laterality + self.view, *self.modifiers])

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        _refuse_repeats("calcification", (each.id for each in self.calcifications))
        groups = _refuse_repeats("group", (each.id for each in self.groups))
        for each in self.calcifications:
            if each.group is not None and each.group not in groups:
                raise ValueError(f"calcification {each.id} names group {each.group}, which the view lacks")
        parts: list[Calcification | Group] = [*self.calcifications, *self.groups]
        for part in parts:
            # Half a pixel beyond the outermost pixel centres is the image's edge.
            if not (-0.5 <= part.x <= self.columns - 0.5 and -0.5 <= part.y <= self.rows - 0.5):
                raise ValueError(f"{part.id} lies at ({part.x}, {part.y}), outside the image")
        return self


class Member(Model):
    """Where a finding is seen in one view."""

    view: str = Field(description="sop_uid of the view")
    group: str | None = Field(None, description="Id of the group in that view; null for lone calcifications")
    calcifications: list[str] = Field(description="Ids of its calcifications in that view")

    @model_validator(mode="after")
    def _is_something(self) -> Self:
        if self.group is None and not self.calcifications:
            raise ValueError("a finding's member names neither a group nor calcifications")
        return self


class Location(Model):
    """Where in the breast a finding lies."""

    quadrant: str | None = Field(None, description="upper outer … or central; needs both views")
    half: str | None = Field(None, description="outer or inner from CC, upper or lower from MLO")
    clock: int | None = Field(None, ge=1, le=12, description="Clock face position, facing the woman")
    depth: str | None = Field(None, description="anterior, middle, posterior")
    nipple_mm: Length | None = Field(None, description="Distance to the nipple")
    certainty: Literal["both views", "one view", "unknown"] = Field(
        "unknown", description="What the place rests on"
    )
    orientation_assumed: bool = Field(
        False, description="True when outer and inner, or upper and lower, rest on how films are usually hung"
    )


class EarlierCalcification(Model):
    """A calcification as an earlier exam shows it."""

    x: Pixel = Field(description="Column of its centre in the earlier source image, 0-based")
    y: Pixel = Field(description="Row of its centre in the earlier source image, 0-based")
    diameter_mm: Length = Field(description="Diameter of the disc of the same area")
    probability: Probability = Field(description="That the mark is a calcification")
    outline: list[Point] = Field(description="Outline at half height, closed polygon, pixels")
    found_now: bool = Field(description="Whether this exam shows it, and not only a doubtful mark")
    same_as: str | None = Field(None, description="Id of the same calcification in this exam where listed")


class Place(Model):
    """Where a finding, or one calcification of those that lie apart, is in an earlier view."""

    view: str = Field(description="sop_uid of the view")
    prior_view: str = Field(description="sop_uid of the earlier view")
    x: Pixel = Field(description="Column of its middle in the earlier source image, 0-based")
    y: Pixel = Field(description="Row of its middle in the earlier source image, 0-based")
    error_mm: Length = Field(description="Distance that the true place keeps in two of three cases")
    map: tuple[Row, Row] = Field(
        description="Near the finding: takes (x, y, 1) of the source image to x and y of the earlier one"
    )
    calcifications: list[str] = Field(description="Ids of its calcifications in the view")
    not_found_then: list[str] = Field(
        description="Those of them of which the earlier view shows no more than a doubtful mark"
    )
    earlier: list[EarlierCalcification] = Field(description="Its calcifications in the earlier view")


class Turned(Model):
    """A shape or a distribution that is another one than then."""

    what: Literal["changed_morphology", "changed_distribution"] = Field(description="Which of the two")
    was: str = Field(description="Lexicon term then")
    now: str = Field(description="Lexicon term now")


class Change(Model):
    """What the comparison with an earlier exam found. Intervals are of 90 %."""

    prior: str = Field(description="study_uid of the earlier exam")
    date: IsoDate = Field(description="ISO date of the earlier exam")
    status: list[str] = Field(
        min_length=1,
        description="The most telling first: new, resolved, more, fewer, larger, smaller, wider, denser, "
        "changed_morphology, changed_distribution, unchanged, or not_comparable",
    )
    numbers: dict[str, float] = Field(
        description="count_now, count_then (as found), comparable_now, comparable_then (what both images can "
        "show), count_change; of the other exam's, below_limit_now, below_limit_then (not found, and found "
        "in fewer than every second case), faint_then (doubtful marks then), outside_now (found now but not "
        "of this finding); where known span_now_mm, span_then_mm, density_ratio, all of one view; "
        "size_ratio of all views; years"
    )
    interval: dict[str, tuple[float, float]] = Field(
        description="90 % interval of count_change and size_ratio, over all views; empty where nothing can "
        "be said"
    )
    detection_limit: dict[str, float] = Field(
        description="now_mm, then_mm: diameter of a calcification of this kind that each exam shows in every "
        "second case"
    )
    words: list[str] = Field([], description="The comparison in sentences")
    reason: str | None = Field(None, description="Why it is not comparable, else null")
    raises_suspicion: bool = Field(
        False, description="True for a group that grew and is not benign by shape; not for single ones"
    )
    view: str | None = Field(None, description="The view whose numbers these are, such as MLO")
    turned: list[Turned] = Field([], description="Shape and distribution, where another one than then")
    may_have_grown: bool = Field(
        False,
        description="True where it is called unchanged for want of certainty alone: an increase is likelier "
        "than none, so it is no sign of stability",
    )
    places: list[Place] = Field([], description="Where it is in the earlier views")


class Moment(Model):
    """A finding in one of several exams."""

    date: IsoDate = Field(description="ISO date of that exam")
    count: int = Field(ge=0, description="Number of calcifications found, in one view, in all exams the same")
    span_mm: Length | None = Field(None, description="Greatest extent; null where it is no group there")
    status: list[str] | None = Field(
        description="What this exam's finding is against that exam; null for this exam itself"
    )
    view: str | None = Field(None, description="That view, such as MLO")


class Malignancy(Model):
    """Probability that a worked-up finding is malignant."""

    probability: Probability = Field(description="Best estimate at the stated prevalence")
    low: Probability = Field(description="Lower end of the interval")
    high: Probability = Field(description="Upper end of the interval")
    prevalence: Probability = Field(description="Share of malignant findings the estimate is based on")
    note: str = Field(description="What it was fitted and calibrated on")

    @model_validator(mode="after")
    def _interval_holds_the_estimate(self) -> Self:
        if not self.low <= self.probability <= self.high:
            raise ValueError(f"interval {self.low} to {self.high} does not hold {self.probability}")
        return self


class Reason(Model):
    """A rule that fired."""

    rule: str = Field(description="Identifier of the rule")
    text: str = Field(description="What it says about this finding")
    source: str = Field(description="Where the rule comes from")
    verified: bool = Field(True, description="False where the source could not be checked")


class NextStep(Model):
    """What should happen next."""

    code: str = Field(description="Step of the follow-up chain, e.g. magnification_views")
    text: str = Field(description="The step in words")
    due_days: int | None = Field(None, ge=0, description="Days after the exam by which it is due")


class Assessment(Model):
    """Category of one finding."""

    category: Category = Field(description="BI-RADS category")
    basis: str = Field(description="What the category rests on, in a few words")


class Finding(Model):
    """Calcifications that are judged as one, over all views they are seen in."""

    id: str = Field(
        pattern=r"^[A-Za-z0-9-]{1,32}$", description="Unique within the exam; part of its pictures' names"
    )
    laterality: Laterality = Field(description="Side")
    kind: str = Field(description="group, single, vascular, skin …: what the finding is made of")
    benign: bool = Field(description="Typically benign: folded away by default")
    members: list[Member] = Field(min_length=1, description="The views it is seen in")
    distribution: str | None = Field(None, description="Lexicon term")
    morphology: str | None = Field(None, description="Lexicon term, or not_assessable")
    typical_kind: str | None = Field(None, description="Typically benign kind")
    count: int = Field(ge=1, description="Number of calcifications, largest over the views")
    span_mm: Length | None = Field(None, description="Greatest extent; null for a lone calcification")
    skin_mm: Length | None = Field(
        None, description="Distance of a group's middle to the skin line in the view where it is nearest"
    )
    location: Location = Field(description="Place in the breast")
    change: Change | None = Field(
        None,
        description="Comparison; null without an earlier exam. Of several: the newest against which it grew; "
        "else, where it is unchanged, the oldest; else the newest",
    )
    trend: list[Moment] = Field([], description="Oldest first, with two earlier exams or more")
    malignancy: Malignancy | None = Field(None, description="Null unless worked up")
    provisional_suspicion: str | None = Field(
        None, description="Suspicion before the work-up, shown beside category 0"
    )
    assessment: Assessment = Field(description="Category")
    next_step: NextStep = Field(description="What should happen next")
    reasons: list[Reason] = Field(description="The rules that led here")
    sentence: str = Field(description="The report's paragraph, ready to sign")


class EarlierFinding(Model):
    """A group that an earlier exam shows and that is no finding of this one."""

    id: str = Field(
        pattern=r"^[A-Za-z0-9-]{1,32}$", description="Unique within the exam, also among its findings"
    )
    laterality: Laterality = Field(description="Side")
    distribution: str | None = Field(None, description="Lexicon term, as it was then")
    morphology: str | None = Field(None, description="Lexicon term, or not_assessable, as it was then")
    typical_kind: str | None = Field(None, description="Typically benign kind")
    count: int = Field(ge=1, description="Number of calcifications then, largest over the views")
    span_mm: Length | None = Field(None, description="Greatest extent then")
    location: Location = Field(description="Place in the breast, as the earlier exam shows it")
    change: Change = Field(description="What became of it")


class ExamAssessment(Model):
    """Category of each breast and of the exam."""

    left: Category | None = Field(description="Left breast; null when it was not read")
    right: Category | None = Field(description="Right breast; null when it was not read")
    overall: Category = Field(description="The exam")
    reasons: list[Reason] = Field([], description="The rules that led here")


class ExamReport(Model):
    """One exam of one woman."""

    study_uid: str = Field(description="Study Instance UID, made from the content where there is none")
    patient_id: str = Field(description="As stored in the images")
    date: IsoDate | None = Field(description="ISO date of the exam")
    mode: Mode = Field(description="screening or diagnostic")
    folder: str = Field(
        "",
        pattern=r"^(exam-[0-9a-f]{8})?$",
        description="Folder of its renderings, beside report.json; filled in from study_uid",
    )
    priors: list[Prior] = Field(description="Earlier exams offered for comparison")
    views: list[ViewReport] = Field(description="R before L, CC before MLO before others")
    findings: list[Finding] = Field(description="Most suspicious first")
    earlier_findings: list[EarlierFinding] = Field(
        [], description="What earlier exams show and this one no longer, or not as a group"
    )
    assessment: ExamAssessment = Field(description="Category of each breast and of the exam")
    next_steps: list[NextStep] = Field(description="Most urgent first")

    @property
    def compared(self) -> list[tuple[Finding | EarlierFinding, Change]]:
        """Everything with a comparison: the findings, then what only earlier exams show."""
        both: list[Finding | EarlierFinding] = [*self.findings, *self.earlier_findings]
        return [(each, each.change) for each in both if each.change is not None]

    @model_validator(mode="before")
    @classmethod
    def _name_the_folder(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("folder") and isinstance(data.get("study_uid"), str):
            return {**data, "folder": exam_folder_name(data["study_uid"])}
        return data

    @model_validator(mode="after")
    def _references_lead_somewhere(self) -> Self:
        _refuse_repeats("view", (view.sop_uid for view in self.views))
        _refuse_repeats(
            "finding", [each.id for each in self.findings] + [each.id for each in self.earlier_findings]
        )
        views = {view.sop_uid: view for view in self.views}
        groups = {view.sop_uid: {each.id for each in view.groups} for view in self.views}
        specks = {view.sop_uid: {each.id for each in view.calcifications} for view in self.views}
        for finding in self.findings:
            for member in finding.members:
                if member.view not in views:
                    raise ValueError(f"finding {finding.id} names view {member.view}, which the exam lacks")
                if views[member.view].laterality != finding.laterality:
                    raise ValueError(f"finding {finding.id} names a view of the other breast")
                if member.group is not None and member.group not in groups[member.view]:
                    raise ValueError(f"finding {finding.id} names group {member.group}, which its view lacks")
                if missing := set(member.calcifications) - specks[member.view]:
                    raise ValueError(f"finding {finding.id} names calcifications its view lacks: {missing}")
        used = {prior.study_uid for prior in self.priors if prior.used}
        for name, change in ((each.id, change) for each, change in self.compared):
            if change.prior not in used:
                raise ValueError(f"finding {name} is compared with {change.prior}, which is no prior in use")
            for place in change.places:
                if place.view not in views:
                    raise ValueError(f"finding {name} has a place in view {place.view}, which the exam lacks")
                named = {*place.calcifications, *place.not_found_then}
                named |= {each.same_as for each in place.earlier if each.same_as is not None}
                if missing := named - specks[place.view]:
                    raise ValueError(f"finding {name} names calcifications its view lacks: {missing}")
        return self


class Report(Model):
    """The whole of ``report.json``."""

    schema_version: str = Field(SCHEMA_VERSION, description="Version of this contract")
    calcscope_version: str = Field(description="Version of the software")
    notice: str = Field(description="What this software is and is not")
    probability_basis: str = Field(
        "calibrated on simulation", description="What every probability in the report was calibrated on"
    )
    models: dict[str, str] = Field(description="Model file name to SHA-256")
    settings: dict[str, float | int | str | bool | None] = Field(
        description="Settings the exam was read with"
    )
    failures: list[Failure] = Field(description="Inputs that were not read")
    exams: list[ExamReport] = Field(description="One for each exam read")

    @model_validator(mode="after")
    def _exams_differ(self) -> Self:
        _refuse_repeats("exam", (exam.study_uid for exam in self.exams))
        return self


def _refuse_repeats(what: str, ids: Iterable[str]) -> set[str]:
    """The ids as a set; an id that occurs twice is an error."""
    seen: set[str] = set()
    for each in ids:
        if each in seen:
            raise ValueError(f"{what} id {each} occurs twice")
        seen.add(each)
    return seen
