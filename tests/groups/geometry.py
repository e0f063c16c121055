"""A woman's breast as points in space, and how views of it show them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from calcscope.breast import Breast
from calcscope.exam.model import Laterality, ViewInfo
from calcscope.groups.location import Sighting

PIXEL_MM = 0.5
NIPPLE = np.array([220.0, 300.0])
# Angle of the muscle's border to the vertical on oblique views.
MUSCLE_DEGREES = 25.0


@dataclass(frozen=True)
class Woman:
    """One breast; points are (outward, upward, depth behind the nipple), mm.

    ``hung``: of the muscle's lean, the share by which depth leans in an oblique view; 1 perpendicular to it.
    """

    laterality: Laterality
    length_mm: float = 100.0
    vertical_known: bool = True
    hung: float = 1.0

    def sees(
        self,
        view: str,
        outward: float,
        upward: float,
        depth: float,
        *,
        oblique_degrees: float = 45.0,
        nipple: bool = True,
        certainty: Literal["seen", "estimated"] = "seen",
        modifiers: tuple[str, ...] = (),
        **measured: Any,
    ) -> Sighting:
        """The point as a view shows it: projected onto the detector that the view is taken with."""
        tilt = math.radians({"CC": 0.0, "ML": 90.0, "MLO": oblique_degrees}[view])
        across = outward * math.cos(tilt) + upward * math.sin(tilt)
        turn = math.radians(MUSCLE_DEGREES) if view == "MLO" else 0.0
        # The muscle's border leans over the breast, and the posterior nipple line is perpendicular to it.
        back = np.array([-math.cos(turn), -math.sin(turn)])
        up = np.array([math.sin(turn), -math.cos(turn)])
        held = turn * self.hung
        x, y = (
            NIPPLE
            + (
                depth * np.array([-math.cos(held), -math.sin(held)])
                + across * np.array([math.sin(held), -math.cos(held)])
            )
            / PIXEL_MM
        )
        info = ViewInfo(
            "drawn",
            "1",
            self.laterality,
            view,
            700,
            400,
            PIXEL_MM,
            modifiers=modifiers,
            vertical_known=self.vertical_known,
        )
        return Sighting(float(x), float(y), self._breast(view, back, up, nipple, certainty), info, **measured)

    def _breast(
        self,
        view: str,
        back: NDArray[np.float64],
        up: NDArray[np.float64],
        nipple: bool,
        certainty: Literal["seen", "estimated"],
    ) -> Breast:
        mask = np.zeros((700, 400), dtype=np.bool_)
        # Without a muscle the nipple line ends at the chest wall edge of the breast.
        mask[100:600, round(NIPPLE[0] - self.length_mm / PIXEL_MM) : round(NIPPLE[0]) + 1] = True
        muscle = None
        if view == "MLO":
            foot = NIPPLE + back * self.length_mm / PIXEL_MM
            muscle = np.array([foot + up * 400, foot - up * 400])
        none = np.zeros((0, 2))
        at = (float(NIPPLE[0]), float(NIPPLE[1])) if nipple else None
        return Breast(mask, none, none, muscle, at, certainty, mask, (), PIXEL_MM)
