"""Drawn mammograms whose outline, nipple and muscle are known."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Mammogram, Orientation, ViewInfo

Image = NDArray[np.float32]


@dataclass
class Drawn:
    """A breast of half an ellipse at the left edge, 0.1 mm a pixel, that objects can be put on.

    Views other than CC go on to the top edge.

    ``pixels`` may be changed freely before :meth:`mammogram` is called.
    """

    view: str = "CC"
    rows: int = 2000
    columns: int = 1400
    pixel_mm: float = 0.1
    depth_mm: float = 85.0
    half_height_mm: float = 75.0
    background: float = 0.0
    tissue: float = 0.5
    noise: float = 0.006
    nipple_mm: float = 0.0
    seed: int = 0
    modifiers: tuple[str, ...] = ()
    pixels: Image = field(init=False)
    truth: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        y, x = np.mgrid[: self.rows, : self.columns].astype(np.float32) * self.pixel_mm
        middle = self.rows * self.pixel_mm / 2
        across = y - middle
        if self.view != "CC":
            # Towards the armpit the breast leaves the film as wide as it is.
            across = np.maximum(across, 0)
        level = 1 - (x / self.depth_mm) ** 2 - (across / self.half_height_mm) ** 2
        self.truth = level > 0
        # Thickness falls to nothing within about a centimetre of the skin, as under a compression plate.
        pixels = self.tissue * np.clip(6 * level, 0, 1) ** 0.5
        if self.nipple_mm:
            bump = np.hypot(x - self.depth_mm, y - middle) < self.nipple_mm
            pixels = np.where(bump, np.maximum(pixels, 0.5 * self.tissue), pixels)
            self.truth |= bump
        strands = cv2.GaussianBlur(random.standard_normal(pixels.shape).astype(np.float32), (0, 0), 8)
        pixels = pixels + self.truth * 0.05 * strands / strands.std()
        pixels += self.background + self.noise * random.standard_normal(pixels.shape)
        self.pixels = pixels.astype(np.float32)

    @property
    def nipple(self) -> tuple[float, float]:
        """The point farthest from the chest wall, pixels."""
        return self.depth_mm / self.pixel_mm, self.rows / 2

    def muscle(self, top_mm: float, wall_mm: float) -> None:
        """Add a muscle in the upper corner at the chest wall, bounded by a straight line."""
        y, x = np.mgrid[: self.rows, : self.columns].astype(np.float32) * self.pixel_mm
        inside = (x / top_mm + y / wall_mm < 1).astype(np.float32)
        self.pixels += 0.3 * cv2.GaussianBlur(inside, (0, 0), 4)
        self.truth |= inside > 0

    def disc(self, x: float, y: float, diameter_mm: float, value: float, blur_mm: float = 0.05) -> None:
        """Lay a disc of one value at a point (pixels)."""
        rows, columns = np.mgrid[: self.rows, : self.columns]
        inside = (np.hypot(columns - x, rows - y) * self.pixel_mm < diameter_mm / 2).astype(np.float32)
        share = cv2.GaussianBlur(inside, (0, 0), blur_mm / self.pixel_mm)
        self.pixels = (self.pixels * (1 - share) + value * share).astype(np.float32)

    def mammogram(self, acquisition: str = "digital") -> Mammogram:
        """The image as the reader hands it on."""
        pixels = np.clip(self.pixels, 0, 1).astype(np.float32)
        rows, columns = pixels.shape
        info = ViewInfo(
            "drawn.png",
            "1.2.3",
            "L",
            self.view,
            rows,
            columns,
            self.pixel_mm,
            modifiers=self.modifiers,
            acquisition=acquisition,  # type: ignore[arg-type]
        )
        return Mammogram(
            info, pixels, np.ones(pixels.shape, dtype=np.bool_), Orientation(rows, columns), lambda p: p
        )


def overlap(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks."""
    return float(np.count_nonzero(found & truth) / max(1, np.count_nonzero(found | truth)))
