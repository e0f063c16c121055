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


@dataclass(frozen=True)
class _Oriented:
    orientation: Orientation
    vertical_known: bool
    warnings: tuple[str, ...]


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
    _oriented: _Oriented | None = field(default=None, init=False)

    def __call__(self, slice: int | None = None) -> Mammogram:
        """Decode the image, or a slice of a tomosynthesis (its middle one when none is asked for).

        Raises
        ------
        UnreadableInput : where the pixels cannot be decoded
        IndexError : for a slice that the image does not have
        """
        frames = self.layout.frames
        index = frames // 2 if slice is None else slice
        if not 0 <= index < frames:
            raise IndexError(f"slice {slice} of {frames}")
        pixels, valid, scale, warnings = self._frame(index)
        if self._oriented is None:
            # One orientation for all slices, decided on the middle one, which shows most of the breast.
            middle = pixels if index == frames // 2 else self._frame(frames // 2)[0]
            self._oriented = _Oriented(*orient(middle, self.declared))
        return _assemble(
            self.info, pixels, valid, scale, self._oriented, warnings, index if frames > 1 else None
        )

    def _frame(self, index: int) -> tuple[Float, Mask, Scale, tuple[str, ...]]:
        with open_inflated(self.source, self.options) as stream:
            stored = decode_frame(stream, self.layout, index, self.source.name)
        scale, warnings = _widened(self.scale, stored)
        pixels, valid = to_engine(stored, scale)
        if self.collimated is not None:
            left, right, top, bottom = self.collimated
            exposed = np.zeros_like(valid)
            exposed[top:bottom, left:right] = True
            valid &= exposed
        return pixels, valid, scale, warnings


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
        stored, bits = decode_raster(self.source, self.kind)
        scale = Scale(bits)
        pixels, valid = to_engine(stored, scale)
        return _assemble(self.info, pixels, valid, scale, _Oriented(*orient(pixels, None)), (), None)


def _widened(scale: Scale, stored: Stored) -> tuple[Scale, tuple[str, ...]]:
    """The scale with the bits that the values really use: Bits Stored is too small in some files."""
    low, high = int(stored.min()), int(stored.max())
    needed = max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + scale.signed
    if needed <= scale.bits:
        return scale, ()
    return replace(scale, bits=needed), (f"Pixel values need {needed} bits; the header states {scale.bits}.",)


def _assemble(
    info: ViewInfo,
    pixels: Float,
    valid: Mask,
    scale: Scale,
    oriented: _Oriented,
    warnings: tuple[str, ...],
    slice: int | None,
) -> Mammogram:
    inside = pixels[valid]
    if not inside.size or inside.min() == inside.max():
        raise UnreadableInput(
            info.source, "an image of one single grey value", "a mammogram", "export the image again"
        )
    apply = oriented.orientation.apply
    return Mammogram(
        info=replace(
            info,
            vertical_known=oriented.vertical_known,
            warnings=info.warnings + warnings + oriented.warnings,
        ),
        # A mirrored view of the array would make every later step slow: lay it out once.
        pixels=np.ascontiguousarray(apply(pixels), dtype=np.float32),
        valid=np.ascontiguousarray(apply(valid), dtype=np.bool_),
        orientation=oriented.orientation,
        display=display_for(scale, pixels, valid),
        slice=slice,
    )
