"""A process that reads exams for ``calcscope serve``, and ends when that is gone, however it went."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

LOOK_SECONDS = 2.0


def _end_with(server: int) -> None:
    """Ask this process to stop, as the server does, once another one is its parent."""
    while os.getppid() == server:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def main(server: int) -> None:
    """Work through the queue.

    Parameters
    ----------
    server : number of the process that started this one
    """
    from django.core.management import execute_from_command_line

    threading.Thread(target=_end_with, args=(server,), daemon=True).start()
    execute_from_command_line(["calcscope", "db_worker"])


if __name__ == "__main__":
    main(int(sys.argv[1]))
