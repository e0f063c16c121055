"""Change against an earlier exam, measured on simulated pairs whose every calcification is known.

    python benchmarks/change.py make WORK --seeds 8010 8011 …   makes pairs, reads them, keeps what was read
    python benchmarks/change.py fit WORK                        the curve of detection (lexicon/data)
    python benchmarks/change.py measure WORK                    status, intervals, pairs of calcifications

Each seed changes one lesion in one of six ways and leaves a second one as it was; the earlier exam is of
another maker for every second seed. ``make --older`` adds a still older exam, like the earlier one but
positioned anew and of the other maker: how often growth is seen by chance against one of two. Seeds from
9000 on were for the final measurement alone; ``docs/accuracy.md`` says which have been looked at since.

The truth of a finding is of those of its calcifications that either exam found, in the words of the lexicon
(:func:`_truth_of`).
"""

from __future__ import annotations

import argparse
import gzip
import json
import pickle
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from calcscope import lexicon
from calcscope.exam import read_exams
from calcscope.phantom.exam import SimulatedExam, make_exam
from calcscope.phantom.folders import write_exam
from calcscope.phantom.plan import ExamPlan, lesion_of
from calcscope.priors.change import change_of
from calcscope.priors.compare import Outcome, compare_views, outcome
from calcscope.priors.laying import lay_and_compare
from calcscope.priors.limit import detection_curve, fit_curve, raw_snr
from calcscope.priors.model import LIKELY, LISTED, Change, Ground, Members, ViewPair
from calcscope.priors.register import NotRegistered
from calcscope.reading import ReadSettings
from calcscope.reading.view import ViewReading, read_view

CHANGES = ("stable", "new", "more", "fewer", "larger", "resolved")
LESIONS = (
    "fine_pleomorphic:grouped", "round:grouped", "punctate:grouped", "coarse_heterogeneous:grouped",
    "amorphous:grouped", "fine_linear_branching:segmental", "round:regional",
)  # fmt: skip
VIEWS = ("RCC", "RMLO")
PLAIN = 12.0
"""Ideal observer's ratio from which on one is plain."""


@dataclass(frozen=True)
class Read:
    """One view of a pair: what was read, and for each mark the calcification it is (None for none)."""

    reading: ViewReading
    ground: Ground
    truth: list[tuple[Any, int, float, float]]  # who, lesion, diameter in mm, SNR of an ideal observer
    who: list[Any]

    def slim(self) -> Read:
        """Without what is worked out anew in a moment, or is not needed once views are laid."""
        for name in ("skin_distance_mm", "muscle"):
            self.reading.breast.__dict__.pop(name, None)
        return replace(self, reading=replace(self.reading, kept=None))


def plan_of(seed: int) -> tuple[ExamPlan, ExamPlan]:
    """Of the current and of the earlier exam."""
    lesions = (LESIONS[seed % len(LESIONS)], LESIONS[(seed + 2) % len(LESIONS)])
    plan = ExamPlan(
        seed=seed, views=VIEWS, lesions=tuple(lesion_of(f"{one}:R") for one in lesions),
        change=CHANGES[seed % len(CHANGES)], clear=True, maker="A",  # type: ignore[arg-type]
    )  # fmt: skip
    return plan, replace(plan, maker="AB"[seed % 2])


def make(work: Path, seed: int, older: bool) -> None:
    """Make a pair, read both exams, lay the views on one another, and keep it all."""
    plan, plan_then = plan_of(seed)
    prior = make_exam(plan_then)[0]
    exams = {"current": make_exam(plan)[1], "prior": prior}
    if older:
        other = replace(prior.plan, maker="AB"[plan_then.maker == "A"])
        exams["older"] = replace(prior, plan=other, when="older")  # type: ignore[arg-type]
    read: dict[tuple[str, str], Read] = {}
    for when, exam in exams.items():
        with tempfile.TemporaryDirectory() as folder:
            place = write_exam(exam, Path(folder))
            truth = json.loads((place / "truth.json").read_text(encoding="utf-8"))
            for view in read_exams([place])[0][0].views:
                own = next(v for v in truth["views"] if v["laterality"] + v["view"] == view.info.label)
                reading = read_view(view, ReadSettings(min_probability=LISTED), compare=True)
                read[when, view.info.label] = _read(reading, _truth(own, exam, reading))
    kept: dict[str, Any] = {"change": plan.change}
    for when in exams:
        for label in VIEWS if when != "current" else ():
            now, then = read["current", label], read[when, label]
            assert now.reading.kept is not None
            assert then.reading.kept is not None
            laid = lay_and_compare((now.reading, now.reading.kept), (then.reading, then.reading.kept))
            registered = laid if isinstance(laid, NotRegistered) else laid[0]
            kept.setdefault(when, {})[label] = now.slim(), then.slim(), registered
    with gzip.open(work / f"{seed}.pkl.gz", "wb", compresslevel=1) as file:
        pickle.dump(kept, file)
    print(seed, plan.change, flush=True)


def _truth(view: dict[str, Any], exam: SimulatedExam, reading: ViewReading) -> list[tuple[Any, ...]]:
    found = []
    for one in view["specks"]:
        speck = exam.specks[one["speck"]][1]
        ((x, y),) = reading.orientation.to_canonical(np.array([[one["x"], one["y"]]]))
        who = (speck.group, speck.seed, *np.round(speck.at, 3).tolist())
        found.append((who, one["lesion"], one["size_mm"], one["snr"], x, y))
    return found


def _read(reading: ViewReading, specks: list[tuple[Any, ...]]) -> Read:
    at = np.array([one[4:6] for one in specks]).reshape(-1, 2) * reading.info.pixel_mm
    radius = np.maximum(0.35, np.array([one[2] / 2 for one in specks]))
    who: list[Any] = [None] * len(reading.specks)
    if len(at) and len(who):
        apart = np.hypot(*(reading.specks.xy_mm[:, None] - at[None]).transpose(2, 0, 1)) / radius
        near = apart.argmin(axis=1)
        who = [specks[k][0] if apart[n, k] <= 1 else None for n, k in enumerate(near)]
    assert reading.kept is not None
    return Read(reading, reading.kept.ground, [one[:4] for one in specks], who)


Pair = tuple[int, str, str, Read, Read, ViewPair]
"""Seed, label, change and the two views of a pair."""


def pairs(work: Path, when: str = "prior") -> Iterator[Pair]:
    """Every pair that could be laid on one another."""
    for path in sorted(work.glob("*.pkl.gz")):
        with gzip.open(path, "rb") as file:
            kept = pickle.load(file)
        for label, (now, then, laid) in kept.get(when, {}).items():
            if isinstance(laid, NotRegistered):
                print(path.name, label, "not registered:", laid.reason)
                continue
            pair = ViewPair(now.reading, then.reading, laid, now.ground, then.ground)
            yield int(path.name.split(".")[0]), label, kept["change"], now, then, pair


def fit(work: Path) -> None:
    """The curve of detection, in three steps.

    What an ideal observer's ratio is for what is measured; how often calcifications of such a ratio are
    found; and, of the plain ones that one exam found and both hold, how many the other found.
    """
    measured, ideal, ratios, found, again = [], [], [], [], []
    for _, _, _, now, then, _ in pairs(work):
        for own, other in ((now, then), (then, now)):
            specks, raw = own.reading.specks, raw_snr(own.reading.specks, own.ground)
            marks: dict[Any, float] = {}
            for n, who in enumerate(own.who):
                if who is not None and specks.probability[n] >= LIKELY:
                    marks[who] = max(marks.get(who, 0.0), raw[n])
            known, seen = {one[0] for one in other.truth}, {who for who in other.who if who is not None}
            for who, _, _, snr in own.truth:
                ratios.append(snr)
                found.append(float(who in marks))
                if who in marks:
                    measured.append(np.log(marks[who]))
                    ideal.append(np.log(snr))
                    if snr >= PLAIN and who in known:
                        again.append(float(who in seen))
    power, offset = np.polyfit(measured, ideal, 1)
    scatter = float(np.std(np.array(ideal) - offset - power * np.array(measured)))
    at, hits = np.array(ratios), np.array(found)
    curve = fit_curve(at, hits)
    print(f"{len(hits)} calcifications, {hits.mean():.0%} found; scatter of the ratio {scatter:.2f} (log)")
    for low, high in ((0, 3), (3, 5), (5, 7), (7, 10), (10, 15), (15, 25), (25, 1000)):
        those = (at >= low) & (at < high)
        if those.any():
            said = curve.chance(at[those]).mean()
            print(
                f"  SNR {low:3d} to {high:4d}: {those.sum():4d}, found {hits[those].mean():.2f}, {said:.2f}"
            )
    # A ratio known with a scatter makes the curve flatter (a normal spread of 1.7 is a logistic's of 1).
    flatter = curve.slope / np.sqrt(1 + (curve.slope * scatter / 1.7) ** 2)
    print(f"plain ones that one exam found, found again: {np.mean(again):.3f} of {len(again)}")
    print(
        f"middle_snr: {curve.middle:.2f}, slope: {flatter:.2f}, top: {np.mean(again):.2f}, "
        f"scale: {np.exp(offset):.3f}, power: {power:.3f}"
    )


def measure(work: Path) -> None:
    """Status of each group in each view and of each lesion in both, whether the interval holds the truth, and
    how many calcifications are matched right; and how often growth is seen by chance against two exams."""
    print(f"curve of detection: {detection_curve()}")
    groups, lesions, matched = Score(), Score(), Counter[str]()
    newer = compared_lesions(pairs(work), groups, matched)
    for name, views in newer.items():
        lesions.add(f"{name[0]} lesion {name[1]}", views)
    print(f"groups of single views: {groups}\nlesions in both views: {lesions}\npairs: {dict(matched)}")
    older = compared_lesions(pairs(work, "older"), Score(quiet=True), Counter())
    stable = [name for name in newer if name in older and _became(newer[name]) == "stable"]
    grew = [[change_of([one for one, *_ in those[name]]).grew for name in stable] for those in (newer, older)]
    if stable:
        print(
            f"stable lesions said to have grown: against the earlier exam {sum(grew[0])}, against the older "
            f"one {sum(grew[1])}, against either {sum(map(max, *grew))} of {len(stable)}"
        )


Views = list[tuple[Outcome, Read, Read, str]]
"""A finding in one view or several, with what was read of them and how the first lesion changed."""


def compared_lesions(
    those: Iterator[Pair], groups: Score, matched: Counter[str]
) -> dict[tuple[int, int], Views]:
    """For each seed and lesion its largest group in each view; every group goes into ``groups``, and how its
    calcifications are matched into ``matched``."""
    largest: dict[tuple[int, int], dict[str, tuple[Outcome, Read, Read, str]]] = {}
    for seed, label, changed, now, then, pair in those:
        compared = compare_views(pair)
        found = [
            outcome(compared, Members(k, group.members), None) for k, group in enumerate(pair.current.groups)
        ]
        found += [
            outcome(compared, None, Members(match.prior, pair.prior.groups[match.prior].members))
            for match in compared.groups
            if match.current is None and match.prior is not None
        ]
        for one in found:
            groups.add(f"{seed} {label}", [(one, now, then, changed)])
            for i, j in zip(one.paired.current, one.paired.prior, strict=True):
                a, b = now.who[i], then.who[j]
                matched["right" if a is not None and a == b else "noise" if a is b is None else "wrong"] += 1
            lesion = _lesion(one, now, then)
            if lesion != "none":
                views = largest.setdefault((seed, int(lesion)), {})
                size = len(one.now) + len(one.then)
                if label not in views or size > len(views[label][0].now) + len(views[label][0].then):
                    views[label] = one, now, then, changed
    return {name: list(views.values()) for name, views in largest.items()}


class Score:
    """How often the status was right, what is stable was called new, and the interval held the truth; and
    what groups of no calcium were called."""

    def __init__(self, quiet: bool = False) -> None:
        self.right, self.stable, self.held = Counter[bool](), Counter[bool](), Counter[bool]()
        self.silent, self.noise, self.quiet = 0, Counter[str](), quiet

    def add(self, name: str, views: Views) -> None:
        """A finding in one view or several."""
        change, truth = change_of([one for one, *_ in views]), _became(views)
        best = max(views, key=lambda view: len(view[0].now) + len(view[0].then))[0]
        held_now, held_then = _all_held(views)
        low, high = change.interval.get("count_change", (np.nan, np.nan))
        correct, holds = _is_right(change, truth), low <= len(held_now) - len(held_then) <= high
        if truth == "no calcium":
            self.noise[change.status[0]] += 1
        elif change.status[0] == "not_comparable":
            self.silent += 1
        else:
            self.right[correct] += 1
            if truth == "stable":
                self.stable["new" in change.status] += 1
            if change.status[0] not in ("new", "resolved"):
                self.held[holds] += 1
        if not self.quiet:
            print(
                f"{name} {truth:10s} -> {', '.join(change.status):32s} "
                f"{'right' if correct else 'WRONG' if truth != 'no calcium' else '     '} "
                f"found {len(best.then)} -> {len(best.now)}, true {len(held_then)} -> {len(held_now)}, "
                f"interval {low:.0f} to {high:.0f} {'' if holds else 'MISSED'} "
                f"pairs {len(best.paired.current)} error {best.error_mm:.1f} mm {change.reason or ''}"
            )

    def __str__(self) -> str:
        right, stable, held = (
            f"{one[True]} of {sum(one.values())}" for one in (self.right, self.stable, self.held)
        )
        comparable = sum(self.right.values())
        return (
            f"status right in {right}; not comparable {self.silent} of {comparable + self.silent}; stable "
            f"called new in {stable}; change in number within its interval in {held}; of no calcium "
            f"{sum(self.noise.values())}: {dict(self.noise)}"
        )


def _lesion(one: Outcome, now: Read, then: Read) -> int | str:
    """The lesion that most of a finding's calcifications are of."""
    who = [now.who[n] for n in one.now] + [then.who[n] for n in one.then]
    counted = Counter(w[0] for w in who if w is not None)
    if not counted or sum(counted.values()) < len(who) / 3:
        return "none"
    return int(counted.most_common(1)[0][0])


def _held(one: Outcome, now: Read, then: Read) -> tuple[set[Any], set[Any]]:
    """The calcifications that a finding is of, in truth there now and there then, found in either exam."""
    seen = {now.who[n] for n in one.now} | {then.who[n] for n in one.then}
    return {t[0] for t in now.truth} & seen, {t[0] for t in then.truth} & seen


def _all_held(views: Views) -> tuple[set[Any], set[Any]]:
    """The same of all views together."""
    true = [_held(one, here, there) for one, here, there, _ in views]
    held_now, held_then = (set[Any]().union(*(sets[k] for sets in true)) for k in (0, 1))
    return held_now, held_then


def _became(views: Views) -> str:
    """What became in truth of the calcifications of a finding."""
    best, now, then, changed = max(views, key=lambda view: len(view[0].now) + len(view[0].then))
    return _truth_of(*map(len, _all_held(views)), _lesion(best, now, then), changed)


def _truth_of(now: int, then: int, lesion: int | str, changed: str) -> str:
    """What a reader who knew every calcification would say, in the words of the lexicon.

    A finding of which at most ``new_share`` was there, or fewer than ``new_from`` (of one or two, fewer than
    half), is new: what is no group now because so little is left of it is resolved in the same way. A change
    of ``least_count_change`` in number counts. Else the lesion grew in size, or it is stable.
    """
    rules = lexicon.changes()

    def there(some: int, of: int) -> bool:
        return some >= min(rules.new_from.value, of / 2) and some > rules.new_share.value * of

    if lesion == "none" or not now + then:
        return "no calcium"
    if not there(then, max(now, then)):
        return "new"
    if not there(now, max(now, then)):
        return "resolved"
    if abs(now - then) >= max(1, rules.least_count_change.value * then):
        return "more" if now > then else "fewer"
    return "larger" if changed == "larger" and lesion == 0 else "stable"


def _is_right(change: Change, truth: str) -> bool:
    if truth == "stable":
        return change.status == ("unchanged",)
    return truth in change.status


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("make", "fit", "measure"))
    parser.add_argument("work", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=())
    parser.add_argument("--older", action="store_true", help="make a still older exam too")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.what == "make":
        for seed in arguments.seeds:
            make(arguments.work, seed, arguments.older)
    else:
        {"fit": fit, "measure": measure}[arguments.what](arguments.work)


if __name__ == "__main__":
    main()
