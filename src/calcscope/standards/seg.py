"""DICOM Segmentation: one object for each view with findings, one segment for each finding.

Mammograms have no frame of reference and differ in size from view to view; a segment is tied to its image by
having the same pixels (PS3.3 A.51.5). Why they are binary and not compressed: ``docs/decisions``,
"Segments are binary and plain".
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

import calcscope
from calcscope import lexicon
from calcscope.exam.elements import integer
from calcscope.report.model import ViewReport
from calcscope.report.palette import CATEGORY_COLOURS, rgb
from calcscope.standards.codes import concept
from calcscope.standards.filing import by_view, filed, series, stamped
from calcscope.standards.outlines import Mask, Sight, mask, sights, tracking
from calcscope.standards.subject import MODEL, Subject


def files(subject: Subject) -> dict[str, bytes]:
    """``seg-rcc.dcm`` and so on; none of a view without findings, since a segmentation has a segment."""
    return by_view(subject, "seg", segmentation)


def segmentation(subject: Subject, view: ViewReport, number: int = 1) -> Dataset | None:
    """The segmentation of one view; None where it shows no finding.

    Parameters
    ----------
    number : Instance Number
    """
    shown = sights(subject, view)
    if not shown:
        return None
    header = filed(subject, view)
    frames = integer(header, "NumberOfFrames") or 1
    # A frame of 1 x 1 stands for each true one until its pixels are packed: the masks of a tomosynthesis
    # laid beside one another would need gigabytes.
    seen = np.zeros((frames, 1, 1, len(shown)), np.uint8)
    for place, sight in enumerate(shown):
        for frame, _ in sight.slices():
            seen[frame or 0, 0, 0, place] = 1
    small = deepcopy(header)
    small.Rows = small.Columns = 1
    made = Segmentation(
        source_images=[small],
        pixel_array=seen,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_description(subject, sight, place) for place, sight in enumerate(shown, 1)],
        sop_instance_uid=subject.uid("seg", view.sop_uid),
        instance_number=number,
        content_label="CALCIFICATIONS",
        content_description=f"Calcifications in {view.label}",
        series_description="Calcscope calcifications",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **series(subject, "seg"),
    )
    _fill(made, shown)
    if "FrameOfReferenceUID" not in made:
        # Without planes in space only this says which way is up (PS3.3 C.7.6.1, type 2C).
        made.PatientOrientation = header.get("PatientOrientation") or []
        # A projection has no slice thickness, without which libraries refuse pixel measures; those of the
        # image hold, since the pixels are the same.
        for group in made.SharedFunctionalGroupsSequence:
            group.pop("PixelMeasuresSequence", None)
    dimensions = subject.uid("dimensions", view.sop_uid)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimensions
    return stamped(made, header, subject)


def _fill(made: Segmentation, shown: list[Sight]) -> None:
    """Put the true pixels into the frames, in the order in which the object lists them."""
    view = shown[0].view
    packed, overlap = Packed(), False
    painted: dict[int | None, Mask] = {}
    shared = made.SharedFunctionalGroupsSequence[0]
    for item in made.PerFrameFunctionalGroupsSequence:
        # What all frames have in common stands in the shared groups alone.
        groups = {element.keyword: element.value for one in (shared, item) for element in one}
        sight = shown[groups["SegmentIdentificationSequence"][0].ReferencedSegmentNumber - 1]
        source = groups["DerivationImageSequence"][0].SourceImageSequence[0]
        parts = dict(sight.slices())
        frame = None if None in parts else int(source.ReferencedFrameNumber) - 1
        pixels = mask((view.rows, view.columns), parts[frame].outlines)
        before = painted.setdefault(frame, np.zeros_like(pixels))
        overlap = overlap or bool((before & pixels).any())
        before |= pixels
        packed.add(pixels)
    made.Rows, made.Columns = view.rows, view.columns
    made.SegmentsOverlap = "YES" if overlap else "NO"
    made.PixelData = packed.finish()


class Packed:
    """Frames of one bit a pixel, the lowest bit first, without a gap between frames (PS3.5 8.1.1)."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._rest = np.zeros(0, dtype=bool)

    def add(self, pixels: Mask) -> None:
        bits = np.concatenate([self._rest, pixels.ravel()])
        whole = len(bits) // 8 * 8
        self._bytes += np.packbits(bits[:whole], bitorder="little").tobytes()
        self._rest = bits[whole:]

    def finish(self) -> bytes:
        """The bytes, of an even number (PS3.5 8.1.1)."""
        self._bytes += np.packbits(self._rest, bitorder="little").tobytes()
        return bytes(self._bytes) + b"\0" * (len(self._bytes) % 2)


def segment(sight: Sight) -> Mask:
    """The pixels of a finding in one view, (rows, columns): those inside its calcifications' outlines."""
    return mask((sight.view.rows, sight.view.columns), sight.outlines)


def _description(subject: Subject, sight: Sight, number: int) -> SegmentDescription:
    finding, terms = sight.finding, lexicon.terms()
    kind = "calcification_cluster" if sight.group is not None else "individual_calcification"
    identifier, uid = tracking(subject, finding)
    return SegmentDescription(
        segment_number=number,
        segment_label=f"{finding.id} category {finding.assessment.category}",
        segmented_property_category=concept(terms.concepts["abnormal_structure"].codes[0]),
        segmented_property_type=concept(terms.concepts[kind].codes[0]),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name=MODEL,
            family=concept(terms.concepts["artificial_intelligence"].codes[0]),
            version=calcscope.__version__,
        ),
        tracking_uid=uid,
        tracking_id=identifier,
        anatomic_regions=[concept(terms.sides[finding.laterality].codes[0])],
        display_color=CIELabColor.from_rgb(*rgb(CATEGORY_COLOURS[finding.assessment.category])),
    )
