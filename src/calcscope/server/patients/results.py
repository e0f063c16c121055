"""What a woman is to be told, whether she may be told it yet, and what became of it.

One gate stands before her page and her letter alike: the report is signed, no newer one takes its place, the
result is not held, and the site has approved every passage of it in her language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, time
from typing import NamedTuple, get_args

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import ValidationError

from calcscope import lexicon
from calcscope.errors import CalcscopeError
from calcscope.report.model import Category, ExamReport
from calcscope.server.audit.recording import record
from calcscope.server.exams.models import Exam, State, Woman
from calcscope.server.followup import chains
from calcscope.server.followup.models import Event as StepEvent
from calcscope.server.followup.models import Step
from calcscope.server.languages.words import lexicon_text
from calcscope.server.patients import approvals
from calcscope.server.patients.explaining import Explanation, explain
from calcscope.server.patients.facts import BiopsyFact, Density, ResultFacts, StepFact, facts_of
from calcscope.server.patients.models import Happening, Result
from calcscope.server.patients.profiles import Contact
from calcscope.server.patients.rules import rules_of
from calcscope.server.people.models import Role, Site, User
from calcscope.server.reading.models import Version

TELL = "tell_result"
"""The step of follow-up that stays open until she is told."""
AS_SUSPICIOUS: Category = "5"
"""Within the time that a country sets for such a result she is told what a biopsy showed, whatever it was."""
REPORTS = (Version.Kind.REPORT, Version.Kind.ADDENDUM)


class Refused(CalcscopeError):
    """Something that cannot be done with a result; the message says why in a sentence."""


# --- what comes to be told ------------------------------------------------------------------------------


@transaction.atomic
def of_report(version: Version) -> Result:
    """The result that a signed report is; an older one of the exam no longer needs telling."""
    older = Result.objects.filter(exam=version.exam, concordance=None)
    return _made(version, version.read().assessment.overall, None, version.author, older)


@transaction.atomic
def of_biopsy(event: StepEvent) -> Result | None:
    """The result that an entry makes of a biopsy: a radiologist's, whether histology and images fit together;
    or anybody's that there was too little tissue, which waits for a radiologist's word."""
    found, sample, version = histology_of(event), sample_of(event), _last_report(event.step.chain.exam)
    if found is None or sample is None or version is None:
        return None
    unseen = event.by is None or not event.by.has_role(Role.RADIOLOGIST, site=version.exam.site)
    return _made(version, found, event, event.by, _of_sample(sample), held=unseen)


def _made(
    version: Version, what: str, concordance: StepEvent | None, by: User | None, older: QuerySet[Result],
    held: bool = False,
) -> Result:  # fmt: skip
    """A result that takes the place of older ones; what the doctor was to say of the last she says of it."""
    exam, rules = version.exam, rules_of(version.exam.site)
    before = older.order_by("pk").last()
    held = held or what in rules.hold or (before is not None and is_held(before))
    for each in older:
        _no_longer(each)
    telling, today = None, timezone.localdate()
    category = version.read().assessment.overall
    if concordance is None:
        # Of an exam without a date the time runs from its reading: else none would.
        due = rules.profile.tell_by(category, exam=exam.date or today, read=today)
    else:
        due = rules.profile.tell_by(AS_SUSPICIOUS, exam=None, read=today)
    if due is not None:
        telling = chains.open_alone(exam, TELL, category, max(due, today), by=by)
    made: Result = Result.objects.create(
        site=exam.site, woman=exam.woman, exam=exam, version=version, concordance=concordance,
        telling=telling,
    )  # fmt: skip
    if held:
        happen(made, Happening.Kind.HELD, by=None)
    return made


def _no_longer(older: Result) -> None:
    if older.telling is not None and older.telling.is_open:
        chains.close(older.telling, "newer_result", by=None)


def _last_report(exam: Exam) -> Version | None:
    return exam.versions.filter(kind__in=REPORTS).order_by("number").last()


def histology_of(concordance: StepEvent) -> str | None:
    """What the histology said when an entry was made: ``benign``, ``dcis`` …; not its later corrections."""
    step = sample_of(concordance)
    done = step.events.filter(kind=StepEvent.Kind.DONE, pk__lte=concordance.pk).last() if step else None
    return done.result if done else None


def sample_of(concordance: StepEvent) -> Step | None:
    """The histology that an entry is about: the one before it, or itself where tissue was too little."""
    step = concordance.step
    return step if step.code == "histology" else sample_before(step)


def _of_sample(sample: Step) -> QuerySet[Result]:
    """The results of a histology, those that no longer stand among them."""
    return Result.objects.filter(Q(concordance__step=sample) | Q(concordance__step__after=sample))


def sample_before(step: Step) -> Step | None:
    """The last histology that led to a step, if one did."""
    before = step.after
    while before is not None and before.code != "histology":
        before = before.after
    return before


# --- how a result stands --------------------------------------------------------------------------------


def hers(woman: Woman) -> QuerySet[Result]:
    """Her results; none of an exam whose images state another name, until somebody says that it is she."""
    return Result.objects.filter(woman=woman, exam__other_name=False)


def current(results: QuerySet[Result]) -> QuerySet[Result]:
    """Those that still stand: of each exam the newest report, of a biopsy the entry of which neither itself
    nor the histology before it was undone."""
    newer = Result.objects.filter(exam=OuterRef("exam"), concordance=None, pk__gt=OuterRef("pk"))
    undone = StepEvent.objects.filter(
        Q(step=OuterRef("concordance__step"))
        | Q(step=OuterRef("concordance__step__after"), step__code="histology"),
        kind__in=[StepEvent.Kind.DONE, StepEvent.Kind.REOPENED],
        pk__gt=OuterRef("concordance"),
    )
    return results.filter((Q(concordance=None) & ~Exists(newer)) | (~Q(concordance=None) & ~Exists(undone)))


def told(results: QuerySet[Result]) -> QuerySet[Result]:
    """Those of which she knows."""
    return results.filter(Exists(Happening.objects.filter(result=OuterRef("pk"), kind__in=Happening.TELLS)))


def untold(results: QuerySet[Result]) -> QuerySet[Result]:
    """Those that stand and of which she does not know yet, the first due first."""
    open_ones = current(results).exclude(
        Exists(Happening.objects.filter(result=OuterRef("pk"), kind__in=Happening.TELLS))
    )
    return open_ones.order_by(F("telling__due").asc(nulls_last=True), "pk")


def is_held(result: Result) -> bool:
    """Whether the doctor is to speak with her first."""
    last = result.happenings.filter(kind__in=[Happening.Kind.HELD, Happening.Kind.RELEASED]).last()
    return last is not None and last.kind == Happening.Kind.HELD


def is_told(result: Result) -> bool:
    """Whether she knows of it."""
    return result.happenings.filter(kind__in=Happening.TELLS).exists()


def is_corrected(result: Result) -> bool:
    """Whether it takes the place of another, of which she may know."""
    if result.concordance is None:
        return result.version.kind == Version.Kind.ADDENDUM
    sample = sample_of(result.concordance)
    return sample is not None and _of_sample(sample).filter(pk__lt=result.pk).exists()


def _report_since(result: Result) -> Result | None:
    """Of a biopsy: the report that was signed after its result, which its page tells too."""
    reports = Result.objects.filter(exam=result.exam, concordance=None, pk__gt=result.pk)
    return reports.order_by("pk").last() if result.is_biopsy else None


OTHER_NAME = gettext_lazy(
    "The images state another name: find out whose they are, and say on her page where they are hers."
)
LACKING = {
    "density": gettext_lazy("the density of the breasts"),
    "name": gettext_lazy("the site's name"),
    "address": gettext_lazy("the site's address"),
    "phone": gettext_lazy("the site's telephone number"),
    "email": gettext_lazy("the site's email address"),
}


@dataclass(frozen=True)
class Gate:
    """Whether a result may be told in a language, and if not, why.

    Parameters
    ----------
    explanation : what she is told; None where there is no text for it
    replaced : a newer result takes its place
    held : the doctor is to speak with her first
    other_name : the images state another name, and nobody has said that it is the same woman
    report_held : of a biopsy: the doctor is to speak with her of the exam's newer report first
    missing : passages that the site has not approved in the language
    lacking : what the country's rules ask a letter to say and nobody has stated
    without_text : why no text fits, if none does
    """

    explanation: Explanation | None
    replaced: bool = False
    held: bool = False
    report_held: bool = False
    missing: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    without_text: str = ""
    other_name: bool = False

    @property
    def open(self) -> bool:
        """Whether she may be told."""
        shut = self.replaced or self.held or self.report_held or self.missing or self.lacking
        return not self.other_name and self.explanation is not None and not shut

    @property
    def why(self) -> list[str]:
        """What stands against it, in sentences for the staff."""
        said = []
        if self.other_name:
            said.append(str(OTHER_NAME))
        if self.replaced:
            said.append(_("A newer result takes its place."))
        if self.held:
            said.append(_("It is held until a radiologist says that she has spoken with the woman."))
        if self.report_held:
            said.append(_("The exam has a newer report, which is held: its page would tell that too."))
        if self.missing:
            said.append(
                _("Passages that no radiologist of the site has approved in her language: {n}.").format(
                    n=len(self.missing)
                )
            )
        if self.lacking:
            said.append(
                _("The country's rules ask for more: {what}.").format(
                    what=", ".join(str(LACKING.get(each, each)) for each in self.lacking)
                )
            )
        if self.explanation is None:
            said.append(_("No text fits this result; tell her in person."))
        return said


def gate(result: Result, language: str) -> Gate:
    """Whether a result may be told in a language."""
    replaced = not current(Result.objects.filter(pk=result.pk)).exists()
    held, since, contact = is_held(result), _report_since(result), contact_of(result.site)
    report_held = since is not None and is_held(since)
    try:
        profile = rules_of(result.site).profile
        known = facts(result)
        made = explain(known, language, profile, contact, timezone.localdate())
    except (CalcscopeError, ValidationError) as error:
        return Gate(
            None, replaced, held, report_held, without_text=type(error).__name__,
            other_name=result.exam.other_name,
        )  # fmt: skip
    return Gate(
        made, replaced, held, report_held, approvals.missing(result.site, language, used(made)),
        profile.missing(known, contact), other_name=result.exam.other_name,
    )  # fmt: skip


def used(explanation: Explanation) -> Mapping[str, str]:
    """SHA-256 of each passage of an explanation, by passage."""
    return {each.id: each.sha256 for each in explanation.passages}


def facts(result: Result) -> ResultFacts:
    """What a result says that a woman is told; that of a biopsy beside what the report says by now."""
    since = _report_since(result)
    report = (since or result).version.report()
    biopsies = {}
    if result.concordance is not None:
        biopsies[result.concordance.pk] = biopsy_of(result.concordance, report)
        # Beside its own, those that she knows: an older page does not say that a later sample is to be taken.
        others = told(current(Result.objects.filter(exam=result.exam).exclude(pk=result.pk)))
        for each in StepEvent.objects.filter(result_told__in=others):
            with suppress(Refused):  # of what the report no longer has, nothing is said here
                biopsies[each.pk] = biopsy_of(each, report)
    known = _latest(biopsies[pk] for pk in sorted(biopsies))
    return facts_of(report, steps=_open_steps(result), density=density_of(result), biopsies=known)


def _latest(biopsies: Iterable[BiopsyFact]) -> list[BiopsyFact]:
    """Biopsies in their order, without those that were done once more for the same findings."""
    kept: list[BiopsyFact] = []
    for each in reversed(list(biopsies)):
        again = {name for later in kept for name in later.findings}
        if not each.findings or not set(each.findings) <= again:
            kept.insert(0, each)
    return kept


WAITING = StepFact(code="concordance")
"""Something is being done without her; she is told to wait."""


def _open_steps(result: Result) -> list[StepFact] | None:
    """What follow-up has open for the exam, with its dates as they stand now, the first due first.

    What a sample led to is told with its result or when she knows that, and not before a radiologist has said
    what it means. None for an exam of which follow-up knows nothing.
    """
    known = told_samples([result, *told(current(Result.objects.filter(exam=result.exam)))])
    steps = Step.objects.filter(chain__exam=result.exam).exclude(code=TELL).select_related("chain")
    if not steps.exists():
        return None
    found, hidden = [], False
    for step in steps.filter(state__in=Step.OPEN):
        sample = sample_before(step)
        if sample is not None and sample.pk not in known:
            hidden = True
            continue
        side = step.chain.side or None
        made = appointment_of(step)
        found.append(
            StepFact(code=step.code, side=side, due=step.due, appointment=made.day if made else None)
        )
    if hidden or (not found and _is_being_read(result)):
        found.append(WAITING)
    return sorted(found, key=lambda each: (each.appointment or each.due or date.max, _urgency(each.code)))


def _is_being_read(result: Result) -> bool:
    """Whether a later exam of hers waits for its signature."""
    hers = Exam.objects.filter(woman=result.woman_id, other_name=False)
    later = hers.filter(date__gte=result.exam.date or date.min)
    return later.exclude(pk=result.exam_id).exclude(state=State.SIGNED).exists()


def _urgency(code: str) -> int:
    known = lexicon.next_steps().steps
    return known[code].urgency if code in known else len(known)


def told_samples(results: Iterable[Result]) -> set[int]:
    """The histologies that some results are about, by their step."""
    samples = [sample_of(each.concordance) for each in results if each.concordance is not None]
    return {each.pk for each in samples if each is not None}


class Appointment(NamedTuple):
    """When she is expected: ``at`` by the clock of the clinic, None for a day without a time."""

    day: date
    at: time | None = None


def appointment_of(step: Step) -> Appointment | None:
    """The day for which an appointment was made, with its time where it has one."""
    if step.state != Step.State.SCHEDULED:
        return None
    made = step.events.filter(kind=StepEvent.Kind.SCHEDULED).last()
    if made is None:
        return None
    at = made.data.get("at")
    return Appointment(date.fromisoformat(made.data["on"]), time.fromisoformat(at) if at else None)


def biopsy_of(concordance: StepEvent, report: ExamReport) -> BiopsyFact:
    """The biopsy that an entry is about, for what it was taken for as far as the report still has it.

    Raises
    ------
    Refused : where the report has none of them any more
    """
    chain, sample = concordance.step.chain, sample_of(concordance)
    # What an addendum has added since was not sampled.
    before = chain.answers.filter(version__signed_at__lte=sample.opened_at) if sample else chain.answers.all()
    asked = {name for name in before.values_list("finding", flat=True) if name}
    findings = tuple(each.id for each in report.findings if each.id in asked)
    if asked and not findings:
        raise Refused(_("The report no longer has what the sample was taken for."))
    compared = concordance.step.code == "concordance"
    return BiopsyFact.model_validate(
        {
            "side": chain.side,
            "result": histology_of(concordance),
            "concordant": concordance.result == "concordant" if compared else None,
            "findings": findings,
        }
    )


def words_of_biopsy(result: Result) -> str:
    """What the sample showed, in the lexicon's words; empty for a report."""
    if result.concordance is None:
        return ""
    found = histology_of(result.concordance) or ""
    words = lexicon.chains().steps
    fits = words["concordance"].results.get(result.concordance.result, "")
    said = [words["histology"].results.get(found, found), fits]
    return ", ".join(lexicon_text(each) for each in said if each)


def asks_density(result: Result) -> bool:
    """Whether the country's rules want her told how dense her breasts are."""
    return rules_of(result.site).profile.density is not None


def density_of(result: Result) -> Density | None:
    """The density of the breasts, where a radiologist has stated it."""
    stated = Happening.objects.filter(result__exam=result.exam, kind=Happening.Kind.DENSITY).last()
    return stated.value if stated else None


def contact_of(site: Site) -> Contact:
    """Whom a woman of the site calls; no line ends within the number."""
    phone = site.phone.replace(" ", "\u00a0")
    return Contact(name=site.name, address=site.address, phone=phone, email=site.email)


def against_asking(step: Step) -> list[str]:
    """Why a letter may not ask her to come for a step yet, though nothing stands in it; empty where it may.

    It would tell her between the lines what a doctor is to say first.
    """
    of_exam = current(Result.objects.filter(exam=step.chain.exam))
    report = of_exam.filter(concordance=None).first()
    sample, said = sample_before(step), []
    if step.chain.exam.other_name:
        said.append(str(OTHER_NAME))
    if report is not None and is_held(report):
        said.append(_("Her result is held until a radiologist says that she has spoken with her."))
    if sample is not None:
        about = [each for each in of_exam.exclude(concordance=None) if told_samples([each]) == {sample.pk}]
        if not about:
            said.append(_("No radiologist has compared her biopsy with the images yet."))
        elif any(is_held(each) for each in about):
            said.append(_("The result of her biopsy is held until a radiologist has spoken with her."))
    return said


def lost() -> list[str]:
    """Signed reports and compared biopsies that are no result to tell, a line each; empty as it should be."""
    newer = Version.objects.filter(exam=OuterRef("exam"), kind__in=REPORTS, number__gt=OuterRef("number"))
    told = Result.objects.filter(version=OuterRef("pk"), concordance=None)
    reports = Version.objects.filter(~Exists(newer), ~Exists(told), kind__in=REPORTS).select_related("exam")
    entry = StepEvent.objects.filter(step=OuterRef("pk"), kind=StepEvent.Kind.DONE).order_by("-pk")
    compared = Step.objects.filter(code="concordance", state=Step.State.DONE)
    untold = compared.annotate(entry=Subquery(entry.values("pk")[:1])).filter(
        ~Exists(Result.objects.filter(concordance=OuterRef("entry")))
    )
    return [
        *(f"exam {each.exam.uuid}: version {each.number} is no result to tell" for each in reports),
        *(f"step {each.uuid}: is done, and what the biopsy showed is no result to tell" for each in untold),
    ]


# --- what becomes of it ---------------------------------------------------------------------------------

_ENDS = {
    Happening.Kind.PRINTED: "letter",
    Happening.Kind.OPENED: "page",
    Happening.Kind.SPOKEN: "spoken",
}


@transaction.atomic
def happen(
    result: Result, kind: Happening.Kind, *, by: User | None, language: str = "",
    passages: Mapping[str, str] | None = None, file: str = "", value: str = "", note: str = "",
) -> Happening:  # fmt: skip
    """Keep what became of a result; where she was told, the step of follow-up is done."""
    made: Happening = Happening.objects.create(
        result=result, kind=kind, by=by, language=language, passages=sorted((passages or {}).values()),
        file=file, value=value, note=note[:500],
    )  # fmt: skip
    record(f"result:{kind}", result, user=by, language=language)
    if kind in _ENDS and result.telling is not None and by is not None:
        telling: Step = Step.objects.get(pk=result.telling.pk)
        if telling.is_open:
            with suppress(chains.Refused):  # somebody else has just written it down
                chains.write_result(telling, _ENDS[kind], by=by)
    return made


def _hers(result: Result) -> None:
    """See that the images are hers as far as anybody knows.

    Raises
    ------
    Refused : where they state another name and nobody has said that it is the same woman
    """
    if result.exam.other_name:
        raise Refused(str(OTHER_NAME))


def hold(result: Result, by: User, note: str = "") -> None:
    """Have the doctor speak with her first, though the site's settings do not ask for it.

    Raises
    ------
    Refused : where it is held, or she knows already
    """
    if is_held(result):
        raise Refused(_("It is held already."))
    if is_told(result):
        raise Refused(_("She knows of it already."))
    happen(result, Happening.Kind.HELD, by=by, note=note)


def release(result: Result, by: User, note: str = "") -> None:
    """A radiologist says that she has spoken with the woman.

    Raises
    ------
    Refused : where it is not held, or may be another woman's
    """
    _hers(result)
    if not is_held(result):
        raise Refused(_("It is not held."))
    happen(result, Happening.Kind.RELEASED, by=by, note=note)


@transaction.atomic
def spoken(result: Result, by: User, note: str = "") -> None:
    """A doctor has told her; a radiologist who says so releases what was held.

    Raises
    ------
    Refused : where she knows already, it is held and somebody else says so, or it may be another woman's
    """
    _hers(result)
    if is_told(result):
        raise Refused(_("She knows of it already."))
    if is_held(result):
        if not by.has_role(Role.RADIOLOGIST, site=result.site):
            raise Refused(_("It is held until a radiologist says that she has spoken with the woman."))
        happen(result, Happening.Kind.RELEASED, by=by, note=note)
    happen(result, Happening.Kind.SPOKEN, by=by, note=note)


def state_density(result: Result, density: str, by: User) -> None:
    """A radiologist states how dense the breasts are.

    Raises
    ------
    Refused : for what is no density
    """
    if density not in get_args(Density):
        raise Refused(_("Choose one of a, b, c and d."))
    happen(result, Happening.Kind.DENSITY, by=by, value=density)


def opened(result: Result, by: User, language: str, explanation: Explanation) -> None:
    """She has read it; kept once for each wording that she read."""
    passages = used(explanation)
    seen = result.happenings.filter(kind=Happening.Kind.OPENED, language=language)
    if not any(each.passages == sorted(passages.values()) for each in seen):
        happen(result, Happening.Kind.OPENED, by=by, language=language, passages=passages)
