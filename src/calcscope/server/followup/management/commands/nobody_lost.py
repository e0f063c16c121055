from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calcscope.server.followup.daily import lost


class Command(BaseCommand):
    help = (
        "List every signed finding without an open step or a closure, and every signed report or compared "
        "biopsy that is no result to tell. Exit code 1 when there is one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = lost()
        for line in found:
            self.stdout.write(line)
        if found:
            raise CommandError(f"{len(found)} found; each is to be looked into today")
        self.stdout.write("Nobody is lost.")
