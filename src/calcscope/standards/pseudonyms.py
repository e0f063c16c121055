"""What stands for a woman's identifier, her UIDs and her days: all from one key, kept with the originals."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Literal

from calcscope.errors import UnreadableInput
from calcscope.exam.sources import uid_of
from calcscope.standards.subject import NO_DAY

Dates = Literal["shift", "remove", "keep"]

KEY_BYTES = 32
EXAM_STARTS = time(9)
"""Where the times of day of every exam are moved to; what lies between them stays."""
LEAST_DAYS, SPREAD_DAYS = 365, 3287
"""Dates are moved back by one to ten years."""


def read_key(path: Path) -> bytes:
    """The key in a file, which is made, readable by its owner alone, where there is none.

    Raises
    ------
    UnreadableInput : where the file holds no key
    OSError : where it can be neither read nor written
    """
    try:
        with open(path, "x", opener=_private, encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
    except FileExistsError:
        pass
    found = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(found)
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise UnreadableInput(
            str(path), "a file that holds no key", f"{2 * KEY_BYTES} hexadecimal digits", "name another --key"
        )
    return key


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Pseudonyms:
    """What stands for what belongs to one woman.

    Parameters
    ----------
    key : secret of at least 32 bytes; the same key gives the same pseudonyms, UIDs and days
    patient : what tells her from others, such as her identifier with its issuer
    dates : ``shift`` moves every date back by the same one to ten years and every exam to nine o'clock;
        ``remove`` takes dates out, and 1 January 1900 stands where there must be one; ``keep`` leaves them
    """

    def __init__(self, key: bytes, patient: str, dates: Dates = "shift") -> None:
        self.dates = dates
        self._key = key
        self.patient = "CS-" + self._digest("patient", patient).hex()[:16].upper()
        spread = int.from_bytes(self._digest("days", patient)[:8], "big") % SPREAD_DAYS
        self._back = timedelta(days=LEAST_DAYS + spread)

    def _digest(self, *what: str) -> bytes:
        return hmac.new(self._key, "\n".join(what).encode(), hashlib.sha256).digest()

    def uid(self, value: str) -> str:
        """The UID that stands for another (2.25, PS3.5 B.2), always the same one."""
        return uid_of(self._digest("uid", value)) if value else value

    def day(self, value: date) -> date:
        """The day that stands for another."""
        if self.dates == "keep":
            return value
        if self.dates == "remove":
            return NO_DAY
        return max(value - self._back, NO_DAY)

    def clock(self, study_time: str) -> timedelta | None:
        """What is added to the times of day of an exam that began at a DICOM time; None where they go."""
        if self.dates == "keep":
            return timedelta(0)
        started = _time(study_time)
        if self.dates == "remove" or started is None:
            return None
        return datetime.combine(NO_DAY, EXAM_STARTS) - datetime.combine(NO_DAY, started)

    def moment(self, kind: str, value: str, clock: timedelta | None) -> str:
        """What stands for a DICOM date (DA), time (TM) or date and time (DT, whose time zone goes)."""
        if self.dates == "keep":
            return value
        if kind == "DA":
            return self._da(value)
        if kind == "TM":
            return _tm(value, clock)
        day = self._da(value[:8])
        return day and day + _tm(re.split("[+-]", value[8:])[0], clock)

    def _da(self, value: str) -> str:
        """A DICOM date moved; one that is none goes."""
        try:
            return self.day(date.fromisoformat(value)).strftime("%Y%m%d")
        except ValueError:
            return ""


def _time(value: str) -> time | None:
    match = re.fullmatch(r"(\d\d)(\d\d)?(\d\d)?(\.\d+)?", value)
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


def _tm(value: str, clock: timedelta | None) -> str:
    """A DICOM time moved by the exam's clock, within its day; midnight where the clock is not known."""
    found = _time(value)
    if found is None:
        return ""
    if clock is None:
        return "000000"
    moved = timedelta(hours=found.hour, minutes=found.minute, seconds=found.second) + clock
    seconds = min(max(int(moved.total_seconds()), 0), 86399)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60).strftime("%H%M%S")
