"""What a sender is told, and what is then on the disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hospital_network import NAME, Archive, association, exam, mammogram, send, wait_for
from pydicom import dcmread
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom.presentation import build_context

from calcscope.exam.decode import decoders_of
from calcscope.node import instances, spooling
from calcscope.node.classes import COMPRESSED, STORED, UNCOMPRESSED
from calcscope.node.supervisor import Node, sweep_incoming
from calcscope.node.wire import was_rejected

Start = Callable[..., Node]
SLOW = {"quiet_seconds": 600}
MG = DigitalMammographyXRayImageStorageForPresentation


def rows(node: Node) -> list[Any]:
    return node.store.rows("SELECT * FROM instance ORDER BY id")


def test_an_instance_is_in_file_and_database_when_success_is_answered(start: Start) -> None:
    node = start(studies=SLOW)
    images = exam(1)
    assert send(node.receiver.port, images) == [0, 0, 0, 0]
    for row, image in zip(rows(node), images, strict=True):
        kept = dcmread(node.store.path(row["file"]))
        assert kept.PixelData == image.PixelData
        assert kept.PatientName == NAME
        assert row["peer"] == "MODALITY"
        assert row["view"] == image.ImageLaterality + image.ViewPosition
    assert list(node.store.path("incoming").iterdir()) == []


def test_what_is_stored_is_flushed_before_the_row_and_the_row_before_the_answer(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start(studies=SLOW)
    steps: list[str] = []
    monkeypatch.setattr(instances, "flush_file", lambda path: steps.append("file"))
    monkeypatch.setattr(instances, "flush_folder", lambda path: steps.append("folder"))
    write = node.store.write

    def watched(do: Any) -> Any:
        result = write(do)
        steps.append("committed")
        return result

    monkeypatch.setattr(node.store, "write", watched)
    assert send(node.receiver.port, [mammogram(1)]) == [0]
    assert [*dict.fromkeys(steps)] == ["file", "folder", "committed"]
    (level,) = node.store.write(lambda db: db.execute("PRAGMA synchronous").fetchone())
    assert level == 2  # FULL


def test_every_class_and_syntax_is_negotiated(start: Start) -> None:
    node = start(studies=SLOW)
    for sop_class, syntaxes in STORED.items():
        contexts = [build_context(sop_class, syntax) for syntax in syntaxes]
        with association(node.receiver.port, contexts=contexts) as opened:
            assert len(opened.accepted_contexts) == len(syntaxes)


def test_the_engine_decodes_every_syntax_that_is_taken() -> None:
    assert [one.name for one in COMPRESSED if not decoders_of(str(one))] == []


@pytest.mark.parametrize(
    "syntax",
    [*UNCOMPRESSED, JPEG2000Lossless, JPEGLSLossless, RLELossless],
    ids=lambda one: one.keyword,
)
def test_images_are_kept_in_the_syntax_they_come_in(start: Start, syntax: Any) -> None:
    node = start(studies=SLOW)
    image = mammogram(1)
    pixels = image.pixel_array.copy()
    if syntax in UNCOMPRESSED:
        if syntax == ExplicitVRBigEndian:
            image.PixelData = pixels.astype(">u2").tobytes()
        image.file_meta.TransferSyntaxUID = syntax
    else:
        image.compress(syntax, generate_instance_uid=False)
    assert send(node.receiver.port, [image], contexts=[build_context(MG, syntax)]) == [0]
    (row,) = rows(node)
    assert row["transfer_syntax"] == syntax
    assert np.array_equal(dcmread(node.store.path(row["file"])).pixel_array, pixels)


def test_the_same_again_is_success_and_is_kept_once(start: Start) -> None:
    node = start(studies=SLOW)
    assert send(node.receiver.port, [mammogram(1), mammogram(1)]) == [0, 0]
    assert send(node.receiver.port, [mammogram(1)]) == [0]
    packed = mammogram(1)
    packed.compress(RLELossless, generate_instance_uid=False)
    assert send(node.receiver.port, [packed], contexts=[build_context(MG, RLELossless)]) == [0]
    assert len(rows(node)) == 1
    assert len(list(node.store.path("stored").glob("*/*"))) == 1


def test_the_first_of_two_contents_with_one_uid_stays(start: Start, tmp_path: Path) -> None:
    node = start(studies=SLOW)
    assert send(node.receiver.port, [mammogram(1), mammogram(1, shade=1)]) == [0, 0xC001]
    (row,) = rows(node)
    assert dcmread(node.store.path(row["file"])).PixelData == mammogram(1).PixelData
    assert "status=0xC001" in (tmp_path / "log").read_text()


def test_the_same_pixels_under_another_header_are_a_warning(start: Start) -> None:
    node = start(studies=SLOW)
    renamed = mammogram(1, PatientName="Neu^Name")
    assert send(node.receiver.port, [mammogram(1), renamed]) == [0, 0xB000]
    assert dcmread(node.store.path(rows(node)[0]["file"])).PatientName == NAME


def other_class() -> Any:
    image = mammogram(1)
    image.SOPClassUID = DigitalMammographyXRayImageStorageForProcessing
    return image


def without(keyword: str) -> Any:
    image = mammogram(1)
    delattr(image, keyword)
    return image


@pytest.mark.parametrize(
    ("image", "status"),
    [
        (lambda: without("StudyInstanceUID"), 0xA900),
        (lambda: without("PixelData"), 0xA900),
        (lambda: without("Rows"), 0xA900),
    ],
    ids=["study", "pixels", "rows"],
)
def test_what_lacks_what_its_class_needs_is_refused(start: Start, image: Any, status: int) -> None:
    node = start(studies=SLOW)
    assert send(node.receiver.port, [image(), mammogram(2)]) == [status, 0]
    assert len(rows(node)) == 1


def raw_store(node: Node, content: bytes, sop_class: str, sop_uid: str, *, context: str | None = None) -> int:
    """A C-STORE whose data set is any bytes."""
    from io import BytesIO

    from pynetdicom.dimse_primitives import C_STORE

    with association(node.receiver.port, contexts=[build_context(context or sop_class)]) as opened:
        request = C_STORE()
        request.MessageID, request.Priority = 1, 2
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = sop_class, sop_uid
        request.DataSet = BytesIO(content)
        used = opened.accepted_contexts[0]
        opened._reactor_checkpoint.clear()
        opened.dimse.send_msg(request, used.context_id)
        _, answer = opened.dimse.get_msg(block=True)
        opened._reactor_checkpoint.set()
        return -1 if answer is None else int(answer.Status)


def encoded(image: Any) -> bytes:
    from pynetdicom.dsutils import encode

    content = encode(image, True, True)
    assert content is not None
    return bytes(content)


def test_data_sets_that_are_not_what_was_announced_are_refused(start: Start) -> None:
    node = start(studies=SLOW)
    image = mammogram(1)
    own = image.SOPInstanceUID
    assert raw_store(node, encoded(other_class()), MG, own) == 0xA900
    assert raw_store(node, encoded(image), MG, own + ".9") == 0xA900
    assert raw_store(node, encoded(image), BreastTomosynthesisImageStorage, own, context=MG) == 0x0122
    assert raw_store(node, encoded(image)[:-100], MG, own) == 0xC000
    assert raw_store(node, os.urandom(3000), MG, own) == 0xC000
    assert rows(node) == []
    assert raw_store(node, encoded(image), MG, own) == 0


def test_classes_that_are_not_taken_are_refused_when_the_association_is_made(start: Start) -> None:
    node = start(studies=SLOW)
    contexts = [build_context(CTImageStorage), build_context(MG)]
    with association(node.receiver.port, contexts=contexts) as opened:
        assert [cx.abstract_syntax for cx in opened.rejected_contexts] == [CTImageStorage]


def test_two_patients_in_one_study_are_kept_and_not_read(start: Start, tmp_path: Path) -> None:
    node = start()
    images = exam(1)
    images[3].PatientID = "ANOTHER"
    assert send(node.receiver.port, images) == [0, 0, 0, 0]
    assert send(node.receiver.port, exam(2)) == [0, 0, 0, 0]
    wait_for(lambda: node.store.rows("SELECT 1 FROM reading WHERE state = 'read'"))
    time.sleep(1)
    assert len(node.store.rows("SELECT 1 FROM reading")) == 1
    (study,) = node.store.rows("SELECT * FROM study WHERE set_aside IS NOT NULL")
    assert study["set_aside"] == instances.PATIENTS
    assert "set aside" in (tmp_path / "log").read_text()


def test_a_disk_that_is_nearly_full_refuses_and_the_node_stays(start: Start, monkeypatch: Any) -> None:
    node = start(studies=SLOW, limits={"min_free_bytes": 1 << 20})
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    assert send(node.receiver.port, [mammogram(1), mammogram(1)]) == [0xA700, 0xA700]
    monkeypatch.setattr(shutil, "disk_usage", usage)
    assert send(node.receiver.port, [mammogram(1)]) == [0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("how", ["at the first byte", "when it is made"])
def test_a_disk_that_fills_while_an_instance_comes_refuses_it(
    start: Start, monkeypatch: Any, how: str
) -> None:
    node = start(studies=SLOW)

    def full(suffix: str, dir: Path) -> tuple[int, str]:
        if how == "when it is made":
            raise OSError(28, "No space left on device")
        return os.open("/dev/full", os.O_WRONLY), str(dir / "full.dcm")

    with association(node.receiver.port) as opened:
        with monkeypatch.context() as patched:
            patched.setattr(spooling.tempfile, "mkstemp", full)
            assert opened.send_c_store(mammogram(1, side_pixels=600)).Status == 0xA700
        assert opened.send_c_store(mammogram(1)).Status == 0  # the association goes on
    assert list(node.store.path("incoming").iterdir()) == []


@pytest.mark.parametrize("where", ["flush_file", "flush_folder"])
def test_a_full_disk_refuses_and_the_node_stays(start: Start, monkeypatch: Any, where: str) -> None:
    node = start(studies=SLOW)

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(instances, where, full)
        assert send(node.receiver.port, [mammogram(1)]) == [0xA700]
    assert rows(node) == []
    assert send(node.receiver.port, [mammogram(1)]) == [0]


def test_a_full_database_refuses_and_the_node_stays(start: Start) -> None:
    node = start(studies=SLOW)
    pages = node.store.write(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    node.store.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchall())
    statuses = send(node.receiver.port, [mammogram(1, number=n) for n in range(1, 60)])
    assert statuses[-1] == 0xA700
    assert statuses.count(0) == len(rows(node))
    node.store.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchall())
    assert send(node.receiver.port, [mammogram(1, number=99)]) == [0]


def test_only_listed_peers_are_taken(start: Start) -> None:
    peers = [{"title": "MODALITY", "address": "127.0.0.1"}, {"title": "FAR", "address": "10.0.0.0/8"}]
    node = start(studies=SLOW, peer=peers)
    port = node.receiver.port
    assert send(port, [mammogram(1)]) == [0]
    for how in ({"title": "STRANGER"}, {"title": "FAR"}, {"called": "OTHER"}):
        with association(port, **how) as opened:
            assert was_rejected(opened), how


def test_addresses_that_are_not_listed_get_no_connection(start: Start, tmp_path: Path) -> None:
    node = start(studies=SLOW, peer=[{"title": "FAR", "address": "10.0.0.0/8"}])
    with association(node.receiver.port) as opened:
        assert not opened.is_established
    assert "address not listed" in (tmp_path / "log").read_text()


def test_a_peer_has_so_many_associations(start: Start) -> None:
    node = start(studies=SLOW, limits={"associations": 3, "associations_per_peer": 2})
    port = node.receiver.port
    with association(port), association(port):
        with association(port) as third:
            assert was_rejected(third)
        wait_for(lambda: len(node.receiver._server.active_associations) == 2)
        with association(port, title="OTHER") as other, association(port, title="THIRD") as fourth:
            assert other.is_established
            assert was_rejected(fourth)
    wait_for(lambda: not node.receiver._server.active_associations)
    assert send(port, [mammogram(1)]) == [0]


def test_a_peer_that_is_too_fast_waits(start: Start) -> None:
    node = start(studies=SLOW, limits={"instances_per_minute": 240})  # 40 at once, then four a second
    began = time.monotonic()
    assert send(node.receiver.port, [mammogram(1, number=n) for n in range(1, 45)]) == [0] * 44
    assert 0.7 < time.monotonic() - began < 5


def test_what_is_too_large_ends_the_association(start: Start) -> None:
    node = start(studies=SLOW, limits={"instance_bytes": 100_000})
    assert send(node.receiver.port, [mammogram(1, side_pixels=400)]) == [-1]
    assert send(node.receiver.port, [mammogram(1)]) == [0]
    assert len(rows(node)) == 1


@pytest.mark.parametrize(
    "content", [b"", b"\x01\x00", b"\x04\x00\xff\xff\xff\xff", b"GET / HTTP/1.1\r\n\r\n"], ids=repr
)
def test_who_stalls_or_talks_nonsense_is_cut_off(start: Start, content: bytes) -> None:
    node = start(studies=SLOW, limits={"stall_seconds": 0.5, "idle_seconds": 1})
    with socket.create_connection(("127.0.0.1", node.receiver.port), 5) as line:
        line.sendall(content)
        line.settimeout(5)
        with contextlib.suppress(ConnectionError):
            while line.recv(100):
                pass
    assert send(node.receiver.port, [mammogram(1)]) == [0]


def test_an_idle_association_ends(start: Start) -> None:
    node = start(studies=SLOW, limits={"idle_seconds": 0.5})
    with association(node.receiver.port) as opened:
        assert opened.is_established
        wait_for(lambda: not opened.is_established, 5)


def test_who_stalls_within_an_instance_is_cut_off(start: Start) -> None:
    node = start(studies=SLOW, limits={"idle_seconds": 0.5})
    image = mammogram(1)
    assert raw_store(node, b"", MG, image.SOPInstanceUID) == -1  # announced, and nothing comes
    assert len(list(node.store.path("incoming").iterdir())) == 1
    assert sweep_incoming(node.store, 0) == 1
    assert send(node.receiver.port, [image]) == [0]


def test_an_aborted_association_keeps_what_was_acknowledged(start: Start) -> None:
    node = start(studies=SLOW)
    with association(node.receiver.port) as opened:
        assert opened.send_c_store(mammogram(1)).Status == 0
        opened.abort()
    assert len(rows(node)) == 1
    wait_for(lambda: not node.receiver._server.active_associations)
    assert send(node.receiver.port, exam(1)) == [0, 0, 0, 0]


def test_the_log_holds_nothing_of_a_patient(start: Start, tmp_path: Path) -> None:
    node = start(reading={"tries": 1})
    send(node.receiver.port, [*exam(1), *exam(2, PatientComments="raise"), mammogram(1, shade=3)])
    bad = mammogram(3)
    bad["PatientBirthDate"]._value = "GEHEIM"
    send(node.receiver.port, [bad, without("Rows")])
    wait_for(lambda: "not read" in (tmp_path / "log").read_text())
    text = (tmp_path / "log").read_text()
    assert "stored" in text
    assert "ValueError at cheap_reader.py" in text
    for secret in ("GEHEIM", "Geheim", "Frieda", "19620301", "1.2.826", "A1"):
        assert secret not in text


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority and certificates for 127.0.0.1 and a modality; and a stranger's."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    uses = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for ca in ("ca", "foreign"):
        openssl(
            "req", "-x509", *new, "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-subj", f"/CN={ca}", *uses
        )
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\nkeyUsage=digitalSignature\n")
    for name, ca in (("node", "ca"), ("modality", "ca"), ("stranger", "foreign")):
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key",
                "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", f"{name}.pem")  # fmt: skip
    return folder


def test_tls_takes_those_whose_certificate_the_authority_signed(start: Start, certificates: Path) -> None:
    import ssl

    own = {"certificate": str(certificates / "node.pem"), "key": str(certificates / "node.key")}
    node = start(studies=SLOW, tls={**own, "ca": str(certificates / "ca.pem")}, limits={"stall_seconds": 1})
    port = node.receiver.port

    def context(name: str | None) -> tuple[ssl.SSLContext, str]:
        made = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
        if name:
            made.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        return made, "127.0.0.1"

    with socket.create_connection(("127.0.0.1", port)):  # one who never shakes hands holds up nobody
        assert send(port, [mammogram(1)], tls_args=context("modality")) == [0]
    for stranger in (context("stranger"), context(None), None):
        with association(port, tls_args=stranger) as opened:
            assert not opened.is_established
    assert send(port, [mammogram(2)], tls_args=context("modality")) == [0]


def test_results_go_out_by_tls_to_whom_the_authority_knows(start: Start, certificates: Path) -> None:
    import ssl

    def archive(name: str) -> Archive:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        return Archive().start(ssl_context=context)

    known, stranger = archive("modality"), archive("stranger")
    places = [
        {"name": name, "to": "dicom", "title": "ARCHIVE", "host": "127.0.0.1", "port": one.port, "tls": True}
        for name, one in (("known", known), ("stranger", stranger))
    ]
    own = {"certificate": str(certificates / "node.pem"), "key": str(certificates / "node.key")}
    node = start(tls={**own, "ca": str(certificates / "ca.pem")}, send=places)
    tls_args = ssl.create_default_context(cafile=str(certificates / "ca.pem")), "127.0.0.1"
    tls_args[0].load_cert_chain(certificates / "modality.pem", certificates / "modality.key")
    send(node.receiver.port, exam(1), tls_args=tls_args)
    wait_for(lambda: known.taken)
    wait_for(lambda: node.store.rows("SELECT 1 FROM delivery WHERE attempts > 0 AND place = 'stranger'"))
    assert stranger.taken == []
    known.stop()
    stranger.stop()
