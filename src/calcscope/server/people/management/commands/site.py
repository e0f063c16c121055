import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from calcscope.server.audit.recording import record
from calcscope.server.patients.rules import FaultyRules, rules_of
from calcscope.server.people.models import Site

SETTINGS = {
    "dicomweb", "hold", "library", "library_hide_overdue", "node", "profile", "readers", "send",
}  # fmt: skip
"""Those that the server asks for: a slip of the pen must not leave a site without its rule."""


class Command(BaseCommand):
    help = "Make a site, or change one; what is not named stays as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="short name in small letters, such as north")
        parser.add_argument("--name", help="as letters say it")
        parser.add_argument("--address")
        parser.add_argument("--phone", help="of the breast clinic; letters name it")
        parser.add_argument("--email", help="sender of letters")
        parser.add_argument(
            "--set", action="append", default=[], metavar="KEY=JSON", help="a setting, such as readers=2"
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        site, made = Site.objects.get_or_create(
            code=options["code"], defaults={"name": options["name"] or options["code"]}
        )
        for name in ("name", "address", "phone", "email"):
            if options[name] is not None:
                setattr(site, name, options[name])
        for given in options["set"]:
            key, equals, value = given.partition("=")
            try:
                if not equals:
                    raise ValueError
                site.settings[key] = json.loads(value)
            except ValueError:
                raise CommandError(
                    f"--set: found {given!r}; expected KEY=JSON such as readers=2 or node='\"/srv/spool\"'"
                ) from None
            if key not in SETTINGS:
                raise CommandError(f"--set: found {key!r}; expected one of {', '.join(sorted(SETTINGS))}")
        if site.settings.get("readers", 1) not in (1, 2):
            raise CommandError(f"--set: found readers={site.settings['readers']!r}; expected 1 or 2")
        site.full_clean()
        try:
            rules_of(site)
        except FaultyRules as fault:
            raise CommandError(str(fault)) from None
        site.save()
        record("site-made" if made else "site-changed", site)
        self.stdout.write(f"{site.code}: {site.name} {json.dumps(site.settings)}")
