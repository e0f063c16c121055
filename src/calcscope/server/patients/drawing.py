"""Drawings for a woman, as SVG: her breasts with the spots, and one mark for each of a hundred women.

Plain shapes without script, ids or fonts of their own, so that the same drawing stands on a page, in a letter
and in a download. What a colour says, a shape says too. This module knows nothing of Django.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from calcscope.report.model import Laterality
from calcscope.server.patients.facts import FindingFact, Place

INK = "#1f2933"
SKIN = "#f6e7df"
PRESSING = "#a3195b"
QUIET = "#4a5a68"

CENTRES: dict[Laterality, tuple[float, float]] = {"R": (105.0, 105.0), "L": (295.0, 105.0)}
"""The nipples: as seen by who faces her, her right breast is on the left."""
RADIUS = 78.0
WIDTH, HEIGHT = 400, 222


@dataclass(frozen=True)
class Drawing:
    """A picture and what it says in words."""

    svg: str
    text: str


@dataclass(frozen=True)
class Spot:
    """A finding in the drawing; ``number`` is written beside one that something is to be done about."""

    finding: FindingFact
    number: int | None


def breasts(
    spots: Sequence[Spot], *, right: str, left: str, text: str, seen: Sequence[Laterality] = ("R", "L")
) -> Drawing:
    """Both breasts from the front, with a mark where each finding lies.

    Parameters
    ----------
    right, left : the words under the breasts
    text : what the drawing shows, in words; it is also its text alternative
    seen : the breasts that were looked at; another is drawn in broken lines
    """
    parts = []
    for side, name in (("R", right), ("L", left)):
        x, y = CENTRES[side]  # type: ignore[index]
        dashes = "" if side in seen else ' stroke-dasharray="6 5"'
        parts.append(
            f'<path d="{_outline(x, y, -1 if side == "R" else 1)}" fill="{SKIN}" stroke="{INK}" '
            f'stroke-width="2"{dashes}/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="9" fill="none" stroke="{INK}" stroke-width="1.5"/>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{INK}"/>'
            f'<text x="{x:.1f}" y="214" text-anchor="middle" font-size="17" fill="{INK}">'
            f"{escape(name)}</text>"
        )
    taken: list[tuple[float, float]] = []
    # Quiet ones first, so that what matters lies on top.
    for spot in sorted(spots, key=lambda each: each.number is not None):
        parts.append(_mark(spot, taken))
    body = "".join(parts)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(text)}" font-family="sans-serif" class="breasts">{body}</svg>'
    )
    return Drawing(svg, text)


def position(side: Laterality, place: Place) -> tuple[float, float] | None:
    """Where a place is drawn, or None where it is known only which breast it is.

    The clock is seen by who faces her: twelve is up, three on the viewer's right. Outer is toward her arm.
    """
    x, y = CENTRES[side]
    outer = -1.0 if side == "R" else 1.0
    reach = RADIUS * 0.56
    if place.quadrant == "central":
        return x, y + 20
    if place.quadrant == "axillary_tail":
        return x + outer * RADIUS * 0.86, y - RADIUS * 0.86
    if place.clock is not None:
        angle = math.radians(place.clock * 30)
        return x + reach * math.sin(angle), y - reach * math.cos(angle)
    if place.quadrant is not None:
        up = 1 if place.quadrant.startswith("upper") else -1
        out = outer if place.quadrant.endswith("outer") else -outer
        return x + out * reach * 0.71, y - up * reach * 0.71
    halves = {"outer": (outer, 0), "inner": (-outer, 0), "upper": (0, -1), "lower": (0, 1)}
    if place.half in halves:
        across, down = halves[place.half]
        return x + across * reach, y + down * reach
    return None


def _outline(x: float, y: float, outer: int) -> str:
    """A breast with the tail that reaches toward the arm."""
    r = RADIUS
    return (
        f"M {x - outer * r:.1f} {y:.1f} "
        f"C {x - outer * r:.1f} {y - 0.56 * r:.1f} {x - outer * 0.6 * r:.1f} {y - r:.1f} {x:.1f} {y - r:.1f} "
        f"C {x + outer * 0.45 * r:.1f} {y - r:.1f} {x + outer * 0.7 * r:.1f} {y - 1.02 * r:.1f} "
        f"{x + outer * 1.08 * r:.1f} {y - 1.2 * r:.1f} "
        f"C {x + outer * 1.1 * r:.1f} {y - 0.7 * r:.1f} {x + outer * r:.1f} {y - 0.4 * r:.1f} "
        f"{x + outer * r:.1f} {y:.1f} "
        f"C {x + outer * r:.1f} {y + 0.62 * r:.1f} {x + outer * 0.58 * r:.1f} {y + r:.1f} "
        f"{x:.1f} {y + r:.1f} "
        f"C {x - outer * 0.58 * r:.1f} {y + r:.1f} {x - outer * r:.1f} {y + 0.62 * r:.1f} "
        f"{x - outer * r:.1f} {y:.1f} Z"
    )


def _mark(spot: Spot, taken: list[tuple[float, float]]) -> str:
    finding = spot.finding
    at = position(finding.side, finding.place)
    if finding.form == "scattered" or at is None:
        return _scattered(finding.side, spot.number)
    x, y = _free(*at, taken)
    taken.append((x, y))
    if spot.number is None:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="#ffffff" stroke="{QUIET}" stroke-width="2.5"/>'
    known_half = finding.place.quadrant is None and finding.place.clock is None
    halo = ""
    if known_half:
        # One view alone: somewhere in this half.
        wide, high = (24, 52) if finding.place.half in ("outer", "inner") else (52, 24)
        halo = (
            f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{wide}" ry="{high}" fill="none" stroke="{PRESSING}" '
            'stroke-width="2" stroke-dasharray="5 4"/>'
        )
    return halo + _numbered(x, y, spot.number)


def _numbered(x: float, y: float, number: int) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="12" fill="{PRESSING}" stroke="#ffffff" stroke-width="1.5"/>'
        f'<text x="{x:.1f}" y="{y + 5.5:.1f}" text-anchor="middle" font-size="16" font-weight="bold" '
        f'fill="#ffffff">{number}</text>'
    )


def _scattered(side: Laterality, number: int | None) -> str:
    """Dots over the whole breast, on a sunflower's spiral: they look strewn and are the same each time."""
    x, y = CENTRES[side]
    colour = QUIET if number is None else PRESSING
    dots = "".join(
        f'<circle cx="{x + r * math.cos(a):.1f}" cy="{y + r * math.sin(a):.1f}" r="3" fill="{colour}"/>'
        for r, a in ((RADIUS * 0.86 * math.sqrt((n + 1) / 26), n * 2.39996) for n in range(26))
        if r > 14
    )
    return dots if number is None else dots + _numbered(x, y + RADIUS * 0.45, number)


def _free(x: float, y: float, taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The place, or one beside it where nothing is drawn yet."""
    for ring in range(4):
        for turn in range(6 if ring else 1):
            angle = math.radians(60 * turn + 30 * ring)
            near = (x + 15 * ring * math.cos(angle), y + 15 * ring * math.sin(angle))
            if all(math.dist(near, other) >= 22 for other in taken):
                return near
    return x, y


# --- one mark for each woman ----------------------------------------------------------------------------


def icons(low: int, high: int, of: int, *, text: str) -> Drawing:
    """One mark for each woman: full where a cancer is found, half full up to the most that it may be.

    Parameters
    ----------
    low, high : at least and at most so many of `of`
    of : 100 or 1000
    text : what it shows, in words; it is also its text alternative
    """
    columns, size = (10, 22.0) if of == 100 else (40, 10.0)
    rows = math.ceil(of / columns)
    marks = "".join(
        _woman((n % columns + 0.5) * size, (n // columns + 0.5) * size, size * 0.36, n < low, n < high)
        for n in range(of)
    )
    width, height = columns * size, rows * size
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(text)}" class="icons">{marks}</svg>'
    )
    return Drawing(svg, text)


def _woman(x: float, y: float, r: float, surely: bool, perhaps: bool) -> str:
    ring = f'<circle cx="{x:g}" cy="{y:g}" r="{r:.2f}" fill="{{}}" stroke="{{}}" stroke-width="{r / 5:.2f}"/>'
    if surely:
        return ring.format(PRESSING, PRESSING)
    if not perhaps:
        return ring.format("#ffffff", "#7b8794")
    half = f'<path d="M {x:g} {y - r:.2f} A {r:.2f} {r:.2f} 0 0 0 {x:g} {y + r:.2f} Z" fill="{PRESSING}"/>'
    return ring.format("#ffffff", PRESSING) + half
