"""Stored values to one scale for the engine, and to grey for the eye.

Everything that DICOM lets happen to a stored value (modality LUT, rescale, inversion, padding, window)
depends on that value alone, so it is worked out once for each of the at most 65,536 values and then
looked up: quick, exact, and without a second copy of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from calcscope.exam.decode import Stored
from calcscope.exam.model import Float, Mask

Table = NDArray[np.float64]
VoiFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]

GREY_LEVELS = 65_536
"""Steps in which :class:`Display` distinguishes engine pixels: those of the finest stored images."""

ROWS = 16
"""Looked up at a time: few enough for the processor's cache, which halves the time."""

DISPLAY_PERCENTILES = (0.5, 99.9)
"""Range of an image shown as black to white when its header gives no window: all but the labels' glare."""


@dataclass(frozen=True)
class Voi:
    """What the header asks a display to do.

    Parameters
    ----------
    center, width : window in rescaled units (PS3.3 C.11.2)
    function : ``LINEAR``, ``LINEAR_EXACT`` or ``SIGMOID``
    lut : (first value mapped, table) of a VOI LUT, which goes before a window
    """

    center: float = 0.0
    width: float = 0.0
    function: VoiFunction = "LINEAR"
    lut: tuple[float, Table] | None = None

    def grey(self, values: Table) -> Table:
        """Grey from 0 to 1 for rescaled values (formulas of PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
        if self.lut is not None:
            first, table = self.lut
            index = np.clip(np.rint(values - first), 0, len(table) - 1).astype(np.intp)
            return np.asarray((table[index] - table.min()) / max(float(np.ptp(table)), 1e-9))
        if self.function == "SIGMOID":
            # A window far narrower than the values' range overflows exp harmlessly: clip its argument.
            return 1 / (1 + np.exp(np.clip(-4 * (values - self.center) / self.width, -500, 500)))
        if self.function == "LINEAR_EXACT" or self.width <= 1:
            return np.clip((values - self.center) / max(self.width, 1e-9) + 0.5, 0, 1)
        return np.clip((values - (self.center - 0.5)) / (self.width - 1) + 0.5, 0, 1)


@dataclass(frozen=True)
class Scale:
    """What the stored values of an image mean.

    Parameters
    ----------
    bits : Bits Stored
    signed : Pixel Representation 1
    slope, intercept : rescale
    modality_lut : (first value mapped, table) in place of the rescale, or None
    white_is_low : True where larger values are darker (MONOCHROME1)
    exposure : ``linear`` where values are proportional to the exposure of the detector (For Processing,
        Pixel Intensity Relationship LIN): they are log-transformed; None otherwise
    padding : (low, high) stored values that are no image, or None
    voi : what the header asks a display to do, or None
    """

    bits: int
    signed: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    modality_lut: tuple[float, Table] | None = None
    white_is_low: bool = False
    exposure: Literal["linear"] | None = None
    padding: tuple[int, int] | None = None
    voi: Voi | None = None

    def stored_values(self) -> Table:
        """All values that can be stored, in the order of their bit patterns."""
        count = 1 << self.bits
        values = np.arange(count, dtype=np.float64)
        if self.signed:
            values[count // 2 :] -= count
        return values

    def rescaled(self) -> Table:
        """Modality LUT or rescale of :meth:`stored_values`."""
        values = self.stored_values()
        if self.modality_lut is not None:
            first, table = self.modality_lut
            return np.asarray(table[np.clip(np.rint(values - first), 0, len(table) - 1).astype(np.intp)])
        return values * self.slope + self.intercept

    def engine(self) -> Table:
        """Engine pixels (0 air to 1, larger is denser) of :meth:`stored_values`."""
        values = self.rescaled()
        low, high = float(values.min()), float(values.max())
        if self.exposure == "linear":
            # Attenuation is the logarithm of incident over transmitted exposure. One step of the stored
            # values is the least exposure that can be told from none, whatever unit a rescale puts it in.
            step = 1.0 if self.modality_lut is not None else abs(self.slope)
            counts = (values - low if self.white_is_low else high - values) / step
            return np.asarray(1 - np.log(np.maximum(counts, 1)) / np.log(max((high - low) / step, 2)))
        share = (values - low) / max(high - low, 1e-9)
        return 1 - share if self.white_is_low else share

    def is_padding(self) -> NDArray[np.bool_]:
        """True for those of :meth:`stored_values` that are padding."""
        values = self.stored_values()
        if self.padding is None:
            return np.zeros(values.shape, dtype=np.bool_)
        return np.asarray((values >= self.padding[0]) & (values <= self.padding[1]))

    def padding_beyond_bits(self, stored: Stored) -> Mask | None:
        """Where padding lies that Bits Stored cannot hold, as some writers mark it; None where it cannot."""
        if self.padding is None:
            return None
        values = self.stored_values()
        if values.min() <= self.padding[0] and self.padding[1] <= values.max():
            return None
        return np.asarray((stored >= self.padding[0]) & (stored <= self.padding[1]))


def to_engine(stored: Stored, scale: Scale) -> tuple[Float, Mask]:
    """Engine pixels and validity of stored values.

    Parameters
    ----------
    stored : (rows, columns) integers within the range of ``scale.bits``
    scale : what they mean

    Returns
    -------
    pixels : float32 (rows, columns), 0 to 1; padding is 0, as dark as air
    valid : bool (rows, columns), False on padding
    """
    table = scale.engine().astype(np.float32)
    padding = scale.is_padding()
    table[padding] = 0.0
    index = stored.view(f"u{stored.itemsize}")
    if scale.signed and scale.bits < 8 * stored.itemsize:
        index = index & ((1 << scale.bits) - 1)
    valid = ~padding[index] if padding.any() else np.ones(stored.shape, dtype=np.bool_)
    pixels = np.empty(stored.shape, dtype=np.float32)
    for top in range(0, len(index), ROWS):
        np.take(table, index[top : top + ROWS], out=pixels[top : top + ROWS], mode="clip")
    return pixels, valid


@dataclass(frozen=True)
class Display:
    """Maps engine pixels to grey.

    Parameters
    ----------
    table : float32 (GREY_LEVELS,), grey 0 to 1 for engine pixels spread evenly over 0 to 1
    """

    table: Float

    def __call__(self, pixels: Float) -> Float:
        """Grey 0 to 1, float32, of engine pixels of any shape."""
        level = np.clip(pixels, 0, 1) * (GREY_LEVELS - 1) + 0.5
        return self.table[level.astype(np.uint16)]


def display_for(scale: Scale, pixels: Float, valid: Mask) -> Display:
    """The display that the header asks for; without window, one that shows the image's own range.

    Parameters
    ----------
    scale : what stored values mean
    pixels, valid : the image, (rows, columns), to take the range from
    """
    levels = np.linspace(0, 1, GREY_LEVELS)
    if scale.voi is None or scale.exposure is not None:
        # A window of a raw image would show exposure, not density.
        sample = pixels[::8, ::8][valid[::8, ::8]]
        low, high = np.percentile(sample, DISPLAY_PERCENTILES) if sample.size else (0.0, 1.0)
        grey = np.clip((levels - low) / max(high - low, 1e-6), 0, 1)
        return Display(grey.astype(np.float32))
    engine = scale.engine()
    grey_of_stored = scale.voi.grey(scale.rescaled())
    if scale.white_is_low:
        grey_of_stored = 1 - grey_of_stored
    order = np.argsort(engine, kind="stable")
    return Display(np.interp(levels, engine[order], grey_of_stored[order]).astype(np.float32))
