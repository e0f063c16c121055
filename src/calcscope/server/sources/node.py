"""What a node beside the server has received: the ``node`` of a site's settings is its spool folder.

The node's database is only read. A study is taken once nothing new has come for a while, each image once.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

from calcscope.node.store import DATABASE
from calcscope.server.exams.intake import take_in
from calcscope.server.people.models import Site
from calcscope.server.sources.models import FromNode

log = logging.getLogger(__name__)

QUIET_SECONDS = 30.0
_READY = """
SELECT instance.file, instance.sha256 FROM instance JOIN study ON study.id = instance.study
WHERE instance.image = 1 AND study.set_aside IS NULL AND study.received <= ? ORDER BY instance.id
"""


def take_from_nodes(quiet_seconds: float = QUIET_SECONDS) -> int:
    """Take in what is new in the node of each site; the number of exams with a new image."""
    taken = 0
    for site in Site.objects.all():
        folder = site.settings.get("node")
        if folder:
            try:
                taken += _take(site, Path(folder), quiet_seconds)
            except (OSError, sqlite3.Error) as error:  # a folder that is away comes back
                log.error("site %s: its node's folder cannot be read (%s)", site.code, type(error).__name__)
    return taken


def _take(site: Site, folder: Path, quiet_seconds: float) -> int:
    ready = _ready(folder, time.time() - quiet_seconds)
    known = set(FromNode.objects.filter(site=site).values_list("sha256", flat=True))
    new = {sha: folder / file for file, sha in ready if sha not in known}
    if not new:
        return 0
    taken = take_in(site, list(new.values()))
    refused = {failure["source"]: failure["reason"] for failure in taken.failures}
    FromNode.objects.bulk_create(
        [FromNode(site=site, sha256=sha, reason=refused.get(path.name, "")) for sha, path in new.items()],
        ignore_conflicts=True,
    )
    return len(taken.exams)


def _ready(folder: Path, until: float) -> list[tuple[str, str]]:
    """File and digest of each image of the studies that have been quiet."""
    connection = sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True, timeout=10)
    try:
        return [(str(file), str(sha)) for file, sha in connection.execute(_READY, (until,))]
    finally:
        connection.close()
