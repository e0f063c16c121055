"""Nothing half-written is ever seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sample
from pydantic import ValidationError

from calcscope.errors import UnreadableInput
from calcscope.exam.model import View
from calcscope.report.model import ExamReport, Report
from calcscope.report.rendering import render_exam
from calcscope.report.writing import assembled_folder, output_folder, read_report, write_report


def test_a_report_reads_back_as_it_was(report: Report, tmp_path: Path) -> None:
    path = write_report(report, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "report.json"
    assert read_report(path) == report
    assert read_report(path.parent) == report


def test_the_same_report_gives_the_same_bytes(report: Report, tmp_path: Path) -> None:
    first = write_report(report, tmp_path / "a").read_bytes()
    again = write_report(read_report(tmp_path / "a"), tmp_path / "b").read_bytes()
    assert first == again


def test_coordinates_do_not_take_a_line_each(report: Report, tmp_path: Path) -> None:
    lines = write_report(report, tmp_path).read_text().splitlines()
    points = sum(len(c.outline) for view in report.exams[0].views for c in view.calcifications)
    assert len(lines) < 3.5 * points
    assert max(len(line) for line in lines if "[" in line) < 130


def test_an_invalid_report_is_refused_and_the_old_one_stays(report: Report, tmp_path: Path) -> None:
    before = write_report(report, tmp_path).read_bytes()
    exam = report.exams[0]
    twice = report.model_copy(update={"exams": [exam, exam]})  # model_copy does not validate
    with pytest.raises(ValidationError, match="occurs twice"):
        write_report(twice, tmp_path)
    assert (tmp_path / "report.json").read_bytes() == before
    assert os.listdir(tmp_path) == ["report.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_while_writing_leaves_the_old_report_alone(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = write_report(report, tmp_path).read_bytes()

    def full(*_: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="no space"):
        write_report(sample.report_of(), tmp_path)
    assert (tmp_path / "report.json").read_bytes() == before
    assert os.listdir(tmp_path) == ["report.json"]


def test_other_users_may_read_what_was_written(report: Report, tmp_path: Path) -> None:
    mask = os.umask(0o022)
    try:
        write_report(report, tmp_path)
        with assembled_folder(tmp_path / "exam") as place:
            (place / "page").write_text("words")
    finally:
        os.umask(mask)
    assert (tmp_path / "report.json").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "exam").stat().st_mode & 0o777 == 0o755


def test_a_folder_takes_its_place_whole(tmp_path: Path) -> None:
    folder = tmp_path / "exam"
    with assembled_folder(folder) as place:
        (place / "old").write_text("old")
        assert not folder.exists()
    with assembled_folder(folder) as place:
        (place / "new").write_text("new")
        assert os.listdir(folder) == ["old"]
    assert os.listdir(folder) == ["new"]
    assert os.listdir(tmp_path) == ["exam"]


def test_an_exam_whose_pixels_fail_midway_leaves_the_earlier_folder_alone(
    report: Report, screening: tuple[ExamReport, Sequence[View]], tmp_path: Path
) -> None:
    exam, films = screening
    folder = tmp_path / exam.folder
    folder.mkdir()
    (folder / "report.html").write_text("the earlier report")

    def broken(slice: int | None = None) -> Any:
        raise UnreadableInput("LMLO.dcm", "half a file", "a whole one", "copy it again")

    failing = [*films[:-1], replace(films[-1], load=broken)]
    with pytest.raises(UnreadableInput):
        render_exam(report, exam, failing, folder, pdf=False)
    assert (folder / "report.html").read_text() == "the earlier report"
    assert os.listdir(tmp_path) == [exam.folder]


def test_the_earlier_folder_comes_back_when_the_new_one_cannot_be_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "exam"
    with assembled_folder(folder) as place:
        (place / "old").write_text("old")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if (self / "new").exists():
            raise OSError("permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="permission"), assembled_folder(folder) as place:
        (place / "new").write_text("new")
    assert os.listdir(folder) == ["old"]
    assert os.listdir(tmp_path) == ["exam"]


WRITER = """
import sys, time
from pathlib import Path
from calcscope.report import writing
out = Path(sys.argv[1])
with writing.output_folder(out), writing.assembled_folder(out / "exam") as place:
    (place / "half").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def run_that_writes(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the midst of writing ``tmp_path/exam``."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
        process.kill()


def write_exam(out: Path) -> None:
    with output_folder(out), assembled_folder(out / "exam") as place:
        (place / "page").write_text("whole")


def test_the_next_run_clears_what_a_killed_one_left(
    tmp_path: Path, run_that_writes: subprocess.Popen[str]
) -> None:
    run_that_writes.send_signal(signal.SIGKILL)
    run_that_writes.wait()
    assert [name for name in os.listdir(tmp_path) if name.startswith(".exam.")]
    write_exam(tmp_path)
    assert os.listdir(tmp_path) == ["exam"]


def test_what_a_living_run_is_writing_is_left_alone(
    tmp_path: Path, run_that_writes: subprocess.Popen[str]
) -> None:
    (theirs,) = tmp_path.iterdir()
    write_exam(tmp_path)
    write_exam(tmp_path)
    assert (theirs / "half").read_text() == "half"
    assert sorted(os.listdir(tmp_path)) == sorted([theirs.name, "exam"])


def test_a_run_killed_between_two_renamings_loses_no_earlier_exam(tmp_path: Path) -> None:
    write_exam(tmp_path)
    (tmp_path / "exam").rename(tmp_path / ".exam.calcscope-old-0123456789ab")
    with output_folder(tmp_path):
        assert (tmp_path / "exam" / "page").read_text() == "whole"
    assert os.listdir(tmp_path) == ["exam"]


def test_nothing_but_our_own_leftovers_is_cleared(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "film").write_text("film")
    out = tmp_path / "out"
    out.mkdir()
    others = (".exam.0123456789ab", ".exam.calcscope-new-01", "exam.calcscope-new-0123456789ab", ".git")
    for name in others:
        (out / name).mkdir()
    (out / ".link.calcscope-new-0123456789ab").symlink_to(elsewhere, target_is_directory=True)
    (out / ".report.json.calcscope-new-0123456789ab").write_text("half")
    write_exam(out)
    assert {path.name for path in out.iterdir()} == {*others, ".link.calcscope-new-0123456789ab", "exam"}
    assert (elsewhere / "film").exists()
