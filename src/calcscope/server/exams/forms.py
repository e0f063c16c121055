"""What the staff fills in about a woman."""

from __future__ import annotations

from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from calcscope.server.followup.forms import Date

OLDEST = 130
"""Years: nobody has grown older; a date before that is a slip of the hand."""


class BirthDateForm(forms.Form):
    """A date of birth that no image stated."""

    birth_date = forms.DateField(label=_("Date of birth"), widget=Date())

    def clean_birth_date(self) -> date:
        """A day in the past on which a woman alive may have been born."""
        day: date = self.cleaned_data["birth_date"]
        today = timezone.localdate()
        if not today.year - OLDEST <= day.year or day >= today:
            raise ValidationError(_("No woman alive was born on that day. Look at the year again."))
        return day
