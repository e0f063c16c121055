"""Grayscale Softcopy Presentation State: the marks over each image, in the image's own window.

One object for each view: all images of one presentation state must share their modality LUT, their
presentation LUT and, in the libraries at hand, their size (PS3.3 A.33.1), which mammograms need not. Every
viewer shows a state on the image it names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
from highdicom import PresentationLUTShapeValues, PresentationLUTTransformation
from highdicom.color import CIELabColor
from highdicom.pr import (
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    TextObject,
)
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from calcscope.exam.elements import hoist_functional_groups, items, numbers, text, texts
from calcscope.exam.model import Points
from calcscope.report import words
from calcscope.report.canvas import Box, box_of, grown
from calcscope.report.model import Mimic, ViewReport
from calcscope.report.palette import CATEGORY_COLOURS, MIMIC, TEXT, rgb
from calcscope.standards.filing import by_view, filed, series, stamped
from calcscope.standards.outlines import Sight, closed, sights, tracking, within
from calcscope.standards.subject import Subject

MARGIN_MM = 2.0
"""Room between a finding's outermost calcifications and the line around it."""
RING_MM = 0.4
"""Room between a calcification and the line around it: marks stand around calcifications, never on them."""
MOST_RINGS = 500
"""Calcifications ringed in one view, and lone ones marked of one finding, at the most, the most probable of
what is not benign first: some viewers draw each line anew whenever the image moves."""
TEXT_MM = 4.0
"""Height of a label."""
LETTER_MM = 2.4
"""Width that a label needs for each letter."""
SPECKS, MIMICS = "CALCIFICATIONS", "MIMICS"
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def files(subject: Subject) -> dict[str, bytes]:
    """``gsps-rcc.dcm`` and so on; none of a view without marks."""
    return by_view(subject, "gsps", presentation_state)


def presentation_state(subject: Subject, view: ViewReport, number: int = 1) -> Dataset | None:
    """The presentation state of one view; None where nothing is marked in it.

    Parameters
    ----------
    number : Instance Number
    """
    header = filed(subject, view)
    image = _bare(header)
    drawing = _draw(subject, view)
    if not drawing.objects:
        return None
    layers = dict(_layers(view, drawing))
    made = GrayscaleSoftcopyPresentationState(
        referenced_images=[image],
        sop_instance_uid=subject.uid("gsps", view.sop_uid),
        instance_number=number,
        content_label="CALCIFICATIONS",
        content_description=f"Calcifications in {view.label}",
        graphic_layers=list(layers.values()),
        graphic_annotations=[
            GraphicAnnotation(
                referenced_images=[image],
                graphic_layer=layers[layer],
                referenced_frame_number=None if frame is None else frame + 1,
                graphic_objects=drawing.objects[layer, frame],
                text_objects=drawing.texts.get((layer, frame)),
            )
            for layer, frame in drawing.objects
        ],
        presentation_lut_transformation=PresentationLUTTransformation(_shape(header)),
        series_description="Calcscope marks",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **series(subject, "gsps"),
    )
    hoist_functional_groups(header)
    _add_window(made, header)
    # A series is of one side, because an object of a paired organ must name its side (PS3.3 C.7.3.1, 2C).
    made.SeriesInstanceUID = subject.uid("gsps", view.laterality)
    made.Laterality = view.laterality
    area = made.DisplayedAreaSelectionSequence[0]
    # A film's pixel size may be known from the user alone: measures taken on the marks shall be right.
    area.PresentationPixelSpacing = [round(view.pixel_mm, 6)] * 2
    del area.PresentationPixelAspectRatio
    return stamped(made, header, subject)


def _bare(header: Dataset) -> Dataset:
    """The header without its grey scale: that is copied by :func:`_add_window`, which takes it as found."""
    image = deepcopy(header)
    for keyword in (
        "WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction", "VOILUTSequence",
        "RescaleIntercept", "RescaleSlope", "RescaleType",
    ):  # fmt: skip
        if keyword in image:
            del image[keyword]
    image.SharedFunctionalGroupsSequence, image.PerFrameFunctionalGroupsSequence = [Dataset()], []
    return image


def _shape(header: Dataset) -> PresentationLUTShapeValues:
    """A presentation state takes no notice of MONOCHROME1; its shape turns the greys over (C.11.6.1.2)."""
    if text(header, "PhotometricInterpretation") == "MONOCHROME1":
        return PresentationLUTShapeValues.INVERSE
    return PresentationLUTShapeValues.IDENTITY


def _add_window(made: Dataset, header: Dataset) -> None:
    """The image's own modality LUT and window, as the reading displays it: a VOI LUT goes before a window.

    Of several windows it is the first, with which viewers open the image: a state holds one (C.11.8). Where
    the image states none, neither does the state.
    """
    if items(header, "ModalityLUTSequence"):
        made.ModalityLUTSequence = deepcopy(header.ModalityLUTSequence)
    elif numbers(header, "RescaleSlope") and numbers(header, "RescaleIntercept"):
        made.RescaleIntercept = header.RescaleIntercept
        made.RescaleSlope = header.RescaleSlope
        made.RescaleType = text(header, "RescaleType") or "US"
    voi = Dataset()
    centres, widths = numbers(header, "WindowCenter"), numbers(header, "WindowWidth")
    if items(header, "VOILUTSequence"):
        voi.VOILUTSequence = deepcopy(header.VOILUTSequence)
    elif centres and widths and np.isfinite(centres[0]) and widths[0] > 0:
        voi.WindowCenter, voi.WindowWidth = f"{centres[0]:.10g}", f"{widths[0]:.10g}"
        for named in texts(header, "WindowCenterWidthExplanation")[:1]:
            voi.WindowCenterWidthExplanation = named
        function = text(header, "VOILUTFunction").upper()
        if function in FUNCTIONS:
            voi.VOILUTFunction = function
    else:
        return
    made.SoftcopyVOILUTSequence = [voi]


Sheet = tuple[str, int | None]
"""A layer of a frame, 0-based; None in an image of one frame."""


@dataclass
class _Drawing:
    """What is drawn, by layer and frame."""

    objects: dict[Sheet, list[GraphicObject]] = field(default_factory=lambda: defaultdict(list))
    texts: dict[Sheet, list[TextObject]] = field(default_factory=lambda: defaultdict(list))


def _draw(subject: Subject, view: ViewReport) -> _Drawing:
    drawing, shown = _Drawing(), sights(subject, view)
    lines: list[tuple[Sight, int | None, Points]] = []
    for sight in shown:
        for part in sight.parts[:MOST_RINGS]:
            for frame, here in part.slices():
                margin = MARGIN_MM * (0.5 if sight.finding.benign else 1)
                border = within(grown(here.border, margin / view.pixel_mm), view)
                lines.append((sight, frame, border))
    _draw_rings(drawing, view, shown)
    taken: dict[int | None, list[Box]] = defaultdict(list)
    for _, frame, border in lines:
        taken[frame].append(box_of(border))
    named = set()
    for sight, frame, border in lines:
        finding = sight.finding
        key = (_layer(sight), frame)
        drawing.objects[key].append(_line(border, view, *tracking(subject, finding)))
        told = finding.id if finding.benign else f"{finding.id} cat. {finding.assessment.category}"
        # Of many lone calcifications only the first must be named, the others where there is room.
        label = _label(told, border, view, taken[frame], always=(finding.id, frame) not in named)
        named.add((finding.id, frame))
        if label is not None:
            drawing.texts[key].append(label)
    for mimic in view.mimics:
        border = within(grown(_around(mimic, view), RING_MM / view.pixel_mm), view)
        drawing.objects[MIMICS, None].append(_line(border, view))
        label = _label(words.term(mimic.kind), border, view, taken[None], always=False)
        if label is not None:
            drawing.texts[MIMICS, None].append(label)
    return drawing


def _draw_rings(drawing: _Drawing, view: ViewReport, shown: list[Sight]) -> None:
    """A line around each calcification; a lone one has its finding's line already."""
    ringed = [sight for sight in shown if len(sight.parts) == 1 and len(sight.calcifications) > 1]
    ranked = sorted(
        (
            (sight.finding.benign, -each.probability, each)
            for sight in ringed
            for each in sight.calcifications
        ),
        key=lambda one: one[:2],
    )
    for _, _, speck in ranked[:MOST_RINGS]:
        outline = np.array(speck.outline or [(speck.x, speck.y)])
        ring = within(grown(outline, RING_MM / view.pixel_mm), view)
        drawing.objects[SPECKS, speck.slice].append(_line(ring, view))


def _layer(sight: Sight) -> str:
    return f"FINDINGS {sight.finding.assessment.category}"


def _layers(view: ViewReport, drawing: _Drawing) -> Iterator[tuple[str, GraphicLayer]]:
    """The layers in use, the most suspicious drawn last, on top; a viewer may hide each."""
    used = {layer for layer, _ in drawing.objects}
    ordered = [(MIMICS, MIMIC, "What looks like a calcification and is none")]
    ordered += [(SPECKS, TEXT, "Each calcification of a finding")]
    for category in sorted(CATEGORY_COLOURS, key=lambda one: (one != "1", one != "2", one != "3", one)):
        told = f"Findings of BI-RADS category {category}"
        ordered.append((f"FINDINGS {category}", CATEGORY_COLOURS[category], told))
    for order, (name, colour, told) in enumerate((one for one in ordered if one[0] in used), 1):
        yield name, GraphicLayer(name, order, told, CIELabColor.from_rgb(*rgb(colour)))


def _line(border: Points, view: ViewReport, name: str | None = None, uid: str | None = None) -> GraphicObject:
    return GraphicObject(
        graphic_type="POLYLINE",
        graphic_data=closed(border, view),
        units="PIXEL",
        tracking_id=name,
        tracking_uid=uid,
    )


def _label(
    told: str, border: Points, view: ViewReport, taken: list[Box], *, always: bool
) -> TextObject | None:
    """A label beside a line, where it covers least of other lines and labels.

    None where it would cover some and ``always`` is False.
    """
    left, top, right, bottom = box_of(border)
    width, height = LETTER_MM * len(told) / view.pixel_mm, TEXT_MM / view.pixel_mm
    gap = 1.0 / view.pixel_mm
    middle = (top + bottom - height) / 2
    corners = [
        (right + gap, middle),
        (left - gap - width, middle),
        (left, top - gap - height),
        (left, bottom + gap),
        (right + gap, top - height),
        (right + gap, bottom),
        (left - gap - width, top - height),
        (left - gap - width, bottom),
    ]
    boxes = [_inside((x, y, x + width, y + height), view) for x, y in corners]
    best = min(boxes, key=lambda box: sum(_overlap(box, other) for other in taken))
    if not always and any(_overlap(best, other) for other in taken):
        return None
    taken.append(best)
    return TextObject(
        text_value=told,
        units="PIXEL",
        bounding_box=(best[0], best[1], best[2], best[3]),
        text_justification="LEFT" if best[0] >= right else "RIGHT" if best[2] <= left else "LEFT",
    )


def _inside(box: Box, view: ViewReport) -> Box:
    """The box moved into the image, in DICOM's pixel coordinates."""
    width, height = min(box[2] - box[0], view.columns), min(box[3] - box[1], view.rows)
    left = min(max(box[0], 0.0), view.columns - width)
    top = min(max(box[1], 0.0), view.rows - height)
    return left, top, left + width, top + height


def _overlap(a: Box, b: Box) -> float:
    return max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)


def _around(mimic: Mimic, view: ViewReport) -> Points:
    """The outline of a mimic, or a square of its extent."""
    if mimic.outline:
        return np.array(mimic.outline)
    half = mimic.extent_mm / 2 / view.pixel_mm
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    return np.array([(mimic.x + dx, mimic.y + dy) for dx, dy in corners])
