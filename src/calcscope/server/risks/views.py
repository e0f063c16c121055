"""The page on a woman's risk. Open to all; her answers are kept nowhere, in no address and in no log."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.i18n import LANGUAGE_QUERY_PARAMETER

from calcscope.risk import Contradiction, Risk, RiskModel, models
from calcscope.risk import model as model_of
from calcscope.risk.model import LIFETIME
from calcscope.server.people.access import with_forms
from calcscope.server.people.middleware import open_to_all
from calcscope.server.people.views import language
from calcscope.server.risks import words
from calcscope.server.risks.drawing import OF, dots
from calcscope.server.risks.forms import AnswersForm

YEARS = 5


@dataclass(frozen=True)
class Shown:
    """One woman's risk beside the average one's.

    Parameters
    ----------
    count, average_count : of a thousand women
    pictures : of both, with what is written under each
    """

    title: str
    risk: Risk
    count: int
    average_count: int
    pictures: list[tuple[str, SafeString]]

    @property
    def rest(self) -> int:
        """Those of a thousand who do not get it."""
        return OF - self.count


@open_to_all
@sensitive_post_parameters()
@with_forms
def risk(request: HttpRequest) -> HttpResponse:
    """Ask, and answer."""
    name = request.GET.get("model", "bcrat")
    if name not in models():
        raise Http404
    model = model_of(name)
    chosen = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if chosen in dict(settings.LANGUAGES):
        translation.activate(chosen)
    form = AnswersForm(model, request.POST if request.method == "POST" else None)
    shown: dict[str, object] = {"form": form, "model": model, "models": _titles(), "meant_for": name}
    if form.is_valid():
        try:
            shown |= _result(model, form)
        except Contradiction as why:
            form.refuse(why)
    if request.method == "POST":
        # In another language the same answers are sent again.
        shown["sent_again"] = [(each, request.POST[each]) for each in form.fields if each in request.POST]
    response = render(request, "risks/risk.html", shown)
    if chosen:
        response.cookies.update(language(request).cookies)
    return response


# Who asked is no more kept than what was asked.
risk.unaudited = True  # type: ignore[attr-defined]


def _titles() -> list[tuple[str, str]]:
    return [(name, model_of(name).title) for name in models()]


def _result(model: RiskModel, form: AnswersForm) -> dict[str, object]:
    """What the page shows of a risk.

    Raises
    ------
    Contradiction
    """
    answers = form.answers()
    life = model.risk(answers, LIFETIME)
    lifetime = _shown(life, _("In your lifetime, to the age of {age}").format(age=f"{LIFETIME:g}"), "life")
    until = answers.age + YEARS
    horizons = [lifetime]
    if until < LIFETIME:
        soon = model.risk(answers, until)
        title = _("In the next five years, to the age of {age}").format(age=f"{until:g}")
        horizons.insert(0, _shown(soon, title, "soon"))
    return {
        "horizons": horizons,
        "factors": words.factors(life),
        "warnings": words.warnings(life),
        "source": words.cited(life.source),
    }


def _shown(risk: Risk, title: str, name: str) -> Shown:
    count, average = (round(percent / 100 * OF) for percent in (risk.percent, risk.average_percent))
    told = _("You: {many}").format(many=of_a_thousand(count))
    mean = _("The average woman: {many}").format(many=of_a_thousand(average))
    pictures = [(told, dots(count, f"{name}-own", told)), (mean, dots(average, f"{name}-average", mean))]
    return Shown(title, risk, count, average, pictures)


def of_a_thousand(count: int) -> str:
    """A number of women of a thousand, in words."""
    if count < 1:
        return _("fewer than 1 of 1,000 women")
    return ngettext("about {n} of 1,000 women", "about {n} of 1,000 women", count).format(n=count)
