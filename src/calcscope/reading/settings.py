"""How an exam is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calcscope import lexicon
from calcscope.assess import AssessSettings
from calcscope.groups import GroupSettings
from calcscope.specks import SpeckCatalogue

BALL = 0.9
"""Roundness (4 pi area / perimeter²) of a ball's outline in noise; a disc has 1, a square 0.79."""


@dataclass(frozen=True)
class ReadSettings:
    """Settings of a reading; the report states them.

    Parameters
    ----------
    mode : ``screening`` (no magnification views) or ``diagnostic``
    min_probability : lists every calcification from this probability on; None lists what findings are
        made of. It changes what is listed, never what is grouped.
    lone_probability, lone_salience : a calcification without neighbours must be this probable, and stand out
        this far in units of the local noise, to be listed: those of a group vouch for one another, a lone
        mark has nobody, and among thousands of grains of noise a few look like one
    lone_plain_probability : one that stands out twice as far needs no more than this
    lone_crossing : and fibres that cross where it lies must be fainter than this share of its contrast
    lone_round_probability : a macrocalcification as round as a ball needs no more than this probability and
        may lie on fibres: neither grain nor a crossing is round at that size
    all_groups : also list the groups that lower thresholds would form (they become no findings)
    grouping : the rule for a group and the operating point
    assess : prevalence and intervals
    """

    mode: Literal["screening", "diagnostic"] = "screening"
    min_probability: float | None = None
    lone_probability: float = 0.94
    lone_plain_probability: float = 0.8
    lone_salience: float = 15.0
    lone_crossing: float = 0.5
    lone_round_probability: float = 0.6
    all_groups: bool = False
    grouping: GroupSettings = field(default_factory=GroupSettings.default)
    assess: AssessSettings = field(default_factory=AssessSettings)

    def __post_init__(self) -> None:
        for name in (
            "min_probability", "lone_probability", "lone_plain_probability", "lone_round_probability",
        ):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} {value} must lie between 0 and 1")

    def may_stand_alone(self, specks: SpeckCatalogue) -> NDArray[np.bool_]:
        """Which calcifications are sure and obvious enough to be listed without neighbours, bool (n,)."""
        obvious = specks.salience >= self.lone_salience
        plain = specks.salience >= 2 * self.lone_salience
        needed = np.where(plain, self.lone_plain_probability, self.lone_probability)
        sure = (specks.probability >= needed) & (specks.crossing < self.lone_crossing)
        ball = (specks.diameter_mm >= lexicon.sizes().macro_from_mm.value) & (specks.roundness >= BALL)
        ball &= specks.probability >= self.lone_round_probability
        return np.asarray(obvious & (sure | ball))

    @property
    def judged_from(self) -> float:
        """Least probability of a calcification that findings depend on, whatever is listed."""
        return min(
            self.grouping.min_probability,
            self.lone_probability,
            self.lone_plain_probability,
            self.lone_round_probability,
        )

    @property
    def listed_from(self) -> float:
        """Least probability of a calcification that is looked at."""
        if self.all_groups:
            return 0.0
        return (
            self.judged_from if self.min_probability is None else min(self.judged_from, self.min_probability)
        )

    def as_stated(self) -> dict[str, float | int | str | bool | None]:
        """The settings by name, as the report gives them."""
        return {
            "mode": self.mode,
            "operating_point": self.grouping.min_probability,
            "group_operating_point": self.grouping.min_group_probability,
            "group_min_count": self.grouping.min_count,
            "group_min_count_coarse": self.grouping.min_count_coarse,
            "group_within_mm": self.grouping.within_mm,
            "lone_probability": self.lone_probability,
            "lone_plain_probability": self.lone_plain_probability,
            "lone_salience": self.lone_salience,
            "lone_crossing": self.lone_crossing,
            "lone_round_probability": self.lone_round_probability,
            "min_probability": self.min_probability,
            "all_groups": self.all_groups,
            "prevalence": self.assess.prevalence,
        }
