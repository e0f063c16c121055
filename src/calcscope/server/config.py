"""What a site may set, read from the environment (``CALCSCOPE_…``) into one frozen object."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from calcscope.errors import CalcscopeError
from calcscope.report.writing import write_atomically


class WrongSetting(CalcscopeError):
    """A setting that cannot be used; the message names it, what was found and what was expected."""


@dataclass(frozen=True)
class Config:
    """Settings of a server.

    Parameters
    ----------
    data : folder for the database (SQLite), images, reports and the secret key
    database_url : ``sqlite:///…`` or ``postgresql://user:password@host/name``
    hosts : names under which browsers reach the server
    https : whether browsers reach it by HTTPS; then cookies and headers say so
    two_factor : whether everybody but patients must sign in with a second factor
    demo : public example exams and example accounts; never for patients
    proxy : address of the web server in front, whose headers are believed; ``*`` for any; empty for none
    library_hide_overdue : whether articles past their review date drop out of the library; a site may differ
    time_zone : in which days begin and times are shown, by its name in the IANA database: ``Europe/Madrid``
    email_url : ``console:``, ``memory:``, ``file:FOLDER`` or ``smtp://user:password@host:port``
    """

    data: Path
    database_url: str
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    https: bool = False
    two_factor: bool = True
    demo: bool = False
    proxy: str = ""
    library_hide_overdue: bool = False
    time_zone: str = "UTC"
    email_url: str = "console:"

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Config:
        """From the environment.

        Raises
        ------
        WrongSetting : for a switch that is neither on nor off, or a time zone that there is not
        """
        data = Path(environment.get("CALCSCOPE_DATA", "calcscope-data")).absolute()
        hosts = environment.get("CALCSCOPE_HOSTS", "")
        https = _switch(environment, "CALCSCOPE_HTTPS", cls.https)
        return cls(
            data=data,
            database_url=environment.get("CALCSCOPE_DATABASE_URL", f"sqlite:///{data / 'calcscope.sqlite'}"),
            hosts=tuple(filter(None, hosts.replace(" ", "").split(","))) or cls.hosts,
            https=https,
            two_factor=_switch(environment, "CALCSCOPE_TWO_FACTOR", cls.two_factor),
            demo=_switch(environment, "CALCSCOPE_DEMO", cls.demo),
            proxy=environment.get("CALCSCOPE_PROXY", "127.0.0.1" if https else "").strip(),
            library_hide_overdue=_switch(
                environment, "CALCSCOPE_LIBRARY_HIDE_OVERDUE", cls.library_hide_overdue
            ),
            time_zone=_time_zone(environment, "CALCSCOPE_TIME_ZONE", cls.time_zone),
            email_url=environment.get("CALCSCOPE_EMAIL_URL", cls.email_url),
        )

    def secret_key(self) -> str:
        """The key that signs sessions: made once, readable by the server's own user alone.

        Where there is no data folder yet nothing is written: a passing key serves who only looks at the code.
        """
        path = self.data / "secret-key"
        if not self.data.is_dir():
            return secrets.token_urlsafe(50)
        if not path.exists():
            write_atomically(path, secrets.token_urlsafe(50).encode())
            path.chmod(0o600)
        return path.read_text().strip()


def _time_zone(environment: Mapping[str, str], name: str, default: str) -> str:
    value = environment.get(name, "").strip() or default
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the name of a folder, or of no file at all
        raise WrongSetting(
            f"{name}: found {value!r}; expected the name of a time zone, such as Europe/Madrid or UTC"
        ) from None
    return value


def _switch(environment: Mapping[str, str], name: str, default: bool) -> bool:
    value = environment.get(name, "").strip().lower()
    if value in ("", "1", "0", "on", "off", "true", "false", "yes", "no"):
        return default if value == "" else value in ("1", "on", "true", "yes")
    raise WrongSetting(f"{name}: found {value!r}; expected on or off")
