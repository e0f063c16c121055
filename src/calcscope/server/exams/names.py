"""Names of people as DICOM states them: family^given^middle^prefix^suffix (PS3.5 6.2.1)."""

from __future__ import annotations

import unicodedata

_LETTERS = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
"""Letters that Unicode does not take apart into a plain one and an accent."""


def alike(one: str, other: str) -> bool:
    """Whether two names are the same but for case, accents and spaces, in family and given name."""
    return _plain(one) == _plain(other)


def as_written(name: str) -> str:
    """A name as people write it: ``Family, Given Middle``."""
    family, _caret, given = name.partition("^")
    return ", ".join(filter(None, (family, given.replace("^", " ").strip())))


def _plain(name: str) -> list[str]:
    """Family and given name; of a name in several scripts the first one."""
    apart = unicodedata.normalize("NFKD", name.partition("=")[0].casefold().translate(_LETTERS))
    letters = "".join(character for character in apart if not unicodedata.combining(character))
    family, _caret, given = letters.partition("^")
    return [" ".join(part.split()) for part in (family, given.partition("^")[0])]
