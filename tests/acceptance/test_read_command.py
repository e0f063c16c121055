"""``calcscope read`` as a user meets it: what it leaves behind, what it says, how it ends."""

from __future__ import annotations

import copy
import csv
import html
import json
import signal
import subprocess
import time
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pyarrow.parquet
import pydicom
import pytest
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless, generate_uid
from running import COMMAND, ENVIRONMENT, PNG_OPTIONS, Reading, calcscope

from calcscope import lexicon
from calcscope.report import model
from calcscope.report.writing import read_report

ROOT = Path(__file__).parents[2]
COARSE_ROUND = {"1-280.dcm": [(186, 2146), (728, 2247)], "1-281.dcm": [(787, 1614)]}
"""Coarse round calcifications of the second woman's left breast, marked by eye: film, column and row."""


def film_marks() -> list[tuple[str, str, tuple[int, int, int, int]]]:
    lines = (Path(__file__).parent / "films.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return [(r["film"], r["what"], (int(r["x0"]), int(r["y0"]), int(r["x1"]), int(r["y1"]))) for r in rows]


def members(
    exam: model.ExamReport, view: model.ViewReport
) -> list[tuple[model.Finding, model.Calcification]]:
    """Each calcification of each finding seen in this view."""
    by_id = {each.id: each for each in view.calcifications}
    return [
        (finding, by_id[name])
        for finding in exam.findings
        for member in finding.members
        if member.view == view.sop_uid
        for name in member.calcifications
    ]


# --- the eight real films ---------------------------------------------------------------------------


def test_both_women_are_read_in_four_views_each(demo: Reading) -> None:
    assert sorted(exam.patient_id for exam in demo.report.exams) == ["P_00173", "P_00820"]
    for exam in demo.report.exams:
        assert [view.label for view in exam.views] == ["RCC", "RMLO", "LCC", "LMLO"]
        assert {exam.assessment.left, exam.assessment.right} <= {"0", "1", "2"}  # screening gives no more
    assert demo.report.failures == []


def test_the_report_keeps_its_published_schema(demo: Reading) -> None:
    schema = json.loads((ROOT / "docs/reference/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(json.loads((demo.out / "report.json").read_text(encoding="utf-8")), schema)


def test_every_rendering_is_there_and_opens(demo: Reading) -> None:
    for exam in demo.report.exams:
        folder = demo.out / exam.folder
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert demo.report.notice in " ".join(html.unescape(page).split())
        table = pyarrow.parquet.read_table(folder / "calcifications.parquet")
        assert {"x", "y", "probability", "diameter_mm"} <= set(table.column_names)
        assert len(table) == sum(len(view.calcifications) for view in exam.views)
        for view in exam.views:
            overlay = cv2.imread(str(folder / "overlays" / f"{view.label.lower()}.png"))
            assert overlay is not None
            rows, columns, _ = overlay.shape
            assert rows > 500
            assert columns > 300
        for finding in exam.findings:
            assert list((folder / "overlays").glob(f"finding-{finding.id}-*.png"))


def test_a_pdf_is_written_where_pango_is_there(demo: Reading) -> None:
    if "report.pdf was not written" in demo.process.stderr:
        pytest.skip("the Pango library is not on this machine")
    for exam in demo.report.exams:
        assert (demo.out / exam.folder / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_edges_labels_and_scanner_lines_are_no_mimics_and_ask_for_nothing(demo: Reading) -> None:
    for exam in demo.report.exams:
        page = (demo.out / exam.folder / "report.html").read_text(encoding="utf-8")
        for view in exam.views:
            assert {mimic.kind for mimic in view.mimics} <= set(lexicon.terms().mimics)
            left_out = [area.kind for area in view.left_out]
            assert "label" in left_out
            assert set(left_out) <= {"label", "film_edge", "scanner_line"}
        dust = any(mimic.kind == "film_artifact" for view in exam.views for mimic in view.mimics)
        assert dust or lexicon.terms().mimics["film_artifact"].advice not in page


def test_nothing_on_a_label_a_marker_or_a_scanner_line_is_a_finding(demo: Reading) -> None:
    marks = film_marks()
    assert len({film for film, _, _ in marks}) == 8
    for exam in demo.report.exams:
        for view in exam.views:
            here = [(what, box) for film, what, box in marks if view.source.endswith(film)]
            assert here
            for finding, speck in members(exam, view):
                for what, (x0, y0, x1, y1) in here:
                    inside = x0 <= speck.x <= x1 and y0 <= speck.y <= y1
                    assert not inside, f"{view.label}: {finding.id} is the {what} at {speck.x}, {speck.y}"


def test_coarse_round_calcifications_are_found_in_both_views_and_called_benign(demo: Reading) -> None:
    exam = next(exam for exam in demo.report.exams if exam.patient_id == "P_00820")
    for film, places in COARSE_ROUND.items():
        view = next(view for view in exam.views if view.source.endswith(film))
        for x, y in places:
            near = [
                finding
                for finding, speck in members(exam, view)
                if np.hypot(speck.x - x, speck.y - y) * view.pixel_mm < 1.0
            ]
            assert near, f"{view.label}: nothing was found at {x}, {y}"
            assert all(finding.benign for finding in near)


def test_patients_are_named_in_the_report_alone(demo: Reading) -> None:
    said = demo.process.stdout + demo.process.stderr
    names = "\n".join(str(path.relative_to(demo.out)) for path in demo.out.rglob("*"))
    for exam in demo.report.exams:
        assert exam.patient_id not in said
        assert exam.patient_id not in names
        assert exam.study_uid not in names


# --- other input, and options -----------------------------------------------------------------------


def test_a_png_is_read_with_what_the_command_line_states(png: Path, tmp_path: Path) -> None:
    process = calcscope("read", png, *PNG_OPTIONS, "--json-only", "--out", tmp_path)
    assert process.returncode == 0, process.stderr
    ((view,),) = [exam.views for exam in read_report(tmp_path).exams]
    assert (view.label, view.pixel_mm) == ("LCC", 0.174)
    assert not view.morphology_assessable  # above 0.1 mm a pixel
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_no_spacing_is_an_error_that_says_how_to_give_it(films: dict[str, Path], tmp_path: Path) -> None:
    process = calcscope("read", films["1-280.dcm"], "--out", tmp_path)
    assert process.returncode == 1
    assert "--pixel-mm" in process.stdout + process.stderr
    assert read_report(tmp_path).exams == []


def test_a_lower_threshold_lists_more_and_groups_the_same(png: Path, tmp_path: Path) -> None:
    listed = {}
    for name, more in (("plain", ()), ("all", ("--min-probability", "0"))):
        process = calcscope("read", png, *PNG_OPTIONS, "--json-only", *more, "--out", tmp_path / name)
        assert process.returncode == 0, process.stderr
        listed[name] = read_report(tmp_path / name).exams[0]
    plain, every = listed["plain"], listed["all"]
    assert len(every.views[0].calcifications) > len(plain.views[0].calcifications)
    assert every.views[0].groups == plain.views[0].groups
    assert every.assessment == plain.assessment
    assert [f.sentence for f in every.findings] == [f.sentence for f in plain.findings]


def test_all_groups_adds_groups_and_no_finding(png: Path, tmp_path: Path) -> None:
    options = (*PNG_OPTIONS, "--json-only", "--min-probability", "0")
    calcscope("read", png, *options, "--out", tmp_path / "plain")
    process = calcscope("read", png, *options, "--all-groups", "--out", tmp_path / "all")
    assert process.returncode == 0, process.stderr
    plain, every = (read_report(tmp_path / name).exams[0] for name in ("plain", "all"))
    groups = every.views[0].groups
    assert groups[: len(plain.views[0].groups)] == plain.views[0].groups
    assert len(groups) > len(plain.views[0].groups)
    assert all(0 < group.probability < 1 for group in groups)
    assert [f.sentence for f in every.findings] == [f.sentence for f in plain.findings]


def test_probabilities_of_all_groups_are_strictly_ordered(png: Path, tmp_path: Path) -> None:
    calcscope(
        "read", png, *PNG_OPTIONS, "--json-only", "--min-probability", "0", "--all-groups", "--out", tmp_path
    )
    scores = [group.probability for group in read_report(tmp_path).exams[0].views[0].groups]
    assert len(set(scores)) == len(scores)


# --- what goes wrong --------------------------------------------------------------------------------


def test_a_broken_file_is_named_and_the_rest_is_read(
    films: dict[str, Path], png: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "exam"
    folder.mkdir()
    (folder / "film.png").write_bytes(png.read_bytes())
    (folder / "broken.dcm").write_bytes(films["1-280.dcm"].read_bytes()[:200_000])
    process = calcscope("read", folder, *PNG_OPTIONS, "--json-only", "--out", tmp_path / "report")
    assert process.returncode == 1
    report = read_report(tmp_path / "report")
    assert [len(exam.views) for exam in report.exams] == [1]
    ((source, reason),) = [(each.source, each.reason) for each in report.failures]
    assert source.endswith("broken.dcm")
    assert "\n" not in reason
    said = process.stdout + process.stderr
    assert len([line for line in said.splitlines() if "broken.dcm" in line]) == 1
    assert "P_00820" not in said


DAMAGED = {
    "rle": RLELossless,
    "jpegls": JPEGLSLossless,
    "j2k": JPEG2000Lossless,
}


def test_each_damaged_file_is_one_line_whatever_its_encoding(films: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "exam"
    folder.mkdir()
    image = pydicom.dcmread(films["1-280.dcm"])
    image.decompress(generate_instance_uid=False)
    pixels = image.pixel_array[1000:1400, 600:900]
    image.Rows, image.Columns = pixels.shape
    image.PixelData = pixels.tobytes()
    for name, syntax in DAMAGED.items():
        packed = copy.deepcopy(image)
        packed.compress(syntax, generate_instance_uid=False)
        frame = get_frame(packed.PixelData, 0, number_of_frames=1)
        noise = np.random.default_rng(3).bytes(300)
        half = len(frame) // 2
        variants = {
            "cut": frame[:half],
            "head": frame[:8] + noise + frame[308:],
            "noise": frame[:half] + noise + frame[half + 300 :],
        }
        for what, damaged in variants.items():
            if (name, what) == ("j2k", "noise"):
                continue  # its decoders cannot tell
            packed.PixelData = encapsulate([damaged])
            packed.SOPInstanceUID = packed.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            packed.save_as(folder / f"{name}-{what}.dcm")
    image.save_as(folder / "plain-cut.dcm")
    (folder / "plain-cut.dcm").write_bytes((folder / "plain-cut.dcm").read_bytes()[:90_000])
    files = sorted(folder.iterdir())
    process = calcscope("read", folder, "--pixel-mm", "0.0435", "--json-only", "--out", tmp_path / "report")
    assert process.returncode == 1
    assert process.stderr.strip() == ""
    said = process.stdout.splitlines()
    for path in files:
        (line,) = [line for line in said if path.name in line]
        assert line.startswith(f"{path}: found ")
        assert "; expected " in line
    assert len(read_report(tmp_path / "report").failures) == len(files)


@pytest.mark.parametrize(
    "arguments",
    [
        ("read",),
        ("read", "film.png"),
        ("read", "film.png", "--out", "report", "--mode", "fast"),
        ("read", "film.png", "--out", "report", "--pixel-mm", "43"),
        ("read", "film.png", "--out", "report", "--pixel-mm", "nan"),
        ("read", "film.png", "--out", "report", "--view", "SIDEWAYS"),
        ("read", "film.png", "--out", "report", "--min-probability", "2"),
        ("read", "film.png", "--out", "report", "--prevalence", "0"),
    ],
    ids=lambda arguments: " ".join(arguments[1:]) or "nothing",
)
def test_wrong_arguments_end_with_2_and_do_nothing(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    process = calcscope(*arguments)
    assert process.returncode == 2
    assert process.stderr
    assert "Traceback" not in process.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_before_the_work(png: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    process = calcscope("read", png, *PNG_OPTIONS, "--out", tmp_path / "file" / "report")
    assert process.returncode == 1
    assert str(tmp_path / "file" / "report") in process.stderr
    assert "Traceback" not in process.stderr
    assert (tmp_path / "file").read_text(encoding="utf-8") == "in the way"


def test_a_killed_run_leaves_the_earlier_report_whole_and_nothing_for_long(png: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert calcscope("read", png, *PNG_OPTIONS, "--no-pdf", "--out", out).returncode == 0
    exam = read_report(out).exams[0].folder
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = subprocess.Popen(
        [COMMAND, "read", str(png), *PNG_OPTIONS, "--out", str(out)],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not list(out.glob(f".{exam}.*")) and time.monotonic() < deadline:
        assert again.poll() is None, "the run ended before it wrote anything"
        time.sleep(0.005)
    again.send_signal(signal.SIGKILL)
    again.wait()
    assert {path: path.read_bytes() for path in before} == before
    assert [path for path in out.iterdir() if path.name.startswith(".")]
    assert calcscope("read", png, *PNG_OPTIONS, "--no-pdf", "--out", out).returncode == 0
    assert {path for path in out.rglob("*") if path.is_file()} == set(before)


def test_a_fault_of_ours_is_told_in_the_report_and_not_logged_over_it() -> None:
    script = "import logging, calcscope; logging.getLogger('calcscope.reading.exam').error('fault')"
    ran = subprocess.run(
        [COMMAND.parent / "python", "-c", script], capture_output=True, text=True, check=True
    )
    assert ran.stdout + ran.stderr == ""


def test_help_answers_at_once() -> None:
    started = time.monotonic()
    process = calcscope("read", "--help")
    assert process.returncode == 0
    # A quarter of a second on an idle machine; the margin is for a busy one.
    assert time.monotonic() - started < 3.0
    for option in ("--pixel-mm", "--laterality", "--view", "--mode", "--min-probability", "--all-groups"):
        assert option in process.stdout


def test_help_loads_no_image_library() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from calcscope.cli import app; "
        "CliRunner().invoke(app, ['read', '--help']); "
        "print(sorted({'numpy', 'cv2', 'scipy', 'pydicom', 'pyarrow', 'weasyprint'} & set(sys.modules)))"
    )
    python = COMMAND.parent / "python"
    loaded = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
