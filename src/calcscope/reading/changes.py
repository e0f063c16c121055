"""What the report says about earlier exams, from how they were compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calcscope import lexicon
from calcscope.exam.model import Points
from calcscope.priors.change import trend
from calcscope.priors.compare import Outcome
from calcscope.priors.grid import from_grid
from calcscope.priors.model import LIKELY
from calcscope.reading.comparison import Became, Comparison, Earlier, Gone, Laid
from calcscope.reading.view import ViewReading
from calcscope.report import model
from calcscope.report.affine import fitted, mapped

Index = NDArray[np.intp]

NEAR_MM = 8.0
"""Least distance around a finding's middle over which its place in the earlier view is told."""
LATTICE = 7
"""Points a side by which the registration is read there."""
DIGITS = 6


def prior_models(comparison: Comparison, views: Sequence[ViewReading]) -> list[model.Prior]:
    """Every earlier exam that was offered, those in use first."""
    used = [
        model.Prior(
            source=earlier.source,
            study_uid=earlier.chosen.exam.study_uid,
            date=earlier.chosen.exam.date,
            years=round(earlier.chosen.years, 3),
            used=True,
            views=[
                *(_laid_view(laid, earlier, views) for laid in earlier.laid),
                *(_prior_view(views[i], earlier.views[j], reason=reason) for i, j, reason in earlier.refused),
            ],
            warnings=_warnings(earlier, views),
        )
        for earlier in comparison.earlier
    ]
    left_out = [
        model.Prior(source=one.source, study_uid=one.study_uid, date=one.date, used=False, reason=one.reason)
        for one in comparison.left_out
    ]
    return used + left_out


def _laid_view(laid: Laid, earlier: Earlier, views: Sequence[ViewReading]) -> model.PriorView:
    found, now = laid.registration, views[laid.current]
    assert now.kept is not None
    then = earlier.views[laid.prior]
    rows, columns = np.nonzero(now.kept.grid.mask)
    at = from_grid(np.stack([columns, rows], axis=1).astype(np.float64), now.info.pixel_mm)
    return _prior_view(
        now,
        then,
        map=_between_sources(now, then, at, found.to_prior(at)),
        agreement=round(found.agreement, 3),
        error_mm=float(np.median(found.error_mm[now.kept.grid.mask])),
        turned_over=found.way == "turned over",
    )


def _prior_view(now: ViewReading, then: ViewReading, **said: Any) -> model.PriorView:
    return model.PriorView(
        view=now.info.sop_uid,
        prior_view=then.info.sop_uid,
        source=then.info.source,
        pixel_mm=then.info.pixel_mm,
        **said,
    )


def _warnings(earlier: Earlier, views: Sequence[ViewReading]) -> list[str]:
    """What the reader must know of a comparison."""
    turned = [
        f"{views[laid.current].info.label}: {lexicon.changes().phrases.turned_over}"
        for laid in earlier.laid
        if laid.registration.way == "turned over"
    ]
    refused = [f"{views[i].info.label} could not be compared: {reason}." for i, _, reason in earlier.refused]
    return turned + refused


def change_model(
    became: Became,
    views: Sequence[ViewReading],
    names: Sequence[dict[int, str]],
    apart: Sequence[tuple[int, Index]] = (),
) -> model.Change:
    """A comparison as the report tells it.

    Parameters
    ----------
    names : for each view of the exam the ids of the calcifications that the report lists
    apart : for each calcification that lies by itself its view and index; none where the finding is one
    """
    change, exam = became.change, became.earlier.chosen.exam
    assert exam.date is not None
    places = []
    for laid, one in became.outcomes:
        parts: list[Index | None] = [members for i, members in apart if i == laid.current]
        for members in parts or [None]:
            places.append(
                _place(laid, one, became.earlier, views[laid.current], names[laid.current], members)
            )
    return model.Change(
        prior=exam.study_uid,
        date=exam.date,
        status=list(change.status),
        numbers={name: round(value, 3) for name, value in change.numbers.items()},
        interval={name: (round(low, 3), round(high, 3)) for name, (low, high) in change.interval.items()},
        detection_limit={name: round(value, 3) for name, value in change.detection_limit.items()},
        words=list(change.words),
        reason=change.reason,
        raises_suspicion=change.raises_suspicion,
        view=change.view,
        turned=[
            model.Turned.model_validate({"what": what, "was": was, "now": now})
            for what, was, now in change.turned
        ],
        may_have_grown=change.may_have_grown,
        places=places,
    )


def _place(
    laid: Laid, one: Outcome, earlier: Earlier, now: ViewReading, names: dict[int, str], members: Index | None
) -> model.Place:
    """Where a finding, or some of its calcifications, are in the earlier view."""
    then, pair = earlier.views[laid.prior], laid.compared.pair
    partner = dict(zip(one.paired.prior.tolist(), one.paired.current.tolist(), strict=True))
    here = one.now if members is None else members
    there = one.then
    if members is not None:
        there = np.array([k for k in one.then if partner.get(int(k)) in members], dtype=np.intp)
    if len(here):
        middle_mm, spread_mm = _middle(now.specks.xy_mm[here])
    else:
        middle_mm, spread_mm = _middle(pair.to_current_mm(then.specks.xy_mm[there]))
    own, its = set(here.tolist()), set(there.tolist())
    pairs = [(n, k) for k, n in partner.items() if k in its and (n in own or not own)]
    at, affine = _affine(laid, now, then, middle_mm, max(NEAR_MM, spread_mm), pairs)
    ((x, y),) = then.orientation.to_source(at)
    missing, lost = _unseen(one, now, then)
    listed = [int(n) for n in here if int(n) in names]
    return model.Place(
        view=now.info.sop_uid,
        prior_view=then.info.sop_uid,
        x=x,
        y=y,
        error_mm=float(pair.error_at_mm(middle_mm[None])[0]),
        map=affine,
        calcifications=[names[n] for n in listed],
        not_found_then=[names[n] for n in listed if n in missing],
        earlier=[
            _earlier(then, int(k), int(k) not in lost, names.get(partner.get(int(k), -1))) for k in there
        ],
    )


def _unseen(one: Outcome, now: ViewReading, then: ViewReading) -> tuple[set[int], set[int]]:
    """Those of now without a counterpart then, and those of then without one now, that is more than doubtful:
    probable, or a member of the finding."""
    missing, lost = set(one.missing_then.tolist()), set(one.missing_now.tolist())
    grouped = () if one.group_then is None else then.groups[one.group_then].members.tolist()
    ours, theirs = set(one.now.tolist()), set(grouped)
    for n, k in zip(one.paired.current.tolist(), one.paired.prior.tolist(), strict=True):
        if then.specks.probability[k] < LIKELY and k not in theirs:
            missing.add(n)
        if now.specks.probability[n] < LIKELY and n not in ours:
            lost.add(k)
    return missing, lost


def _middle(points_mm: Points) -> tuple[NDArray[np.float64], float]:
    """Middle of points, and how far they lie from it at most, mm."""
    middle = (points_mm.min(axis=0) + points_mm.max(axis=0)) / 2
    return middle, float(np.hypot(*(points_mm - middle).T).max())


def _affine(
    laid: Laid,
    now: ViewReading,
    then: ViewReading,
    middle_mm: NDArray[np.float64],
    reach_mm: float,
    pairs: Sequence[tuple[int, int]],
) -> tuple[Points, tuple[model.Row, model.Row]]:
    """The middle in the earlier view, (1, 2) canonical pixels, and the map from source to source image.

    The registration's around the middle, shifted by what the same calcifications in both still differ.
    """
    offset = np.linspace(-reach_mm, reach_mm, LATTICE)
    lattice = np.stack([each.ravel() for each in np.meshgrid(offset, offset)], axis=1) + middle_mm
    at = lattice / now.info.pixel_mm
    there = laid.registration.to_prior(at)
    canonical = fitted(at, there)
    if pairs:
        own, other = (np.array(each, dtype=np.intp) for each in zip(*pairs, strict=True))
        missed = then.specks.xy[other] - mapped(canonical, now.specks.xy[own])
        shift = np.median(missed, axis=0)
        canonical[:, 2] += shift
        there = there + shift
    middle = mapped(canonical, middle_mm[None] / now.info.pixel_mm)
    return middle, _between_sources(now, then, at, mapped(canonical, at))


def _between_sources(
    now: ViewReading, then: ViewReading, at: Points, there: Points
) -> tuple[model.Row, model.Row]:
    """The map between the source images that fits best what is known of canonical points, (n, 2) each."""
    source = fitted(now.orientation.to_source(at), then.orientation.to_source(there))
    first, second = (tuple(_rounded(each) for each in row) for row in source)
    return first, second  # type: ignore[return-value]


def _rounded(value: float) -> float:
    return round(float(value), DIGITS if math.fabs(value) < 10 else 3)


def _earlier(view: ViewReading, n: int, found_now: bool, same_as: str | None) -> model.EarlierCalcification:
    specks = view.specks
    ((x, y),) = view.orientation.to_source(specks.xy[n : n + 1])
    return model.EarlierCalcification(
        x=x,
        y=y,
        diameter_mm=float(specks.diameter_mm[n]),
        probability=float(specks.probability[n]),
        outline=[(float(a), float(b)) for a, b in view.orientation.to_source(specks.outlines[n])],
        found_now=found_now,
        same_as=same_as,
    )


def trend_models(date: str | None, changes: Sequence[Became]) -> list[model.Moment]:
    """The finding over all exams, oldest first; empty with fewer than two earlier ones."""
    if date is None or len(changes) < 2:
        return []
    told = [(each.earlier.chosen.exam.date or "", each.change) for each in changes]
    return [
        model.Moment(
            date=moment.date,
            count=moment.count,
            span_mm=moment.span_mm,
            status=None if moment.status is None else list(moment.status),
            view=moment.view,
        )
        for moment in trend(date, told)
    ]


def earlier_finding(
    name: str, gone: Gone, views: Sequence[ViewReading], names: Sequence[dict[int, str]]
) -> model.EarlierFinding:
    """A group that only an earlier exam shows."""
    facts = gone.found.facts
    return model.EarlierFinding.model_validate(
        {
            "id": name,
            "laterality": facts.laterality,
            "distribution": facts.distribution,
            "morphology": facts.morphology,
            "typical_kind": facts.typical_kind,
            "count": facts.count,
            "span_mm": facts.span_mm,
            "location": vars(facts.place),
            "change": change_model(gone.became, views, names),
        }
    )
