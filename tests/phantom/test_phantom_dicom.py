"""Simulated views as DICOM: what our reader, and an outside validator, find in them."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from exam.builders import draw_breast

from calcscope.exam import read_exams
from calcscope.phantom.dicom import dataset_of, orientation_of, write
from calcscope.phantom.exam import SimulatedExam, make_exam
from calcscope.phantom.model import Pose, ViewTruth, random_for
from calcscope.phantom.physics import draw_setup
from calcscope.phantom.plan import MAGNIFICATION, ExamPlan, view_of
from calcscope.phantom.view import SimulatedView

LABELS = ("RCC", "LCC", "RMLO", "LMLO", "RML", "LLM", "LMCC", "RMML")
KINDS = ("presentation", "inverted", "raw", "film")


@pytest.fixture(scope="module")
def exam() -> SimulatedExam:
    (made,) = make_exam(ExamPlan(seed=77, lesions=()))
    return replace(made, labels=LABELS)


def view(label: str, kind: str) -> SimulatedView:
    """A drawn breast in place of a simulated one: the pixels do not matter here."""
    side, projection, magnified = view_of(label)
    film = kind == "film"
    bits = {"raw": 14, "film": 8}.get(kind, 12)
    white = draw_breast(view=projection, bits=bits)
    dark_is_dense = kind in ("raw", "inverted")
    pixels: Any = (2**bits - 1 - white) if dark_is_dense else white
    window = (
        None
        if kind == "raw"
        else (2**bits / 2, float(2**bits), "SIGMOID" if kind == "presentation" else "LINEAR")
    )
    factor = MAGNIFICATION if magnified else 1.0
    return SimulatedView(
        label, Pose(side, projection, factor), pixels.astype(np.uint8 if film else np.uint16), bits,
        "MONOCHROME1" if dark_is_dense else "MONOCHROME2", window, 0.07 / factor, 55.0,
        draw_setup(random_for(1, "setup"), film=film),
        ViewTruth((), (), np.zeros((0, 2)), None, (0.0, 0.0)), (), (),
        np.zeros(2),
    )  # fmt: skip


def combinations() -> list[tuple[str, str]]:
    return [(label, kind) for label in LABELS for kind in KINDS if not (kind == "film" and view_of(label)[2])]


@pytest.mark.parametrize(("label", "kind"), combinations())
def test_our_reader_gives_back_what_was_written(
    label: str, kind: str, exam: SimulatedExam, tmp_path: Path
) -> None:
    made = view(label, kind)
    write(exam, made, tmp_path / "view.dcm")
    (read,), failures = read_exams([tmp_path])
    assert not failures
    info = read.views[0].info
    side, projection, magnified = view_of(label)
    assert (info.laterality, info.view, info.is_magnification) == (side, projection, magnified)
    assert info.pixel_mm == pytest.approx(made.pixel_mm, rel=1e-4)
    assert info.acquisition == ("film" if kind == "film" else "digital")
    assert info.processing == {"raw": "processing", "film": "secondary"}.get(kind, "presentation")
    mammogram = read.views[0].load()
    assert mammogram.info.warnings == ()
    assert mammogram.info.vertical_known
    # Truth is mapped with the writer's orientation, findings with the reader's.
    points = np.array([[3.0, 5.0], [200.0, 17.5]])
    assert mammogram.orientation.to_source(points).tolist() == orientation_of(made).to_source(points).tolist()
    assert (read.patient_id, read.date) == ("PHANTOM-000077", "2020-03-23")


def test_the_breast_comes_back_as_it_was(exam: SimulatedExam, tmp_path: Path) -> None:
    made = view("RMLO", "inverted")
    write(exam, made, tmp_path / "view.dcm")
    stored = pydicom.dcmread(tmp_path / "view.dcm").pixel_array
    assert np.array_equal(stored[:, ::-1], made.pixels)
    (read,), _ = read_exams([tmp_path])
    back = read.views[0].load().pixels
    assert np.corrcoef(back.ravel(), 4095.0 - made.pixels.ravel())[0, 1] > 0.9999


def test_breasts_hang_back_to_back(exam: SimulatedExam) -> None:
    expected = {
        "LCC": ["A", "R"], "RCC": ["P", "L"], "LMLO": ["A", "FR"], "RMLO": ["P", "FL"], "RML": ["P", "F"],
    }  # fmt: skip
    for label, letters in expected.items():
        assert list(dataset_of(exam, view(label, "presentation")).PatientOrientation) == letters


def test_every_object_has_its_own_uid_and_its_plan_decides_on_it(exam: SimulatedExam) -> None:
    def uids(made: SimulatedExam) -> list[str]:
        return [dataset_of(made, view(label, "presentation")).SOPInstanceUID for label in LABELS]

    once, again = uids(exam), uids(exam)
    other = uids(replace(exam, plan=replace(exam.plan, maker="B")))
    prior = uids(replace(exam, when="prior"))
    assert once == again
    assert len({*once, *other, *prior}) == 3 * len(LABELS)
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in once)


def test_an_earlier_exam_is_of_the_same_woman(exam: SimulatedExam) -> None:
    before = dataset_of(replace(exam, when="prior", age=exam.age - 2), view("RCC", "presentation"))
    now = dataset_of(exam, view("RCC", "presentation"))
    assert before.PatientID == now.PatientID
    assert before.PatientBirthDate == now.PatientBirthDate
    assert before.StudyInstanceUID != now.StudyInstanceUID
    assert int(now.StudyDate[:4]) - int(before.StudyDate[:4]) == 2


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize(("label", "kind"), combinations())
def test_an_outside_validator_finds_no_error(
    label: str, kind: str, exam: SimulatedExam, tmp_path: Path
) -> None:
    write(exam, view(label, kind), tmp_path / "view.dcm")
    done = subprocess.run(
        ["dciodvfy", str(tmp_path / "view.dcm")], capture_output=True, text=True, check=False
    )
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert not errors
