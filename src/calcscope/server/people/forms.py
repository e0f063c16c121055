"""Signing in, and the accounts of a site."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from calcscope.server.people.models import STAFF, Role, Site, User


class SignInForm(AuthenticationForm):
    """Name and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def confirm_login_allowed(self, user: User) -> None:
        """Not with a one-time password that is too old.

        Raises
        ------
        ValidationError
        """
        super().confirm_login_allowed(user)
        if user.one_time_until is not None and user.one_time_until < timezone.now():
            raise ValidationError(
                _("This one-time password has expired. Ask your administrator for another."), code="expired"
            )


class CodeForm(forms.Form):
    """A code of the second factor."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    code = forms.CharField(
        label=_("Code"),
        max_length=16,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
    )


ROLES = [(value, label) for value, label in Role.choices if value in STAFF]


class RoleForm(forms.Form):
    """A role at one of the administrator's sites."""

    role = forms.ChoiceField(label=_("Role"), choices=ROLES)
    site: forms.ModelChoiceField[Site] = forms.ModelChoiceField(
        label=_("Site"), queryset=Site.objects.none(), empty_label=None
    )

    def __init__(self, *args: Any, sites: QuerySet[Site], **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        chosen = self.fields["site"]
        assert isinstance(chosen, forms.ModelChoiceField)
        chosen.queryset = sites


def free_username(given: str) -> str:
    """A name to sign in with that nobody has, in whatever case.

    Raises
    ------
    ValidationError
    """
    name: str = User.normalize_username(given)
    if User.objects.filter(username__iexact=name).exists():
        raise ValidationError(_("Somebody signs in with this name already. Choose another."))
    return name


class AccountForm(RoleForm):
    """A new account with its first role."""

    username = forms.CharField(
        label=_("Name to sign in with"),
        max_length=150,
        validators=[User.username_validator],
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    first_name = forms.CharField(label=_("Given name"), max_length=150)
    last_name = forms.CharField(label=_("Family name"), max_length=150)
    email = forms.EmailField(label=_("Email"), required=False)
    by_email = forms.BooleanField(label=_("Send the one-time password by email"), required=False)
    field_order = ("first_name", "last_name", "username", "role", "site", "email", "by_email")

    def clean_username(self) -> str:
        """One that nobody has."""
        return free_username(self.cleaned_data["username"])

    def clean(self) -> dict[str, Any]:
        """An email address where one is needed."""
        given = self.cleaned_data
        if given.get("by_email") and not given.get("email") and "email" not in self.errors:
            self.add_error("email", _("Give the address to which the password is to be sent."))
        return given
