"""Change against an earlier exam, measured on simulated pairs whose every calcification is known.

    python benchmarks/change.py make WORK --seeds 8010 8011 …   makes pairs, reads them, keeps what was read
    python benchmarks/change.py fit WORK                        the curve of detection (lexicon/data)
    python benchmarks/change.py measure WORK                    status, intervals, pairs of calcifications

Each seed changes one lesion in one of six ways and leaves a second one as it was; the earlier exam is of
another maker for every second seed. Seeds from 9000 on are for the final measurement alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pickle
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from calcscope.breast import locate_breast
from calcscope.exam import read_exams
from calcscope.phantom.exam import SimulatedExam, make_exam
from calcscope.phantom.folders import write_exam
from calcscope.phantom.plan import ExamPlan, lesion_of
from calcscope.priors.change import change_of
from calcscope.priors.compare import Outcome, compare_views, outcome
from calcscope.priors.limit import detection_curve, fit_curve
from calcscope.priors.model import Change, Ground, Members, ViewPair
from calcscope.reading import ReadSettings
from calcscope.reading.view import ViewReading, read_view

CHANGES = ("stable", "new", "more", "fewer", "larger", "resolved")
LESIONS = (
    "fine_pleomorphic:grouped", "round:grouped", "punctate:grouped", "coarse_heterogeneous:grouped",
    "amorphous:grouped", "fine_linear_branching:segmental", "round:regional",
)  # fmt: skip
VIEWS = ("RCC", "RMLO")
LISTED = 0.05
"""Least probability of the marks that are kept: what is faint in one exam may be plain in the other."""


@dataclass(frozen=True)
class Read:
    """One view of a pair: what was read, and for each mark the calcification it is (None for none)."""

    reading: ViewReading
    ground: Ground
    truth: list[tuple[Any, int, float, float]]  # who, lesion, diameter in mm, SNR of an ideal observer
    who: list[Any]


def plan_of(seed: int) -> tuple[ExamPlan, ExamPlan]:
    """Of the current and of the earlier exam."""
    lesions = (LESIONS[seed % len(LESIONS)], LESIONS[(seed + 2) % len(LESIONS)])
    plan = ExamPlan(
        seed=seed, views=VIEWS, lesions=tuple(lesion_of(f"{one}:R") for one in lesions),
        change=CHANGES[seed % len(CHANGES)], clear=True, maker="A",  # type: ignore[arg-type]
    )  # fmt: skip
    return plan, replace(plan, maker="AB"[seed % 2])


def make(work: Path, seed: int) -> None:
    """Make a pair, read both exams, lay the views on one another, and keep it all."""
    from calcscope.priors.limit import ground_of
    from calcscope.priors.register import register

    plan, plan_then = plan_of(seed)
    exams = {"current": make_exam(plan)[1], "prior": make_exam(plan_then)[0]}
    kept: dict[str, Any] = {"change": plan.change, "views": {}}
    views: dict[tuple[str, str], Any] = {}
    for when, exam in exams.items():
        with tempfile.TemporaryDirectory() as folder:
            place = write_exam(exam, Path(folder))
            truth = json.loads((place / "truth.json").read_text(encoding="utf-8"))
            for view in read_exams([place])[0][0].views:
                mammogram = view.load()
                breast = locate_breast(mammogram)
                reading = read_view(view, ReadSettings(min_probability=LISTED))
                own = next(v for v in truth["views"] if v["laterality"] + v["view"] == view.info.label)
                specks = _truth(own, exam, mammogram)
                ground = ground_of(mammogram, breast)
                views[when, view.info.label] = (mammogram, breast), _read(reading, ground, specks)
    for label in VIEWS:
        (now, one), (then, other) = views["current", label], views["prior", label]
        started = time.perf_counter()
        laid = register(now, then)
        kept["views"][label] = one, other, laid
        print(seed, label, plan.change, f"registered in {time.perf_counter() - started:.1f} s", flush=True)
    with gzip.open(work / f"{seed}.pkl.gz", "wb", compresslevel=1) as file:
        pickle.dump(kept, file)


def _truth(view: dict[str, Any], exam: SimulatedExam, mammogram: Any) -> list[tuple[Any, ...]]:
    found = []
    for one in view["specks"]:
        speck = exam.specks[one["speck"]][1]
        ((x, y),) = mammogram.orientation.to_canonical(np.array([[one["x"], one["y"]]]))
        who = (speck.group, speck.seed, *np.round(speck.at, 3).tolist())
        found.append((who, one["lesion"], one["size_mm"], one["snr"], x, y))
    return found


def _read(reading: ViewReading, ground: Ground, specks: list[tuple[Any, ...]]) -> Read:
    at = np.array([one[4:6] for one in specks]).reshape(-1, 2) * reading.info.pixel_mm
    radius = np.maximum(0.35, np.array([one[2] / 2 for one in specks]))
    who: list[Any] = [None] * len(reading.specks)
    if len(at) and len(who):
        apart = np.hypot(*(reading.specks.xy_mm[:, None] - at[None]).transpose(2, 0, 1)) / radius
        near = apart.argmin(axis=1)
        who = [specks[k][0] if apart[n, k] <= 1 else None for n, k in enumerate(near)]
    for name in ("skin_distance_mm", "muscle"):
        reading.breast.__dict__.pop(name, None)
    return Read(reading, ground, [one[:4] for one in specks], who)


def pairs(work: Path) -> Iterator[tuple[int, str, str, Read, Read, ViewPair]]:
    """Seed, label, change and the two views of every pair that could be laid on one another."""
    for path in sorted(work.glob("*.pkl.gz")):
        with gzip.open(path, "rb") as file:
            kept = pickle.load(file)
        for label, (now, then, laid) in kept["views"].items():
            if hasattr(laid, "reason"):
                print(path.name, label, "not registered:", laid.reason)
                continue
            pair = ViewPair(now.reading, then.reading, laid, now.ground, then.ground)
            yield int(path.name.split(".")[0]), label, kept["change"], now, then, pair


def fit(work: Path) -> None:
    """The curve of detection: of what one exam found and both hold, what the other found."""
    snr, found = [], []
    for _, _, _, now, then, pair in pairs(work):
        compared = compare_views(pair)
        for own, other, expected in ((now, then, compared.snr_then), (then, now, compared.snr_now)):
            there, seen = {one[0] for one in other.truth}, {who for who in other.who if who is not None}
            for n, who in enumerate(own.who):
                if who in there and own.reading.specks.probability[n] >= 0.25:
                    snr.append(expected[n])
                    found.append(float(who in seen))
    ratios, hits = np.array(snr), np.array(found)
    curve = fit_curve(ratios, hits)
    print(f"{len(hits)} calcifications, {hits.mean():.0%} found again")
    for low, high in ((0, 5), (5, 8), (8, 12), (12, 20), (20, 40), (40, 1000)):
        those = (ratios >= low) & (ratios < high)
        if those.any():
            said = curve.chance(ratios[those]).mean()
            print(
                f"  SNR {low:3d} to {high:4d}: {those.sum():4d}, found {hits[those].mean():.2f}, {said:.2f}"
            )
    print(f"middle_snr: {curve.middle:.2f}, slope: {curve.slope:.2f}, top: {curve.top:.3f}")


def measure(work: Path) -> None:
    """Status of each group, whether its interval holds the truth, and how many calcifications match right."""
    print(f"curve of detection: {detection_curve()}")
    right, stable, held, matched = Counter[bool](), Counter[bool](), Counter[bool](), Counter[str]()
    for seed, label, changed, now, then, pair in pairs(work):
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
            change = change_of([one])
            lesion = _lesion(one, now, then)
            truth = "no calcium" if lesion == "none" else "stable" if lesion else changed
            count = [sum(t[1] == lesion for t in side.truth) for side in (now, then)]
            low, high = change.interval.get("count_change", (np.nan, np.nan))
            correct = _is_right(change, truth)
            holds = low <= count[0] - count[1] <= high
            if lesion != "none" and change.status[0] != "not_comparable":
                right[correct] += 1
                if truth == "stable":
                    stable["new" in change.status] += 1
                if change.status[0] not in ("new", "resolved"):
                    held[holds] += 1
            for i, j in zip(one.paired.current, one.paired.prior, strict=True):
                a, b = now.who[i], then.who[j]
                matched["right" if a is not None and a == b else "noise" if a is b is None else "wrong"] += 1
            print(
                f"{seed} {label} {truth:10s} -> {', '.join(change.status):32s} "
                f"{'right' if correct else 'WRONG' if lesion != 'none' else '     '} "
                f"found {len(one.then)} -> {len(one.now)}, true {count[1]} -> {count[0]}, "
                f"interval {low:.0f} to {high:.0f} {'' if holds else 'MISSED'} "
                f"pairs {len(one.paired.current)} error {one.error_mm:.1f} mm {change.reason or ''}"
            )
    total = sum(right.values())
    print(
        f"status right in {right[True]} of {total}; stable called new in {stable[True]} of "
        f"{sum(stable.values())}"
    )
    print(
        f"change in number within its interval in {held[True]} of {sum(held.values())}; "
        f"pairs: {dict(matched)}"
    )


def _lesion(one: Outcome, now: Read, then: Read) -> int | str:
    """The lesion that most of a finding's calcifications are of."""
    who = [now.who[n] for n in one.now] + [then.who[n] for n in one.then]
    counted = Counter(w[0] for w in who if w is not None)
    if not counted or sum(counted.values()) < len(who) / 3:
        return "none"
    return int(counted.most_common(1)[0][0])


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
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.what == "make":
        for seed in arguments.seeds:
            make(arguments.work, seed)
    else:
        {"fit": fit, "measure": measure}[arguments.what](arguments.work)


if __name__ == "__main__":
    main()
