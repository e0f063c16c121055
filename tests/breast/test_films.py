"""Nipple, muscle and foreign objects on real films, against what was marked on them by eye."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]

# The metal ball on the skin of one breast, source pixels (x, y), in each of its two films.
BALL = {"1-282.dcm": (1743, 1212), "1-283.dcm": (1463, 1912)}
# Coarse round calcifications of the other breast, source pixels, that must stay in the search.
CALCIFICATIONS = {"1-280.dcm": (180, 2145), "1-281.dcm": (787, 1615)}


@pytest.fixture(scope="module")
def anatomy() -> ModuleType:
    """The benchmark, whose figures these tests hold to their targets."""
    spec = importlib.util.spec_from_file_location("anatomy", ROOT / "benchmarks" / "anatomy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["anatomy"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def package_films(anatomy: ModuleType, films: dict[str, Path]) -> dict[str, object]:
    """The eight films of the package, each with its breast located."""
    assert len(films) == 8
    return {f.row["file"]: f for f in anatomy.marked("nipples.csv", of="1-")}


@pytest.fixture(scope="module")
def development_films(anatomy: ModuleType, shared_data: Path) -> Iterator[list[object]]:
    """The marked films of the development data."""
    return [f for start in ("mdb", "bcc", "gmic", "MG1") for f in anatomy.marked("nipples.csv", of=start)]


def test_the_nipple_is_found_on_the_films_of_the_package(
    anatomy: ModuleType, package_films: dict[str, object]
) -> None:
    errors = [anatomy.nipple_error_mm(f) for f in package_films.values()]
    assert np.median(errors) <= 5
    assert max(errors) <= 10


def test_the_nipple_is_found_on_the_development_films(
    anatomy: ModuleType, development_films: list[object]
) -> None:
    errors = [anatomy.nipple_error_mm(f) for f in development_films if f.row["visible"] == "yes"]
    assert len(errors) >= 25
    assert np.median(errors) <= 10
    assert np.percentile(errors, 90) <= 15


def test_a_nipple_reported_as_seen_is_where_it_is_said_to_be(
    anatomy: ModuleType, development_films: list[object]
) -> None:
    errors = [
        anatomy.nipple_error_mm(f)
        for f in development_films
        if f.breast.nipple_certainty == "seen" and f.row["visible"] == "yes"
    ]
    assert np.percentile(errors, 90) <= 10


def test_the_border_of_the_muscle_is_found(anatomy: ModuleType, shared_data: Path) -> None:
    errors = [anatomy.pectoral_error_mm(f) for f in anatomy.marked("pectorals.csv")]
    assert len(errors) >= 15
    assert np.median(errors) <= 3
    assert np.percentile(errors, 90) <= 6


def test_no_muscle_is_drawn_on_craniocaudal_films(package_films: dict[str, object]) -> None:
    for film in package_films.values():
        oblique = film.mammogram.info.view == "MLO"
        assert (film.breast.pectoral_line is not None) == oblique


def test_the_metal_ball_on_the_skin_is_a_marker_and_nothing_else_is(
    package_films: dict[str, object],
) -> None:
    for name, film in package_films.items():
        found = [f for f in film.breast.foreign if f.kind in ("marker", "clip", "implant")]
        if name not in BALL:
            assert not found, name
            continue
        (ball,) = found
        place = film.mammogram.orientation.to_source(np.array([[ball.x, ball.y]]))[0]
        assert place == pytest.approx(BALL[name], abs=8)
        assert not film.breast.search[round(ball.y), round(ball.x)]


def test_real_calcifications_stay_in_the_search(package_films: dict[str, object]) -> None:
    for name, place in CALCIFICATIONS.items():
        film = package_films[name]
        x, y = film.mammogram.orientation.to_canonical(np.array([place]))[0].round().astype(int)
        assert film.breast.search[y - 10 : y + 11, x - 10 : x + 11].all()


def test_labels_and_film_borders_are_not_searched(package_films: dict[str, object]) -> None:
    for name, film in package_films.items():
        found = [f.kind for f in film.breast.foreign]
        assert "label" in found, name
        assert set(found) <= {"label", "film_edge", "scanner_line", "marker"}, name
    # These films have white borders at the top and the bottom.
    for name in ("1-280.dcm", "1-281.dcm", "1-282.dcm", "1-283.dcm"):
        search = package_films[name].breast.search
        assert [f.kind for f in package_films[name].breast.foreign].count("film_edge") == 2
        assert not search[:60].any()
        assert not search[-60:].any()


def test_no_implant_and_no_metal_is_seen_in_films_that_have_none(development_films: list[object]) -> None:
    for film in development_films:
        if film.row["file"].startswith("mdb"):
            assert not {f.kind for f in film.breast.foreign} & {"implant", "marker", "clip"}, film.row["file"]


def test_every_nipple_ball_of_the_digital_films_is_found(development_films: list[object]) -> None:
    digital = [f for f in development_films if f.row["note"] == "metal ball on the nipple"]
    assert len(digital) == 6
    for film in digital:
        assert "marker" in [f.kind for f in film.breast.foreign], film.row["file"]
