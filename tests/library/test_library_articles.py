"""The articles as they are shipped: complete in every language, cited, plain, honest about their review."""

from __future__ import annotations

import re

import pytest

from calcscope.server import languages
from calcscope.server.languages.readability import measure
from calcscope.server.library.articles import (
    CITATION,
    EMERGENCY,
    Article,
    ArticleError,
    files,
    parse,
    read,
)
from calcscope.server.library.citations import sources
from calcscope.server.library.rendering import html_of, paragraphs, plain

ALL = {
    (code, path.stem): read(path, code)[1]
    for code, language in languages.available().items()
    for path in files(language.folder / "articles")
}
each_article = pytest.mark.parametrize("article", ALL.values(), ids=lambda each: f"{each.language}/{each.id}")
each_language = pytest.mark.parametrize("code", languages.available())
SUBJECTS = {
    "breast-calcifications", "macro-and-micro", "cysts-and-milk-of-calcium", "duct-ectasia", "fibroadenoma",
    "injury-and-fat-necrosis", "radiation-therapy", "skin-calcifications", "artery-calcifications",
    "infection-and-inflammation", "ageing", "cancer-and-calcifications", "what-looks-like-calcifications",
    "mammogram", "magnification-views", "preparing", "birads", "stereotactic-biopsy", "biopsy-results",
    "dcis", "follow-up", "treatment", "diet-and-calcium", "risk", "breast-density", "emergency",
}  # fmt: skip


@each_language
def test_every_subject_is_there_in_every_language(code: str) -> None:
    assert {name for language, name in ALL if language == code} == SUBJECTS


@each_article
def test_a_translation_says_the_same_with_the_same_sources(article: Article) -> None:
    first = ALL[languages.SOURCE, article.id]
    for name in ("topic", "related", "version", "sources", "update_date", "next_review_due"):
        assert getattr(article, name) == getattr(first, name)
    assert article.body.count("\n## ") == first.body.count("\n## ")
    assert CITATION.findall(article.body) == CITATION.findall(first.body)
    assert sorted(re.findall(r"article:([\w-]+)", article.body)) == sorted(
        re.findall(r"article:([\w-]+)", first.body)
    )
    assert len(article.questions) == len(first.questions)
    kinds = [kind for kind, _text in paragraphs(article)]
    assert kinds == [kind for kind, _text in paragraphs(first)]


@each_article
def test_figures_are_those_of_the_first_language(article: Article) -> None:
    def figures(one: Article) -> list[str]:
        return sorted(re.findall(r"\d+", plain(one).replace("72,5", "72.5")))

    assert figures(article) == figures(ALL[languages.SOURCE, article.id])


@each_article
def test_links_lead_to_articles_and_citations_to_sources(article: Article) -> None:
    assert article.leads_to <= SUBJECTS
    assert article.id not in article.related
    assert set(article.cited) == set(article.sources) <= set(sources())
    opening = article.body.split("\n## ")[0]
    assert CITATION.search(opening), "its first section says where it is from"


@each_article
def test_nobody_has_reviewed_them_and_they_say_so(article: Article) -> None:
    assert not article.reviewed
    assert article.reviewer == ""
    assert article.next_review_due > article.update_date


@each_article
def test_they_are_short_and_plain(article: Article) -> None:
    text = "\n\n".join([article.summary, *(words for _kind, words in paragraphs(article))])
    least = 150 if article.language == "tr" else 250  # Turkish says in one word what others say in two
    assert least <= len(article.body.split()) <= 700
    measured = measure(text, article.language)
    assert measured.plain, f"{measured.score:.1f}"


PROMISES = {
    "en": r"\b(guarantee|certainly not cancer|cannot be cancer|you (do not )?have cancer|will be cured)",
    "es": r"\b(garantiza|seguro que no es cáncer|no puede ser cáncer|usted (no )?tiene cáncer|se curará)",
    "tr": r"\b(garanti|kesinlikle kanser değil|kanser olamaz|kanser(siniz| değilsiniz)|iyileşeceksiniz)",
}


@each_article
def test_no_text_promises_or_diagnoses(article: Article) -> None:
    allowed = {  # said of what a finding does not tell
        "en": ("does not mean that you have cancer", "mean that I have cancer", "afraid that I have cancer"),
        "es": ("no significa que usted tenga cáncer",),
        "tr": (),
    }
    text = plain(article)
    for words in allowed[article.language]:
        text = text.replace(words, "")
    found = re.search(PROMISES[article.language], text, re.IGNORECASE)
    assert found is None, text[max(0, found.start() - 60) : found.end() + 40]


def test_almost_certainly_harmless_is_how_category_3_is_told() -> None:
    assert "3: Almost certainly harmless." in plain(ALL["en", "birads"])
    assert "72.5 percent" in plain(ALL["en", "follow-up"])


@each_language
def test_the_emergency_passage_stands_for_itself(code: str) -> None:
    summary = ALL[code, EMERGENCY].summary
    assert 25 <= len(summary.split()) <= 70


def test_sources_have_an_address_only_where_it_was_confirmed() -> None:
    known = sources()
    assert known["S2"].reference.startswith("Mammogram - calcifications. MedlinePlus")
    assert known["S2"].address == known["S0"].address == ""
    assert known["S3"].address.startswith("https://blog.dana-farber.org/")
    assert all(each.address.startswith("https://") for each in known.values() if each.address)


GOOD = """---
id: one
title: "One: two"
language: en
topic: care
summary: Short.
sources: [S0]
reviewer:
medical_review_date:
next_review_due: 2027-01-01
update_date: 2026-01-01
version: 1
---
## Heading

Text.[^S0] {more}
"""


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("---\nid", "id", "no front matter"),
        ('"One: two"', "One: two", "no YAML"),
        ("topic: care", "topic: sports", "topic"),
        ("sources: [S0]", "sources: [S0, S1]", "expected the same"),
        ("version: 1", "version: 1\ncolour: red", "colour"),
        ("2027-01-01", "soon", "next_review_due"),
    ],
)
def test_an_article_at_fault_is_refused_by_name(was: str, now: str, said: str) -> None:
    assert parse(GOOD, "en/one.md").title == "One: two"
    with pytest.raises(ArticleError, match=r"en/one\.md") as refused:
        parse(GOOD.replace(was, now, 1), "en/one.md")
    assert said in str(refused.value)


def rendered(more: str) -> str:
    return html_of(parse(GOOD.format(more=more)), lambda name: f"/library/articles/{name}", "Source {n}")


def test_an_article_cannot_bring_html_scripts_or_pictures() -> None:
    told = rendered(
        "<script>alert(1)</script> <b onclick=x>b</b> [go](javascript:alert(1)) ![x](https://x.example/x.png)"
    )
    assert "<script" not in told
    assert "<b " not in told
    assert "<img" not in told
    assert 'href="javascript' not in told
    assert "&lt;script&gt;" in told


def test_citations_are_numbers_that_lead_to_the_source() -> None:
    told = rendered("See [age](article:ageing) and [elsewhere](https://example.org/).")
    assert '<sup class="cite"><a href="#source-S0" aria-label="Source 1">1</a></sup>' in told
    assert '<a href="/library/articles/ageing">age</a>' in told
    assert 'rel="noopener noreferrer"' in told
