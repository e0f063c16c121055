"""What the tests of the server share."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from calcscope.server.people.models import User

PASSWORD = "a long enough password"
Account = Callable[..., User]
Enter = Callable[[User], Client]


def code_of(device: TOTPDevice) -> str:
    """What an authenticator shows now."""
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    return f"{totp.token():0{device.digits}d}"
