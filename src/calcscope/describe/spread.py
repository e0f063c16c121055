"""Distribution: how the members of a group are spread in the breast.

Measured from positions alone: extent, width about a gently bent axis, share of the
breast, and how the spread lies towards the nipple, where the ducts run together. Extents that the
lexicon fixes (grouped up to 2 cm, regional from 2 cm on) rule terms out; the rest is weighed by
Gaussian class models (:mod:`calcscope.describe.gaussian`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError, cKDTree
from scipy.spatial.distance import pdist

from calcscope import lexicon
from calcscope.breast.model import Breast
from calcscope.describe.gaussian import load_classes
from calcscope.describe.thresholds import thresholds
from calcscope.exam.model import Points
from calcscope.groups.links import component_of
from calcscope.specks.catalogue import SpeckCatalogue

SPREAD_MEASUREMENTS = (
    "log_span", "log_width", "log_slenderness", "log_breast_share", "log_count", "alignment",
    "fan", "log_wedge",
)  # fmt: skip

LEAST_WIDTH_MM = 0.3
"""Widths are compared above this: centres of specks scatter by about half their size."""
BENDABLE_FROM = 6
"""A bent axis needs this many points, or it would follow them all."""


def measure_spread(xy_mm: Points, breast: Breast) -> NDArray[np.float64]:
    """Measurements ``SPREAD_MEASUREMENTS`` of positions (n, 2) in mm; NaN where there is none to make.

    ``log_span`` greatest distance; ``log_width`` root mean square distance from the (bent) axis;
    ``log_slenderness`` length over width along that axis; ``log_breast_share`` area of the hull over
    that of the breast; ``alignment`` cosine between axis and duct direction; ``fan`` correlation of
    the sideways spread, seen from the nipple, with the distance from it; ``log_wedge`` spread along
    the ducts over spread across them.
    """
    xy_mm = np.asarray(xy_mm, dtype=np.float64)
    count = len(xy_mm)
    if count < 2:
        return np.full(len(SPREAD_MEASUREMENTS), np.nan)
    span = float(pdist(xy_mm).max())
    axis, along, across = _axis(xy_mm)
    width = max(float(np.sqrt(np.mean(across**2))), LEAST_WIDTH_MM)
    slenderness = max(float(along.std()), LEAST_WIDTH_MM) / width
    share = _hull_area_mm2(xy_mm) / (100 * max(breast.area_cm2, 1.0))
    alignment = fan = wedge = np.nan
    if breast.nipple is not None:
        alignment, fan, wedge = _towards_nipple(xy_mm, axis, np.array(breast.nipple) * breast.pixel_mm)
    return np.array(
        [
            np.log(max(span, LEAST_WIDTH_MM)), np.log(width), np.log(slenderness),
            np.log(max(share, 1e-5)), np.log(count), alignment, fan, wedge,
        ]
    )  # fmt: skip


def lying_beyond(members: NDArray[np.intp], catalogue: SpeckCatalogue) -> NDArray[np.intp] | None:
    """The calcifications of which a group is only a part, (n,) indices into ``catalogue``; None where it
    stands by itself. Of the group's own the sure ones are among them.

    A group is what lies as densely as the rule for a group asks. Regional and diffuse calcifications, and
    those of a duct and its branches, are sparser: of them it is but the densest place. So the sure ones
    around it are looked at, as far as each is near enough to the next.
    """
    rule = thresholds()
    surely = catalogue.probability >= rule["beyond_probability"]["value"]
    own = np.zeros(len(catalogue), dtype=bool)
    own[members] = True
    looked_at = np.flatnonzero(surely | own)
    xy_mm = catalogue.xy_mm[looked_at]
    pairs = cKDTree(xy_mm).query_pairs(rule["beyond_within_mm"]["value"], output_type="ndarray")
    label = component_of(len(looked_at), pairs)
    linked = label == np.bincount(label[own[looked_at]]).argmax()
    more = int((linked & ~own[looked_at]).sum())
    if more < max(rule["beyond_count"]["value"], rule["beyond_share"]["value"] * len(members)):
        return None
    return np.asarray(looked_at[linked & surely[looked_at]])


def describe_spread(xy_mm: Points, breast: Breast) -> tuple[dict[str, float], tuple[str, ...]]:
    """Probability of each distribution, and the measurements in words."""
    values = measure_spread(xy_mm, breast)
    limits = lexicon.groups()
    span = float(np.exp(values[0])) if np.isfinite(values[0]) else 0.0
    impossible = set()
    if span > limits.grouped_to_mm.value:
        impossible.add("grouped")
    if span <= limits.regional_from_mm.value:
        impossible |= {"regional", "diffuse"}
    probabilities = load_classes("distribution").probabilities(values, impossible)
    reasons = [f"{len(xy_mm)} calcifications over {span:.0f} mm"]
    likeliest = max(probabilities, key=probabilities.__getitem__)
    if likeliest == "linear":
        reasons.append(f"they stay within {np.exp(values[1]):.1f} mm of one line (root mean square)")
    if likeliest == "segmental":
        reasons.append("the spread narrows towards the nipple as the ducts do")
    if likeliest in ("regional", "diffuse"):
        reasons.append(f"they take up {100 * np.exp(values[3]):.0f} % of the breast's area")
    return probabilities, tuple(reasons)


def _axis(xy_mm: Points) -> tuple[Points, NDArray[np.float64], NDArray[np.float64]]:
    """Main direction, positions along it, and distances from the (bent) axis."""
    offsets = xy_mm - np.median(xy_mm, axis=0)
    # Outlying members pull the axis less: distances are weighed down beyond twice the median.
    radius = np.hypot(*offsets.T)
    weight = np.minimum(1, 2 * np.median(radius) / np.maximum(radius, 1e-9))
    _, vectors = np.linalg.eigh((offsets * weight[:, None]).T @ offsets)
    axis = vectors[:, 1]
    along = offsets @ axis
    across = offsets @ np.array([-axis[1], axis[0]])
    degree = 2 if len(xy_mm) >= BENDABLE_FROM else 1
    if len(np.unique(along)) <= degree or len(xy_mm) <= 2:
        return axis, along, across - across.mean()
    curve = np.polynomial.Polynomial.fit(along, across, degree)
    return axis, along, across - curve(along)


def _towards_nipple(xy_mm: Points, axis: Points, nipple_mm: Points) -> tuple[float, float, float]:
    rays = xy_mm - nipple_mm
    distance = np.hypot(*rays.T)
    middle = rays.mean(axis=0)
    alignment = abs(float(axis @ middle)) / max(float(np.hypot(*middle)), 1e-9)
    centre = np.arctan2(middle[1], middle[0])
    bearing = np.angle(np.exp(1j * (np.arctan2(rays[:, 1], rays[:, 0]) - centre)))
    sideways = distance * bearing
    fan = np.nan
    if len(xy_mm) >= BENDABLE_FROM and distance.std() > 0 and np.abs(sideways).std() > 0:
        fan = float(np.corrcoef(np.abs(sideways), distance)[0, 1])
    wedge = max(float(distance.std()), LEAST_WIDTH_MM) / max(float(sideways.std()), LEAST_WIDTH_MM)
    return alignment, fan, float(np.log(wedge))


def _hull_area_mm2(xy_mm: Points) -> float:
    if len(xy_mm) < 3:
        return 0.0
    try:
        return float(ConvexHull(xy_mm).volume)  # in the plane, Qhull's volume is the area
    except QhullError:  # all on one line
        return 0.0
