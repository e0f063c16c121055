"""What the articles cite. This module knows nothing of Django."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from calcscope import lexicon
from calcscope.server.library.articles import ArticleError

DATA = Path(__file__).parent / "data" / "sources.yaml"


class Source(BaseModel):
    """A source.

    Parameters
    ----------
    reference : author, title, publisher, date
    address : where it can be read; empty where that could not be confirmed
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: str
    address: str = ""


@cache
def sources(own: Path | None = None) -> dict[str, Source]:
    """Sources by id.

    Parameters
    ----------
    own : a file of the hospital's with more of them, in the same shape; may be missing

    Raises
    ------
    ArticleError : for a file that is not as it should be
    """
    found: dict[str, Source] = {}
    for path in (DATA, own):
        if path is None or not path.exists():
            continue
        try:
            stated = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
            for name, fields in stated.items():
                known = lexicon.sources().get(name)
                found[name] = Source.model_validate(
                    {**({"reference": known.reference} if known else {}), **(fields or {})}
                )
        except (OSError, KeyError, TypeError, AttributeError, ValidationError, yaml.YAMLError) as error:
            raise ArticleError(
                f"{path.name}: {error}; expected sources: with reference and address for each"
            ) from None
    return found
