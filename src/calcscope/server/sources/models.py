"""What was seen in a node's folder."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from calcscope.server.people.models import Site


class FromNode(models.Model):
    """An image of a node that the site has been offered: taken, or why not. Offered once."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)
    reason = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["site", "sha256"], name="offered_once")]

    def __str__(self) -> str:
        return f"from node {self.pk}"
