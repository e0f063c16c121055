from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from calcscope.cli import app
from calcscope.risk import Answers, Contradiction, model, models
from calcscope.risk.bcrat import RACES
from calcscope.risk.table import FaultyTable, answer

BCRAT = model("bcrat")
WOMAN = Answers(age=45.5, race="african_american", biopsies=0, menarche=15, first_birth=20, relatives=1)


def test_the_peers_figures_to_a_millionth(shared_data: Path, tmp_path: Path) -> None:
    good, bad = answer(shared_data / "risk" / "bcrat-examples.csv", tmp_path / "risks.csv", BCRAT)
    with (tmp_path / "risks.csv").open() as file:
        ours = list(csv.DictReader(file))
    with (shared_data / "risk" / "bcrat-examples.csv").open() as file:
        peers = list(csv.DictReader(file))
    assert (good, bad) == (22, 3)
    for own, peer in zip(ours, peers, strict=True):
        if peer["risk"] == "NA":
            assert own["risk"] == "NA"
            assert "first_birth" in own["reason"]  # a birth after her present age
        else:
            assert float(own["risk"]) == pytest.approx(float(peer["risk"]), abs=1e-6)
            assert float(own["avg"]) == pytest.approx(float(peer["avg"]), abs=1e-6)


def test_one_woman_of_the_published_tool() -> None:
    """Woman 2 of the peer's table, so that something is checked without the development data."""
    risk = BCRAT.risk(WOMAN, 50.5)
    assert risk.percent == pytest.approx(1.11512033765453, abs=1e-9)
    assert risk.average_percent == pytest.approx(0.948405034376943, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"age": 19}, "age"),
        ({"age": 90}, "age"),
        ({"age": float("nan")}, "age"),
        ({"race": "martian"}, "race"),
        ({"biopsies": -1}, "biopsies"),
        ({"atypia": True}, "atypia"),
        ({"relatives": -2}, "relatives"),
        ({"menarche": 50}, "menarche"),
        ({"first_birth": 60}, "first_birth"),
        ({"first_birth": 14}, "menarche"),
        ({"first_birth": "maybe"}, "first_birth"),
        ({"mutation": True}, "mutation"),
        ({"earlier_cancer": True}, "earlier_cancer"),
        ({"chest_radiation": True}, "chest_radiation"),
    ],
)
def test_contradictions_are_refused_by_name(change: dict[str, object], named: str) -> None:
    with pytest.raises(Contradiction, match=named):
        BCRAT.risk(replace(WOMAN, **change), 80)  # type: ignore[arg-type]


def test_a_young_woman_is_computed_with_a_warning() -> None:
    risk = BCRAT.risk(Answers(age=28, race="white"), 33)
    assert risk.percent > 0
    assert any("35" in said for said in risk.warnings)


women = st.builds(
    Answers,
    age=st.floats(20, 84),
    race=st.sampled_from(list(RACES)),
    biopsies=st.integers(0, 4),
    menarche=st.sampled_from([None, 10, 12, 15]),
    first_birth=st.sampled_from([None, "none", 20]),
    relatives=st.integers(0, 4),
)


@given(women, st.floats(0.5, 5))
def test_risk_grows_with_time_and_adds_up(woman: Answers, years: float) -> None:
    soon, later = BCRAT.risk(woman, woman.age + years), BCRAT.risk(woman, min(90, woman.age + years + 1))
    assert 0 < soon.percent < later.percent < 100
    assert soon.relative == pytest.approx(
        soon.factors["biopsies"]
        * soon.factors["atypia"]
        * soon.factors["menarche"]
        * soon.factors["first_birth_and_relatives"]
    )


@given(women)
def test_one_more_relative_never_lowers_the_risk(woman: Answers) -> None:
    if woman.race == "african_american" or woman.first_birth in (None, 20):
        more = replace(woman, relatives=(woman.relatives or 0) + 1)
        assert BCRAT.risk(more, woman.age + 5).percent >= BCRAT.risk(woman, woman.age + 5).percent - 1e-12


def test_a_table_that_is_none_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "women.csv").write_text("ID,T1\n1,40\n")
    with pytest.raises(FaultyTable, match="T2"):
        answer(tmp_path / "women.csv", tmp_path / "out.csv", BCRAT)
    (tmp_path / "women.csv").write_text(
        "ID,T1,T2,N_Biop,HypPlas,AgeMen,Age1st,N_Rels,Race\n1,forty,45,0,99,12,25,0,1\n"
    )
    with pytest.raises(FaultyTable, match="line 2, T1"):
        answer(tmp_path / "women.csv", tmp_path / "out.csv", BCRAT)
    assert not (tmp_path / "out.csv").exists()


def test_the_command_tells_both_risks_and_exits_1_for_whom_it_does_not_fit() -> None:
    run = CliRunner()
    asked = ["risk", "--age", "45.5", "--race", "african_american", "--menarche", "15", "--first-birth", "20"]
    told = run.invoke(app, [*asked, "--relatives", "1", "--biopsies", "0"])
    assert told.exit_code == 0
    assert "to age 50.5: 1.1 %" in told.output
    assert "to age 90" in told.output
    assert run.invoke(app, [*asked, "--mutation"]).exit_code == 1
    assert run.invoke(app, ["risk"]).exit_code == 2
    assert run.invoke(app, [*asked, "--model", "other"]).exit_code == 2


def test_models_are_found_by_name() -> None:
    assert "bcrat" in models()
    with pytest.raises(KeyError, match="bcrat"):
        model("nobody's")
