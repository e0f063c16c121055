"""What programs of others say of the CAD SR."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from outside import JAVA_OPTIONS, TIMEOUT, iod_faults, program, run
from pydicom import dcmread

from calcscope.standards.exporting import Kind, Written

JAR = Path("/usr/share/java/pixelmed.jar")
TABLE = "com/pixelmed/validate/DicomContextGroupsSource.xml"
TEMPLATES = "com/pixelmed/validate/DicomSRDescriptionsCompiled.xsl"


def groups_asked_for(templates: str, root: str) -> set[str]:
    """The context groups that a template and all that it includes check codes against."""
    named = dict(re.findall(r'<xsl:template name="(TID_\w+)">(.*?)</xsl:template>', templates, re.S))
    reached: set[str] = set()
    ahead = {root}
    while ahead:
        reached |= ahead
        text = "".join(named[one] for one in ahead)
        ahead = set(re.findall(r'call-template name="(TID_\w+)"', text)) - reached
    return {
        group for one in reached for group in re.findall(r"name=\"\w*CID\" select=\"'(\w+)'\"", named[one])
    }


@pytest.fixture(scope="session")
def small_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validator's context groups without those that no template below TID 4000 asks for.

    It reads all of them again for each coded value: hundreds of values would take gigabytes and minutes.
    Nothing that it would check goes unchecked.
    """
    program("DicomSRValidator")
    if not JAR.is_file():
        pytest.skip(f"{JAR} is not there")
    jar = zipfile.ZipFile(JAR)
    asked = groups_asked_for(jar.read(TEMPLATES).decode(), "TID_4000")
    assert {"4014", "6010", "6012", "6026", "6034", "6046", "6047"} <= asked
    text = re.sub(r"<!--.*?-->", "", jar.read(TABLE).decode(), flags=re.S)
    group = r"<definecontextgroup\s[^>]*>.*?</definecontextgroup>"
    own = re.compile(r'cid="(\w+)"')
    text = re.sub(group, lambda m: m[0] if own.findall(m[0])[0] in asked else "", text, flags=re.S)
    folder = tmp_path_factory.mktemp("tables")
    (folder / TABLE).parent.mkdir(parents=True)
    (folder / TABLE).write_text(text)
    return folder


def judged(path: Path, tables: Path) -> list[str]:
    """What PixelMed's validator says of a document, line by line."""
    command = [
        program("java"), *JAVA_OPTIONS.split(), "-cp", f"{tables}:{JAR}",
        "com.pixelmed.validate.DicomSRValidator", str(path),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT)
    lines = (done.stdout + done.stderr).splitlines()
    assert "Root Template Validation Complete" in lines, lines[-3:]
    assert "IOD validation complete" in lines, lines[-3:]
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("name", ["normal", "all_terms", "with_prior"])
def test_pixelmeds_validator_finds_no_error(
    name: str, objects: Callable[[str, Kind], Written], tmp_path: Path, small_tables: Path
) -> None:
    (tmp_path / "cad-sr.dcm").write_bytes(objects(name, "cad-sr")["cad-sr.dcm"])
    lines = judged(tmp_path / "cad-sr.dcm", small_tables)
    assert [line for line in lines if line.startswith("Error") or "illegal" in line] == []
    warnings = [line for line in lines if line.startswith("Warning")]
    # The body of an individual impression, on the feature: see calcscope.standards.cad_sr.content.
    assert [line for line in warnings if "Content Item not in template" not in line] == []


@pytest.mark.slow
def test_the_validator_catches_a_wrong_code(
    objects: Callable[[str, Kind], Written], tmp_path: Path, small_tables: Path
) -> None:
    """Codes of four groups, spoiled one by one in one document: with the small tables each is an error."""
    document = dcmread(io.BytesIO(objects("normal", "cad-sr")["cad-sr.dcm"]))
    spoiled = {"111222": "111999", "111241": "111998", "mo": "mo9", "399162004": "399162009"}
    for sequence in (each for each in document.iterall() if each.VR == "SQ"):
        for item in sequence.value:
            if item.get("CodeValue") in spoiled:
                item.CodeValue = spoiled[item.CodeValue]
    document.save_as(tmp_path / "wrong.dcm", enforce_file_format=True)
    lines = judged(tmp_path / "wrong.dcm", small_tables)
    for group, wrong in zip(("6042", "6047", "6046", "4014"), spoiled.values(), strict=True):
        told = [line for line in lines if wrong in line and group in line]
        assert any(line.startswith("Error") for line in told), (group, lines)


@pytest.mark.parametrize("name", ["normal", "all_terms", "with_prior"])
def test_dciodvfy_finds_no_error_and_dsrdump_renders_it(
    name: str, objects: Callable[[str, Kind], Written], tmp_path: Path
) -> None:
    path = tmp_path / "cad-sr.dcm"
    path.write_bytes(objects(name, "cad-sr")["cad-sr.dcm"])
    assert iod_faults(path) == []
    done = run("dsrdump", path)
    assert done.returncode == 0
    assert "Mammography CAD Report" in done.stdout
    assert not [line for line in done.stderr.splitlines() if line.startswith(("E:", "F:"))]
