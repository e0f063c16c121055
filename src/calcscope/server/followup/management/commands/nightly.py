from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from calcscope.server.followup import chains, letters


class Command(BaseCommand):
    help = "What is done once a day: pass on late steps, send reminders, check that nobody is lost."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"passed on: {chains.escalate()}")
        self.stdout.write(f"reminders: {letters.remind()}")
        call_command("nobody_lost", stdout=self.stdout)
