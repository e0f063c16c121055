"""Search: the same words find the same articles on SQLite (FTS5) and on PostgreSQL.

Words are folded before they reach the database, on both sides: accents do not matter, and neither does which
i somebody has on her keyboard. The database only matches beginnings of words and ranks; what of a text is
shown is chosen here, from the text itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection

from calcscope.server.library.articles import Article
from calcscope.server.library.models import Entry
from calcscope.server.library.rendering import paragraphs
from calcscope.server.library.wording import WORD, fold, wording, words_of

MOST_CHARACTERS, MOST_WORDS, MOST_HITS, MOST_FOUND = 200, 8, 30, 200
SNIPPET_CHARACTERS = 200
STEM_LETTERS = 4
"""A word that nothing begins with is shortened, to this at least: endings fall away."""


@dataclass(frozen=True)
class Hit:
    """An article that was found.

    Parameters
    ----------
    snippet : a piece of its text in parts: the words, and whether they were searched for
    """

    article: Article
    snippet: tuple[tuple[str, bool], ...]


def terms_of(query: str, language: str) -> list[str]:
    """The words that are looked for; small words only where there are no others."""
    found = list(dict.fromkeys(words_of(query.replace("\x00", " ")[:MOST_CHARACTERS])))
    telling = [word for word in found if word not in wording(language).passed_over]
    return [word[:40] for word in (telling or found)[:MOST_WORDS]]


def search(language: str, query: str) -> list[Hit]:
    """Articles in a language that have the words of a query, the best first.

    First those that have every word of it, whatever its ending; where there are none, those that have the
    beginning of every word; then the beginning of any.
    """
    terms = terms_of(query, language)
    if not terms:
        return []
    stems = [_stem(term) for term in terms]
    exact = [(term, _without_ending(term)) for term in terms]
    for wanted, every in (
        (exact, True),
        ([(stem,) for stem in stems], True),
        ([(stem,) for stem in stems], False),
    ):
        found = _find(language, wanted, every)
        if found:
            entries = Entry.objects.in_bulk(found)
            # Each database weighs words in its own way; what a woman sees first is decided here.
            ranked = sorted((entries[pk] for pk in found if pk in entries), key=lambda e: -_worth(e, wanted))
            marked = {each for either in wanted for each in either}
            return [Hit(e.article, snippet_of(e.article, marked)) for e in ranked[:MOST_HITS]]
    return []


def _worth(entry: Entry, terms: Sequence[tuple[str, ...]]) -> float:
    """How well an entry fits: for each term the best place it stands in, and a little for each time."""
    worth = 0.0
    for forms in terms:
        places = [0.0]
        for weight, column in ((10.0, entry.names), (6.0, entry.words), (1.0, entry.body)):
            times = [word for word in column.split() if word.startswith(forms)]
            if times:
                places.append(weight * (1.2 if forms[0] in times else 1.0))
                worth += 0.05 * min(len(times), 10)
        worth += max(places)
    return worth


def _without_ending(term: str) -> str:
    """A letter less for a short word, a third less for a long one."""
    if len(term) <= STEM_LETTERS:
        return term
    return term[:-1] if len(term) <= 7 else term[: len(term) * 2 // 3]


def _stem(term: str) -> str:
    return term[: max(STEM_LETTERS, len(term) * 2 // 3)]


def _find(language: str, terms: Sequence[tuple[str, ...]], every: bool) -> list[int]:
    """Primary keys of entries that have every term, or any, in one of its forms; the best first.

    Terms are letters and digits alone: nothing needs escaping.
    """
    finders = {"sqlite": _find_by_fts5, "postgresql": _find_by_tsvector}
    return finders[connection.vendor](language, terms, every)


def _find_by_fts5(language: str, terms: Sequence[tuple[str, ...]], every: bool) -> list[int]:
    either = ["(" + " OR ".join(f'"{form}"*' for form in dict.fromkeys(forms)) + ")" for forms in terms]
    return _rows(
        "SELECT e.id FROM library_entry_search s JOIN library_entry e ON e.id = s.rowid "
        "WHERE library_entry_search MATCH %s AND e.language = %s "
        "ORDER BY bm25(library_entry_search, 10.0, 6.0, 1.0), e.slug LIMIT %s",
        [(" AND " if every else " OR ").join(either), language, MOST_FOUND],
    )


def _find_by_tsvector(language: str, terms: Sequence[tuple[str, ...]], every: bool) -> list[int]:
    either = ["(" + " | ".join(f"'{form}':*" for form in dict.fromkeys(forms)) + ")" for forms in terms]
    return _rows(
        "SELECT id FROM library_entry, to_tsquery('simple', %s) AS asked "
        "WHERE search @@ asked AND language = %s "
        "ORDER BY ts_rank('{0.1, 0.1, 0.6, 1.0}', search, asked, 1) DESC, slug LIMIT %s",
        [(" & " if every else " | ").join(either), language, MOST_FOUND],
    )


def _rows(sql: str, parameters: Sequence[str | int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]


def snippet_of(article: Article, terms: Collection[str]) -> tuple[tuple[str, bool], ...]:
    """The piece of a text that has the most of the words, each marked; its beginning where it has none."""
    told = (words for kind, words in paragraphs(article) if kind != "heading")
    text = " ".join(" ".join([article.summary, *told]).split())
    spots = [
        (found.start(), found.end(), term)
        for found in WORD.finditer(text)
        if (term := next((t for t in terms if fold(found[0]).startswith(t)), None))
    ]
    start = 0
    if spots:

        def worth(at: int) -> int:
            return len(
                {term for begin, end, term in spots if begin >= at and end <= at + SNIPPET_CHARACTERS - 40}
            )

        first = max((begin for begin, _end, _term in spots), key=lambda at: (worth(at), -at))
        start = _sentence(text, first)
    end = min(len(text), start + SNIPPET_CHARACTERS)
    if end < len(text):
        end = text.rfind(" ", start + 1, end) if " " in text[start + 1 : end] else end
    parts: list[tuple[str, bool]] = [("… ", False)] if start else []
    at = start
    for begin, stop, _term in spots:
        if begin >= at and stop <= end:
            parts += [(text[at:begin], False), (text[begin:stop], True)]
            at = stop
    parts.append((text[at:end] + (" …" if end < len(text) else ""), False))
    return tuple((words, hit) for words, hit in parts if words)


def _sentence(text: str, at: int) -> int:
    """Where the sentence begins, or the word some 60 characters before where that is far away."""
    begin = max(text.rfind(mark, 0, at) + len(mark) for mark in (". ", "? ", "! ", ": "))
    if any(text.rfind(mark, 0, at) >= 0 for mark in (". ", "? ", "! ", ": ")) and at - begin < 100:
        return begin
    return 0 if at < 100 else text.find(" ", at - 60) + 1
