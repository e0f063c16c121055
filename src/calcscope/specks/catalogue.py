"""The catalogue of the calcifications found in one view, one row a calcification."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Points


@dataclass(frozen=True)
class SpeckCatalogue:
    """Measured calcifications of one view (canonical orientation), each column one array of length n.

    Lengths are mm in the plane of the breast (pixel size already corrected by the stated
    magnification). ``n`` is ``len(catalogue)``.

    Parameters
    ----------
    x, y : centre of gravity of the excess brightness, pixels, sub-pixel
    probability : chance that the mark is a calcification, 0 to 1, strictly ordered
    area_mm2 : area inside the half-height outline
    length_mm, width_mm : Feret diameters of the outline (greatest, and least across)
    contrast : peak over the local background, in units of ``Mammogram.pixels``
    snr : signal to noise: norm of the excess inside the outline over the local noise of one pixel
    roundness : 4 pi area / perimeter² (1 for a disc)
    elongation : length / width (1 for a disc)
    irregularity : 1 - solidity (0 for a convex outline)
    hollowness : depth of a dark centre as a share of the rim's height (0 solid, 1 wholly lucent)
    angle : direction of the length, radians from +x towards +y, in [0, pi)
    sharpness : mean gradient at the outline over contrast, 1/mm
    salience : height over the background in units of the local noise, at the scale that shows it best
    crossing : how bright the fibres are that cross there, over the contrast: small where none do
    outlines : one (k, 2) array of x, y vertices each, closed, pixels, sub-pixel
    slice : frame number of the strongest slice, -1 outside tomosynthesis
    pixel_mm : mm per pixel
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    probability: NDArray[np.float64]
    area_mm2: NDArray[np.float64]
    length_mm: NDArray[np.float64]
    width_mm: NDArray[np.float64]
    contrast: NDArray[np.float64]
    snr: NDArray[np.float64]
    roundness: NDArray[np.float64]
    elongation: NDArray[np.float64]
    irregularity: NDArray[np.float64]
    hollowness: NDArray[np.float64]
    angle: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    salience: NDArray[np.float64]
    crossing: NDArray[np.float64]
    outlines: tuple[Points, ...]
    slice: NDArray[np.int64]
    pixel_mm: float

    def __len__(self) -> int:
        return len(self.x)

    @property
    def xy(self) -> Points:
        """(n, 2) centres, pixels."""
        return np.stack([self.x, self.y], axis=1) if len(self) else np.zeros((0, 2))

    @property
    def xy_mm(self) -> Points:
        """(n, 2) centres, mm from the corner of the canonical image."""
        return self.xy * self.pixel_mm

    @property
    def diameter_mm(self) -> NDArray[np.float64]:
        """Diameter of the disc of the same area, mm."""
        return np.asarray(2 * np.sqrt(self.area_mm2 / np.pi))

    def select(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> SpeckCatalogue:
        """The rows that a boolean mask or an index array picks, in that order."""
        index = np.flatnonzero(which) if which.dtype == np.bool_ else which
        columns = {name: getattr(self, name)[index] for name in _COLUMNS}
        return replace(self, outlines=tuple(self.outlines[i] for i in index), **columns)

    def rows(self) -> Iterator[dict[str, float]]:
        """Each calcification as a dictionary of its numbers (without the outline)."""
        for i in range(len(self)):
            yield {name: getattr(self, name)[i].item() for name in _COLUMNS}

    @classmethod
    def empty(cls, pixel_mm: float) -> SpeckCatalogue:
        """A catalogue of nothing."""
        none = np.zeros(0)
        numbers = {name: none for name in _COLUMNS if name != "slice"}
        return cls(**numbers, slice=np.zeros(0, dtype=np.int64), outlines=(), pixel_mm=pixel_mm)


_COLUMNS = (
    "x", "y", "probability", "area_mm2", "length_mm", "width_mm", "contrast", "snr", "roundness",
    "elongation", "irregularity", "hollowness", "angle", "sharpness", "salience", "crossing",
    "slice",
)  # fmt: skip
