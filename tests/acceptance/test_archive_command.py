"""An archive read by the installed command on its own Ray: killed, gone on with, asked, tried again."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from hospital_network import wait_for
from running import COMMAND, ENVIRONMENT, calcscope

from calcscope.report.writing import read_report

sys.path.insert(0, str(Path(__file__).parents[1] / "archive"))
from archives import READER, exam, zipped
from machines import PATHS

COUNT = 6


def children(pid: int) -> set[int]:
    """Processes that a process started, and those that they did."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family = {pid}
    for _ in range(20):
        family |= {one for one, parent in parents.items() if parent in family}
    return family - {pid}


def alive(pid: int) -> bool:
    """Whether a process runs, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
def test_an_archive_from_files_to_answers(tmp_path: Path) -> None:
    """Killed in mid-run with its own Ray; a retry reads what failed and what was left; then questions."""
    pytest.importorskip("duckdb")
    where, out = tmp_path / "archive", tmp_path / "results"
    for number in range(COUNT - 1):
        exam(where / str(number), number, InstitutionName=f"Klinik {number % 2}", PatientComments="slow")
    zipped(where / "more.zip", exam(tmp_path / "packed", COUNT - 1, InstitutionName="Klinik 1"))
    good = {}
    for path in exam(where / "3", 3, InstitutionName="Klinik 1", day="20190101"):  # the first to be read
        good[path] = path.read_bytes()
        ds = pydicom.dcmread(path)
        ds.Rows = 7
        ds.save_as(path)
    environment = {**ENVIRONMENT, "PYTHONPATH": PATHS, "ARCHIVE_READ": str(tmp_path / "noted")}
    command = [COMMAND, "archive", "read", where, "--out", out, "--workers", "1", "--reader", READER]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: read_so_far(tmp_path) >= 3, 60, "the reading")
        ray = children(process.pid)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert ray
    wait_for(lambda: not any(alive(pid) for pid in ray), 30, "the end of Ray's processes")

    listed = calcscope("archive", "failed", "--archive", out)
    assert listed.returncode == 1
    assert "found an image of 7 ×" in listed.stdout
    assert str(where) not in listed.stdout

    mended, _ = good
    mended.write_bytes(good[mended])  # the other image stays as it is
    again = calcscope("archive", "retry", "--archive", out, "--workers", "1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"{COUNT} exams read, 0 failed, 0 files not taken" in again.stdout

    sites = calcscope("archive", "query", "by-site", "--archive", out, "--format", "csv")
    assert sites.returncode == 0, sites.stderr
    rows = list(csv.DictReader(io.StringIO(sites.stdout)))
    assert {(row["site"], row["exams"], row["images_not_read"]) for row in rows} == {
        ("Klinik 0", "3", "0"),
        ("Klinik 1", "3", "1"),
    }
    sql = "SELECT exam, patient, age, manufacturer FROM exams ORDER BY date DESC"
    asked = calcscope("archive", "query", sql, "--archive", out, "--format", "json")
    exams = json.loads(asked.stdout)
    assert len({row["exam"] for row in exams}) == len({row["patient"] for row in exams}) == COUNT
    assert {(row["age"], row["manufacturer"]) for row in exams} == {(62, "Maker"), (56, "Maker")}
    refused = calcscope("archive", "query", f"COPY exams TO '{tmp_path / 'x'}'", "--archive", out)
    assert refused.returncode == 1
    assert "expected one SELECT" in refused.stderr

    one = calcscope("archive", "report", exams[0]["exam"], "--archive", out, "--out", tmp_path / "one")
    assert one.returncode == 0, one.stderr
    assert read_report(tmp_path / "one").exams[0].patient_id == exams[0]["patient"]


def read_so_far(folder: Path) -> int:
    """Exams that a worker has begun."""
    noted = folder / "noted"
    return len(noted.read_text().split()) if noted.exists() else 0


def test_without_ray_it_says_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for name in ("ray", "duckdb"):
        (hidden / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name}', name='{name}')\n")
    exam(tmp_path / "archive", 1, ("RCC",))
    environment = {**ENVIRONMENT, "PYTHONPATH": str(hidden)}

    def said(*arguments: object) -> str:
        command = [COMMAND, "archive", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "pip install 'calcscope[archive]'" in said("read", tmp_path / "archive", "--out", tmp_path / "out")
    assert "pip install 'calcscope[archive]'" in said("query", "by-age", "--archive", tmp_path / "out")


def test_wrong_sources_and_folders_are_said(tmp_path: Path) -> None:
    nowhere = calcscope("archive", "read", tmp_path / "none", "--out", tmp_path / "out")
    assert nowhere.returncode == 1
    assert "found nothing there" in nowhere.stderr
    assert not (tmp_path / "out").exists()
    for command in ("failed", "retry"):
        done = calcscope("archive", command, "--archive", tmp_path)
        assert done.returncode == 1
        assert "expected the folder of calcscope archive read" in done.stderr
    both = calcscope("archive", "read", tmp_path, "--out", tmp_path / "out", "--ray", "x:1", "--workers", "2")
    assert both.returncode == 2
    assert not (tmp_path / "out").exists()
