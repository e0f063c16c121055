"""DDSM as the University of South Florida distributed it: cases of four films with outlined findings.

A case folder holds ``<case>.ics`` (a line for each film such as ``LEFT_CC LINES 4720 PIXELS_PER_LINE 3128
BITS_PER_PIXEL 12 RESOLUTION 50 OVERLAY``, the resolution in micrometres), for films with findings
``<film>.OVERLAY`` (for each abnormality one or two lines of its words, joined by hyphens or ``N/A``, its
pathology and chain codes: start column and row, then 0 for up and on clockwise to 7, closed by ``#``; the
first outline is the boundary, further ones its cores, indented by a tab), and the film, ``<film>.LJPEG``, in
a form of JPEG that few programs read (M. Heath et al., Proc. 5th Int. Workshop on Digital Mammography,
2001:212-218). The films are read as the usual tools convert them: PNG, TIFF or PGM of the same name and
size.

Read in: the distribution's own ``overlay.c`` of M. Heath, as kept in public repositories (lines of the
``.ics``, keywords, words, chain codes, the order column, row), multinormal/ddsm
``ddsm-software/get_ddsm_groundtruth.m`` (chain codes), jfx319/vicente_CS6501 ``overlay.md`` (two lesion
types of one abnormality, cores, pathologies; some files announce more outlines than they hold, so their
number is not read). Not verified: whether the first pixel is number 0 or 1, and all the names that
converters give to films.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from calcscope.errors import UnreadableInput
from calcscope.evaluate.cbis_ddsm import DISTRIBUTIONS, SHAPES, most_suspicious, outcome
from calcscope.evaluate.marked import MarkedGroup, MarkedView, Outline, verdict
from calcscope.evaluate.tables import some
from calcscope.exam import ReadOptions
from calcscope.exam.model import Points

EXPECTED = "case folders of DDSM, each with an .ics file"
FILM = re.compile(
    r"^(?P<side>LEFT|RIGHT)_(?P<view>CC|MLO) LINES (?P<rows>\d+) PIXELS_PER_LINE (?P<columns>\d+) "
    r"BITS_PER_PIXEL \d+ RESOLUTION (?P<microns>[\d.]+) (?P<overlay>NON_OVERLAY|OVERLAY)",
    re.MULTILINE,
)
LESION = re.compile(r"LESION_TYPE CALCIFICATION TYPE (\S+) DISTRIBUTION (\S+)")
SUFFIXES = (".png", ".tif", ".tiff", ".pgm", ".LJPEG.png", ".LJPEG.tif", ".LJPEG.pgm")
STEPS = np.array([(0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1)], dtype=np.float64)
"""(x, y) of the codes 0 to 7."""


def read(folder: Path) -> list[MarkedView]:
    """The films of all cases below a folder. A film is normal when no film of its case has a finding.

    Raises
    ------
    UnreadableInput : without a case, for an .ics or .OVERLAY that is none, and for films not yet converted
    """
    cases = some(sorted(folder.rglob("*.ics")), folder, "no .ics file", EXPECTED)
    return [view for case in cases for view in _case(case)]


def _case(ics: Path) -> list[MarkedView]:
    films = list(FILM.finditer(ics.read_text(encoding="latin-1")))
    some(films, ics, "no line of a film", "lines such as LEFT_CC LINES … RESOLUTION … OVERLAY")
    normal = all(film["overlay"] == "NON_OVERLAY" for film in films)
    return [_film(ics, film, normal) for film in films]


def _film(ics: Path, film: re.Match[str], normal: bool) -> MarkedView:
    # The case A-1141-1.ics has films A_1141_1.LEFT_CC.
    name = f"{ics.stem.replace('-', '_')}.{film['side']}_{film['view']}"
    images = [
        ics.parent / f"{name}{suffix}" for suffix in SUFFIXES if (ics.parent / f"{name}{suffix}").is_file()
    ]
    if not images:
        packed = (ics.parent / f"{name}.LJPEG").is_file()
        raise UnreadableInput(
            str(ics.parent / name),
            "only LJPEG, which is not read" if packed else "no such film",
            f"{name}.png, .tif or .pgm",
            "convert the LJPEG with one of the usual tools, without scaling",
        )
    groups = read_overlay(ics.parent / f"{name}.OVERLAY") if film["overlay"] == "OVERLAY" else ()
    return MarkedView(
        name,
        ics.stem,
        images[0],
        ReadOptions(
            pixel_mm=float(film["microns"]) / 1000,
            laterality="L" if film["side"] == "LEFT" else "R",
            view=film["view"],
        ),
        groups,
        normal=normal,
        calcified=bool(groups),
        malignant=verdict(groups),
        stored=(int(film["rows"]), int(film["columns"])),
    )


def read_overlay(path: Path) -> tuple[MarkedGroup, ...]:
    """The calcifications of an overlay file. Raises UnreadableInput when it is missing or is none."""
    if not path.is_file():
        raise UnreadableInput(str(path), "no such file", "the overlay that the .ics names", "add it")
    text = path.read_text(encoding="latin-1")
    if "TOTAL_ABNORMALITIES" not in text:
        raise UnreadableInput(str(path), "no TOTAL_ABNORMALITIES", "a DDSM overlay", "fetch it anew")
    groups = []
    for part in re.split(r"^ABNORMALITY ", text, flags=re.MULTILINE)[1:]:
        words, pathology = LESION.findall(part), re.search(r"PATHOLOGY (\S+)", part)
        if not words:
            continue
        groups.append(
            MarkedGroup(
                Outline(_boundary(part, path)),
                most_suspicious([shape for shape, _ in words], SHAPES),
                most_suspicious([spread for _, spread in words], DISTRIBUTIONS),
                outcome(pathology[1]) if pathology else None,
            )
        )
    return tuple(groups)


def _boundary(part: str, path: Path) -> Points:
    found = re.search(r"BOUNDARY\s+(\d+)\s+(\d+)((?:\s+[0-7])*)\s*#", part)
    if found is None:
        raise UnreadableInput(str(path), "no chain code", "BOUNDARY, column, row, codes, #", "fetch it anew")
    codes = np.array(found[3].split(), dtype=np.intp)
    start = np.array([[float(found[1]), float(found[2])]])
    return np.concatenate([start, start + np.cumsum(STEPS[codes], axis=0)])
