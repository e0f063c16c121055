"""A Ray of several machines, all of them on this one's loopback address."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PATHS = os.pathsep.join([str(HERE), str(HERE.parent)])
LOOPBACK6 = "0" * 24 + "01000000"
SETTINGS = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # stay on the loopback address
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "0123456789abcdef" * 4,
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": PATHS,  # of the workers, which import the tests' reader
}


@contextmanager
def machines(noted: Path) -> Iterator[Any]:
    """Two machines of one core; what their workers read is noted in a file."""
    before = {name: os.environ.get(name) for name in (*SETTINGS, "ARCHIVE_READ")}
    os.environ.update(SETTINGS, ARCHIVE_READ=str(noted))
    try:
        import ray
        from ray.cluster_utils import Cluster

        how = {"num_cpus": 1, "object_store_memory": 80 << 20}
        made = Cluster(initialize_head=True, head_node_args={**how, "include_dashboard": False})
        session = made.head_node.get_session_dir_path()
        try:
            made.add_node(**how)
            made.wait_for_nodes()
            yield made
        finally:
            ray.shutdown()
            made.shutdown()
            shutil.rmtree(session, ignore_errors=True)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def listening(pid: int) -> list[str]:
    """Addresses on which a process and those that it started listen, from Linux's own tables.

    Each is ``loopback`` or what the table says, in hexadecimal digits.
    """
    family, sockets = {pid}, set()
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    for _ in parents:
        family |= {one for one, parent in parents.items() if parent in family}
    for one in family:
        with suppress(OSError):
            links = [os.readlink(link) for link in Path(f"/proc/{one}/fd").iterdir()]
            sockets |= {link[8:-1] for link in links if link.startswith("socket:")}
    heard = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                address = fields[1].partition(":")[0]
                heard.append("loopback" if address.endswith("0100007F") or address == LOOPBACK6 else address)
    return heard
