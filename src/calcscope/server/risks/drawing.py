"""A risk as a picture: so many of a thousand dots."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

OF, ROW, STEP = 1000, 40, 8
"""Dots, dots in a row, and their distance in units of the picture."""
_PICTURE = (
    '<svg viewBox="0 0 {width} {height}" class="dots" role="img" aria-label="{told}"><defs>'
    '<pattern id="{id}-all" width="{step}" height="{step}" patternUnits="userSpaceOnUse">'
    '<circle cx="{half}" cy="{half}" r="2" fill="none" stroke="#8a939c"/></pattern>'
    '<pattern id="{id}-hit" width="{step}" height="{step}" patternUnits="userSpaceOnUse">'
    '<rect width="{step}" height="{step}" fill="#fff"/>'
    '<circle cx="{half}" cy="{half}" r="3.4" fill="#1f4e79"/></pattern></defs>'
    '<rect width="{width}" height="{height}" fill="url(#{id}-all)"/>'
    '<rect width="{width}" height="{full}" fill="url(#{id}-hit)"/>'
    '<rect y="{full}" width="{rest}" height="{step}" fill="url(#{id}-hit)"/></svg>'
)


def dots(count: int, name: str, told: str) -> SafeString:
    """A thousand rings of which ``count`` are filled, from the top left on.

    Parameters
    ----------
    name : of the picture, unlike that of any other on the page
    told : the same in words
    """
    rows, rest = divmod(min(count, OF), ROW)
    return format_html(
        _PICTURE, id=name, told=told, width=ROW * STEP, height=OF // ROW * STEP, step=STEP, half=STEP // 2,
        full=rows * STEP, rest=rest * STEP,
    )  # fmt: skip
