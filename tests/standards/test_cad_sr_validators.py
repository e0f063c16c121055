"""What programs of others say of the CAD SR."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from outside import JAVA_OPTIONS, TIMEOUT, iod_faults, program, run

from calcscope.standards.cad_sr import files
from calcscope.standards.subject import Subject

JAR = Path("/usr/share/java/pixelmed.jar")
TABLE = "com/pixelmed/validate/DicomContextGroupsSource.xml"
ASKED = re.compile(r'cid="(60[0-4]\d|401[45]|500[01]|PMP_402\w+|614[02]|6166)"')
"""The context groups that TID 4000 asks for."""


@pytest.fixture(scope="session")
def small_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validator's context groups without those that mammography does not ask for.

    It reads all of them again for each coded value: hundreds of values would take gigabytes and minutes.
    """
    program("DicomSRValidator")
    if not JAR.is_file():
        pytest.skip(f"{JAR} is not there")
    text = zipfile.ZipFile(JAR).read(TABLE).decode()
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    group = r"<definecontextgroup\s[^>]*>.*?</definecontextgroup>"
    text = re.sub(group, lambda m: m[0] if ASKED.search(m[0][:200]) else "", text, flags=re.S)
    folder = tmp_path_factory.mktemp("tables")
    (folder / TABLE).parent.mkdir(parents=True)
    (folder / TABLE).write_text(text)
    return folder


@pytest.mark.parametrize("name", ["normal", "all_terms", "with_prior"])
def test_pixelmeds_validator_finds_no_error(
    name: str, subjects: dict[str, Subject], tmp_path: Path, small_tables: Path
) -> None:
    (tmp_path / "cad-sr.dcm").write_bytes(files(subjects[name])["cad-sr.dcm"])
    command = [
        program("java"), *JAVA_OPTIONS.split(), "-cp", f"{small_tables}:{JAR}",
        "com.pixelmed.validate.DicomSRValidator", str(tmp_path / "cad-sr.dcm"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT)
    lines = (done.stdout + done.stderr).splitlines()
    assert "Root Template Validation Complete" in lines, lines[-3:]
    assert "IOD validation complete" in lines, lines[-3:]
    assert [line for line in lines if line.startswith("Error")] == []
    warnings = [line for line in lines if line.startswith("Warning")]
    # The body of an individual impression, on the feature: see calcscope.standards.cad_sr.content.
    assert [line for line in warnings if "Content Item not in template" not in line] == []


@pytest.mark.parametrize("name", ["normal", "all_terms", "with_prior"])
def test_dciodvfy_finds_no_error_and_dsrdump_renders_it(
    name: str, subjects: dict[str, Subject], tmp_path: Path
) -> None:
    path = tmp_path / "cad-sr.dcm"
    path.write_bytes(files(subjects[name])["cad-sr.dcm"])
    assert iod_faults(path) == []
    done = run("dsrdump", path)
    assert done.returncode == 0
    assert "Mammography CAD Report" in done.stdout
    assert not [line for line in done.stderr.splitlines() if line.startswith(("E:", "F:"))]
