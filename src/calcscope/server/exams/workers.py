"""Processes that work through the queue: who they are, that they live, and what they leave when they die."""

from __future__ import annotations

import os
import socket
import threading
from datetime import timedelta
from typing import Any

from django.db import close_old_connections, connection
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

BEAT = timedelta(seconds=5)
LEASE = timedelta(seconds=45)
"""Who has given no sign of life for so long counts as dead."""


def name_of(process: int | None = None) -> str:
    """A process of this machine, by name; this one where none is given."""
    return f"{socket.gethostname()}:{os.getpid() if process is None else process}"[:100]


class Heart:
    """Tells from a thread of its own that the worker lives, and what it does.

    Parameters
    ----------
    mine : the row, as long as it is this worker's; it has ``heartbeat`` and may have ``progress``
    """

    def __init__(self, mine: QuerySet[Any]) -> None:
        self._mine = mine
        self._shows = any(field.name == "progress" for field in mine.model._meta.fields)
        self._told = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def tell(self, what: str) -> None:
        """What is being done; the page shows it."""
        self._told = what[:200]

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(BEAT.total_seconds()):
            close_old_connections()
            told = {"progress": self._told} if self._shows else {}
            self._mine.all().update(heartbeat=timezone.now(), **told)
        connection.close()


def waiting() -> set[str]:
    """What the queue holds for workers to take: the first argument of each task."""
    ready = DBTaskResult.objects.ready().values_list("args_kwargs", flat=True)
    return {str(given["args"][0]) for given in ready if given["args"]}
