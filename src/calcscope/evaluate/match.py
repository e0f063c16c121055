"""Which mark belongs to which marked calcification: one to one, nearest first."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from calcscope.evaluate.froc import MarkedImage
from calcscope.exam.model import Points

REACH_MM = 0.5
"""A mark counts for a calcification up to this far from its centre, or up to the calcification's own radius
where that is more: readers set single marks by hand, which is no more exact."""


def match(
    marks: Points, truths: Points, radii: ArrayLike | None = None, reach: float = REACH_MM
) -> NDArray[np.intp]:
    """The calcification that each mark finds, (n,); -1 for those that find none.

    Pairs are formed nearest first, and each mark and each calcification is in no more than one: two marks on
    one calcification are one hit and one false mark.

    Parameters
    ----------
    marks, truths : (n, 2) and (m, 2) centres, mm, in the same frame
    radii : (m,) radii of the calcifications, mm; None for points
    reach : least distance that counts as a hit, mm
    """
    found = np.full(len(marks), -1, dtype=np.intp)
    if not len(marks) or not len(truths):
        return found
    within = np.maximum(
        reach, np.zeros(len(truths)) if radii is None else np.asarray(radii, dtype=np.float64)
    )
    near = KDTree(marks).query_ball_point(truths, within)
    pairs = np.array([(m, t) for t, those in enumerate(near) for m in those], dtype=np.intp).reshape(-1, 2)
    apart = np.hypot(*(np.asarray(marks)[pairs[:, 0]] - np.asarray(truths)[pairs[:, 1]]).T)
    taken = np.zeros(len(truths), dtype=bool)
    for mark, truth in pairs[np.argsort(apart, kind="stable")]:
        if found[mark] < 0 and not taken[truth]:
            found[mark], taken[truth] = truth, True
    return found


def marked_specks(
    marks: Points,
    scores: ArrayLike,
    truths: Points,
    radii: ArrayLike | None = None,
    *,
    normal: bool = False,
    reach: float = REACH_MM,
) -> MarkedImage:
    """Single calcifications of one image for :class:`calcscope.evaluate.froc.Froc`, by :func:`match`."""
    found = match(marks, truths, radii, reach)
    pairs = zip(np.asarray(scores, dtype=np.float64).tolist(), found.tolist(), strict=True)
    listed = tuple((score, hit if hit >= 0 else None) for score, hit in pairs)
    return MarkedImage(listed, truths=len(truths), normal=normal)
