"""What rooms of the server tell one another without knowing each other."""

from django.dispatch import Signal

exam_was_read = Signal()
"""The engine has read an exam; ``exam``."""

report_was_signed = Signal()
"""A reader has signed a report; ``version``."""

result_was_written = Signal()
"""Somebody has written down the result of a step of follow-up; ``step``, ``event``."""
