"""What the page asks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from calcscope.risk import Answers, Contradiction, RiskModel
from calcscope.risk.model import NULLIPAROUS
from calcscope.server.risks import words

NOT_KNOWN = ("", _("I do not know"))
YES_NO = [NOT_KNOWN, ("yes", _("yes")), ("no", _("no"))]
COUNTED = [NOT_KNOWN, ("0", _("none")), ("1", _("one")), ("2", _("two or more"))]


class Years(forms.IntegerField):
    """An age."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget = forms.TextInput(attrs={"inputmode": "numeric", "size": 4, "maxlength": 3})
        self.error_messages["invalid"] = _("Write your age in whole years, such as 45.")


class AnswersForm(forms.Form):
    """A woman's answers. Its fields are those of :class:`calcscope.risk.Answers`, and ``children``."""

    age = Years(label=_("Your age"))
    race = forms.ChoiceField(
        label=_("Your group"),
        help_text=_("The tool was made in the USA and has numbers for these groups alone."),
        initial="native_american_or_unknown",
    )
    menarche = Years(
        label=_("Your age at your first period"),
        required=False,
        help_text=_("Leave it empty if you do not know."),
    )
    children = forms.ChoiceField(label=_("Have you given birth to a child?"), choices=YES_NO, required=False)
    first_birth = Years(
        label=_("Your age at the birth of your first child"),
        required=False,
        help_text=_("Leave it empty if you have no child, or do not know."),
    )
    relatives = forms.ChoiceField(
        label=_("How many of your mother, sisters and daughters have had breast cancer?"),
        choices=COUNTED,
        required=False,
    )
    biopsies = forms.ChoiceField(
        label=_("How many breast biopsies have you had?"),
        help_text=_("A biopsy takes a small sample. Count it whatever it showed."),
        choices=COUNTED,
        required=False,
    )
    atypia = forms.ChoiceField(
        label=_("Did a biopsy show unusual cells (atypical hyperplasia)?"), choices=YES_NO, required=False
    )
    mutation = forms.BooleanField(
        label=_("A gene change such as BRCA1 or BRCA2 is known in me"), required=False
    )
    earlier_cancer = forms.BooleanField(
        label=_("I have had breast cancer, DCIS or LCIS (early changes in the ducts or lobes)"),
        required=False,
    )
    chest_radiation = forms.BooleanField(
        label=_("My chest had radiation treatment when I was young"), required=False
    )

    def __init__(self, model: RiskModel, *args: Any, **kwargs: Any) -> None:
        own = {"label_suffix": "", "use_required_attribute": False}
        super().__init__(*args, **{**own, **kwargs})
        group: Any = self.fields["race"]
        group.choices = [(key, words.GROUPS.get(key, name)) for key, name in model.races.items()]
        if group.initial not in model.races:
            group.initial = next(iter(model.races))
        for field in self.fields.values():
            field.widget.attrs["autocomplete"] = "off"  # a shared computer tells the next one nothing

    @property
    def about(self) -> list[forms.BoundField]:
        """The questions."""
        return [self[name] for name in self.fields if name not in self.exclusions()]

    @property
    def not_for(self) -> list[forms.BoundField]:
        """For whom no model is."""
        return [self[name] for name in self.exclusions()]

    @staticmethod
    def exclusions() -> tuple[str, ...]:
        """The answers that no model fits."""
        return ("mutation", "earlier_cancer", "chest_radiation")

    def clean(self) -> dict[str, Any]:
        """No age at a birth that there was not."""
        given = self.cleaned_data
        if given.get("children") == "no" and given.get("first_birth") is not None:
            self.add_error("first_birth", _("You say that you have no child. Check both answers."))
        return given

    def answers(self) -> Answers:
        """What was answered; None for what she does not know."""
        given = self.cleaned_data
        return Answers(
            age=given["age"],
            race=given["race"],
            biopsies=_number(given["biopsies"]),
            atypia={"yes": True, "no": False}.get(given["atypia"]),
            menarche=given["menarche"],
            first_birth=NULLIPAROUS if given["children"] == "no" else given["first_birth"],
            relatives=_number(given["relatives"]),
            mutation=given["mutation"],
            earlier_cancer=given["earlier_cancer"],
            chest_radiation=given["chest_radiation"],
        )

    def refuse(self, why: Contradiction) -> None:
        """Show a contradiction beside the answer that it is about."""
        name = why.answer if why.answer in self.fields else None
        self.add_error(name, words.refusal(why))


def _number(chosen: str) -> int | None:
    return int(chosen) if chosen else None
