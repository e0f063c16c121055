"""Reading single elements of a DICOM header that may be missing, empty or malformed."""

from __future__ import annotations

import contextlib
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

from pydicom import config
from pydicom.dataset import Dataset


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' warnings and log lines about a faulty file off the user's screen.

    What matters to the reader of the report is said in a view's own warnings.
    """
    loggers = [logging.getLogger(name) for name in ("pydicom", "tifffile", "PIL")]
    disabled, mode = [logger.disabled for logger in loggers], config.settings._reading_validation_mode
    for logger in loggers:
        logger.disabled = True
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, before in zip(loggers, disabled, strict=True):
            logger.disabled = before
        config.settings._reading_validation_mode = mode


def _value(ds: Dataset, keyword: str) -> Any:
    # A malformed value raises only when it is converted: it counts as missing.
    try:
        return ds.get(keyword)
    except Exception:
        return None


def texts(ds: Dataset, keyword: str) -> list[str]:
    """All values of an element as plain stripped text, empty when it is missing or malformed."""
    value = _value(ds, keyword)
    if value is None:
        return []
    many = isinstance(value, list | tuple) or type(value).__name__ == "MultiValue"
    return [_printable(str(part)) for part in (value if many else [value])]


def _printable(value: str) -> str:
    return "".join(character for character in value if character.isprintable()).strip()


def text(ds: Dataset, keyword: str) -> str:
    """The first value of an element as stripped text, or ``""``."""
    return next(iter(texts(ds, keyword)), "")


def uid(ds: Dataset, keyword: str) -> str:
    """A UID, or ``""`` where it is missing or malformed (PS3.5 9.1)."""
    value = text(ds, keyword)
    return value if re.fullmatch(r"[0-9.]{1,64}", value) else ""


def numbers(ds: Dataset, keyword: str) -> list[float]:
    """All values of an element as numbers; NaN stands for one that is none."""
    found = []
    for part in texts(ds, keyword):
        try:
            found.append(float(part))
        except ValueError:
            found.append(float("nan"))
    return found


def number(ds: Dataset, keyword: str) -> float | None:
    """The first value of an element as a number, or None where it is missing or no finite number."""
    value = next(iter(numbers(ds, keyword)), None)
    return value if value is not None and abs(value) < float("inf") else None


def integer(ds: Dataset, keyword: str) -> int | None:
    """The first value of an element as an integer, or None."""
    value = number(ds, keyword)
    return int(value) if value is not None else None


def items(ds: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence, empty when it is missing or malformed."""
    value = _value(ds, keyword)
    try:
        return [item for item in value if isinstance(item, Dataset)] if value is not None else []
    except TypeError:
        return []


def hoist_functional_groups(ds: Dataset) -> None:
    """Lay the attributes of a multi-frame image's functional groups beside the others, in place.

    Those of the shared groups, then those of the first frame, where the data set has none of that name
    (PS3.3 C.7.6.16): the slices of one tomosynthesis share side, view, spacing and window.
    """
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in items(ds, groups)[:1]:
            for macro in group:
                if macro.VR == "SQ":
                    for item in list(macro.value)[:1]:
                        for element in item:
                            if element.tag not in ds:
                                ds.add(element)
