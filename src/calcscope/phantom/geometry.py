"""From the breast frame to one view of the compressed breast, in closed form.

A half ellipsoid squeezed between two plates: depth is kept (a finding lies equally deep in every view),
what is lost in height spreads sideways, and each line along the beam is stretched to the height that the
rounded edge leaves it. The beam is parallel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Points
from calcscope.phantom.anatomy import GrownAnatomy
from calcscope.phantom.model import Pose, Solid, random_for

SMALL_FIELD_MM = (240.0, 180.0)
LARGE_FIELD_MM = (300.0, 240.0)
"""The two common detectors, (rows, columns): 18 x 24 and 24 x 30 cm, the long side at the chest wall."""
FILL = 0.9
"""Volume of the compressed breast over that of a slab of its outline: what the rounded edge leaves."""
SPREAD = (0.9, 1.9)
"""How much a breast can spread sideways; where volume asks for more, some of it stays at the chest wall."""
TAIL_BEND = 0.008
"""Curvature of the tail's border where it dives under the breast's, 1/mm."""
JOIN_MM = 30.0
"""Over which the breast's outline runs into that of the axillary tail."""


@dataclass(frozen=True)
class CompressedBreast:
    """One view of the compressed breast (:class:`calcscope.phantom.model.Projection`).

    Parameters
    ----------
    rows, columns, pixel_mm : of the image, in the plane of the breast
    thickness_mm : of the compressed breast
    beam, top : (3,) unit vectors of the breast frame: the way of the beam; what points to the image's top
    size_mm : (3,) of the uncompressed breast, as :attr:`GrownAnatomy.size_mm`
    pull_mm : how much further (or less far) than the chest wall the breast was pulled in
    spread : of distances across the breast
    droop : how far the breast leans down the image, mm per mm of depth
    overhang_mm : of the outline beyond the nipple; above 0 the nipple is not in profile
    edge_mm : over which the rounded edge reaches the full thickness
    tail_mm : width of the axillary tail at the height of the breast's upper end and how much it widens for
        each mm above; None outside MLO
    muscle_mm : x of the pectoral muscle's border at the image's top, y of its lower end; None where unseen
    origin_mm : (2,) view x, y of the image's upper left corner (the outer corner of pixel 0, 0)
    """

    pose: Pose
    rows: int
    columns: int
    pixel_mm: float
    thickness_mm: float
    beam: NDArray[np.float64]
    top: NDArray[np.float64]
    size_mm: NDArray[np.float64]
    pull_mm: float
    spread: float
    droop: float
    overhang_mm: float
    edge_mm: float
    tail_mm: tuple[float, float] | None
    muscle_mm: tuple[float, float] | None
    origin_mm: NDArray[np.float64]

    def _section(self) -> tuple[float, float, float]:
        """Half width across the beam, tilt of the middle plane and half height along the beam, mm."""
        squares = self.size_mm**2
        across = float((squares * self.top**2).sum())
        both = float((squares * self.top * -self.beam).sum())
        along = float((squares * self.beam**2).sum())
        return np.sqrt(across), both / across, np.sqrt(along - both**2 / across)

    def edge_distance(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance in the view to the breast's outline, mm, positive inside (first order)."""
        reach = self.size_mm[0] + self.overhang_mm
        width = self._section()[0] * self.spread
        depth = x - self.pull_mm
        across = y - self.droop * depth
        scaled = np.sqrt((depth / reach) ** 2 + (across / width) ** 2) + 1e-9
        slope = np.hypot(depth / reach**2, across / width**2) + 1e-12
        # Behind the chest wall line the outline goes straight on.
        side = width - np.abs(across)
        distance = np.where(depth > 0, (1 - scaled) * scaled / slope, side)
        if self.tail_mm is not None:
            start, widening = self.tail_mm
            # Below the breast's upper end the tail's border curves back, well behind the nipple.
            bent = TAIL_BEND * np.maximum(y + 0.9 * width, 0) ** 2
            tail = (start + widening * (-y - width) - bent - x) / np.hypot(1, widening)
            # The greater of the two, rounded only where they are near one another, so never at the nipple.
            distance = np.maximum(distance, tail) + np.maximum(JOIN_MM - np.abs(distance - tail), 0) ** 2 / (
                4 * JOIN_MM
            )
        return np.asarray(distance)

    def half_height(self, distance: NDArray[np.float64], shell_mm: float = 0.0) -> NDArray[np.float64]:
        """Half the thickness, mm, ``distance`` inside the outline; with a shell of ``shell_mm`` taken off."""
        rest = np.clip(1 - (distance - shell_mm) / (self.edge_mm - shell_mm), 0, 1)
        return np.asarray((self.thickness_mm / 2 - shell_mm) * np.sqrt(1 - rest**2))

    def column(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Half the height of the uncompressed breast along the beam at places of the view, mm."""
        width, _, height = self._section()
        depth = x - self.pull_mm
        across = (y - self.droop * depth) / self.spread
        left = 1 - (depth / self.size_mm[0]) ** 2 - (across / width) ** 2
        return np.asarray(height * np.sqrt(np.maximum(left, 0)))

    def to_view(self, points: Solid) -> NDArray[np.float64]:
        """(n, 3): x, y, z in mm of the view of points of the breast frame."""
        points = np.atleast_2d(np.asarray(points, dtype=np.float64))
        _, tilt, _ = self._section()
        depth, across = points[:, 0], points @ self.top
        x = depth + self.pull_mm
        y = -across * self.spread + self.droop * depth
        column = np.maximum(self.column(x, y), 1e-6)
        share = np.clip((-points @ self.beam - tilt * across) / column, -1, 1)
        z = self.thickness_mm / 2 + share * self.half_height(self.edge_distance(x, y))
        return np.stack([x, y, z], axis=1)

    def to_breast(self, view: NDArray[np.float64]) -> Solid:
        """The way back from (n, 3) view mm; points beyond the uncompressed breast come out outside it."""
        x, y, z = np.atleast_2d(np.asarray(view, dtype=np.float64)).T
        _, tilt, _ = self._section()
        depth = x - self.pull_mm
        across = -(y - self.droop * depth) / self.spread
        column = self.column(x, y)
        half = np.maximum(self.half_height(self.edge_distance(x, y)), 1e-9)
        along = (z - self.thickness_mm / 2) / half * column + tilt * across
        aside = across[:, None] * self.top - along[:, None] * self.beam
        aside[:, 0] += depth
        return np.asarray(aside)

    def pixels_of(self, view: NDArray[np.float64]) -> Points:
        """(n, 2) column, row of view points (n, 2 or 3), mm."""
        return np.asarray((np.atleast_2d(view)[:, :2] - self.origin_mm) / self.pixel_mm - 0.5)

    def to_pixels(self, points: Solid) -> Points:
        """(n, 2) column, row of points of the breast frame."""
        return self.pixels_of(self.to_view(points))

    @property
    def nipple_mm(self) -> NDArray[np.float64]:
        """(2,) of the nipple in the view."""
        return self.to_view(np.array([[self.size_mm[0], 0.0, 0.0]]))[0, :2]


def project(
    anatomy: GrownAnatomy, pose: Pose, pixel_mm: float, field_mm: tuple[float, float] | None = None
) -> CompressedBreast:
    """How one view is taken.

    Parameters
    ----------
    pixel_mm : of the detector; in the plane of the breast it is smaller by the magnification
    field_mm : of the detector, (rows, columns); None takes the smaller of two common ones if the breast fits

    Returns
    -------
    The same for the same anatomy and pose, but for the image's extent and pixels
    """
    random = random_for(pose.seed, "pose", pose.laterality, pose.view)
    beam, top = _directions(pose.view, float(np.radians(random.normal(0, 3))))
    depth = anatomy.nipple_depth_mm
    thickness = float(np.clip(anatomy.thickness_mm * random.uniform(0.92, 1.08), 30, 80))
    mlo = pose.view == "MLO"
    breast = CompressedBreast(
        pose, 1, 1, pixel_mm / pose.magnification, thickness, beam, top, anatomy.size_mm,
        pull_mm=random.normal(0, 2.5),
        spread=1.0,
        droop=random.normal(0.1 if mlo else 0, 0.05),
        overhang_mm=random.uniform(3, 8) if random.random() < 0.2 else 0.0,
        edge_mm=thickness * random.uniform(0.42, 0.6),
        tail_mm=(depth * random.uniform(0.55, 0.7), random.uniform(-0.1, 0.1)) if mlo else None,
        muscle_mm=None,
        origin_mm=np.zeros(2),
    )  # fmt: skip
    width, _, height = breast._section()
    spread = float(np.clip(4 / 3 * height / (FILL * thickness), *SPREAD))
    shift, low, top_x, low_y = (
        random.normal(0, 6),
        random.uniform(8, 25),
        random.uniform(0.75, 1.0),
        random.uniform(-45, 5),
    )
    lower = width * spread
    if field_mm is None:
        needed = (2 * lower + 20) if not mlo else (lower * 2 + 45)
        fits = needed <= SMALL_FIELD_MM[0] and depth + 20 <= SMALL_FIELD_MM[1]
        field_mm = SMALL_FIELD_MM if fits else LARGE_FIELD_MM
    extent = np.array(field_mm) / pose.magnification
    origin = np.array([0.0, lower + low - extent[0] if mlo else shift - extent[0] / 2])
    muscle = None
    if mlo and breast.tail_mm is not None:
        tail = breast.tail_mm[0] + breast.tail_mm[1] * (-origin[1] - lower)
        muscle = (max(tail * top_x - 6, 18.0), float(low_y))
    rows, columns = np.round(extent / breast.pixel_mm).astype(int)
    placed = replace(
        breast, spread=spread, muscle_mm=muscle, origin_mm=origin, rows=int(rows), columns=int(columns)
    )
    if pose.centre is None:
        return placed
    middle = placed.to_view(np.array([pose.centre]))[0, :2]
    corner = middle - extent[::-1] / 2
    # The detector's edge is at the chest wall; no view reaches behind it.
    corner[0] = max(corner[0], 0.0)
    return replace(placed, origin_mm=corner)


def _directions(view: str, turn: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The beam and the image's top, unit vectors of the breast frame, with the breast turned by ``turn``."""
    if view == "LM":
        angle = turn - np.pi / 2
        return np.array([0, np.sin(angle), -np.cos(angle)]), -np.array([0, np.cos(angle), np.sin(angle)])
    angle = turn + np.radians({"CC": 0.0, "MLO": 47.0, "ML": 90.0}[view])
    return np.array([0, np.sin(angle), -np.cos(angle)]), np.array([0, np.cos(angle), np.sin(angle)])
