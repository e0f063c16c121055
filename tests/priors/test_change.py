"""What became of a finding since an earlier exam: right, with an honest interval, and never by what the
earlier image could not have shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from priors.drawn import DrawnView, DrawnWay, description, gathered, pair, view

from calcscope import lexicon
from calcscope.priors.change import change_of, quantiles, trend
from calcscope.priors.compare import Outcome, compare_views, outcome
from calcscope.priors.limit import DetectionCurve, detection_curve, fit_curve
from calcscope.priors.model import Change, Members, ViewPair


def of_group(views: ViewPair, **stated: Any) -> Change:
    """The change of the first group of the current view, or else of the earlier one."""
    return change_of([outcome_of(views)], **stated)


def outcome_of(views: ViewPair) -> Outcome:
    compared = compare_views(views)
    if views.current.groups:
        return outcome(compared, Members(0, views.current.groups[0].members), None)
    return outcome(compared, None, Members(0, views.prior.groups[0].members))


def two(seed: int, now: int, then: int, **measured: Any) -> ViewPair:
    """A group of which the current view shows the first ``now``, the earlier one the first ``then``, laid
    2 mm off, among marks of noise. Where the noise is 0.001 their signal is 40 times as high."""
    random = np.random.default_rng(seed)
    points = gathered(random, max(now, then), spread_mm=5.0)
    noise = random.uniform(15, 105, (2, 30, 2))
    laid = DrawnWay(0.07, 0.07, turn=0.04)
    noisier = measured.get("noise", (0.001, 0.001))
    views: list[DrawnView] = []
    for count, grains, here in ((now, noise[0], points), (then, noise[1], laid.true_mm(points))):
        shown = here[:count] + random.normal(0, 0.08, (count, 2))
        probability = np.r_[np.full(count, 0.97), np.full(len(grains), 0.1)]
        snr = np.r_[np.full(count, 0.04 / noisier[len(views)]), np.full(len(grains), 5.0)]
        diameter = np.r_[np.full(count, measured.get("diameter", (0.4, 0.4))[len(views)]), np.full(30, 0.2)]
        views.append(
            view(np.vstack([shown, grains]), (count,) if count else (), snr=snr, probability=probability,
                 diameter_mm=diameter, noise=noisier[len(views)])
        )  # fmt: skip
    return pair(views[0], views[1], wrong=(1.5, -1.2), error=2.0, turn=0.04,
                noise=noisier)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("now", "then", "status"),
    [(9, 9, "unchanged"), (14, 7, "more"), (7, 14, "fewer"), (9, 0, "new"), (0, 9, "resolved")],
)
def test_the_status_is_that_of_the_truth(seed: int, now: int, then: int, status: str) -> None:
    change = of_group(two(seed, now, then))
    assert change.status[0] == status
    if status not in ("new", "resolved"):
        low, high = change.interval["count_change"]
        assert low <= now - then <= high
    assert change.words


@pytest.mark.parametrize("seed", range(4))
def test_what_the_earlier_image_could_not_have_shown_is_not_called_new(seed: int) -> None:
    """The earlier image is ten times as noisy: a group found at 40 would have had a ratio of 4."""
    change = of_group(two(seed, 9, 0, noise=(0.001, 0.01)))
    assert change.status == ("not_comparable",)
    assert change.reason is not None
    assert "could not have shown" in change.reason
    assert not change.raises_suspicion
    assert change.detection_limit["then_mm"] > change.detection_limit["now_mm"]


def test_more_that_the_earlier_image_would_have_missed_is_no_increase() -> None:
    plain, noisy = (of_group(two(1, 12, 8, noise=(0.001, noise))) for noise in (0.001, 0.012))
    assert plain.interval["count_change"][0] > noisy.interval["count_change"][0]
    assert plain.status[0] == "more"
    assert noisy.status[0] == "unchanged"


def test_one_more_of_many_is_no_increase() -> None:
    assert of_group(two(2, 15, 14)).status[0] == "unchanged"


@pytest.mark.parametrize(
    ("diameter", "status"), [((0.6, 0.4), "larger"), ((0.4, 0.6), "smaller"), ((0.42, 0.4), "unchanged")]
)
def test_the_size_of_the_same_calcifications_is_compared(diameter: tuple[float, float], status: str) -> None:
    change = of_group(two(3, 9, 9, diameter=diameter))
    assert change.status[0] == status
    low, high = change.interval["size_ratio"]
    assert low <= diameter[0] / diameter[1] <= high


@pytest.mark.parametrize(("diameter", "status"), [((0.2, 0.12), "larger"), ((0.12, 0.2), "unchanged")])
def test_near_the_pixel_growth_is_seen_but_shrinking_is_not(
    diameter: tuple[float, float], status: str
) -> None:
    assert of_group(two(3, 9, 9, diameter=diameter)).status[0] == status


def test_two_that_are_left_of_five_are_not_resolved() -> None:
    five = np.array([[60.0, 60.0], [62.2, 60.9], [59.1, 62.0], [60.2, 58.1], [62.8, 58.5]])
    laid = DrawnWay(0.07, 0.07, wrong=(0.2, -0.2))
    change = of_group(pair(view(five[:2]), view(laid.true_mm(five), (5,)), wrong=(0.2, -0.2), error=1.3))
    assert "resolved" not in change.status
    low, high = change.interval["count_change"]
    assert low <= -3 <= high


def test_one_view_that_shows_a_change_plainly_decides() -> None:
    one, other = outcome_of(two(1, 9, 22)), outcome_of(two(2, 9, 9))
    change = change_of([other, one])
    assert change.status[0] == "fewer"
    low, high = change.interval["count_change"]
    assert low <= -13 <= high < 0
    assert change.numbers["count_then"] == 22


def test_what_another_view_showed_then_is_not_new() -> None:
    now_alone, then_alone = outcome_of(two(1, 9, 0)), outcome_of(two(2, 0, 9))
    assert "new" not in change_of([now_alone, then_alone]).status


def test_views_that_plainly_contradict_one_another_decide_nothing() -> None:
    assert change_of([outcome_of(two(1, 9, 22)), outcome_of(two(2, 22, 9))]).status[0] == "unchanged"


def test_a_group_that_spread_is_wider() -> None:
    random = np.random.default_rng(0)
    core, far = gathered(random, 8, (55, 60), 4), gathered(random, 6, (68, 60), 3)
    now, then = view(np.vstack([core, far]), (14,)), view(core, (8,))
    assert of_group(pair(now, then)).status[:2] == ("more", "wider")


def test_more_in_the_same_place_is_denser() -> None:
    assert of_group(two(4, 20, 10)).status[:2] == ("more", "denser")


def test_a_sure_change_of_shape_or_distribution_is_said_where_others_took_their_places() -> None:
    random = np.random.default_rng(0)
    stayed, went, came = gathered(random, 6), gathered(random, 3), gathered(random, 3)
    now = view(np.concatenate([stayed, came]), (9,), ("fine_linear",), "linear")
    then = view(np.concatenate([stayed, went]), (9,), ("punctate",), "grouped")
    change = of_group(pair(now, then))
    assert change.status == ("changed_morphology", "changed_distribution")
    assert change.terms == ("changed_morphology", "changed_distribution")
    assert ("changed_morphology", "punctate", "fine_linear") in change.turned
    assert any("The distribution was grouped, now linear." in words for words in change.words)
    assert change.raises_suspicion


def test_the_same_calcifications_under_another_word_are_unchanged() -> None:
    points = gathered(np.random.default_rng(0), 9)
    now = view(points, (9,), ("fine_linear",), "linear")
    then = view(points, (9,), ("punctate",), "grouped")
    assert of_group(pair(now, then)).status == ("unchanged",)


def test_an_unsure_one_is_not() -> None:
    points = gathered(np.random.default_rng(0), 9)
    now, then = view(points, (9,)), view(points, (9,))
    unsure = DrawnView(
        then.info, then.breast, then.specks, then.groups, (description("amorphous", sure=0.6),)
    )
    assert of_group(pair(now, unsure)).status == ("unchanged",)


def test_typical_kinds_grow_without_suspicion() -> None:
    views = two(0, 14, 7)
    assert of_group(views).raises_suspicion
    popcorn = of_group(views, kind="popcorn")
    assert popcorn.status[0] == "more"
    assert not popcorn.raises_suspicion


def test_tissue_that_the_earlier_image_does_not_show_holds_nothing_new() -> None:
    now = view(gathered(np.random.default_rng(0), 9, (10, 60), 4), (9,))
    change = of_group(pair(now, view(np.zeros((0, 2))), shift=(-20.0, 0.0)))
    assert change.status == ("not_comparable",)
    assert change.reason == lexicon.changes().reasons.not_shown


def test_where_the_registration_is_poor_nothing_is_new() -> None:
    now = view(gathered(np.random.default_rng(0), 9), (9,))
    change = of_group(pair(now, view(np.zeros((0, 2))), error=15.0))
    assert change.status == ("not_comparable",)
    assert "15 mm" in str(change.reason)


def test_a_group_that_was_not_grouped_then_is_not_new() -> None:
    """The earlier exam shows six of nine, which its own reading did not make a group of."""
    points = gathered(np.random.default_rng(3), 9)
    assert "new" not in of_group(pair(view(points, (9,)), view(points[:6]))).status


def test_one_view_that_shows_it_is_enough_not_to_be_new() -> None:
    both = [outcome_of(two(0, 9, 9)), outcome_of(two(1, 9, 0))]
    assert change_of(both).status == ("unchanged",)
    assert change_of([both[1], outcome_of(two(2, 9, 0))]).status == ("new",)


def test_without_a_view_to_compare_nothing_is_said() -> None:
    change = change_of([])
    assert change.status == ("not_comparable",)
    assert change.terms == ()
    assert change_of([], reason="the tissue could not be matched").reason == "the tissue could not be matched"


def test_a_lone_calcification_is_unchanged_new_or_resolved() -> None:
    one, elsewhere = np.array([[50.0, 50.0]]), np.array([[90.0, 90.0]])
    for there, status in ((one, "unchanged"), (elsewhere, "new")):
        compared = compare_views(pair(view(one, diameter_mm=0.8), view(there, diameter_mm=0.8)))
        assert change_of([outcome(compared, Members(None, np.array([0])), None)]).status == (status,)
    compared = compare_views(pair(view(elsewhere), view(one)))
    assert change_of([outcome(compared, None, Members(None, np.array([0])))]).status == ("resolved",)


def test_the_words_name_the_year_and_the_limit() -> None:
    words = " ".join(of_group(two(0, 14, 7), then="2023").words)
    assert "7 found in 2023, 14 now." in words
    assert "would mostly have been missed in 2023" in words


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Groups whose calcifications each exam misses as its curve says: nine of ten hold the truth."""
    curve, held, runs = detection_curve(), 0, 60
    for seed in range(runs):
        random = np.random.default_rng(seed)
        now, then = 8 + seed % 5, (8 + seed % 5, 8, 14)[seed % 3]
        points = gathered(random, max(now, then))
        snr = np.exp(random.normal(np.log(2.2 * curve.middle), 0.4, len(points)))
        measured = (snr / curve.scale) ** (1 / curve.power)
        seen = [random.random(len(points)) < curve.chance(snr) for _ in range(2)]
        seen[0][now:] = False
        seen[1][then:] = False
        if min(one.sum() for one in seen) < 3:
            held += 1
            continue
        views = [view(points[one], (int(one.sum()),), snr=measured[one]) for one in seen]
        low, high = of_group(pair(views[0], views[1])).interval["count_change"]
        held += low <= now - then <= high
    assert held / runs >= 0.85


def test_the_curve_of_detection_is_recovered() -> None:
    random = np.random.default_rng(0)
    true = DetectionCurve(9.0, 3.0, 0.96)
    snr = np.exp(random.uniform(0.5, 4.5, 6000))
    fitted = fit_curve(snr, (random.random(6000) < true.chance(snr)).astype(float))
    assert fitted.middle == pytest.approx(9.0, rel=0.1)
    assert fitted.top == pytest.approx(0.96, abs=0.02)
    assert true.chance(np.array([9.0]))[0] == pytest.approx(0.48)


def test_quantiles_are_whole_numbers_that_hold_enough() -> None:
    assert quantiles(np.array([0.02, 0.9, 0.08]), -1, 0.9) == (0, 1)
    assert quantiles(np.array([1.0]), 3, 0.9) == (3, 3)


def test_a_trend_runs_from_the_oldest_exam_to_the_current_one() -> None:
    changes = [("2024-03-01", of_group(two(0, 14, 10))), ("2022-03-01", of_group(two(0, 14, 7)))]
    moments = trend("2026-03-01", changes)
    assert [moment.date for moment in moments] == ["2022-03-01", "2024-03-01", "2026-03-01"]
    assert [moment.count for moment in moments] == [7, 10, 14]
    assert moments[-1].status is None
    assert moments[0].status is not None
    assert moments[0].status[0] == "more"


def test_every_threshold_has_its_source() -> None:
    for name, entry in lexicon.changes():
        if name not in ("phrases", "reasons"):
            assert entry.source in lexicon.sources()


def test_all_numbers_are_of_the_view_that_shows_most() -> None:
    few, many = outcome_of(two(0, 8, 7)), outcome_of(two(1, 14, 6))
    for outcomes in ([few, many], [many, few]):
        change = change_of(outcomes)
        assert (change.numbers["count_then"], change.numbers["count_now"]) == (6, 14)
        assert change.view == "CC"
        low, high = change.interval["count_change"]
        assert low <= change.numbers["count_change"] <= high


def test_no_more_are_resolved_than_were_found() -> None:
    change = of_group(two(0, 0, 9))
    assert change.numbers["count_change"] >= -change.numbers["count_then"]
    assert change.interval["count_change"][0] >= -change.numbers["count_then"]


def test_of_fewer_than_a_group_no_shape_is_told_to_have_changed() -> None:
    random = np.random.default_rng(0)
    stayed, came, went = gathered(random, 3), gathered(random, 6), gathered(random, 4)
    now = view(np.concatenate([stayed, came]), (9,), ("fine_linear",), "linear")
    then = view(np.concatenate([stayed, went]), (3,), ("punctate",), "grouped")
    assert not {"changed_morphology", "changed_distribution"}.intersection(of_group(pair(now, then)).status)


def test_single_ones_that_are_new_raise_no_suspicion() -> None:
    one, elsewhere = np.array([[50.0, 50.0]]), np.array([[90.0, 90.0]])
    compared = compare_views(pair(view(one, diameter_mm=0.8), view(elsewhere, diameter_mm=0.8)))
    change = change_of([outcome(compared, Members(None, np.array([0])), None)])
    assert change.status == ("new",)
    assert not change.raises_suspicion


def test_what_may_have_grown_is_not_taken_for_stable() -> None:
    """Eight of eight are there in both exams; of four doubtful ones that came nobody can be sure."""
    random = np.random.default_rng(4)
    stayed, came = gathered(random, 8), gathered(random, 4)
    points = np.concatenate([stayed, came])
    sure = np.r_[np.full(8, 0.97), np.full(4, 0.87)]
    now = view(points, (12,), probability=sure)
    change = of_group(pair(now, view(stayed, (8,))))
    assert change.status == ("unchanged",)
    low, high = change.interval["count_change"]
    assert low <= 0 < high
    assert change.may_have_grown
    assert lexicon.changes().phrases.may_have_grown in change.words
    stable = of_group(two(0, 9, 9))
    assert not stable.may_have_grown
