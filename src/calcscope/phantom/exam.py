"""A simulated exam: both breasts of one woman, what is in them, and its views, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from calcscope.exam.model import Laterality
from calcscope.phantom.anatomy import GrownAnatomy, grow
from calcscope.phantom.calcium import NoRoom, make_lesion
from calcscope.phantom.change import with_change
from calcscope.phantom.model import Lesion, Pose, Random, Speck, random_for
from calcscope.phantom.physics import Setup, draw_setup
from calcscope.phantom.plan import (
    AGES,
    MAGNIFICATION,
    SIDES,
    ExamPlan,
    LesionPlan,
    drawn_lesions,
    drawn_marks,
    drawn_views,
    view_of,
)
from calcscope.phantom.view import SimulatedView, take_view

CONSPICUITY_MM2 = (0.02, 0.3)
"""Share of calcium times length times width of a lesion's middle speck, log-uniform from lesion to lesion. An
ideal observer's SNR is some 100 to 300 times that, so it reaches from where nothing is seen (2 or 3) to where
all is (60), whatever the term. With all their calcium the specks of almost every lesion would stand out."""
TRIES = 5
"""Sizes drawn anew for a lesion that does not fit into a breast."""


@dataclass(frozen=True)
class PlacedLesion:
    """A lesion and the breasts it is in: both for a diffuse one."""

    lesion: Lesion
    sides: tuple[Laterality, ...]


@dataclass(frozen=True)
class SimulatedExam:
    """An exam; its views are made when asked for.

    Parameters
    ----------
    plan : what it was made from
    when : ``current`` or ``prior``
    age : of the woman, years
    breasts : of the sides that the views show
    lesions : all of the woman's, seen in this exam or not
    specks : of this exam, each with its side; ``Speck.group`` is the index in ``lesions``
    labels : of the views
    """

    plan: ExamPlan
    when: Literal["current", "prior"]
    age: int
    breasts: dict[Laterality, GrownAnatomy]
    lesions: tuple[PlacedLesion, ...]
    specks: tuple[tuple[Laterality, Speck], ...]
    labels: tuple[str, ...]

    def views(self) -> Iterator[SimulatedView]:
        """The views, one after the other: each takes about a gigabyte while it is made."""
        seed = self.plan.seed
        film = self.plan.maker == "film"
        setup = draw_setup(random_for(seed, "setup", self.when), film=film)
        if self.plan.pixel_mm is not None and not film:
            setup = replace(setup, detector_mm=self.plan.pixel_mm)
        for label in self.labels:
            yield _view(self, label, setup)


def make_exam(plan: ExamPlan) -> list[SimulatedExam]:
    """The exam of a plan and, where a change is planned, the earlier one before it.

    Raises
    ------
    ValueError : for a magnification view of a breast without lesion, and for a lesion that was asked for and
        does not fit into this breast
    """
    planned = drawn_lesions(plan)
    labels = drawn_views(plan, planned)
    random = random_for(plan.seed, "calcium")
    breasts = {side: grow(plan.seed, side, plan.density) for side in SIDES}
    lesions: list[PlacedLesion] = []
    now: list[tuple[Laterality, Speck]] = []
    before: list[tuple[Laterality, Speck]] = []
    for index, wanted in enumerate(planned):
        conspicuity = drawn_conspicuity(random)
        change = plan.change if index == 0 or plan.change is None else "stable"
        for side in wanted.sides:
            lesion, specks = _placed(breasts[side], wanted, index, random, asked=plan.lesions is not None)
            if lesion.morphology is not None and not plan.clear:
                specks = thinned(specks, conspicuity)
            earlier = specks
            if change is not None:
                lesion, specks, earlier = with_change(lesion, specks, change, random)
            now += [(side, speck) for speck in specks]
            before += [(side, speck) for speck in earlier]
        lesions.append(PlacedLesion(lesion, wanted.sides))
    shown = {view_of(label)[0] for label in labels}
    age = int(random_for(plan.seed, "age").integers(AGES[0], AGES[1] + 1))
    current = SimulatedExam(
        plan, "current", age, {side: breasts[side] for side in SIDES if side in shown}, tuple(lesions),
        tuple(now), labels,
    )  # fmt: skip
    if plan.change is None:
        return [current]
    contact = tuple(label for label in labels if not view_of(label)[2])
    prior = replace(current, when="prior", age=age - plan.years, specks=tuple(before), labels=contact)
    return [prior, current]


def positioning_seed(seed: int, when: Literal["current", "prior"]) -> int:
    """Of the positioning (:attr:`calcscope.phantom.model.Pose.seed`) in one of the exams of a seed."""
    return int(random_for(seed, "positioning", when).integers(1 << 31))


def drawn_conspicuity(random: Random) -> float:
    """Of one lesion, mm²."""
    return float(np.exp(random.uniform(*np.log(CONSPICUITY_MM2))))


def thinned(specks: Sequence[Speck], conspicuity_mm2: float) -> list[Speck]:
    """The specks with less calcium, so that the middle one is as conspicuous as this; never with more."""
    own = [speck.density * speck.size_mm * (speck.width_mm or speck.size_mm) for speck in specks]
    share = min(1.0, conspicuity_mm2 / float(np.median(own)))
    return [replace(speck, density=speck.density * share) for speck in specks]


def _placed(
    breast: GrownAnatomy, wanted: LesionPlan, index: int, random: Random, asked: bool
) -> tuple[Lesion, list[Speck]]:
    """A lesion in a breast; what was drawn and does not fit becomes a group, which always does."""
    for _ in range(TRIES):
        try:
            return make_lesion(breast, wanted.term, wanted.distribution, index, random)
        except NoRoom:
            continue
    if asked or wanted.distribution is None:
        return make_lesion(breast, wanted.term, wanted.distribution, index, random)
    return make_lesion(breast, wanted.term, "grouped", index, random)


def _view(exam: SimulatedExam, label: str, setup: Setup) -> SimulatedView:
    plan = exam.plan
    side, view, magnified = view_of(label)
    own = [(n, speck) for n, (where, speck) in enumerate(exam.specks) if where == side]
    centre = None
    if magnified:
        first = min((speck.group for _, speck in own), default=None)
        if first is None:  # resolved: nothing is left to centre on
            centre = (exam.breasts[side].nipple_depth_mm, 0.0, 0.0)
        else:
            middle = np.mean([speck.at for _, speck in own if speck.group == first], axis=0)
            centre = (float(middle[0]), float(middle[1]), float(middle[2]))
    pose = Pose(
        side, view, MAGNIFICATION if magnified else 1.0, centre, positioning_seed(plan.seed, exam.when)
    )
    return take_view(
        exam.breasts[side], pose, label, own, drawn_marks(plan, label, exam.when), plan, setup,
        random_for(plan.seed, "view", label, exam.when),
    )  # fmt: skip
