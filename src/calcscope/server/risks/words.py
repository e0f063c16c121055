"""What the page says of a model's answers, factors and warnings, to the woman herself."""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calcscope.risk import Contradiction, Risk
from calcscope.risk.bcrat import FEWER, OTHER_RATES, UNKNOWN, YOUNG

Text = str | Promise

GROUPS: dict[str, Text] = {
    "white": gettext_lazy("White, not Hispanic"),
    "african_american": gettext_lazy("African American"),
    "hispanic_us_born": gettext_lazy("Hispanic, born in the USA"),
    "hispanic_foreign_born": gettext_lazy("Hispanic, born elsewhere"),
    "chinese": gettext_lazy("Chinese American"),
    "japanese": gettext_lazy("Japanese American"),
    "filipino": gettext_lazy("Filipino American"),
    "hawaiian": gettext_lazy("Hawaiian"),
    "other_pacific_islander": gettext_lazy("From another Pacific island"),
    "other_asian": gettext_lazy("Other Asian American"),
    "native_american_or_unknown": gettext_lazy("Native American, another group, or not known"),
}
"""The groups of the tool; one that another model has is named as the model names it."""

FACTORS: dict[str, Text] = {
    "biopsies": gettext_lazy("Biopsies so far"),
    "atypia": gettext_lazy("Unusual cells in a biopsy, or none"),
    "menarche": gettext_lazy("Your age at your first period"),
    "first_birth_and_relatives": gettext_lazy(
        "Your age at the birth of your first child, and relatives with breast cancer"
    ),
}

ANSWERS: dict[str, Text] = {
    "biopsies": gettext_lazy("biopsies"),
    "menarche": gettext_lazy("age at the first period"),
    "first_birth": gettext_lazy("age at the birth of the first child"),
    "relatives": gettext_lazy("relatives with breast cancer"),
}

REFUSED: dict[str, Text] = {
    "age": gettext_lazy("The tool has no numbers for this age. It answers for women from 20 to 89."),
    "atypia": gettext_lazy("Only a biopsy can show unusual cells. Check this answer and the one before it."),
    "biopsies": gettext_lazy("There is no such number of biopsies. Check it."),
    "relatives": gettext_lazy("There is no such number of relatives. Check it."),
    "menarche": gettext_lazy("This age at your first period does not fit your age now. Check both."),
    "first_birth": gettext_lazy(
        "This age at the birth of your first child does not fit your age now, or your age at your first "
        "period. Check them."
    ),
    "mutation": gettext_lazy(
        "The tool does not fit a woman with such a gene change: her risk is a different one. "
        "Ask your doctor about a genetics clinic."
    ),
    "earlier_cancer": gettext_lazy(
        "The tool does not fit a woman who has had breast cancer, DCIS or LCIS. Ask your doctor."
    ),
    "chest_radiation": gettext_lazy(
        "The tool does not fit a woman whose chest had radiation treatment when she was young. "
        "Ask your doctor."
    ),
}

WARNINGS: dict[str, Text] = {
    YOUNG: gettext_lazy("You are under 35. The tool was made for older women, so your number is less sure."),
    FEWER: gettext_lazy("For your group the tool rests on fewer women, so your number is less sure."),
    OTHER_RATES: gettext_lazy("There are no numbers for your own group; those of white women were used."),
}
_DOI = re.compile(r"\bdoi:(10\.\S+?)(?=[;,.]?(?:\s|$))")


def refusal(why: Contradiction) -> str:
    """A contradiction in plain words; of another model, as the model says it."""
    known = REFUSED.get(why.answer)
    return str(known) if known else str(why)


def warnings(risk: Risk) -> list[str]:
    """The model's warnings in plain words."""
    return [_warning(said) for said in risk.warnings]


def _warning(said: str) -> str:
    if said.startswith(UNKNOWN):
        names = said.removeprefix(UNKNOWN).strip(" .").split(", ")
        left = [str(ANSWERS.get(name.replace(" ", "_"), name)) for name in names]
        return _("You left this open, so it was counted as the lowest step: {names}.").format(
            names=", ".join(left)
        )
    return str(WARNINGS.get(said, said))


def factors(risk: Risk) -> list[tuple[str, float]]:
    """What multiplies the risk, in words, the strongest first; what changes nothing is left out."""
    found = [(str(FACTORS.get(name, name.replace("_", " "))), by) for name, by in risk.factors.items()]
    return sorted((each for each in found if round(each[1], 1) != 1), key=lambda each: -each[1])


def cited(source: str) -> SafeString:
    """A source with its digital object identifiers as links."""
    parts = _DOI.split(source)
    linked = [(part, False) if at % 2 == 0 else (part, True) for at, part in enumerate(parts)]
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<a href="https://doi.org/{}">doi:{}</a>', text, text) if link else text,)
            for text, link in linked
        ),
    )
