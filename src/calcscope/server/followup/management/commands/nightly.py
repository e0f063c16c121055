from typing import Any

from django.core.management.base import BaseCommand, CommandError

from calcscope.server.followup.daily import run_now


class Command(BaseCommand):
    help = "What is done once a day: pass on late steps, send reminders, check that nobody is lost."

    def handle(self, *args: Any, **options: Any) -> None:
        done = run_now()
        self.stdout.write(f"passed on: {done.passed_on}")
        self.stdout.write(f"reminders: {done.reminders}, could not be sent: {done.unsent}")
        if done.lost:
            raise CommandError(f"{done.lost} lost; calcscope manage nobody_lost lists them")
        self.stdout.write("Nobody is lost.")
