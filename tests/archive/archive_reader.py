"""A reader for the archive's tests: the engine, after doing what Patient Comments (0010,4000) say.

``die``, ``die once``, ``hang``, ``raise``, ``fail``, ``memory``, ``slow``. What is read is noted in the file
that ``ARCHIVE_READ`` names, a line a reading.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from pydicom import dcmread

from calcscope.archive.work import Mode, read_with_engine
from calcscope.errors import UnreadableInput
from calcscope.report.model import Report


def read(paths: Sequence[Path], mode: Mode) -> Report:
    """The report of an exam."""
    first = dcmread(paths[0], stop_before_pixels=True)
    noted = Path(os.environ["ARCHIVE_READ"])
    before = noted.read_text().split() if noted.exists() else []
    with noted.open("a") as file:
        file.write(f"{first.StudyInstanceUID}\n")
    match str(first.get("PatientComments", "")):
        case "die once" if str(first.StudyInstanceUID) not in before:
            os.kill(os.getpid(), signal.SIGKILL)
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            time.sleep(600)
        case "raise":
            raise ValueError(f"{first.PatientName} cannot be read")
        case "fail":
            raise UnreadableInput(str(paths[0]), "nothing", "a breast", "look at it")
        case "memory":
            raise MemoryError
        case "slow":
            time.sleep(0.15)
    return read_with_engine(paths, mode)
