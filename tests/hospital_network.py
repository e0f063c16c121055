"""A hospital's network on this machine: small mammograms, modalities, archives, and the node."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context

from calcscope.node.classes import COMMITMENT, STORED, VERIFICATION

TESTS = Path(__file__).parent
COMMAND = Path(sys.executable).parent / "calcscope"
VIEWS = (("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO"))
NAME = "Geheim^Frieda"
ROOT = "1.2.826.0.1.3680043.8.498.4711"
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(TESTS)]),
    "OMP_NUM_THREADS": "1",
    "NO_PROXY": "127.0.0.1,localhost",
    "no_proxy": "127.0.0.1,localhost",
    "COLUMNS": "200",
}


def mammogram(
    study: int, side: str = "R", view: str = "CC", *, patient: str | None = None, day: str = "20261110",
    number: int | None = None, side_pixels: int = 40, shade: int = 0, **more: Any,
) -> Dataset:  # fmt: skip
    """A mammogram of a few pixels, of a woman who does not exist."""
    number = VIEWS.index((side, view)) + 1 if number is None else number
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.{study}.1.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ROOT}.{study}", f"{ROOT}.{study}.1"
    ds.PatientName, ds.PatientID = NAME, f"GEHEIM-{study}" if patient is None else patient
    ds.PatientBirthDate, ds.PatientSex = "19620301", "F"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = day
    ds.StudyTime = ds.AcquisitionTime = ds.ContentTime = "101500"
    ds.StudyID, ds.AccessionNumber, ds.ReferringPhysicianName = "S1", f"A{study}", ""
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber, ds.Manufacturer = "MG", 1, number, "Maker"
    ds.PresentationIntentType, ds.ImageType = "FOR PRESENTATION", ["ORIGINAL", "PRIMARY"]
    ds.ImageLaterality, ds.ViewPosition, ds.ImagerPixelSpacing = side, view, [0.1, 0.1]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.Rows = ds.Columns = side_pixels
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    pixels = np.add.outer(np.arange(side_pixels), 7 * np.arange(side_pixels)) + 100 + shade
    ds.PixelData = pixels.astype(np.uint16).tobytes()
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    return ds


def exam(study: int, **more: Any) -> list[Dataset]:
    """The four views of an exam."""
    return [mammogram(study, side, view, **more) for side, view in VIEWS]


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(condition: Callable[[], Any], seconds: float = 20, what: str = "it") -> Any:
    """What a condition gives once that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


@contextlib.contextmanager
def association(port: int, *, title: str = "MODALITY", called: str = "CALCSCOPE", contexts: Any = None,
                tls_args: Any = None, handlers: Any = ()) -> Iterator[Any]:  # fmt: skip
    """An association of a modality, released at the end."""
    ae = AE(ae_title=title)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = 15
    ae.requested_contexts = contexts or [
        build_context(VERIFICATION),
        build_context(COMMITMENT),
        *(build_context(one, ExplicitVRLittleEndian) for one in STORED),
    ]
    opened = ae.associate("127.0.0.1", port, ae_title=called, tls_args=tls_args, evt_handlers=list(handlers))
    try:
        yield opened
    finally:
        if opened.is_established:
            opened.release()


def send(port: int, datasets: Sequence[Dataset], **how: Any) -> list[int]:
    """Send instances on one association; the status of each, -1 where none came."""
    with association(port, **how) as opened:
        assert opened.is_established, "no association"
        return [int(opened.send_c_store(one).get("Status", -1)) for one in datasets]


@dataclass
class Archive:
    """An archive that takes what it is sent, unless it is told to refuse, and remembers it in order."""

    title: str = "ARCHIVE"
    status: int = 0x0000
    taken: list[Dataset] = field(default_factory=list)
    events: list[tuple[int, Dataset]] = field(default_factory=list)

    def start(self, port: int = 0, ssl_context: ssl.SSLContext | None = None) -> Archive:
        """Listen."""
        ae = AE(ae_title=self.title)
        for one in STORED:
            ae.add_supported_context(one, ExplicitVRLittleEndian)
        ae.add_supported_context(COMMITMENT, scu_role=True, scp_role=True)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_N_EVENT_REPORT, self._report)]
        self.server = ae.start_server(
            ("127.0.0.1", port), block=False, evt_handlers=handlers, ssl_context=ssl_context
        )
        return self

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server.server_address[1])

    def stop(self) -> None:
        """Listen no more."""
        self.server.shutdown()

    def _store(self, event: Any) -> int:
        if self.status == 0:
            self.taken.append(event.dataset)
        return self.status

    def _report(self, event: Any) -> tuple[int, None]:
        self.events.append((event.event_type, event.event_information))
        return 0x0000, None


@dataclass
class NodeProcess:
    """``calcscope node`` as its users run it: in a process of its own."""

    folder: Path
    config: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        """Its configuration."""
        return self.folder / "node.toml"

    @property
    def log(self) -> str:
        """What it wrote so far, over all its lives."""
        path = self.folder / "node.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def start(self) -> NodeProcess:
        """Start it, and return once it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.config.replace("11112", str(self.port)), encoding="utf-8")
        before = self.log.count(" started ")
        command = [COMMAND, "node", "--config", self.file, "--log", self.folder / "node.log"]
        with (self.folder / "node.err").open("ab") as errors:
            self.process = subprocess.Popen(command, stderr=errors, stdout=errors, env=ENVIRONMENT)
        wait_for(lambda: self.log.count(" started ") > before or self._dead(), 30, "the start of the node")
        return self

    def _dead(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "node.err").read_text(encoding="utf-8")
        return False

    def kill(self) -> None:
        """SIGKILL: no time for anything."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def status(self) -> subprocess.CompletedProcess[str]:
        """``calcscope node status``."""
        return subprocess.run(
            [COMMAND, "node", "status", "--config", self.file],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
        )


@dataclass
class Orthanc:
    """A real archive (Debian's orthanc and orthanc-dicomweb), with its own configuration and storage."""

    program: str
    folder: Path
    config: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Orthanc:
        """Start it, and return once its REST interface answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "orthanc.json"
        file.write_text(json.dumps(self.config, indent=1), encoding="utf-8")
        with (self.folder / "orthanc.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "orthanc.json"], cwd=self.folder, stdout=log, stderr=log, env=ENVIRONMENT
            )
        wait_for(self._up, 30, "the start of Orthanc")
        return self

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def get(self, path: str) -> Any:
        """What its REST interface answers, from JSON."""
        with self._open(f"http://127.0.0.1:{self.config['HttpPort']}{path}") as answer:
            return json.loads(answer.read())

    def raw(self, path: str) -> bytes:
        """What its REST interface answers."""
        with self._open(f"http://127.0.0.1:{self.config['HttpPort']}{path}") as answer:
            return bytes(answer.read())

    def find(self, study_uid: str, modality: str) -> list[dict[str, Any]]:
        """Instances of a study and modality, by DICOMweb."""
        return list(self.get(f"/dicom-web/studies/{study_uid}/instances?Modality={modality}") or [])

    def _open(self, url: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(url, headers={"Accept": "application/json"})
        return opener.open(request, timeout=20)

    def _up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail((self.folder / "orthanc.log").read_text(encoding="utf-8", errors="replace")[-2000:])
        try:
            self.get("/system")
        except OSError:
            return False
        return True


def tags(dataset: Dataset | Path) -> Dataset:
    """A data set, read from its file where it is one."""
    return dcmread(dataset) if isinstance(dataset, Path) else dataset


def in_threads(jobs: Sequence[Callable[[], None]]) -> list[threading.Thread]:
    """Start jobs side by side."""
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    return threads
