"""One view: from its pixels to its calcifications and groups, measured and described."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calcscope.breast import Breast, locate_breast
from calcscope.describe.describing import describe_all_singles, describe_group, few_are_a_finding
from calcscope.describe.mimics import find_mimics
from calcscope.describe.model import GroupDescription, Mimic
from calcscope.describe.vessels import find_vessels
from calcscope.exam import Mammogram, Orientation, View, ViewInfo
from calcscope.groups import Group, GroupSettings, form_few, form_groups
from calcscope.priors.laying import Kept, keep
from calcscope.reading.settings import ReadSettings
from calcscope.reading.tomosynthesis import merge_slices
from calcscope.specks import SpeckCatalogue, SpeckSettings, find_specks

Index = NDArray[np.intp]


@dataclass(frozen=True)
class ViewReading:
    """What one view shows. Index arrays refer to ``specks``.

    Parameters
    ----------
    info : the view as read (with the warnings that reading its pixels added)
    orientation : source to canonical
    breast : landmarks
    specks : the calcifications from ``ReadSettings.listed_from`` on and all members of vessels, most
        probable first, mimics left out
    groups, descriptions : the groups of the operating point, those of fewer than five last
    vessels : members of each calcified vessel
    kinds : typical kind of each lone calcification or None
    mimics : what only looks like a calcification
    more_groups, more_descriptions : what lower thresholds would add (``all_groups``)
    kept : what a comparison with another exam needs of the pixels, None where none was asked for
    """

    info: ViewInfo
    orientation: Orientation
    breast: Breast
    specks: SpeckCatalogue
    groups: tuple[Group, ...]
    descriptions: tuple[GroupDescription, ...]
    vessels: tuple[Index, ...]
    kinds: tuple[str | None, ...]
    mimics: tuple[Mimic, ...]
    more_groups: tuple[Group, ...] = ()
    more_descriptions: tuple[GroupDescription, ...] = ()
    kept: Kept | None = None

    @property
    def lone(self) -> NDArray[np.bool_]:
        """Calcifications in no group of the operating point and no vessel, bool (n,)."""
        return ~_among((*(group.members for group in self.groups), *self.vessels), len(self.specks))


def read_view(
    view: View,
    settings: ReadSettings,
    progress: Callable[[str], None] = lambda what: None,
    *,
    compare: bool = False,
) -> ViewReading:
    """Read one view. Raises UnreadableInput when its pixels cannot be decoded.

    ``compare``: keep what a comparison with another exam needs of the pixels, but for tomosynthesis.
    """
    if view.info.slices > 1:
        return _read_slices(view, settings, progress)
    progress(f"{view.info.label}: decoding")
    mammogram = view.load()
    progress(f"{view.info.label}: searching")
    breast = locate_breast(mammogram)
    reading = _describe(mammogram, breast, find_specks(mammogram, breast), settings, vessels_from=0.0)
    return replace(reading, kept=keep(mammogram, breast)) if compare else reading


def _read_slices(view: View, settings: ReadSettings, progress: Callable[[str], None]) -> ViewReading:
    """A tomosynthesis: each slice searched alone, the marks of one object in neighbouring slices merged."""
    found: list[SpeckCatalogue] = []
    middle = view.load(view.info.slices // 2)
    breast = locate_breast(middle)  # compressed between plates, the breast has one outline in all slices
    for number in range(view.info.slices):
        progress(f"{view.info.label}: slice {number + 1} of {view.info.slices}")
        mammogram = view.load(number)
        found.append(find_specks(mammogram, breast, SpeckSettings(min_probability=settings.listed_from)))
    # The improbable marks of all slices would be too many to look for vessels among.
    merged = merge_slices(found, middle.pixel_mm)
    return _describe(middle, breast, merged, settings, vessels_from=settings.judged_from)


def _describe(
    mammogram: Mammogram,
    breast: Breast,
    specks: SpeckCatalogue,
    settings: ReadSettings,
    vessels_from: float,
) -> ViewReading:
    """What candidates are. ``vessels_from``: least probability of those that vessels are looked for among."""
    # What is listed beyond that must not change what is found: the crowd of grains of a smear counts them.
    judged = specks.probability >= settings.judged_from  # the most probable ones come first: indices stay
    mimics, explained = find_mimics(specks.select(judged), breast, mammogram)
    is_mimic = np.zeros(len(specks), dtype=bool)
    is_mimic[: len(explained)] = explained
    specks = specks.select(~is_mimic)
    vessels = find_vessels(specks.select(specks.probability >= vessels_from), breast, mammogram)
    grouping = settings.grouping.for_film() if mammogram.info.acquisition == "film" else settings.grouping
    reading = _judged(specks, vessels, mammogram, breast, settings, grouping)
    reading = replace(reading, mimics=tuple(mimics))
    if settings.listed_from < settings.judged_from:
        reading = _widened(reading, specks, vessels, mammogram, settings, grouping)
    return reading


def _judged(
    specks: SpeckCatalogue,
    vessels: list[Index],
    mammogram: Mammogram,
    breast: Breast,
    settings: ReadSettings,
    grouping: GroupSettings,
) -> ViewReading:
    """What findings depend on: the marks of at least ``judged_from``, their groups and kinds."""
    kept = _kept(specks, vessels, settings.judged_from)
    specks, vessels = specks.select(kept), _moved(vessels, kept)
    obvious = settings.may_stand_alone(specks)
    in_vessel = _among(vessels, len(specks))
    eligible = np.flatnonzero(~in_vessel)
    groups = _of_all(form_groups(specks.select(eligible), breast, grouping), eligible)
    grouped = in_vessel | _among([group.members for group in groups], len(specks))
    rest = np.flatnonzero(~grouped & obvious)
    descriptions = [describe_group(group, specks, breast, mammogram, vessels) for group in groups]
    for group in form_few(specks, breast, rest, grouping):
        description = describe_group(group, specks, breast, mammogram, vessels)
        if few_are_a_finding(group, description):
            groups.append(group)
            descriptions.append(description)
    grouped |= _among([group.members for group in groups], len(specks))
    singles = np.flatnonzero(~grouped & obvious)
    kinds: list[str | None] = [None] * len(specks)
    for n, kind in zip(
        singles, describe_all_singles(specks.select(singles), breast, mammogram, ()), strict=True
    ):
        kinds[n] = kind
    return ViewReading(
        info=mammogram.info,
        orientation=mammogram.orientation,
        breast=breast,
        specks=specks,
        groups=tuple(groups),
        descriptions=tuple(descriptions),
        vessels=tuple(vessels),
        kinds=tuple(kinds),
        mimics=(),
    )


def _widened(
    judged: ViewReading,
    specks: SpeckCatalogue,
    vessels: list[Index],
    mammogram: Mammogram,
    settings: ReadSettings,
    grouping: GroupSettings,
) -> ViewReading:
    """The reading with fainter marks listed too: groups, their probability and kinds do not know of them."""
    kept = _kept(specks, vessels, settings.listed_from)
    place = _moved([np.flatnonzero(_kept(specks, vessels, settings.judged_from))], kept)[0]
    specks, vessels = specks.select(kept), _moved(vessels, kept)
    groups = _of_all(judged.groups, place)
    kinds: list[str | None] = [None] * len(specks)
    for n, kind in zip(place, judged.kinds, strict=True):
        kinds[n] = kind
    more: list[Group] = []
    if settings.all_groups:
        formed = {tuple(sorted(group.members)) for group in groups}
        eligible = np.flatnonzero(~_among(vessels, len(specks)))
        every = form_groups(specks.select(eligible), judged.breast, grouping, every=True)
        more = [g for g in _of_all(every, eligible) if tuple(sorted(g.members)) not in formed]
    return replace(
        judged,
        specks=specks,
        groups=tuple(groups),
        vessels=tuple(vessels),
        kinds=tuple(kinds),
        more_groups=tuple(more),
        more_descriptions=tuple(describe_group(g, specks, judged.breast, mammogram, vessels) for g in more),
    )


def _of_all(groups: Sequence[Group], members: Index) -> list[Group]:
    """Groups of some marks as groups of all: ``members`` are the indices of those some."""
    return [replace(group, members=members[group.members]) for group in groups]


def _kept(specks: SpeckCatalogue, vessels: list[Index], least: float) -> NDArray[np.bool_]:
    """Which are of at least a probability or on a vessel, bool (n,)."""
    return np.asarray(specks.probability >= least) | _among(vessels, len(specks))


def _among(members: Iterable[Index], count: int) -> NDArray[np.bool_]:
    """Which of so many are in any of some index sets, bool (count,)."""
    inside = np.zeros(count, dtype=bool)
    for each in members:
        inside[each] = True
    return inside


def _moved(members: list[Index], kept: NDArray[np.bool_]) -> list[Index]:
    """Indices among all as indices among those that are kept."""
    place = np.cumsum(kept) - 1
    return [place[each] for each in members]
