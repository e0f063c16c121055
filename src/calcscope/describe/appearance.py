"""Numbers by which shapes are named: one calcified body alone, and a group by its bodies together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calcscope.describe.form import Form

SINGLE_MEASUREMENTS = (
    "log_diameter", "log_breadth", "log_slenderness", "straightness", "log_arms", "roundness",
    "irregularity", "lucency", "wall_share", "hole_share", "lumpiness", "edge_drop",
)  # fmt: skip

GROUP_MEASUREMENTS = (
    "log_diameter", "diameter_spread", "log_breadth", "log_slenderness", "slenderness_high",
    "log_length_high", "roundness", "roundness_spread", "irregularity_high", "log_arms", "arms_high",
    "edge_drop", "log_steepness", "contrast_spread",
)  # fmt: skip

MOST_ARMS = 6.0
"""Side branches beyond this add nothing to the picture of a branching line."""
PLAIN_SHARE = 0.6
"""Borders this share as steep as those of the group's steeper calcifications are as plain."""
LEAST_WEIGHT, FAINTEST = 0.05, 0.02
"""What counts least still counts: a group of nothing but doubtful marks is described by them."""
HIGH = 80
"""Percentile that stands for "some members": a group is branching when a fifth of it is."""


def measure_single(form: Form) -> NDArray[np.float64]:
    """Measurements ``SINGLE_MEASUREMENTS`` of one calcified body."""
    return np.array(
        [
            np.log(form.diameter_mm),
            np.log(form.breadth_mm),
            np.log(form.arc_mm / form.breadth_mm),
            form.length_mm / form.arc_mm,
            np.log1p(min(form.arms, MOST_ARMS)),
            form.roundness,
            form.irregularity,
            form.lucency,
            form.wall_share,
            form.hole_share,
            form.lumpiness,
            form.edge_drop,
        ]
    )


def plainness(forms: Sequence[Form], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much each calcification counts in what a group looks like, (n,): what is surely one and has borders
    as steep as the group's steeper ones counts fully, a smudge of tissue among them next to nothing."""
    steepness = np.array([max(form.edge_drop, 1e-3) * form.contrast for form in forms])
    share = steepness / (PLAIN_SHARE * np.percentile(steepness, 75))
    return np.asarray((LEAST_WEIGHT + probability) * np.clip(share, FAINTEST, 1))


def measure_group(
    forms: Sequence[Form], weight: NDArray[np.float64], noise: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Measurements ``GROUP_MEASUREMENTS`` of a group of calcifications; spreads are NaN below three.

    Parameters
    ----------
    forms : of the calcifications (:func:`calcscope.describe.pieces.find_pieces`)
    weight : (n,) how much each counts (:func:`plainness`): all percentiles are weighted
    noise : (n,) spread of what surrounds each, units of ``Mammogram.pixels``
    """
    log_diameter = np.log([form.diameter_mm for form in forms])
    breadth = np.array([form.breadth_mm for form in forms])
    slenderness = np.log([form.arc_mm / form.breadth_mm for form in forms])
    arms = np.log1p([min(form.arms, MOST_ARMS) for form in forms])
    roundness = np.array([form.roundness for form in forms])
    contrast = np.array([form.contrast for form in forms])
    drop = np.array([form.edge_drop for form in forms])
    steepness = np.maximum(drop, 0.02) * contrast / np.maximum(noise, 1e-5)

    def at(percentile: float, values: NDArray[np.float64]) -> float:
        return _percentile(values, weight, percentile)

    def spread(values: NDArray[np.float64]) -> float:
        """Half the distance of two percentiles: a spread that outliers do not own."""
        return (at(84, values) - at(16, values)) / 2 if len(values) >= 3 else np.nan

    return np.array(
        [
            at(50, log_diameter),
            spread(log_diameter),
            at(50, np.log(breadth)),
            at(50, slenderness),
            at(HIGH, slenderness),
            at(HIGH, np.log([form.arc_mm for form in forms])),
            at(50, roundness),
            spread(roundness),
            at(HIGH, np.array([form.irregularity for form in forms])),
            float(weight @ arms / weight.sum()),
            at(HIGH, arms),
            at(50, drop),
            at(50, np.log(steepness)),
            spread(np.log(contrast)),
        ]
    )


def _percentile(values: NDArray[np.float64], weight: NDArray[np.float64], percentile: float) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weight[order]) - weight[order] / 2
    return float(np.interp(percentile / 100, reached / weight.sum(), values[order]))
