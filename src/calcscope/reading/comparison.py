"""The current exam beside earlier ones: which are used, and what became of each finding since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from calcscope import lexicon
from calcscope.exam import Exam, Failure, View
from calcscope.priors.change import change_of
from calcscope.priors.choose import Chosen, choose_priors
from calcscope.priors.compare import Compared, Outcome, outcome
from calcscope.priors.laying import lay_and_compare
from calcscope.priors.model import LISTED, Change, Members
from calcscope.priors.register import NotRegistered, Registration
from calcscope.reading.faults import fault
from calcscope.reading.findings import Found, Seen, collect
from calcscope.reading.settings import ReadSettings
from calcscope.reading.view import ViewReading
from calcscope.reading.workers import Workers
from calcscope.report import words

ReadView = Callable[[View, ReadSettings, Callable[[str], None]], ViewReading | Failure]

COVERED = 0.5
"""An earlier group is a current finding where more than this share of its calcifications belong to that."""


@dataclass(frozen=True)
class Offered:
    """An exam that was given as an earlier one, and where it was read from."""

    exam: Exam
    source: str


@dataclass(frozen=True)
class LeftOut:
    """What was given as an earlier exam and is not used; ``study_uid`` None where none of it was read."""

    source: str
    date: str | None
    reason: str
    study_uid: str | None = None

    @classmethod
    def after_fault(cls, error: Exception, chosen: Chosen, source: str) -> LeftOut:
        """An exam in whose comparison a fault of ours was met: it must not cost the others."""
        reason = f"Comparing it {fault(error, 'comparing an exam')}."
        return cls(source, chosen.exam.date, reason, chosen.exam.study_uid)


@dataclass(frozen=True)
class Laid:
    """An earlier view laid on a current one.

    Parameters
    ----------
    current, prior : indices of the current exam's views and of :attr:`Earlier.views`
    """

    current: int
    prior: int
    registration: Registration
    compared: Compared


@dataclass(frozen=True)
class Earlier:
    """An earlier exam that was read.

    Parameters
    ----------
    views : those of its views that are compared
    laid : the pairs of views that could be laid on one another
    refused : current view, earlier view and why they could not be
    """

    chosen: Chosen
    source: str
    views: tuple[ViewReading, ...]
    laid: tuple[Laid, ...]
    refused: tuple[tuple[int, int, str], ...]

    @property
    def when(self) -> str:
        """How words name it: ``May 2023``."""
        assert self.chosen.exam.date is not None
        return words.month(self.chosen.exam.date)


@dataclass(frozen=True)
class Became:
    """What became of a finding since one earlier exam, and its outcome in each pair of views."""

    earlier: Earlier
    change: Change
    outcomes: tuple[tuple[Laid, Outcome], ...]


@dataclass(frozen=True)
class Gone:
    """A group of an earlier exam that is no finding of the current one: how it was, what became of it."""

    found: Found
    became: Became


@dataclass(frozen=True)
class Comparison:
    """Everything about earlier exams.

    Parameters
    ----------
    earlier : those that are used, newest first
    left_out : those that are not
    failures : views of earlier exams that could not be read
    """

    earlier: tuple[Earlier, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    failures: tuple[Failure, ...] = ()


def to_be_compared(settings: ReadSettings) -> ReadSettings:
    """The settings with fainter marks listed too: findings and groups stay what they are."""
    asked = settings.min_probability
    return replace(settings, min_probability=LISTED if asked is None else min(LISTED, asked))


def compare_exams(
    current: Exam,
    views: Sequence[ViewReading],
    offered: Sequence[Offered],
    settings: ReadSettings,
    read: ReadView,
    workers: Workers,
    progress: Callable[[str], None] = lambda what: None,
) -> Comparison:
    """Choose earlier exams, read those of their views that are compared, and lay them on the current ones.

    Parameters
    ----------
    current : the exam, with the views that could be read
    views : as they were read, with what a comparison needs
    offered : what was given as earlier exams
    read : reads a view, or says why it cannot be read
    workers : who reads the views
    """
    known: dict[str, ViewReading] = {}
    failures: dict[str, Failure] = {}
    faint = replace(settings, min_probability=LISTED, all_groups=False)
    while True:
        # An exam of which a view cannot be read may have another one of the same projection.
        chosen, not_chosen = choose_priors(current, [one.exam for one in offered], failures)
        wanted = {
            view.info.source: (one, view)
            for one in chosen
            for view in (one.exam.views[k] for k in one.views if k is not None)
            if view.info.source not in known
        }
        if not wanted:
            break

        def told(one: Chosen, view: View) -> ViewReading | Failure:
            return read(view, faint, lambda what: progress(f"{_year(one.exam)} {what}"))

        read_now = workers.read(lambda item: told(*item), list(wanted.values()))
        for source, each in zip(wanted, read_now, strict=True):
            if isinstance(each, Failure):
                failures[source] = each
            else:
                known[source] = each
    where = {id(one.exam): one.source for one in offered}
    left_out = [
        LeftOut(where[id(one.exam)], one.exam.date, one.reason, one.exam.study_uid) for one in not_chosen
    ]
    earlier = []
    for one in chosen:
        progress(f"comparing with {_year(one.exam)}")
        source = where[id(one.exam)]
        try:
            read_one = _laid(views, one, source, known, workers)
        except Exception as error:
            left_out.append(LeftOut.after_fault(error, one, source))
            continue
        if read_one.laid:
            earlier.append(read_one)
        else:
            reasons = dict.fromkeys(f"{views[i].info.label}: {reason}" for i, _, reason in read_one.refused)
            why = f"It could not be laid on the current exam ({'; '.join(reasons)})."
            left_out.append(LeftOut(source, one.exam.date, why, one.exam.study_uid))
    return Comparison(tuple(earlier), tuple(left_out), tuple(failures.values()))


def _year(exam: Exam) -> str:
    return (exam.date or "earlier exam")[:4]


def _laid(
    views: Sequence[ViewReading], chosen: Chosen, source: str, read: dict[str, ViewReading], workers: Workers
) -> Earlier:
    """The views of an earlier exam on those of the current one."""
    used = sorted({k for k in chosen.views if k is not None})
    readings = [read[chosen.exam.views[k].info.source] for k in used]
    pairs = [(i, used.index(k)) for i, k in enumerate(chosen.views) if k is not None]

    def compared(pair: tuple[int, int]) -> tuple[Registration, Compared] | NotRegistered:
        now, then = views[pair[0]], readings[pair[1]]
        assert now.kept is not None
        assert then.kept is not None
        return lay_and_compare((now, now.kept), (then, then.kept))

    in_threads = replace(workers, processes=False)  # what is found holds both views
    laid: list[Laid] = []
    refused: list[tuple[int, int, str]] = []
    for (i, j), found in zip(pairs, in_threads.read(compared, pairs), strict=True):
        if isinstance(found, NotRegistered):
            refused.append((i, j, found.reason))
        else:
            laid.append(Laid(i, j, *found))
    return Earlier(chosen, source, tuple(readings), tuple(laid), tuple(refused))


# --- findings -------------------------------------------------------------------------------------------


def became(found: Found, earlier: Earlier) -> Became:
    """What became of a finding of the current exam since an earlier one."""
    outcomes = [
        (laid, outcome(laid.compared, Members(seen.group, seen.specks), None))
        for seen in found.seen
        for laid in earlier.laid
        if laid.current == seen.view
    ]
    views = {seen.view for seen in found.seen}
    refused = next((reason for i, _, reason in earlier.refused if i in views), None)
    reason = None if refused is None else lexicon.changes().reasons.refused.format(reason=refused)
    change = change_of(
        [one for _, one in outcomes], found.facts.typical_kind, earlier.chosen.years, earlier.when, reason
    )
    return Became(earlier, change, tuple(outcomes))


def deciding(changes: Sequence[Became]) -> Became | None:
    """The one of several comparisons, newest first, that a finding's assessment goes by.

    Where it grew against any of them, the newest of those; where it is unchanged, the oldest back to which it
    is; else the newest that could be compared.
    """
    known = [one for one in changes if one.change.terms]
    if not known:
        return changes[0] if changes else None
    grown = next((one for one in known if one.change.grew), None)
    if grown is not None:
        return grown
    stable = known[0]
    for one in known:
        if one.change.trends != {"stable"}:
            break
        stable = one
    return stable


# --- what only an earlier exam shows --------------------------------------------------------------------


Placed = list[tuple[int, np.typing.NDArray[np.float64], float]]
"""View of the current exam, middle in it, mm, and how far around it the same group may lie."""


def gone(
    earlier: Earlier, since: Sequence[Became], places: Placed, settings: ReadSettings
) -> tuple[list[Gone], Placed]:
    """Groups of an earlier exam that no finding of the current one is.

    Parameters
    ----------
    since : what became of each finding of the current exam since this one
    places : of the groups of newer exams: a group is told once, of the newest exam with it

    Returns
    -------
    The groups; and the places with those of this exam
    """
    result: list[Gone] = []
    places = list(places)
    taken: dict[int, set[int]] = {}
    for of_finding in since:
        for laid, one in of_finding.outcomes:
            taken.setdefault(laid.prior, set()).update(int(k) for k in one.then)
    for item in collect(earlier.views, settings):
        if item.what != "group":
            continue
        seen = [(laid, one) for one in item.seen for laid in earlier.laid if laid.prior == one.view]
        here = [(laid.current, *_place(laid, one, earlier)) for laid, one in seen]
        known = any(_is_current(laid, one, taken.get(laid.prior, set())) for laid, one in seen) or any(
            i == k and float(np.hypot(*(at - other))) <= reach + wide
            for i, at, reach in here
            for k, other, wide in places
        )
        places += here
        if known or not seen:
            continue
        outcomes = tuple(
            (laid, outcome(laid.compared, None, Members(one.group, one.specks))) for laid, one in seen
        )
        change = change_of(
            [one for _, one in outcomes], item.facts.typical_kind, earlier.chosen.years, earlier.when,
            skin_mm=item.facts.skin_mm if len(item.seen) == 1 else None,
        )  # fmt: skip
        result.append(Gone(item, Became(earlier, change, outcomes)))
    return result, places


def _is_current(laid: Laid, seen: Seen, taken: set[int]) -> bool:
    """Whether a group of an earlier view is one of the current view, or part of a finding of it."""
    if seen.group is not None and laid.compared.current_group(seen.group) is not None:
        return True
    return bool(np.mean([int(k) in taken for k in seen.specks]) > COVERED)


def _place(laid: Laid, seen: Seen, earlier: Earlier) -> tuple[np.typing.NDArray[np.float64], float]:
    """Middle of an earlier group in the current view, mm, and how far around it the same group may lie."""
    assert seen.group is not None
    group = earlier.views[laid.prior].groups[seen.group]
    pair = laid.compared.pair
    (at,) = pair.to_current_mm(np.array([[group.x, group.y]]) * pair.prior.info.pixel_mm)
    return at, float(pair.error_at_mm(at[None])[0]) + group.span_mm / 2
