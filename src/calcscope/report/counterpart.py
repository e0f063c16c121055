"""An earlier image as it is drawn beside the current one, or exactly over it.

Beside it the earlier image is shifted and turned as a whole and never deformed, so that shapes are those of
the film: the finding's place is in the middle, at the same scale, hung the same way. Over it, for blinking,
it is also stretched as the registration says, so that what did not change stands still.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calcscope.exam.model import Mammogram, Points
from calcscope.report.affine import Affine, fitted, mapped, unmapped
from calcscope.report.canvas import RGB
from calcscope.report.frame import Frame, as_bytes, stretched
from calcscope.report.model import Place


@dataclass(frozen=True)
class Counterpart:
    """A window onto an earlier image that corresponds to a frame of the current one.

    Parameters
    ----------
    to_earlier : from drawn points to canonical pixels of the earlier image
    shape : (rows, columns) of what is drawn
    """

    to_earlier: Affine
    shape: tuple[int, int]

    @classmethod
    def of(cls, frame: Frame, place: Place, earlier: Mammogram, *, deformed: bool) -> Counterpart:
        """The window that corresponds to a frame, by a finding's place.

        ``deformed``: stretched as the registration says, else only shifted and turned about the place.
        """
        rows, columns = frame.drawn_shape
        corners = np.array([[0.0, 0], [columns, 0], [0, rows]])
        there = earlier.orientation.to_canonical(mapped(np.array(place.map), frame.to_source(corners)))
        exact = fitted(corners, there)
        if deformed:
            return cls(exact, (rows, columns))
        # The nearest turn (or mirrored turn) of the same scale in mm.
        u, _, v = np.linalg.svd(exact[:, :2])
        turn = u @ v / (frame.per_mm * earlier.pixel_mm)
        (middle,) = earlier.orientation.to_canonical(np.array([[place.x, place.y]]))
        at = np.linalg.solve(exact[:, :2], middle - exact[:, 2])
        return cls(np.c_[turn, middle - turn @ at], (rows, columns))

    def to_drawn(self, source: Points, earlier: Mammogram) -> Points:
        """Points of the earlier source image, (n, 2), as drawn."""
        return unmapped(self.to_earlier, earlier.orientation.to_canonical(source))

    def grey(self, earlier: Mammogram) -> RGB:
        """What it shows, its greys spread over the whole range, black beyond the image."""
        rows, columns = self.shape
        step = float(np.sqrt(abs(np.linalg.det(self.to_earlier[:, :2]))))
        reduced, map_ = earlier.pixels, self.to_earlier.copy()
        if step > 1:  # area averages keep specks when shrinking
            size = [max(1, round(n / step)) for n in reduced.shape[::-1]]
            factor = np.array([size[0] / reduced.shape[1], size[1] / reduced.shape[0]])
            reduced = np.asarray(cv2.resize(reduced, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
            map_ = map_ * factor[:, None]
            map_[:, 2] += (factor - 1) / 2  # pixel centres are whole numbers on both sides
        flags = cv2.WARP_INVERSE_MAP | cv2.INTER_CUBIC
        image = cv2.warpAffine(reduced, map_, (columns, rows), flags=flags, borderValue=-1.0)
        outside = image < -0.5
        grey = stretched(earlier.display(np.clip(image, 0, 1).astype(np.float32)))
        return as_bytes(np.where(outside, 0, grey).astype(np.float32))
