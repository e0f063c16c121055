"""Every image comes out with the chest wall at the left and the head or the lateral side up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from exam.builders import coded, dataset, draw_breast, mg_dataset, save, tomo_dataset
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from calcscope.exam import Mammogram, Orientation, ReadOptions, ViewInfo, read_exams
from calcscope.exam.orientation import orient

# Ways to store the canonical image of a left breast (quarter turns, then mirrored), with the Patient
# Orientation that is then true for an MLO: the directions of increasing columns and of increasing rows.
STORED = [
    (0, False, ["A", "F"]),
    (0, True, ["P", "F"]),
    (1, False, ["F", "P"]),
    (1, True, ["H", "P"]),
    (2, False, ["P", "H"]),
    (2, True, ["A", "H"]),
    (3, False, ["H", "A"]),
    (3, True, ["F", "A"]),
]
# In the CC of a left breast the way down leads from lateral (left) to medial (right).
CC_LETTERS = {"A": "A", "P": "P", "F": "R", "H": "L"}


def store(image: NDArray[np.uint16], turns: int, mirrored: bool) -> NDArray[np.uint16]:
    turned = np.rot90(image, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def load_only(path: Path, pixel_mm: float | None = None) -> Mammogram:
    exams, failures = read_exams([path], ReadOptions(pixel_mm=pixel_mm))
    assert failures == []
    return exams[0].views[0].load()


def assert_shows(mammogram: Mammogram, image: NDArray[np.uint16]) -> None:
    np.testing.assert_allclose(mammogram.pixels * 4095, image, atol=0.01)


def info_of(image: NDArray[np.float32], laterality: str, view: str) -> ViewInfo:
    rows, columns = image.shape
    return ViewInfo("a.dcm", "1.2", laterality, view, rows, columns, 0.07)  # type: ignore[arg-type]


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    turns=st.integers(0, 3),
    flip=st.booleans(),
    where=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_points_follow_their_pixels_there_and_back(
    rows: int, columns: int, turns: int, flip: bool, where: tuple[float, float]
) -> None:
    orientation = Orientation(rows, columns, turns, flip)
    x, y = round(where[0] * (columns - 1)), round(where[1] * (rows - 1))
    source = np.zeros((rows, columns))
    source[y, x] = 1
    canonical = orientation.apply(source)
    assert canonical.shape == orientation.canonical_shape
    ((cx, cy),) = orientation.to_canonical(np.array([[x, y]]))
    assert canonical[int(cy), int(cx)] == 1
    fraction = np.array([[x + 0.25, y - 0.375]])
    np.testing.assert_allclose(orientation.to_source(orientation.to_canonical(fraction)), fraction, atol=1e-9)


@pytest.mark.parametrize(("turns", "mirrored", "letters"), STORED)
@pytest.mark.parametrize("view", ["MLO", "CC"])
def test_a_true_patient_orientation_is_followed(
    tmp_path: Path, turns: int, mirrored: bool, letters: list[str], view: str
) -> None:
    image = draw_breast(view=view)
    words = letters if view == "MLO" else [CC_LETTERS[letter] for letter in letters]
    ds = mg_dataset(store(image, turns, mirrored), view=view, patient_orientation=words)
    mammogram = load_only(save(ds, tmp_path / "a.dcm"))
    assert_shows(mammogram, image)
    assert mammogram.info.vertical_known
    assert mammogram.info.warnings == ()


def test_the_lateral_side_of_a_right_breast_is_up(tmp_path: Path) -> None:
    image = draw_breast(view="CC")
    upside_down = np.ascontiguousarray(image[::-1])
    ds = mg_dataset(upside_down, laterality="R", view="CC", patient_orientation=["A", "R"])
    assert_shows(load_only(save(ds, tmp_path / "a.dcm")), image)


def test_oblique_letters_and_both_axes_of_an_mlo(tmp_path: Path) -> None:
    image = draw_breast()
    ds = mg_dataset(store(image, 0, True), laterality="R", patient_orientation=["PR", "FL"])
    mammogram = load_only(save(ds, tmp_path / "a.dcm"))
    assert_shows(mammogram, image)
    assert mammogram.info.vertical_known


@pytest.mark.parametrize(("turns", "mirrored", "letters"), STORED)
def test_without_patient_orientation_an_mlo_is_laid_by_what_it_shows(
    tmp_path: Path, turns: int, mirrored: bool, letters: list[str]
) -> None:
    image = draw_breast()
    mammogram = load_only(save(mg_dataset(store(image, turns, mirrored)), tmp_path / "a.dcm"))
    assert_shows(mammogram, image)
    assert not mammogram.info.vertical_known


@pytest.mark.parametrize(("turns", "mirrored", "letters"), STORED)
def test_without_patient_orientation_the_chest_wall_of_a_cc_is_found(
    tmp_path: Path, turns: int, mirrored: bool, letters: list[str]
) -> None:
    image = draw_breast(view="CC")
    pixels = load_only(save(mg_dataset(store(image, turns, mirrored), view="CC"), tmp_path / "a.dcm")).pixels
    assert np.allclose(pixels * 4095, image, atol=0.01) or np.allclose(pixels[::-1] * 4095, image, atol=0.01)


@pytest.mark.parametrize(("turns", "mirrored"), [(0, True), (2, False), (1, False), (3, True)])
def test_an_image_that_contradicts_its_header_is_put_right_with_a_warning(
    tmp_path: Path, turns: int, mirrored: bool
) -> None:
    image = draw_breast()
    ds = mg_dataset(store(image, turns, mirrored), patient_orientation=["A", "F"])
    mammogram = load_only(save(ds, tmp_path / "a.dcm"))
    assert_shows(mammogram, image)
    assert any("Patient Orientation" in warning for warning in mammogram.info.warnings)


@pytest.mark.parametrize("modifier", ["spot", "magnification"])
def test_a_spot_view_is_laid_as_its_header_says(tmp_path: Path, modifier: str) -> None:
    image = draw_breast()
    code = {"spot": "399055006", "magnification": "399163009"}[modifier]
    view = coded("399368009", "medio-lateral oblique", ViewModifierCodeSequence=[coded(code, modifier)])
    mirrored = np.ascontiguousarray(image[::-1, ::-1])
    ds = mg_dataset(mirrored, patient_orientation=["A", "F"], ViewCodeSequence=[view])
    assert_shows(load_only(save(ds, tmp_path / "a.dcm")), mirrored)


@pytest.mark.parametrize(("row", "mirrored"), [([0, -1, 0], False), ([0, 1, 0], True)])
def test_the_plane_of_a_tomosynthesis_slice_says_how_it_lies(
    tmp_path: Path, row: list[float], mirrored: bool
) -> None:
    image = draw_breast()
    ds = tomo_dataset(np.stack([store(image, 0, mirrored)] * 2))
    plane = dataset(ImageOrientationPatient=[*row, -0.7071, 0, -0.7071])
    ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence = [plane]
    mammogram = load_only(save(ds, tmp_path / "a.dcm"))
    assert_shows(mammogram, image)
    assert mammogram.info.vertical_known


def test_an_mlo_on_its_head_is_turned_with_a_warning(tmp_path: Path) -> None:
    image = draw_breast()
    ds = mg_dataset(np.ascontiguousarray(image[::-1]), patient_orientation=["A", "F"])
    mammogram = load_only(save(ds, tmp_path / "a.dcm"))
    assert_shows(mammogram, image)
    assert any("on its head" in warning for warning in mammogram.info.warnings)


def test_found_points_map_back_to_the_source(tmp_path: Path) -> None:
    stored = store(draw_breast(), 1, True)
    stored[100, 37] = 4095
    mammogram = load_only(save(mg_dataset(stored), tmp_path / "a.dcm"))
    y, x = np.unravel_index(np.argmax(mammogram.pixels), mammogram.pixels.shape)
    np.testing.assert_array_equal(mammogram.orientation.to_source(np.array([[x, y]])), [[37, 100]])


@pytest.mark.parametrize("border", [4, 10])
def test_a_white_film_border_is_no_breast(border: int) -> None:
    image = np.pad(draw_breast()[:, ::-1] / 4095, border, constant_values=1.0).astype(np.float32)
    orientation, _, warnings = orient(image, info_of(image, "L", "MLO"), None)
    assert (orientation.quarter_turns, orientation.flip) == (0, True)
    assert warnings == ()


@pytest.mark.parametrize(("laterality", "flip"), [("L", False), ("R", True)])
def test_where_nothing_is_seen_the_hanging_decides_with_a_warning(laterality: str, flip: bool) -> None:
    y, x = np.mgrid[:200, :200]
    disc = ((x - 100) ** 2 + (y - 100) ** 2 < 60**2).astype(np.float32)
    orientation, vertical_known, warnings = orient(disc, info_of(disc, laterality, "CC"), None)
    assert (orientation.quarter_turns, orientation.flip, vertical_known) == (0, flip, False)
    assert len(warnings) == 1


def test_all_mini_mias_films_come_out_with_the_chest_wall_left(shared_data: Path) -> None:
    films = sorted((shared_data / "mias").glob("*.png"))
    exams, failures = read_exams(films, ReadOptions(pixel_mm=0.2))
    assert failures == []
    views = [view for exam in exams for view in exam.views]
    assert len(views) == len(films) > 50
    for view in views:
        orientation = view.load().orientation
        # Left breasts (odd numbers) have the chest wall at the right of the file; all films stand upright.
        assert (orientation.quarter_turns, orientation.flip) == (0, view.info.laterality == "L"), (
            view.info.source
        )


def test_the_eight_films_come_out_with_the_chest_wall_left(films: dict[str, Path]) -> None:
    exams, _ = read_exams(list(films.values()), ReadOptions(pixel_mm=0.0435))
    for view in (view for exam in exams for view in exam.views):
        orientation = view.load().orientation
        assert (orientation.quarter_turns, orientation.flip) == (0, view.info.laterality == "R")
