from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from calcscope.server.backups import BackupFault, back_up


class Command(BaseCommand):
    help = "Copy database, images, readings and secret key into a new folder; the server may go on working."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder that does not exist yet")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            count = back_up(options["folder"])
        except BackupFault as fault:
            raise CommandError(str(fault)) from fault
        self.stdout.write(f"{count} files and the database are in {options['folder']}")
