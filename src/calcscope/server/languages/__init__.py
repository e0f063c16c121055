"""The languages of the pages, letters and articles: one folder each, with everything that is said in it.

A folder holds ``language.yaml``, ``LC_MESSAGES/django.po`` (the texts of the pages; English needs none, its
texts stand in the source), ``passages/*.yaml`` and ``articles/*.md``. Another language is another folder;
nothing else names the languages. This module knows nothing of Django.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent
SOURCE = "en"
"""The language in which texts are written first, and which every other is complete against."""


class Readability(BaseModel):
    """How plain the texts of a language are to be.

    Parameters
    ----------
    formula : the name of a formula of :mod:`calcscope.server.languages.readability`
    limit : what every passage must reach; a grade or a score, as the formula gives it
    easier : whether a plainer text has the lower or the higher number
    source, verified : whose scale the limit is read from, and whether that could be read
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    formula: str
    limit: float
    easier: Literal["lower", "higher"]
    source: str
    verified: bool


class Language(BaseModel):
    """A language.

    Parameters
    ----------
    code : as browsers and Django name it, such as ``es``
    name : what those who speak it call it
    folder : where its texts are
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name: str
    folder: Path
    readability: Readability


@cache
def available() -> dict[str, Language]:
    """The languages by their code, the source language first, then by code.

    Raises
    ------
    ValueError : for a ``language.yaml`` that is not as it should be; the message names it
    """
    folders = sorted(path.parent for path in FOLDER.glob("*/language.yaml"))
    folders.sort(key=lambda folder: folder.name != SOURCE)
    return {folder.name: _read(folder) for folder in folders}


def _read(folder: Path) -> Language:
    path = folder / "language.yaml"
    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Language(code=folder.name, folder=folder, **stated)
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: {error}") from error
