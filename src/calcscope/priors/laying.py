"""Two views compared from what was kept of them: their pixels need not be held."""

from __future__ import annotations

from dataclasses import dataclass

from calcscope.breast.model import Breast
from calcscope.exam.model import Mammogram
from calcscope.priors.compare import Compared, compare_views
from calcscope.priors.grid import Gridded, gridded
from calcscope.priors.limit import ground_of
from calcscope.priors.model import Ground, Viewed, ViewPair
from calcscope.priors.register import NotRegistered, Registration, registered


@dataclass(frozen=True)
class Kept:
    """What of a view's pixels a comparison needs.

    Parameters
    ----------
    grid : the tissue's pattern, by which views are laid on one another
    ground : what calcifications stand out from
    """

    grid: Gridded
    ground: Ground


def keep(mammogram: Mammogram, breast: Breast) -> Kept:
    """What of a view's pixels a comparison needs."""
    return Kept(gridded(mammogram, breast), ground_of(mammogram, breast))


def lay_and_compare(
    current: tuple[Viewed, Kept], prior: tuple[Viewed, Kept]
) -> tuple[Registration, Compared] | NotRegistered:
    """Lay an earlier view on the current one of the same projection and match what they show.

    Both views must list marks from :data:`calcscope.priors.model.LISTED` on.
    """
    laid = registered(current[1].grid, prior[1].grid)
    if isinstance(laid, NotRegistered):
        return laid
    pair = ViewPair(current[0], prior[0], laid, current[1].ground, prior[1].ground)
    return laid, compare_views(pair)
