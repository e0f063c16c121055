from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from calcscope.server.library import index
from calcscope.server.library.models import Entry


class Command(BaseCommand):
    help = "Articles of the library: take in what was added or changed, or list them with their review."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "what",
            choices=["index", "review"],
            help="index: take in new and changed files now; review: by whom each was reviewed, when due",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "review":
            return self._review()
        done = index.renew()
        for what in ("added", "changed", "removed"):
            for each in getattr(done, what):
                self.stdout.write(f"{what}: {each}")
        self.stdout.write(f"articles: {Entry.objects.count()}")
        if done.faults:
            raise CommandError("\n".join(done.faults))

    def _review(self) -> None:
        today = timezone.localdate()
        for entry in Entry.objects.order_by("language", "slug"):
            article = entry.article
            by = f"{article.reviewer}, {article.medical_review_date}" if article.reviewed else "nobody"
            late = " (overdue)" if article.overdue(today) else ""
            self.stdout.write(f"{entry}: reviewed by {by}; due {article.next_review_due}{late}")
