"""Colours of the renderings: told apart by colour-blind readers, and never the only sign of a meaning."""

from __future__ import annotations

from calcscope.report.model import Category

# After Okabe and Ito's palette (Color Universal Design, 2008), lightened to stand on dark films. Each
# carries black text at a contrast above 4.5.
CATEGORY_COLOURS: dict[Category, str] = {
    "0": "#f0e442",
    "1": "#b4bcc6",
    "2": "#56b4e9",
    "3": "#35c69b",
    "4A": "#f2b233",
    "4B": "#f79232",
    "4C": "#f5743a",
    "5": "#ff6a63",
    "6": "#dd93c0",
}
MIMIC = "#c9c4b8"
LEFT_OUT = "#838a92"
ANATOMY = "#aeb8c4"
BORDER = "#525c68"
LOOSE = "#8d97a3"
"""Calcifications listed but part of no finding."""
EARLIER = "#c9a8ff"
"""What an earlier exam shows and the current one does not."""
TEXT = "#e8ecf1"
STRIP = "#14181d"
"""Ground of the strip of text beneath an image."""


def rgb(colour: str) -> tuple[int, int, int]:
    """``#rrggbb`` as three numbers from 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def dimmed(colour: str, share: float = 0.6) -> str:
    """The colour darkened to ``share`` of its brightness, for marks that must not draw the eye."""
    return "#" + "".join(f"{round(part * share):02x}" for part in rgb(colour))
