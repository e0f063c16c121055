"""Ends a Ray of our own with the process that started it, however that ended: ``python -m … FOLDER``.

Ray ends most of its processes with their driver; some stay when it is killed, and so do its logs. This
process waits for the driver on its standard input, which ends with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

SECONDS = 20.0


def main() -> None:
    """Wait, then end every process that has a file of Ray's folder open, and remove the folder."""
    folder, driver = sys.argv[1], os.getppid()
    sys.stdin.buffer.read()
    end = time.monotonic() + SECONDS
    while (left := _using(folder) - {os.getpid(), driver}) and time.monotonic() < end:
        for process in left:
            with suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


def _using(folder: str) -> set[int]:
    """Processes of this user with a file below a folder open: each of Ray's has its log there.

    Their names and environments would not tell: Ray writes titles over them. Only Linux knows.
    """
    found = set()
    for path in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            if any(os.readlink(one).startswith(folder + os.sep) for one in path.iterdir()):
                found.add(int(path.parent.name))
    return found


if __name__ == "__main__":
    main()
