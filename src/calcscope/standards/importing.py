"""Mammography CAD SR of any maker as marks: what was marked where, how surely, and by whom.

The document is read for what it says and not for how well it keeps to the templates: older codes of the same
concepts, missing evidence, marks without an outline or a centre are taken as they come, and what could
not be understood is said in ``problems``. Nothing of the patient is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.sr._snomed_dict import mapping
from pydicom.uid import UID, MammographyCADSRStorage

from calcscope import lexicon
from calcscope.errors import UnreadableInput
from calcscope.exam.dicom_file import open_inflated
from calcscope.exam.elements import items, number, numbers, quiet, text, uid
from calcscope.exam.options import ReadOptions
from calcscope.exam.sources import Source
from calcscope.exam.views import view_codes
from calcscope.lexicon.model import Code
from calcscope.report.model import Model, Point, Probability
from calcscope.standards.outlines import TO_CORNER

UNDEFINED = 0xFFFFFFFF
ROUND = 32
"""Corners of the polygon that stands for a circle or an ellipse."""
INTENTS = ("required", "optional", "not_for_presentation")


class Mark(Model):
    """A mark of a CAD system on one image."""

    number: int = Field(description="Of this document's marks, from 0")
    view: str = Field(description="sop_uid of the image")
    slice: int | None = Field(None, ge=0, description="Frame, 0-based, of a tomosynthesis")
    kind: str = Field(description="cluster, calcification, mass, distortion … or the maker's own word")
    code: str = Field(description="Scheme and value of the code the maker gave it")
    identifier: str | None = Field(None, description="What the maker calls the mark")
    x: float = Field(description="Column of its centre, 0-based, pixel centres")
    y: float = Field(description="Row of its centre, 0-based, pixel centres")
    outline: list[Point] = Field([], description="Closed polygon, pixels; empty where there is none")
    certainty: Probability | None = Field(None, description="That it is what it is called")
    cancer: Probability | None = Field(None, description="Probability of cancer")
    intent: Literal["required", "optional", "not_for_presentation"] | None = Field(
        None, description="Whether the maker wants it shown"
    )
    type: str | None = Field(None, description="Type of the calcifications, in the document's words")
    distribution: str | None = Field(None, description="Their distribution, in the document's words")
    count: int | None = Field(None, ge=0, description="Number of calcifications")
    algorithm: str | None = Field(None, description="Name and version of the algorithm")
    within: int | None = Field(None, description="Number of the mark that it is a part of")
    assessment: str | None = Field(None, description="Assessment category, in the document's words")


class SrView(Model):
    """An image of the document's library."""

    sop_uid: str = Field(description="SOP Instance UID")
    laterality: Literal["L", "R"] | None = Field(None, description="Side")
    view: str | None = Field(None, description="CC, MLO …")
    date: str | None = Field(None, description="ISO date of its study")


class Maker(Model):
    """Who made a document."""

    manufacturer: str
    model: str
    software: str


class CadMarks(Model):
    """What a Mammography CAD SR says."""

    source: str = Field(description="File")
    sop_uid: str = Field(description="SOP Instance UID of the document")
    study_uid: str = Field(description="Its Study Instance UID")
    maker: Maker = Field(description="Who made it")
    date: str | None = Field(None, description="ISO date on which it was made")
    complete: bool | None = Field(None, description="Whether it says of itself that it is complete")
    summary: str | None = Field(None, description="Processing and findings, in the document's words")
    assessment: str | None = Field(None, description="Overall assessment, in the document's words")
    views: list[SrView] = Field(description="Its images")
    marks: list[Mark] = Field(description="Its marks, in its order")
    problems: list[str] = Field([], description="What could not be understood")

    def top(self) -> list[Mark]:
        """The marks that are no part of another."""
        return [mark for mark in self.marks if mark.within is None]


def read_cad_sr(path: Path) -> CadMarks:
    """Read a Mammography CAD SR.

    Raises
    ------
    UnreadableInput : where the file is no DICOM, no structured report, or one of another kind
    """
    source = str(path)
    remedy = "give a Mammography CAD SR (SOP class 1.2.840.10008.5.1.4.1.1.88.50)"
    expected = "a Mammography CAD SR"
    try:
        with quiet():
            with open_inflated(Source(path), ReadOptions()) as stream:
                ds = dcmread(stream, stop_before_pixels=True)
            found = uid(ds, "SOPClassUID")
            cut = _is_cut(ds)
    except InvalidDicomError as error:
        raise UnreadableInput(source, "no DICOM file", expected, remedy) from error
    except UnreadableInput:
        raise
    except Exception as error:  # pydicom raises many kinds on damaged files
        raise UnreadableInput(source, "a damaged DICOM file", expected, "copy it again") from error
    if cut:
        raise UnreadableInput(source, "a file that is cut short", "all of it", "copy it again")
    if text(ds, "ValueType") != "CONTAINER":
        what = UID(found).name if found else "a DICOM object of no stated class"
        raise UnreadableInput(source, f"{what}, no structured report", expected, remedy)
    with quiet():
        is_root = _named(ds, "report")
        if found != MammographyCADSRStorage and not is_root:
            raise UnreadableInput(source, f"another structured report ({UID(found).name})", expected, remedy)
        try:
            return _Document(source, ds).read()
        except RecursionError as error:
            raise UnreadableInput(source, "content nested beyond all sense", expected, remedy) from error


def _is_cut(ds: Dataset) -> bool:
    """Whether an element holds less than it announces: pydicom takes what there is without a word."""
    raw = (ds.get_item(tag) for tag in ds.keys())  # noqa: SIM118 iterating over a data set converts it
    return any(
        isinstance(each, RawDataElement) and each.length != UNDEFINED and len(each.value or b"") < each.length
        for each in raw
    )


@dataclass(frozen=True)
class _Around:
    """What a mark takes over from what it stands in."""

    within: int | None = None
    intent: str | None = None
    algorithm: str | None = None
    cancer: float | None = None
    assessment: str | None = None


class _Document:
    """One document on its way to marks."""

    def __init__(self, source: str, ds: Dataset) -> None:
        self._source, self._ds = source, ds
        self._marks: list[Mark] = []
        self._problems: dict[str, int] = {}
        self._positions: dict[tuple[int, ...], Dataset] = dict(_positions(ds, (1,)))

    def read(self) -> CadMarks:
        ds = self._ds
        views = self._library()
        self._walk(ds, _Around())
        held = {view.sop_uid for view in views}
        for missing in dict.fromkeys(mark.view for mark in self._marks if mark.view not in held):
            views.append(SrView(sop_uid=missing))
            self._problem("image that is marked and not in the image library")
        if not items(ds, "CurrentRequestedProcedureEvidenceSequence"):
            self._problem("evidence sequence missing: some viewers do not open the document")
        summary = next(self._all("findings_summary"), None)
        flag = text(ds, "CompletionFlag")
        return CadMarks(
            source=self._source,
            sop_uid=uid(ds, "SOPInstanceUID"),
            study_uid=uid(ds, "StudyInstanceUID"),
            maker=Maker(
                manufacturer=text(ds, "Manufacturer"),
                model=text(ds, "ManufacturerModelName"),
                software=text(ds, "SoftwareVersions"),
            ),
            date=_iso(text(ds, "ContentDate")),
            complete=None if not flag else flag == "COMPLETE",
            summary=_value_words(summary),
            assessment=_value_words(_child(summary, "assessment")),
            views=views,
            marks=self._marks,
            problems=[what if n == 1 else f"{what} ({n} times)" for what, n in self._problems.items()],
        )

    def _problem(self, what: str) -> None:
        self._problems[what] = self._problems.get(what, 0) + 1

    def _all(self, what: str) -> Iterator[Dataset]:
        return (item for item in self._positions.values() if _named(item, what))

    def _library(self) -> list[SrView]:
        found: dict[str, SrView] = {}
        for library in self._all("image_library"):
            for item in items(library, "ContentSequence"):
                instance = _instance(item)
                if instance and instance not in found:
                    found[instance] = _library_view(instance, item)
        return list(found.values())

    def _walk(self, item: Dataset, around: _Around) -> None:
        for child in items(item, "ContentSequence"):
            if _named(child, "single_image_finding"):
                self._finding(child, around)
            elif not _named(child, "image_library"):
                self._walk(child, _taken_over(child, around))

    def _finding(self, item: Dataset, around: _Around) -> None:
        code = next(iter(items(item, "ConceptCodeSequence")), Dataset())
        around = _taken_over(item, around)
        place = self._place(item)
        kind = _kind(code)
        if place is None:
            self._problem(f"{kind} without a place on an image")
            return self._walk(item, around)
        view, frame, centre, outline = place
        own = len(self._marks)
        count = _number(_child(item, "number_of_calcifications"))
        self._marks.append(
            Mark(
                number=own,
                view=view,
                slice=None if frame is None else frame - 1,
                kind=kind,
                code=f"{text(code, 'CodingSchemeDesignator')} {text(code, 'CodeValue')}".strip(),
                identifier=_words(_child(item, "tracking_identifier")),
                x=round(centre[0], 3),
                y=round(centre[1], 3),
                outline=outline,
                certainty=self._share(_child(item, "certainty_of_finding")),
                cancer=around.cancer,
                intent=around.intent,
                type=_value_words(_child(item, "calcification_type")),
                distribution=_value_words(_child(item, "calcification_distribution")),
                count=None if count is None or count < 0 else round(count),
                algorithm=around.algorithm,
                within=around.within,
                assessment=around.assessment,
            )
        )
        # A probability of cancer is of the whole, not of its parts.
        self._walk(item, replace(around, within=own, cancer=None))
        return None

    def _share(self, item: Dataset | None) -> float | None:
        value = _number(item)
        if value is None:
            return None
        if not 0 <= value <= 100:
            self._problem("certainty outside 0 to 100 per cent")
            return None
        return round(value / 100, 12)

    def _place(
        self, item: Dataset
    ) -> tuple[str, int | None, tuple[float, float], list[tuple[float, float]]] | None:
        """Image, frame, centre and outline of a finding."""
        graphics = [each for each in items(item, "ContentSequence") if text(each, "ValueType") == "SCOORD"]
        centre: np.ndarray[Any, Any] | None = None
        outline: np.ndarray[Any, Any] | None = None
        on: tuple[str, int | None] | None = None
        for each in graphics:
            points = _points(each)
            if points is None:
                self._problem("place without coordinates")
                continue
            on = on or self._image(each)
            if _named(each, "center") or (len(points) == 1 and centre is None):
                centre = points[0]
            elif len(points) > 1 and (outline is None or _named(each, "outline")):
                outline = points
        if on is None or (centre is None and outline is None):
            return None
        if centre is None:
            assert outline is not None
            centre = (outline.min(axis=0) + outline.max(axis=0)) / 2
        border = [] if outline is None else [(round(float(x), 3), round(float(y), 3)) for x, y in outline]
        return *on, (float(centre[0]), float(centre[1])), border

    def _image(self, graphic: Dataset) -> tuple[str, int | None] | None:
        """The image that a place was selected from: by reference to the library, or by value."""
        for child in items(graphic, "ContentSequence"):
            named = numbers(child, "ReferencedContentItemIdentifier")
            position = tuple(int(one) for one in named if np.isfinite(one))
            picture = self._positions.get(position, child)
            if instance := _instance(picture):
                frames = numbers(items(picture, "ReferencedSOPSequence")[0], "ReferencedFrameNumber")
                return instance, int(frames[0]) if frames and frames[0] >= 1 else None
        self._problem("place on an image that the document does not name")
        return None


def _positions(item: Dataset, at: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Dataset]]:
    """Every content item with its position (PS3.3 C.17.3.2.5)."""
    yield at, item
    for place, child in enumerate(items(item, "ContentSequence"), 1):
        yield from _positions(child, (*at, place))


def _taken_over(item: Dataset, around: _Around) -> _Around:
    intent = _value_of(_child(item, "rendering_intent"))
    for name in INTENTS:
        if intent is not None and intent == _key(lexicon.cad_sr().values[name]):
            around = replace(around, intent=name)
    if (algorithm := _words(_child(item, "algorithm_name"))) is not None:
        version = _words(_child(item, "algorithm_version"))
        around = replace(around, algorithm=" ".join(filter(None, (algorithm, version))))
    cancer = _number(_child(item, "probability_of_cancer"))
    if cancer is not None and 0 <= cancer <= 100:
        around = replace(around, cancer=round(cancer / 100, 12))
    if not _named(item, "findings_summary"):  # that one is of the whole exam
        assessment = _value_words(_child(item, "assessment"))
        around = replace(around, assessment=assessment or around.assessment)
    return around


def _library_view(instance: str, item: Dataset) -> SrView:
    side = _value_of(_child(item, "image_laterality"))
    shown = next(iter(items(_child(item, "image_view") or Dataset(), "ConceptCodeSequence")), Dataset())
    sides = {_key(term.codes[0]): name for name, term in lexicon.terms().sides.items()}
    return SrView(
        sop_uid=instance,
        laterality=sides.get(side or ""),
        view=view_codes().views.get(text(shown, "CodeValue")),
        date=_iso(text(_child(item, "study_date") or Dataset(), "Date")),
    )


def _child(item: Dataset | None, what: str) -> Dataset | None:
    children = [] if item is None else items(item, "ContentSequence")
    return next((each for each in children if _named(each, what)), None)


def _named(item: Dataset, what: str) -> bool:
    """Whether an item has a name: by its code in any scheme for the same, or by its words in a scheme of the
    maker's own."""
    wanted = lexicon.cad_sr().names[what]
    code = next(iter(items(item, "ConceptNameCodeSequence")), None)
    if code is None:
        return False
    scheme = text(code, "CodingSchemeDesignator")
    if _canonical(scheme, text(code, "CodeValue")) == _key(wanted):
        return True
    return scheme.startswith("99") and text(code, "CodeMeaning").casefold() == wanted.meaning.casefold()


def _canonical(scheme: str, value: str) -> str:
    """A code as scheme and value, SNOMED RT as SNOMED CT."""
    if scheme in lexicon.cad_sr().snomed_rt_schemes:
        return f"SCT {mapping['SRT'].get(value, value)}"
    return f"{scheme} {value}"


def _key(code: Code) -> str:
    return f"{code.scheme} {code.value}"


def _kind(code: Dataset) -> str:
    """What a finding is called here; the maker's own word where its code is not known."""
    known = lexicon.cad_sr()
    found = known.findings.get(_canonical(text(code, "CodingSchemeDesignator"), text(code, "CodeValue")))
    if found is not None:
        return found
    meaning = text(code, "CodeMeaning")
    for what, name in (("calcification_cluster", "cluster"), ("individual_calcification", "calcification")):
        if meaning.casefold() == known.values[what].meaning.casefold():
            return name
    return meaning.lower() or "finding"


def _value_of(item: Dataset | None) -> str | None:
    code = next(iter(items(item, "ConceptCodeSequence")), None) if item is not None else None
    if code is None:
        return None
    return _canonical(text(code, "CodingSchemeDesignator"), text(code, "CodeValue"))


def _value_words(item: Dataset | None) -> str | None:
    code = next(iter(items(item, "ConceptCodeSequence")), None) if item is not None else None
    return None if code is None else text(code, "CodeMeaning") or None


def _words(item: Dataset | None) -> str | None:
    return None if item is None else text(item, "TextValue") or _value_words(item)


def _number(item: Dataset | None) -> float | None:
    measured = [] if item is None else items(item, "MeasuredValueSequence")
    return number(measured[0], "NumericValue") if measured else None


def _instance(item: Dataset) -> str:
    references = items(item, "ReferencedSOPSequence") if text(item, "ValueType") == "IMAGE" else []
    return uid(references[0], "ReferencedSOPInstanceUID") if references else ""


def _iso(day: str) -> str | None:
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == 8 and day.isdigit() else None


def _points(graphic: Dataset) -> np.ndarray[Any, Any] | None:
    """The corners of a graphic, (n, 2) columns and rows of pixel centres, a closed one without its end
    repeated; a circle or an ellipse as a polygon. None where it has no sound coordinates."""
    flat = numbers(graphic, "GraphicData")
    if len(flat) < 2 or len(flat) % 2 or not np.isfinite(flat).all():
        return None
    points = np.asarray(flat, dtype=float).reshape(-1, 2) - TO_CORNER
    kind = text(graphic, "GraphicType")
    angle = 2 * np.pi * np.arange(ROUND)[:, None] / ROUND
    if kind == "CIRCLE" and len(points) == 2:
        along = points[1] - points[0]
        return np.asarray(points[0] + np.cos(angle) * along + np.sin(angle) * [-along[1], along[0]])
    if kind == "ELLIPSE" and len(points) == 4:  # the ends of the long axis, then of the short one
        long, short = (points[1] - points[0]) / 2, (points[3] - points[2]) / 2
        return np.asarray((points[0] + points[1]) / 2 + np.cos(angle) * long + np.sin(angle) * short)
    if len(points) > 2 and np.array_equal(points[0], points[-1]):
        points = points[:-1]
    return points
