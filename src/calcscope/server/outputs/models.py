"""What was made of a signed report, and whether it arrived where it should."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from calcscope.server.reading.models import Version


class Object(models.Model):
    """A file made of a signed report. Its content follows from the report alone."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=10)
    name = models.CharField(max_length=100)
    sop_class = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["version", "name"], name="one_object")]
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"object {self.pk}"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return Path(settings.MEDIA_ROOT) / "objects" / str(self.version.uuid) / self.name


class Delivery(models.Model):
    """An object on its way to a place."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        GIVEN_UP = "given_up", _("given up")
        SUPERSEDED = "superseded", _("not sent, superseded")

    made = models.ForeignKey(Object, on_delete=models.PROTECT, related_name="deliveries")
    place = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING, db_index=True)
    attempts = models.PositiveIntegerField(default=0)
    due = models.DateTimeField(default=timezone.now, db_index=True)
    reason = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["made", "place"], name="one_delivery")]
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"delivery {self.pk}"
