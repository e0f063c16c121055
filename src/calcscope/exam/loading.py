"""Decoding the pixels of a view when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from calcscope.errors import UnreadableInput
from calcscope.exam.decode import PixelLayout, Stored, decode_frame
from calcscope.exam.dicom_file import open_inflated
from calcscope.exam.model import Float, Mammogram, Mask, Orientation, ViewInfo
from calcscope.exam.options import ReadOptions
from calcscope.exam.orientation import Declared, orient
from calcscope.exam.pixels import Scale, display_for, to_engine
from calcscope.exam.raster import decode_raster
from calcscope.exam.sources import Source

Oriented = tuple[Orientation, bool, tuple[str, ...]]
"""What :func:`calcscope.exam.orientation.orient` returns."""


@dataclass
class DicomLoader:
    """Loads one DICOM view; calling it decodes.

    Parameters
    ----------
    source, options : where the file is, and the limits
    info, layout, scale, declared, collimated : what the header said, see ``DicomImage``
    """

    source: Source
    options: ReadOptions
    info: ViewInfo
    layout: PixelLayout
    scale: Scale
    declared: Declared | None
    collimated: tuple[int, int, int, int] | None
    _oriented: Oriented | None = field(default=None, init=False)

    def __call__(self, slice: int | None = None) -> Mammogram:
        """Decode the image, or a slice of a tomosynthesis (its middle one when none is asked for).

        Raises
        ------
        UnreadableInput : where the pixels cannot be decoded
        IndexError : for a slice that the image does not have
        """
        frames = self.layout.frames
        middle = frames // 2
        index = middle if slice is None else slice
        if not 0 <= index < frames:
            raise IndexError(f"slice {slice} of {frames}")
        frame = self._frame(index)
        if self._oriented is None:
            # One orientation for all slices, decided on the middle one, which shows most of the breast.
            shown = frame if index == middle else self._frame(middle)
            self._oriented = orient(shown.pixels, self.info, self.declared)
        return frame.mammogram(self.info, self._oriented, index if frames > 1 else None)

    def _frame(self, index: int) -> _Frame:
        with open_inflated(self.source, self.options) as stream:
            stored = decode_frame(stream, self.layout, index, self.source.name)
        frame = _Frame.of(stored, self.scale, self.source.name)
        if self.collimated is not None:
            left, right, top, bottom = self.collimated
            exposed = np.zeros_like(frame.valid)
            exposed[top:bottom, left:right] = True
            frame.valid &= exposed
        return frame


@dataclass
class RasterLoader:
    """Loads one plain image; calling it decodes.

    Parameters
    ----------
    source, kind : where the file is, and ``png``, ``pgm`` or ``tiff``
    info : what is known of it
    """

    source: Source
    kind: str
    info: ViewInfo

    def __call__(self, slice: int | None = None) -> Mammogram:
        """Decode the image.

        Raises
        ------
        UnreadableInput : where the pixels cannot be decoded
        IndexError : for any slice but the first
        """
        if slice not in (None, 0):
            raise IndexError(f"slice {slice} of 1")
        stored, bits = decode_raster(self.source, self.kind, (self.info.rows, self.info.columns))
        frame = _Frame.of(stored, Scale(bits), self.source.name)
        oriented = orient(frame.pixels, self.info, None)
        return frame.mammogram(self.info, oriented, None)


@dataclass
class _Frame:
    """One decoded frame as it lies in the source: engine pixels, validity, their scale, warnings."""

    pixels: Float
    valid: Mask
    scale: Scale
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, stored: Stored, scale: Scale, name: str) -> _Frame:
        padded = scale.padding_beyond_bits(stored)
        if padded is not None:
            stored = np.where(padded, stored[~padded].min(initial=0), stored)
        low, high = int(stored.min()), int(stored.max())
        if low == high:
            found = "an image of one single grey value"
            raise UnreadableInput(name, found, "a mammogram", "export the image again")
        needed = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + scale.signed
        warnings: tuple[str, ...] = ()
        if needed > scale.bits:
            warnings = (f"Pixel values need {needed} bits; the header states {scale.bits}.",)
            scale = replace(scale, bits=needed)
        pixels, valid = to_engine(stored, scale)
        if padded is not None:
            pixels[padded] = 0.0
            valid &= ~padded
        if not valid.any():
            raise UnreadableInput(name, "nothing but padding", "a mammogram", "export the image again")
        return cls(pixels, valid, scale, warnings)

    def mammogram(self, info: ViewInfo, oriented: Oriented, slice: int | None) -> Mammogram:
        """The frame in canonical orientation: its own memory goes over to it."""
        orientation, vertical_known, warnings = oriented
        display = display_for(self.scale, self.pixels, self.valid)
        return Mammogram(
            info=replace(
                info, vertical_known=vertical_known, warnings=info.warnings + self.warnings + warnings
            ),
            # A mirrored view of an array would make every later step slow: lay it out once.
            pixels=orientation.lay_out(self.pixels),
            valid=orientation.lay_out(self.valid),
            orientation=orientation,
            display=display,
            slice=slice,
        )
