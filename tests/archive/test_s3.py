"""A bucket behind a real S3 interface (rclone's) on the loopback address, which goes away and comes back."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from archives import READER, Inline, Teller, column, exam, study, zipped
from hospital_network import free_port, wait_for
from machines import PATHS

from calcscope.archive import s3
from calcscope.archive.cluster import Ended
from calcscope.archive.ledger import Ledger, exam_name
from calcscope.archive.run import Summary, open_run, read_archive, retry_archive
from calcscope.archive.sources import Place, SourceFault, source_of
from calcscope.archive.work import Orders, read_exam

ADDRESS = "s3://mammograms/screening"
KEY, SECRET = "AKIAGEHEIM", "ganz/geheimer+schluessel"
COMMAND = Path(sys.executable).parent / "calcscope"


class Store:
    """Folders as buckets, for whoever has the key."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which(
            "rclone", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
        )
        if found is None:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("rclone is missing; `make env`")
        self.program, self.folder, self.port = str(found), folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> dict[str, Any]:
        endpoint = {"endpoint_override": f"127.0.0.1:{self.port}", "scheme": "http", "region": "us-east-1"}
        return {**endpoint, "access_key": KEY, "secret_key": SECRET}

    def start(self) -> Store:
        self.process = subprocess.Popen(
            [self.program, "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--config", "",
             "--auth-key", f"{KEY},{SECRET}", "--dir-cache-time", "0s", self.folder],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for(self._answers, 30, "the store")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A bucket with five exams below a prefix, one of them scattered and one in a zip, and one beside it."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # nobody is asked who we are
    bucket = tmp_path / "store" / "mammograms"
    for number in range(3):
        exam(bucket / "screening" / f"year {number}", number)
    _, second = exam(bucket / "screening" / "a", 3)
    second.rename(bucket / "screening" / "ü#.dcm")
    zipped(bucket / "screening" / "more.zip", exam(tmp_path / "packed", 4))
    (bucket / "screening" / "readme.txt").write_text("hello")
    exam(bucket / "trial", 99)
    made = Store(bucket.parent).start()
    yield made
    made.kill()
    s3._bucket.cache_clear()


def go(out: Path, options: dict[str, Any], executor: Inline) -> Summary:
    ledger = open_run(out, ADDRESS, "screening")
    try:
        orders = Orders(source_of(ADDRESS, options=options), ledger.key(), reader=READER)
        return read_archive(ledger, orders, executor, Teller())
    finally:
        ledger.close()


def again(out: Path, options: dict[str, Any]) -> Summary:
    ledger = Ledger(out)
    try:
        orders = Orders(source_of(ADDRESS, options=options), ledger.key(), reader=READER)
        return retry_archive(ledger, orders, Inline(), Teller())
    finally:
        ledger.close()


def is_whole(out: Path, noted: Path) -> None:
    """Each of the five exams was read once and stands once in the tables; nothing tells a key."""
    ledger = Ledger(out, writes=False)
    wanted = sorted(exam_name(ledger.key(), study(number)) for number in range(5))
    assert not list(ledger.failures())
    ledger.close()
    assert sorted(column(out, "exams", "exam")) == wanted
    assert set(column(out, "exams", "views")) == {2}
    assert Counter(noted.read_text().split()) == Counter(map(study, range(5)))
    for path in out.rglob("*"):
        assert path.is_dir() or not tells(path.read_bytes().decode("latin-1")), path


def tells(text: str) -> bool:
    return KEY in text or SECRET in text


def test_exams_below_a_prefix_are_read_once_though_the_store_goes_away(
    tmp_path: Path, store: Store, noted: Path
) -> None:
    out, begun = tmp_path / "out", 0

    def fate(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Ended | None:
        nonlocal begun
        if function is read_exam:
            begun += 1
            if begun == 3:
                store.kill()
        return None

    assert go(out, store.options, Inline(fate)) == Summary(2, 3, 0, 0)
    ledger = Ledger(out, writes=False)
    reasons = [one.reason for one in ledger.failures()]
    ledger.close()
    assert reasons == ["the store did not send it (ConnectionError) (tried 4 times)"] * 3
    store.start()
    assert again(out, store.options) == Summary(5, 0, 0, 0)
    is_whole(out, noted)


def test_a_store_that_is_not_there_or_does_not_know_us_is_said_without_its_keys(
    tmp_path: Path, store: Store
) -> None:
    def said(address: str = ADDRESS, **changed: Any) -> str:
        with pytest.raises(SourceFault) as fault:
            list(source_of(address, options={**store.options, **changed}).names(""))
        assert not tells(str(fault.value))
        return str(fault.value)

    assert said(secret_key="wrong") == "the store could not be listed (PermissionError)"
    assert said(access_key="nobody") == "the store could not be listed (PermissionError)"
    assert said("s3://none/x") == "the store could not be listed (FileNotFoundError)"
    assert said(f"{ADDRESS}/more.zip") == "the store could not be listed (FileNotFoundError)"
    assert "argument 'key'" in said(key=KEY)
    assert "access_key with secret_key" in said(secret_key=None)
    for address in (
        f"s3://{KEY}:{SECRET}@mammograms/x", f"https://frieda:{SECRET}@host/dicom-web",
        f"webhdfs://frieda:{SECRET}@host:9870/x", f"https://host/dicom-web?token={SECRET}",
    ):  # fmt: skip
        assert "password or key in the address" in said(address)
    store.kill()
    assert said() == "the store could not be listed (ConnectionError)"


@contextmanager
def cutting(port: int, after: list[int]) -> Iterator[int]:
    """A line to a port of this machine that is cut after so many bytes of answers, a number a connection."""
    listening = socket.create_server(("127.0.0.1", 0))

    def copied(one: socket.socket, other: socket.socket, left: int) -> None:
        with suppress(OSError):
            while left > 0 and (some := one.recv(min(left, 1 << 16))):
                other.sendall(some)
                left -= len(some)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", port))
                left = after.pop(0) if after else 1 << 40
                for arguments in ((near, far, 1 << 40), (far, near, left)):
                    threading.Thread(target=copied, args=arguments, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


def test_an_image_whose_line_breaks_is_fetched_again_and_whole(tmp_path: Path, store: Store) -> None:
    content = os.urandom(3 << 20)
    (store.folder / "mammograms" / "screening" / "large.dcm").write_bytes(content)
    copies = tmp_path / "copies"
    copies.mkdir()
    cuts = [1 << 20, 2 << 20]
    with cutting(store.port, cuts) as port:
        source = source_of(ADDRESS, options={**store.options, "endpoint_override": f"127.0.0.1:{port}"})
        (path,) = source.fetch("", [Place("large.dcm")], copies)
    assert path.read_bytes() == content
    assert not cuts


@pytest.mark.slow
def test_the_command_reads_a_bucket_with_the_keys_of_its_environment(
    tmp_path: Path, store: Store, noted: Path
) -> None:
    options, out = tmp_path / "store.json", tmp_path / "out"
    endpoint = {name: one for name, one in store.options.items() if not name.endswith("_key")}
    options.write_text(json.dumps(endpoint))
    environment = {
        **os.environ, "PYTHONPATH": PATHS, "OMP_NUM_THREADS": "1", "COLUMNS": "300",
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
    }  # fmt: skip
    access = ["--store-options", options, "--workers", "1", "--reader", READER]

    def said(*words: object) -> subprocess.CompletedProcess[str]:
        command = [COMMAND, "archive", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        assert not tells(done.stdout + done.stderr)
        return done

    done = said("read", ADDRESS, "--out", out, *access)
    assert done.returncode == 0, done.stderr
    assert "5 exams read, 0 failed, 0 files not taken" in done.stdout
    is_whole(out, noted)
    for words in (("read", ADDRESS, "--out", "s3://mammograms/results"), ("failed", "--archive", "s3://m/r")):
        refused = said(*words)
        assert refused.returncode == 2
        assert "expected a folder on a local disk" in refused.stderr
