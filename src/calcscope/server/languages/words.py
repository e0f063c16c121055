"""Words of the lexicon that pages show, in the language of the page.

The lexicon speaks English; a signed report is in its words. Pages name the same steps, results, categories
and terms in the reader's language: :func:`shown` lists those words for the translators,
:func:`lexicon_text` translates one. They stand in the same ``django.po`` as all else, in the context
``lexicon``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from calcscope import lexicon
from calcscope.lexicon.model import Step

CONTEXT = "lexicon"


def shown() -> Iterator[tuple[str, str]]:
    """Each word or sentence of the lexicon that a page shows, and the file that it is from."""
    words = lexicon.terms()
    for table in (
        words.morphology, words.distribution, words.typical_kinds, words.size_classes, words.mimics,
        words.non_lesions, words.change, words.sides, words.quadrants, words.halves, words.depths,
    ):  # fmt: skip
        for term in table.values():
            yield term.display, "terms"
    yield lexicon.phrases().comparison.unsure, "phrases"
    for category in lexicon.categories().categories.values():
        yield category.display, "categories"
    for advice in lexicon.next_steps().steps.values():
        yield step_name(advice), "next_steps"
    chains = lexicon.chains()
    for step in chains.steps.values():
        yield step.display, "chains"
        for result in step.results.values():
            yield result, "chains"
        for name, choices in step.asks.items():
            yield from ((plain(each), "chains") for each in (name, *choices))
    for reason in chains.closing.values():
        yield reason, "chains"
    yield one_line(lexicon.notices().research_use), "notices"


def plain(name: str) -> str:
    """An identifier as it is read."""
    return name.replace("_", " ")


def step_name(step: Step) -> str:
    """What a next step is, without the side and the time that a report fills in."""
    text = re.sub(r",? ?\{due\}", "", step.text)
    text = re.sub(r" ?(of )?(the )?\{side\}", "", text)
    return re.sub(r"\s+([.,;:])", r"\1", text).removesuffix(".")


def one_line(text: str) -> str:
    """A text that was folded over several lines, without the folds."""
    return " ".join(text.split())


def lexicon_text(text: str) -> str:
    """A word or sentence of the lexicon in the language of the page; in English where there is none."""
    from django.utils.translation import pgettext

    return pgettext(CONTEXT, one_line(text)) if text else ""


DOTTED = ("tr", "az")
"""Languages whose small i has its capital with a dot."""


def capitalised(text: str) -> str:
    """A text with a capital at its beginning, as the language of the page writes it."""
    from django.utils.translation import get_language

    head = text[:1]
    dotted = head == "i" and (get_language() or "").partition("-")[0] in DOTTED
    return ("İ" if dotted else head.upper()) + text[1:]
