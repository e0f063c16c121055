"""What file names and identifiers say about an image: the side, view and date in them, and the conventions of
public datasets that keep such facts nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, cast

from calcscope.exam.model import Laterality
from calcscope.exam.options import DATE, VIEWS, is_date

SIDES: dict[str, Laterality] = {"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R"}


@dataclass(frozen=True)
class NameFacts:
    """What a name says, as far as it says it.

    Parameters
    ----------
    laterality, view : side and view, or None
    woman : the name without side, view, date and file suffix: what the views of one woman share
    dataset : name of the public dataset whose convention was recognised, or None
    acquisition : ``film`` where the dataset is of digitised films, else None
    refused : what the image is when it is not a whole view (a crop, a mask), else None
    date : the one ISO date in it, or None
    """

    laterality: Laterality | None
    view: str | None
    woman: str
    dataset: str | None = None
    acquisition: Literal["digital", "film"] | None = None
    refused: str | None = None
    date: str | None = None


@dataclass(frozen=True)
class _Convention:
    dataset: str
    pattern: re.Pattern[str]
    facts: Callable[[re.Match[str]], NameFacts]


def _cbis_ddsm(match: re.Match[str]) -> NameFacts:
    return NameFacts(
        laterality=SIDES[match["side"]],
        view=match["view"],
        woman=match["woman"],
        dataset="CBIS-DDSM",
        acquisition="film",
        refused="a crop or mask of one finding of CBIS-DDSM" if match["finding"] else None,
    )


def _mini_mias(match: re.Match[str]) -> NameFacts:
    # Films are numbered in pairs, all MLO: 2n-1 is a woman's left breast, 2n her right one.
    number = int(match["number"])
    pair = (number + 1) // 2 * 2
    return NameFacts(
        laterality="L" if number % 2 else "R",
        view="MLO",
        woman=f"mdb{pair - 1:03d}-{pair:03d}",
        dataset="mini-MIAS",
        acquisition="film",
    )


CONVENTIONS = (
    # Lee et al., A curated mammography data set, Sci Data 2017;4:170177: identifiers such as
    # Mass-Test_P_00820_RIGHT_MLO; a trailing number is the crop or mask of one finding.
    _Convention(
        "CBIS-DDSM",
        re.compile(
            r"(?:Calc|Mass)-(?:Training|Test)_(?P<woman>P_\d{5})_(?P<side>LEFT|RIGHT)_(?P<view>CC|MLO)(?P<finding>_\d+)?"
        ),
        _cbis_ddsm,
    ),
    # Suckling et al., The Mammographic Image Analysis Society digital mammogram database, 1994: its readme.
    _Convention("mini-MIAS", re.compile(r"mdb(?P<number>\d{3})"), _mini_mias),
)


def facts_of_name(name: str) -> NameFacts:
    """Read a file name or identifier: a dataset's convention if it fits, else side and view words in it."""
    stem = PurePath(name).name
    stem = re.sub(r"\.(dcm|dicom|png|pgm|pnm|tiff?)$", "", stem, flags=re.IGNORECASE)
    for convention in CONVENTIONS:
        match = convention.pattern.fullmatch(stem)
        if match:
            return convention.facts(match)
    return _facts_of_words(stem)


def _facts_of_words(text: str) -> NameFacts:
    """Side and view words (``L-CC``, ``RMLO``, ``left mlo``) and an ISO date (``2019-05-02``) in free text;
    nothing where words contradict."""
    dates = _dates(text)
    text = DATE.sub(" ", text)
    words = list(re.finditer(r"[A-Za-z0-9]+", text))
    sides: set[Laterality] = set()
    views: set[str] = set()
    used: list[re.Match[str]] = []
    for word in words:
        side, view = _side_and_view(word.group().upper())
        if side:
            sides.add(side)
        if view:
            views.add(view)
        if side or view:
            used.append(word)
    rest = text
    for word in reversed(used):
        rest = rest[: word.start()] + rest[word.end() :]
    return NameFacts(
        laterality=next(iter(sides)) if len(sides) == 1 else None,
        view=next(iter(views)) if len(views) == 1 else None,
        woman=re.sub(r"[^A-Za-z0-9]+", "_", rest).strip("_"),
        date=next(iter(dates)) if len(dates) == 1 else None,
    )


def _dates(text: str) -> set[str]:
    return {match for match in DATE.findall(text) if is_date(match)}


def _side_and_view(word: str) -> tuple[Laterality | None, str | None]:
    if word in SIDES:
        return SIDES[word], None
    if word in VIEWS:
        return None, word
    if word[:1] in ("L", "R") and word[1:] in VIEWS:
        return cast(Laterality, word[0]), word[1:]
    return None, None
