"""What the renderings say: lexicon terms, places, numbers and dates as people read them."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import cache

from calcscope import lexicon
from calcscope.priors.change import signed
from calcscope.report.model import (
    Change,
    EarlierFinding,
    ExamReport,
    Finding,
    Location,
    NextStep,
    Prior,
    Reason,
    ViewReport,
)

SIDES = {"L": "Left", "R": "Right"}


@cache
def term(identifier: str | None) -> str:
    """A lexicon term's display words; an identifier that the lexicon lacks, in plain letters."""
    if identifier is None:
        return "–"
    words = lexicon.terms()
    for part in (
        words.morphology, words.typical_kinds, words.distribution, words.size_classes, words.mimics,
        words.non_lesions, words.change, words.quadrants, words.halves, words.depths,
    ):  # fmt: skip
        if identifier in part:
            return part[identifier].display
    return identifier.replace("_", " ")


def advice(mimic: str) -> str:
    """What to do about something that is no calcification, by the lexicon."""
    return lexicon.terms().mimics[mimic].advice


def left_out(view: ViewReport) -> str:
    """What was not searched: ``film edge, label, 2 × scanner line``."""
    counted = Counter(term(area.kind) for area in view.left_out)
    return ", ".join(f"{n} × {what}" if n > 1 else what for what, n in sorted(counted.items())) or "–"


def category(identifier: str) -> str:
    """A category's words, without its number."""
    return lexicon.categories().categories[identifier].display


def place(location: Location) -> str:
    """Where in the breast: ``upper outer, 10 o'clock, middle depth, 31 mm from the nipple``."""
    parts = []
    if location.quadrant or location.half:
        parts.append(term(location.quadrant or location.half))
    if location.clock is not None:
        parts.append(f"{location.clock} o'clock")
    if location.depth is not None:
        parts.append(f"{term(location.depth)} depth")
    if location.nipple_mm is not None:
        parts.append(f"{location.nipple_mm:.0f} mm from the nipple")
    return ", ".join(parts) or "place not known"


def title(finding: Finding | EarlierFinding) -> str:
    """What a finding is, in a few words."""
    if finding.typical_kind is not None:
        return term(finding.typical_kind)
    known = [each for each in (finding.morphology, finding.distribution) if each is not None]
    kind = finding.kind if isinstance(finding, Finding) else "group"
    return ", ".join(term(each) for each in known) or term(kind)


def percent(share: float | None) -> str:
    """A share as a percentage; small ones with the digit that makes them differ from nought."""
    if share is None:
        return "–"
    if 0 < share < 0.02 or 0.99 < share < 1:
        return f"{100 * share:.1f} %"
    return f"{100 * share:.0f} %"


def length(mm: float | None) -> str:
    """A length in mm: a hundredth below 1 mm, a tenth below 10 mm."""
    if mm is None:
        return "–"
    digits = 2 if mm < 1 else 1 if mm < 10 else 0
    return f"{mm:.{digits}f} mm"


def due(step: NextStep, exam: ExamReport) -> str | None:
    """The day by which a step is due, or None where it has no term or the exam no date."""
    if step.due_days is None or exam.date is None:
        return None
    return day((date.fromisoformat(exam.date) + timedelta(days=step.due_days)).isoformat())


def day(iso: str | None) -> str:
    """A date that cannot be misread across countries: ``10 November 2026``."""
    if iso is None:
        return "not stated"
    when = date.fromisoformat(iso)
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def month(iso: str) -> str:
    """The month of a date: ``May 2023``."""
    when = date.fromisoformat(iso)
    return f"{MONTHS[when.month - 1]} {when.year}"


def left_out_prior(prior: Prior) -> str:
    """That an exam was not compared with, and why."""
    when = f" of {day(prior.date)}" if prior.date else ""
    return f"Not compared with {prior.source}{when}: {prior.reason or 'no reason stated'}"


NOTHING_COMPARED = "Nothing was compared: none of what was given as an earlier exam could be used."


def statuses(change: Change) -> list[str]:
    """What a comparison found, the most telling first; what is unchanged for want of certainty says so."""
    if change.may_have_grown:
        return [lexicon.phrases().comparison.unsure]
    return [term(one) for one in change.status]


def status(change: Change) -> str:
    """What a comparison found, in a few words: ``increased in number, wider in extent``."""
    return ", ".join(statuses(change))


@cache
def interval() -> str:
    """How much the intervals of a comparison hold: ``90 %``."""
    return f"{100 * lexicon.changes().interval.value:.0f} %"


QUANTITIES = {
    "count": "Calcifications found",
    "below": "Of these, not found in the other and below its limit",
    "change": "Change in number, allowing for what either image may have missed",
    "span": "Extent, mm",
    "size": "Size of the same ones",
    "density": "Density",
    "limit": "Size that is found half the time, mm",
}
"""What a comparison's table calls its rows."""


def quantity(change: Change) -> list[tuple[str, str, str, str]]:
    """Rows of a comparison: what, then, now, and the change with its interval."""
    numbers, limits = change.numbers, change.detection_limit

    def said(name: str, digits: int = 0) -> str:
        known = {**numbers, **limits}
        return f"{known[name]:.{digits}f}" if name in known else "–"

    rows = []
    if "count_now" in numbers:
        what = QUANTITIES["count"] + (f" ({change.view})" if change.view else "")
        rows.append((what, said("count_then"), said("count_now"), ""))
    if numbers.get("below_limit_now") or numbers.get("below_limit_then"):
        rows.append((QUANTITIES["below"], said("below_limit_now"), said("below_limit_then"), ""))
    one_sided = change.status in (["new"], ["resolved"])  # what is left of the other exam is doubtful
    if "count_change" in numbers and "count_change" in change.interval and not one_sided:
        low, high = change.interval["count_change"]
        difference = f"{signed(numbers['count_change'])} ({signed(low)} to {signed(high)})"
        rows.append((QUANTITIES["change"], "", "", difference))
    if "span_now_mm" in numbers:
        rows.append((QUANTITIES["span"], said("span_then_mm"), said("span_now_mm"), ""))
    if "size_ratio" in numbers and "size_ratio" in change.interval:
        low, high = change.interval["size_ratio"]
        times = f"× {numbers['size_ratio']:.2f} ({low:.2f} to {high:.2f})"
        rows.append((QUANTITIES["size"], "", "", times))
    if "density_ratio" in numbers:
        rows.append((QUANTITIES["density"], "", "", f"× {numbers['density_ratio']:.2f}"))
    if limits:
        rows.append((QUANTITIES["limit"], said("then_mm", 2), said("now_mm", 2), ""))
    return rows


def source(reason: Reason) -> tuple[str, bool]:
    """A reason's source without its mark, and whether it was verified."""
    mark = f"({lexicon.notices().not_verified})"
    bare = reason.source.replace(mark, "").replace("  ", " ").replace(" ;", ";").strip()
    return bare, reason.verified and mark not in reason.source


MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
"""Not from the machine's locale: the report is in English everywhere."""
