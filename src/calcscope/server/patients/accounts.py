"""A woman's own account, by a code that the clinic gives her in a letter.

The code alone lets nobody in: her date of birth is asked for too. It is used once, ends after some weeks, and
is void after a few wrong dates. Tries are limited by the address that they come from.
"""

from __future__ import annotations

import secrets
from datetime import date, timedelta

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from calcscope.errors import CalcscopeError
from calcscope.server.audit.models import Event
from calcscope.server.audit.recording import address_of, record
from calcscope.server.exams.models import Woman
from calcscope.server.patients.models import Invitation
from calcscope.server.people.models import Membership, Role, User

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Of codes: none that is easily taken for another."""
BLOCKS, BLOCK = 4, 4
"""Sixteen letters and digits, 79 bits: their digest needs no salt of its own."""
HOLDS = timedelta(days=30)
"""So long a code lets her in: a letter takes a few days, and she may be away."""
WRONG_DATES = 5
"""After so many wrong dates of birth a code is void: who has the letter may not be who it was sent to."""
TRIES, WITHIN = 20, timedelta(minutes=15)
"""So many wrong tries from an address, then it waits."""


class Refused(CalcscopeError):
    """Something about an account that cannot be done; the message says why in a sentence."""


class TooMany(Refused):
    """Too many wrong codes from one address."""


def digest_of(code: str) -> str:
    """What is kept of a code, however it is typed; without the server's own key it tells nothing."""
    plain = "".join(letter for letter in code.upper() if letter in LETTERS)
    return salted_hmac("calcscope.patients.code", plain, algorithm="sha256").hexdigest()


@transaction.atomic
def make_code(woman: Woman, by: User) -> tuple[Invitation, str]:
    """Another code for a woman; those she was given before are void.

    Raises
    ------
    Refused : without her date of birth, which is asked for with the code; for an account of the staff
    """
    _not_of_staff(woman)
    if woman.birth_date is None:
        raise Refused(
            _("Her date of birth is not known, and a code is used with it. The images did not state it.")
        )
    now = timezone.now()
    Invitation.objects.filter(woman=woman, used_at=None, void_at=None).update(void_at=now)
    code = "-".join("".join(secrets.choice(LETTERS) for _n in range(BLOCK)) for _m in range(BLOCKS))
    made = Invitation.objects.create(woman=woman, digest=digest_of(code), made_by=by, expires_at=now + HOLDS)
    record("code-made", woman, user=by)
    return made, code


def claim(code: str, birth_date: date, request: HttpRequest) -> Invitation:
    """The invitation that a code and a date of birth open. The same words for everything that is wrong.

    Raises
    ------
    TooMany : where this address has tried too often
    Refused : for a code that is none, used, void, too old, or of somebody born on another day
    """
    recent = Event.objects.filter(
        action="code-refused", address=address_of(request), at__gt=timezone.now() - WITHIN
    )
    if recent.count() >= TRIES:
        raise TooMany(_("Too many tries. Wait a quarter of an hour, then try again."))
    found = Invitation.objects.select_related("woman").filter(digest=digest_of(code)).first()
    if found is not None and found.holds:
        if found.woman.birth_date == birth_date:
            return found
        _note_wrong_date(found)
    record("code-refused", found.woman if found else None, request=request)
    raise Refused(
        _("This code and date of birth do not belong together, or the code was used or is too old. ")
        + _("Check both. If they are right, call the clinic for another code.")
    )


def _not_of_staff(woman: Woman) -> None:
    """A letter opens no account with which somebody works here.

    Raises
    ------
    Refused
    """
    if woman.account is not None and woman.account.is_member:
        raise Refused(
            _("Her account is also one of the staff: an administrator gives it another password, no letter.")
        )


@transaction.atomic
def _note_wrong_date(invitation: Invitation) -> None:
    found = Invitation.objects.select_for_update().get(pk=invitation.pk)
    found.failures += 1
    if found.failures >= WRONG_DATES:
        found.void_at = timezone.now()
    found.save(update_fields=["failures", "void_at"])


@transaction.atomic
def open_account(
    invitation: Invitation, username: str, password: str, language: str, request: HttpRequest
) -> User:
    """Make her account, or give the one she has a new password; the code is used.

    Raises
    ------
    Refused : where the code was used or made void meanwhile, or her account is one of the staff
    """
    found = Invitation.objects.select_for_update().select_related("woman__site").get(pk=invitation.pk)
    if not found.holds:
        raise Refused(_("This code was used or replaced meanwhile. Call the clinic for another code."))
    woman = Woman.objects.select_for_update().get(pk=found.woman_id)
    _not_of_staff(woman)
    user: User | None = woman.account
    if user is None:
        family, _caret, given = woman.name.partition("^")
        user = User(
            username=username, first_name=given.replace("^", " ").strip()[:150],
            last_name=family.strip()[:150],
        )  # fmt: skip
    user.set_password(password)
    user.language = language
    user.is_active = True
    user.save()
    Membership.objects.get_or_create(user=user, site=woman.site, role=Role.PATIENT)
    woman.account, woman.language = user, language
    woman.save(update_fields=["account", "language"])
    found.used_at = timezone.now()
    found.save(update_fields=["used_at"])
    record("account-opened", woman, user=user, request=request)
    return user
