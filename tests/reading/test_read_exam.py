"""A drawn exam through the whole pipeline, and what one bad view costs the others."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import info

from calcscope.errors import UnreadableInput
from calcscope.exam import Exam, Mammogram, Orientation, View
from calcscope.phantom.drawn.scenes import draw_kind
from calcscope.reading import ReadSettings, read_exam
from calcscope.reading.view import read_view

SPECKS = [(320 + 14 * (k % 3), 700 + 17 * (k // 3)) for k in range(9)]


def drawn(label: str, flip: bool) -> View:
    """Half an ellipse of tissue with nine bright specks on it; stored mirrored when ``flip``."""
    what = info(label)
    y, x = np.mgrid[: what.rows, : what.columns].astype(np.float32)
    noise = np.random.default_rng(3).normal(0, 0.004, x.shape).astype(np.float32)
    inside = (x / 800) ** 2 + ((y - 750) / 650) ** 2 < 1
    pixels = 0.02 + 0.4 * inside + noise
    for column, row in SPECKS:
        pixels += 0.35 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 1.6**2))
    pixels = np.clip(pixels, 0, 1).astype(np.float32)

    def load(number: int | None = None) -> Mammogram:
        return Mammogram(
            info=what,
            pixels=pixels,
            valid=np.ones(pixels.shape, dtype=bool),
            orientation=Orientation(what.rows, what.columns, flip=flip),
            display=lambda values: values,
        )

    return View(what, load)


def failing(label: str, error: Exception) -> View:
    def load(number: int | None = None) -> Mammogram:
        raise error

    return View(info(label), load)


def read(*views: View):
    return read_exam(Exam("1.2.3", "P", None, views), ReadSettings())


@pytest.fixture(scope="module")
def both():
    return read(drawn("RCC", True), drawn("LCC", False))


def test_a_drawn_group_is_found_with_its_number(both) -> None:
    report, failures = both
    assert failures == []
    for side in ("L", "R"):
        (group,) = [f for f in report.findings if f.laterality == side and f.kind == "group"]
        assert group.count == len(SPECKS)
        assert group.assessment.category == "0"  # screening: magnification views come next
        assert group.sentence


def test_coordinates_are_those_of_the_source_image(both) -> None:
    report, _ = both
    for view in report.views:
        expected = np.array(SPECKS, dtype=float)
        if view.laterality == "R":  # stored mirrored
            expected[:, 0] = view.columns - 1 - expected[:, 0]
        (group,) = view.groups
        assert np.hypot(group.x - expected[:, 0].mean(), group.y - expected[:, 1].mean()) < 2
        for place in expected:
            assert min(np.hypot(c.x - place[0], c.y - place[1]) for c in view.calcifications) < 1


def test_an_unreadable_view_does_not_cost_the_others() -> None:
    bad = UnreadableInput("RCC.dcm", "half a file", "a whole one", "copy it again")
    report, failures = read(failing("RCC", bad), drawn("LCC", False))
    assert [view.label for view in report.views] == ["LCC"]
    assert [(f.source, f.reason) for f in failures] == [("RCC.dcm", bad.reason)]
    assert report.assessment.right is None


def test_a_fault_of_ours_is_one_line_without_the_header_s_words() -> None:
    report, failures = read(failing("LCC", RuntimeError("Doe^Jane")))
    assert report is None
    ((source, reason),) = [(f.source, f.reason) for f in failures]
    assert source == "LCC.dcm"
    assert "Doe" not in reason
    assert "\n" not in reason


def test_what_is_listed_changes_neither_vessels_nor_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = draw_kind("vascular", 2003)
    monkeypatch.setattr("calcscope.reading.view.locate_breast", lambda mammogram: scene.breast)
    view = View(scene.mammogram.info, lambda number=None: scene.mammogram)
    few, every = (read_view(view, ReadSettings(min_probability=least)) for least in (None, 0.0))
    assert len(every.specks) > len(few.specks)
    assert len(few.vessels) > 0
    for one, other in zip(few.vessels, every.vessels, strict=True):
        assert np.array_equal(few.specks.xy[one], every.specks.xy[other])
    # Improbable pieces of a wall belong to it too.
    assert any(few.specks.probability[vessel].min() < 0.25 for vessel in few.vessels)
    assert [group.count for group in few.groups] == [group.count for group in every.groups]
