"""What several views show becomes the findings a radiologist would write a sentence about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import catalogue, cluster, described, reading

from calcscope.reading import ReadSettings
from calcscope.reading.findings import collect
from calcscope.reading.view import ViewReading

SETTINGS = ReadSettings()


def test_a_group_seen_in_both_views_is_one_finding() -> None:
    # The same distance behind the nipple in both views.
    views = [
        reading("LCC", catalogue(cluster(600, 700)), [list(range(6))]),
        reading("LMLO", catalogue(cluster(600, 760)), [list(range(6))]),
    ]
    (finding,) = collect(views, SETTINGS)
    assert finding.what == "group"
    assert finding.facts.views == ("CC", "MLO")
    assert finding.facts.place.certainty == "both views"
    assert [(seen.view, seen.group) for seen in finding.seen] == [(0, 0), (1, 0)]


def test_groups_at_different_depths_stay_two_findings() -> None:
    views = [
        reading("LCC", catalogue(cluster(800, 700)), [list(range(6))]),
        reading("LMLO", catalogue(cluster(150, 700)), [list(range(6))]),
    ]
    found = collect(views, SETTINGS)
    assert [finding.facts.views for finding in found] == [("CC",), ("MLO",)]
    assert all(finding.facts.place.certainty == "one view" for finding in found)


def test_breasts_are_never_mixed() -> None:
    views = [
        reading("RCC", catalogue(cluster(600, 700)), [list(range(6))]),
        reading("LCC", catalogue(cluster(600, 700)), [list(range(6))]),
    ]
    found = collect(views, SETTINGS)
    assert [finding.facts.laterality for finding in found] == ["R", "L"]
    assert all(finding.facts.bilateral and not finding.facts.solitary for finding in found)


def test_all_vessels_of_a_breast_are_one_finding() -> None:
    specks = catalogue([(100 + 10 * k, 400) for k in range(5)] + [(100 + 10 * k, 900) for k in range(5)])
    views = [reading("LCC", specks, vessels=[[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]])]
    (finding,) = collect(views, SETTINGS)
    assert (finding.what, finding.facts.typical_kind, finding.facts.count) == ("vascular", "vascular", 10)


def test_lone_calcifications_of_a_kind_are_one_finding_and_the_nameless_another() -> None:
    specks = catalogue([(200, 200), (500, 1200), (700, 300)])
    found = collect([reading("LCC", specks, kinds={0: "round", 1: "round"})], SETTINGS)
    assert [(f.what, f.facts.typical_kind, f.facts.count) for f in found] == [
        ("kind", "round", 2),
        ("lone", None, 1),
    ]


def test_a_lone_mark_must_be_more_probable_and_obvious_than_a_member_of_a_group() -> None:
    doubtful = SETTINGS.lone_probability - 0.01
    specks = catalogue([*cluster(600, 700), (200, 200)], probability=doubtful)
    (finding,) = collect([reading("LCC", specks, [list(range(6))])], SETTINGS)
    assert finding.what == "group"
    (sure,) = collect([reading("LCC", catalogue([(200, 200)], SETTINGS.lone_probability))], SETTINGS)
    assert sure.what == "lone"
    plain = catalogue([(200, 200)], doubtful, salience=2 * SETTINGS.lone_salience)
    assert len(collect([reading("LCC", plain)], SETTINGS)) == 1
    faint = catalogue([(200, 200)], SETTINGS.lone_probability, salience=SETTINGS.lone_salience - 1)
    assert collect([reading("LCC", faint)], SETTINGS) == []


def test_a_benign_kind_in_one_view_of_a_group_is_not_proved() -> None:
    views = [
        reading("LCC", catalogue(cluster(600, 700)), [list(range(6))], [described("round", "skin")]),
        reading("LMLO", catalogue(cluster(600, 700)), [list(range(6))], [described("round")]),
    ]
    (finding,) = collect(views, SETTINGS)
    assert finding.facts.typical_kind is None


def worked_up(*labels: str) -> list[ViewReading]:
    """The same group on magnification views."""
    return [
        reading(label, catalogue(cluster(600, 700)), [list(range(6))], modifiers=("magnification",))
        for label in labels
    ]


def test_a_full_work_up_is_magnification_in_two_planes() -> None:
    assert not any(finding.facts.fully_worked_up for finding in collect(worked_up("LCC"), SETTINGS))
    assert all(finding.facts.fully_worked_up for finding in collect(worked_up("LCC", "LML"), SETTINGS))


def test_the_one_group_of_a_breast_is_one_finding_on_magnification_views() -> None:
    (finding,) = collect(worked_up("LCC", "LML"), SETTINGS)
    assert finding.facts.solitary


def test_nothing_found_is_no_finding() -> None:
    assert collect([reading("LCC"), reading("RCC")], SETTINGS) == []


def test_a_group_is_as_near_the_skin_as_in_the_view_where_it_is_nearest() -> None:
    views = [
        reading("LCC", catalogue(cluster(600, 700)), [list(range(6))]),
        reading("LMLO", catalogue(cluster(650, 760)), [list(range(6))]),
    ]
    (finding,) = collect(views, SETTINGS)
    # The skin is the image's right edge, at column 999; the group's middle lies 12 columns on.
    assert finding.facts.skin_mm == pytest.approx((999 - 662) * 0.1, abs=0.3)
    bare = replace(views[0].breast, skin_line=np.zeros((0, 2)))
    (spot,) = collect([replace(views[0], breast=bare)], SETTINGS)
    assert spot.facts.skin_mm is None
