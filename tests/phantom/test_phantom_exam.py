"""A simulated exam: the same from the same seed, and true to its truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from exam.builders import draw_breast
from numpy.typing import NDArray
from skimage.measure import points_in_poly
from typer.testing import CliRunner

from calcscope.cli import app
from calcscope.exam import read_exams
from calcscope.phantom.anatomy import grow
from calcscope.phantom.calcium import NoRoom, make_lesion
from calcscope.phantom.exam import make_exam, thinned
from calcscope.phantom.folders import write_exam
from calcscope.phantom.model import Speck
from calcscope.phantom.physics import setup
from calcscope.phantom.plan import ExamPlan, LesionPlan, drawn_lesions, lesion_of, view_of
from calcscope.phantom.truth import objects_of, outline_of

SEED = 21
ROUND = LesionPlan("round", "grouped", "R")
COARSE_MM = 0.25
"""Pixels of these exams: large, so that they cost little."""


def truth_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return content


def stored_pixels(folder: Path, file: str) -> NDArray[np.float32]:
    """As stored, larger is denser."""
    (exam,), _ = read_exams([folder / file])
    mammogram = exam.views[0].load()
    flip = mammogram.orientation.flip
    return mammogram.pixels[:, ::-1] if flip else mammogram.pixels


@pytest.fixture(scope="module", autouse=True)
def grown_once() -> Iterator[None]:
    """Growing a breast takes a second: the tests share one woman."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("calcscope.phantom.exam.grow", cache(grow))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A right breast with a group of round dense calcifications, with arrays; the left one has nothing."""
    plan = ExamPlan(seed=SEED, views=("RCC", "LCC"), lesions=(ROUND,), pixel_mm=COARSE_MM, mimics=())
    (exam,) = make_exam(plan)
    solid = tuple((side, replace(speck, density=0.9)) for side, speck in exam.specks)
    return write_exam(replace(exam, specks=solid), tmp_path_factory.mktemp("exam"), arrays=True)


def test_calcifications_are_where_the_truth_says(folder: Path) -> None:
    view = truth_of(folder)["views"][0]
    pixels = stored_pixels(folder, view["file"])
    assert pixels.shape == (view["rows"], view["columns"])
    assert len(view["specks"]) >= 5
    heights, tissue = [], []
    for speck in view["specks"]:
        x, y = round(speck["x"]), round(speck["y"])
        around = pixels[y - 8 : y + 9, x - 8 : x + 9]
        heights.append(pixels[y - 1 : y + 2, x - 1 : x + 2].max() - np.median(around))
        # The same a centimetre further: tissue alone.
        away = pixels[y - 1 + 40 : y + 2 + 40, x - 1 : x + 2].max()
        tissue.append(away - np.median(pixels[y + 32 : y + 49, x - 8 : x + 9]))
    assert np.median(heights) > 2 * np.median(tissue)


def test_the_arrays_show_each_calcification_at_its_place(folder: Path) -> None:
    view = truth_of(folder)["views"][0]
    with np.load(folder / "RCC.npz") as arrays:
        thickness, speck = arrays["thickness_mm"], arrays["speck"]
    assert thickness.shape == speck.shape == (view["rows"], view["columns"])
    assert set(np.unique(speck)) == {0, *(one["speck"] + 1 for one in view["specks"])}
    for one in view["specks"]:
        rows, columns = np.nonzero(speck == one["speck"] + 1)
        weights = thickness[rows, columns]
        assert np.average(columns, weights=weights) == pytest.approx(one["x"], abs=1.5)
        assert np.average(rows, weights=weights) == pytest.approx(one["y"], abs=1.5)
        extent = max(np.ptp(rows), np.ptp(columns)) * COARSE_MM
        assert extent <= one["size_mm"] + 2 * COARSE_MM


def test_a_group_is_outlined_around_its_members(folder: Path) -> None:
    view = truth_of(folder)["views"][0]
    (group,) = view["groups"]
    inside = points_in_poly([(s["x"], s["y"]) for s in view["specks"]], group["outline"])  # type: ignore[no-untyped-call]
    assert inside.all()
    assert group["count"] == len(view["specks"])
    assert (group["morphology"], group["distribution"]) == ("round", "grouped")


def test_a_long_calcification_is_outlined_along_its_course() -> None:
    straight = np.array([[0.0, 0.0], [200.0, 0.0]])
    outline = outline_of([straight], pixel_mm=0.1)
    assert np.ptp(outline[:, 0]) == pytest.approx(220, abs=0.1)  # 1 mm beyond either end
    assert np.ptp(outline[:, 1]) == pytest.approx(20, abs=0.1)


def test_a_breast_without_calcium_is_normal(folder: Path) -> None:
    right, left = truth_of(folder)["views"]
    assert (right["normal"], left["normal"]) == (False, True)
    assert left["specks"] == left["groups"] == left["marks"] == []


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    arguments = [
        "phantom",
        "--seed",
        "21",
        "--views",
        "LCC",
        "--pixel-mm",
        "0.4",
        "--lesion",
        "rim:L",
        "--arrays",
    ]
    for out in ("one", "two"):
        result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / out)])
        assert result.exit_code == 0, result.output
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert {path.name for path in files} == {"LCC.dcm", "LCC.npz", "truth.json"}
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize(
    ("change", "seen_before", "seen_now"), [("new", False, True), ("resolved", True, False)]
)
def test_what_came_or_went_is_in_one_exam_alone(change: Any, seen_before: bool, seen_now: bool) -> None:
    prior, current = make_exam(ExamPlan(seed=SEED, lesions=(ROUND,), change=change))
    assert (bool(prior.specks), bool(current.specks)) == (seen_before, seen_now)
    assert current.lesions[0].lesion.change == change
    assert prior.age == current.age - 2


def test_of_more_calcifications_the_earlier_exam_shows_some_at_the_same_places() -> None:
    prior, current = make_exam(ExamPlan(seed=SEED, lesions=(ROUND,), change="more"))
    places = {tuple(speck.at) for _, speck in current.specks}
    before = {tuple(speck.at) for _, speck in prior.specks}
    assert before < places


def test_lesions_are_thinned_alike_whatever_their_size() -> None:
    def speck(size: float, width: float | None = None) -> Speck:
        return Speck(np.zeros(3), "stone", size, None, 0.8, 0, 1, width)

    for specks in ([speck(0.5), speck(0.5)], [speck(2.0, 0.2), speck(2.0, 0.2)]):
        made = thinned(specks, 0.05)
        assert made[0].density * made[0].size_mm * (made[0].width_mm or made[0].size_mm) == pytest.approx(
            0.05
        )
    # There is no more than there was.
    assert thinned([speck(0.1)], 0.05)[0].density == 0.8


def test_lesions_keep_their_calcium_when_they_are_to_be_clear() -> None:
    (thin,), (clear,) = (
        make_exam(ExamPlan(seed=SEED, lesions=(ROUND,), clear=clear)) for clear in (False, True)
    )
    densities = [[speck.density for _, speck in exam.specks] for exam in (thin, clear)]
    assert min(densities[1]) >= 0.5
    assert max(densities[0]) < min(densities[1])


def test_a_magnification_view_is_centred_on_the_lesion_and_sees_it_better() -> None:
    plan = ExamPlan(
        seed=SEED,
        views=("RCC", "RMCC"),
        lesions=(LesionPlan("punctate", "grouped", "R"),),
        pixel_mm=0.2,
        mimics=(),
    )
    (exam,) = make_exam(plan)
    contact, magnified = exam.views()
    assert magnified.pixel_mm == pytest.approx(0.2 / 1.8)
    both = {s.speck: s for s in contact.truth.specks}
    assert {s.speck for s in magnified.truth.specks} == set(both)
    for speck in magnified.truth.specks:
        assert speck.size_mm == pytest.approx(both[speck.speck].size_mm, abs=0.1)
    rows = magnified.pixels.shape[0]
    middle = np.mean([(s.x, s.y) for s in magnified.truth.specks], axis=0)
    assert abs(middle[1] - rows / 2) < rows / 20
    assert np.median([s.snr for s in magnified.truth.specks]) > np.median([s.snr for s in both.values()])


def test_a_film_is_scanned_with_its_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse = replace(setup("screen_film"), detector_mm=0.2)
    monkeypatch.setattr("calcscope.phantom.exam.draw_setup", lambda random, film: coarse)
    plan = ExamPlan(
        seed=SEED, views=("RCC",), lesions=(LesionPlan("popcorn", None, "R"),), maker="film",
        scanner="coarse_200", pixel_mm=0.4, mimics=(),
    )  # fmt: skip
    (exam,) = make_exam(plan)
    (view,) = exam.views()
    assert view.pixels.dtype == np.uint8
    assert view.pixel_mm == 0.4
    assert {mark.kind for mark in view.truth.marks} == {"film_artifact", "marker"}
    (speck,) = view.truth.specks
    x, y, half = round(speck.x), round(speck.y), round(speck.size_mm / 2 / 0.4)
    ring = view.pixels[y - 2 * half : y + 2 * half + 1, x - 2 * half : x + 2 * half + 1]
    assert view.pixels[y - 1 : y + 2, x - 1 : x + 2].mean() > np.median(ring)
    # Air is black on a film that was exposed to it.
    assert view.pixels[:, -20:].mean() < ring.mean()


def test_calcium_is_set_into_a_real_view(tmp_path: Path) -> None:
    real = (draw_breast(700, 560, view="CC") * 16).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "woman_LCC.png"), real)
    arguments = [
        "phantom", "--background", str(tmp_path / "woman_LCC.png"), "--pixel-mm", "0.2",
        "--lesion", "round:grouped", "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    (folder,) = (tmp_path / "out").iterdir()
    (view,) = truth_of(folder)["views"]
    made = cv2.imread(str(folder / view["file"]), cv2.IMREAD_UNCHANGED)
    changed = np.argwhere(made.astype(int) - real > 500)
    assert len(changed)
    specks = np.array([(s["y"], s["x"]) for s in view["specks"]])
    apart = np.linalg.norm(changed[:, None] - specks[None], axis=2).min(axis=1)
    assert (apart * 0.2 <= 1.5).all()
    assert np.abs(made.astype(int) - real)[:50].max() <= 1


def test_about_half_of_the_exams_have_a_lesion_and_a_third_no_calcium_at_all() -> None:
    drawn = [drawn_lesions(ExamPlan(seed=seed)) for seed in range(300)]
    assert 0.4 < np.mean([any(one.distribution for one in lesions) for lesions in drawn]) < 0.6
    assert 0.2 < np.mean([not lesions for lesions in drawn]) < 0.4
    assert {one.laterality for lesions in drawn for one in lesions} == {"L", "R", None}
    assert all(one.laterality or one.distribution == "diffuse" for lesions in drawn for one in lesions)


def test_a_drawn_lesion_that_does_not_fit_becomes_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def small(anatomy: Any, term: str, distribution: str | None, group: int, random: Any) -> Any:
        if distribution == "regional":
            raise NoRoom(anatomy, "these")
        return make_lesion(anatomy, term, distribution, group, random)

    monkeypatch.setattr("calcscope.phantom.exam.make_lesion", small)
    regional = (LesionPlan("round", "regional", "R"),)
    with pytest.raises(NoRoom, match="larger breast"):
        make_exam(ExamPlan(seed=SEED, lesions=regional))
    monkeypatch.setattr("calcscope.phantom.exam.drawn_lesions", lambda plan: regional)
    (exam,) = make_exam(ExamPlan(seed=SEED))
    assert exam.lesions[0].lesion.distribution == "grouped"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("RMLO", ("R", "MLO", False)),
        ("LML", ("L", "ML", False)),
        ("LMML", ("L", "ML", True)),
        ("RMCC", ("R", "CC", True)),
    ],
)
def test_labels_of_views(label: str, expected: tuple[str, str, bool]) -> None:
    assert view_of(label) == expected


def test_words_for_a_lesion() -> None:
    assert lesion_of("fine_linear:segmental:l") == LesionPlan("fine_linear", "segmental", "L")
    assert lesion_of("rim") == LesionPlan("rim")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--views", "RXX"], "RXX"),
        (["--views", "LMCC", "--lesion", "none"], "no lesion"),
        (["--lesion", "popcorn:grouped"], "expected a morphology"),
        (["--lesion", "amorphous"], "with a distribution"),
        (["--lesion", "round:everywhere"], "expected one of grouped"),
        (["--mimic", "glitter"], "deodorant"),
        (["--maker", "film", "--views", "diagnostic"], "contact"),
        (["--pixel-mm", "5"], "0.03 to 0.4"),
        (["--prior", "more", "--lesion", "none"], "without a lesion"),
        (["--maker", "E"], "'E'"),
        (["--background", "films", "--arrays"], "--background takes neither"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(app, ["phantom", "--out", str(tmp_path), *arguments])
    assert result.exit_code == 2
    assert said in result.output
    assert not list(tmp_path.iterdir())


def test_a_background_that_is_no_mammogram_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_bytes(b"no picture")
    arguments = ["phantom", "--background", str(tmp_path / "notes.png"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "notes.png" in result.output


def test_specks_that_touch_in_the_image_are_one_object() -> None:
    """Two squares a pixel apart, a bar that crosses another without a corner in it, one by itself."""
    square = np.array([[0.0, 0.0], [4, 0], [4, 4], [0, 4]])
    lying, standing = (
        np.array([[20.0, 10], [30, 10], [30, 11], [20, 11]]),
        np.array([[24.0, 5], [25, 5], [25, 16], [24, 16]]),
    )
    numbers = objects_of([square, lying, np.add(square, (5, 0)), standing, np.add(square, (20, 30))])
    assert numbers[0] == numbers[2]
    assert numbers[1] == numbers[3]
    assert len({numbers[0], numbers[1], numbers[4]}) == 3
    apart = objects_of([square, np.add(square, (5.5, 0))])
    assert apart[0] != apart[1]
    assert objects_of([]) == []
