"""Simulated exams as a dataset: what is read from their truth, and what is measured against it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from exam.builders import draw_breast
from typer.testing import CliRunner

from calcscope.cli import app
from calcscope.errors import UnreadableInput
from calcscope.evaluate.beyond import Beyond
from calcscope.evaluate.measure import measure
from calcscope.evaluate.phantom import PhantomView, read
from calcscope.exam import Orientation

SPECKS = [(60, 200), (66, 204), (62, 210), (70, 198), (72, 208), (58, 206), (67, 212)]
ROWS, COLUMNS, PIXEL_MM = 320, 256, 0.07


def view(label: str, *, specks: bool, **more: Any) -> dict[str, Any]:
    """Truth of one view with a group of seven calcifications, SNR 3, 4, 5 …, and one of a vessel."""
    listed = [
        {
            "speck": n,
            "lesion": 0,
            "x": x + 0.5,
            "y": y + 0.5,
            "form": "pearl",
            "size_mm": 0.28,
            "snr": 3.0 + n,
        }
        for n, (x, y) in enumerate(SPECKS)
    ]
    listed.append({**listed[0], "speck": 7, "lesion": 1, "form": "vessel", "size_mm": 9.0})
    outline = [[50, 190], [80, 190], [80, 220], [50, 220]]
    group = {"lesion": 0, "morphology": "fine_pleomorphic", "distribution": "grouped", "outline": outline}
    vessel = {"lesion": 1, "morphology": None, "distribution": None, "outline": outline}
    return {
        "file": f"{label}.png", "rows": ROWS, "columns": COLUMNS, "pixel_mm": PIXEL_MM,
        "laterality": label[0],
        "view": label[1:], "modifiers": [], "normal": not specks, "specks": listed if specks else [],
        "groups": [group, vessel] if specks else [], "marks": [], "nipple": {"x": 170.0, "y": 192.0}, **more,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "exams" / "exam-000001"
    place.mkdir(parents=True)
    for label, specks in (("LMLO", True), ("RMLO", False)):
        pixels = draw_breast(ROWS, COLUMNS, view=label[1:])
        for x, y in SPECKS if specks else []:
            pixels[y : y + 2, x : x + 2] = 4000
        pixels = pixels[:, ::-1] if label[0] == "R" else pixels
        cv2.imwrite(str(place / f"{label}.png"), np.ascontiguousarray(pixels * 16))
    lesions = [{"morphology": "fine_pleomorphic"}, {"morphology": None}]
    views = [view("LMLO", specks=True), view("RMLO", specks=False)]
    content = {"format": 1, "woman": "PHANTOM-1", "lesions": lesions, "views": views}
    (place / "truth.json").write_text(json.dumps(content), encoding="utf-8")
    return tmp_path / "exams"


def test_the_truth_is_read_as_marks(folder: Path) -> None:
    left, right = read(folder)
    assert (left.name, left.woman) == ("exam-000001 LMLO", "PHANTOM-1")
    assert left.specks is not None
    assert [speck.snr for speck in left.specks] == [3, 4, 5, 6, 7, 8, 9]  # a vessel is no single one
    assert left.specks[0].radius == pytest.approx(2)
    (group,) = left.groups  # benign kinds are not to be found
    assert (group.shape, group.distribution) == ("pleomorphic", "grouped")
    assert group.region.holds(np.array([[65.0, 205.0]])).all()
    assert isinstance(left, PhantomView)
    assert left.terms == (("fine_pleomorphic", "grouped"),)
    assert left.unseen == ()  # five of SNR 5 and more
    assert left.speck_lesions == (0,) * 7
    assert (left.normal, right.normal) == (False, True)
    assert (left.calcified, right.calcified) == (True, False)


@pytest.mark.parametrize(
    ("morphology", "distribution", "seen", "to_find"),
    [
        ("amorphous", "grouped", 5, True),
        ("amorphous", "grouped", 4, False),
        ("punctate", "linear", 3, True),
        ("punctate", "linear", 2, False),
        ("fine_linear", "segmental", 2, True),
        ("fine_linear", "segmental", 1, False),
    ],
)
def test_a_group_is_to_be_found_where_enough_of_it_can_be_seen(
    folder: Path, morphology: str, distribution: str, seen: int, to_find: bool
) -> None:
    path = folder / "exam-000001" / "truth.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    shown = content["views"][0]
    content["lesions"][0]["morphology"] = shown["groups"][0]["morphology"] = morphology
    shown["groups"][0]["distribution"] = distribution
    for n, speck in enumerate(shown["specks"]):
        # Those of the vessel are of no account.
        speck["snr"] = 5.0 if n < seen or speck["lesion"] == 1 else 4.9
    path.write_text(json.dumps(content), encoding="utf-8")
    left, right = read(folder)
    assert isinstance(left, PhantomView)
    assert (left.lesions, left.unseen) == (((0,), ()) if to_find else ((), (0,)))
    # It is no normal view for all that, nor one without a lesion; what can be seen singly stays to be found.
    assert not left.normal
    assert left.calcified is (True if to_find else None)
    assert left.specks is not None
    assert len(left.specks) == 7
    assert right.normal


def test_what_cannot_be_seen_is_neither_hit_nor_wrongly_marked() -> None:
    marked = PhantomView("a", "w", Path("a"), None, unseen=(0,))  # type: ignore[arg-type]
    place = np.array([[5.0, 5.0]])
    reading = SimpleNamespace(orientation=Orientation(10, 10), specks=SimpleNamespace(xy=place))
    group = SimpleNamespace(x=5.0, y=5.0, members=np.array([0]), probability=0.9)
    image = marked.marked(reading, [group])  # type: ignore[arg-type, list-item]
    assert (image.truths, len(image.false)) == (0, 0)


def test_what_is_found_is_measured(folder: Path) -> None:
    beyond = Beyond()
    measured = measure(read(folder), beyond.add)
    assert np.isfinite(measured.every[0].best).all()
    assert np.isfinite(measured.singles[0].best).sum() >= 5
    assert sum(len(distances) for distances in beyond.nipple_mm.values()) == 2
    assert (beyond.groups, beyond.unseen, beyond.lost) == (1, 0, 0)
    assert len(beyond.terms["morphology"]) == 1
    (area,) = beyond.normal_cm2
    assert 0 < area < ROWS * COLUMNS * PIXEL_MM**2 / 100


def test_the_command_prints_the_tables(folder: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", "--dataset", "phantom", str(folder), "--out", str(tmp_path / "curves")]
    result = CliRunner(env={"COLUMNS": "160"}).invoke(app, arguments)
    assert result.exit_code == 0, result.output
    for words in ("Marked groups found", "SNR 7 and more", "scanning ideal", "Simulated groups", "Nipple"):
        assert words in result.output
    assert "Words against the readers'" not in result.output
    for name in ("froc-phantom.png", "froc-phantom-by-snr.png"):
        assert (tmp_path / "curves" / name).is_file()


@pytest.mark.parametrize("content", ["{", '{"format": 99}', '{"format": 1, "views": [{}]}'])
def test_another_form_of_truth_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableInput, match=r"truth\.json"):
        read(tmp_path)


def test_a_folder_without_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="calcscope phantom"):
        read(tmp_path)
