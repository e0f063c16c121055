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
from scipy.ndimage import map_coordinates

from calcscope.breast import locate_breast
from calcscope.exam import read_exams
from calcscope.phantom.exam import SimulatedExam, make_exam
from calcscope.phantom.folders import write_exam
from calcscope.phantom.plan import ExamPlan, lesion_of
from calcscope.priors.change import change_of
from calcscope.priors.compare import Outcome, compare_views, outcome
from calcscope.priors.limit import detection_curve, fit_curve, raw_snr
from calcscope.priors.model import LIKELY, LISTED, Change, Ground, Members, ViewPair
from calcscope.reading import ReadSettings
from calcscope.reading.view import ViewReading, read_view

CHANGES = ("stable", "new", "more", "fewer", "larger", "resolved")
LESIONS = (
    "fine_pleomorphic:grouped", "round:grouped", "punctate:grouped", "coarse_heterogeneous:grouped",
    "amorphous:grouped", "fine_linear_branching:segmental", "round:regional",
)  # fmt: skip
VIEWS = ("RCC", "RMLO")
STEP_MM = 2.0
PLAIN = 12.0
"""Ideal observer's ratio from which on one is plain."""


@dataclass(frozen=True)
class Read:
    """One view of a pair: what was read, and for each mark the calcification it is (None for none)."""

    reading: ViewReading
    ground: Ground
    truth: list[tuple[Any, int, float, float]]  # who, lesion, diameter in mm, SNR of an ideal observer
    who: list[Any]


@dataclass(frozen=True)
class Sampled:
    """A registration, kept as what it says every ``STEP_MM``."""

    there: Any  # (rows, columns, 2) canonical pixels of the earlier view
    error: Any  # (rows, columns) mm
    step: float  # pixels of the current view

    @classmethod
    def of(cls, laid: Any, reading: ViewReading) -> Sampled:
        step = STEP_MM / reading.info.pixel_mm
        rows, columns = (int(size / step) + 2 for size in reading.breast.mask.shape)
        y, x = np.mgrid[:rows, :columns] * step
        at = np.stack([x.ravel(), y.ravel()], axis=1)
        return cls(
            laid.to_prior(at).reshape(rows, columns, 2), laid.error_at(at).reshape(rows, columns), step
        )

    def to_prior(self, xy: Any) -> Any:
        return np.stack([self._read(self.there[..., k], xy) for k in range(2)], axis=1)

    def error_at(self, xy: Any) -> Any:
        return self._read(self.error, xy)

    def _read(self, values: Any, xy: Any) -> Any:
        at = np.atleast_2d(xy)[:, ::-1].T / self.step
        return map_coordinates(values, at, order=1, mode="nearest")


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
        kept["views"][label] = one, other, laid if hasattr(laid, "reason") else Sampled.of(laid, one.reading)
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
    how many calcifications are matched right."""
    print(f"curve of detection: {detection_curve()}")
    groups, lesions, matched = Score(), Score(), Counter[str]()
    largest: dict[tuple[int, int], dict[str, tuple[Outcome, Read, Read, str]]] = {}
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
    for (seed, lesion), views in largest.items():
        lesions.add(f"{seed} lesion {lesion}", list(views.values()))
    print(f"groups of single views: {groups}\nlesions in both views: {lesions}\npairs: {dict(matched)}")


class Score:
    """How often the status was right, what is stable was called new, and the interval held the truth."""

    def __init__(self) -> None:
        self.right, self.stable, self.held = Counter[bool](), Counter[bool](), Counter[bool]()
        self.silent = 0

    def add(self, name: str, views: list[tuple[Outcome, Read, Read, str]]) -> None:
        """A finding in one view or several."""
        change = change_of([one for one, *_ in views])
        best, now, then, changed = max(views, key=lambda view: len(view[0].now) + len(view[0].then))
        true = [_held(one, here, there) for one, here, there, _ in views]
        held_now, held_then = (set[Any]().union(*(sets[k] for sets in true)) for k in (0, 1))
        truth = _truth_of(len(held_now), len(held_then), _lesion(best, now, then), changed)
        low, high = change.interval.get("count_change", (np.nan, np.nan))
        correct, holds = _is_right(change, truth), low <= len(held_now) - len(held_then) <= high
        if truth != "no calcium":
            if change.status[0] == "not_comparable":
                self.silent += 1
            else:
                self.right[correct] += 1
                if truth == "stable":
                    self.stable["new" in change.status] += 1
                if change.status[0] not in ("new", "resolved"):
                    self.held[holds] += 1
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
        return (
            f"status right in {right} ({self.silent} not comparable); stable called new in "
            f"{stable}; change in number within its interval in {held}"
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


def _truth_of(now: int, then: int, lesion: int | str, changed: str) -> str:
    """What became in truth of the calcifications of a finding."""
    if lesion == "none" or not now + then:
        return "no calcium"
    if not then:
        return "new"
    if not now:
        return "resolved"
    if abs(now - then) >= max(1, 0.25 * then):
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
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.what == "make":
        for seed in arguments.seeds:
            make(arguments.work, seed)
    else:
        {"fit": fit, "measure": measure}[arguments.what](arguments.work)


if __name__ == "__main__":
    main()
