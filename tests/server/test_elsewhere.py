"""Exams from a real node and a real archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hospital_network as network
import pytest
from accounts import Account, Enter
from django.urls import reverse
from outside import program

from calcscope.server.exams.models import Exam, Image, Upload
from calcscope.server.people.models import Membership, Site
from calcscope.server.sources.models import FromNode
from calcscope.server.sources.node import take_from_nodes
from calcscope.server.sources.web import ArchiveFault, fetch_study, search

NODE = """
folder = "spool"
port = 11112
[limits]
min_free_bytes = 0
[reading]
kinds = []
reader = "cheap_reader:read_study"
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[network.NodeProcess]:
    made = network.NodeProcess(tmp_path / "node", NODE).start()
    yield made
    made.kill()


def test_what_a_node_received_is_taken_in_once(node: network.NodeProcess, site: Site, tmp_path: Path) -> None:
    site.settings = {"node": str(tmp_path / "node" / "spool")}
    site.save()
    assert set(network.send(node.port, network.exam(1, side_pixels=64))) == {0}
    assert take_from_nodes(quiet_seconds=3600) == 0  # more may come
    assert take_from_nodes(quiet_seconds=0) == 1
    assert take_from_nodes(quiet_seconds=0) == 0
    exam = Exam.objects.get()
    assert (exam.woman.patient_id, exam.images.count()) == ("GEHEIM-1", 4)
    assert all(image.path.is_file() for image in exam.images.all())
    assert FromNode.objects.filter(reason="").count() == 4


def test_a_node_whose_folder_is_away_stops_nothing(site: Site, tmp_path: Path) -> None:
    site.settings = {"node": str(tmp_path / "nowhere")}
    site.save()
    assert take_from_nodes() == 0


def test_rooms_lead_to_the_archive_only_where_a_site_of_hers_has_one(
    site: Site, other_site: Site, account: Account, signed_in: Enter
) -> None:
    other_site.settings = {"dicomweb": {"url": "http://127.0.0.1:1/dicom-web"}}
    other_site.save()
    link, worklist = reverse("sources:archive"), reverse("exams:worklist")
    reader = account("radiologist")
    assert f'href="{link}"' not in signed_in(reader).get(worklist).content.decode()
    # Who goes there all the same is told why there is nothing to look for.
    assert "None of your sites has an archive" in signed_in(reader).get(link).content.decode()
    Membership.objects.create(user=reader, site=other_site, role="radiologist")
    assert f'href="{link}"' in signed_in(reader).get(worklist).content.decode()
    # An administrator of the site is not one who asks archives.
    watcher = account("administrator", "ada", site=other_site)
    assert f'href="{link}"' not in signed_in(watcher).get(reverse("audit:search")).content.decode()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[network.Orthanc]:
    http, dicom = network.free_port(), network.free_port()
    config = {
        "Name": "archive", "HttpPort": http, "DicomPort": dicom, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomAlwaysAllowStore": True, "StorageDirectory": "storage",
        "IndexDirectory": "storage", "Plugins": ["/usr/share/orthanc/plugins"],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    orthanc = network.Orthanc(program("Orthanc"), tmp_path / "orthanc", config)
    try:
        orthanc.start()
        yield orthanc
    finally:
        orthanc.stop()


def test_a_study_comes_from_an_archive(
    archive: network.Orthanc, site: Site, account: Account, signed_in: Enter
) -> None:
    site.settings = {"dicomweb": {"url": f"http://127.0.0.1:{archive.config['HttpPort']}/dicom-web"}}
    site.save()
    for number, day in ((1, "20241110"), (2, "20261110")):
        images = network.exam(number, patient="W-1", day=day, side_pixels=64)
        assert set(network.send(archive.config["DicomPort"], images, called="ANY")) == {0}
    newest, older = search(site, patient="W-1")
    assert (newest.day, older.day) == ("2026-11-10", "2024-11-10")
    browser = signed_in(account("technologist"))
    address = reverse("sources:archive")
    page = browser.post(address, {"site": site.code, "patient": "W-1"}).content.decode()
    assert "2 studies" in page
    assert "W-1" not in address  # nor in any other address
    browser.post(address, {"site": site.code, "study": newest.uid})
    upload = Upload.objects.get()
    fetch_study.call(str(upload.uuid), newest.uid)
    from calcscope.server.exams.uploads import take_in_upload

    take_in_upload.call(str(upload.uuid))
    assert Exam.objects.get().study_uid == newest.uid
    assert Image.objects.count() == 4


def test_an_archive_that_is_away_is_said_in_words(site: Site) -> None:
    with pytest.raises(ArchiveFault, match="no archive"):
        search(site, patient="W-1")
    site.settings = {"dicomweb": {"url": "http://127.0.0.1:9/dicom-web"}}
    with pytest.raises(ArchiveFault, match="did not answer"):
        search(site, patient="W-1")
    with pytest.raises(ArchiveFault, match="State a patient ID"):
        search(site)
