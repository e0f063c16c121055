"""One row for each thing somebody saw or did."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from calcscope.server.appendonly import AppendOnly


class Event(AppendOnly):
    """Somebody saw or did something. Names no woman: it points at her record."""

    at = models.DateTimeField(_("when"), auto_now_add=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("who")
    )
    action = models.CharField(_("what"), max_length=60, db_index=True)
    subject = models.CharField(_("of what"), max_length=40, blank=True)
    subject_id = models.CharField(_("which"), max_length=40, blank=True)
    woman_id = models.BigIntegerField(_("woman"), null=True, db_index=True)
    site_id = models.BigIntegerField(_("site"), null=True, db_index=True)
    method = models.CharField(max_length=8, blank=True)
    status = models.PositiveSmallIntegerField(null=True)
    address = models.GenericIPAddressField(_("from"), null=True)
    detail = models.JSONField(_("more"), default=dict)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.subject} {self.subject_id}"
