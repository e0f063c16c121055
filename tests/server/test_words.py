"""The viewer speaks the reader's language: every text of it is in the server's table, and nothing else is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from accounts import Account, Enter
from django.utils import translation
from exams import exam_read
from test_arbitration import page_of

from calcscope.server.people.models import Site
from calcscope.server.reading import words

SOURCE = Path(__file__).parents[2] / "frontend/src"
SAID = re.compile(r'\b(?:t|word|refusal)\(("(?:[^"\\]|\\.)*")')
LITERAL = re.compile(
    r'(?:append|textContent =|"aria-label":|title:|alt:)\s*\(?(["`][A-Za-z][^"`$]* [^"`$]*["`])'
)


def said() -> dict[str, str]:
    """Every text of the viewer's source, with the file that says it."""
    return {
        json.loads(found[1]): path.name
        for path in sorted(SOURCE.rglob("*.ts"))
        for found in SAID.finditer(path.read_text(encoding="utf-8"))
    }


def test_every_text_of_the_viewer_is_sent_and_none_beside() -> None:
    used = said()
    assert len(used) > 200
    assert {text: used[text] for text in used.keys() - set(words.WORDS)} == {}
    assert set(words.WORDS) - used.keys() == set()
    assert len(words.WORDS) == len(set(words.WORDS))


def test_no_text_goes_past_the_table() -> None:
    bare = [
        f"{path.name}: {found[1]}"
        for path in sorted(SOURCE.rglob("*.ts"))
        for found in LITERAL.finditer(path.read_text(encoding="utf-8"))
    ]
    assert bare == []


def test_the_page_brings_the_words_in_the_readers_language(
    site: Site, tmp_path: Path, account: Account, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = exam_read(site, tmp_path, "with_prior")
    browser = signed_in(account("radiologist"))
    assert page_of(browser, exam)["words"] == {text: text for text in words.WORDS}
    monkeypatch.setattr(words, "gettext", lambda text: f"{translation.get_language()}: {text}")
    with translation.override("tr"):
        browser.cookies["django_language"] = "tr"
        given = page_of(browser, exam)["words"]
    assert given["Accept"] == "tr: Accept"
    assert given.keys() == set(words.WORDS)
