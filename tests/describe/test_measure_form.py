"""Form of bodies whose truth is known: drawn solids, measured through detection."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.describe.body import Body, find_bodies
from calcscope.describe.form import measure_form
from calcscope.evaluate.found import marks_of
from calcscope.phantom.drawn.scenes import Scene, draw_kind
from calcscope.specks import find_specks


def body_of(mask: np.ndarray, excess: np.ndarray | None = None, step_mm: float = 0.02) -> Body:
    light = mask.astype(np.float32) if excess is None else excess.astype(np.float32)
    return Body((0,), np.zeros((3, 2)), mask, light, step_mm)


def bodies_in(scene: Scene) -> list[Body]:
    catalogue = find_specks(scene.mammogram, scene.breast)
    return find_bodies(marks_of(scene, catalogue), catalogue, scene.mammogram)


def canvas() -> tuple[np.ndarray, np.ndarray]:
    return np.mgrid[-100:101, -100:101]


def test_a_disc_has_the_diameter_it_was_drawn_with() -> None:
    y, x = canvas()
    form = measure_form(body_of(np.hypot(x, y) <= 30))
    assert form.diameter_mm == pytest.approx(61 * 0.02, rel=0.03)
    assert form.elongation == pytest.approx(1, abs=0.05)
    assert form.roundness > 0.85
    assert form.arms == 0


def test_a_bent_line_is_as_long_as_its_course() -> None:
    y, x = canvas()
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    arc = (np.abs(radius - 70) <= 3) & (np.abs(angle) <= np.pi / 2)
    form = measure_form(body_of(arc))
    assert form.arc_mm == pytest.approx(np.pi * 70 * 0.02, rel=0.06)
    assert form.breadth_mm == pytest.approx(7 * 0.02, rel=0.15)
    assert form.length_mm < form.arc_mm


def test_a_ragged_blob_is_no_longer_than_it_looks() -> None:
    y, x = canvas()
    rng = np.random.default_rng(1)
    angle = np.arctan2(y, x)
    border = 40 + 3 * sum(np.cos(k * angle + rng.uniform(0, 6)) for k in range(5, 12))
    form = measure_form(body_of(np.hypot(x, y) <= border))
    assert form.arc_mm / form.breadth_mm < 2.5  # 1.3 for a perfect disc


def test_only_a_fork_has_arms() -> None:
    y, x = canvas()
    trunk = (np.abs(y) <= 3) & (np.abs(x) <= 80)
    twig = (np.abs(x - y) <= 4) & (x >= 0) & (x <= 45)
    straight, forked = measure_form(body_of(trunk)), measure_form(body_of(trunk | twig))
    assert straight.arms == 0
    # The twig is 45 √2 steps long and the lines about 7 wide.
    assert forked.arms == pytest.approx(45 * np.sqrt(2) / 7, rel=0.35)


def test_a_shell_is_lucent_and_a_ball_is_not() -> None:
    y, x = canvas()
    square = np.maximum(40.0**2 - x**2 - y**2, 0)
    inner = np.maximum(32.0**2 - x**2 - y**2, 0)
    disc = square > 0
    ball = measure_form(body_of(disc, np.sqrt(square)))
    shell = measure_form(body_of(disc, np.sqrt(square) - np.sqrt(inner)))
    assert ball.lucency < 0.05
    assert shell.lucency > 0.4
    assert shell.wall_share < 0.5


def test_a_level_top_is_sharper_than_the_bowl_beneath() -> None:
    y, x = canvas()
    depth = np.sqrt(np.maximum(60.0**2 - x**2 - y**2, 0)) * (y > 40)
    settled = measure_form(body_of(depth > 0, depth))
    turned = measure_form(body_of(depth[::-1] > 0, depth[::-1]))
    assert settled.top_sharpness > 0.1
    assert turned.top_sharpness == pytest.approx(-settled.top_sharpness, abs=1e-6)


def test_a_shell_found_in_pieces_is_one_body() -> None:
    scene = draw_kind("rim", 2001)
    catalogue = find_specks(scene.mammogram, scene.breast)
    marks = marks_of(scene, catalogue)
    assert len(marks) > 1
    bodies = find_bodies(marks, catalogue, scene.mammogram)
    largest = max(bodies, key=lambda body: len(body.marks))
    drawn_mm = np.ptp(np.flatnonzero(scene.calcium.any(axis=0))) * scene.breast.pixel_mm
    assert measure_form(largest).length_mm == pytest.approx(drawn_mm, rel=0.15)


def test_a_speck_on_a_bright_gland_does_not_become_the_gland() -> None:
    scene = draw_kind("round", 2000, pixel_mm=0.07)
    y, x = np.indices(scene.mammogram.pixels.shape)
    (cx, cy) = scene.centres[0]
    gland = 0.1 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * (6 / 0.07) ** 2))
    scene.mammogram.pixels[...] += gland.astype(np.float32)
    drawn_mm = np.ptp(np.flatnonzero(scene.calcium.any(axis=0))) * 0.07
    [body] = bodies_in(scene)
    assert measure_form(body).length_mm < 1.4 * drawn_mm
