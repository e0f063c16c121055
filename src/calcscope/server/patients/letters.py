"""A result as a letter on paper, and the email that says that a result is ready and not which."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import date, timedelta
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from calcscope.report.pdf import PdfUnavailable
from calcscope.report.writing import write_atomically
from calcscope.server.exams.models import Exam
from calcscope.server.patients import results
from calcscope.server.patients.explaining import Explanation
from calcscope.server.patients.models import Happening, Result
from calcscope.server.patients.passages import load
from calcscope.server.patients.results import Refused
from calcscope.server.patients.rules import rules_of
from calcscope.server.people.models import User

log = logging.getLogger(__name__)

TWICE = timedelta(minutes=1)
"""The same letter printed again by the same person, or another email, within this time is a double click."""


def pdf_of(result: Result, language: str, explanation: Explanation, *, draft: bool = False) -> bytes:
    """The letter as PDF (A4).

    Parameters
    ----------
    draft : whether it is to be seen by the clinic alone, and says so

    Raises
    ------
    PdfUnavailable : where a system library that sets it is missing
    """
    try:
        import weasyprint
    except (OSError, ImportError) as error:
        raise PdfUnavailable(str(error).partition("\n")[0]) from error
    with translation.override(language):
        page = render_to_string(
            "patients/letter.html", shown(result, language, explanation) | {"draft": draft}
        )
    document = weasyprint.HTML(string=page, base_url=None, url_fetcher=_nothing_outside)
    return bytes(document.write_pdf(pdf_identifier=str(result.uuid).encode()))


def _nothing_outside(address: str, *_unused: Any) -> Any:
    raise ValueError("a letter fetches nothing")


def shown(result: Result, language: str, explanation: Explanation) -> dict[str, Any]:
    """What the letter's template asks for."""
    dates = rules_of(result.site).profile.dates
    signed = timezone.localdate(result.signed_at)
    return {
        "result": result,
        "woman": result.woman,
        "site": result.site,
        "explanation": explanation,
        "corrected": results.is_corrected(result),
        "today": written(timezone.localdate(), language, dates),
        "signed": written(signed, language, dates),
        "demo": settings.CONFIG.demo,
    }


def written(day: date, language: str, patterns: Mapping[str, str]) -> str:
    """A day as the language writes it, or as the country does where its rules say."""
    texts = load(language)
    if language not in patterns:
        return texts.date(day)
    return patterns[language].format(day=day.day, month=texts.word(f"month.{day.month}"), year=day.year)


def print_letter(result: Result, by: User) -> bytes:
    """The letter in the woman's language, written down as sent and kept as it left.

    Raises
    ------
    Refused : where she may not be told yet, or no longer when the letter is set
    PdfUnavailable
    """
    language = result.woman.language
    explanation = _explained(result, language)
    made = pdf_of(result, language, explanation)
    kept = Happening(result=result, file=hashlib.sha256(made).hexdigest())
    with transaction.atomic():
        # One at a time: a signature, a colleague who prints too, a double click.
        Exam.objects.select_for_update().get(pk=result.exam_id)
        _explained(result, language)  # setting it took a while, in which she may not be told any more
        since = timezone.now() - TWICE
        if result.happenings.filter(
            kind=Happening.Kind.PRINTED, by=by, file=kept.file, at__gt=since
        ).exists():
            return made
        if not kept.path.exists():
            write_atomically(kept.path, made)
        results.happen(
            result, Happening.Kind.PRINTED, by=by, language=language, passages=results.used(explanation),
            file=kept.file,
        )  # fmt: skip
    return made


def _explained(result: Result, language: str) -> Explanation:
    """What she may be told now.

    Raises
    ------
    Refused : where she may not be told
    """
    gate = results.gate(result, language)
    if not gate.open or gate.explanation is None:
        raise Refused(" ".join(gate.why))
    return gate.explanation


def notify(result: Result, by: User, address: str) -> None:
    """Tell her by email that a result is ready; the email holds nothing of it, nor of the exam.

    Parameters
    ----------
    address : of her pages

    Raises
    ------
    Refused : where she may not be told yet, has no account or no email address, or the mail does not leave
    """
    woman = result.woman
    if not woman.email:
        raise Refused(_("No email address of hers is known; print the letter, or add one."))
    if woman.account_id is None:
        raise Refused(_("She has no account yet; print the letter, or give her a code first."))
    _explained(result, woman.language)
    just_now = result.happenings.filter(kind=Happening.Kind.NOTIFIED, at__gt=timezone.now() - TWICE)
    if just_now.exists():
        return
    with translation.override(woman.language):
        subject, text = _("A message for you"), ready_text(result, address)
    try:
        EmailMessage(subject, text, result.site.email or None, [woman.email]).send()
    except (OSError, SMTPException) as error:
        log.warning("result %s: no email left (%s)", result.uuid, type(error).__name__)
        raise Refused(
            _("The mail server did not take the email. Print the letter, or try again later.")
        ) from None
    results.happen(result, Happening.Kind.NOTIFIED, by=by, language=woman.language)


def ready_text(result: Result, address: str) -> str:
    """The words of the email."""
    site = result.site
    contact = ", ".join(filter(None, (site.name, site.phone)))
    return "\n\n".join(
        [
            _("Something new is on your pages at {site}.").format(site=site.name),
            _("Sign in to read it: {address}").format(address=address),
            _("If you cannot sign in, call us: {contact}").format(contact=contact),
            _("Please do not answer this email, and do not use it in an emergency."),
        ]
    )
