from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from accounts import Account, Enter
from django.urls import reverse
from django.utils import timezone
from exams import exam_read
from test_signing import signed

from calcscope.server.config import Config, WrongSetting
from calcscope.server.people.models import Site


def test_the_time_zone_is_a_setting() -> None:
    assert Config.of({}).time_zone == "UTC"
    assert Config.of({"CALCSCOPE_TIME_ZONE": " Europe/Madrid "}).time_zone == "Europe/Madrid"


@pytest.mark.parametrize("wrong", ["Europe/Nowhere", "Europe", "/etc/passwd", "../UTC", "CEST+2", "a" * 300])
def test_a_time_zone_that_there_is_not_is_named(wrong: str) -> None:
    with pytest.raises(WrongSetting, match=r"CALCSCOPE_TIME_ZONE: found .*expected the name of a time zone"):
        Config.of({"CALCSCOPE_TIME_ZONE": wrong})


def test_days_begin_and_times_are_shown_there(
    settings: Any, site: Site, tmp_path: Path, account: Account, signed_in: Enter
) -> None:
    doctor = account("radiologist")
    version = signed(exam_read(site, tmp_path), doctor)
    settings.TIME_ZONE = "Pacific/Auckland"
    there = timezone.localtime(version.signed_at)
    page = signed_in(doctor).get(reverse("reading:version", args=[version.uuid])).content.decode()
    assert there.strftime("%Y-%m-%d %H:%M %Z") in page
    assert timezone.localdate(datetime(2026, 11, 10, 20, tzinfo=UTC)).day == 11
