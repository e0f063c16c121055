"""The three exams of :mod:`hospital`."""

from __future__ import annotations

import pytest
from hospital import EXAMS, subject

from calcscope.standards.subject import Subject


@pytest.fixture(scope="session")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    """``normal``, ``all_terms`` and ``with_prior``, read-only."""
    return {name: subject(name, tmp_path_factory.mktemp(name)) for name in EXAMS}
