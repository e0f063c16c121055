"""Errors a user can act on.

Every message names the file or field, what was found, what was expected and what to do.
None ever carries a patient's name, identifier or date of birth.
"""

from __future__ import annotations


class CalcscopeError(Exception):
    """Base of all errors raised on purpose by Calcscope."""


class UnreadableInput(CalcscopeError):
    """A file, or a part of one, that cannot be read as a mammogram.

    Parameters
    ----------
    source : the file (and its member, for an archive: ``exam.zip!IM0001``)
    found : what is there
    expected : what should have been there
    remedy : what the user can do about it
    """

    def __init__(self, source: str, found: str, expected: str, remedy: str) -> None:
        self.source = source
        self.found = found
        self.expected = expected
        self.remedy = remedy
        super().__init__(f"{source}: found {found}; expected {expected}; {remedy}")

    @property
    def reason(self) -> str:
        """The message without the source, one line."""
        return f"found {self.found}; expected {self.expected}; {self.remedy}"
