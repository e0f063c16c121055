"""Segments hold exactly the pixels inside the outlines, and programs of others read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from math import ceil, floor
from pathlib import Path

import numpy as np
import pytest
from hospital import COLUMNS, ROWS
from outside import iod_faults
from pydicom import dcmread
from pydicom.dataset import Dataset
from standards_images import film, tomosynthesis

from calcscope.report.model import Calcification
from calcscope.report.palette import CATEGORY_COLOURS, rgb
from calcscope.standards import seg
from calcscope.standards.exporting import objects_of
from calcscope.standards.outlines import mask, sights
from calcscope.standards.subject import Subject


def read(content: bytes) -> Dataset:
    from highdicom.seg import Segmentation

    return Segmentation.from_dataset(dcmread(BytesIO(content)))


def squares(specks: Iterable[Calcification]) -> np.ndarray:
    """The pixels whose centres lie in the squares of 2 pixels that the hand-made calcifications are."""
    inside = np.zeros((ROWS, COLUMNS), bool)
    for speck in specks:
        rows = slice(ceil(speck.y - 1), floor(speck.y + 1) + 1)
        inside[rows, ceil(speck.x - 1) : floor(speck.x + 1) + 1] = True
    return inside


@pytest.mark.parametrize("name", ["all_terms", "with_prior"])
def test_each_finding_of_a_view_is_a_segment_of_the_pixels_inside_its_outlines(
    subjects: dict[str, Subject], name: str
) -> None:
    subject = subjects[name]
    written = objects_of(subject, "seg")
    for view in subject.exam.views:
        shown = sights(subject, view)
        file = f"seg-{view.label.lower()}.dcm"
        assert (file in written) == bool(shown)
        if not shown:
            continue
        made = read(written[file])
        pixels = made.get_pixels_by_source_instance([view.sop_uid])[0]
        assert pixels.shape == (ROWS, COLUMNS, len(shown))
        for place, sight in enumerate(shown):
            expected = squares(sight.calcifications)
            assert np.array_equal(pixels[:, :, place], expected)
            assert made.get_segment_description(place + 1).tracking_id == sight.finding.id


def test_a_finding_has_the_same_tracking_uid_in_both_views(subjects: dict[str, Subject]) -> None:
    subject = subjects["all_terms"]
    written = objects_of(subject, "seg")
    uids = [dict(read(written[name]).get_tracking_ids()) for name in ("seg-rcc.dcm", "seg-rmlo.dcm")]
    both = uids[0].keys() & uids[1].keys()
    assert "F1" in both
    assert all(uids[0][one] == uids[1][one] for one in both)


def test_colour_codes_and_algorithm_of_a_segment(subjects: dict[str, Subject]) -> None:
    from highdicom.color import CIELabColor

    subject = subjects["all_terms"]
    made = read(objects_of(subject, "seg")["seg-rcc.dcm"])
    first = made.get_segment_description(1)
    category = subject.exam.findings[0].assessment.category
    colour = CIELabColor.from_dicom_value(first.RecommendedDisplayCIELabValue)
    assert np.allclose(colour.to_rgb(), rgb(CATEGORY_COLOURS[category]), atol=1)
    assert first.segmented_property_category.value == "49755003"
    assert first.segmented_property_type.value == "129769006"
    assert first.SegmentAlgorithmType == "AUTOMATIC"
    assert first.AnatomicRegionSequence[0].CodeMeaning == "Right breast"


def test_an_exam_without_findings_has_no_segmentation(subjects: dict[str, Subject]) -> None:
    assert objects_of(subjects["normal"], "seg") == {}


@pytest.mark.parametrize("name", ["all_terms", "with_prior"])
def test_dciodvfy_finds_no_fault(subjects: dict[str, Subject], name: str, tmp_path: Path) -> None:
    for file, content in objects_of(subjects[name], "seg").items():
        (tmp_path / file).write_bytes(content)
        assert iod_faults(tmp_path / file) == []


def test_the_same_report_gives_the_same_file(subjects: dict[str, Subject]) -> None:
    subject = subjects["with_prior"]
    assert objects_of(subject, "seg") == objects_of(replace(subject), "seg")


def test_the_pixels_of_an_outline_are_those_whose_centres_it_holds() -> None:
    square = np.array([(2.4, 1.4), (5.6, 1.4), (5.6, 4.6), (2.4, 4.6)])
    expected = np.zeros((8, 9), bool)
    expected[2:5, 3:6] = True
    assert np.array_equal(mask((8, 9), [square]), expected)


def test_a_calcification_smaller_than_a_pixel_is_the_pixel_it_lies_in() -> None:
    tiny = np.array([(3.1, 2.1), (3.3, 2.1), (3.2, 2.3)])
    assert list(map(tuple, np.argwhere(mask((6, 7), [tiny])))) == [(2, 3)]
    assert mask((6, 7), [np.array([(6.4, 5.4)])]).sum() == 1


def test_frames_are_packed_without_a_gap_between_them() -> None:
    frames = np.random.default_rng(0).random((3, 5, 7)) > 0.5
    packed = seg.Packed()
    for frame in frames:
        packed.add(frame)
    content = packed.finish()
    assert len(content) % 2 == 0
    bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")[: frames.size]
    assert np.array_equal(bits.reshape(frames.shape), frames)


def test_findings_that_share_pixels_are_said_to_overlap(subjects: dict[str, Subject]) -> None:
    subject = subjects["all_terms"]
    view = subject.exam.views[0]
    first = subject.exam.findings[0]
    again = first.model_copy(update={"id": "F99"})
    exam = subject.exam.model_copy(update={"findings": [first, again]})
    made = seg.segmentation(replace(subject, exam=exam), view)
    assert made is not None
    assert made.SegmentsOverlap == "YES"


def test_a_film_that_states_almost_nothing(subjects: dict[str, Subject], tmp_path: Path) -> None:
    subject = film(subjects["all_terms"])
    content = objects_of(subject, "seg")["seg-rcc.dcm"]
    made = read(content)
    assert made.PatientID == "X-17"
    pixels = made.get_pixels_by_source_instance([subject.exam.views[0].sop_uid])[0]
    assert pixels[:, :, 0].sum() == seg.segment(sights(subject, subject.exam.views[0])[0]).sum()
    (tmp_path / "film.dcm").write_bytes(content)
    assert iod_faults(tmp_path / "film.dcm") == []


def test_slices_of_a_tomosynthesis_are_frames(subjects: dict[str, Subject], tmp_path: Path) -> None:
    subject = tomosynthesis(subjects["all_terms"])
    view = subject.exam.views[0]
    content = objects_of(subject, "seg")["seg-rcc.dcm"]
    made = read(content)
    first = sights(subject, view)[0]
    assert first.frames == [1, 3]
    pixels = made.get_pixels_by_source_frame(
        view.sop_uid, [1, 2, 3, 4, 5], ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    for frame in range(5):
        own = [each for each in first.calcifications if each.slice == frame]
        assert np.array_equal(pixels[frame, :, :, 0], squares(own))
    (tmp_path / "slices.dcm").write_bytes(content)
    assert iod_faults(tmp_path / "slices.dcm") == []
