"""Typically benign kinds, of single calcifications and of whole groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from calcscope import lexicon
from calcscope.breast.model import Breast
from calcscope.describe.appearance import measure_single
from calcscope.describe.body import Body
from calcscope.describe.form import Form
from calcscope.describe.gaussian import load_classes
from calcscope.describe.thresholds import thresholds
from calcscope.groups.model import Group

OTHER = "other"
"""Class of the single calcifications that are of no typical kind."""
HALF_HEIGHT_SHARE = np.sqrt(3) / 2
"""A round body is this share of its width across at half its height; definitions mean the body."""
LEVEL_WITHIN = np.deg2rad(20)
"""A sediment's long axis lies this near the horizontal."""
LEVEL_ELONGATION = (1.4, 4.5)
"""Rounder bodies have no direction to be level in; sediment in a round cyst gets no longer for its depth."""
SHARP_TOP = 0.04
"""Least surplus of the upper border's steepness (see Form.top_sharpness)."""
LEAST_VESSEL_SHARE = 0.3
"""Share of the calcified area that must lie in a vessel that was found."""
LEAST_LEVEL = 3
"""Fewer level bodies than this are chance."""


def kind_probabilities(form: Form) -> dict[str, float]:
    """Probability of each typical kind of one calcified body, and of :data:`OTHER`, by its form alone.

    Kinds that the lexicon's sizes rule out get 0.
    """
    sizes = lexicon.sizes()
    length = form.length_mm / HALF_HEIGHT_SHARE
    breadth = form.breadth_mm / HALF_HEIGHT_SHARE
    impossible = set()
    if length < sizes.popcorn_from_mm.value:
        impossible.add("popcorn")
    if breadth < sizes.rod_width_mm.value:
        impossible.add("rod")
    if breadth < thresholds()["vessel_width_mm"]["value"][0]:
        impossible.add("vascular")
    if length < sizes.dystrophic_from_mm.value:
        impossible.add("dystrophic")
    if form.diameter_mm / HALF_HEIGHT_SHARE < sizes.round_from_mm.value:
        impossible |= {"round", "lucent_centred", "rim"}
    return load_classes("single").probabilities(measure_single(form), impossible)


def single_kind(body: Body, form: Form, breast: Breast) -> str | None:
    """Typical kind of one calcified body, or None."""
    kind, _ = _named(kind_probabilities(form))
    if kind == "lucent_centred" and _at_skin(body.outline, breast):
        kind = "skin"
    if kind is not None and not _spans_enough(kind, form.width_mm, breast.pixel_mm):
        kind = None
    return kind


def group_kind(
    group: Group,
    bodies: Sequence[Body],
    forms: Sequence[Form],
    breast: Breast,
    view: str,
    vessels: Sequence[NDArray[np.intp]],
) -> tuple[str | None, tuple[str, ...]]:
    """Typical kind of a whole group, or None, and the measurement that led to it.

    A kind is named when it is the likeliest of the calcified area as a whole.
    """
    settings = thresholds()
    certain = settings["typical_certainty"]["value"]
    area = np.array([form.area_mm2 for form in forms])
    area /= area.sum()
    vascular = {int(mark) for vessel in vessels for mark in vessel}
    in_vessel = np.array([any(mark in vascular for mark in body.marks) for body in bodies])
    kinds = [kind_probabilities(form) for form in forms]
    in_wall = np.array([probability["vascular"] for probability in kinds])
    # A found vessel vouches for further pieces of wall beside it; pieces alone make no vessel.
    if area[in_vessel].sum() >= LEAST_VESSEL_SHARE and area @ np.where(in_vessel, 1.0, in_wall) >= certain:
        return "vascular", ("they lie along a vessel: two parallel tracks, or a pipe of plaques",)
    if view in settings["lateral_views"]["value"] and len(forms) >= LEAST_LEVEL:
        level = float(np.mean([_is_level(form) for form in forms]))
        if level >= settings["milk_share"]["value"]:
            return "milk_of_calcium", (f"{100 * level:.0f} % lie level with a flat top in a lateral view",)
    total: dict[str, float] = {}
    for of_form, share in zip(kinds, area, strict=True):
        for kind, probability in of_form.items():
            total[kind] = total.get(kind, 0.0) + float(share) * probability
    # Round ones in a group are a morphology (benign by their spread), not a typical kind.
    total[OTHER] += total.pop("round")
    named, certainty = _named(total)
    width = max(form.width_mm for form in forms)
    if named is None or not _spans_enough(named, width, breast.pixel_mm):
        return None, ()
    if (
        named == "lucent_centred"
        and group.span_mm < lexicon.sizes().skin_group_mm.value
        and _at_skin(np.array([body.outline.mean(axis=0) for body in bodies]), breast)
    ):
        return "skin", (f"lucent-centred, within {group.span_mm:.1f} mm of one another, near the skin line",)
    shown = named.replace("_", "-")
    return named, (f"{100 * certainty:.0f} % of the calcified area is of a typical kind, most of it {shown}",)


def _named(probabilities: Mapping[str, float]) -> tuple[str | None, float]:
    """The likeliest typical kind and the probability that it is typical at all, whichever kind it is;
    no kind where that is not sure enough."""
    # One body alone, however like the wall of a vessel, is no vessel: find_vessels asks for its length.
    certainty = 1 - probabilities[OTHER] - probabilities["vascular"]
    if certainty < thresholds()["typical_certainty"]["value"]:
        return None, certainty
    return max(
        (kind for kind in probabilities if kind not in (OTHER, "vascular")), key=probabilities.__getitem__
    ), certainty


def _at_skin(xy: NDArray[np.float64], breast: Breast) -> bool:
    rows, columns = breast.mask.shape
    x = np.clip(np.round(xy[:, 0]).astype(int), 0, columns - 1)
    y = np.clip(np.round(xy[:, 1]).astype(int), 0, rows - 1)
    limit = thresholds()["skin_within_mm"]["value"]
    return bool(np.median(breast.skin_distances_mm(x, y)) <= limit)


def _spans_enough(kind: str, width_mm: float, pixel_mm: float) -> bool:
    """Whether the form is resolved: always on fine pixels, large forms only on coarse ones."""
    sizes = lexicon.sizes()
    if pixel_mm <= sizes.fine_shape_pixel_mm.value:
        return True
    large = thresholds()["any_resolution_kinds"]["value"]
    return kind in large and width_mm >= sizes.typical_span_pixels.value * pixel_mm


def _is_level(form: Form) -> bool:
    """Whether a body lies level with a sharp top, as sediment in a cyst does. A cast of a duct may lie
    level too, but is longer for its width and as sharp below as above."""
    tilt = abs((form.angle + np.pi / 2) % np.pi - np.pi / 2)
    low, high = LEVEL_ELONGATION
    return bool(tilt < LEVEL_WITHIN and low < form.elongation < high and form.top_sharpness > SHARP_TOP)
