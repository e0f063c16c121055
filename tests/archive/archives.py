"""Small archives, a store and an executor for tests."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow.parquet as pq
from hospital import image
from pydicom.dataset import Dataset

from calcscope.archive.cluster import Ended
from calcscope.archive.parts import manifest_of

ROOT = "1.2.826.0.1.3680043.8.498.99"
READER = "archive_reader:read"


def study(number: int) -> str:
    """Study Instance UID of an exam."""
    return f"{ROOT}.{number}"


def exam(folder: Path, number: int, views: Sequence[str] = ("RCC", "LCC"), **more: Any) -> list[Path]:
    """Files of an exam that the engine reads within a tenth of a second; elements by keyword."""
    folder.mkdir(parents=True, exist_ok=True)
    day = str(more.pop("day", "20240305"))
    paths = []
    for n, view in enumerate(views, 1):
        ds = image(view[0], view[1:], study(number), n, day)
        ds.PatientID = f"GEHEIM-{number}"
        for keyword, value in more.items():
            setattr(ds, keyword, value)
        path = folder / f"{number:05d}-{view}.dcm"
        ds.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def column(folder: Path, table: str, name: str) -> list[Any]:
    """A column of a table, all parts of the manifest one after the other."""
    files = manifest_of(folder)["tables"][table]
    return [
        one for file in files for one in pq.read_table(folder / file, partitioning=None)[name].to_pylist()
    ]


def files_there(folder: Path) -> set[str]:
    """The parts' files that lie in a folder, whether they count or not."""
    return {str(path.relative_to(folder)) for path in (folder / "tables").glob("*/*/*")}


@dataclass
class Teller:
    """Keeps what it was told."""

    told: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    names: int = 0

    def listed(self, names: int, exams: int) -> None:
        self.names += names

    def read(self, *counts: int) -> None:
        self.told.append(counts)  # type: ignore[arg-type]


@dataclass
class Inline:
    """Runs what it is given in this process, one after the other.

    ``fate`` may give how a task ended instead of having it run, or raise as a kill would.
    """

    fate: Callable[[Callable[..., Any], tuple[Any, ...]], Ended | None] = lambda function, arguments: None
    flying: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = field(default_factory=dict)
    most: int = 0
    count: int = 0

    def slots(self) -> int:
        return 2

    def submit(self, function: Callable[..., Any], *arguments: Any) -> int:
        self.count += 1
        self.flying[self.count] = (function, arguments)
        self.most = max(self.most, len(self.flying))
        return self.count

    def finished(self, seconds: float) -> list[tuple[int, Any]]:
        if not self.flying:
            return []
        ticket = max(self.flying)  # the last first: nothing may rest on the order
        function, arguments = self.flying.pop(ticket)
        ended = self.fate(function, arguments)
        return [(ticket, function(*arguments) if ended is None else ended)]

    def close(self) -> None:
        self.flying.clear()


@contextmanager
def store(folder: Path, faults: Counter[str] | None = None) -> Iterator[str]:
    """A folder as a store by WebHDFS on the loopback address; its address for fsspec.

    ``faults``: how often a request for a file of that name is answered by 503 first.
    """
    faults = Counter() if faults is None else faults

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: one[0] for name, one in parse_qs(parts.query).items()}
            path = folder / unquote(parts.path).removeprefix("/webhdfs/v1").lstrip("/")
            if faults[path.name] > 0:
                faults[path.name] -= 1
                self._answer(503, b"busy")
            elif not path.exists():
                words = {"exception": "FileNotFoundException", "message": "not there"}
                self._answer(404, json.dumps({"RemoteException": words}).encode())
            elif asked["op"] == "OPEN":
                content = path.read_bytes()[int(asked.get("offset", 0)) :]
                self._answer(200, content[: int(asked["length"])] if "length" in asked else content)
            elif asked["op"] == "LISTSTATUS":
                found = [self._status(one, one.name) for one in sorted(path.iterdir())]
                self._answer(200, json.dumps({"FileStatuses": {"FileStatus": found}}).encode())
            else:
                self._answer(200, json.dumps({"FileStatus": self._status(path, "")}).encode())

        def _status(self, path: Path, name: str) -> dict[str, Any]:
            kind = "DIRECTORY" if path.is_dir() else "FILE"
            return {"pathSuffix": name, "type": kind, "length": path.stat().st_size}

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"webhdfs://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def zipped(archive: Path, files: Sequence[Path]) -> Path:
    """A zip of files."""
    import zipfile

    with zipfile.ZipFile(archive, "w") as made:
        for number, file in enumerate(files):
            made.write(file, f"IM{number:04d}")
    return archive


def of_other_modality(path: Path) -> None:
    """A DICOM file that is no mammogram."""
    ds: Dataset = image("R", "CC", study(999), 1)
    ds.Modality = "CT"
    ds.save_as(path, enforce_file_format=True)
