"""The node beside a real Orthanc, by the recipe of the documentation, word for word."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from hospital_network import (
    COMMAND,
    ENVIRONMENT,
    ROOT,
    NodeProcess,
    Orthanc,
    exam,
    free_port,
    send,
    wait_for,
)
from outside import program, run
from pydicom import dcmread
from pydicom.dataset import Dataset

RECIPE = Path(__file__).parents[2] / "docs" / "recipes" / "orthanc.md"
PORTS = ("4242", "8042", "11112")
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@dataclass
class Site:
    """A folder with the recipe's files, and both programs running in it."""

    folder: Path
    blocks: dict[str, str]
    ports: dict[str, str]
    orthanc: Orthanc
    node: NodeProcess

    def shell(self, title: str) -> list[subprocess.CompletedProcess[str]]:
        """Run the lines of a block of the page, each to its end."""
        path = f"{COMMAND.parent}:{os.environ['PATH']}:/usr/sbin"
        done = []
        for line in self.blocks[title].splitlines():
            program(line.split()[0]) if line.split()[0] != "calcscope" else None
            one = subprocess.run(
                ["sh", "-c", line], cwd=self.folder, capture_output=True, text=True, timeout=120,
                env={**ENVIRONMENT, "PATH": path},
            )  # fmt: skip
            assert one.returncode == 0, f"{line}: {one.stdout[-500:]}{one.stderr[-500:]}"
            done.append(one)
        return done


def blocks_of(page: str) -> dict[str, str]:
    """The page's blocks that have a title."""
    return dict(re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', page, re.DOTALL | re.MULTILINE))


def build(folder: Path, *, extra: str = "") -> Site:
    """The recipe's files in a folder, with free ports; ``extra`` goes below ``node.toml``."""
    if not PLUGIN.exists():
        program("orthanc-dicomweb")
    ports = {port: str(free_port()) for port in PORTS}
    page = re.sub("|".join(PORTS), lambda match: ports[match[0]], RECIPE.read_text(encoding="utf-8"))
    blocks = blocks_of(page)
    orthanc = Orthanc(program("Orthanc"), folder, json.loads(blocks["orthanc.json"]))
    (folder / "calcscope.lua").write_text(blocks["calcscope.lua"], encoding="utf-8")
    node = NodeProcess(folder, blocks["node.toml"] + extra, int(ports["11112"]))
    assert shlex.split(blocks["terminal 1"]) == ["Orthanc", "orthanc.json"]
    assert shlex.split(blocks["terminal 2"]) == ["calcscope", "node", "--config", "node.toml"]
    return Site(folder, blocks, ports, orthanc, node)


@pytest.fixture
def recipe(tmp_path: Path) -> Iterator[Site]:
    """The recipe as it stands, running."""
    site = build(tmp_path)
    try:
        site.orthanc.start()
        site.node.start()
        yield site
    finally:
        site.node.stop()
        site.orthanc.stop()


@pytest.mark.slow
def test_the_recipe_brings_results_into_the_archive(recipe: Site) -> None:
    """storescu → Orthanc → node → engine → Orthanc, and there by REST and DICOMweb."""
    recipe.shell("terminal 3")
    orthanc = recipe.orthanc
    kinds = ("SR", "SEG", "PR")
    wait_for(
        lambda: all(orthanc.get(f"/dicom-web/instances?Modality={kind}") for kind in kinds),
        120,
        "the results",
    )
    *found, status = recipe.shell("results")
    assert all(json.loads(one.stdout) for one in found)
    assert status.returncode == 0
    (study,) = orthanc.get("/studies")
    held = {orthanc.get(f"/series/{one}")["MainDicomTags"]["Modality"] for one in
            orthanc.get(f"/studies/{study}")["Series"]}  # fmt: skip
    assert held == {"MG", *kinds}
    image = dcmread(recipe.folder / "exams/exam-008000/RCC.dcm", stop_before_pixels=True)
    for kind in kinds:
        for one in orthanc.find(image.StudyInstanceUID, kind):
            result = dcmread(BytesIO(orthanc.raw(f"/instances/{of_uid(orthanc, one)}/file")))
            assert result.PatientID == image.PatientID
            assert result.StudyInstanceUID == image.StudyInstanceUID
            assert result.Manufacturer == "Calcscope"
    time.sleep(7)  # the results are stable now too: nothing may go round
    assert recipe.node.log.count(" reading ") == 1
    assert recipe.node.status().returncode == 0


def of_uid(orthanc: Orthanc, instance: dict) -> str:  # type: ignore[type-arg]
    """Orthanc's own name of an instance that DICOMweb found."""
    uid = instance["00080018"]["Value"][0]
    for one in orthanc.get("/instances"):
        if orthanc.get(f"/instances/{one}")["MainDicomTags"]["SOPInstanceUID"] == uid:
            return str(one)
    raise AssertionError(uid)


CHEAP = {
    'kinds = ["cad-sr", "seg", "gsps"]': 'kinds = ["cad-sr"]\nreader = "cheap_reader:read"',
    "quiet_seconds = 10": "quiet_seconds = 30\nsettle_seconds = 0.5",
    '"StableAge": 5': '"StableAge": 1',
}
MODALITY = '\n[[peer]]\ntitle = "MODALITY"\naddress = "127.0.0.1"\n'
SOURCE = re.compile(r"\[priors\.source\].*", re.DOTALL)


def cheap(folder: Path, source: str | None = None, sender: str | None = None) -> Site:
    """The recipe with the reader that costs nothing, and another source or sender."""
    site = build(folder)
    config = site.node.config
    for before, after in CHEAP.items():
        config = config.replace(before, after)
    if source is not None:
        config = SOURCE.sub(source, config)
    if sender is not None:
        config = re.sub(r"\[\[send\]\].*?(?=\n\[|\Z)", sender, config, flags=re.DOTALL)
    site.node.config = config
    site.orthanc.config["StableAge"] = 1
    return site


def words(site: Site, study: int) -> list[str]:
    """What the reports of a study in the archive say."""
    found = []
    for one in site.orthanc.find(f"{ROOT}.{study}", "SR"):
        report = dcmread(BytesIO(site.orthanc.raw(f"/instances/{of_uid(site.orthanc, one)}/file")))
        found.append(report.ContentSequence[0].TextValue)
    return found


def two_exams() -> tuple[list[Dataset], list[Dataset]]:
    """An exam of 2024 and one of 2026 of the same woman."""
    return exam(5, patient="W-1", day="20241108"), exam(6, patient="W-1")


@pytest.mark.slow
@pytest.mark.parametrize("by", ["move", "get", "web"])
def test_earlier_exams_come_from_the_archive(tmp_path: Path, by: str) -> None:
    site = cheap(tmp_path)
    source = (
        f'[priors.source]\nby = "{by}"\ntitle = "ORTHANC"\nhost = "127.0.0.1"\nport = {site.ports["4242"]}\n'
    )
    if by == "web":
        source = f'[priors.source]\nby = "web"\nurl = "http://127.0.0.1:{site.ports["8042"]}/dicom-web"\n'
    site.node.config = SOURCE.sub(source, site.node.config)
    site.orthanc.config["LuaScripts"] = []  # nothing is routed: the exam of 2026 comes from the modality
    site.node.config += MODALITY
    try:
        site.orthanc.start()
        site.node.start()
        earlier, current = two_exams()
        assert send(int(site.ports["4242"]), earlier, called="ORTHANC") == [0] * 4
        assert send(site.node.port, current) == [0] * 4
        wait_for(lambda: words(site, 6), 40, "the report")
        assert words(site, 6) == ["4 images, 4 earlier"]
        assert words(site, 5) == []  # what was fetched is not read for its own sake
        assert site.node.log.count(" reading ") == 1
    finally:
        site.node.stop()
        site.orthanc.stop()


@pytest.mark.slow
def test_earlier_exams_found_and_moved_by_dcmtk_are_used(tmp_path: Path) -> None:
    """findscu finds the earlier exam in Orthanc, movescu moves it to the node; then the new one comes."""
    site = cheap(tmp_path, source="")
    site.node.config += MODALITY
    site.orthanc.config["LuaScripts"] = []
    site.orthanc.config["DicomModalities"]["station"] = ["STATION", "127.0.0.1", 104]  # who may ask
    try:
        site.orthanc.start()
        site.node.start()
        earlier, current = two_exams()
        archive = ["-aet", "STATION", "-aec", "ORTHANC", "127.0.0.1", site.ports["4242"]]
        assert send(int(site.ports["4242"]), earlier, called="ORTHANC") == [0] * 4
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=W-1", "-k", "StudyInstanceUID"]
        found = run("findscu", "-S", "-v", *keys, *archive)
        assert f"{ROOT}.5" in found.stdout + found.stderr
        one = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={ROOT}.5"]
        moved = run("movescu", "-S", "-aem", "CALCSCOPE", "-v", *one, *archive)
        assert moved.returncode == 0, moved.stderr
        wait_for(lambda: words(site, 5), 40, "the report of the earlier exam")
        assert send(site.node.port, current) == [0] * 4
        wait_for(lambda: words(site, 6), 40, "the report")
        assert words(site, 6) == ["4 images, 4 earlier"]
    finally:
        site.node.stop()
        site.orthanc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("to", ["stow", "dicom"])
def test_storescu_to_node_to_an_archive_that_was_down_and_gets_results_once(tmp_path: Path, to: str) -> None:
    sender = '[[send]]\nname = "archive"\nto = "stow"\nurl = "http://127.0.0.1:{}/dicom-web"\n'
    site = cheap(tmp_path, source="", sender=sender if to == "stow" else None)
    site.node.config = site.node.config.replace("{}", site.ports["8042"]).replace('"orthanc"', '"archive"')
    site.node.config += "\n[sending]\nfirst_wait = 0.5\nlongest_wait = 1\n" + MODALITY
    site.node.start()
    files = [tmp_path / f"{number}.dcm" for number in range(4)]
    for file, image in zip(files, exam(7), strict=True):
        image.save_as(file, enforce_file_format=True)
    try:
        sent = run(
            "storescu", "-aet", "MODALITY", "-aec", "CALCSCOPE", "127.0.0.1", str(site.node.port), *files
        )
        assert sent.returncode == 0, sent.stderr
        wait_for(lambda: "not sent to=archive" in site.node.log, 30, "the first try")
        assert site.node.status().returncode == 1  # the archive is in trouble, and status says so
        site.node.kill()
        site.orthanc.start()
        site.node.start()
        wait_for(lambda: words(site, 7), 30, "the report")
        wait_for(lambda: site.node.status().returncode == 0, 10, "the note that it was sent")
        assert words(site, 7) == ["4 images, 0 earlier"]
        assert site.node.log.count(" read study=") == 1
    finally:
        site.node.stop()
        site.orthanc.stop()
