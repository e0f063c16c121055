"""What is done once a day: late steps are passed on, reminders sent, and nobody is lost.

``calcscope serve`` does it by itself, so that no timer can be forgotten; each day is a row, so that a day on
which it was not done is seen.
"""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from calcscope.server.followup import chains, letters
from calcscope.server.followup.models import DailyRun
from calcscope.server.patients import results

log = logging.getLogger(__name__)

AGAIN = timedelta(minutes=15)
"""A run that has not ended after so long is done again; what it did before is not done twice."""
MISSED = timedelta(hours=26)
"""After so long without a run a day was missed."""


def run_daily(now: datetime | None = None) -> DailyRun | None:
    """Do what is done once a day, unless it is done or being done; several servers may ask at once."""
    now = now or timezone.now()
    run = _claim(now)
    return None if run is None else _do(run, now)


def lost() -> list[str]:
    """Who fell out of sight of follow-up, or is not among those to be told, a line each; else empty."""
    return [*chains.lost(), *results.lost()]


def run_now() -> DailyRun:
    """Do it now, though it may have been done today: what was sent and passed on is not so twice."""
    now = timezone.now()
    run, _new = DailyRun.objects.get_or_create(day=timezone.localdate(now), defaults={"begun_at": now})
    return _do(run, now)


def missed(now: datetime | None = None) -> bool:
    """Whether a day went by without a run that ended; not before the first."""
    now = now or timezone.now()
    last = last_run()
    if last is None or last.ended_at is None:
        first = DailyRun.objects.order_by("day").first()
        return first is not None and now - first.begun_at > MISSED
    return now - last.ended_at > MISSED


def last_run() -> DailyRun | None:
    """The last one that ended."""
    return DailyRun.objects.exclude(ended_at=None).order_by("-day").first()


def _claim(now: datetime) -> DailyRun | None:
    today: date = timezone.localdate(now)
    run = DailyRun.objects.filter(day=today).first()
    if run is None:
        try:
            with transaction.atomic():
                return DailyRun.objects.create(day=today, begun_at=now)
        except IntegrityError:
            return None  # another server was first
    stale = DailyRun.objects.filter(pk=run.pk, ended_at=None, begun_at__lt=now - AGAIN)
    return run if stale.update(begun_at=now) else None


def _do(run: DailyRun, now: datetime) -> DailyRun:
    today = timezone.localdate(now)
    run.passed_on = chains.escalate(today)
    run.reminders, run.unsent = letters.remind(today)
    run.lost = len(lost())
    run.ended_at = timezone.now()
    run.save()
    if run.lost:
        log.error("%d lost from follow-up; calcscope manage nobody_lost lists them", run.lost)
    if run.unsent:
        log.error("%d reminders could not be sent; they are tried again tomorrow", run.unsent)
    return run
