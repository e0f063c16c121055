"""Log lines say what happened, never to whom."""

from __future__ import annotations

import logging
import re


class NoPatientData(logging.Filter):
    """Takes out of a record what may hold patient data.

    Of an exception stay its kind and where in the code it was raised: its text and the local variables may
    name a woman. Of a request stay its method and the name of the page: its address names a record. Of a
    library's warning stays its kind: its text holds the value that it warns of.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Strip the record; it is always let through."""
        told = []
        if record.name == "py.warnings":
            kind = re.search(r"(\w*Warning): ", record.getMessage())
            told.append(f"a library gave a {kind[1] if kind else 'warning'}")
        request = getattr(record, "request", None)
        if request is not None:
            match = getattr(request, "resolver_match", None)
            page = match.view_name if match is not None else "no page"
            told.append(
                f"{getattr(request, 'method', '')} {page} {getattr(record, 'status_code', '')}".strip()
            )
        if record.exc_info and record.exc_info[1] is not None:
            error, trace = record.exc_info[1], record.exc_info[2]
            places = []
            while trace is not None:
                places.append(f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}")
                trace = trace.tb_next
            told.append(f"{type(error).__name__} at {' > '.join(places[-6:])}")
            record.exc_info = record.exc_text = None
        if told:
            record.msg, record.args = "; ".join(told), ()
        return True
