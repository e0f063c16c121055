"""The same finding is recognised in two views of a breast simulated in space."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from groups.geometry import Woman

from calcscope.groups import pairing
from calcscope.groups.location import Sighting
from calcscope.groups.pairing import pair_views


def finding(random: np.random.Generator) -> dict[str, Any]:
    """A random finding inside the breast."""
    return {
        "outward": random.uniform(-40, 40),
        "upward": random.uniform(-40, 40),
        "depth": random.uniform(5, 95),
        "count": int(random.choice([1, 1, 6, 10, 18, 30])),
        "diameter_mm": float(np.exp(random.normal(math.log(0.4), 0.5))),
        "contrast": float(np.exp(random.normal(0, 0.5))),
    }


def shown(woman: Woman, view: str, truth: dict[str, Any], random: np.random.Generator) -> Sighting:
    """The finding in one view, after compression, and as measuring it makes it look.

    On two real films the depth of one metal ball differs by 6 mm, that of one calcification by 8 mm.
    """
    return woman.sees(
        view,
        truth["outward"] * random.normal(1, 0.15),
        truth["upward"] * random.normal(1, 0.15),
        truth["depth"] + random.normal(0, 5),
        count=max(1, round(truth["count"] * np.exp(random.normal(0, 0.25)))),
        diameter_mm=truth["diameter_mm"] * np.exp(random.normal(0, 0.15)),
        contrast=truth["contrast"] * np.exp(random.normal(0, 0.25)),
    )


def simulate(findings: int, hidden: float, seed: int, hung: float = 1.0) -> tuple[int, int, int]:
    """(findings in both views, of these paired right, pairs made wrongly) over 60 women."""
    random = np.random.default_rng(seed)
    both = right = wrong = 0
    for _ in range(60):
        woman = Woman("L", hung=hung)
        truths = [finding(random) for _ in range(findings)]
        in_cc = [k for k in range(findings) if random.random() >= hidden]
        in_mlo = [k for k in range(findings) if random.random() >= hidden]
        random.shuffle(in_mlo)
        cc = [shown(woman, "CC", truths[k], random) for k in in_cc]
        mlo = [shown(woman, "MLO", truths[k], random) for k in in_mlo]
        both += len(set(in_cc) & set(in_mlo))
        pairs = [(in_cc[i], in_mlo[j]) for i, j, _ in pair_views(cc, mlo) if i is not None and j is not None]
        right += sum(i == j for i, j in pairs)
        wrong += sum(i != j for i, j in pairs)
    return both, right, wrong


@pytest.mark.parametrize("hung", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("findings", "share"), [(1, 0.97), (2, 0.93), (4, 0.85)])
def test_most_findings_are_paired_right_however_the_breast_hung(
    findings: int, share: float, hung: float
) -> None:
    both, right, wrong = simulate(findings, hidden=0.0, seed=findings, hung=hung)
    assert right / both >= share
    assert wrong / both <= 1 - share


def test_findings_of_one_view_only_are_mostly_left_alone() -> None:
    both, right, wrong = simulate(3, hidden=0.3, seed=9)
    assert right / both >= 0.85
    assert wrong / both <= 0.2


def test_every_finding_occurs_once() -> None:
    random = np.random.default_rng(3)
    woman = Woman("R")
    cc = [shown(woman, "CC", finding(random), random) for _ in range(5)]
    mlo = [shown(woman, "MLO", finding(random), random) for _ in range(3)]
    pairs = pair_views(cc, mlo)
    assert sorted(p.first for p in pairs if p.first is not None) == list(range(5))
    assert sorted(p.second for p in pairs if p.second is not None) == list(range(3))
    assert all((p.score > 0) == (p.first is not None and p.second is not None) for p in pairs)


def test_findings_at_different_depths_are_never_one() -> None:
    woman = Woman("L")
    pairs = pair_views([woman.sees("CC", 10, 10, 30)], [woman.sees("MLO", 10, 10, 60)])
    assert pairs == [(0, None, 0.0), (None, 0, 0.0)]


def test_the_best_matching_is_that_of_all_together() -> None:
    woman = Woman("L")
    cc = [woman.sees("CC", 0, 0, 40), woman.sees("CC", 0, 0, 48)]
    mlo = [woman.sees("MLO", 0, 0, 47), woman.sees("MLO", 0, 0, 55)]
    # The nearest two (48 and 47) taken first would leave 40 and 55 for each other.
    assert [(p.first, p.second) for p in pair_views(cc, mlo)] == [(0, 0), (1, 1)]


def test_number_size_and_kind_decide_between_equal_depths() -> None:
    woman = Woman("L")
    cc = [
        woman.sees("CC", 20, 0, 40, count=12, diameter_mm=0.3, kind="amorphous"),
        woman.sees("CC", -20, 0, 40, count=1, diameter_mm=3.0, kind="popcorn"),
    ]
    mlo = [
        woman.sees("MLO", 0, 20, 40, count=1, diameter_mm=2.6, kind="popcorn"),
        woman.sees("MLO", 0, -20, 40, count=15, diameter_mm=0.33, kind="amorphous"),
    ]
    assert [(p.first, p.second) for p in pair_views(cc, mlo)] == [(0, 1), (1, 0)]


@pytest.mark.parametrize("hung", [0.0, 1.0])
def test_a_finding_far_above_the_nipple_line_is_one_however_the_breast_hung(hung: float) -> None:
    # Perpendicular to the muscle and along the image its depth differs by 21 mm.
    woman = Woman("L", hung=hung)
    (pair,) = pair_views([woman.sees("CC", 40, 30, 60)], [woman.sees("MLO", 40, 30, 60)])
    assert (pair.first, pair.second) == (0, 0)


def test_all_findings_together_tell_how_the_breast_hung() -> None:
    woman = Woman("L", hung=0.0)
    cc = [woman.sees("CC", 40, 40, 40), woman.sees("CC", 40, 40, 55)]
    mlo = [woman.sees("MLO", 40, 40, 40), woman.sees("MLO", 40, 40, 55)]
    # Perpendicular to the muscle the first one lies 60 mm deep, near the second one's 55.
    assert [(p.first, p.second) for p in pair_views(cc, mlo)] == [(0, 0), (1, 1)]


def test_depths_behind_a_guessed_nipple_may_differ_more() -> None:
    woman = Woman("L")
    cc = [woman.sees("CC", 0, 0, 40)]
    (seen,) = pair_views(cc, [woman.sees("ML", 0, 0, 52)])
    (guessed,) = pair_views(cc, [woman.sees("ML", 0, 0, 52, certainty="estimated")])
    assert guessed.score > seen.score > 0


def test_agreement_is_scored() -> None:
    woman = Woman("L")
    cc = [woman.sees("CC", 20, 0, 40, count=8)]
    (same,) = pair_views(cc, [woman.sees("ML", 20, 0, 40, count=8)])
    (off,) = pair_views(cc, [woman.sees("ML", 20, 0, 50, count=14)])
    assert same.score == pytest.approx(1, abs=0.01)
    assert 0 < off.score < 0.5


def test_no_findings_no_pairs() -> None:
    assert pair_views([], []) == []
    woman = Woman("L")
    assert pair_views([], [woman.sees("MLO", 0, 0, 40)]) == [(None, 0, 0.0)]
    # Without a nipple there is no depth to compare.
    blind = woman.sees("MLO", 0, 0, 40, nipple=False)
    assert pair_views([woman.sees("CC", 0, 0, 40)], [blind]) == [(0, None, 0.0), (None, 0, 0.0)]


def test_trying_every_matching_finds_that_of_least_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    for _ in range(200):
        difference = np.abs(random.normal(0, 2, random.integers(0, 5, 2)))
        difference[random.random(difference.shape) < 0.3] = np.inf
        tried = pairing.assigned(difference, 2.0)
        with monkeypatch.context() as patch:
            patch.setattr(pairing, "FEW", -1)
            solved = pairing.assigned(difference, 2.0)
        assert set(zip(*tried, strict=True)) == set(zip(*solved, strict=True))
