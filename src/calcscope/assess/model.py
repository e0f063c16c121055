"""What assessment needs to know of a finding, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from calcscope.exam.model import Laterality


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
    """

    quadrant: str | None = None
    half: str | None = None
    clock: int | None = None
    depth: str | None = None
    nipple_mm: float | None = None
    certainty: Literal["both views", "one view", "unknown"] = "unknown"


@dataclass(frozen=True)
class ChangeFacts:
    """What a comparison with an earlier exam found: ``status`` of ``new``, ``more``, ``fewer``,
    ``larger``, ``smaller``, ``wider``, ``denser``, ``changed``, ``unchanged``, ``resolved``;
    ``years`` the time between the exams."""

    status: tuple[str, ...]
    years: float


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
    diameter_mm : diameter of the largest calcification, mm
    place : where it is
    few : "fewer than 5"
    solitary : the only group of its kind in both breasts
    bilateral : alike calcifications are diffuse or scattered in both breasts
    change : comparison with an earlier exam, or None without one
    fully_worked_up : magnification views in two planes are part of the exam
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
