import getpass
import sys
from typing import Any

from axes.utils import reset
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from calcscope.server.audit.recording import record
from calcscope.server.people.models import STAFF, Membership, Site, User


class Command(BaseCommand):
    help = "Make an account, or change one: its roles, password and second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--given", help="given name")
        parser.add_argument("--family", help="family name; signatures say both")
        parser.add_argument("--role", choices=sorted(STAFF), help="what it does at the site")
        parser.add_argument("--site", help="code of the site of the role")
        parser.add_argument("--no-role", action="store_true", help="take the role at the site away")
        parser.add_argument("--password", action="store_true", help="set another; it is asked for")
        parser.add_argument("--unlock", action="store_true", help="after too many wrong passwords")
        parser.add_argument(
            "--forget-second-factor", action="store_true", help="it is set up anew at the next sign-in"
        )
        parser.add_argument("--off", action="store_true", help="it can no longer sign in; what it did stays")
        parser.add_argument("--on", action="store_true", help="it can sign in again")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        made = user is None
        if user is None:
            user = User(username=options["username"])
        for name, field in (("given", "first_name"), ("family", "last_name")):
            if options[name] is not None:
                setattr(user, field, options[name])
        if options["role"]:
            _site(options["site"])
        if made or options["password"]:
            user.set_password(_asked_password(user))
        if options["on"] or options["off"]:
            user.is_active = bool(options["on"])
        user.save()
        if options["role"]:
            self._role(user, options)
        if options["unlock"]:
            reset(username=user.username)
        if options["forget_second_factor"]:
            TOTPDevice.objects.filter(user=user).delete()
            StaticDevice.objects.filter(user=user).delete()
        changed = [name for name in ("role", "password", "unlock", "forget_second_factor", "on", "off")
                   if options[name]]  # fmt: skip
        record("account-made" if made else "account-changed", user, what=", ".join(changed))
        roles = ", ".join(
            f"{each.role} at {each.site.code}" for each in user.memberships.select_related("site")
        )
        self.stdout.write(f"{user.username}: {user.display}; {roles or 'no role'}")

    def _role(self, user: User, options: dict[str, Any]) -> None:
        given = {"user": user, "site": _site(options["site"]), "role": options["role"]}
        if options["no_role"]:
            for membership in Membership.objects.filter(**given):
                membership.end()
        else:
            Membership.objects.get_or_create(**given)


def _site(code: str | None) -> Site:
    """By its code.

    Raises
    ------
    CommandError : where there is none
    """
    site = Site.objects.filter(code=code or "").first()
    if site is None:
        known = ", ".join(Site.objects.values_list("code", flat=True)) or "none; make one: manage site"
        raise CommandError(f"--site: found {code!r}; expected one of: {known}")
    return site


def _asked_password(user: User) -> str:
    """From the terminal, or the first line of what is piped in.

    Raises
    ------
    CommandError : for one that is too easily guessed
    """
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password of {user.username}: ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    return password
