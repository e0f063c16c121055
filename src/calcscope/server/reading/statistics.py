"""What became of what was recommended: the figures of a mammography audit, per reader and site.

Definitions of the BI-RADS atlas' audit, as far as calcifications and what is recorded here go:

- recall rate: screening exams that were signed as 0, 3, 4 or 5, of all screening exams
- PPV1: cancers among recalled screening exams whose outcome is known
- PPV2: cancers among exams for which a biopsy was recommended, of known outcome
- PPV3: cancers among biopsies that were done and gave a result
- cancer detection rate: cancers found, per 1,000 screening exams that were not recalled or whose outcome is
  known
- category 3 yield: cancers among exams of category 3 of known outcome

The outcome of an exam is known where tissue was examined, or where the exam that it asked for is signed and
its own outcome is known; a recommendation that was declined, or done where nobody here hears of it, leaves it
unknown. What is not known counts neither as a cancer nor as none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from math import sqrt

from django.db.models import QuerySet

from calcscope.server.exams.models import Exam
from calcscope.server.followup.models import Event, Step
from calcscope.server.reading.models import Version

MALIGNANT = ("dcis", "invasive")
BIOPSY = ("4A", "4B", "4C", "5")
UNSETTLED = "insufficient"
"""The histology that says nothing."""
ASIDE = ("routine", "prior_films", "tell_result", "referral", "follow_up_6_months")
"""Steps on which an outcome does not wait."""
VOID = ("addendum", "newer_exam", "newer_result", "error")
"""Closed so, a step was withdrawn or replaced; closed otherwise, its outcome is not recorded here."""


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's interval of 95 %."""

    count: int
    of: int
    per: int = 100
    unknown: int = 0
    """Exams that are left out because their outcome is not known yet."""

    @property
    def value(self) -> float | None:
        """In per cent, or per thousand; None of none."""
        return self.per * self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson (1927)."""
        if not self.of:
            return None
        z, n, p = 1.96, self.of, self.count / self.of
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return self.per * max(0.0, middle - half), self.per * min(1.0, middle + half)


@dataclass
class Audit:
    """The figures of one reader, one site, or all."""

    name: str
    exams: int = 0
    screens: int = 0
    recalled: int = 0
    recalled_known: int = 0
    recalled_cancers: int = 0
    biopsy_advised: int = 0
    biopsy_known: int = 0
    biopsy_cancers: int = 0
    biopsies: set[int] = field(default_factory=set)
    biopsies_cancers: set[int] = field(default_factory=set)
    threes: int = 0
    threes_known: int = 0
    threes_cancers: int = 0
    categories: dict[str, int] = field(default_factory=dict)

    @property
    def shares(self) -> dict[str, Share]:
        """By name, in the order of a report."""
        pending = self.recalled - self.recalled_known
        return {
            "recall": Share(self.recalled, self.screens),
            "ppv1": Share(self.recalled_cancers, self.recalled_known, unknown=pending),
            "ppv2": Share(
                self.biopsy_cancers, self.biopsy_known, unknown=self.biopsy_advised - self.biopsy_known
            ),
            "ppv3": Share(len(self.biopsies_cancers), len(self.biopsies)),
            "cdr": Share(self.recalled_cancers, self.screens - pending, 1000, pending),
            "category_3": Share(
                self.threes_cancers, self.threes_known, unknown=self.threes - self.threes_known
            ),
        }


@dataclass(frozen=True)
class Outcome:
    """What became of an exam: its biopsies and those that found cancer, each by its step, and whether it is
    known. An exam that follows from another shares its biopsies, which count once."""

    biopsies: frozenset[int]
    cancers: frozenset[int]
    known: bool


def audits(
    exams: QuerySet[Exam], since: date | None = None, until: date | None = None
) -> dict[str, list[Audit]]:
    """Figures of all, of each site and of each reader: ``all``, ``sites``, ``readers``."""
    versions = Version.objects.filter(exam__in=exams, kind__in=["report", "addendum"])
    if since:
        versions = versions.filter(exam__date__gte=since)
    if until:
        versions = versions.filter(exam__date__lte=until)
    latest: dict[int, Version] = {}
    for version in versions.select_related("exam__site", "author").order_by("number"):
        latest[version.exam_id] = version
    outcomes = _outcomes(latest)
    everything = Audit("all")
    sites: dict[str, Audit] = {}
    readers: dict[str, Audit] = {}
    for version in latest.values():
        site, reader = str(version.exam.site), version.author.display
        for audit in (
            everything, sites.setdefault(site, Audit(site)), readers.setdefault(reader, Audit(reader)),
        ):  # fmt: skip
            _count(audit, version, outcomes[version.exam_id])
    return {"all": [everything], "sites": _by_name(sites.values()), "readers": _by_name(readers.values())}


def _by_name(found: Iterable[Audit]) -> list[Audit]:
    return sorted(found, key=lambda audit: audit.name)


def _count(audit: Audit, version: Version, outcome: Outcome) -> None:
    category = version.content["assessment"]["overall"]
    audit.exams += 1
    audit.categories[category] = audit.categories.get(category, 0) + 1
    cancer = int(bool(outcome.cancers))
    if version.exam.mode == "screening":
        audit.screens += 1
        if category in ("0", "3", *BIOPSY):
            audit.recalled += 1
            audit.recalled_known += outcome.known
            audit.recalled_cancers += cancer
    if category in BIOPSY:
        audit.biopsy_advised += 1
        audit.biopsy_known += outcome.known
        audit.biopsy_cancers += cancer
    if category == "3":
        audit.threes += 1
        audit.threes_known += outcome.known
        audit.threes_cancers += cancer
    audit.biopsies |= outcome.biopsies
    audit.biopsies_cancers |= outcome.cancers


def _outcomes(latest: dict[int, Version]) -> dict[int, Outcome]:
    """Of each exam, following its chains into the exams that fulfilled their steps."""
    chains: dict[int, dict[int, list[Step]]] = {}
    for step in Step.objects.select_related("chain").prefetch_related("events"):
        chains.setdefault(step.chain.exam_id, {}).setdefault(step.chain_id, []).append(step)

    def of(exam: int, seen: frozenset[int]) -> Outcome:
        biopsies: set[int] = set()
        cancers: set[int] = set()
        settled: list[bool] = []
        for steps in chains.get(exam, {}).values():
            code = steps[0].chain.code
            if code == "routine":
                settled.append(True)
            told, waiting = False, False
            for step in steps:
                done, closed = _last(step, Event.Kind.DONE), _last(step, Event.Kind.CLOSED)
                if step.state == Step.State.DONE and done is not None:
                    if step.code == "histology" and done.result != UNSETTLED:
                        told = True
                        biopsies.add(step.pk)
                        if done.result in MALIGNANT:
                            cancers.add(step.pk)
                    elif code != "routine" and done.exam_id and done.exam_id not in seen:
                        further = of(done.exam_id, seen | {exam})
                        biopsies |= further.biopsies
                        cancers |= further.cancers
                        if step.code not in ASIDE:
                            told, waiting = told or further.known, waiting or not further.known
                elif step.code not in ASIDE:
                    waiting = waiting or closed is None or step.is_open or closed.reason not in VOID
            withdrawn = all(step.state == Step.State.CLOSED for step in steps) and not waiting
            if code not in ASIDE and not withdrawn:
                settled.append(told and not waiting)
        known = bool(settled) and all(settled)
        return Outcome(frozenset(biopsies), frozenset(cancers), known or bool(cancers))

    return {exam: of(exam, frozenset()) for exam in latest}


def _last(step: Step, kind: str) -> Event | None:
    return next((event for event in reversed(step.events.all()) if event.kind == kind), None)
