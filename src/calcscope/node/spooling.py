"""Instances go to the disk as they come, whatever their size; a full disk does not end the association."""

from __future__ import annotations

import contextlib
import tempfile
from io import FileIO
from pathlib import Path

from pynetdicom import _config, dimse_messages

_unwritten: set[Path] = set()
"""Files that could not be written whole, until the request they belong to is answered."""


class SpoolFile:
    """What pynetdicom writes an instance to: a file that takes everything, and remembers a failure.

    pynetdicom's own temporary file raises in the middle of a message when the disk is full, which ends the
    association: the peer would learn nothing. Here the message is taken to its end, and then refused.
    """

    def __init__(self, folder: Path) -> None:
        self._file: FileIO | None = None
        self.name = str(folder / "unwritten")
        try:
            # Unbuffered, so that nothing is left to be written when it is closed.
            handle, self.name = tempfile.mkstemp(".dcm", dir=folder)
            self._file = open(handle, "wb", buffering=0)  # noqa: SIM115
        except OSError:
            self.name += f"-{id(self)}"
            self._fail()

    @property
    def file(self) -> SpoolFile:
        """As of the standard library's temporary files."""
        return self

    def write(self, content: bytes) -> int:
        """Write all of it, or from the first failure on nothing."""
        left = memoryview(content)
        try:
            while left and self._file is not None:
                left = left[self._file.write(left) :]
        except OSError:
            self._fail()
        return len(content)

    def flush(self) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """As of any file."""
        if self._file is not None:
            self._file.close()

    def _fail(self) -> None:
        _unwritten.add(Path(self.name))
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(0)  # what it took is needed by others
            self._file.close()
            self._file = None


def spool_into(folder: Path) -> None:
    """Have pynetdicom write instances into a folder. Its switches are of the whole process."""
    _config.STORE_RECV_CHUNKED_DATASET = True
    _config.LOG_HANDLER_LEVEL = "none"
    vars(dimse_messages)["NamedTemporaryFile"] = lambda **how: SpoolFile(folder)


def was_unwritten(path: Path) -> bool:
    """Whether the disk was too full for a file that was received; forgotten once asked."""
    try:
        _unwritten.remove(path)
    except KeyError:
        return False
    return True
