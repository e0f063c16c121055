"""What a country's rules ask of a letter."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from every_result import finding, result

from calcscope.server.patients import profiles
from calcscope.server.patients.explaining import explain
from calcscope.server.patients.passages import load
from calcscope.server.patients.profiles import Contact, ProfileError

EXAM, READ = date(2026, 3, 2), date(2026, 3, 5)
US = profiles.load("us")


def test_no_rules_is_what_a_site_has_that_says_nothing() -> None:
    none = profiles.load()
    assert none.tell_by("5", exam=EXAM, read=READ) is None
    assert none.missing(result(), Contact()) == []


def test_american_letters_leave_within_thirty_days_and_urgent_ones_within_seven() -> None:
    assert US.tell_by("2", exam=EXAM, read=READ) == EXAM + timedelta(days=30)
    for category in ("4A", "4B", "4C", "5"):
        assert US.tell_by(category, exam=EXAM, read=READ) == READ + timedelta(days=7)  # type: ignore[arg-type]
    assert US.tell_by("5", exam=EXAM, read=EXAM + timedelta(days=28)) == EXAM + timedelta(days=30)
    assert US.tell_by("2", exam=None, read=READ) is None
    assert US.tell_by("5", exam=None, read=READ) == READ + timedelta(days=7)


def test_an_american_letter_says_how_dense_the_breasts_are_and_where_it_comes_from() -> None:
    facts = result(finding("2", "single", "skin"))
    assert US.missing(facts, Contact(name="Riverside")) == ["density", "address", "phone"]
    whole = Contact(name="Riverside", address="1 Main St", phone="555 0100")
    assert US.missing(result(density="b"), whole) == []


@pytest.mark.parametrize(
    ("density", "said"), [("a", "not dense"), ("b", "not dense"), ("c", "dense"), ("d", "dense")]
)
def test_the_statement_is_the_one_for_her_density(density: str, said: str) -> None:
    text = explain(result(density=density), "en", "us").section("density").text
    assert f"Your breast tissue is {said}." in text
    assert ("other imaging tests" in text) == (said == "dense")


def test_without_rules_nothing_is_said_of_density() -> None:
    assert explain(result(density="c"), "en").section("density") is None
    assert explain(result(), "en", "us").section("density") is None


def test_american_dates_have_the_month_first() -> None:
    assert "of March 2, 2026" in explain(result(), "en", "us").text
    assert "of 2 March 2026" in explain(result(), "en").text
    assert "2 de marzo de 2026" in explain(result(), "es", "us").text


def test_what_could_not_be_checked_is_marked() -> None:
    rules = [*US.time_limits, US.density, US.contact]
    assert [rule.verified for rule in rules] == [True, False, False, False]
    assert all(rule.source for rule in rules)
    for passage in US.passages:
        assert load("en")[passage].mandated
        assert "(?)" in load("en")[passage].note


def test_a_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(ProfileError, match="found the profile 'xx'; expected one of none, us"):
        profiles.load("xx")
