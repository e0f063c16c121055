"""Articles as they are written: a Markdown file with front matter. This module knows nothing of Django."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from calcscope.errors import CalcscopeError

Topic = Literal["basics", "causes", "tests", "results", "care"]
TOPICS: tuple[Topic, ...] = ("basics", "tests", "results", "care", "causes")
"""In the order in which a woman meets them."""
EMERGENCY = "emergency"
"""The article that every other one points to; its summary stands on each page and is never left out."""
CITATION = re.compile(r"\[\^([A-Za-z]\w*)\]")
LINK = re.compile(r"\]\(article:([\w-]+)\)")
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


class ArticleError(CalcscopeError):
    """An article that cannot be shown; the message names the file, what was found and what was expected."""


class Article(BaseModel):
    """An article.

    Parameters
    ----------
    id : the same in every language; the last part of its address
    title, other_names : what it is about, and what else that is called
    language : a code
    topic : where in the index it stands
    summary : a few sentences, without Markdown
    questions : what a woman asks or notices that it answers: the index by question
    words : more words under which it is found
    related : other articles, by id
    sources : what it cites, by id, in the order of their numbers
    reviewer, medical_review_date : the clinician who checked it, and when; none: not medically reviewed
    next_review_due : after this day it is flagged
    update_date, version : of the text
    body : Markdown; ``[^S0]`` cites a source, ``[text](article:id)`` leads to another article
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9-]+$", max_length=80)
    title: str = Field(min_length=1, max_length=200)
    other_names: tuple[str, ...] = ()
    language: str
    topic: Topic
    summary: str = Field(min_length=1)
    questions: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    sources: tuple[str, ...] = Field(min_length=1)
    reviewer: str = ""
    medical_review_date: date | None = None
    next_review_due: date
    update_date: date
    version: int = Field(ge=1)
    body: str = Field(min_length=1)

    @field_validator("reviewer", mode="before")
    @classmethod
    def _empty(cls, value: object) -> object:
        return "" if value is None else value

    @property
    def reviewed(self) -> bool:
        """Whether a clinician has checked it."""
        return bool(self.reviewer and self.medical_review_date)

    def overdue(self, today: date) -> bool:
        """Whether it should have been looked at again before today."""
        return today > self.next_review_due

    @property
    def cited(self) -> tuple[str, ...]:
        """Sources that the body cites, each once, in their order there."""
        return tuple(dict.fromkeys(CITATION.findall(self.body)))

    @property
    def leads_to(self) -> frozenset[str]:
        """Other articles that it links to or names as related."""
        return frozenset((*self.related, *LINK.findall(self.body)))


def sha256_of(text: str) -> str:
    """Of a file's text: what has changed is taken anew."""
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1024)
def parse(text: str, where: str = "article") -> Article:
    """An article from the text of its file.

    Parameters
    ----------
    where : what the error names

    Raises
    ------
    ArticleError
    """
    front = _FRONT.match(text.replace("\r\n", "\n"))
    if front is None:
        raise ArticleError(
            f"{where}: found no front matter; expected lines between --- and --- with id, title, language …; "
            "take another article as a pattern"
        )
    try:
        stated = yaml.safe_load(front[1])
    except yaml.YAMLError as error:
        raise ArticleError(
            f"{where}: the front matter is no YAML ({error}); put quotes around a text with a colon or a "
            "question mark"
        ) from None
    if not isinstance(stated, dict):
        raise ArticleError(f"{where}: found no fields in the front matter; expected id, title, language …")
    body = text.replace("\r\n", "\n")[front.end() :].strip()
    try:
        article = Article.model_validate({**stated, "body": body})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ArticleError(f"{where}: {faults}") from None
    if set(article.cited) != set(article.sources):
        raise ArticleError(
            f"{where}: the text cites {', '.join(article.cited) or 'nothing'}, the front matter states "
            f"{', '.join(article.sources)}; expected the same"
        )
    return article


def files(folder: Path) -> Iterator[Path]:
    """The articles of a folder, by name."""
    return iter(sorted(path for path in folder.glob("*.md") if path.is_file()))


def read(path: Path, language: str) -> tuple[str, Article]:
    """The text of a file and the article that it holds.

    Raises
    ------
    ArticleError : also where its name or folder says something else than its front matter
    """
    where = f"{language}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ArticleError(f"{where}: cannot be read ({error}); expected a file in UTF-8") from None
    article = parse(text, where)
    if (article.id, article.language) != (path.stem, language):
        raise ArticleError(
            f"{where}: found id {article.id!r} and language {article.language!r}; expected {path.stem!r} and "
            f"{language!r}, as the file and its folder are called"
        )
    return text, article
