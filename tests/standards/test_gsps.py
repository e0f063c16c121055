"""Marks lie where the report has them, over an image that opens in its own window."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hospital import COLUMNS, ROWS, Exam
from outside import iod_faults, run
from pydicom import dcmread
from pydicom.dataset import Dataset
from standards_images import film, tomosynthesis

from calcscope.report.model import Mimic
from calcscope.standards import gsps
from calcscope.standards.exporting import dicom_bytes, objects_of
from calcscope.standards.outlines import sights, tracking
from calcscope.standards.subject import Subject


def read(subject: Subject, view: str) -> Dataset:
    one = next(each for each in subject.exam.views if each.label.lower() == view)
    made = gsps.presentation_state(subject, one)
    assert made is not None
    return dcmread(BytesIO(dicom_bytes(made)))


def drawn(made: Dataset, layer: str) -> list[tuple[Dataset, Dataset]]:
    """(annotation, graphic object) of a layer; of those that begin so."""
    return [
        (annotation, one)
        for annotation in made.GraphicAnnotationSequence
        for one in annotation.GraphicObjectSequence
        if annotation.GraphicLayer.startswith(layer)
    ]


def points(graphic: Dataset) -> np.ndarray:
    """In the report's coordinates."""
    return np.array(graphic.GraphicData).reshape(-1, 2) - 0.5


def with_image(subject: Subject, change: Callable[[Dataset], None]) -> Subject:
    """The exam after a change to the header of its first image."""
    uid = subject.exam.views[0].sop_uid
    header = deepcopy(subject.images[uid])
    change(header)
    return replace(subject, images={**subject.images, uid: header})


def test_a_line_stands_around_each_finding_and_names_it(subjects: dict[str, Subject]) -> None:
    subject = subjects["all_terms"]
    view = subject.exam.views[0]
    made = read(subject, "rcc")
    lines = {one.TrackingUID: points(one) for _, one in drawn(made, "FINDINGS")}
    for sight in sights(subject, view):
        line = lines[tracking(subject, sight.finding)[1]]
        assert np.array_equal(line[0], line[-1])
        for outline in sight.outlines:
            assert (outline.min(axis=0) > line.min(axis=0)).all() or line.min() == -0.5
            assert (outline.max(axis=0) < line.max(axis=0)).all()
    told = {
        one.UnformattedTextValue
        for annotation in made.GraphicAnnotationSequence
        for one in annotation.get("TextObjectSequence", ())
    }
    assert "F1 cat. 0" in told
    assert len(told) == len(lines)


def test_a_ring_stands_around_each_calcification_of_a_group(subjects: dict[str, Subject]) -> None:
    subject = subjects["all_terms"]
    view = subject.exam.views[0]
    rings = [points(one) for _, one in drawn(read(subject, "rcc"), "CALCIFICATIONS")]
    specks = {each.id: each for each in view.calcifications}
    assert len(rings) == len([each for each in specks.values() if each.group is not None])
    margin = gsps.RING_MM / view.pixel_mm
    lows = {tuple(np.round(ring.min(axis=0), 3)) for ring in rings}
    for each in specks.values():
        low = np.array(each.outline).min(axis=0) - margin
        assert tuple(np.round(low, 3)) in lows


def test_each_category_has_a_layer_and_a_colour_and_the_gravest_lies_on_top(
    subjects: dict[str, Subject],
) -> None:
    layers = read(subjects["all_terms"], "rcc").GraphicLayerSequence
    names = [layer.GraphicLayer for layer in sorted(layers, key=lambda one: one.GraphicLayerOrder)]
    assert names == ["CALCIFICATIONS", *(f"FINDINGS {one}" for one in ("3", "0", "4A", "4B", "4C", "5"))]
    colours = [tuple(one.GraphicLayerRecommendedDisplayCIELabValue) for one in layers]
    assert len(set(colours)) == len(colours)


def test_what_is_no_calcification_has_a_layer_of_its_own(subjects: dict[str, Subject]) -> None:
    made = read(subjects["all_terms"], "lmlo")
    view = subjects["all_terms"].exam.views[-1]
    assert len(drawn(made, "MIMICS")) == len(view.mimics)


def test_a_state_opens_with_the_image_s_own_window(subjects: dict[str, Subject]) -> None:
    made = read(subjects["all_terms"], "rcc")
    window = made.SoftcopyVOILUTSequence[0]
    assert (window.WindowCenter, window.WindowWidth, window.VOILUTFunction) == (1800, 1500, "SIGMOID")
    assert "ReferencedImageSequence" not in window
    assert (made.RescaleIntercept, made.RescaleSlope, made.RescaleType) == (0, 1, "US")
    assert made.PresentationLUTShape == "IDENTITY"
    area = made.DisplayedAreaSelectionSequence[0]
    assert list(area.DisplayedAreaTopLeftHandCorner) == [1, 1]
    assert list(area.DisplayedAreaBottomRightHandCorner) == [COLUMNS, ROWS]
    assert area.PresentationSizeMode == "SCALE TO FIT"
    assert list(area.PresentationPixelSpacing) == [0.5, 0.5]


def test_of_several_windows_it_is_the_first(subjects: dict[str, Subject]) -> None:
    def change(header: Dataset) -> None:
        header.WindowCenter, header.WindowWidth = ["1700", "2000"], ["1500", "900"]
        header.WindowCenterWidthExplanation = ["NORMAL", "HARDER"]

    window = read(with_image(subjects["all_terms"], change), "rcc").SoftcopyVOILUTSequence[0]
    assert (window.WindowCenter, window.WindowWidth) == (1700, 1500)
    assert window.WindowCenterWidthExplanation == "NORMAL"
    other = read(with_image(subjects["all_terms"], change), "rmlo").SoftcopyVOILUTSequence[0]
    assert other.WindowCenter == 1800


def test_a_voi_lut_is_copied_and_goes_before_a_window(subjects: dict[str, Subject]) -> None:
    def change(header: Dataset) -> None:
        lut = Dataset()
        lut.LUTDescriptor, lut.LUTExplanation = [4096, 0, 12], "MAMMO"
        lut.LUTData = np.arange(4096, dtype="<u2").tobytes()
        lut["LUTDescriptor"].VR, lut["LUTData"].VR = "US", "OW"
        header.VOILUTSequence = [lut]

    made = read(with_image(subjects["all_terms"], change), "rcc")
    own = made.SoftcopyVOILUTSequence[0]
    assert "WindowCenter" not in own
    assert list(own.VOILUTSequence[0].LUTDescriptor) == [4096, 0, 12]
    assert np.array_equal(np.frombuffer(own.VOILUTSequence[0].LUTData, "<u2"), np.arange(4096))


@pytest.mark.parametrize(("centre", "width"), [("", ""), ("1800", "0"), ("x", "1500")])
def test_a_window_that_is_none_is_left_out(subjects: dict[str, Subject], centre: str, width: str) -> None:
    def change(header: Dataset) -> None:
        for keyword, value in (("WindowCenter", centre), ("WindowWidth", width)):
            del header[keyword]
            if value and value != "x":
                setattr(header, keyword, value)

    assert "SoftcopyVOILUTSequence" not in read(with_image(subjects["all_terms"], change), "rcc")


def test_a_film_that_states_almost_nothing_and_is_dark_on_white(
    subjects: dict[str, Subject], tmp_path: Path
) -> None:
    made = read(film(subjects["all_terms"]), "rcc")
    assert made.PresentationLUTShape == "INVERSE"
    assert made.PatientID == "X-17"
    made.save_as(path := tmp_path / "film.dcm", enforce_file_format=True)
    assert iod_faults(path) == []


def test_marks_of_a_tomosynthesis_name_their_slices(subjects: dict[str, Subject], tmp_path: Path) -> None:
    subject = tomosynthesis(subjects["all_terms"])
    made = read(subject, "rcc")
    frames = {}
    for annotation, one in drawn(made, "FINDINGS"):
        reference = annotation.ReferencedImageSequence[0]
        frames.setdefault(one.TrackingID, set()).add(reference.ReferencedFrameNumber)
    assert frames["F1"] == {2, 4}
    window = made.SoftcopyVOILUTSequence[0]
    assert (window.WindowCenter, window.WindowWidth) == (1800, 1500)
    assert made.RescaleSlope == 1
    made.save_as(path := tmp_path / "slices.dcm", enforce_file_format=True)
    assert iod_faults(path) == []


def test_of_hundreds_of_calcifications_the_most_probable_are_drawn(
    subjects: dict[str, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gsps, "MOST_RINGS", 5)
    subject = subjects["all_terms"]
    rings = [points(one) for _, one in drawn(read(subject, "rcc"), "CALCIFICATIONS")]
    assert len(rings) == 5
    first = max(subject.exam.views[0].calcifications, key=lambda each: each.probability)
    assert any(np.allclose(ring.mean(axis=0), (first.x, first.y), atol=0.5) for ring in rings)


def test_marks_at_the_edge_stay_on_the_image(tmp_path: Path) -> None:
    from hospital import MADE

    from calcscope.standards.subject import subject_of

    exam = Exam(tmp_path)
    exam.mimics["RCC"] = [Mimic(x=0.0, y=0.0, kind="metal", extent_mm=9.0)]
    exam.mimics["LCC"] = [Mimic(x=COLUMNS - 1.0, y=ROWS - 1.0, kind="metal", extent_mm=9.0)]
    report = exam.report("1")
    subject = subject_of(report, report.exams[0], MADE)
    for view in ("rcc", "lcc"):
        ((_, line),) = drawn(read(subject, view), "MIMICS")
        data = np.array(line.GraphicData).reshape(-1, 2)
        assert data.min() >= 0
        assert (data.max(axis=0) <= (COLUMNS, ROWS)).all()


def test_a_view_without_marks_has_no_state(subjects: dict[str, Subject]) -> None:
    assert objects_of(subjects["normal"], "gsps") == {}
    assert "gsps-rmlo.dcm" not in objects_of(subjects["with_prior"], "gsps")


@pytest.mark.parametrize("name", ["all_terms", "with_prior"])
def test_outside_programs_find_no_fault(subjects: dict[str, Subject], name: str, tmp_path: Path) -> None:
    subject = subjects[name]
    for file, content in objects_of(subject, "gsps").items():
        (tmp_path / file).write_bytes(content)
        assert iod_faults(tmp_path / file) == []
        checked = run("dcmpschk", tmp_path / file)
        # It knows no Unicode: a name with an umlaut is the one thing it may mind.
        faults = [line for line in checked.stderr.splitlines() if "Affected attribute" in line]
        assert all("PatientName" in line for line in faults)


@pytest.mark.parametrize("polarity", ["MONOCHROME1", "MONOCHROME2"])
def test_an_outside_program_shows_the_image_as_its_own_window_asks(
    subjects: dict[str, Subject], polarity: str, tmp_path: Path
) -> None:
    subject = subjects["all_terms"]

    def change(header: Dataset) -> None:
        header.PhotometricInterpretation = polarity
        header.VOILUTFunction = "LINEAR"  # the program knows no other

    made = read(with_image(subject, change), "rcc")
    made.save_as(state := tmp_path / "state.dcm", enforce_file_format=True)
    image = dcmread(subject.exam.views[0].source)
    change(image)
    image.save_as(source := tmp_path / "image.dcm")
    grey = tmp_path / "grey.pgm"
    assert run("dcmp2pgm", "-p", state, source, grey).returncode == 0
    shown = np.frombuffer(grey.read_bytes()[-ROWS * COLUMNS :], np.uint8).reshape(ROWS, COLUMNS)
    linear = np.clip(((image.pixel_array - 1799.5) / 1499 + 0.5) * 255, 0, 255)  # PS3.3 C.11.2.1.2.1
    expected = 255 - linear if polarity == "MONOCHROME1" else linear
    assert abs(shown - expected).max() <= 1
