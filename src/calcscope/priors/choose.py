"""Which of the exams that are offered are earlier exams of the same woman, and which views show the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from calcscope.exam.model import Exam, View

SAME = {"LM": "ML", "LMO": "MLO", "FB": "CC"}
"""Projections that show the same from the other side; all others are compared with their own."""

WHOSE = "so nobody can tell whether it is of the same woman: state hers with --patient"
NAMED = "put it into the name of its file or folder, as year-month-day"


@dataclass(frozen=True)
class Chosen:
    """An earlier exam that is used.

    Parameters
    ----------
    exam : the earlier exam
    years : between it and the current one
    views : for each view of the current exam the index of the view it is compared with, or None
    """

    exam: Exam
    years: float
    views: tuple[int | None, ...]


@dataclass(frozen=True)
class NotChosen:
    """An exam that was offered and left out, and why, a sentence for the reader without patient data."""

    exam: Exam
    reason: str


def choose_priors(
    current: Exam, offered: Sequence[Exam], unreadable: Collection[str] = ()
) -> tuple[list[Chosen], list[NotChosen]]:
    """The earlier exams, newest first, and those left out in the order they were offered.

    Parameters
    ----------
    current : the exam that is read
    offered : what was given as earlier exams
    unreadable : sources of views that could not be read: they are not compared with
    """
    chosen: list[Chosen] = []
    left_out: list[NotChosen] = []
    studies: set[str] = set()
    images: set[frozenset[str]] = set()
    for exam in offered:
        shown = frozenset(view.info.sop_uid for view in exam.views)
        repeated = exam.study_uid in studies or shown in images
        reason = _unfit(current, exam)
        if reason is None and repeated:
            reason = "This exam was given twice; it is used once."
        views = tuple(prior_view(view, exam, unreadable) for view in current.views)
        if reason is None and all(view.info.source in unreadable for view in exam.views):
            reason = "None of its images could be read."
        if reason is None and all(index is None for index in views):
            reason = (
                "It shows no view of the same side and projection as the current exam that could be compared."
            )
        if reason is not None:
            left_out.append(NotChosen(exam, reason))
            continue
        studies.add(exam.study_uid)
        images.add(shown)
        assert current.date is not None
        assert exam.date is not None
        days = (date.fromisoformat(current.date) - date.fromisoformat(exam.date)).days
        chosen.append(Chosen(exam, days / 365.25, views))
    return sorted(chosen, key=lambda one: one.years), left_out


def prior_view(view: View, exam: Exam, unreadable: Collection[str] = ()) -> int | None:
    """Index of the view of an earlier exam to compare a view with, None where it has none.

    Tomosynthesis is not compared: its slices show other tissue than a projection, and lie at other heights in
    another exam.

    Of several the one with the same modifiers comes first where the current view has any, then contact views
    of the whole breast, then processed images before raw ones.
    """
    wanted = view.info
    alike = [
        (set(other.info.modifiers) != set(wanted.modifiers), len(other.info.modifiers),
         other.info.processing == "processing", k)
        for k, other in enumerate(exam.views)
        if other.info.laterality == wanted.laterality
        and _plane(other.info.view) == _plane(wanted.view)
        and other.info.source not in unreadable
        and max(other.info.slices, wanted.slices) == 1
    ]  # fmt: skip
    return min(alike)[-1] if alike else None


def _plane(view: str) -> str:
    return SAME.get(view, view)


def _unfit(current: Exam, exam: Exam) -> str | None:
    """Why an exam is no earlier exam of this one, None where it is."""
    same_images = {v.info.sop_uid for v in exam.views} & {v.info.sop_uid for v in current.views}
    if exam.study_uid == current.study_uid or same_images:
        return "It is the current exam itself."
    # What was made from names and folders tells nothing, even where it is the same.
    if not exam.has_patient_id:
        return f"It states no patient ID, {WHOSE}."
    if not current.has_patient_id:
        return f"The current exam states no patient ID, {WHOSE}."
    if exam.patient_id != current.patient_id:
        return "It has another patient ID."
    if exam.birth_date and current.birth_date and exam.birth_date != current.birth_date:
        return "It has the same patient ID but another date of birth: check whose it is."
    if current.date is None:
        return (
            "The current exam has no date, so nobody can tell which of the two is earlier: state it with "
            f"--date, or {NAMED}."
        )
    if exam.date is None:
        return f"It has no date, so nobody can tell whether it is earlier: {NAMED}."
    if exam.date == current.date:
        return "It is of the same day as the current exam."
    if exam.date > current.date:
        return "It is later than the current exam."
    return None
