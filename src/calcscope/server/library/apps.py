from __future__ import annotations

import logging
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

log = logging.getLogger(__name__)


class LibraryConfig(AppConfig):
    name = "calcscope.server.library"
    label = "library"

    def ready(self) -> None:
        """Articles are looked at whenever the server starts, which begins by migrating."""
        post_migrate.connect(take_in, sender=self)


def take_in(**_given: Any) -> None:
    """Renew the index; an article at fault is said in the log and keeps nobody from working."""
    from calcscope.server.library import index

    if index.exists():
        for fault in index.renew().faults:
            log.warning("article left out: %s", fault)
