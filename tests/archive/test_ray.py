"""A Ray of our own: it does what it is told, is reached from this machine alone, and leaves nothing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from machines import PATHS


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_a_ray_of_our_own_is_reached_from_this_machine_alone(tmp_path: Path) -> None:
    program = """
    import os
    import machines
    from calcscope.archive.cluster import Cluster
    from calcscope.archive.sources import Folder
    from calcscope.archive.work import read_heads
    cluster = Cluster(workers=1)
    cluster.submit(read_heads, Folder("/"), [])
    while not (answers := cluster.finished(1)):
        pass
    assert answers[0][1] == [], answers
    print(*machines.listening(os.getpid()))
    folder = cluster._reaper.args[-1]
    assert os.path.isdir(folder)
    cluster.close()
    assert not os.path.exists(folder)
    """
    environment = {**os.environ, "PYTHONPATH": PATHS, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert not list(tmp_path.iterdir())  # nothing in the home of whoever runs it
    assert set(done.stdout.split()) == {"loopback"}
