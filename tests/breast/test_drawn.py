"""The breast is found in drawn mammograms, and what is foreign in them is left out of the search."""

from __future__ import annotations

import numpy as np
import pytest
from breast.drawn import Drawn, overlap

from calcscope.breast import Breast, locate_breast


def kinds(breast: Breast) -> list[str]:
    return [item.kind for item in breast.foreign]


def test_a_digital_breast_is_outlined() -> None:
    drawn = Drawn()
    breast = locate_breast(drawn.mammogram())
    assert overlap(breast.mask, drawn.truth) > 0.98
    assert breast.area_cm2 == pytest.approx(np.pi / 2 * 8.5 * 7.5, rel=0.03)
    rows, columns = np.random.default_rng(0).integers(0, np.reshape(breast.mask.shape, (2, 1)), (2, 50))
    asked = breast.skin_distances_mm(columns, rows)
    assert asked == pytest.approx(breast.skin_distance_mm[rows, columns], abs=1e-3)


def test_a_film_with_fog_and_glare_at_the_chest_wall_is_outlined() -> None:
    drawn = Drawn(background=0.06)
    y, x = np.mgrid[: drawn.rows, : drawn.columns].astype(np.float32)
    drawn.pixels += 0.05 * y / drawn.rows + 0.25 * np.exp(-x / 40)
    breast = locate_breast(drawn.mammogram("film"))
    assert overlap(breast.mask, drawn.truth) > 0.96


def test_padding_borders_and_labels_around_a_film_are_no_breast() -> None:
    drawn = Drawn(background=0.05)
    drawn.pixels[:60] = 0.95
    drawn.pixels[-45:] = 0.9
    drawn.pixels[100:300, 1100:1300] = 0.95
    padded = np.pad(drawn.pixels, ((0, 0), (150, 200)))
    truth = np.pad(drawn.truth, ((0, 0), (150, 200)))
    drawn.pixels = padded
    breast = locate_breast(drawn.mammogram("film"))
    assert overlap(breast.mask, truth) > 0.97
    assert "label" in kinds(breast)
    assert kinds(breast).count("film_edge") >= 2
    assert "film_artifact" not in kinds(breast)
    assert not breast.search[:70].any()
    assert not breast.search[:, :155].any()
    # The chest wall edge of the film is not skin, wherever it lies in the image.
    assert breast.skin_distance_mm[1000, 160] == pytest.approx(75, abs=8)


def test_an_edge_that_no_rays_reached_is_the_collimators_in_a_digital_image() -> None:
    drawn = Drawn()
    drawn.pixels[:60] = 0.0
    drawn.pixels[-45:] = 1.0
    found = kinds(locate_breast(drawn.mammogram("digital")))
    assert "collimator" in found
    assert "film_edge" not in found


def test_an_image_without_a_breast_gives_nothing() -> None:
    drawn = Drawn(tissue=0.0, noise=0.0)
    drawn.pixels[:] = 0.2
    breast = locate_breast(drawn.mammogram())
    assert not breast.mask.any()
    assert not breast.search.any()
    assert breast.nipple is None
    assert breast.pectoral_line is None


def test_a_nipple_in_profile_is_seen() -> None:
    drawn = Drawn(nipple_mm=5.0)
    breast = locate_breast(drawn.mammogram())
    assert breast.nipple_certainty == "seen"
    assert breast.nipple is not None
    assert np.hypot(*np.subtract(breast.nipple, drawn.nipple)) * 0.1 < 6


def test_a_nipple_that_does_not_show_is_estimated_at_the_far_end() -> None:
    drawn = Drawn(half_height_mm=60.0)
    breast = locate_breast(drawn.mammogram())
    assert breast.nipple_certainty == "estimated"
    assert breast.nipple is not None
    assert np.hypot(*np.subtract(breast.nipple, drawn.nipple)) * 0.1 < 15


def test_the_muscle_of_an_oblique_view_is_found() -> None:
    drawn = Drawn(view="MLO")
    drawn.muscle(top_mm=50, wall_mm=110)
    line = locate_breast(drawn.mammogram()).pectoral_line
    assert line is not None
    along = np.linspace(0, 1, 9)[:, None]
    x, y = (line[0] + (line[1] - line[0]) * along).T * 0.1
    distance = np.abs(x / 50 + y / 110 - 1) / np.hypot(1 / 50, 1 / 110)
    assert distance.mean() < 2.5


def test_no_muscle_is_made_up() -> None:
    with_muscle = Drawn(view="CC")
    with_muscle.muscle(top_mm=50, wall_mm=110)
    assert locate_breast(with_muscle.mammogram()).pectoral_line is None
    without = Drawn(view="MLO")
    assert locate_breast(without.mammogram()).pectoral_line is None


def test_a_metal_ball_on_the_skin_is_a_marker_and_is_not_searched() -> None:
    drawn = Drawn()
    drawn.disc(700, 620, diameter_mm=1.8, value=0.98)
    breast = locate_breast(drawn.mammogram())
    (ball,) = [item for item in breast.foreign if item.kind == "marker"]
    assert (ball.x, ball.y) == (pytest.approx(700, abs=1), pytest.approx(620, abs=1))
    assert ball.extent_mm == pytest.approx(1.8, abs=0.3)
    assert not breast.search[610:631, 690:711].any()


def test_a_ball_on_the_nipple_shows_where_it_is() -> None:
    drawn = Drawn()
    drawn.disc(845, 1040, diameter_mm=1.6, value=1.0)
    breast = locate_breast(drawn.mammogram())
    assert breast.nipple == (pytest.approx(845, abs=2), pytest.approx(1040, abs=2))
    assert breast.nipple_certainty == "seen"


@pytest.mark.parametrize(("x", "y"), [(400, 900), (600, 1300)])
def test_a_metal_ball_over_the_breast_is_a_marker(x: int, y: int) -> None:
    drawn = Drawn()
    drawn.disc(x, y, diameter_mm=2.0, value=1.0)
    assert "marker" in kinds(locate_breast(drawn.mammogram()))


@pytest.mark.parametrize("diameter_mm", [0.3, 0.6, 1.0, 2.0, 3.0])
def test_round_calcifications_stay_in_the_search(diameter_mm: float) -> None:
    drawn = Drawn()
    # Calcium is round in cross-section, so its brightness falls off towards the edge.
    y, x = np.mgrid[: drawn.rows, : drawn.columns]
    for column, row in [(300, 900), (500, 1200), (745, 1300)]:
        radius = np.hypot(x - column, y - row) * 0.1 / (diameter_mm / 2)
        drawn.pixels += (0.3 * np.sqrt(np.clip(1 - radius**2, 0, 1))).astype(np.float32)
    breast = locate_breast(drawn.mammogram())
    assert not {"marker", "clip"} & set(kinds(breast))
    assert breast.search[[900, 1200, 1300], [300, 500, 745]].all()


@pytest.mark.parametrize("diameter_mm", [3.0, 3.9])
def test_thick_calcium_that_the_display_turns_white_stays_in_the_search(diameter_mm: float) -> None:
    drawn = Drawn()
    drawn.disc(400, 900, diameter_mm=diameter_mm, value=1.0)
    breast = locate_breast(drawn.mammogram())
    assert not {"marker", "clip"} & set(kinds(breast))
    assert breast.search[900, 400]


def test_a_clip_is_left_out() -> None:
    drawn = Drawn()
    drawn.pixels[1000:1012, 500:528] = 1.0
    breast = locate_breast(drawn.mammogram())
    assert "clip" in kinds(breast)
    assert not breast.search[1000:1012, 500:528].any()


def test_an_implant_is_left_out_and_a_dense_breast_is_not() -> None:
    dense = Drawn(tissue=0.8)
    assert "implant" not in kinds(locate_breast(dense.mammogram()))
    drawn = Drawn()
    y, x = np.mgrid[: drawn.rows, : drawn.columns]
    inside = (x / 450) ** 2 + ((y - 1000) / 450) ** 2 < 1
    drawn.pixels[inside] = 0.95
    breast = locate_breast(drawn.mammogram())
    assert "implant" in kinds(breast)
    assert np.count_nonzero(breast.search & inside) < 0.05 * np.count_nonzero(inside)
    assert breast.search[1000, 600]


@pytest.mark.parametrize("upright", [True, False])
def test_a_scanner_line_is_left_out_and_nothing_beside_it(upright: bool) -> None:
    drawn = Drawn()
    line = drawn.pixels[:, 300] if upright else drawn.pixels[900, :]
    line += 0.05
    breast = locate_breast(drawn.mammogram())
    assert "scanner_line" in kinds(breast)
    search = breast.search if upright else breast.search.T
    at = 300 if upright else 900
    along = slice(800, 1200) if upright else slice(200, 600)
    assert not search[along, at].any()
    assert search[along, at - 3].all()
    assert search[along, at + 3].all()


def test_a_row_of_specks_is_no_scanner_line() -> None:
    drawn = Drawn()
    for row in range(900, 1100, 12):
        drawn.disc(400, row, diameter_mm=0.4, value=0.9)
    assert "scanner_line" not in kinds(locate_breast(drawn.mammogram()))


def test_the_skin_itself_is_searched() -> None:
    drawn = Drawn()
    breast = locate_breast(drawn.mammogram())
    skin = drawn.truth & (breast.skin_distance_mm > 0.5) & (breast.skin_distance_mm < 1.5)
    assert np.count_nonzero(breast.search & skin) > 0.97 * np.count_nonzero(skin)


def test_a_magnification_view_filled_by_the_breast_is_all_breast() -> None:
    drawn = Drawn(modifiers=("magnification",))
    drawn.pixels = np.ascontiguousarray(drawn.pixels[700:1300, 100:700])
    breast = locate_breast(drawn.mammogram())
    assert breast.mask.all()
    assert np.mean(breast.search) > 0.95


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (1, 2000), (2000, 1), (40, 30), (3000, 20)])
@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_an_image_of_any_shape_is_taken(shape: tuple[int, int], view: str) -> None:
    for fill in (np.zeros(shape), np.random.default_rng(0).random(shape)):
        drawn = Drawn(view=view, rows=20, columns=20)
        drawn.pixels = fill.astype(np.float32)
        assert locate_breast(drawn.mammogram()).search.shape == shape


def test_what_the_header_masks_is_no_breast() -> None:
    drawn = Drawn()
    mammogram = drawn.mammogram()
    mammogram.pixels[:300] = 0.9
    mammogram.valid[:300] = False
    breast = locate_breast(mammogram)
    assert not breast.mask[:300].any()
    assert overlap(breast.mask[320:], drawn.truth[320:]) > 0.97
