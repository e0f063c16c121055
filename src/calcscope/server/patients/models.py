"""What a woman is to be told, what became of it, what a site has approved, and what she writes."""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from calcscope.server.appendonly import AppendOnly
from calcscope.server.exams.models import Exam, Woman
from calcscope.server.followup.models import Event as StepEvent
from calcscope.server.followup.models import Step
from calcscope.server.people.models import STAFF, Site, User
from calcscope.server.reading.models import Version


def seen_by(user: User, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Those of some rows that belong to the sites at which an account works, in a role the page is for."""
    return rows.filter(site__in=user.sites(getattr(user, "acting", None) or STAFF))


class Invitation(models.Model):
    """A code, printed in a letter, with which a woman makes her own account. Only its digest is kept."""

    woman = models.ForeignKey(Woman, on_delete=models.PROTECT, related_name="invitations")
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    void_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"invitation {self.pk}"

    @property
    def site_id(self) -> int:
        """Of the woman."""
        return self.woman.site_id

    @property
    def holds(self) -> bool:
        """Whether it still lets her in."""
        return self.used_at is None and self.void_at is None and self.expires_at > timezone.now()


class Approval(AppendOnly):
    """That a radiologist of a site approved the words of a passage in a language, or took that back.

    It holds for the words whose SHA-256 it names and for no others: a text that is changed needs another one.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="approvals")
    language = models.CharField(_("language"), max_length=10)
    passage = models.CharField(_("passage"), max_length=80)
    version = models.CharField(_("version"), max_length=20)
    sha256 = models.CharField(max_length=64)
    withdrawn = models.BooleanField(_("withdrawn"), default=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        indexes: ClassVar = [models.Index(fields=["site", "language", "sha256"])]

    def __str__(self) -> str:
        return f"approval {self.pk}"


class Result(AppendOnly):
    """Something that a woman is to be told: a signed report, or what a biopsy showed."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="results")
    woman = models.ForeignKey(Woman, on_delete=models.PROTECT, related_name="results")
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="results")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="results")
    concordance = models.OneToOneField(
        StepEvent, on_delete=models.PROTECT, null=True, related_name="result_told",
        help_text="of a biopsy: a radiologist's entry that it fits the images",
    )  # fmt: skip
    telling = models.OneToOneField(
        Step, on_delete=models.PROTECT, null=True, related_name="result_to_tell",
        help_text="the step of follow-up that stays open until she is told",
    )  # fmt: skip
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version"], condition=models.Q(concordance=None), name="one_result_of_a_report"
            )
        ]

    def __str__(self) -> str:
        return f"result {self.pk}"

    @property
    def signer(self) -> User:
        """Who signed the report, or compared histology and images."""
        entry = self.concordance
        compared = entry.by if entry is not None and entry.step.code == "concordance" else None
        return compared or self.version.author

    @property
    def signed_at(self) -> datetime:
        """When that was; of a report from before there were results, long before it became one."""
        return self.version.signed_at if self.concordance is None else self.concordance.at

    @property
    def is_biopsy(self) -> bool:
        """Whether it is what a biopsy showed."""
        return self.concordance_id is not None


class Happening(AppendOnly):
    """What happened to a result on its way to the woman; ``value`` is the density where it was stated."""

    class Kind(models.TextChoices):
        HELD = "held", _("held until the doctor has spoken with her")
        RELEASED = "released", _("released: the doctor has spoken with her")
        NOTIFIED = "notified", _("email sent that a result is ready")
        PRINTED = "printed", _("letter printed and sent")
        OPENED = "opened", _("opened by her")
        SPOKEN = "spoken", _("told by the doctor")
        DENSITY = "density", _("density of the breasts stated")

    TELLS: ClassVar = (Kind.PRINTED, Kind.OPENED, Kind.SPOKEN)
    """After one of these she knows."""

    result = models.ForeignKey(Result, on_delete=models.PROTECT, related_name="happenings")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    language = models.CharField(max_length=10, blank=True)
    passages = models.JSONField(default=list, help_text="SHA-256 of each passage that she was told")
    file = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the letter that left")
    value = models.CharField(max_length=10, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"happening {self.pk}"

    @property
    def path(self) -> Path:
        """Where the letter that left is kept."""
        return Path(settings.MEDIA_ROOT) / "letters" / self.file[:2] / f"{self.file}.pdf"


class Message(AppendOnly):
    """What a woman says to the clinic on her pages, and what the clinic answers."""

    class Kind(models.TextChoices):
        COMES = "comes", _("she comes to the appointment")
        OTHER_DAY = "other_day", _("she asks for another day")
        QUESTION = "question", _("she has a question")
        ANSWER = "answer", _("answer")

    ASKS: ClassVar = (Kind.OTHER_DAY, Kind.QUESTION)
    """These wait for an answer."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    woman = models.ForeignKey(Woman, on_delete=models.PROTECT, related_name="letters_of_hers")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    step = models.ForeignKey(Step, on_delete=models.PROTECT, null=True, related_name="messages")
    answers = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="answered_by")
    text = models.TextField(_("text"), max_length=2000, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"message {self.pk}"
