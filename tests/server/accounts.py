"""What the tests of the server share."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from calcscope.server.people.models import Membership, Site, User

PASSWORD = "a long enough password"
Account = Callable[..., User]
Enter = Callable[[User], Client]


def code_of(device: TOTPDevice) -> str:
    """What an authenticator shows now."""
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    return f"{totp.token():0{device.digits}d}"


def accounts_of(at: Site) -> Account:
    """Makes accounts of a site: ``make("radiologist")``, ``make("coordinator", site=other_site)``."""

    def make(role: str, name: str = "", site: Site = at) -> User:
        user = User.objects.create_user(
            name or f"{role}-{site.code}", password=PASSWORD, first_name="Sam", last_name=role
        )
        Membership.objects.create(user=user, site=site, role=role)
        return user

    return make


def enter(browser: Client, user: User) -> Client:
    """A browser in which an account has signed in with both factors."""
    device, _ = TOTPDevice.objects.get_or_create(user=user, name="test", confirmed=True)
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = browser.session
    session["otp_device_id"] = device.persistent_id
    session.save()
    return browser
