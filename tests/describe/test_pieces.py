"""Calcifications of a group outlined anew: touching ones apart, a cast in one piece, its dim end with it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calcscope.describe.appearance import GROUP_MEASUREMENTS, measure_group, plainness
from calcscope.describe.describing import measured
from calcscope.describe.form import Form, measure_form
from calcscope.describe.pieces import find_pieces
from calcscope.exam import Mammogram, Orientation, ViewInfo
from calcscope.exam.model import Float
from calcscope.specks import SpeckCatalogue

PIXEL_MM = 0.05
SIDE = 240


def shown(bright: Float) -> Mammogram:
    """A view of the brightness (SIDE, SIDE) given, blurred and with noise."""
    noise = np.random.default_rng(0).normal(0, 0.004, bright.shape)
    pixels = (0.3 + cv2.GaussianBlur(bright, (0, 0), 1.0) + noise).astype(np.float32)
    info = ViewInfo(
        source="drawn", sop_uid="2.25.1", laterality="R", view="CC", rows=SIDE, columns=SIDE,
        pixel_mm=PIXEL_MM, vertical_known=True,
    )  # fmt: skip
    return Mammogram(info, pixels, np.ones(pixels.shape, bool), Orientation(SIDE, SIDE), lambda p: p)


def marked(places: list[tuple[float, float]], probability: float = 0.9) -> SpeckCatalogue:
    """Marks of 0.2 mm at places, as detection would leave them."""
    count = len(places)
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    square = 2 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    x, y = np.array(places).T
    numbers = {
        name: np.full(count, 0.2)
        for name in SpeckCatalogue.__dataclass_fields__
        if name not in ("x", "y", "outlines", "slice", "pixel_mm", "probability", "salience")
    }
    return SpeckCatalogue(
        x=x, y=y, probability=np.full(count, probability), salience=np.full(count, 20.0),
        outlines=tuple(square + place for place in places), slice=np.full(count, -1), pixel_mm=PIXEL_MM,
        **numbers,
    )  # fmt: skip


def test_touching_round_ones_are_taken_apart() -> None:
    bright = np.zeros((SIDE, SIDE), np.float32)
    for x in (100, 113):
        cv2.circle(bright, (x, 120), 7, 0.3, cv2.FILLED)
    pieces = find_pieces([0, 1], marked([(100, 120), (113, 120)]), shown(bright))
    assert len(pieces) == 2
    assert sorted(round(float(piece.centre[0])) for piece in pieces) == pytest.approx([100, 113], abs=2)
    assert all(measure_form(piece.body).diameter_mm == pytest.approx(0.7, abs=0.1) for piece in pieces)


def test_a_cast_is_one_piece_however_many_marks_lie_on_it_and_keeps_its_dim_end() -> None:
    bright = np.zeros((SIDE, SIDE), np.float32)
    cv2.line(bright, (90, 120), (130, 120), 1.0, 4)
    bright *= np.interp(np.arange(SIDE), (90, 130), (0.4, 0.08)).astype(np.float32)
    [piece] = find_pieces([0, 1, 2], marked([(95, 120), (105, 120), (122, 120)]), shown(bright))
    assert piece.body.marks == (0, 1, 2)
    form = measure_form(piece.body)
    assert form.length_mm == pytest.approx(2.1, abs=0.25)
    assert form.arc_mm / form.breadth_mm > 5


def test_where_nothing_rises_above_the_noise_the_mark_keeps_its_outline() -> None:
    catalogue = marked([(60, 60)])
    dark = np.zeros((SIDE, SIDE), np.float32)
    cv2.circle(dark, (60, 60), 12, -0.1, cv2.FILLED)
    [piece] = find_pieces([0], catalogue, shown(dark))
    assert np.array_equal(piece.body.outline, catalogue.outlines[0])


def test_a_smudge_among_calcifications_counts_for_little() -> None:
    bright = np.zeros((SIDE, SIDE), np.float32)
    places = [(60.0, 60.0), (100.0, 70.0), (80.0, 110.0), (130.0, 120.0)]
    for x, y in places:
        cv2.circle(bright, (int(x), int(y)), 3, 0.3, cv2.FILLED)
    cv2.ellipse(bright, (170, 170), (14, 9), 20, 0, 360, 0.05, cv2.FILLED)
    bright[130:210, 130:210] = cv2.GaussianBlur(bright, (0, 0), 4)[130:210, 130:210]
    mammogram = shown(bright)

    def described(indices: list[int]) -> tuple[list[Form], np.ndarray, np.ndarray]:
        pieces = find_pieces(indices, marked([*places, (170.0, 170.0)]), mammogram)
        forms = [measure_form(piece.body) for piece in pieces]
        weight = plainness(forms, np.array([piece.probability for piece in pieces]))
        noise = np.array([piece.noise for piece in pieces])
        return forms, weight, measure_group(forms, weight, noise)

    _, _, without = described([0, 1, 2, 3])
    forms, weight, values = described([0, 1, 2, 3, 4])
    assert weight[int(np.argmax([form.area_mm2 for form in forms]))] < 0.3 * weight.max()
    size = GROUP_MEASUREMENTS.index("log_diameter")
    assert values[size] == pytest.approx(without[size], abs=0.1)


def test_improbable_marks_count_less() -> None:
    bright = np.zeros((SIDE, SIDE), np.float32)
    cv2.circle(bright, (60, 60), 4, 0.3, cv2.FILLED)
    form = measure_form(find_pieces([0], marked([(60, 60)]), shown(bright))[0].body)
    sure, doubtful = plainness([form, replace(form)], np.array([0.9, 0.1]))
    assert doubtful < 0.2 * sure


def test_the_shape_of_a_wider_distribution_is_that_of_all_of_it() -> None:
    bright = np.zeros((SIDE, SIDE), np.float32)
    group = [(30.0, 30.0), (44.0, 30.0), (30.0, 44.0), (44.0, 44.0)]
    around = [(float(x), float(y)) for x in (90, 150, 210) for y in (60, 120, 180)]
    for x, y in group:
        cv2.circle(bright, (int(x), int(y)), 2, 0.3, cv2.FILLED)
    for x, y in around:
        cv2.circle(bright, (int(x), int(y)), 7, 0.3, cv2.FILLED)
    catalogue, mammogram, members = marked(group + around), shown(bright), np.arange(4)

    def diameter(of: SpeckCatalogue) -> float:
        _, values = measured(members, of, mammogram)
        return float(np.exp(values[GROUP_MEASUREMENTS.index("log_diameter")]))

    assert diameter(catalogue) == pytest.approx(0.7, abs=0.1)
    doubtful = replace(catalogue, probability=np.where(np.arange(13) < 4, 0.9, 0.3))
    assert diameter(doubtful) < 0.4
    places, _ = measured(members, catalogue, mammogram)
    assert len(places) == 13
