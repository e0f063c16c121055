"""The image library (TID 4020): every image that the document speaks of, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time

from highdicom.sr import ContentItem
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM

from calcscope import lexicon
from calcscope.exam.elements import integer, number, numbers, text
from calcscope.exam.views import view_table
from calcscope.lexicon.model import Code
from calcscope.report.model import ViewReport
from calcscope.standards.cad_sr import items
from calcscope.standards.cad_sr.items import Picture, Position
from calcscope.standards.filing import orientation
from calcscope.standards.subject import Subject

PLACE: Position = (1, 2)
"""Where the library stands: after the language."""


class Library:
    """The library's entries and their positions.

    Current images come first, then the frames of them that hold marks, then the earlier images.
    """

    def __init__(self, subject: Subject) -> None:
        self.headers: list[Dataset] = []
        self._pictures: dict[tuple[str, int | None], Picture] = {}
        self._items: list[ContentItem] = []
        for view in subject.exam.views:
            frames = sorted({each.slice + 1 for each in view.calcifications if each.slice is not None})
            for frame in (None, *frames):
                self._add(subject.image(view), view, view.pixel_mm, frame)
        by_uid = {view.sop_uid: view for view in subject.exam.views}
        for prior in subject.exam.priors:
            for laid in prior.views if prior.used else ():
                header = subject.priors.get(laid.prior_view)
                if header is not None and not self.holds(laid.prior_view):
                    self._add(header, by_uid[laid.view], laid.pixel_mm, None)

    def holds(self, sop_uid: str) -> bool:
        """Whether an image is in the library."""
        return (sop_uid, None) in self._pictures

    def picture(self, sop_uid: str, slice: int | None = None) -> Picture:
        """An image, or a frame of it (0-based)."""
        return self._pictures[sop_uid, None if slice is None else slice + 1]

    def item(self) -> ContentItem:
        """The library as a content item."""
        return items.container("CONTAINS", "image_library", *self._items)

    def _add(self, header: Dataset, view: ViewReport, pixel_mm: float, frame: int | None) -> None:
        self._items.append(items.image("CONTAINS", header, frame, *_facts(header, view, pixel_mm)))
        position = (*PLACE, len(self._items))
        rows, columns = integer(header, "Rows"), integer(header, "Columns")
        self._pictures[header.SOPInstanceUID, frame] = Picture(
            position, rows or view.rows, columns or view.columns
        )
        if frame is None:
            self.headers.append(header)


def _facts(header: Dataset, view: ViewReport, pixel_mm: float) -> Iterator[ContentItem]:
    """What TID 4020 says of an image; side and view are the report's, which knows images that state none."""
    yield items.code("HAS ACQ CONTEXT", "image_laterality", lexicon.terms().sides[view.laterality].codes[0])
    if (shown := _view_code(view.view)) is not None:
        modifiers = (lexicon.cad_sr().view_modifiers.get(one) for one in view.modifiers)
        yield items.code(
            "HAS ACQ CONTEXT",
            "image_view",
            shown,
            *(items.code("HAS CONCEPT MOD", "image_view_modifier", one) for one in modifiers if one),
        )
    for which, leads in zip(("row", "column"), orientation(header), strict=False):
        yield items.text("HAS ACQ CONTEXT", f"patient_orientation_{which}", leads)
    for which in ("study", "content"):
        keyword = which.capitalize()
        if (day := _date(header, keyword + "Date")) is not None:
            yield items.date("HAS ACQ CONTEXT", which + "_date", day)
        if (hour := _time(header, keyword + "Time")) is not None:
            yield items.time("HAS ACQ CONTEXT", which + "_time", hour)
    vertical, horizontal = _spacing(header, pixel_mm)
    yield items.num("HAS ACQ CONTEXT", "horizontal_pixel_spacing", horizontal, "millimetre")
    yield items.num("HAS ACQ CONTEXT", "vertical_pixel_spacing", vertical, "millimetre")
    for what in ("rows", "columns"):
        if (pixels := number(header, what.capitalize())) is not None:
            yield items.num("HAS ACQ CONTEXT", what, int(pixels), "pixels")


def _view_code(view: str) -> Code | None:
    rows = view_table()["views"]
    found = next((row for row in rows if row["view"] == view), None)
    return found and Code(scheme="SCT", value=found["sct"], meaning=found["meaning"], cid=4014)


def _spacing(header: Dataset, pixel_mm: float) -> tuple[float, float]:
    """Vertical and horizontal spacing as the header has it; the report's where it has none."""
    for keyword in ("ImagerPixelSpacing", "PixelSpacing"):
        found = numbers(header, keyword)
        if len(found) == 2 and all(one > 0 for one in found):
            return found[0], found[1]
    return pixel_mm, pixel_mm


def _date(header: Dataset, keyword: str) -> date | None:
    try:
        return DA(text(header, keyword)) or None
    except ValueError:
        return None


def _time(header: Dataset, keyword: str) -> time | None:
    try:
        return TM(text(header, keyword)) or None
    except ValueError:
        return None
