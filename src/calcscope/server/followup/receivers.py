"""What the other rooms tell follow-up."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from calcscope.server.exams.models import Exam
from calcscope.server.followup import chains
from calcscope.server.reading.models import Version
from calcscope.server.signals import exam_was_read, report_was_signed


@receiver(report_was_signed)
def open_chains(version: Version, **_unused: Any) -> None:
    """A signature and the chains that it opens are one transaction: neither is there without the other."""
    chains.follow(version)
    chains.match_later(version.exam)


@receiver(exam_was_read)
def propose_exam(exam: Exam, **_unused: Any) -> None:
    """An exam that arrives may be what a step waits for."""
    chains.match(exam)
