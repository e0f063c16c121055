"""From what each view shows to the findings of a breast.

A finding is what a radiologist would write one sentence about: a group, as CC and MLO show it; all vascular
calcifications of a breast; all calcifications of one typically benign kind; the lone ones without a kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calcscope import lexicon
from calcscope.assess import FindingFacts, Place
from calcscope.describe.describing import is_milk_of_calcium
from calcscope.exam.model import Laterality
from calcscope.groups.location import CRANIOCAUDAL, Sighting, locate, offset
from calcscope.groups.pairing import pair_views
from calcscope.reading.facts import with_both_breasts, worked_up
from calcscope.reading.settings import ReadSettings
from calcscope.reading.view import ViewReading


@dataclass(frozen=True)
class Seen:
    """A finding in one view: the group it is there, or None, and its calcifications."""

    view: int
    group: int | None
    specks: NDArray[np.intp]


@dataclass(frozen=True)
class Found:
    """A finding before it is assessed. ``what``: group, vascular, kind or lone."""

    what: str
    seen: tuple[Seen, ...]
    facts: FindingFacts


def collect(views: Sequence[ViewReading], settings: ReadSettings) -> list[Found]:
    """Findings of all views of one exam, groups first; facts know of both breasts."""
    found: list[Found] = []
    for side in ("R", "L"):
        own = [i for i, view in enumerate(views) if view.info.laterality == side]
        if own:
            found += _groups(views, own, side)
            found += _vessels(views, own, side)
            found += _kinds(views, own, side, settings)
            found += _lone(views, own, side, settings)
    facts = with_both_breasts(
        [item.facts for item in found], [{seen.view for seen in item.seen} for item in found]
    )
    return [replace(item, facts=one) for item, one in zip(found, facts, strict=True)]


def _groups(views: Sequence[ViewReading], own: list[int], side: Laterality) -> list[Found]:
    """Groups, each with its partners in the other views."""
    clusters: list[list[tuple[int, int]]] = []
    for i in own:
        here = [(i, k) for k in range(len(views[i].groups))]
        pool = [cluster for cluster in clusters if all(view != i for view, _ in cluster)]
        for first, second in _paired(views, pool, here):
            if first is None:
                clusters.append([here[second]])
            else:
                pool[first].append(here[second])
    return [_group_finding(views, cluster, side) for cluster in clusters]


def _paired(
    views: Sequence[ViewReading], pool: list[list[tuple[int, int]]], here: list[tuple[int, int]]
) -> list[tuple[int | None, int]]:
    """Index into ``pool`` (None for a new one) and into ``here`` of each group of a view."""
    own = [_sighting(views, *each) for each in here]
    placed = [
        _sighting(views, *next((c for c in cluster if _has_place(views, c)), cluster[-1])) for cluster in pool
    ]
    if own and offset(own[0]) is None:
        # A spot or magnification view shows no nipple to measure from. It is taken of what the other views
        # show, so where each shows one group they are the same; with several, nobody can tell.
        return [(0, 0)] if len(pool) == len(here) == 1 else [(None, k) for k in range(len(here))]
    if len(pool) == len(here) == 1 and offset(placed[0]) is None:
        return [(0, 0)]
    return [(pair.first, pair.second) for pair in pair_views(placed, own) if pair.second is not None]


def _has_place(views: Sequence[ViewReading], group: tuple[int, int]) -> bool:
    return offset(_sighting(views, *group)) is not None


def _sighting(views: Sequence[ViewReading], i: int, k: int) -> Sighting:
    view, group, description = views[i], views[i].groups[k], views[i].descriptions[k]
    kind = description.typical_kind or description.morphology
    return Sighting.of_group(group, view.specks, view.breast, view.info, kind)


def _group_finding(views: Sequence[ViewReading], cluster: list[tuple[int, int]], side: Laterality) -> Found:
    groups = [views[i].groups[k] for i, k in cluster]
    descriptions = [views[i].descriptions[k] for i, k in cluster]
    # The view that shows most of it, magnification views before others, speaks for its shape.
    best = max(
        range(len(cluster)),
        key=lambda n: (
            views[cluster[n][0]].info.is_magnification,
            descriptions[n].morphology != "not_assessable",
            groups[n].count,
        ),
    )
    lateral = [n for n, (i, _) in enumerate(cluster) if views[i].info.view in ("ML", "LM")]
    flat = [n for n, (i, _) in enumerate(cluster) if views[i].info.view in CRANIOCAUDAL]
    kind = descriptions[best].typical_kind
    if any(is_milk_of_calcium(descriptions[a], descriptions[b]) for a in lateral for b in flat):
        kind = "milk_of_calcium"
    elif len(groups) > 1 and kind is not None and any(d.typical_kind != kind for d in descriptions):
        kind = None  # what looks typical in one view only is not proved
    spans = [group.span_mm for group in groups]
    facts = FindingFacts(
        laterality=side,
        views=tuple(views[i].info.label[1:] for i, _ in cluster),
        morphology=descriptions[best].morphology,
        distribution=descriptions[int(np.argmax(spans))].distribution,
        typical_kind=kind,
        count=max(group.count for group in groups),
        span_mm=max(spans),
        diameter_mm=max(
            float(views[i].specks.diameter_mm[views[i].groups[k].members].max()) for i, k in cluster
        ),
        place=locate([_sighting(views, i, k) for i, k in cluster]),
        few=all(group.few for group in groups),
        fully_worked_up=worked_up([view.info for view in views], side),
        skin_mm=_skin_mm(views, cluster),
    )
    return Found("group", tuple(Seen(i, k, views[i].groups[k].members) for i, k in cluster), facts)


def _skin_mm(views: Sequence[ViewReading], cluster: list[tuple[int, int]]) -> float | None:
    """Distance of a group's middle to the skin line in the view where it is nearest, mm."""
    distances = []
    for i, k in cluster:
        group, breast = views[i].groups[k], views[i].breast
        if len(breast.skin_line):  # a spot view may show none
            row, column = round(group.y), round(group.x)
            distances.append(float(breast.skin_distances_mm(np.array([column]), np.array([row]))[0]))
    return min(distances, default=None)


def _vessels(views: Sequence[ViewReading], own: list[int], side: Laterality) -> list[Found]:
    seen = [Seen(i, None, np.unique(np.concatenate(views[i].vessels))) for i in own if views[i].vessels]
    if not seen:
        return []
    span = max(
        float(np.ptp(views[i].specks.xy_mm[vessel], axis=0).max()) for i in own for vessel in views[i].vessels
    )
    return [Found("vascular", tuple(seen), _kind_facts(views, seen, side, "vascular", span))]


def _kinds(
    views: Sequence[ViewReading], own: list[int], side: Laterality, settings: ReadSettings
) -> list[Found]:
    """One finding for each typically benign kind of lone calcification."""
    by_kind: dict[str, list[Seen]] = {}
    for i in own:
        view = views[i]
        eligible = view.lone & settings.may_stand_alone(view.specks)
        for kind in sorted({k for k, free in zip(view.kinds, eligible, strict=True) if k and free}):
            members = [n for n in np.flatnonzero(eligible) if view.kinds[n] == kind]
            by_kind.setdefault(kind, []).append(Seen(i, None, np.array(members, dtype=np.intp)))
    return [
        Found("kind", tuple(seen), _kind_facts(views, seen, side, kind, None))
        for kind, seen in sorted(by_kind.items())
    ]


def _lone(
    views: Sequence[ViewReading], own: list[int], side: Laterality, settings: ReadSettings
) -> list[Found]:
    """The calcifications of a breast that are in no group and of no kind."""
    seen = []
    for i in own:
        view = views[i]
        nameless = np.array([kind is None for kind in view.kinds], dtype=bool)
        members = np.flatnonzero(view.lone & nameless & settings.may_stand_alone(view.specks))
        if len(members):
            seen.append(Seen(i, None, members))
    return [Found("lone", tuple(seen), _kind_facts(views, seen, side, None, None))] if seen else []


def _kind_facts(
    views: Sequence[ViewReading], seen: Sequence[Seen], side: Laterality, kind: str | None, span: float | None
) -> FindingFacts:
    finest = lexicon.sizes().fine_shape_pixel_mm.value
    fine = any(views[each.view].info.pixel_mm <= finest for each in seen)
    place = Place()
    if all(len(each.specks) == 1 for each in seen):
        place = locate([_lone_sighting(views, each) for each in seen])
    return FindingFacts(
        laterality=side,
        views=tuple(views[each.view].info.label[1:] for each in seen),
        morphology=None if fine or kind else "not_assessable",
        distribution=None,
        typical_kind=kind,
        count=max(len(each.specks) for each in seen),
        span_mm=span,
        diameter_mm=max(float(views[s.view].specks.diameter_mm[s.specks].max()) for s in seen),
        place=place,
        fully_worked_up=worked_up([view.info for view in views], side),
    )


def _lone_sighting(views: Sequence[ViewReading], seen: Seen) -> Sighting:
    view, n = views[seen.view], int(seen.specks[0])
    return Sighting(
        float(view.specks.x[n]),
        float(view.specks.y[n]),
        view.breast,
        view.info,
        1,
        float(view.specks.diameter_mm[n]),
    )
