"""What an earlier exam of the same breast showed, from what the current one shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from calcscope.phantom.model import Lesion, Random, Speck

Change = Literal["stable", "new", "more", "fewer", "larger", "resolved"]

SHARE = (0.4, 0.65)
"""Share of the specks that the exam with fewer of them shows."""
GROWTH = (1.25, 1.7)
"""Size in the current exam over that in the earlier one, for what grew."""


def with_change(
    lesion: Lesion, specks: list[Speck], change: Change, random: Random
) -> tuple[Lesion, list[Speck], list[Speck]]:
    """The lesion marked with its change, its specks in the current and in the earlier exam.

    Each speck keeps its seed and place; that the earlier exam was positioned otherwise is its pose's matter.
    ``specks`` are the fullest state: of ``fewer`` and ``resolved`` it is the earlier one.
    """
    marked = replace(lesion, change=change)
    if change == "stable":
        return marked, specks, specks
    if change == "new":
        return marked, specks, []
    if change == "resolved":
        return marked, [], specks
    if change == "larger":
        return marked, specks, [_smaller(speck, 1 / random.uniform(*GROWTH)) for speck in specks]
    kept = max(1, round(len(specks) * random.uniform(*SHARE)))
    some = [specks[i] for i in np.sort(random.choice(len(specks), kept, replace=False))]
    return (marked, specks, some) if change == "more" else (marked, some, specks)


def _smaller(speck: Speck, factor: float) -> Speck:
    along = None if speck.along is None else speck.at + factor * (speck.along - speck.at)
    width = None if speck.width_mm is None else speck.width_mm * np.sqrt(factor)
    return replace(speck, size_mm=speck.size_mm * factor, along=along, width_mm=width)
