"""What a woman fills in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from calcscope.server.exams.models import Woman
from calcscope.server.followup.forms import Date
from calcscope.server.people.forms import free_username
from calcscope.server.people.models import User


class BeginForm(forms.Form):
    """The code of her letter and her date of birth."""

    code = forms.CharField(
        label=_("Code from your letter"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    birth_date = forms.DateField(label=_("Your date of birth"), widget=Date(attrs={"autocomplete": "bday"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class OwnAccountForm(forms.Form):
    """The name and password that she chooses; of who has an account, another password alone."""

    username = forms.CharField(
        label=_("Name to sign in with"),
        help_text=_("You choose it: letters, digits and @ . + - _"),
        max_length=150,
        validators=[User.username_validator],
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=password_validators_help_text_html(),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("Password, once more"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    language = forms.ChoiceField(label=_("Language of your pages and letters"), choices=settings.LANGUAGES)

    def __init__(self, woman: Woman, *args: Any, **kwargs: Any) -> None:
        # The language in which she is reading this, where she or her browser chose one; else her letters'.
        here = get_language()
        chosen = (
            here if here in dict(settings.LANGUAGES) and here != settings.LANGUAGE_CODE else woman.language
        )
        own = {"label_suffix": "", "initial": {"language": chosen}}
        super().__init__(*args, **{**own, **kwargs})
        self.woman = woman
        if woman.account is not None:
            del self.fields["username"]

    def clean_username(self) -> str:
        """One that nobody has."""
        return free_username(self.cleaned_data["username"])

    def clean(self) -> dict[str, Any]:
        """A password that is long enough and no common one, twice the same."""
        given = self.cleaned_data
        password = given.get("password")
        if password and password != given.get("again"):
            self.add_error("again", _("The two passwords differ."))
        elif password:
            family, _caret, first = self.woman.name.partition("^")
            user = self.woman.account or User(
                username=given.get("username", ""), first_name=first, last_name=family
            )
            try:
                validate_password(password, user)
            except ValidationError as error:
                self.add_error("password", error)
        return given
