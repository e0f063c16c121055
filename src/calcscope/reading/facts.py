"""What assessment has to know of a finding, from what the report says of it.

The engine and the reading room judge by these facts, so that nothing a category rests on lies outside the
report, and a finding that nobody changed is judged alike in both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from calcscope import lexicon
from calcscope.assess import ChangeFacts, FindingFacts, Place
from calcscope.exam.model import Laterality
from calcscope.groups.location import CRANIOCAUDAL
from calcscope.report.model import Change, Group, Location, Prior, ViewReport


class Hung(Protocol):
    """A view: a :class:`calcscope.exam.model.ViewInfo` and a :class:`ViewReport` are one."""

    @property
    def laterality(self) -> Laterality: ...
    @property
    def view(self) -> str: ...
    @property
    def modifiers(self) -> Sequence[str]: ...


class Seen(Protocol):
    """A finding in one view: ``view`` is its sop_uid."""

    @property
    def view(self) -> str: ...
    @property
    def group(self) -> str | None: ...
    @property
    def calcifications(self) -> Sequence[str]: ...


class Told(Protocol):
    """A finding as the report tells of it: a :class:`calcscope.report.model.Finding` is one."""

    @property
    def laterality(self) -> Laterality: ...
    @property
    def members(self) -> Sequence[Seen]: ...
    @property
    def morphology(self) -> str | None: ...
    @property
    def distribution(self) -> str | None: ...
    @property
    def typical_kind(self) -> str | None: ...
    @property
    def count(self) -> int: ...
    @property
    def span_mm(self) -> float | None: ...
    @property
    def skin_mm(self) -> float | None: ...
    @property
    def location(self) -> Location: ...
    @property
    def change(self) -> Change | None: ...


def facts_of(
    findings: Sequence[Told], views: Sequence[ViewReport], priors: Sequence[Prior]
) -> list[FindingFacts]:
    """The findings of an exam as the rules want them.

    Parameters
    ----------
    findings : all that stand: whether one is the only one of its kind depends on the others
    views, priors : of the exam
    """
    by_uid = {view.sop_uid: view for view in views}
    years = {prior.study_uid: prior.years or 0.0 for prior in priors if prior.used}
    facts = [_facts(finding, by_uid, years) for finding in findings]
    return with_both_breasts(facts, [{member.view for member in each.members} for each in findings])


def _facts(finding: Told, views: Mapping[str, ViewReport], years: Mapping[str | None, float]) -> FindingFacts:
    seen = [(views[member.view], member) for member in finding.members if member.view in views]
    sizes = [
        speck.diameter_mm
        for view, member in seen
        for ids in [set(member.calcifications)]
        for speck in view.calcifications
        if speck.id in ids
    ]
    groups = [group for view, member in seen for group in view.groups if group.id == member.group]
    place, change = finding.location, finding.change
    return FindingFacts(
        laterality=finding.laterality,
        views=tuple(view.label[1:] for view, _ in seen),
        morphology=finding.morphology,
        distribution=finding.distribution,
        typical_kind=finding.typical_kind,
        count=finding.count,
        span_mm=finding.span_mm,
        diameter_mm=max(sizes, default=0.0),
        place=Place(
            place.quadrant, place.half, place.clock, place.depth, place.nipple_mm, place.certainty,
            place.orientation_assumed,
        ),
        few=_few(finding, groups),
        change=None if change is None else change_facts(change, years.get(change.prior, 0.0)),
        fully_worked_up=worked_up(views.values(), finding.laterality),
        skin_mm=finding.skin_mm,
    )  # fmt: skip


def _few(finding: Told, groups: Sequence[Group]) -> bool:
    """As the groups themselves say; by the number where a reader counted otherwise."""
    if groups and finding.count == max(group.count for group in groups):
        return all(group.few for group in groups)
    return finding.distribution is not None and finding.count < lexicon.groups().min_count.value


def change_facts(change: Change, years: float) -> ChangeFacts:
    """A comparison as the rules want it; ``years`` lie between the exams."""
    numbers = {name: round(value) for name, value in change.numbers.items()}
    return ChangeFacts(
        status=tuple(status for status in change.status if status != "not_comparable"),
        years=years,
        then=numbers.get("count_then"),
        now=numbers.get("count_now"),
        below_limit_then=numbers.get("below_limit_then", 0),
        below_limit_now=numbers.get("below_limit_now", 0),
        faint_then=numbers.get("faint_then", 0),
        outside_now=numbers.get("outside_now", 0),
        interval=change.interval.get("count_change"),
        reason=change.reason,
        view=change.view,
        turned=tuple((each.what, each.was, each.now) for each in change.turned),
        may_have_grown=change.may_have_grown,
    )


def worked_up(views: Iterable[Hung], side: Laterality) -> bool:
    """Magnification views of a breast in two planes: craniocaudal, and oblique or lateral."""
    planes = {
        view.view in CRANIOCAUDAL
        for view in views
        if view.laterality == side and "magnification" in view.modifiers
    }
    return len(planes) == 2


def with_both_breasts(
    facts: Sequence[FindingFacts], seen: Sequence[Collection[object]]
) -> list[FindingFacts]:
    """Whether a group is the only one of its kind, and whether both breasts show alike ones.

    Parameters
    ----------
    facts : of all findings; those with a distribution are groups
    seen : the views that show each
    """

    def look(one: FindingFacts) -> tuple[str | None, str | None]:
        return one.morphology, one.typical_kind

    def apart(i: int, k: int) -> bool:
        """Two groups of one breast that no view shows side by side may be the same one."""
        return facts[i].laterality != facts[k].laterality or any(view in seen[i] for view in seen[k])

    groups = [i for i, one in enumerate(facts) if one.distribution is not None]
    result = list(facts)
    for i in groups:
        alike = [facts[k] for k in groups if k != i and look(facts[k]) == look(facts[i]) and apart(i, k)]
        other_side = any(one.laterality != facts[i].laterality for one in alike)
        scattered = facts[i].distribution == "diffuse" or bool(alike)
        result[i] = replace(facts[i], solitary=not alike, bilateral=other_side and scattered)
    return result
