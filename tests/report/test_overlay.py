"""Marks stand where the calcifications are, around them, hung the way radiologists hang films."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
import sample
from numpy.typing import NDArray

from calcscope.exam.model import Mammogram, Orientation, View, ViewInfo
from calcscope.report.frame import Frame
from calcscope.report.model import ExamReport, ViewReport
from calcscope.report.overlay import CROP_SIDE, VIEW_SIDE, draw_crop, draw_view
from calcscope.report.palette import CATEGORY_COLOURS, LEFT_OUT, rgb
from calcscope.report.rendering import render_exam


def film(laterality: str, orientation: Orientation, canonical: NDArray[np.float32]) -> Mammogram:
    info = ViewInfo(
        source="film.dcm",
        sop_uid="1.2.3",
        laterality=laterality,  # type: ignore[arg-type]
        view="CC",
        rows=orientation.rows,
        columns=orientation.columns,
        pixel_mm=0.1,
    )
    valid = np.ones(canonical.shape, bool)
    return Mammogram(info, canonical, valid, orientation, display=lambda pixels: pixels)


def coloured(image: NDArray[np.uint8], colour: str, tolerance: int = 60) -> NDArray[np.bool_]:
    return np.asarray(np.abs(image.astype(int) - rgb(colour)).sum(axis=2) < tolerance)


@pytest.mark.parametrize(("turns", "flip", "laterality"), [*product(range(4), (False, True), "LR")])
def test_a_source_pixel_is_drawn_where_its_coordinates_say(turns: int, flip: bool, laterality: str) -> None:
    source = np.zeros((60, 40), np.float32)
    source[11:14, 29:32] = 1  # centred on column 30, row 12
    orientation = Orientation(60, 40, turns, flip)
    canonical = np.ascontiguousarray(orientation.apply(source)).astype(np.float32)
    frame = Frame.whole(film(laterality, orientation, canonical), 600)
    image = frame.grey(film(laterality, orientation, canonical))[..., 0]
    rows, columns = np.nonzero(image > 128)
    expected = frame.to_drawn(np.array([[30.0, 12.0]]))[0]
    assert [columns.mean(), rows.mean()] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("laterality", "edge"), [("R", -1), ("L", 0)])
def test_the_chest_wall_hangs_at_the_inner_edge(laterality: str, edge: int) -> None:
    canonical = np.zeros((100, 80), np.float32)
    canonical[:, :5] = 1  # canonical: the chest wall is at the left
    mammogram = film(laterality, Orientation(100, 80, 0, False), canonical)
    image = Frame.whole(mammogram, 100).grey(mammogram)
    assert image[:, edge].min() == 255
    assert image[:, -1 - edge].max() == 0


def test_the_group_is_outlined_where_it_lies_in_every_stored_orientation(
    screening: tuple[ExamReport, list[View]],
) -> None:
    exam, films = screening
    for view, stored in zip(exam.views[:2], films[:2], strict=True):  # mirrored, and mirrored and turned
        image = draw_view(view, exam.findings, stored.load())
        rows, columns = np.nonzero(coloured(image[:VIEW_SIDE], CATEGORY_COLOURS["0"]))
        scale = VIEW_SIDE / sample.SHAPE[0]
        cluster = np.array([[speck.x, speck.y] for speck in sample.CLUSTER])
        # A right breast hangs mirrored: canonical columns count from the other side.
        across = (sample.SHAPE[1] - 1 - cluster[:, 0]) * scale
        down = cluster[:, 1] * scale
        line = (rows > down.min() - 60) & (rows < down.max() + 60) & (columns > across.min() - 60)
        line &= columns < across.max() + 60
        assert columns[line].min() < across.min() < across.max() < columns[line].max()
        assert rows[line].min() < down.min() < down.max() < rows[line].max()


def test_marks_leave_the_calcifications_themselves_alone(screening: tuple[ExamReport, list[View]]) -> None:
    exam, films = screening
    view, finding = exam.views[0], exam.findings[0]
    pair = draw_crop(view, finding, finding.members[0], films[0].load())
    clean, marked = pair[:CROP_SIDE, :CROP_SIDE], pair[:CROP_SIDE, -CROP_SIDE:]
    changed = (clean != marked).any(axis=2)
    bright = clean[..., 0] > 200
    assert changed.sum() > 500
    assert bright.sum() > 500
    assert not (changed & bright).any()


def test_each_calcification_of_a_crop_is_ringed(screening: tuple[ExamReport, list[View]]) -> None:
    exam, films = screening
    view, finding = exam.views[0], exam.findings[0]
    member = finding.members[0]
    mammogram = films[0].load()
    pair = draw_crop(view, finding, member, mammogram)
    clean, marked = pair[:CROP_SIDE, :CROP_SIDE], pair[:CROP_SIDE, -CROP_SIDE:]
    changed = (clean != marked).any(axis=2)
    ringed = 0
    # The drawn specks are found in the clean picture, not from the report.
    count, labels = cv2.connectedComponents((clean[..., 0] > 128).astype(np.uint8))
    for label in range(1, count):
        around = cv2.dilate((labels == label).astype(np.uint8), np.ones((31, 31))) > 0
        ringed += bool((changed & around).any())
    assert count - 1 == len(sample.CLUSTER)
    assert ringed == len(sample.CLUSTER)


def test_a_field_at_the_edge_stays_inside_the_film() -> None:
    canonical = np.full((400, 300), 0.5, np.float32)
    mammogram = film("L", Orientation(400, 300, 0, False), canonical)
    frame = Frame.around(mammogram, (2.0, 398.0), 12.5, 250)
    assert (frame.left, frame.top) == (0, 400 - 125)
    assert frame.grey(mammogram).min() > 100


def test_a_field_larger_than_the_film_is_black_beyond_it() -> None:
    canonical = np.full((100, 100), 0.5, np.float32)
    mammogram = film("R", Orientation(100, 100, 0, False), canonical)
    frame = Frame.around(mammogram, (50.0, 50.0), 20.0, 400)
    image = frame.grey(mammogram)
    assert image.shape == (400, 400, 3)
    assert image[200, 200, 0] > 100
    assert image[5, 5, 0] == 0
    assert (image[..., 0] > 100).sum() == pytest.approx(200 * 200, rel=0.03)


def test_benign_marks_are_fainter_and_their_crops_smaller(screening: tuple[ExamReport, list[View]]) -> None:
    exam, films = screening
    view, benign = exam.views[2], exam.findings[1]
    pressing = benign.model_copy(update={"benign": False})
    crop = draw_crop(view, benign, benign.members[0], films[2].load())
    assert crop.shape[1] < draw_crop(view, pressing, benign.members[0], films[2].load()).shape[1]
    faint = draw_view(view, [benign], films[2].load())[:VIEW_SIDE]
    strong = draw_view(view, [pressing], films[2].load())[:VIEW_SIDE]
    colour = CATEGORY_COLOURS["2"]
    assert 0 < coloured(faint, colour).sum() < coloured(strong, colour).sum() / 2


def test_a_long_scratch_does_not_frame_half_the_breast(screening: tuple[ExamReport, list[View]]) -> None:
    exam, films = screening
    view, scale = exam.views[0], VIEW_SIDE / sample.SHAPE[0]
    mimic = view.mimics[0].model_copy(update={"kind": "film_artifact", "extent_mm": 90.0})
    bare = draw_view(view.model_copy(update={"mimics": []}), [], films[0].load())[:VIEW_SIDE]
    marked = draw_view(view.model_copy(update={"mimics": [mimic]}), [], films[0].load())[:VIEW_SIDE]
    rows, _ = np.nonzero((bare != marked).any(axis=2))
    assert len(rows) > 100
    assert np.ptp(rows) * sample.PIXEL_MM / scale < 15
    assert abs(rows.mean() - mimic.y * scale) < 30


def test_what_was_not_searched_is_outlined_faintly(screening: tuple[ExamReport, list[View]]) -> None:
    exam, films = screening
    view, scale = exam.views[0], VIEW_SIDE / sample.SHAPE[0]
    bare = draw_view(view.model_copy(update={"left_out": []}), [], films[0].load())[:VIEW_SIDE]
    for area in view.left_out:
        only = view.model_copy(update={"left_out": [area]})
        changed = (draw_view(only, [], films[0].load())[:VIEW_SIDE] != bare).any(axis=2)
        rows, columns = np.nonzero(changed)
        xs, ys = np.array(area.outline).T * scale
        # Along its border and nowhere else: no word, and nothing inside a strip.
        assert abs(rows.min() - ys.min()) < 10
        assert abs(rows.max() - ys.max()) < 10
        assert abs(columns.min() - xs.min()) < 10
        assert abs(columns.max() - xs.max()) < 10
        assert coloured(draw_view(only, [], films[0].load())[:VIEW_SIDE], LEFT_OUT).sum() > 50


def test_the_scale_bar_is_as_long_as_it_says(screening: tuple[ExamReport, list[View]]) -> None:
    exam, films = screening
    view = exam.views[0]
    image = draw_view(view, [], films[0].load())
    strip = image[VIEW_SIDE:]
    white = (strip.min(axis=2) > 200)[:48]
    longest = max(len(run) for row in white for run in "".join("x" if on else " " for on in row).split())
    drawn_mm = longest * sample.PIXEL_MM * sample.SHAPE[0] / VIEW_SIDE
    assert drawn_mm == pytest.approx(20, abs=0.5)


def test_dozens_of_benign_marks_leave_the_suspicious_label_in_place(
    screening: tuple[ExamReport, list[View]],
) -> None:
    exam, _ = screening
    random = np.random.default_rng(1)
    many = [sample.Speck(*xy, radius=4) for xy in random.uniform([60, 300], [500, 800], (60, 2))]
    view, stored = sample.view("R", "CC", {"g1": sample.CLUSTER}, loose=many)
    suspicious, benign = exam.findings[:2]
    member = suspicious.members[0].model_copy(update={"view": view.sop_uid})
    findings = [suspicious.model_copy(update={"members": [member]})]
    for number, speck in enumerate(each for each in view.calcifications if each.group is None):
        place = member.model_copy(update={"group": None, "calcifications": [speck.id]})
        findings.append(benign.model_copy(update={"id": f"B{number}", "laterality": "R", "members": [place]}))
    alone = draw_view(view, findings[:1], stored.load())
    crowded = draw_view(view, findings, stored.load())
    colour = CATEGORY_COLOURS["0"]
    assert coloured(crowded, colour).sum() > 0.8 * coloured(alone, colour).sum()


def test_a_tomosynthesis_finding_is_shown_in_its_slice(
    screening: tuple[ExamReport, list[View]], tmp_path: Path
) -> None:
    exam, films = screening
    view = ViewReport.model_validate(
        {
            **exam.views[0].model_dump(),
            "experimental": True,
            "calcifications": [{**each.model_dump(), "slice": 17} for each in exam.views[0].calcifications],
        }
    )
    member = exam.findings[0].members[0]
    finding = exam.findings[0].model_copy(update={"members": [member]})
    tomo = exam.model_copy(update={"views": [view], "findings": [finding]})
    asked: list[int | None] = []

    def load(slice: int | None = None) -> Mammogram:
        asked.append(slice)
        return films[0].load()

    folder = tmp_path / tomo.folder
    render_exam(sample.report_of(tomo), tomo, [replace(films[0], load=load)], folder, pdf=False)
    assert asked == [17]
    assert sorted(path.name for path in (folder / "overlays").iterdir()) == ["finding-F1-rcc.png", "rcc.png"]
