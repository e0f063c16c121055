"""``calcscope read --prior`` and ``calcscope compare`` as a user meets them, on a drawn pair."""

from __future__ import annotations

import html
import json
from pathlib import Path

import cv2
import jsonschema
import pytest
from priors.textures import bent
from reading.pairs import PIXEL_MM, current, earlier, exam, film, group
from running import Reading, calcscope

from calcscope.report.writing import read_report

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A breast now with twelve calcifications, and two years ago with six of them."""
    place = tmp_path_factory.mktemp("pair")
    current(place / "now")
    earlier(place / "then", 6)
    return place


@pytest.fixture(scope="module")
def compared(folder: Path) -> Reading:
    out = folder / "report"
    process = calcscope("compare", folder / "then", folder / "now", "--out", out)
    assert process.returncode == 0, process.stderr
    return Reading(process, out, read_report(out))


def test_the_newest_exam_is_read_and_its_group_has_more(compared: Reading) -> None:
    (report,) = compared.report.exams
    assert report.date == "2026-05-01"
    change = report.findings[0].change
    assert change is not None
    assert change.status[0] == "more"
    assert change.numbers["count_change"] == pytest.approx(6, abs=1.5)


def test_terminal_and_page_tell_it_in_words(compared: Reading) -> None:
    (report,) = compared.report.exams
    said = compared.process.stdout
    page = html.unescape((compared.out / report.folder / "report.html").read_text(encoding="utf-8"))
    for words in ("6 found in May 2024, 12 now.", "90 % interval"):
        assert words in " ".join(said.split())
        assert words in " ".join(page.split())
    assert "Compared with the exam of 1 May 2024" in said
    assert report.patient_id not in said


def test_the_pictures_are_there_and_open(compared: Reading) -> None:
    (report,) = compared.report.exams
    for name in ("change-F1-lcc.png", "blink-F1-lcc-then.png", "blink-F1-lcc-now.png"):
        image = cv2.imread(str(compared.out / report.folder / "overlays" / name))
        assert image is not None
        assert image.std() > 10


def test_the_report_keeps_its_published_schema(compared: Reading) -> None:
    schema = json.loads((ROOT / "docs/reference/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads((compared.out / "report.json").read_text(encoding="utf-8")), schema)


def test_what_cannot_be_compared_is_told_and_the_exam_read_all_the_same(folder: Path, tmp_path: Path) -> None:
    stranger = exam(tmp_path / "stranger", "then", film(group(0)), PatientID="OTHER-9")
    (tmp_path / "broken.dcm").write_bytes((folder / "then" / "LCC.dcm").read_bytes()[:50_000])
    process = calcscope(
        "read", folder / "now", "--prior", stranger, "--prior", tmp_path / "broken.dcm", "--json-only",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert process.returncode == 1  # a file could not be read
    assert f"Not compared with {stranger} of 1 May 2024: It has another patient ID." in process.stdout
    assert "broken.dcm: None of it could be read" in process.stdout
    assert "Nothing was compared" in process.stdout
    assert "OTHER-9" not in process.stdout + process.stderr
    (report,) = read_report(tmp_path / "out").exams
    assert report.findings[0].change is None
    assert {prior.used for prior in report.priors} == {False}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pair as plain images: the earlier one has its day in its folder's name, the current one nowhere."""
    place = tmp_path_factory.mktemp("plain")
    for name, pixels in (
        ("now/LCC.png", film(group(12))),
        ("2024-05-01/LCC.tif", film(group(6), bent, noise_of=1)),
    ):
        (place / name).parent.mkdir()
        assert cv2.imwrite(str(place / name), pixels)
    return place


STATED = ("--pixel-mm", str(PIXEL_MM), "--json-only")


def test_plain_images_are_compared_once_their_day_and_patient_are_stated(plain: Path, tmp_path: Path) -> None:
    now, then = plain / "now" / "LCC.png", plain / "2024-05-01"
    process = calcscope(
        "read", now, "--prior", then, "--date", "2026-05-01", "--patient", "W-1", *STATED, "--out", tmp_path
    )
    assert process.returncode == 0, process.stderr
    (report,) = read_report(tmp_path).exams
    assert (report.date, report.patient_id) == ("2026-05-01", "W-1")
    change = report.findings[0].change
    assert change is not None
    assert (change.date, change.status[0]) == ("2024-05-01", "more")
    assert "Page:" not in process.stdout  # there is none with --json-only
    assert "W-1" not in process.stdout + process.stderr


def test_plain_images_that_state_nothing_are_told_what_to_state(plain: Path, tmp_path: Path) -> None:
    now, then = plain / "now", plain / "2024-05-01"
    process = calcscope("compare", now, *STATED, "--out", tmp_path)
    assert process.returncode == 1
    assert "put the date into the name of each file or its folder" in process.stderr
    process = calcscope("read", now, "--prior", then, *STATED, "--out", tmp_path)
    assert process.returncode == 0
    assert "It states no patient ID" in process.stdout
    assert "--patient" in process.stdout
    process = calcscope("read", now, "--date", "1.5.2026", *STATED, "--out", tmp_path)
    assert process.returncode == 2
    assert "such as 2019-05-02" in process.stderr


def test_exams_without_a_date_cannot_be_compared(folder: Path, tmp_path: Path) -> None:
    undated = exam(tmp_path / "undated", "then", film(group(0)), StudyDate=None)
    process = calcscope("compare", undated, "--out", tmp_path / "out")
    assert process.returncode == 1
    assert "without a date" in process.stderr
    assert process.stdout == ""
