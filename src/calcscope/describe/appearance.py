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
    "roundness", "roundness_spread", "irregularity_high", "log_arms", "edge_drop", "log_clarity",
    "contrast_spread",
)  # fmt: skip

MOST_ARMS = 6.0
"""Side branches beyond this add nothing to the picture of a branching line."""
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


def measure_group(forms: Sequence[Form], clarity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Measurements ``GROUP_MEASUREMENTS`` of a group of bodies; spreads are NaN below three.

    ``clarity`` is the signal to noise of one pixel of each body: how plainly it stands out.
    """
    log_diameter = np.log([form.diameter_mm for form in forms])
    breadth = np.array([form.breadth_mm for form in forms])
    slenderness = np.log([form.arc_mm / form.breadth_mm for form in forms])
    arms = np.log1p([min(form.arms, MOST_ARMS) for form in forms])
    roundness = np.array([form.roundness for form in forms])
    log_contrast = np.log([form.contrast for form in forms])
    several = len(forms) >= 3
    return np.array(
        [
            np.median(log_diameter),
            _spread(log_diameter) if several else np.nan,
            np.log(np.median(breadth)),
            np.median(slenderness),
            np.percentile(slenderness, HIGH),
            np.median(roundness),
            _spread(roundness) if several else np.nan,
            np.percentile([form.irregularity for form in forms], HIGH),
            np.mean(arms),
            np.median([form.edge_drop for form in forms]),
            np.log(max(float(np.median(clarity)), 1e-3)),
            _spread(log_contrast) if several else np.nan,
        ]
    )


def _spread(values: NDArray[np.float64]) -> float:
    """Half the distance between the 16th and 84th percentile: a spread that outliers do not own."""
    low, high = np.percentile(values, [16, 84])
    return float(high - low) / 2
