"""Drafts, which change, and versions, which do not."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from calcscope.report.model import ExamReport, Report
from calcscope.server.appendonly import AppendOnly
from calcscope.server.exams.models import Exam, Reading
from calcscope.server.reading.content import ReadingContent, as_report


class Draft(models.Model):
    """What a reader has made of an exam so far."""

    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="drafts")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="drafts")
    based_on = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="+")
    revision = models.PositiveIntegerField(default=1)
    content = models.JSONField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["exam", "reader"], name="one_draft")]

    def __str__(self) -> str:
        return f"draft {self.pk}"

    def read(self) -> ReadingContent:
        """The content."""
        return ReadingContent.model_validate(self.content)


class Version(AppendOnly):
    """What somebody signed. Versions are added, never changed."""

    class Kind(models.TextChoices):
        READING = "reading", _("one of two blind readings")
        REPORT = "report", _("report")
        ADDENDUM = "addendum", _("addendum")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(auto_now_add=True)
    based_on = models.ForeignKey(Reading, on_delete=models.PROTECT, related_name="+")
    request = models.UUIDField(unique=True)
    content = models.JSONField()
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["exam", "number"], name="one_version")]
        ordering: ClassVar = ["exam", "number"]

    def __str__(self) -> str:
        return f"version {self.pk}"

    @property
    def woman_id(self) -> int:
        """Of the exam; the audit points at her."""
        return self.exam.woman_id

    @property
    def site_id(self) -> int:
        """Of the exam."""
        return self.exam.site_id

    def read(self) -> ReadingContent:
        """The content."""
        return ReadingContent.model_validate(self.content)

    @property
    def superseded_by(self) -> Version | None:
        """The exam's latest report where that is a later one; none replaces one of two blind readings."""
        if self.kind == self.Kind.READING:
            return None
        later = Version.objects.filter(exam=self.exam_id, number__gt=self.number)
        return later.exclude(kind=self.Kind.READING).last()

    def report(self) -> ExamReport:
        """The signed exam in the report's own form."""
        return as_report(self.read(), self.based_on.report())

    def whole(self) -> Report:
        """The signed exam as a report of its own."""
        return self.based_on.whole().model_copy(update={"exams": [self.report()]})
