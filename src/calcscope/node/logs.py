"""The node's log: one line for each event, with nothing of a patient.

Studies and objects go by short names (:meth:`calcscope.node.store.Store.short`), peers and places by what the
configuration calls them. Words of the libraries are left out altogether: they quote data sets.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import traceback
from pathlib import Path

from pydicom.config import IGNORE, settings

log = logging.getLogger("calcscope.node")

LIBRARIES = ("pynetdicom", "pydicom", "dicomweb_client", "urllib3", "requests", "highdicom")


def start_log(file: Path | None) -> None:
    """Write the log to a file, or to standard error."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if file:  # opened anew when logrotate has moved it
        handler = logging.handlers.WatchedFileHandler(file, encoding="utf-8")
    form = logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")
    handler.setFormatter(form)
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
    silence_libraries()


def silence_libraries() -> None:
    """Nothing of theirs is logged: warnings and tracebacks quote data sets, which are a patient's."""
    for name in LIBRARIES:
        library = logging.getLogger(name)
        library.handlers = [logging.NullHandler()]
        library.propagate = False
        library.setLevel(logging.CRITICAL + 1)
    # For good, and not only where it is asked for: that is one switch for all threads.
    settings.reading_validation_mode = IGNORE
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers = [logging.NullHandler()]
    logging.getLogger("py.warnings").propagate = False


def said(event: str, **facts: object) -> str:
    """A line of the log: what happened, then ``name=value``."""
    return " ".join(
        [event, *(f"{name}={_plain(value)}" for name, value in facts.items() if value is not None)]
    )


def _plain(value: object) -> str:
    text = "".join(each if each.isprintable() else "?" for each in str(value))
    return f'"{text}"' if " " in text else text


def fault(error: BaseException) -> str:
    """An error nobody foresaw: its kind and where it arose, not its message, which may quote a data set."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where
