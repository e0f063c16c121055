"""Every page in every language: chosen by anybody, kept for the account, complete against the source."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from accounts import PASSWORD, Account, Enter
from babel.messages import Catalog, Message
from django.conf import settings
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import translation

from calcscope.server.languages import SOURCE, Language, available, messages
from calcscope.server.languages.words import capitalised, lexicon_text

TRANSLATED = [pytest.param(each, id=each.code) for each in messages.translated()]


@pytest.fixture(scope="module")
def source() -> Catalog:
    """The texts of the source."""
    return messages.template()


def key(message: Message) -> tuple[object, str | None]:
    return message.id, message.context


def forms(text: object) -> list[str]:
    return list(text) if isinstance(text, tuple | list) else [str(text)]


def test_the_folders_are_the_languages() -> None:
    assert list(available()) == ["en", "es", "tr"]
    assert available()["es"].name == "Español"
    assert dict(settings.LANGUAGES) == {code: each.name for code, each in available().items()}
    assert next(iter(available())) == SOURCE == settings.LANGUAGE_CODE


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_no_other(language: Language, source: Catalog) -> None:
    there = messages.read(language)
    wanted, had = {key(each) for each in source if each.id}, {key(each) for each in there if each.id}
    assert not wanted - had, f"{language.code}: texts are missing; run make messages, then translate them"
    assert not had - wanted, f"{language.code}: texts that no page has any more; run make messages"
    open_ = [each.id for each in there if each.id and not messages.is_translated(each)]
    assert not open_, f"{language.code}: {len(open_)} texts have no translation, or a fuzzy one"


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_filled_in_is_the_same(language: Language) -> None:
    for message in messages.read(language):
        if not (message.id and messages.is_translated(message)):
            continue
        ours = [messages.placeholders(each) for each in forms(message.id)]
        for text in forms(message.string):
            assert messages.placeholders(text) in ours, f"{language.code}: {message.id!r} → {text!r}"


@pytest.mark.parametrize("language", TRANSLATED)
def test_spaces_and_ends_are_those_of_the_source(language: Language) -> None:
    for message in messages.read(language):
        if not (message.id and messages.is_translated(message)):
            continue
        first, text = forms(message.id)[0], forms(message.string)[0]
        assert (first[:1].isspace(), first[-1:].isspace()) == (text[:1].isspace(), text[-1:].isspace()), text
        if len(first.split()) > 4 and first[-1] in ".?!…":
            assert text[-1] == first[-1], f"{first!r} → {text!r}"


TAGS = re.compile(
    r"{% blocktranslate\b.*?{% endblocktranslate %}|{% comment %}.*?{% endcomment %}|"
    r"{% block kind %}.*?{% endblock %}|{%.*?%}|{{.*?}}|{#.*?#}",
    re.DOTALL,
)
SAME_EVERYWHERE = {"Calcscope", "UTC"}


class Texts(HTMLParser):
    """What a template says of its own accord."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.said += [
            value or "" for name, value in attrs if name in ("alt", "aria-label", "placeholder", "title")
        ]

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # no style sheet, no script
            self.said.append(data)


def test_no_text_of_a_template_goes_past_the_translators() -> None:
    templates = sorted(messages.SERVER.rglob("templates/**/*.html"))
    assert len(templates) > 30
    for path in templates:
        texts = Texts()
        texts.feed(TAGS.sub("", path.read_text(encoding="utf-8")))
        bare = set(re.findall(r"[^\W\d_]{3,}", " ".join(texts.said))) - SAME_EVERYWHERE
        assert not bare, f"{path.name}: say it with translate"


def test_english_has_its_texts_in_the_source() -> None:
    assert not messages.po_of(available()[SOURCE]).exists()


def lang_of(page: bytes) -> str:
    (found,) = re.findall(r'<html lang="([^"]+)"', page.decode())
    return str(found)


@pytest.mark.django_db
def test_anybody_chooses_a_language_before_signing_in(client: Client) -> None:
    at = reverse("people:sign-in")
    page = client.get(at).content.decode()
    for code, name in settings.LANGUAGES:
        assert f'value="{code}" lang="{code}"' in page
        assert name in page
    answer = client.post(reverse("people:language"), {"language": "es", "next": at}, follow=True)
    assert lang_of(answer.content) == "es"
    # The words of Django itself, too.
    wrong = client.post(at, {"username": "nobody", "password": "wrong"})
    assert "Por favor" in unescape(wrong.content.decode())
    assert 'name="language"' in wrong.content.decode(), "who erred may want to read why in her own language"


@pytest.mark.django_db
def test_a_language_is_kept_for_the_account(account: Account, signed_in: Enter) -> None:
    user = account("coordinator")
    browser = signed_in(user)
    at = reverse("followup:dashboard")
    assert lang_of(browser.get(at).content) == "en"
    browser.post(reverse("people:language"), {"language": "tr", "next": at})
    user.refresh_from_db()
    assert user.language == "tr"
    # Another browser, which asks for another language.
    elsewhere = Client(headers={"Accept-Language": "es"})
    assert lang_of(elsewhere.get(reverse("people:sign-in")).content) == "es"
    elsewhere.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert lang_of(elsewhere.get(at, follow=True).content) == "tr"


@pytest.mark.django_db
def test_a_language_that_there_is_not_changes_nothing(account: Account, signed_in: Enter) -> None:
    user = account("coordinator")
    browser = signed_in(user)
    browser.post(reverse("people:language"), {"language": "xx", "next": "/"})
    browser.get(reverse("people:language"), {"language": "es"})
    user.refresh_from_db()
    assert user.language == ""
    assert user.check_password(PASSWORD)
    elsewhere = browser.post(reverse("people:language"), {"language": "es", "next": "https://example.org/"})
    assert elsewhere["Location"] == "/"


def test_words_of_the_lexicon_are_in_the_language_of_the_page() -> None:
    with translation.override("en"):
        assert lexicon_text("histology") == "histology"
    assert lexicon_text("") == ""
    with translation.override("es"):
        assert lexicon_text("histology") == "histología"
    with translation.override("tr"):
        assert (
            lexicon_text("a word that the lexicon does not have") == "a word that the lexicon does not have"
        )


def test_a_capital_is_that_of_the_language() -> None:
    page = Template("{{ word|capfirst }}")
    with translation.override("tr"):
        assert capitalised("işaretleyici klips") == "İşaretleyici klips"
        assert page.render(Context({"word": lexicon_text("marker clip")})) == "İşaretleyici klips"
        assert capitalised("ılık") == "Ilık"
    with translation.override("es"):
        assert capitalised("imagen") == "Imagen"
    assert capitalised("") == ""
