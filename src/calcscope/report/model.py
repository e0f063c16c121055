"""The report contract: what ``report.json`` holds (JSON Schema in ``docs/reference``).

Coordinates are 0-based ``x`` (column), ``y`` (row) of the *source* image at pixel centres; lengths
are mm at the detector plane divided by the magnification the header states.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.0"

Laterality = Literal["L", "R"]
Mode = Literal["screening", "diagnostic"]
SizeClass = Literal["micro", "between", "macro"]
Point = tuple[float, float]
Category = Literal["0", "1", "2", "3", "4A", "4B", "4C", "5", "6"]


class Model(BaseModel):
    """Base of every part of the report: unknown fields are refused, nothing changes after writing."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Failure(Model):
    source: str = Field(description="File, or archive!member, that was not read")
    reason: str = Field(description="What was found, what was expected, what to do")


class Prior(Model):
    source: str
    date: str | None = None
    used: bool
    reason: str | None = Field(None, description="Why it was left out")


class Anatomy(Model):
    outline: list[Point] = Field(description="Breast border, closed polygon, pixels")
    pectoral_line: tuple[Point, Point] | None = None
    nipple: Point | None = None
    nipple_certainty: Literal["seen", "estimated"] | None = None


class Calcification(Model):
    id: str
    x: float
    y: float
    slice: int | None = None
    probability: float = Field(ge=0, le=1)
    diameter_mm: float
    length_mm: float
    width_mm: float
    area_mm2: float
    contrast: float
    snr: float
    size_class: SizeClass
    size_is_upper_bound: bool = Field(description="True below three pixels: the true size may be smaller")
    kind: str | None = Field(None, description="Kind of the single calcification, lexicon term")
    outline: list[Point]
    group: str | None = None


class Group(Model):
    id: str
    x: float
    y: float
    span_mm: float
    count: int
    few: bool = Field(False, description='Labelled "fewer than 5"')
    density_per_cm2: float
    probability: float = Field(ge=0, le=1)
    distribution: str
    distribution_probabilities: dict[str, float]
    morphology: str
    morphology_probabilities: dict[str, float]
    typical_kind: str | None = None
    outline: list[Point] = Field(description="Convex hull of the members, pixels")


class Mimic(Model):
    x: float
    y: float
    kind: str = Field(description="deodorant, powder, cream, metal, marker, clip, film_artifact")
    extent_mm: float


class ViewReport(Model):
    source: str
    sop_uid: str
    laterality: Laterality
    view: str
    modifiers: list[str]
    rows: int
    columns: int
    pixel_mm: float
    breast_area_cm2: float
    warnings: list[str]
    anatomy: Anatomy
    morphology_assessable: bool
    experimental: bool = Field(False, description="True for tomosynthesis")
    calcifications: list[Calcification]
    groups: list[Group]
    mimics: list[Mimic]


class Member(Model):
    view: str = Field(description="sop_uid of the view")
    group: str | None = None
    calcifications: list[str]


class Location(Model):
    quadrant: str | None = Field(None, description="upper outer … or central; needs both views")
    half: str | None = Field(None, description="outer or inner from CC, upper or lower from MLO")
    clock: int | None = None
    depth: str | None = Field(None, description="anterior, middle, posterior")
    nipple_mm: float | None = None
    certainty: Literal["both views", "one view", "unknown"] = "unknown"


class Change(Model):
    status: list[str]
    numbers: dict[str, float]
    interval: dict[str, tuple[float, float]]
    detection_limit: dict[str, float]


class Malignancy(Model):
    probability: float = Field(ge=0, le=1)
    low: float
    high: float
    prevalence: float
    note: str


class Reason(Model):
    rule: str
    text: str
    source: str


class NextStep(Model):
    code: str = Field(description="Step of the follow-up chain, e.g. magnification_views")
    text: str
    due_days: int | None = None


class Assessment(Model):
    category: Category
    basis: str


class Finding(Model):
    id: str
    laterality: Laterality
    kind: str = Field(description="group, single, vascular, skin …: what the finding is made of")
    benign: bool = Field(description="Typically benign: folded away by default")
    members: list[Member]
    distribution: str | None = None
    morphology: str | None = None
    typical_kind: str | None = None
    count: int
    span_mm: float | None = None
    location: Location
    change: Change | None = None
    malignancy: Malignancy | None = None
    provisional_suspicion: str | None = None
    assessment: Assessment
    next_step: NextStep
    reasons: list[Reason]
    sentence: str = Field(description="The report's paragraph, ready to sign")


class ExamAssessment(Model):
    left: Category | None
    right: Category | None
    overall: Category
    reasons: list[Reason] = []


class ExamReport(Model):
    study_uid: str
    patient_id: str
    date: str | None
    mode: Mode
    priors: list[Prior]
    views: list[ViewReport]
    findings: list[Finding]
    assessment: ExamAssessment
    next_steps: list[NextStep]


class Report(Model):
    """The whole of ``report.json``."""

    schema_version: str = SCHEMA_VERSION
    calcscope_version: str
    notice: str = Field(description="What this software is and is not")
    models: dict[str, str] = Field(description="Model file name to SHA-256")
    settings: dict[str, float | int | str | bool | None]
    failures: list[Failure]
    exams: list[ExamReport]
