"""The page on a woman's risk: open to all, in plain words, the model's own figures, and nothing kept."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from calcscope.risk import Answers, Contradiction, Risk, model
from calcscope.risk.bcrat import RACES, Bcrat
from calcscope.server.audit.models import Event
from calcscope.server.languages import SOURCE, Language, available, messages
from calcscope.server.languages.readability import measure
from calcscope.server.risks import drawing, words
from calcscope.server.risks.views import of_a_thousand

pytestmark = pytest.mark.django_db
WOMAN = {
    "age": "45", "race": "white", "menarche": "11", "children": "yes", "first_birth": "31", "relatives": "1",
    "biopsies": "1", "atypia": "yes",
}  # fmt: skip
SAME = Answers(age=45, race="white", menarche=11, first_birth=31, relatives=1, biopsies=1, atypia=True)


def text_of(page: bytes) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.decode())).split())


def ask(client: Client, **answers: str) -> str:
    given = {**WOMAN, **answers}
    answer = client.post(reverse("risks:risk"), {name: each for name, each in given.items() if each})
    assert answer.status_code == 200
    return text_of(answer.content)


def test_anybody_may_ask_and_the_empty_page_says_whom_it_is_for(client: Client) -> None:
    told = text_of(client.get(reverse("risks:risk")).content)
    assert "women from 35 on who have not had breast cancer" in told
    assert "Nothing that you write here is kept" in told
    assert "Your result" not in told
    assert "not medically reviewed" in told


def test_a_result_is_read_in_another_language_with_the_same_answers(client: Client) -> None:
    at = reverse("risks:risk")
    page = client.post(at, WOMAN).content.decode()
    (switch,) = re.findall(r'<form[^>]* class="languages".*?</form>', page, re.DOTALL)
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', switch))
    sent.pop("csrfmiddlewaretoken")
    assert sent == WOMAN
    again = client.post(at, {**sent, "language": "tr"}).content.decode()
    assert '<html lang="tr"' in again
    assert 'id="result"' in again
    assert '<html lang="tr"' in client.get(at).content.decode(), "and the next page is in it too"
    assert '<html lang="tr"' in client.post(at, {**sent, "language": "xx"}).content.decode()


def test_the_figures_are_the_models_beside_the_average_womans(client: Client) -> None:
    told = ask(client)
    for until in (50, 90):
        risk = model("bcrat").risk(SAME, until)
        assert f"to the age of {until}" in told
        assert f"about {round(10 * risk.percent)} get breast cancer" in told
        assert f"about {1000 - round(10 * risk.percent)} do not" in told
        assert f"{risk.percent:.1f} % for you, {risk.average_percent:.1f} % for her" in told
    assert "A risk is no diagnosis" in told
    assert "Unusual cells in a biopsy, or none: 1.8 times the risk" in told
    assert "See your doctor soon".lower() in told.lower()
    assert "doi:10.1093/jnci/81.24.1879" in told


def test_nothing_is_kept_and_no_answer_is_in_an_address(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.post(reverse("risks:risk"), WOMAN)
    assert not Event.objects.exists()
    assert answer["Cache-Control"] == "no-store, private"
    assert not client.session.keys()
    assert caplog.text == ""
    page = answer.content.decode()
    form = re.search(r"<form[^>]*novalidate[^>]*>", page)
    assert form is not None
    assert 'method="post" action="#result"' in form[0]


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        ({"age": "17"}, "age"),
        ({"age": "95"}, "age"),
        ({"age": "old"}, "age"),
        ({"age": ""}, "age"),
        ({"menarche": "50"}, "menarche"),
        ({"first_birth": "60"}, "first_birth"),
        ({"first_birth": "9"}, "first_birth"),
        ({"children": "no"}, "first_birth"),
        ({"biopsies": "0"}, "atypia"),
        ({"biopsies": ""}, "atypia"),
        ({"race": "martian"}, "race"),
        ({"mutation": "on"}, "mutation"),
        ({"earlier_cancer": "on"}, "earlier_cancer"),
        ({"chest_radiation": "on"}, "chest_radiation"),
    ],
)
def test_answers_that_do_not_fit_are_named_and_give_no_number(
    client: Client, answers: dict[str, str], named: str
) -> None:
    answer = client.post(reverse("risks:risk"), {**WOMAN, **answers})
    form = answer.context["form"]
    assert list(form.errors) == [named]
    page = answer.content.decode()
    assert f'<a href="#id_{named}">{form[named].label}</a>: ' in page
    assert f'id="id_{named}_error"' in page
    assert "Of 1,000 women" not in page


def test_every_refusal_of_the_model_has_plain_words() -> None:
    for name in ("age", "biopsies", "atypia", "menarche", "first_birth", "relatives"):
        assert name in words.REFUSED
    with pytest.raises(Contradiction) as refused:
        Bcrat().risk(Answers(age=45, race="white", mutation=True), 50)
    assert refused.value.answer == "mutation"
    assert words.refusal(refused.value) == words.REFUSED["mutation"]
    assert words.refusal(Contradiction("density: found 7; expected a to d")).startswith("density")


def test_every_group_and_factor_of_the_model_has_plain_words() -> None:
    assert words.GROUPS.keys() == RACES.keys()
    assert words.FACTORS.keys() == model("bcrat").risk(SAME, 90).factors.keys()
    nothing = model("bcrat").risk(Answers(age=45, race="white"), 90)
    assert all(name.replace("_", " ") in nothing.warnings[-1] for name in words.ANSWERS)
    assert len(words.ANSWERS) == nothing.warnings[-1].count(",") + 1


def test_a_young_woman_gets_a_number_and_a_warning(client: Client) -> None:
    told = ask(client, age="30", first_birth="25")
    assert "Of 1,000 women with your answers" in told
    assert "You are under 35" in told
    assert "You are under 35" not in ask(client)


def test_what_was_left_open_is_said(client: Client) -> None:
    told = ask(client, relatives="", menarche="", race="chinese")
    assert "counted as the lowest step: age at the first period, relatives with breast cancer." in told
    assert "For your group the tool rests on fewer women" in told


def test_a_woman_of_88_is_told_until_90_alone(client: Client) -> None:
    told = ask(client, age="88")
    assert "In your lifetime, to the age of 90" in told
    assert "next five years" not in told.partition("Your result")[2].partition("How sure")[0]


def test_numbers_are_written_as_the_language_writes_them(client: Client) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    percent = f"{model('bcrat').risk(SAME, 50).percent:.1f}".replace(".", ",")
    assert f"{percent} %" in ask(client).replace("\xa0", " ")


def test_another_model_is_asked_by_its_name(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        name, title = "other", "Another model"
        races: dict[str, str] = {"any": "any group"}  # noqa: RUF012

        def risk(self, answers: Answers, until: float) -> Risk:
            if answers.age > 70:
                raise Contradiction("age: found over 70; expected less")
            return Risk(
                answers.age, until, 2.0, 1.0, 2.0, {"own factor": 2.0}, ("A warning.",), "Another", "S"
            )

    def both(name: str) -> object:
        return Other() if name == "other" else model(name)

    monkeypatch.setattr("calcscope.server.risks.views.models", lambda: ["bcrat", "other"])
    monkeypatch.setattr("calcscope.server.risks.views.model_of", both)
    page = client.get(reverse("risks:risk")).content.decode()
    assert '<a href="?model=other">Another model</a>' in page
    answer = client.post(f"{reverse('risks:risk')}?model=other", {"age": "40", "race": "any"})
    told = text_of(answer.content)
    assert "about 20 get breast cancer" in told
    assert "own factor: 2.0 times the risk" in told
    assert "A warning." in told
    assert client.get(reverse("risks:risk"), {"model": "nobody's"}).status_code == 404


@pytest.mark.parametrize(("count", "full", "rest"), [(0, 0, 0), (12, 0, 96), (40, 8, 0), (709, 136, 232)])
def test_as_many_dots_are_filled_as_is_said(count: int, full: int, rest: int) -> None:
    picture = drawing.dots(count, "own", of_a_thousand(count))
    height, filled = re.findall(
        r'<rect(?: y="\d+")? width="(\d+)" height="(\d+)" fill="url\(#own-hit', picture
    )
    assert (int(height[1]), int(filled[0])) == (full, rest)
    assert (full // drawing.STEP) * drawing.ROW + rest // drawing.STEP == count
    assert f'aria-label="{of_a_thousand(count)}"' in picture
    assert full <= drawing.OF // drawing.ROW * drawing.STEP


def test_fewer_than_one_of_a_thousand_is_said_so() -> None:
    with translation.override("en"):
        assert of_a_thousand(0) == "fewer than 1 of 1,000 women"
        assert of_a_thousand(1) == "about 1 of 1,000 women"


@pytest.mark.parametrize("language", available().values(), ids=lambda language: language.code)
def test_its_words_are_as_plain_as_every_text_for_women(language: Language) -> None:
    said = messages.template() if language.code == SOURCE else messages.read(language)
    texts = []
    for message in said:
        if message.id and any(at.startswith("risks/") for at, _line in message.locations):
            forms = message.id if language.code == SOURCE else message.string
            texts.append(forms if isinstance(forms, str) else forms[-1])
    sentences = [re.sub(r"%\(\w+\)s|{\w+}", "5", each) for each in texts if each.endswith((".", "?"))]
    assert len(sentences) > 40
    assert measure("\n\n".join(sentences).replace("%%", "%"), language).plain
