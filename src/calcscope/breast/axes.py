"""Depth axes: how far from the nipple, and on which side of the posterior nipple line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calcscope.breast.model import Breast
from calcscope.exam.model import Points


@dataclass(frozen=True)
class DepthAxes:
    """The posterior nipple line of a view: from the nipple straight back to the muscle or chest wall.

    Parameters
    ----------
    nipple : (x, y), pixels
    inward : (2,) unit vector along the line, from the nipple towards the chest wall
    upward : (2,) unit vector across it, towards the top of the canonical image (head in lateral and
        oblique views, lateral side in CC views)
    length_mm : from the nipple to the muscle's border, or to the chest wall edge where no muscle is
        seen, mm
    pixel_mm : mm per pixel
    """

    nipple: tuple[float, float]
    inward: tuple[float, float]
    upward: tuple[float, float]
    length_mm: float
    pixel_mm: float

    def coordinates(self, xy: Points) -> Points:
        """(n, 2) points in pixels as (depth along the line, offset to its upper side), mm."""
        offset = (np.atleast_2d(np.asarray(xy, dtype=np.float64)) - self.nipple) * self.pixel_mm
        return np.stack([offset @ np.array(self.inward), offset @ np.array(self.upward)], axis=1)


def depth_axes(breast: Breast) -> DepthAxes | None:
    """Axes of a view: perpendicular to the pectoral muscle where it is seen, else to the chest wall edge.

    None where the nipple was not found.
    """
    if breast.nipple is None:
        return None
    x, y = breast.nipple
    if breast.pectoral_line is None:
        columns = np.flatnonzero(breast.mask.any(axis=0))
        wall = float(columns[0]) if len(columns) else 0.0
        return DepthAxes(
            breast.nipple, (-1.0, 0.0), (0.0, -1.0), (x - wall) * breast.pixel_mm, breast.pixel_mm
        )
    top, bottom = breast.pectoral_line
    up = (top - bottom) / np.hypot(*(top - bottom))
    # Turning the upward direction a quarter turn anticlockwise on the screen points at the chest wall.
    back = np.array([up[1], -up[0]])
    length = float((top - (x, y)) @ back) * breast.pixel_mm
    return DepthAxes(
        breast.nipple, (float(back[0]), float(back[1])), (float(up[0]), float(up[1])), length, breast.pixel_mm
    )
