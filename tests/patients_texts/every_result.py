"""Every result that may be told, explained once for all tests."""

from __future__ import annotations

from functools import cache

from calcscope.server.patients.explaining import Explanation, explain
from calcscope.server.patients.facts import ResultFacts
from calcscope.server.patients.samples import (
    BIOPSIES,
    DUE,
    EXAM,
    FORMS,
    SPOT,
    after,
    every_result,
    finding,
    result,
)

__all__ = ["BIOPSIES", "DUE", "EXAM", "FORMS", "SPOT", "after", "explained", "finding", "name", "result"]


def name(facts: ResultFacts) -> str:
    """For the tests' names."""
    parts = [facts.mode, facts.overall, *(f.kind or f.form for f in facts.findings)]
    return "-".join([*parts, *(f"{b.result}-{b.concordant}" for b in facts.biopsies)])


@cache
def explained(language: str) -> list[tuple[ResultFacts, Explanation]]:
    """Every result with its explanation."""
    return [(facts, explain(facts, language)) for facts in every_result()]
