"""From the source image to what is drawn: hung upright, cropped, magnified, windowed.

A film is hung the way a radiologist expects it: head or lateral side up, the chest wall of a right
breast at the right edge and of a left breast at the left edge, so that the two breasts stand back to
back.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calcscope.exam.model import Float, Mammogram, Orientation, Points
from calcscope.report.canvas import RGB

MIN_STRETCH = 0.1
"""Range of greys that is never stretched further: beyond it only noise is magnified."""


@dataclass(frozen=True)
class Frame:
    """A window onto a hung image.

    Parameters
    ----------
    orientation : how the source image is laid into the canonical orientation
    mirrored : True for a right breast, whose canonical image is mirrored to hang it
    left, top : corner of the window, whole pixels of the hung image (may lie outside of it)
    width, height : size of the window, whole pixels of the hung image
    scale : drawn pixels for one pixel of the hung image
    pixel_mm : size of a pixel of the hung image, mm
    """

    orientation: Orientation
    mirrored: bool
    left: int
    top: int
    width: int
    height: int
    scale: float
    pixel_mm: float

    @classmethod
    def whole(cls, mammogram: Mammogram, long_side: int) -> Frame:
        """The whole image, its longer side ``long_side`` drawn pixels."""
        rows, columns = mammogram.orientation.canonical_shape
        return cls(
            orientation=mammogram.orientation,
            mirrored=mammogram.info.laterality == "R",
            left=0,
            top=0,
            width=columns,
            height=rows,
            scale=long_side / max(rows, columns),
            pixel_mm=mammogram.pixel_mm,
        )

    @classmethod
    def around(cls, mammogram: Mammogram, xy: tuple[float, float], field_mm: float, side: int) -> Frame:
        """A square of ``field_mm`` about a point of the source image, drawn ``side`` pixels wide.

        Near the image's edge it is moved inside, as far as it fits.
        """
        whole = cls.whole(mammogram, 1)
        x, y = whole._hung(np.array([xy]))[0]
        width = max(round(field_mm / mammogram.pixel_mm), 1)
        return cls(
            orientation=mammogram.orientation,
            mirrored=whole.mirrored,
            left=_inside(x, width, whole.width),
            top=_inside(y, width, whole.height),
            width=width,
            height=width,
            scale=side / width,
            pixel_mm=mammogram.pixel_mm,
        )

    @property
    def drawn_shape(self) -> tuple[int, int]:
        """(rows, columns) of what is drawn."""
        return max(round(self.height * self.scale), 1), max(round(self.width * self.scale), 1)

    @property
    def per_mm(self) -> float:
        """Drawn pixels for one mm in the plane of the breast."""
        return self.scale / self.pixel_mm

    def to_drawn(self, source: Points) -> Points:
        """Map source points, shape (n, 2) as (x, y), to drawn points of the same shape."""
        hung = self._hung(np.asarray(source, dtype=np.float64).reshape(-1, 2))
        # Pixel centres are whole numbers on both sides; edges lie half a pixel out.
        return np.asarray((hung - [self.left, self.top] + 0.5) * self.scale - 0.5)

    def to_source(self, drawn: Points) -> Points:
        """Map drawn points, shape (n, 2) as (x, y), back to source points of the same shape."""
        hung = (np.asarray(drawn, dtype=np.float64) + 0.5) / self.scale - 0.5 + [self.left, self.top]
        if self.mirrored:
            hung[:, 0] = self.orientation.canonical_shape[1] - 1 - hung[:, 0]
        return self.orientation.to_source(hung)

    def grey(self, mammogram: Mammogram, *, stretch: bool = False) -> RGB:
        """The window's pixels as RGB of 8 bits, shape ``drawn_shape`` + (3,).

        They are shown as the header's display window asks; ``stretch`` spreads the greys found in the
        window over the whole range, so that faint specks in dense tissue can be seen.
        """
        hung = mammogram.pixels[:, ::-1] if self.mirrored else mammogram.pixels
        right, bottom = self.left + self.width, self.top + self.height
        piece = hung[max(self.top, 0) : max(bottom, 0), max(self.left, 0) : max(right, 0)]
        rows, columns = self.drawn_shape
        image = np.zeros((rows, columns), np.float32)
        if piece.size:
            # Where the window reaches beyond the image the drawing stays black.
            x0, y0 = np.rint((np.array([self.left, self.top]).clip(0) - [self.left, self.top]) * self.scale)
            x1 = round((min(right, hung.shape[1]) - self.left) * self.scale)
            y1 = round((min(bottom, hung.shape[0]) - self.top) * self.scale)
            size = max(x1 - int(x0), 1), max(y1 - int(y0), 1)
            drawn = mammogram.display(_resized(np.ascontiguousarray(piece), size))
            if stretch:
                drawn = stretched(drawn)
            target = image[int(y0) : int(y0) + size[1], int(x0) : int(x0) + size[0]]
            target[...] = drawn[: target.shape[0], : target.shape[1]]
        return as_bytes(image)

    def _hung(self, source: Points) -> Points:
        xy = self.orientation.to_canonical(source)
        if self.mirrored:
            xy[:, 0] = self.orientation.canonical_shape[1] - 1 - xy[:, 0]
        return xy


def _inside(centre: float, width: int, whole: int) -> int:
    """First pixel of a window about a centre, moved inside the image where it fits."""
    start = round(centre - (width - 1) / 2)
    return min(max(start, min(0, whole - width)), max(0, whole - width))


def _resized(piece: Float, size: tuple[int, int]) -> Float:
    # Area averages keep specks when shrinking; cubic keeps edges smooth when magnifying.
    smaller = size[0] < piece.shape[1]
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(piece, size, interpolation=method), dtype=np.float32)


def as_bytes(grey: Float) -> RGB:
    """Greys from 0 to 1 as RGB of 8 bits."""
    bytes_ = np.clip(grey * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(bytes_, cv2.COLOR_GRAY2RGB), dtype=np.uint8)


def stretched(grey: Float) -> Float:
    """The greys of a window spread over the whole range from 0 to 1, and beyond it."""
    # One pixel in a thousand may saturate, so that a single metal marker does not darken the rest.
    low, high = np.quantile(grey[::2, ::2], [0.001, 0.999])
    if high - low < MIN_STRETCH:
        middle = (low + high) / 2
        low, high = middle - MIN_STRETCH / 2, middle + MIN_STRETCH / 2
    return np.asarray((grey - low) / (high - low), dtype=np.float32)
