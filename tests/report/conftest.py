"""The sample report, and its renderings made once for all tests that look at them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import sample

from calcscope.exam.model import View
from calcscope.report.model import ExamReport, Report
from calcscope.report.rendering import render_exam


@pytest.fixture(scope="session")
def screening() -> tuple[ExamReport, Sequence[View]]:
    return sample.screening_exam()


@pytest.fixture(scope="session")
def report(screening: tuple[ExamReport, Sequence[View]]) -> Report:
    return sample.report_of(screening[0])


@pytest.fixture(scope="session")
def rendered(
    report: Report, screening: tuple[ExamReport, Sequence[View]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The exam's folder with everything in it."""
    exam, films = screening
    folder = tmp_path_factory.mktemp("report") / exam.folder
    assert render_exam(report, exam, films, folder) == []
    return folder
