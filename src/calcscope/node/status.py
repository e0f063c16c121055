"""Counts of what the node has, does and waits for; from its database, whether it runs or not."""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from calcscope.node.store import DATABASE, StoreFault, connect

COUNTS = {
    "studies": "SELECT CASE WHEN set_aside IS NOT NULL THEN 'set aside' WHEN pending THEN 'waiting' "
    "WHEN EXISTS (SELECT 1 FROM instance WHERE study = study.id AND image = 1 AND fetched = 0) THEN 'done' "
    "ELSE 'earlier or other' END AS state, count(*) FROM study GROUP BY 1",
    "instances": "SELECT iif(image, 'images', 'others'), count(*) FROM instance GROUP BY 1",
    "readings": "SELECT state, count(*) FROM reading GROUP BY 1",
    "deliveries": "SELECT place || ' ' || state, count(*) FROM delivery GROUP BY 1",
    "commitments": "SELECT state, count(*) FROM commitment GROUP BY 1",
    "earlier exams": "SELECT state, count(*) FROM fetch GROUP BY 1",
}
TROUBLE = (
    "SELECT 'study set aside: ' || set_aside, count(*) FROM study WHERE set_aside IS NOT NULL GROUP BY 1 "
    "UNION ALL SELECT 'reading ' || state || ': ' || coalesce(reason, ''), count(*) FROM reading "
    "WHERE state = 'failed' GROUP BY 1 "
    "UNION ALL SELECT 'to ' || place || ': ' || reason, count(*) FROM delivery "
    "WHERE state <> 'sent' AND reason IS NOT NULL GROUP BY 1"
)


@dataclass(frozen=True)
class Status:
    """Counts by table and state; reasons of what is in trouble, with how often; and whether a node runs."""

    running: bool
    free_bytes: int
    counts: dict[str, dict[str, int]]
    trouble: dict[str, int]


def status_of(folder: Path) -> Status:
    """The status of a spool folder.

    Raises
    ------
    StoreFault : where there is none
    """
    if not (folder / DATABASE).is_file():
        raise StoreFault(f"{folder}: no {DATABASE}; expected the folder of a node that was started once")
    connection = connect(folder, writes=False)
    try:
        counts = {what: dict(map(tuple, connection.execute(sql))) for what, sql in COUNTS.items()}
        trouble = dict(map(tuple, connection.execute(TROUBLE)))
    finally:
        connection.close()
    return Status(_is_running(folder), shutil.disk_usage(folder).free, counts, trouble)


def _is_running(folder: Path) -> bool:
    handle = os.open(folder / "node.lock", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
