"""Round threads as the beam crosses them: ducts, vessels, ligaments."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Points

UNIT_MM = 0.02
"""Of the 8-bit canvas that the threads are drawn on; 255 of them are thicker than any duct."""
RINGS = (1.0, 0.85, 0.6, 0.3)
"""Shares of the radius at which the chord through a tube is drawn."""
SHIFT = 4
"""Bits of a pixel's fraction that OpenCV draws with."""


def draw_tubes(
    shape: tuple[int, int], pixel_mm: float, tubes: Iterable[tuple[Points, NDArray[np.float64]]]
) -> Float:
    """The chord through tubes along the beam; where they cross, the longer one.

    Parameters
    ----------
    shape : (rows, columns)
    tubes : (n, 2) course in pixels (column, row) and (n,) radius in mm of each

    Returns
    -------
    float32 (rows, columns), mm
    """
    canvas = np.zeros(shape, dtype=np.uint8)
    far = np.array([shape[1], shape[0]])
    pieces = []
    for course, radius in tubes:
        near = np.all((course > -50) & (course < far + 50), axis=1)
        fixed = np.round(course * 2**SHIFT).astype(int)
        for i in range(len(course) - 1):
            if near[i] and near[i + 1]:
                pieces.append((float(radius[i] + radius[i + 1]) / 2, tuple(fixed[i]), tuple(fixed[i + 1])))
    pieces.sort()
    for ring in RINGS:
        for radius_mm, start, end in pieces:
            wanted = 2 * radius_mm * ring / pixel_mm
            width = max(1, round(wanted))
            if width == 1 and ring < RINGS[0] and 2 * radius_mm / pixel_mm < 2:
                continue
            # The mean chord between this ring and the next inner one; thinner than a pixel: spread over it.
            chord = 2 * radius_mm * np.sqrt(max(1 - (ring - 0.12) ** 2, 0.1)) * min(1.0, max(wanted, 0.2))
            cv2.line(canvas, start, end, min(255, round(chord / UNIT_MM)), width, cv2.LINE_AA, SHIFT)
    drawn = canvas.astype(np.float32) * np.float32(UNIT_MM)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), max(0.5, 0.08 / pixel_mm)), dtype=np.float32)
