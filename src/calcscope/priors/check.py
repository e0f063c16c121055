"""What blocks that are looked for far around say of a field in the end.

The reach is three times that of the last pass, so that the blocks of a field which only follows chance are
found anywhere in it; and they are looked for in finer detail than the field was laid by. The constants were
set on simulated pairs of seeds 8000 to 8033; ``benchmarks/registration.py`` prints what they hold on others.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float
from calcscope.priors.blocks import Blocks
from calcscope.priors.grid import GRID_MM

STEP, HALF, REACH = 10, 12, 16
"""Pixels between the blocks, half their side, and how far around they are looked for."""
NEAR_MM = 3.0
"""Within which a block agrees with the field."""
FEWEST = 12
"""Of fewer blocks no agreement is told."""
CAP_MM = 8.0
"""A block farther off was found wrongly; how far says nothing."""
AROUND = 15.0
"""Gaussian sigma of the surroundings that tell the scatter at a place, pixels."""
WHOLE = 3.0
"""What the scatter in the whole view weighs beside that of a place with all its blocks: how much the breast
was turned between the exams, which moves its layers apart, is the same all over."""
ERROR_MM, SLOPE, LEAST_ERROR_MM = -1.0, 1.8, 1.2
"""The error that two of three places stay below: a line in the scatter, and never less than this."""
FAR_MM, SOME = 4.0, 0.25
"""What is added where there are no blocks, and the share of blocks that takes most of it away."""


def agreement_of(blocks: Blocks) -> float:
    """Share of the blocks, by their trust, that lie where the field has them; 0 where there are too few."""
    total = float(blocks.trust.sum())
    if len(blocks.points) < FEWEST or total <= 0:
        return 0.0
    near = np.hypot(*blocks.displacement.T) * GRID_MM < NEAR_MM
    return float(blocks.trust[near].sum()) / total


def error_of(blocks: Blocks, shape: tuple[int, int]) -> Float:
    """float32 (rows, columns): distance below which the true place lies in two of three cases, mm.

    Larger where the blocks scatter about the field, and where there are none.
    """
    trust = blocks.trust / max(float(blocks.trust.mean()), 1e-9)
    off = np.minimum(np.hypot(*blocks.displacement.T) * GRID_MM, CAP_MM)
    rows, columns = shape
    at = np.clip(np.rint(blocks.points).astype(np.intp), 0, (columns - 1, rows - 1))

    def around(values: NDArray[np.float64]) -> Float:
        """Sum over the surroundings, 1 where each block of a full lattice has 1."""
        scattered = np.zeros(shape, dtype=np.float32)
        np.add.at(scattered, (at[:, 1], at[:, 0]), values)
        blurred = cv2.GaussianBlur(scattered, (0, 0), AROUND, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(blurred * STEP**2, dtype=np.float32)

    whole = float(trust @ off) / max(float(trust.sum()), 1e-9)
    scatter = (around(trust * off) + WHOLE * whole) / (around(trust) + WHOLE)
    missing = np.exp(-around(np.ones_like(trust)) / SOME)
    error = np.maximum(LEAST_ERROR_MM, ERROR_MM + SLOPE * scatter) + FAR_MM * missing
    return np.asarray(error, dtype=np.float32)
