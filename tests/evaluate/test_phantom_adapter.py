"""Simulated exams as a dataset: what is read from their truth, and what is measured against it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
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
from calcscope.evaluate.beyond import Beyond, banded
from calcscope.evaluate.froc import MarkedImage
from calcscope.evaluate.marked import MarkedGroup, MarkedSpeck, Outline
from calcscope.evaluate.measure import Measured, measure
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
    assert (left.normal, right.normal) == (False, True)
    assert (left.calcified, right.calcified) == (True, False)


def test_what_is_found_is_measured(folder: Path) -> None:
    beyond = Beyond()
    measured = measure(read(folder), beyond.add)
    assert np.isfinite(measured.every[0].best).all()
    assert np.isfinite(measured.singles[0].best).sum() >= 5
    assert sum(len(distances) for distances in beyond.nipple_mm.values()) == 2


def test_calcifications_are_parted_by_snr() -> None:
    specks = tuple(MarkedSpeck(0.0, 0.0, snr=snr) for snr in (3.0, 5.0, 9.0, 8.0))
    marked = PhantomView("a", "w", Path("a"), options=None, specks=specks)  # type: ignore[arg-type]
    image = MarkedImage(((0.9, 2), (0.8, 0), (0.7, None), (0.6, 3)), truths=4)
    measured = Measured(views=[marked], singles=[image])
    (strong,) = banded(measured, 7, np.inf)
    assert (strong.truths, strong.marks) == (2, ((0.9, 0), (0.7, None), (0.6, 1)))
    (middle,) = banded(measured, 4, 7)
    assert (middle.truths, middle.marks) == (1, ((0.7, None),))


@dataclass
class Named:
    kind: str
    x: float
    y: float
    extent_mm: float = 2.0


@dataclass
class Reading:
    """As much of a reading as marks and nipple need."""

    mimics: list[Named]
    nipple: tuple[float, float] | None = None
    foreign: list[Named] = field(default_factory=list)
    orientation: Orientation = field(default_factory=lambda: Orientation(100, 80, flip=True))

    @property
    def breast(self) -> SimpleNamespace:
        return SimpleNamespace(nipple=self.nipple, nipple_certainty="seen", foreign=self.foreign)

    @property
    def info(self) -> SimpleNamespace:
        return SimpleNamespace(pixel_mm=0.1, view="CC", modifiers=("magnification",), laterality="R")


def test_the_nipple_and_marks_are_compared_in_pixels_of_the_file() -> None:
    marks = (("powder", 20.0, 50.0, 2.0), ("clip", 70.0, 90.0, 2.0), ("metal", 5.0, 5.0, 2.0))
    marked = PhantomView("a", "w", Path("a"), None, nipple=(9.0, 50.0), marks=marks)  # type: ignore[arg-type]
    # The reading is mirrored: x 59 there is x 20 in the file.
    reading = Reading([Named("powder", 59, 50)], (80.0, 50.0), [Named("marker", 9, 90)])
    beyond = Beyond()
    beyond.add(marked, reading)  # type: ignore[arg-type]
    assert beyond.marks == [("powder", "powder"), ("clip", "marker"), ("metal", "")]
    assert beyond.nipple_mm["CC", "seen"] == [pytest.approx(1.0)]


def test_a_lesion_is_paired_where_one_finding_holds_its_groups_of_both_views(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    region = Outline(np.array([[0.0, 0.0], [30.0, 0.0], [30.0, 30.0], [0.0, 30.0]]))

    def shown(label: str, lesion: int, found_at: float, exam: str) -> tuple[Any, Any]:
        marked = PhantomView(
            label,
            "w",
            Path("a"),
            None,
            (MarkedGroup(region),),
            folder=exam,
            lesions=(lesion,),  # type: ignore[arg-type]
        )
        group = SimpleNamespace(x=found_at, y=found_at, members=np.array([0]))
        return marked, SimpleNamespace(
            groups=[group], specks=SimpleNamespace(xy=np.array([[found_at, found_at]])), mimics=[],
            orientation=Orientation(100, 100), breast=SimpleNamespace(nipple=None, foreign=[]),
            info=SimpleNamespace(view=label[1:], laterality=label[0], modifiers=(), pixel_mm=0.1),
        )  # fmt: skip

    def finding(*seen: tuple[int, int]) -> Any:
        return SimpleNamespace(what="group", seen=[SimpleNamespace(view=v, group=g) for v, g in seen])

    beyond = Beyond()
    together, apart = [finding((0, 0), (1, 0))], [finding((0, 0)), finding((1, 0))]
    for exam, found_at, findings in (("1", 10.0, together), ("2", 10.0, apart), ("3", 70.0, together)):
        monkeypatch.setattr("calcscope.evaluate.beyond.collect", lambda views, settings, made=findings: made)
        for label in ("LCC", "LMLO"):
            beyond.add(*shown(label, 4, found_at, exam))
        beyond.close()
    assert (beyond.missed, beyond.seen, beyond.paired) == (1, 2, 1)


def test_the_command_prints_the_tables(folder: Path, tmp_path: Path) -> None:
    arguments = ["evaluate", "--dataset", "phantom", str(folder), "--out", str(tmp_path / "curves")]
    result = CliRunner(env={"COLUMNS": "160"}).invoke(app, arguments)
    assert result.exit_code == 0, result.output
    for words in ("Marked groups found", "SNR 7 and more", "Nipple"):
        assert words in result.output
    assert (tmp_path / "curves" / "froc-phantom.png").is_file()


@pytest.mark.parametrize("content", ["{", '{"format": 99}', '{"format": 1, "views": [{}]}'])
def test_another_form_of_truth_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableInput, match=r"truth\.json"):
        read(tmp_path)


def test_a_folder_without_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="calcscope phantom"):
        read(tmp_path)
