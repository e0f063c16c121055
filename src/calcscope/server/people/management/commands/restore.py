from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from calcscope.server.backups import BackupFault, restore


class Command(BaseCommand):
    help = "Put a backup back into an empty data folder; every file is checked first."
    requires_system_checks: list[str] = []  # noqa: RUF012

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="what calcscope manage backup made")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = restore(options["folder"])
        except BackupFault as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(f"{count} files and the database are back; start with calcscope serve")
