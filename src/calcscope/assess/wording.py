"""Small pieces of English shared by reasons and report paragraphs."""

from __future__ import annotations

from collections.abc import Sequence

from calcscope import lexicon
from calcscope.assess.model import AssessSettings, ChangeFacts, NextStep
from calcscope.exam.model import Laterality
from calcscope.lexicon.model import Rate

_DAYS_A_MONTH = 365.25 / 12
_MONTHS_FROM_DAYS = 60  # from two months on a due date is spoken of in months
_MONTHS_BELOW_YEARS = 2.0  # below two years the time between exams is spoken of in months


def number(value: float) -> str:
    """Without a trailing ``.0``."""
    return f"{value:g}"


def percent(share: float) -> str:
    """A share of 1 as whole per cent, with "below 1 %" and "above 99 %" at the ends."""
    whole = round(100 * share)
    if whole == 0:
        return "below 1 %"
    if whole == 100:
        return "above 99 %"
    return f"{whole} %"


def millimetres(value: float) -> str:
    """One decimal below 10 mm, none above."""
    return f"{value:.1f} mm" if value < 9.95 else f"{value:.0f} mm"


def extent(value: float) -> str:
    """Of a group: whole millimetres, as its borders allow no more, one decimal below 1 mm."""
    return f"{value:.0f} mm" if value >= 1 else millimetres(value)


def capitalised(text: str) -> str:
    """First letter upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def rate_phrase(rate: Rate) -> str:
    """``about 29 % (BI-RADS atlas, 5th edition)``."""
    bound = "" if rate.bound == "exact" else f"{rate.bound} "
    mark = "" if rate.verified else f", {lexicon.notices().not_verified}"
    return f"{bound}{number(rate.percent)} % ({rate.population}{mark})"


def joined(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def years_phrase(years: float) -> str:
    """``less than a month``, ``6 months``, ``1 year``, ``3 years``."""
    months = round(12 * years)
    if months == 0:
        return "less than a month"
    if years < _MONTHS_BELOW_YEARS and months % 12:
        return "1 month" if months == 1 else f"{months} months"
    whole = round(years)
    return "1 year" if whole == 1 else f"{whole} years"


def change_phrase(change: ChangeFacts) -> str:
    """``increased in number and changed in shape from punctate to amorphous``."""
    if change.may_have_grown:
        return lexicon.phrases().comparison.unsure
    table, words = lexicon.terms().change, lexicon.turning()
    told = {status: table[status].phrase for status in change.status}
    for status, was, now in change.turned:
        told[status] = lexicon.phrases().comparison.turned.format(
            changed=table[status].phrase, was=words[status][was].display, now=words[status][now].display
        )
    return joined(list(told.values())) if told else "not comparable"


def next_step(code: str, settings: AssessSettings, side: Laterality | None = None) -> NextStep:
    """The step ``code`` in words, due when the settings, or else the lexicon, say."""
    step = lexicon.next_steps().steps[code]
    days = settings.due_days.get(code, round(step.due_days.value))
    phrases = lexicon.phrases()
    if days < _MONTHS_FROM_DAYS:
        due = phrases.due_days.format(days=days)
    else:
        due = phrases.due_months.format(months=round(days / _DAYS_A_MONTH))
    breast = lexicon.terms().sides[side].phrase if side else ""
    return NextStep(code, step.text.format(side=breast, due=due), days)
