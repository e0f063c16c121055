"""Where a registration starts: the affine map that lays one skin line on another."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from calcscope.priors.grid import Gridded
from calcscope.priors.warp import Affine, mapped

ROUNDS = 20
"""Of nearest points (P. J. Besl and N. D. McKay, IEEE PAMI 14(2):239-256, 1992)."""
TRIMMED = 80
"""Percentile of the distances beyond which points have no partner: one view shows more of the skin."""
NIPPLE = 0.3
"""Weight of the nipple beside all of the skin line: it is one point that both surely share."""
RIGID = (200.0, 1e-3)
"""How firmly the linear part and the shift are held from round to round, beside the data."""
LEAST_POINTS, MOST_POINTS = 20, 200
"""A shorter skin line says nothing; of a longer one so many points do."""


def skin_fit(current: Gridded, prior: Gridded, nipple: bool) -> Affine | None:
    """The affine map from the current to the earlier view by skin lines, and nipples where ``nipple``.

    None where a view shows too little of the skin, or no nipple where that is to be used.
    """
    here, there = current.skin_line, prior.skin_line
    if min(len(here), len(there)) < LEAST_POINTS:
        return None
    pair = None
    if nipple:
        if current.nipple is None or prior.nipple is None:
            return None
        pair = current.nipple, prior.nipple
    here = here[:: max(1, len(here) // MOST_POINTS)]
    tree = cKDTree(there)
    affine = np.array([[1.0, 0, 0], [0, 1, 0]])
    affine[:, 2] = pair[1] - pair[0] if pair else (0, np.median(there[:, 1]) - np.median(here[:, 1]))
    for _ in range(ROUNDS):
        distance, nearest = (np.asarray(found) for found in tree.query(mapped(affine, here)))
        kept = distance <= max(float(np.percentile(distance, TRIMMED)), 2.0)
        start, end, weight = here[kept], there[nearest[kept]], np.ones(int(kept.sum()))
        if pair:
            start, end = np.vstack([start, pair[0]]), np.vstack([end, pair[1]])
            weight = np.append(weight, NIPPLE * len(weight))
        given = np.c_[start, np.ones(len(start))]
        held = np.diag([RIGID[0], RIGID[0], RIGID[1]]) * weight.sum()
        normal = (given * weight[:, None]).T @ given + held
        for axis in (0, 1):
            before = np.append(np.eye(2)[axis], affine[axis, 2])
            right = (given * weight[:, None]).T @ end[:, axis] + held @ before
            affine[axis] = np.linalg.solve(normal, right)
    return affine
