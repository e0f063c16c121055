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
    """A picture, what it shows in words for who cannot see it, and what stands below it for who can."""

    svg: str
    text: str
    caption: str


@dataclass(frozen=True)
class Spot:
    """A finding in the drawing; ``number`` is written beside one that something is to be done about."""

    finding: FindingFact
    number: int | None


def breasts(
    spots: Sequence[Spot], *, right: str, left: str, text: str, caption: str = "",
    seen: Sequence[Laterality] = ("R", "L"),
) -> Drawing:  # fmt: skip
    """Both breasts from the front, with a mark where each finding lies.

    Parameters
    ----------
    right, left : the words under the breasts
    text : what the drawing shows, in words; its text alternative
    caption : what stands below it
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
    # Places are given in the order of the findings; what is broken or strewn lies below every ring, and
    # rings below every number. The line around two in the same part is drawn once.
    drawn = [(spot.number is not None, *_mark(spot, taken)) for spot in spots]
    drawn.sort(key=lambda each: each[0])
    parts += [*dict.fromkeys(around for _, around, _ in drawn), *(mark for _, _, mark in drawn)]
    body = "".join(parts)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(text)}" font-family="sans-serif" class="breasts">{body}</svg>'
    )
    return Drawing(svg, text, caption)


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
        return x + outer * RADIUS * 0.88, y - RADIUS * 0.9
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


def is_somewhere(finding: FindingFact) -> bool:
    """Whether a broken line is drawn around the part of the breast in which it lies."""
    at = finding.place
    return finding.form != "scattered" and at.quadrant is None and at.clock is None


def _outline(x: float, y: float, outer: int) -> str:
    """A breast with the tail that reaches toward the arm."""
    r = RADIUS

    def at(across: float, down: float) -> str:
        return f"{x + outer * across * r:.1f} {y + down * r:.1f}"

    return (
        f"M {at(-1, 0)} C {at(-1, -0.56)} {at(-0.6, -0.98)} {at(0, -0.98)} "
        f"C {at(0.35, -0.98)} {at(0.55, -1.06)} {at(0.8, -1.2)} "
        f"C {at(1, -1.3)} {at(1.17, -1.17)} {at(1.12, -0.95)} "
        f"C {at(1.05, -0.62)} {at(1, -0.35)} {at(1, 0)} "
        f"C {at(1, 0.6)} {at(0.58, 1)} {at(0, 1)} C {at(-0.58, 1)} {at(-1, 0.6)} {at(-1, 0)} Z"
    )


def _mark(spot: Spot, taken: list[tuple[float, float]]) -> tuple[str, str]:
    """What is drawn around a finding whose place is not exact, or nothing; and the finding itself."""
    finding = spot.finding
    centre = CENTRES[finding.side]
    at = position(finding.side, finding.place)
    around = ""
    if finding.form == "scattered":
        at = (centre[0], centre[1] + RADIUS * 0.5)
        around = _strewn(*centre, QUIET if spot.number is None else PRESSING)
        if spot.number is None:
            return around, ""
    elif at is None:
        at = (centre[0], centre[1] + RADIUS * 0.5)
        around = _somewhere(*centre, RADIUS * 0.86, RADIUS * 0.86, spot.number)
    elif finding.place.quadrant is None and finding.place.clock is None:
        # One view alone: somewhere in this half.
        flat = finding.place.half in ("upper", "lower")
        around = _somewhere(*at, *((52, 24) if flat else (24, 52)), spot.number)
    x, y = _free(*at, taken, centre)
    taken.append((x, y))
    return around, _ring(x, y) if spot.number is None else _numbered(x, y, spot.number)


def _ring(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="#ffffff" stroke="{QUIET}" stroke-width="2.5"/>'


def _somewhere(x: float, y: float, wide: float, high: float, number: int | None) -> str:
    """A broken line around the part of the breast in which a finding is somewhere."""
    colour = QUIET if number is None else PRESSING
    return (
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{wide:.1f}" ry="{high:.1f}" fill="none" stroke="{colour}" '
        'stroke-width="2" stroke-dasharray="5 4"/>'
    )


def _numbered(x: float, y: float, number: int) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="12" fill="{PRESSING}" stroke="#ffffff" stroke-width="1.5"/>'
        f'<text x="{x:.1f}" y="{y + 5.5:.1f}" text-anchor="middle" font-size="16" font-weight="bold" '
        f'fill="#ffffff">{number}</text>'
    )


def _strewn(x: float, y: float, colour: str) -> str:
    """Dots over the whole breast, on a sunflower's spiral: they look strewn and are the same each time."""
    return "".join(
        f'<circle cx="{x + r * math.cos(a):.1f}" cy="{y + r * math.sin(a):.1f}" r="3" fill="{colour}"/>'
        for r, a in ((RADIUS * 0.86 * math.sqrt((n + 1) / 26), n * 2.39996) for n in range(26))
        if r > 14
    )


def _free(
    x: float, y: float, taken: Sequence[tuple[float, float]], centre: tuple[float, float]
) -> tuple[float, float]:
    """The place, or one beside it where nothing is drawn yet, in the same part of the breast."""

    def same_part(near: tuple[float, float]) -> bool:
        pairs = list(zip((x, y), near, centre, strict=True))
        return all((at - zero) * (to - zero) > 0 or abs(at - zero) < 12 for at, to, zero in pairs) and (
            math.dist(near, centre) <= max(RADIUS * 0.92, math.dist((x, y), centre))
        )

    for ring in range(5):
        for turn in range(8 if ring else 1):
            angle = math.radians(45 * turn + 22.5 * ring)
            near = (x + 13 * ring * math.cos(angle), y + 13 * ring * math.sin(angle))
            if same_part(near) and all(math.dist(near, other) >= 22 for other in taken):
                return near
    return x, y


# --- one mark for each woman ----------------------------------------------------------------------------


def icons(low: int, high: int, of: int, *, text: str) -> Drawing:
    """One mark for each woman: full where a cancer is found, half full up to the most that it may be.

    Parameters
    ----------
    low, high : at least and at most so many of `of`
    of : 100 or 1000
    text : what it shows, in words; its text alternative, and what stands below it
    """
    columns, size = (10, 22.0) if of == 100 else (40, 10.0)
    rows = math.ceil(of / columns)
    # Of a thousand the few that count are drawn larger, or nobody would see them on a telephone.
    some, others = (0.36, 0.36) if of == 100 else (0.62, 0.34)
    marks = "".join(
        _woman(
            (n % columns + 0.5) * size + 2, (n // columns + 0.5) * size + 2,
            size * (some if n < high else others), n < low, n < high,
        )
        for n in reversed(range(of))
    )  # fmt: skip
    width, height = columns * size + 4, rows * size + 4
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(text)}" class="icons">{marks}</svg>'
    )
    return Drawing(svg, text, text)


def _woman(x: float, y: float, r: float, surely: bool, perhaps: bool) -> str:
    ring = f'<circle cx="{x:g}" cy="{y:g}" r="{r:.2f}" fill="{{}}" stroke="{{}}" stroke-width="{r / 5:.2f}"/>'
    if surely:
        return ring.format(PRESSING, PRESSING)
    if not perhaps:
        return ring.format("#ffffff", "#7b8794")
    half = f'<path d="M {x:g} {y - r:.2f} A {r:.2f} {r:.2f} 0 0 0 {x:g} {y + r:.2f} Z" fill="{PRESSING}"/>'
    return ring.format("#ffffff", PRESSING) + half
