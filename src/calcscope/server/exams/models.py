"""Women, exams, images, and the engine's readings of them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from calcscope.exam.options import ReadOptions
from calcscope.report.model import ExamReport, Report
from calcscope.report.writing import read_report
from calcscope.server.appendonly import AppendOnly
from calcscope.server.exams.names import as_written
from calcscope.server.people.models import STAFF, Role, Site, User


class OfSites(models.QuerySet[Any]):
    """Rows that belong to a site."""

    site_field = "site"

    def for_user(self, user: User) -> Self:
        """What the account may see: what belongs to the sites it works at, in a role that the page is for."""
        mine = {f"{self.site_field}__in": user.sites(getattr(user, "acting", None) or STAFF)}
        return self.filter(**mine)


def languages() -> list[tuple[str, str]]:
    """The languages that there are; asked for when needed: another one is no change of the database."""
    return [(code, str(name)) for code, name in settings.LANGUAGES]


class Woman(models.Model):
    """A woman at a site. Her record's number is the only thing of her in an address."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="women")
    patient_id = models.CharField(_("patient ID"), max_length=80)
    name = models.CharField(_("name"), max_length=200, blank=True)
    birth_date = models.DateField(_("date of birth"), null=True, blank=True)
    email = models.EmailField(_("email"), blank=True)
    phone = models.CharField(_("phone"), max_length=50, blank=True)
    address = models.TextField(_("address"), blank=True)
    language = models.CharField(_("language"), max_length=10, default="en", choices=languages)
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="woman"
    )

    objects = OfSites.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["site", "patient_id"], name="one_woman")]
        ordering: ClassVar = ["name", "patient_id"]

    def __str__(self) -> str:
        return f"woman {self.pk}"

    @property
    def display(self) -> str:
        """Her name as people write it, or her ID where none is known."""
        return as_written(self.name) or self.patient_id

    @property
    def as_addressed(self) -> str:
        """Her name as a letter is addressed; her ID where none is known."""
        family, _caret, given = self.name.partition("^")
        return " ".join([*given.replace("^", " ").split(), *family.split()]) or self.patient_id


class State(models.TextChoices):
    """How far an exam is."""

    WAITING = "waiting", _("being analysed")
    FAILED = "failed", _("could not be analysed")
    UNREAD = "unread", _("to be read")
    BEGUN = "begun", _("begun")
    SECOND = "second", _("to be read by a second reader")
    ARBITRATION = "arbitration", _("readers differ")
    SIGNED = "signed", _("signed")


class Mode(models.TextChoices):
    """What an exam is for: looking at women without complaint, or working up a finding."""

    SCREENING = "screening", _("screening")
    DIAGNOSTIC = "diagnostic", _("diagnostic")


class Exam(models.Model):
    """An exam of a woman: what was taken on one day."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="exams")
    woman = models.ForeignKey(Woman, on_delete=models.PROTECT, related_name="exams")
    study_uid = models.CharField(max_length=64)
    accession = models.CharField(_("accession number"), max_length=64, blank=True)
    date = models.DateField(_("date"), null=True, db_index=True)
    mode = models.CharField(_("mode"), max_length=12, choices=Mode.choices, default=Mode.SCREENING)
    mode_stated = models.BooleanField(default=False, help_text="by a person, not by its views")
    state = models.CharField(
        _("state"), max_length=12, choices=State.choices, default=State.WAITING, db_index=True
    )
    urgency = models.PositiveSmallIntegerField(_("urgency"), default=50, db_index=True)
    received_at = models.DateTimeField(auto_now_add=True)
    stated_pixel_mm = models.FloatField(null=True, help_text="for images whose header does not say")
    category = models.CharField(_("category"), max_length=2, blank=True)
    other_name = models.BooleanField(
        default=False, help_text="its images state another name; nobody has said that it is the same woman"
    )
    other_names = models.JSONField(default=list, help_text="that its images state beside hers")
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    held_at = models.DateTimeField(null=True, blank=True)

    objects = OfSites.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["site", "study_uid"], name="one_exam")]
        ordering: ClassVar = ["urgency", "date", "pk"]

    def __str__(self) -> str:
        return f"exam {self.pk}"

    @property
    def reading(self) -> Reading | None:
        """The engine's latest reading."""
        return self.readings.order_by("-pk").first()

    @property
    def job(self) -> Job | None:
        """The latest job."""
        return self.jobs.order_by("-pk").first()

    @property
    def stated_names(self) -> str:
        """The other names that its images state, as people write them."""
        return "; ".join(map(as_written, self.other_names))

    @property
    def doubt(self) -> str:
        """What is asked about whose its images are; empty where nothing is."""
        if not self.other_name:
            return ""
        asked = gettext("The images state another name (%(name)s): find out whose they are.")
        return asked % {"name": self.stated_names}

    @property
    def options(self) -> ReadOptions:
        """What whoever brought the images said about them."""
        return ReadOptions(pixel_mm=self.stated_pixel_mm)

    def earlier(self) -> models.QuerySet[Exam]:
        """Exams of the same woman on earlier days, newest first."""
        if self.date is None:
            return Exam.objects.none()
        return Exam.objects.filter(woman=self.woman, date__lt=self.date).order_by("-date")

    def comparable(self) -> models.QuerySet[Exam]:
        """The earlier ones of which nobody asks whose they are; none while it is asked of this one."""
        return self.earlier().none() if self.other_name else self.earlier().filter(other_name=False)


class Image(models.Model):
    """An image of an exam; its file is never changed."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="images")
    sop_uid = models.CharField(max_length=64)
    laterality = models.CharField(max_length=1)
    view = models.CharField(max_length=5)
    label = models.CharField(max_length=60)
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    frames = models.PositiveIntegerField(default=1)
    pixel_mm = models.FloatField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["exam", "sop_uid"], name="one_image")]
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"image {self.pk}"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return Path(settings.MEDIA_ROOT) / "images" / self.sha256[:2] / f"{self.sha256}.dcm"


class Job(models.Model):
    """The engine's work on an exam: at most one at a time is open."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="jobs")
    state = models.CharField(max_length=8, choices=State.choices, default=State.QUEUED, db_index=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True)
    worker = models.CharField(max_length=100, blank=True)
    heartbeat = models.DateTimeField(null=True)
    progress = models.CharField(max_length=200, blank=True)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["exam"], condition=models.Q(state__in=["queued", "running"]), name="one_open_job"
            )
        ]

    def __str__(self) -> str:
        return f"job {self.pk}"


class Reading(AppendOnly):
    """What the engine found in an exam, as a ``report.json``; each reading is kept."""

    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="readings")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="reading")
    made_at = models.DateTimeField(auto_now_add=True)
    overall = models.CharField(max_length=2)
    findings = models.PositiveIntegerField()
    failures = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"reading {self.pk}"

    @property
    def folder(self) -> Path:
        """Where ``report.json`` and the pictures lie."""
        return Path(settings.MEDIA_ROOT) / "readings" / str(self.job.uuid)

    def whole(self) -> Report:
        """The report."""
        return read_report(self.folder)

    def report(self) -> ExamReport:
        """The exam in it."""
        return self.whole().exams[0]


class Upload(models.Model):
    """Files that somebody brought, and what became of them."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="uploads")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)
    mode = models.CharField(_("mode"), max_length=12, blank=True, choices=Mode.choices)
    worker = models.CharField(max_length=100, blank=True)
    heartbeat = models.DateTimeField(null=True)
    files = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    names = models.JSONField(default=list, help_text="of the files, as whoever brought them calls them")
    failures = models.JSONField(default=list)
    exams = models.ManyToManyField(Exam, related_name="+")

    objects = OfSites.as_manager()

    def __str__(self) -> str:
        return f"upload {self.pk}"

    @property
    def folder(self) -> Path:
        """Where the files lie until they are taken in."""
        return Path(settings.MEDIA_ROOT) / "incoming" / str(self.uuid)


class SavedList(models.Model):
    """A worklist with filters that somebody keeps under a name."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="lists")
    name = models.CharField(_("name"), max_length=60)
    filters = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "name"], name="one_list")]
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


READERS = (Role.RADIOLOGIST,)
"""Who reads exams."""
