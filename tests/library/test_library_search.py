"""Search: what women type leads to the article on either database, and nothing that is typed breaks it."""

from __future__ import annotations

import pytest
from django.db import connection

from calcscope.server.library.models import Entry
from calcscope.server.library.searching import search, snippet_of, terms_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("language", "query", "first"),
    [
        ("en", "milk of calcium", "cysts-and-milk-of-calcium"),
        ("en", "What does my BI-RADS number mean?", "birads"),
        ("en", "deodorant", "what-looks-like-calcifications"),
        ("en", "should I stop eating cheese", "diet-and-calcium"),
        ("en", "popcorn", "fibroadenoma"),
        ("en", "six months", "follow-up"),
        ("en", "needle", "stereotactic-biopsy"),
        ("en", "  DCIS  ", "dcis"),
        ("es", "que significa mi numero BI-RADS", "birads"),
        ("es", "desodorante", "what-looks-like-calcifications"),
        ("es", "LECHE DE CALCIO", "cysts-and-milk-of-calcium"),
        ("es", "seis meses", "follow-up"),
        ("es", "cicatrización", "injury-and-fat-necrosis"),
        ("tr", "kalsiyum sütü", "cysts-and-milk-of-calcium"),
        ("tr", "kalsiyum sutu", "cysts-and-milk-of-calcium"),
        ("tr", "KİST", "cysts-and-milk-of-calcium"),
        ("tr", "IŞIN TEDAVİSİ", "radiation-therapy"),
        ("tr", "isin tedavisi", "radiation-therapy"),
        ("tr", "altı ay", "follow-up"),
        ("tr", "deodorantlar", "what-looks-like-calcifications"),
    ],
)
def test_what_women_type_leads_to_the_article(language: str, query: str, first: str) -> None:
    hits = search(language, query)
    assert first in [hit.article.id for hit in hits[:2]]
    assert all(hit.article.language == language for hit in hits)
    assert any(marked for _words, marked in hits[0].snippet)


@pytest.mark.parametrize("query", ["lump", "lumps", "LUMPS", "lümps"])
def test_endings_and_capitals_do_not_matter(query: str) -> None:
    assert {"fibroadenoma", "emergency"} <= {hit.article.id for hit in search("en", query)}


@pytest.mark.parametrize(
    "query",
    ["", "   ", "\x00", "xyzzyplugh", '"', "'", "'; DROP TABLE library_entry; --", '" OR "a"* NEAR(', "*",
     "()", ":*", "a & | !", "%", "\\", "names:x", "-x", "^x", "💥", "ﷺ", "一", "1" * 5000, "x " * 5000,
     "<script>alert(1)</script>",
     "\ud7ff", "ı" * 300, "NOT", "AND OR NOT", "{x y}", "e\u0301"],
)  # fmt: skip
def test_nothing_that_is_typed_breaks_it(query: str) -> None:
    for language in ("en", "es", "tr", "xx"):
        search(language, query)
    assert Entry.objects.exists()


def test_words_that_say_nothing_are_passed_over_where_there_are_others() -> None:
    assert terms_of("What does the calcium do?", "en") == ["calcium"]
    assert terms_of("what is this", "en") == ["what", "is", "this"]
    assert len(terms_of(" ".join(map(str, range(100))), "en")) == 8


def test_a_snippet_shows_the_words_in_a_text_as_it_is_written() -> None:
    article = Entry.objects.get(language="en", slug="diet-and-calcium").article
    parts = snippet_of(article, ["cheese"])
    text = "".join(words for words, _marked in parts)
    assert [words for words, marked in parts if marked] == ["cheese"]
    assert text.startswith("… You can go on with milk")
    assert len(text) < 220
    begins = snippet_of(article, ["nowhere"])
    assert begins[0][0].startswith("The calcium that you eat")


def test_the_index_follows_the_table_by_itself() -> None:
    entry = Entry.objects.get(language="en", slug="dcis")
    Entry.objects.filter(pk=entry.pk).update(names="zebra", words="", body="")
    assert [hit.article.id for hit in search("en", "zebra")] == ["dcis"]
    entry.delete()
    assert search("en", "zebra") == []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(
                "INSERT INTO library_entry_search(library_entry_search) VALUES ('integrity-check')"
            )
