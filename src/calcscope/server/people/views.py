"""Signing in and out, and the second factor."""

from __future__ import annotations

import base64
import io
from typing import Any

import django_otp
import qrcode
import qrcode.image.svg
from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.i18n import LANGUAGE_QUERY_PARAMETER, set_language
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from calcscope.server.audit.recording import record
from calcscope.server.people.access import Signed, with_forms
from calcscope.server.people.forms import CodeForm, SignInForm
from calcscope.server.people.models import User

BACKUP_CODES = 8


class SignIn(auth_views.LoginView):
    """Name and password; the code comes after."""

    template_name = "people/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


class ChangePassword(auth_views.PasswordChangeView):
    """One's own password; asked for after a one-time password."""

    template_name = "people/password.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Labels without a colon, as everywhere."""
        return {**super().get_form_kwargs(), "label_suffix": ""}

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Keep it; other sessions of the account end."""
        record("password-changed", self.request.user, request=self.request)  # type: ignore[arg-type]
        return super().form_valid(form)

    def get_success_url(self) -> str:
        """On to where somebody wanted to go."""
        return _onward(self.request)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With where somebody wanted to go."""
        return super().get_context_data(**kwargs) | {"next": self.request.GET.get("next", "")}


@with_forms
def language(request: HttpRequest) -> HttpResponse:
    """Choose the language of the pages: by a cookie, and for an account wherever it signs in."""
    chosen = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if request.method == "POST" and isinstance(request.user, User) and chosen in dict(settings.LANGUAGES):
        request.user.language = chosen
        request.user.save(update_fields=["language"])
    return set_language(request)


def _onward(request: HttpRequest) -> str:
    """Where somebody wanted to go, if that is a page of ours."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return target if safe else reverse("home")


@never_cache
@sensitive_post_parameters("code")
@with_forms
def code(request: Signed) -> HttpResponse:
    """The second factor of who has signed in with a password."""
    if not request.user.is_authenticated:
        return redirect("people:sign-in")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        device = django_otp.match_token(request.user, form.cleaned_data["code"])
        if device is not None:
            django_otp.login(request, device)
            return redirect(_onward(request))
        form.add_error("code", _("That code is wrong or was used before. Wait for the next one."))
    return render(request, "people/code.html", {"form": form, "next": request.GET.get("next", "")})


@never_cache
@sensitive_post_parameters("code")
@with_forms
def enrol(request: Signed) -> HttpResponse:
    """Set up the second factor: a QR code for an authenticator, a first code, then codes for its loss."""
    if django_otp.user_has_device(request.user, confirmed=True) and not request.user.is_verified():  # type: ignore[attr-defined]
        return redirect("people:code")
    device, _made = TOTPDevice.objects.get_or_create(
        user=request.user, confirmed=False, defaults={"name": "authenticator"}
    )
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if device.verify_token(form.cleaned_data["code"]):
            TOTPDevice.objects.filter(user=request.user, confirmed=True).delete()
            device.confirmed = True
            device.save()
            django_otp.login(request, device)
            return render(request, "people/backup_codes.html", {"codes": _new_backup_codes(request)})
        form.add_error("code", _("That code is wrong. Check the clock of the device that shows it."))
    picture = io.BytesIO()
    qrcode.make(device.config_url, image_factory=qrcode.image.svg.SvgPathImage).save(picture)
    shown = {
        "form": form,
        "picture": base64.b64encode(picture.getvalue()).decode(),
        "secret": base64.b32encode(device.bin_key).decode(),
    }
    return render(request, "people/enrol.html", shown)


def _new_backup_codes(request: Signed) -> list[str]:
    StaticDevice.objects.filter(user=request.user).delete()
    device = StaticDevice.objects.create(user=request.user, name="backup", confirmed=True)
    codes = [StaticToken.random_token() for _unused in range(BACKUP_CODES)]
    StaticToken.objects.bulk_create([StaticToken(device=device, token=each) for each in codes])
    return codes
