"""What can be done to a step."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from calcscope import lexicon
from calcscope.server.followup.models import Step
from calcscope.server.languages.words import capitalised, lexicon_text, plain


class Date(forms.DateInput):
    """A browser's own date field, which takes ISO dates in every language."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class Time(forms.TimeInput):
    """A browser's own field for a time of the day, hours and minutes."""

    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%H:%M")


class Plain(forms.Form):
    """One of several forms of a page: its fields have ids of their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        own = {"auto_id": f"{type(self).__name__}_%s", "label_suffix": ""}
        super().__init__(*args, **{**own, **kwargs})


class ScheduleForm(Plain):
    """An appointment."""

    day = forms.DateField(label=_("Day"), widget=Date)
    time = forms.TimeField(label=_("Time (may be left out)"), required=False, widget=Time)
    note = forms.CharField(label=_("Note"), required=False, max_length=500)


class AttemptForm(Plain):
    """Trying to reach her."""

    how = forms.ChoiceField(
        label=_("How"),
        choices=[
            ("phone", _("phone")),
            ("email", _("email")),
            ("letter", _("letter")),
            ("in_person", _("in person")),
        ],
    )
    reached = forms.ChoiceField(label=_("Reached"), choices=[("no", _("no")), ("yes", _("yes"))])
    note = forms.CharField(label=_("Note"), required=False, max_length=500)


class MoveForm(Plain):
    """Another due date."""

    due = forms.DateField(label=_("New date"), widget=Date)
    why = forms.CharField(label=_("Why"), max_length=500)


class CloseForm(Plain):
    """Closing without having it done."""

    reason = forms.ChoiceField(label=_("Reason"))
    note = forms.CharField(label=_("Note"), required=False, max_length=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        reason: Any = self.fields["reason"]
        internal = ("addendum", "newer_exam", "newer_result")
        reason.choices = [
            (key, lexicon_text(words))
            for key, words in lexicon.chains().closing.items()
            if key not in internal
        ]


BY_HAND = {"tell_result": ("spoken",)}
"""All that is written down by hand of a step; a letter that is printed, or a page opened, ends it too."""


class ResultForm(Plain):
    """A result, and what the step asks for beside it."""

    result = forms.ChoiceField(label=_("Result"))
    note = forms.CharField(label=_("Note"), required=False, max_length=500)

    def __init__(self, step: Step, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        result: Any = self.fields["result"]
        said = BY_HAND.get(step.code) or step.kind.results
        result.choices = [("", "–"), *((key, lexicon_text(step.kind.results[key])) for key in said)]
        for name, choices in step.kind.asks.items():
            self.fields[name] = forms.ChoiceField(
                label=capitalised(lexicon_text(plain(name))),
                choices=[("", "–"), *((each, lexicon_text(plain(each))) for each in choices)],
            )
        self.asked = tuple(step.kind.asks)
