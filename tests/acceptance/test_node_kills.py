"""200 exams sent by eight modalities, and the node killed five times meanwhile: nothing lost, nothing twice.

The engine is left out: a reader that costs nothing stands in for it (``reader`` in the configuration), and
the images are small. Everything else is the node as it runs in a hospital.
"""

from __future__ import annotations

import queue
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hospital_network import Archive, NodeProcess, association, exam, free_port, in_threads, wait_for

EXAMS, SENDERS, KILLS = 200, 8, 5
CONFIG = """
folder = "spool"
port = 11112
shutdown_seconds = 1

[limits]
associations = 20
min_free_bytes = 0
instances_per_minute = 100000

[studies]
quiet_seconds = 600  # longer than the test: each exam is complete by its four views
settle_seconds = 0

[reading]
reader = "cheap_reader:read"
kinds = ["cad-sr"]

[sending]
first_wait = 0.2
longest_wait = 1

[[send]]
name = "archive"
to = "dicom"
title = "ARCHIVE"
host = "127.0.0.1"
port = 11113
"""


class Modality:
    """Sends exams one after the other; sends again what was not acknowledged, as modalities do."""

    def __init__(self, number: int, node: NodeProcess, todo: queue.SimpleQueue[int]) -> None:
        self.title, self.node, self.todo = f"MODALITY{number}", node, todo
        self.acknowledged: list[str] = []
        self.again = 0

    def run(self) -> None:
        """Until there is nothing left to send."""
        while True:
            try:
                number = self.todo.get_nowait()
            except queue.Empty:
                return
            self._send(number)

    def _send(self, number: int) -> None:
        left = exam(number)
        while left:
            with association(self.node.port, title=self.title) as opened:
                while opened.is_established and left:
                    status = opened.send_c_store(left[0])
                    if status.get("Status") != 0:
                        break
                    self.acknowledged.append(left.pop(0).SOPInstanceUID)
            if left:
                self.again += 1
                time.sleep(0.1)


@pytest.fixture
def archive() -> Iterator[Archive]:
    """An archive that takes the results."""
    made = Archive().start()
    yield made
    made.stop()


@pytest.fixture
def node(tmp_path: Path, archive: Archive) -> Iterator[NodeProcess]:
    """A node, ended whatever happens."""
    made = NodeProcess(tmp_path, CONFIG.replace("11113", str(archive.port)), free_port()).start()
    yield made
    made.kill()


@pytest.mark.slow
def test_killed_five_times_the_node_loses_nothing_and_repeats_nothing(
    tmp_path: Path, archive: Archive, node: NodeProcess
) -> None:
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(1, EXAMS + 1):
        todo.put(number)
    modalities = [Modality(n, node, todo) for n in range(SENDERS)]
    threads = in_threads([one.run for one in modalities])

    def acknowledged() -> int:
        return sum(len(one.acknowledged) for one in modalities)

    chance = random.Random(5)
    for kill in range(1, KILLS + 1):
        share = kill * EXAMS * 4 // (KILLS + 1) + chance.randrange(20)
        wait_for(lambda share=share: acknowledged() >= share, 60, "the sending")
        time.sleep(chance.random() / 10)
        node.kill()
        assert any(thread.is_alive() for thread in threads)
        node.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    wait_for(
        lambda: f"│ {EXAMS} " in node.status().stdout.split("archive sent")[-1].splitlines()[0], 60, "sending"
    )
    assert node.stop() == 0

    told = [uid for one in modalities for uid in one.acknowledged]
    assert len(told) == len(set(told)) == 4 * EXAMS
    assert sum(one.again for one in modalities) >= KILLS  # the kills did hit somebody
    database = sqlite3.connect(tmp_path / "spool" / "node.sqlite3")
    kept = dict(database.execute("SELECT sop_uid, file FROM instance"))
    assert sorted(kept) == sorted(told)
    files = {str(path.relative_to(tmp_path / "spool")) for path in (tmp_path / "spool/stored").glob("*/*")}
    assert files == set(kept.values())
    read = Counter(study for (study,) in database.execute("SELECT study FROM reading WHERE state = 'read'"))
    assert len(read) == EXAMS
    assert set(read.values()) == {1}
    states = dict(database.execute("SELECT state, count(*) FROM reading GROUP BY 1"))
    assert set(states) <= {"read", "interrupted"}
    assert states.get("interrupted", 0) <= KILLS  # one reader: a kill ends at most one reading
    reports = Counter(report.SOPInstanceUID for report in archive.taken)
    assert len(reports) == EXAMS
    assert len({report.StudyInstanceUID for report in archive.taken}) == EXAMS
