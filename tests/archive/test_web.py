"""A real archive, Orthanc, read by DICOMweb."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from archives import READER, Inline, Teller, column, exam, study
from hospital import image
from hospital_network import Orthanc, free_port
from outside import program
from pydicom import dcmread

from calcscope.archive.ledger import exam_name
from calcscope.archive.run import Summary, open_run, read_archive
from calcscope.archive.sources import source_of
from calcscope.archive.work import Orders

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    """Orthanc with DICOMweb, for a user with a password."""
    if not PLUGIN.exists():
        program("orthanc-dicomweb")
    config = {
        "HttpPort": free_port(),
        "DicomServerEnabled": False,
        "Plugins": [str(PLUGIN)],
        "StorageDirectory": "storage",
        "IndexDirectory": "storage",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    made = Orthanc(program("Orthanc"), tmp_path / "orthanc", config).start()
    yield made
    made.stop()


def test_studies_of_mammograms_are_read_and_nothing_else(
    tmp_path: Path, orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dicomweb_client import DICOMwebClient

    monkeypatch.setattr("calcscope.archive.web.PAGE", 2)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    address = f"http://127.0.0.1:{orthanc.config['HttpPort']}/dicom-web"
    kept = DICOMwebClient(address)
    for number in range(5):
        kept.store_instances([dcmread(path) for path in exam(tmp_path / "exams", number)])
    tomography = image("R", "CC", study(77), 1)
    tomography.Modality = "CT"
    kept.store_instances([tomography])

    source = source_of(address)
    ledger = open_run(tmp_path / "out", address, "screening")
    secret = ledger.key()
    done = read_archive(ledger, Orders(source, secret, reader=READER), Inline(), Teller())
    ledger.close()
    assert done == Summary(5, 0, 0, 0)
    wanted = sorted(exam_name(secret, study(number)) for number in range(5))
    assert sorted(column(tmp_path / "out", "exams", "exam")) == wanted
    assert set(column(tmp_path / "out", "exams", "views")) == {2}


def test_an_archive_that_does_not_answer_is_said(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}/dicom-web"
    ledger = open_run(tmp_path / "out", address, "screening")
    with pytest.raises(Exception, match="the archive could not be listed"):
        read_archive(ledger, Orders(source_of(address), ledger.key()), Inline(), Teller())
    ledger.close()
