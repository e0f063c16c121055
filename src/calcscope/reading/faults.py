"""A fault of ours in one part of an exam, told so that the rest is read all the same."""

from __future__ import annotations

import logging

logger = logging.getLogger(__name__)


def fault(error: Exception, doing: str) -> str:
    """One line about a fault of ours, which is logged too.

    The error's own words may hold what a header said: they stay out of both.
    """
    logger.error("fault while %s: %s", doing, type(error).__name__)
    return (
        f"found a case Calcscope does not handle ({type(error).__name__}); expected to read it; "
        "please report it with the software's version, without patient data"
    )
