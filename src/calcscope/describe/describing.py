"""The description of groups and of single calcifications."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calcscope import lexicon
from calcscope.breast.model import Breast
from calcscope.describe.appearance import GROUP_MEASUREMENTS, measure_group, plainness
from calcscope.describe.body import find_bodies
from calcscope.describe.form import measure_form
from calcscope.describe.gaussian import load_classes
from calcscope.describe.kinds import group_kind, single_kind
from calcscope.describe.model import GroupDescription
from calcscope.describe.pieces import find_pieces
from calcscope.describe.spread import describe_spread, lying_beyond
from calcscope.describe.thresholds import thresholds
from calcscope.describe.vessels import find_vessels
from calcscope.exam.model import Mammogram, Points
from calcscope.groups.model import Group
from calcscope.specks.catalogue import SpeckCatalogue

NOT_ASSESSABLE = "not_assessable"
PLAIN_ENOUGH = 0.25
"""What counts less than this share of a group's plainest calcification is no part of its arrangement."""


def describe_group(
    group: Group,
    catalogue: SpeckCatalogue,
    breast: Breast,
    mammogram: Mammogram,
    vessels: Sequence[NDArray[np.intp]] | None = None,
) -> GroupDescription:
    """Describe a group in lexicon terms.

    Parameters
    ----------
    group : the group, its members indices into ``catalogue``
    catalogue, breast, mammogram : of the view the group lies in
    vessels : what :func:`find_vessels` found in the view; found anew when not given

    The probabilities are calibrated on drawn shapes and must be shown as such.
    """
    if vessels is None:
        vessels = find_vessels(catalogue, breast, mammogram)
    places, values = measured(group.members, catalogue, mammogram)
    distribution, reasons = describe_spread(places, breast)
    bodies = find_bodies(group.members, catalogue, mammogram)
    forms = [measure_form(body) for body in bodies]
    kind, kind_reasons = group_kind(group, bodies, forms, breast, mammogram.info.view, vessels)
    if mammogram.pixel_mm > lexicon.sizes().fine_shape_pixel_mm.value:
        morphology = {NOT_ASSESSABLE: 1.0}
        shape_reasons: tuple[str, ...] = (f"pixels of {mammogram.pixel_mm:.2f} mm hide fine shapes",)
    else:
        morphology = load_classes("morphology").probabilities(values)
        shape_reasons = _shape_in_words(values)
    return GroupDescription(
        distribution=max(distribution, key=distribution.__getitem__),
        distribution_probabilities=distribution,
        morphology=max(morphology, key=morphology.__getitem__),
        morphology_probabilities=morphology,
        typical_kind=kind,
        reasons=(*reasons, *shape_reasons, *kind_reasons),
    )


def describe_single(
    index: int, catalogue: SpeckCatalogue, breast: Breast, mammogram: Mammogram
) -> str | None:
    """Typically benign kind of one calcification, or None where its form names none."""
    [body] = find_bodies([index], catalogue, mammogram)
    return single_kind(body, measure_form(body), breast)


def describe_all_singles(
    catalogue: SpeckCatalogue,
    breast: Breast,
    mammogram: Mammogram,
    vessels: Sequence[NDArray[np.intp]] | None = None,
) -> list[str | None]:
    """Kind of every calcification of a view, in catalogue order; members of a vessel are vascular."""
    if vessels is None:
        vessels = find_vessels(catalogue, breast, mammogram)
    kinds: list[str | None] = [None] * len(catalogue)
    for body in find_bodies(range(len(catalogue)), catalogue, mammogram):
        kind = single_kind(body, measure_form(body), breast)
        for mark in body.marks:
            kinds[mark] = kind
    for vessel in vessels:
        for mark in vessel:
            kinds[mark] = "vascular"
    return kinds


def measured(
    members: NDArray[np.intp], catalogue: SpeckCatalogue, mammogram: Mammogram
) -> tuple[Points, NDArray[np.float64]]:
    """What a group is described by.

    Returns
    -------
    places : (n, 2) mm, by which its distribution is told
    values : its measurements ``GROUP_MEASUREMENTS``, by which its morphology is
    """
    beyond = lying_beyond(members, catalogue)
    # The densest place of a wider distribution may be no more than two false marks beside two true ones: what
    # is described is then all that belongs to it.
    described = members if beyond is None else np.union1d(members, beyond)
    pieces = find_pieces(described, catalogue, mammogram)
    forms = [measure_form(piece.body) for piece in pieces]
    weight = plainness(forms, np.array([piece.probability for piece in pieces]))
    values = measure_group(forms, weight, np.array([piece.noise for piece in pieces]))
    if beyond is not None:
        return catalogue.xy_mm[beyond], values
    plain = weight > PLAIN_ENOUGH * weight.max()
    return catalogue.pixel_mm * np.stack([piece.centre for piece in pieces])[plain], values


def few_are_a_finding(few: Group, description: GroupDescription) -> bool:
    """Whether calcifications too few for a group are a finding, by their shape or their arrangement."""
    rule = lexicon.groups()
    arranged = description.distribution in rule.few_distributions.value
    return description.morphology in rule.few_shapes.value or (
        arranged and few.count >= rule.few_arranged_from.value
    )


def is_milk_of_calcium(lateral: GroupDescription, craniocaudal: GroupDescription) -> bool:
    """Whether one group seen in both views is milk of calcium: layered in the true lateral, smudges in
    CC. Shapes with distinct borders in the CC view, or another typical kind, speak against it."""
    distinct = thresholds()["milk_not_shapes"]["value"]
    smudges = craniocaudal.morphology not in distinct and craniocaudal.typical_kind is None
    return lateral.typical_kind == "milk_of_calcium" and smudges


def _shape_in_words(values: NDArray[np.float64]) -> tuple[str, ...]:
    measured = dict(zip(GROUP_MEASUREMENTS, values.tolist(), strict=True))
    diameter = np.exp(measured["log_diameter"])
    times = np.exp(measured["log_slenderness"])
    words = [f"median size {diameter:.2f} mm, {times:.1f} times as long as wide"]
    spread = measured["diameter_spread"]
    if np.isfinite(spread):
        words.append(
            f"sizes vary by a factor of {np.exp(spread):.1f}, roundness by {measured['roundness_spread']:.2f}"
        )
    return tuple(words)
