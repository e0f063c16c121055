"""The articles that the pages show."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from calcscope.server.library.articles import Article, parse


class Entry(models.Model):
    """An article in one language, as its file was when it was taken in, and the words it is found by.

    The database keeps a full-text index beside it, which follows every change by itself. On SQLite that is
    done by triggers, which go with the table: a migration that alters it makes them again (0001 has them).
    """

    language = models.CharField(max_length=10)
    slug = models.SlugField(max_length=80)
    sha256 = models.CharField(max_length=64)
    own = models.BooleanField(default=False, help_text="The hospital's, not Calcscope's.")
    text = models.TextField(help_text="The whole file.")
    names = models.TextField(help_text="Folded words of the title and other names.")
    words = models.TextField(help_text="Folded words of the questions and index words.")
    body = models.TextField(help_text="Folded words of the summary and text.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["language", "slug"], name="one_entry")]

    def __str__(self) -> str:
        return f"{self.language}/{self.slug}"

    @property
    def article(self) -> Article:
        """The article itself."""
        return parse(self.text, str(self))
