"""The demonstration has an exam to compare with an earlier one, and says that it is simulated."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from django.utils import timezone

from calcscope.server.exams import simulated
from calcscope.server.exams.models import Exam, Job
from calcscope.server.people.models import Site


def test_a_simulated_woman_comes_with_an_earlier_exam_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    coarse = replace(simulated.PLAN, views=("RCC",), pixel_mm=0.4)

    def quickly(folder: Path, today: date) -> list[Path]:
        return list(made(folder, today, coarse))

    made = simulated.exams
    monkeypatch.setattr(simulated, "exams", quickly)
    for _twice in range(2):
        simulated.bring_simulated.call(site.code)
    earlier, current = Exam.objects.filter(site=site).order_by("date")
    assert current.date == timezone.localdate()
    assert current.date is not None
    assert earlier.date is not None
    assert 700 < (current.date - earlier.date).days < 740
    assert list(current.earlier()) == [earlier]
    assert current.woman.display == "Simulated, Woman"
    assert Job.objects.count() == 2
