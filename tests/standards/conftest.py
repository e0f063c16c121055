"""The three exams of :mod:`hospital`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from hospital import EXAMS, subject

from calcscope.standards.exporting import Kind, Written, objects_of
from calcscope.standards.subject import Subject


@pytest.fixture(scope="session")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    """``normal``, ``all_terms`` and ``with_prior``, read-only."""
    return {name: subject(name, tmp_path_factory.mktemp(name)) for name in EXAMS}


@pytest.fixture(scope="session")
def objects(subjects: dict[str, Subject]) -> Callable[[str, Kind], Written]:
    """The files of one kind for one of the three exams, made once: file names and contents."""

    @cache
    def made(name: str, kind: Kind) -> Written:
        return objects_of(subjects[name], kind)

    return made
