"""What a worklist shows: chosen by a form, kept in the session, never in an address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from calcscope import lexicon
from calcscope.server.exams.models import Exam, State
from calcscope.server.people.models import User

OPEN = tuple(state for state in State if state != State.SIGNED)
DAYS = {"": _("any"), "1": _("today and yesterday"), "7": _("a week"), "31": _("a month"), "366": _("a year")}
ORDERS = {
    "urgency": ("urgency", "date", "pk"),
    "newest": ("-date", "urgency", "pk"),
    "oldest": ("date", "urgency", "pk"),
    "received": ("-received_at", "pk"),
}


class WorklistFilter(forms.Form):
    """The filters of a worklist."""

    state = forms.ChoiceField(label=_("Status"), required=False)
    site = forms.ChoiceField(label=_("Site"), required=False)
    category = forms.ChoiceField(label=_("Category"), required=False)
    days = forms.ChoiceField(label=_("Taken within"), required=False, choices=list(DAYS.items()))
    order = forms.ChoiceField(
        label=_("Order"), required=False,
        choices=[("urgency", _("most urgent first")), ("newest", _("newest first")),
                 ("oldest", _("oldest first")), ("received", _("last received first"))],
    )  # fmt: skip
    search = forms.CharField(label=_("Name, ID or accession number"), required=False, max_length=100)

    def __init__(self, user: User, data: dict[str, Any] | None) -> None:
        super().__init__({"state": "open", "order": "urgency", **(data or {})})
        field: Any = self.fields["state"]
        field.choices = [("open", _("open")), ("", _("all")), *State.choices]
        field = self.fields["site"]
        field.choices = [("", _("all")), *((site.code, site.name) for site in user.sites())]
        field = self.fields["category"]
        field.choices = [("", _("all")), *((each, each) for each in lexicon.categories().overall_order)]
        self.user = user

    def exams(self) -> QuerySet[Exam]:
        """The exams that fit."""
        exams: QuerySet[Exam] = Exam.objects.for_user(self.user).select_related("woman", "site", "held_by")
        asked = self.cleaned_data if self.is_valid() else {}
        if asked.get("state") == "open":
            exams = exams.filter(state__in=OPEN)
        elif asked.get("state"):
            exams = exams.filter(state=asked["state"])
        if asked.get("site"):
            exams = exams.filter(site__code=asked["site"])
        if asked.get("category"):
            exams = exams.filter(category=asked["category"])
        if asked.get("days"):
            exams = exams.filter(date__gte=timezone.localdate() - timedelta(days=int(asked["days"])))
        for word in asked.get("search", "").split():
            exams = exams.filter(
                Q(woman__name__icontains=word) | Q(woman__patient_id__iexact=word) | Q(accession__iexact=word)
            )
        return exams.order_by(*ORDERS[asked.get("order") or "urgency"])
