"""The engine's work: asked for once, done by one worker at a time, taken up again when a worker dies.

A worker holds a job by a token and a heartbeat. Who finds a heartbeat older than :data:`LEASE` puts the job
back into the queue; the worker that held it, should it live on, has lost its token and its result is dropped.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import task

from calcscope.reading import ReadSettings, read_paths
from calcscope.report.model import ExamReport, Prior, Report
from calcscope.report.writing import write_report
from calcscope.server.exams.models import Exam, Job, Reading, State
from calcscope.server.exams.previews import make_previews
from calcscope.server.exams.urgency import urgency_of
from calcscope.server.exams.workers import LEASE, Heart, name_of, waiting
from calcscope.server.signals import exam_was_read

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""After so many dead workers an exam is left to people: it may be what kills them."""


def ask(exam: Exam) -> Job:
    """Have an exam read. An open job that has not begun is enough; one that runs is done again."""
    with transaction.atomic():
        open_job = Job.objects.select_for_update().filter(exam=exam, state__in=["queued", "running"]).first()
        if open_job is not None and open_job.state == Job.State.QUEUED:
            return open_job
        if open_job is not None:
            # What it reads is out of date: its token goes, and with it its result.
            open_job.state, open_job.reason, open_job.token = Job.State.FAILED, "asked for anew", None
            open_job.save()
        job = Job.objects.create(exam=exam)
        if exam.state in (State.WAITING, State.FAILED, State.UNREAD):
            exam.state = State.WAITING
            exam.save(update_fields=["state"])
        transaction.on_commit(lambda: _enqueue(job))
    return job


def change_mode(exam: Exam, mode: str) -> Job:
    """Have an exam read anew as a screening or diagnostic one; nobody reads it until that is done."""
    with transaction.atomic():
        exam.mode, exam.mode_stated, exam.state = mode, True, State.WAITING
        exam.held_by = exam.held_at = None
        exam.save(update_fields=["mode", "mode_stated", "state", "held_by", "held_at"])
        return ask(exam)


def compare_anew(exam: Exam) -> None:
    """Have exams that nobody has signed read again when it is asked, or no longer asked, whose the images of
    one are: itself, and the later ones of hers, are compared with others than before."""
    own = Q(pk=exam.pk)
    later = Q(pk__in=[]) if exam.date is None else Q(woman=exam.woman_id, date__gt=exam.date)
    for each in Exam.objects.filter(own | later, state__in=[State.UNREAD, State.BEGUN]).order_by("pk"):
        if each.earlier().exists():
            ask(each)


def _enqueue(job: Job) -> None:
    read_job.enqueue(str(job.uuid))


def requeue_lost(dead: Collection[str] = ()) -> int:
    """Put jobs whose worker is dead back into the queue; how many.

    Parameters
    ----------
    dead : names of workers that are known to be dead; of others, who gives no sign of life
    """
    lost = 0
    gone = Q(heartbeat__lt=timezone.now() - LEASE) | Q(worker__in=dead)
    for job in Job.objects.filter(gone, state=Job.State.RUNNING):
        if job.attempt >= ATTEMPTS:
            _give_up(job, job.token, f"the analysis stopped {job.attempt} times without a result")
            continue
        again = Job.objects.filter(gone, pk=job.pk, state=Job.State.RUNNING, token=job.token)
        if again.update(state=Job.State.QUEUED, token=None, heartbeat=timezone.now()):
            log.warning("job %s: its worker is gone; it is done again", job.uuid)
            _enqueue(job)
            lost += 1
    return lost + _requeue_forgotten()


def _requeue_forgotten() -> int:
    """Jobs whose worker died between taking them from the queue and beginning them."""
    stale = timezone.now() - LEASE
    queued = Job.objects.filter(state=Job.State.QUEUED).filter(
        Q(heartbeat__lt=stale) | Q(heartbeat=None, created_at__lt=stale)
    )
    forgotten = [job for job in queued if str(job.uuid) not in waiting()]
    for job in forgotten:
        Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(heartbeat=timezone.now())
        _enqueue(job)
    return len(forgotten)


@task()
def read_job(job_uuid: str) -> None:
    """Read an exam with the engine, beside the woman's earlier exams."""
    token = uuid.uuid4()
    claimed = Job.objects.filter(uuid=job_uuid, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING, token=token, worker=name_of(), heartbeat=timezone.now(), progress=""
    )
    if not claimed:
        return
    job = Job.objects.select_related("exam").get(uuid=job_uuid)
    job.attempt += 1
    job.save(update_fields=["attempt"])
    with Heart(Job.objects.filter(pk=job.pk, token=token)) as heart:
        try:
            done = _read(job, heart)
        except Exception as error:  # whatever the engine raises, the exam is not lost and the reader is told
            log.exception("job %s failed", job.uuid)
            _give_up(job, token, f"the analysis failed ({type(error).__name__})")
            return
    _finish(job, token, *done)


def _read(job: Job, heart: Heart) -> tuple[ExamReport, list[str]]:
    exam = job.exam
    folder = Path(settings.MEDIA_ROOT) / "readings" / str(job.uuid)
    earlier = [image.path for each in exam.comparable() for image in each.images.all()]
    report, _warnings = read_paths(
        [image.path for image in exam.images.all()],
        None,
        exam.options,
        ReadSettings(mode="diagnostic" if exam.mode == "diagnostic" else "screening"),
        priors=earlier,
        render=False,
        progress=heart.tell,
    )
    report = _with_left_out(report, exam)
    write_report(report, folder)
    heart.tell("previews")
    make_previews(exam)
    if not report.exams:
        raise RuntimeError("nothing of the exam could be read")
    return report.exams[0], [failure.reason for failure in report.failures]


def _with_left_out(report: Report, exam: Exam) -> Report:
    """The report with the earlier exams that may be another woman's, and were not compared with."""
    left_out = []
    for each in exam.earlier().exclude(pk__in=exam.comparable()):
        image = each.images.first()
        why = OF_THIS_EXAM if exam.other_name else OF_THE_EARLIER_EXAM
        left_out.append(
            Prior(
                source=str(image.path) if image else "", study_uid=each.study_uid,
                date=each.date and each.date.isoformat(), used=False, reason=why,
            )
        )  # fmt: skip
    exams = [each.model_copy(update={"priors": [*each.priors, *left_out]}) for each in report.exams]
    return report.model_copy(update={"exams": exams})


OF_THE_EARLIER_EXAM = "It has the same patient ID but another name: find out whose it is."
OF_THIS_EXAM = "The current exam states another name than her others: find out whose it is."
"""Why an exam is not compared with, as :mod:`calcscope.priors.choose` says what else stands against it."""


@transaction.atomic
def _finish(job: Job, token: uuid.UUID, found: ExamReport, failures: list[str]) -> None:
    """Keep the result, if the job is still this worker's."""
    mine = Job.objects.filter(pk=job.pk, token=token, state=Job.State.RUNNING)
    if not mine.update(state=Job.State.DONE, finished_at=timezone.now(), progress=""):
        log.warning("job %s: was taken from this worker; its result is dropped", job.uuid)
        return
    exam = Exam.objects.select_for_update().get(pk=job.exam_id)
    overall = found.assessment.overall
    Reading.objects.create(
        exam=exam, job=job, overall=overall, findings=len(found.findings), failures=failures
    )
    exam.urgency = urgency_of(found)
    if exam.state in (State.WAITING, State.FAILED):
        exam.state = State.UNREAD
        exam.category = overall
    exam.save()
    exam_was_read.send(sender=Exam, exam=exam)


def _give_up(job: Job, token: uuid.UUID | None, reason: str) -> None:
    with transaction.atomic():
        mine = Job.objects.filter(pk=job.pk, token=token, state=Job.State.RUNNING)
        if mine.update(state=Job.State.FAILED, finished_at=timezone.now(), reason=reason):
            Exam.objects.filter(pk=job.exam_id, state=State.WAITING).update(state=State.FAILED)
