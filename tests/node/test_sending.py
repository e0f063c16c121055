"""Results arrive, however long their place is away; who asks whether instances are safe gets an answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hospital_network import Archive, association, exam, free_port, mammogram, send, wait_for
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom.sop_class import StorageCommitmentPushModelInstance

from calcscope.node.classes import COMMITMENT
from calcscope.node.config import FaultyConfig, checked, load
from calcscope.node.priors import Known, _newest
from calcscope.node.status import status_of
from calcscope.node.supervisor import Node

Start = Callable[..., Node]
SOON = {"first_wait": 0.2, "longest_wait": 0.4}


def place(port: int, name: str = "archive") -> dict[str, Any]:
    return {"name": name, "to": "dicom", "title": "ARCHIVE", "host": "127.0.0.1", "port": port}


def deliveries(node: Node) -> dict[str, str]:
    return {row["place"]: row["state"] for row in node.store.rows("SELECT place, state FROM delivery")}


def test_an_archive_that_is_down_gets_the_result_later_and_holds_up_no_other(start: Start) -> None:
    up, port = Archive().start(), free_port()
    node = start(send=[place(port, "down"), place(up.port, "up")], sending=SOON)
    send(node.receiver.port, exam(1))
    wait_for(lambda: len(up.taken) == 1)
    wait_for(lambda: node.store.rows("SELECT 1 FROM delivery WHERE place = 'down' AND attempts > 1"))
    assert deliveries(node) == {"down": "waiting", "up": "sent"}
    down = Archive().start(port)
    wait_for(lambda: deliveries(node) == {"down": "sent", "up": "sent"})
    assert [one.SOPInstanceUID for one in down.taken] == [one.SOPInstanceUID for one in up.taken]
    up.stop()
    down.stop()


def test_an_archive_that_refuses_is_asked_again_until_given_up(start: Start) -> None:
    archive = Archive(status=0xA700).start()
    node = start(send=[place(archive.port)], sending={**SOON, "give_up_days": 1.5 / 86400})
    send(node.receiver.port, exam(1))
    wait_for(lambda: deliveries(node) == {"archive": "given up"})
    (row,) = node.store.rows("SELECT * FROM delivery")
    assert row["reason"] == "status 0xA700"
    assert 3 <= row["attempts"] <= 8
    assert status_of(node.config.folder).trouble == {"to archive: status 0xA700": 1}
    archive.stop()


def test_waiting_results_are_sent_by_the_next_node(start: Start, tmp_path: Path) -> None:
    port = free_port()
    node = start(send=[place(port)], sending=SOON)
    send(node.receiver.port, exam(1))
    wait_for(lambda: deliveries(node) == {"archive": "waiting"})
    node.close()
    archive = Archive().start(port)
    again = start(send=[place(port)], sending=SOON)
    wait_for(lambda: deliveries(again) == {"archive": "sent"})
    assert len(archive.taken) == 1
    assert len(again.store.rows("SELECT 1 FROM reading")) == 1
    archive.stop()


def test_results_go_into_a_folder(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    node = start(send=[{"name": "folder", "to": "folder", "folder": str(out)}])
    send(node.receiver.port, exam(1))
    (file,) = wait_for(lambda: list(out.glob("*/*.dcm")))
    assert dcmread(file).StudyInstanceUID == file.parent.name


def ask(node: Node, peer: str, *wanted: Dataset) -> int:
    """Ask for storage commitment; the status."""
    asked = Dataset()
    asked.TransactionUID = "1.2.3.4"
    asked.ReferencedSOPSequence = []
    for one in wanted:
        item = Dataset()
        item.ReferencedSOPClassUID = one.SOPClassUID
        item.ReferencedSOPInstanceUID = one.SOPInstanceUID
        asked.ReferencedSOPSequence.append(item)
    with association(node.receiver.port, title=peer) as opened:
        status, _ = opened.send_n_action(asked, 1, COMMITMENT, StorageCommitmentPushModelInstance)
    return int(status.Status)


def test_storage_commitment_says_what_is_here_and_what_is_not(start: Start) -> None:
    asking = Archive("MODALITY").start()
    peers: list[dict[str, Any]] = [
        {"title": title, "address": "127.0.0.1"} for title in ("MODALITY", "OTHER")
    ]
    peers[0]["port"] = asking.port
    node = start(studies={"quiet_seconds": 600}, peer=peers)
    send(node.receiver.port, [mammogram(1)])
    assert ask(node, "MODALITY", mammogram(1)) == 0
    wait_for(lambda: asking.events)
    kind, told = asking.events[0]
    assert (kind, told.TransactionUID) == (1, "1.2.3.4")
    assert told.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == mammogram(1).SOPInstanceUID
    assert "FailedSOPSequence" not in told
    assert ask(node, "OTHER", mammogram(1)) == 0x0124  # where should the answer go
    asking.stop()


def test_storage_commitment_of_what_is_missing_is_answered_once_the_peer_is_there(start: Start) -> None:
    port = free_port()
    peer = {"title": "MODALITY", "address": "127.0.0.1", "port": port}
    node = start(studies={"quiet_seconds": 600}, peer=[peer], sending=SOON)
    send(node.receiver.port, [mammogram(1)])
    other = mammogram(1)
    other.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.2.1"
    assert ask(node, "MODALITY", mammogram(1, "L"), other) == 0
    wait_for(lambda: node.store.rows("SELECT 1 FROM commitment WHERE attempts > 0"))
    asking = Archive("MODALITY").start(port)
    wait_for(lambda: asking.events)
    kind, told = asking.events[0]
    assert kind == 2
    assert [item.FailureReason for item in told.FailedSOPSequence] == [0x0112, 0x0119]
    asking.stop()


def test_the_newest_earlier_exams_are_wanted() -> None:
    days = ["2026-11-10", "2024-11-01", "2022-10-01", "2020-01-01", "2014-01-01", "", "2027-01-01"]
    found = [Known(str(n), day) for n, day in enumerate(days)]
    chosen = _newest(found, "2026-11-10", "0", 2, 10)
    assert [one.day for one in chosen] == ["2024-11-01", "2022-10-01"]
    assert [one.day for one in _newest(found, "2026-11-10", "0", 9, 10)][-1] == "2020-01-01"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({}, "folder: Field required"),
        ({"folder": "s", "nonsense": 1}, "nonsense"),
        ({"folder": "s", "title": "a" * 17}, "title"),
        ({"folder": "s", "peer": [{"title": "A", "address": "modality"}]}, "no IP address"),
        ({"folder": "s", "peer": [{"title": "A", "address": "10.0.0.0/8", "port": 104}]}, "name the host"),
        ({"folder": "s", "send": [place(1), place(2)]}, "same name"),
        ({"folder": "s", "send": [{**place(1), "kinds": ["seg"]}]}, "does not make"),
        ({"folder": "s", "reading": {"kinds": ["fhir"]}, "send": [place(1)]}, "fhir goes to a folder"),
        ({"folder": "s", "send": [{**place(1), "tls": True}]}, "[tls]"),
    ],
)
def test_a_faulty_configuration_is_named(given: dict[str, Any], what: str, tmp_path: Path) -> None:
    with pytest.raises(FaultyConfig) as refused:
        checked(given, tmp_path, "node.toml")
    assert what in str(refused.value)
    assert str(refused.value).startswith("node.toml")


def test_paths_are_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(
        'folder = "spool"\n[tls]\ncertificate = "c.pem"\nkey = "k.pem"\nca = "/etc/ca.pem"\n'
    )
    config = load(tmp_path / "node.toml")
    assert config.tls is not None
    assert (config.folder, config.tls.ca) == (tmp_path / "spool", Path("/etc/ca.pem"))
    assert config.tls.key == tmp_path / "k.pem"
