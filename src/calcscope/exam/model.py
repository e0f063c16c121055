"""What an exam, a view and a mammogram are.

All stages after reading work in the *canonical* orientation, so that none of them has to know how
an image was stored:

* the chest wall is at the left edge (small columns), the nipple points right;
* MLO, ML and LM views have the head at the top, CC views have the lateral side at the top.

Points are ``(x, y)`` = (column, row), 0-based, at pixel centres. Only the report speaks in
coordinates of the source image; :class:`Orientation` maps between the two exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Laterality = Literal["L", "R"]
Float = NDArray[np.float32]
Points = NDArray[np.float64]
Mask = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Orientation:
    """How a source image is laid into the canonical orientation.

    The canonical image is ``fliplr(rot90(source, quarter_turns))`` when ``flip`` is true and
    ``rot90(source, quarter_turns)`` otherwise (``numpy.rot90``: anticlockwise).

    Parameters
    ----------
    rows, columns : shape of the *source* image, pixels
    quarter_turns : 0 to 3 anticlockwise quarter turns
    flip : mirror left to right after turning
    """

    rows: int
    columns: int
    quarter_turns: int = 0
    flip: bool = False

    @property
    def canonical_shape(self) -> tuple[int, int]:
        """(rows, columns) of the canonical image."""
        if self.quarter_turns % 2:
            return self.columns, self.rows
        return self.rows, self.columns

    def apply(self, source: NDArray[Scalar]) -> NDArray[Scalar]:
        """Lay a source array (rows, columns) into the canonical orientation (a view where possible)."""
        turned = np.rot90(source, self.quarter_turns)
        return turned[:, ::-1] if self.flip else turned

    def lay_out(self, source: NDArray[Scalar]) -> NDArray[Scalar]:
        """As :meth:`apply`, in the order of memory.

        Where it can be done in the memory of ``source``, it is: the array given is gone then.
        """
        if self.quarter_turns % 2:
            return np.ascontiguousarray(self.apply(source))
        both, sideways, upside_down = -1, 1, 0
        turned = self.quarter_turns % 4 == 2
        if turned or self.flip:
            memory = source.view(f"i{source.itemsize}")  # OpenCV knows no booleans; of 4 bytes it moves 4
            cv2.flip(memory, (upside_down if self.flip else both) if turned else sideways, dst=memory)
        return source

    def to_source(self, xy: Points) -> Points:
        """Map canonical points, shape (n, 2) as (x, y), to source points of the same shape."""
        xy = np.atleast_2d(np.asarray(xy, dtype=np.float64))
        x, y = xy[:, 0], xy[:, 1]
        rows, columns = self.canonical_shape
        if self.flip:
            x = columns - 1 - x
        for _ in range(self.quarter_turns % 4):
            # One clockwise turn undoes one anticlockwise turn.
            x, y = rows - 1 - y, x
            rows, columns = columns, rows
        return np.stack([x, y], axis=1)

    def to_canonical(self, xy: Points) -> Points:
        """Map source points, shape (n, 2) as (x, y), to canonical points of the same shape."""
        xy = np.atleast_2d(np.asarray(xy, dtype=np.float64))
        x, y = xy[:, 0], xy[:, 1]
        rows, columns = self.rows, self.columns
        for _ in range(self.quarter_turns % 4):
            x, y = y, columns - 1 - x
            rows, columns = columns, rows
        if self.flip:
            x = columns - 1 - x
        return np.stack([x, y], axis=1)


@dataclass(frozen=True)
class ViewInfo:
    """Everything known about one view before its pixels are decoded.

    Parameters
    ----------
    source : file the view came from (``archive.zip!member`` inside an archive)
    sop_uid : SOP Instance UID; made from the file's content for images that have none
    laterality : ``L`` or ``R``
    view : ``CC``, ``MLO``, ``ML``, ``LM`` … (DICOM View Position terms)
    modifiers : of ``spot``, ``magnification``, ``tangential``, ``rolled_lateral``,
        ``rolled_medial``, ``implant_displaced`` …
    rows, columns : shape of the source image, pixels
    pixel_mm : size of a pixel in the plane of the breast, mm
    magnification : stated geometric magnification (1.0 for contact views)
    slices : number of frames (1 unless tomosynthesis)
    acquisition : ``digital`` or ``film`` (digitised)
    processing : ``presentation``, ``processing`` (raw) or ``secondary`` (scanned or converted)
    manufacturer : as the header states it, or None
    vertical_known : True when the header says which way is up; False when it was assumed
    warnings : sentences for the reader about what was assumed
    """

    source: str
    sop_uid: str
    laterality: Laterality
    view: str
    rows: int
    columns: int
    pixel_mm: float
    modifiers: tuple[str, ...] = ()
    magnification: float = 1.0
    slices: int = 1
    acquisition: Literal["digital", "film"] = "digital"
    processing: Literal["presentation", "processing", "secondary"] = "presentation"
    manufacturer: str | None = None
    vertical_known: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Short name as hung on a light box: ``LCC``, ``RMLO``, ``RCC spot magnification``."""
        return " ".join([self.laterality + self.view, *self.modifiers])

    @property
    def is_magnification(self) -> bool:
        """True for magnification views, the ones on which fine shapes are judged."""
        return "magnification" in self.modifiers


@dataclass(frozen=True)
class Mammogram:
    """The pixels of one view (or of one slice), ready for the engine.

    Parameters
    ----------
    info : what the header said
    pixels : float32 (rows, columns), canonical orientation. Larger is denser (whiter). Linear in
        attenuation as far as the source allows: raw digital images are log-transformed, others keep
        their stored scale. Scaled so that the stored range is 0 to 1. Finite everywhere.
    valid : bool (rows, columns), canonical orientation; False on pixel padding and on saturated
        collimation that the header declares
    orientation : source to canonical
    display : maps ``pixels`` to 0…1 grey as the header's VOI LUT, window or sigmoid asks
    slice : frame number (0-based) for tomosynthesis, else None
    """

    info: ViewInfo
    pixels: Float
    valid: Mask
    orientation: Orientation
    display: Callable[[Float], Float]
    slice: int | None = None

    @property
    def pixel_mm(self) -> float:
        """Size of a pixel in the plane of the breast, mm."""
        return self.info.pixel_mm


@dataclass(frozen=True)
class View:
    """One view of an exam; its pixels are decoded when asked for, so an exam costs little to hold.

    ``load()`` decodes the image; ``load(slice)`` a slice of a tomosynthesis, 0-based, whose middle one
    ``load()`` gives. It may raise :class:`calcscope.errors.UnreadableInput`. What only the pixels show (a
    mirrored image) is added to the warnings in ``Mammogram.info``, not in ``View.info``.
    """

    info: ViewInfo
    load: Callable[..., Mammogram] = field(compare=False)


@dataclass(frozen=True)
class Exam:
    """All views of one woman on one day.

    Parameters
    ----------
    study_uid, patient_id : as stored, or made from the sources when the files carry none
    date : ISO date ``YYYY-MM-DD`` or None
    views : R before L, CC before MLO before others
    has_patient_id : False where ``patient_id`` was made from the source
    birth_date : as stored, to tell two women of one ID apart; empty where none is stated
    """

    study_uid: str
    patient_id: str
    date: str | None
    views: tuple[View, ...]
    has_patient_id: bool = True
    birth_date: str = field(default="", repr=False)


@dataclass(frozen=True)
class Failure:
    """An input that was not read: where it is and why, in one line."""

    source: str
    reason: str
