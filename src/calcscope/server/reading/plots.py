"""Plots as SVG, drawn on the server: nothing is fetched and they print as they are."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

from calcscope.server.reading.statistics import Audit

NAMES = {
    "recall": _("Recall rate, %"),
    "ppv1": _("PPV1: cancers among those recalled, %"),
    "ppv2": _("PPV2: cancers among those recommended a biopsy, %"),
    "ppv3": _("PPV3: cancers among biopsies done, %"),
    "cdr": _("Cancers found per 1,000 screening exams"),
    "category_3": _("Cancers among category 3, %"),
}
ROW, LEFT, WIDTH, TOP = 28, 170, 620, 8


def interval_plot(audits: Sequence[Audit], name: str) -> SafeString:
    """One row for each of all and the readers: the share as a dot, its interval of 95 % as a line."""
    shares = [audit.shares[name] for audit in audits]
    most = max((share.interval[1] for share in shares if share.interval), default=0) or 1
    scale = (WIDTH - LEFT - 70) / most
    rows = []
    for number, (audit, share) in enumerate(zip(audits, shares, strict=True)):
        y = TOP + ROW * number + ROW / 2
        value, interval = share.value, share.interval
        if value is None or interval is None:
            mark, told = mark_safe(""), "–"
        else:
            low, high = (round(LEFT + scale * each, 1) for each in interval)
            at = round(LEFT + scale * value, 1)
            mark = format_html(
                '<line x1="{}" x2="{}" y1="{}" y2="{}" class="interval"/><circle cx="{}" cy="{}" r="5"/>',
                low, high, y, y, at, y,
            )  # fmt: skip
            told = "{} ({})".format(
                number_format(value, 1), _("%(n)s of %(of)s") % {"n": share.count, "of": share.of}
            )
        name_shown = _("All") if number == 0 else audit.name
        rows.append((y + 5, name_shown, mark, WIDTH - 4, y - 8, told))
    height = TOP * 2 + ROW * len(audits)
    body = format_html_join(
        "",
        '<text x="0" y="{}">{}</text>{}<text x="{}" y="{}" text-anchor="end" class="small">{}</text>',
        rows,
    )
    return format_html(
        '<svg viewBox="0 0 {} {}" class="plot" role="img" aria-label="{}">{}</svg>',
        WIDTH,
        height,
        NAMES[name],
        body,
    )
