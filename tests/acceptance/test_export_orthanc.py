"""What ``calcscope export`` writes, sent by DCMTK to a real Orthanc: listed, found and returned unchanged."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hospital import with_prior
from hospital_network import Orthanc, free_port
from outside import program, run
from pydicom import dcmread
from pydicom.dataset import Dataset
from running import calcscope

from calcscope.report.writing import write_report

pytestmark = pytest.mark.slow

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
KINDS = {"images": "MG", "seg": "SEG", "gsps": "PR", "sr": "SR", "cad-sr": "SR"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """The files of each kind, of an exam that was compared with an earlier one."""
    folder = tmp_path_factory.mktemp("exam")
    write_report(with_prior(folder / "images"), folder / "report")
    files = {}
    for kind in KINDS:
        done = calcscope("export", folder / "report", "--to", kind, "--out", folder / "objects")
        assert done.returncode == 0, done.stderr
        files[kind] = [Path(line) for line in done.stdout.splitlines()]
    return files


@pytest.fixture(scope="module")
def archive(written: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Orthanc with everything in it, as storescu brought it."""
    if not PLUGIN.exists():
        program("orthanc-dicomweb")
    config = {
        "HttpPort": free_port(), "DicomPort": free_port(), "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False, "AuthenticationEnabled": False, "StorageDirectory": "storage",
        "IndexDirectory": "storage", "Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True},
    }  # fmt: skip
    orthanc = Orthanc(program("Orthanc"), tmp_path_factory.mktemp("orthanc"), config).start()
    try:
        files = [file for kind in written.values() for file in kind]
        sent = run("storescu", "-R", "-aec", "ORTHANC", "127.0.0.1", str(config["DicomPort"]), *files)
        assert sent.returncode == 0, sent.stdout + sent.stderr
        yield orthanc
    finally:
        orthanc.stop()


def found(orthanc: Orthanc, query: dict[str, str]) -> list[str]:
    """Orthanc's own names of the instances that ``/tools/find`` finds."""
    body = json.dumps({"Level": "Instance", "Query": query}).encode()
    url = f"http://127.0.0.1:{orthanc.config['HttpPort']}/tools/find"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, body, timeout=20) as answer:
        return list(json.loads(answer.read()))


def plain(ds: Dataset) -> dict[str, Any]:
    """A data set as DICOM JSON, without what is sent apart, and numbers as numbers."""
    told = json.loads(ds.to_json(suppress_invalid_tags=True), parse_float=_number, parse_int=_number)
    return dict(_sent(told))


def _number(text: str) -> float:
    return round(float(text), 6)


def _sent(told: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for tag, element in told.items():
        # File meta information and bulk data have no place in metadata.
        if tag.startswith("0002") or element["vr"] in ("OB", "OW"):
            continue
        values = [dict(_sent(v)) if element["vr"] == "SQ" else v for v in element.get("Value", [])]
        if values != [{}]:  # Orthanc says nothing of a sequence whose one item is empty
            yield tag, (element["vr"], values)


def test_every_object_is_listed_by_rest_and_dicomweb(
    written: dict[str, list[Path]], archive: Orthanc
) -> None:
    study = dcmread(written["cad-sr"][0]).StudyInstanceUID
    for kind, files in written.items():
        for file in files:
            header = dcmread(file, stop_before_pixels=True)
            uid = header.SOPInstanceUID
            assert len(found(archive, {"SOPInstanceUID": uid, "Modality": KINDS[kind]})) == 1
            (listed,) = archive.get(f"/dicom-web/instances?SOPInstanceUID={uid}")
            assert listed["00080016"]["Value"] == [header.SOPClassUID]
            assert listed["0020000D"]["Value"] == [header.StudyInstanceUID]
            earlier = file.name.startswith("prior-")
            assert (header.StudyInstanceUID == study) is not earlier
    held = archive.get(f"/dicom-web/studies?StudyInstanceUID={study}&includefield=ModalitiesInStudy")
    assert set(held[0]["00080061"]["Value"]) == set(KINDS.values())


def test_every_object_comes_back_equal(written: dict[str, list[Path]], archive: Orthanc) -> None:
    for files in written.values():
        for file in files:
            ds = dcmread(file)
            (own,) = found(archive, {"SOPInstanceUID": ds.SOPInstanceUID})
            assert dcmread(BytesIO(archive.raw(f"/instances/{own}/file"))) == ds
            where = (
                f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"
                f"/instances/{ds.SOPInstanceUID}/metadata"
            )
            (metadata,) = archive.get(where)
            assert plain(Dataset.from_json(metadata, lambda uri: b"")) == plain(ds), file.name
