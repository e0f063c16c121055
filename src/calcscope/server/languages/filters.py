"""For templates: ``{{ step.display|lexicon_text }}``. Every template has it without asking."""

from __future__ import annotations

from django import template

from calcscope.server.languages import words

register = template.Library()


@register.filter
def lexicon_text(text: str) -> str:
    """A word of the lexicon in the language of the page."""
    return words.lexicon_text(text)


@register.filter
def capfirst(text: object) -> str:
    """In place of Django's, which writes the Turkish i wrong."""
    return words.capitalised(str(text))
