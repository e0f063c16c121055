"""When calcifications too few for a group are a finding."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope import lexicon
from calcscope.describe import GroupDescription
from calcscope.describe.describing import few_are_a_finding
from calcscope.groups import Group


@pytest.mark.parametrize(
    ("count", "morphology", "distribution", "finding"),
    [
        (2, "fine_linear", "grouped", True),
        (2, "fine_linear_branching", "grouped", True),
        (2, "fine_pleomorphic", "grouped", True),
        (3, "punctate", "linear", True),
        (2, "punctate", "linear", False),  # any two lie on a line
        (4, "punctate", "grouped", False),
        (4, "not_assessable", "grouped", False),
        (4, "amorphous", "segmental", False),
    ],
)
def test_few_are_a_finding(count: int, morphology: str, distribution: str, finding: bool) -> None:
    few = Group(np.arange(count), 0.0, 0.0, np.zeros((3, 2)), 5.0, 0.5, 0.9, few=True)
    described = GroupDescription(distribution, {distribution: 1.0}, morphology, {morphology: 1.0}, None)
    assert few_are_a_finding(few, described) is finding


def test_the_rule_names_terms_of_the_lexicon() -> None:
    rule, terms = lexicon.groups(), lexicon.terms()
    assert set(rule.few_shapes.value) <= set(terms.morphology)
    assert set(rule.few_distributions.value) <= set(terms.distribution)
    assert {rule.few_shapes.source, rule.few_distributions.source} <= set(lexicon.sources())
