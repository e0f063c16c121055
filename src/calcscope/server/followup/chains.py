"""Opening chains, and what each event makes of a step: every change is an event, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from calcscope import lexicon
from calcscope.errors import CalcscopeError
from calcscope.lexicon.model import ChainStep
from calcscope.server.audit.recording import record
from calcscope.server.exams.models import Exam, State
from calcscope.server.followup.models import Answer, Chain, Event, Step
from calcscope.server.people.models import User
from calcscope.server.reading.content import ReadFinding, ReadingContent
from calcscope.server.reading.models import Version
from calcscope.server.signals import result_was_written

BENIGN = ("1", "2")


class Refused(CalcscopeError):
    """Something that cannot be done to a step; the message says why in a sentence."""


# --- what a signed report opens -------------------------------------------------------------------------


@transaction.atomic
def follow(version: Version) -> list[Chain]:
    """Open a chain for each recommendation of a signed report; those of an addendum take over what stays.

    Each finding, and an exam without one, is answered for by a chain. A report that is replaced leaves no
    step behind: what is no longer recommended is closed with that reason. Benign findings beside one that is
    worked up keep their routine mammogram, whatever comes of the other. What an addendum adds where a biopsy
    has been done already was not sampled: it gets a chain of its own.
    """
    content = version.read()
    wanted: dict[tuple[str, str], list[ReadFinding]] = {}
    for finding in content.standing:
        benign = finding.category in BENIGN
        key = ("routine", "") if benign else (finding.next_step, finding.laterality)
        wanted.setdefault(key, []).append(finding)
    for step in content.next_steps:
        if not any(code == step.code for code, _side in wanted):
            wanted.setdefault((step.code, ""), [])
    if not wanted:
        wanted["routine", ""] = []
    standing = _open_chains(version.exam)
    chains = []
    for (code, side), findings in wanted.items():
        rest = list(findings)
        alike = [chain for chain in standing if (chain.code, chain.side) == (code, side)]
        for chain in sorted(alike, key=_is_at_its_beginning):
            known = set(chain.answers.values_list("finding", flat=True))
            own = [each for each in rest if each.id in known or _is_at_its_beginning(chain)]
            if own or not findings:
                _answer(chain, version, own)
                chains.append(chain)
                rest = [each for each in rest if each not in own]
        if rest or not set(alike) & set(chains):
            chain = _begin(version, content, code, side, rest)
            _answer(chain, version, rest)
            chains.append(chain)
    for chain in set(standing) - set(chains):
        for step in chain.steps.filter(state__in=Step.OPEN):
            close(step, "addendum", by=version.author)
    # The routine mammogram that an older exam asks for is asked for anew by this one.
    older = Chain.objects.filter(code="routine", exam__in=version.exam.comparable())
    for step in Step.objects.open().filter(chain__in=older):
        close(step, "newer_exam", by=version.author)
    return chains


def _begin(
    version: Version, content: ReadingContent, code: str, side: str, findings: Sequence[ReadFinding]
) -> Chain:
    """A chain with the steps that its recommendation opens."""
    categories = [finding.category for finding in findings] or [content.assessment.overall]
    order = lexicon.categories().overall_order
    chain: Chain = Chain.objects.create(
        site=version.exam.site, woman=version.exam.woman, exam=version.exam, code=code, side=side,
        category=min(categories, key=order.index),
    )  # fmt: skip
    days = [finding.due_days for finding in findings] or [
        step.due_days for step in content.next_steps if step.code == code
    ]
    due = _first_due(version.exam, min(days, default=_default_days(code)))
    for opened in lexicon.chains().opens[code]:
        _open(chain, opened, due, None, version.author)
    return chain


def _answer(chain: Chain, version: Version, findings: Sequence[ReadFinding]) -> None:
    """A chain answers for findings of a report, or for a report without one."""
    for name in [finding.id for finding in findings] or [""]:
        Answer.objects.create(chain=chain, version=version, finding=name)


def _is_at_its_beginning(chain: Chain) -> bool:
    """Whether what the recommendation opened is still to be done."""
    return chain.steps.filter(after=None, state__in=Step.OPEN).exists()


def _open_chains(exam: Exam) -> list[Chain]:
    """Those that answer for a recommendation; what opened another one looks after it."""
    answering = Chain.objects.filter(exam=exam, answers__isnull=False)
    return list(answering.filter(steps__state__in=Step.OPEN).distinct())


@transaction.atomic
def open_alone(exam: Exam, code: str, category: str, due: date, *, by: User | None) -> Step:
    """Open a step that comes from no recommendation, in a chain of its own."""
    chain = Chain.objects.create(site=exam.site, woman=exam.woman, exam=exam, code=code, category=category)
    return _open(chain, code, due, None, by)


def _first_due(exam: Exam, days: int) -> date:
    """Days of a first step count from the exam; where it was signed late, there is still time to do it."""
    today = timezone.localdate()
    soon = min(days, _default_days("magnification_views"))
    return max((exam.date or today) + timedelta(days=days), today + timedelta(days=soon))


def _default_days(code: str) -> int:
    return int(lexicon.next_steps().steps[code].due_days.value)


def _open(chain: Chain, code: str, due: date, after: Step | None, by: User | None = None) -> Step:
    kind = lexicon.chains().steps[code]
    step = Step.objects.create(chain=chain, code=code, due=due, after=after, owner_role=kind.owner)
    add_event(step, Event.Kind.OPENED, Step.State.OPEN, by=by, data={"due": due.isoformat()})
    return step


# --- what happens to a step -----------------------------------------------------------------------------


def add_event(
    step: Step, kind: str, state: str | None, *, by: User | None = None, exam: Exam | None = None,
    result: str = "", reason: str = "", note: str = "", data: Mapping[str, object] | None = None,
) -> Event:  # fmt: skip
    event: Event = Event.objects.create(
        step=step, kind=kind, by=by, exam=exam, result=result, reason=reason, note=note.strip(),
        data=dict(data or {}),
    )  # fmt: skip
    if state is not None and state != step.state:
        step.state = state
        step.save(update_fields=["state"])
    record(f"follow-up:{kind}", step, user=by)
    return event


def _locked(step: Step) -> Step:
    """The step as it is now, so that two people cannot finish it twice.

    Raises
    ------
    Refused : where it is done or closed already
    """
    now: Step = Step.objects.select_for_update().select_related("chain__exam").get(pk=step.pk)
    if not now.is_open:
        raise Refused(_("Somebody has finished this step meanwhile. Load the page again."))
    return now


@transaction.atomic
def schedule(step: Step, day: date, *, by: User, note: str = "", at: time | None = None) -> None:
    """An appointment was made.

    Parameters
    ----------
    at : by the clock of the clinic; None for a day without a time
    """
    step = _locked(step)
    now = timezone.localtime()
    if (day, at or time.max) < (now.date(), now.time()):
        raise Refused(_("The appointment lies in the past."))
    data = {"on": day.isoformat()} | ({"at": at.isoformat("minutes")} if at else {})
    add_event(step, Event.Kind.SCHEDULED, Step.State.SCHEDULED, by=by, note=note, data=data)


@transaction.atomic
def attempt(step: Step, how: str, reached: bool, *, by: User, note: str = "") -> None:
    """Somebody tried to reach the woman."""
    step = _locked(step)
    kind = Event.Kind.REACHED if reached else Event.Kind.ATTEMPT
    add_event(step, kind, None, by=by, note=note, data={"how": how[:40]})
    if reached and step.state == Step.State.UNREACHABLE:
        step.state = Step.State.OPEN
        step.save(update_fields=["state"])
    limit = int(lexicon.chains().unreachable_after.value)
    if not reached and step.state == Step.State.OPEN and step.attempts >= limit:
        step.state = Step.State.UNREACHABLE
        step.save(update_fields=["state"])


@transaction.atomic
def give(step: Step, owner: User, *, by: User) -> None:
    """Give a step to somebody.

    Raises
    ------
    Refused : for who does not work at its site
    """
    step = _locked(step)
    if not owner.sites().filter(pk=step.chain.site_id).exists():
        raise Refused(_("That account does not work at this site."))
    step.owner = owner
    step.save(update_fields=["owner"])
    add_event(step, Event.Kind.OWNER, None, by=by, data={"to": owner.username})


@transaction.atomic
def move(step: Step, due: date, reason: str, *, by: User) -> None:
    """Change when a step is due; the reason is kept."""
    step = _locked(step)
    if not reason.strip():
        raise Refused(_("Say why the date is changed."))
    was, step.due = step.due, due
    step.save(update_fields=["due"])
    add_event(
        step,
        Event.Kind.MOVED,
        None,
        by=by,
        note=reason,
        data={"from": was.isoformat(), "to": due.isoformat()},
    )


@transaction.atomic
def propose(step: Step, exam: Exam) -> None:
    """An exam arrived that may be what a step waits for."""
    if not step.events.filter(kind=Event.Kind.PROPOSED, exam=exam).exists():
        add_event(step, Event.Kind.PROPOSED, None, exam=exam)


@transaction.atomic
def reject_proposal(step: Step, exam: Exam, *, by: User) -> None:
    """The exam is not what the step waits for."""
    add_event(_locked(step), Event.Kind.NOT_IT, None, by=by, exam=exam)


@transaction.atomic
def fulfil(step: Step, exam: Exam, *, by: User) -> list[Step]:
    """An exam was what the step waited for.

    Raises
    ------
    Refused : for an exam that is or may be of another woman, the one it comes from, or a step with a result
    """
    step = _locked(step)
    if step.kind.by != "exam":
        raise Refused(_("No exam ends this step; write down its result."))
    if exam.woman_id != step.chain.woman_id:
        raise Refused(_("That exam is of another woman."))
    if exam.other_name:
        raise Refused(_("The images of that exam state another name: find out first whose they are."))
    if exam.pk == step.chain.exam_id:
        raise Refused(_("That is the exam from which the step comes."))
    add_event(step, Event.Kind.DONE, Step.State.DONE, by=by, exam=exam, result="done")
    return _next(step, "done", by)


@transaction.atomic
def write_result(
    step: Step, result: str, *, by: User, note: str = "", facts: Mapping[str, str] | None = None
) -> list[Step]:
    """Write down the result of a step; the steps that it opens.

    Parameters
    ----------
    result : one of the lexicon's results of the step
    facts : what the step asks for beside it

    Raises
    ------
    Refused : for a result that the step does not have, or where something asked for is missing
    """
    step = _locked(step)
    kind = step.kind
    if result not in kind.results:
        raise Refused(f"found the result {result!r}; expected one of {', '.join(kind.results)}")
    given = dict(facts or {})
    for name, choices in kind.asks.items():
        if given.get(name) not in choices:
            raise Refused(f"{name}: found {given.get(name)!r}; expected one of {', '.join(choices)}")
    event = add_event(step, Event.Kind.DONE, Step.State.DONE, by=by, result=result, note=note, data=given)
    opened = _next(step, result, by)
    result_was_written.send(sender=Step, step=step, event=event)
    return opened


def _next(step: Step, result: str, by: User | None) -> list[Step]:
    """Open what follows a result; what another one that was written down before led to is closed."""
    codes, going_on = _following(step, result), set()
    for each in step.before.all():
        if each.is_open and each.code in codes:
            going_on.add(each.code)
        else:
            _undo(each, by)
    return [
        _open(step.chain, code, timezone.localdate() + timedelta(days=_days(code)), step, by)
        for code in codes
        if code not in going_on
    ]


def _undo(step: Step, by: User | None) -> None:
    """Close a step, be it open or done, and whatever it led to."""
    if step.state != Step.State.CLOSED:
        add_event(step, Event.Kind.CLOSED, Step.State.CLOSED, by=by, reason="newer_result")
    for each in step.before.all():
        _undo(each, by)


def _following(step: Step, result: str) -> tuple[str, ...]:
    """The steps that a result leads to, after what came before in the chain."""
    kind = step.kind
    codes = kind.then.get(result, ())
    for earlier in _results_before(step):
        codes = kind.then_after.get(earlier, {}).get(result, codes)
    return codes


def _results_before(step: Step) -> list[str]:
    found, at = [], step.after
    while at is not None:
        done = at.events.filter(kind=Event.Kind.DONE).last()
        found.append(done.result if done else "")
        at = at.after
    return found


def _days(code: str) -> int:
    kind: ChainStep = lexicon.chains().steps[code]
    if kind.due_days is not None:
        return int(kind.due_days.value)
    return _default_days(code)


@transaction.atomic
def close(step: Step, reason: str, *, by: User | None, note: str = "") -> None:
    """Close a step that is not done, with the reason.

    Raises
    ------
    Refused : for a reason that the lexicon does not have
    """
    step = _locked(step)
    if reason not in lexicon.chains().closing:
        raise Refused(f"found the reason {reason!r}; expected one of {', '.join(lexicon.chains().closing)}")
    add_event(step, Event.Kind.CLOSED, Step.State.CLOSED, by=by, reason=reason, note=note)


@transaction.atomic
def reopen(step: Step, why: str, *, by: User) -> None:
    """Open a step again that was finished in error."""
    now: Step = Step.objects.select_for_update().get(pk=step.pk)
    if now.is_open:
        raise Refused(_("The step is open."))
    if not why.strip():
        raise Refused(_("Say why it is opened again."))
    add_event(now, Event.Kind.REOPENED, Step.State.OPEN, by=by, note=why)


# --- what arrives, and what is late ---------------------------------------------------------------------


def match(exam: Exam) -> list[Step]:
    """Propose an exam to the open steps that it may be; those it was proposed to."""
    found = []
    waiting = Step.objects.open().filter(chain__woman=exam.woman).exclude(chain__exam=exam)
    sides = set(exam.images.values_list("laterality", flat=True))
    modifiers = {word for label in exam.images.values_list("label", flat=True) for word in label.split()[1:]}
    for step in waiting.select_related("chain__exam"):
        kind = step.kind
        fits = (
            kind.by == "exam"
            and exam.date is not None
            and exam.date >= step.earliest
            and (not step.chain.side or step.chain.side in sides)
            and set(kind.modifiers) <= modifiers
        )
        if fits:
            propose(step, exam)
            found.append(step)
    return found


def match_later(exam: Exam) -> None:
    """Propose what is here already to the steps of an exam that was signed after newer ones had come.

    Those that the engine has not read yet are proposed when it has.
    """
    if exam.date is None:
        return
    later = Exam.objects.filter(woman=exam.woman, date__gt=exam.date, readings__isnull=False)
    for each in later.exclude(state__in=[State.WAITING, State.FAILED]).distinct().order_by("date", "pk"):
        match(each)


@transaction.atomic
def escalate(today: date | None = None) -> int:
    """Pass on each step that is later than the lexicon allows, once for each stage; how many were."""
    today = today or timezone.localdate()
    count = 0
    for step in Step.objects.overdue(today).select_related("chain__exam"):
        late = (today - step.due).days
        told = {event.data.get("after_days") for event in step.events.filter(kind=Event.Kind.ESCALATED)}
        for stage in lexicon.chains().escalation:
            if late >= stage.after_days and stage.after_days not in told:
                add_event(
                    step, Event.Kind.ESCALATED, None, data={"after_days": stage.after_days, "to": stage.to}
                )
                step.owner_role = stage.to
                step.save(update_fields=["owner_role"])
                count += 1
    return count


# --- nobody is lost -------------------------------------------------------------------------------------


def lost() -> list[str]:
    """Who fell out of sight, a line each; empty when nobody is lost.

    Every signed finding, or signed exam without one, that no chain answers for; a chain without a step; a
    step whose state is not that of its events, or whose result did not open what should follow.
    """
    found = []
    for version in _latest_reports():
        content = version.read()
        answered = set(version.answers.values_list("finding", flat=True))
        needed = {finding.id for finding in content.standing} or {""}
        found += [
            f"exam {version.exam.uuid}: version {version.number}, finding {name or 'none'}: no follow-up"
            for name in sorted(needed - answered)
            if name or not answered
        ]
    for chain in Chain.objects.prefetch_related("steps"):
        if not chain.steps.all():
            found.append(f"chain {chain.uuid}: has no step")
    for step in Step.objects.prefetch_related("events"):
        if (expected := _state_of(step)) != step.state and step.state != Step.State.UNREACHABLE:
            found.append(f"step {step.uuid}: is {step.state}; its events say {expected}")
        if step.state == Step.State.DONE and _unanswered(step):
            found.append(f"step {step.uuid}: is done, and what should follow was never opened")
    return found


def _latest_reports() -> list[Version]:
    latest: dict[int, Version] = {}
    for version in (
        Version.objects.filter(kind__in=["report", "addendum"]).select_related("exam").order_by("number")
    ):
        latest[version.exam_id] = version
    return list(latest.values())


STATES = {
    Event.Kind.OPENED: Step.State.OPEN,
    Event.Kind.REOPENED: Step.State.OPEN,
    Event.Kind.SCHEDULED: Step.State.SCHEDULED,
    Event.Kind.DONE: Step.State.DONE,
    Event.Kind.CLOSED: Step.State.CLOSED,
}


def _state_of(step: Step) -> str:
    """What a step's events make of it, the unreachable aside."""
    state = ""
    for event in step.events.all():
        state = STATES.get(Event.Kind(event.kind), state)
    return state


def _unanswered(step: Step) -> bool:
    done = [event for event in step.events.all() if event.kind == Event.Kind.DONE]
    if not done:
        return True
    return not set(_following(step, done[-1].result)) <= set(step.before.values_list("code", flat=True))
