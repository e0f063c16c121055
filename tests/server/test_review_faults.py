"""Hostile files, two writers, what the logs hold, the daily work, and a server that cannot start."""

from __future__ import annotations

import io
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
import zipfile
from datetime import timedelta
from pathlib import Path
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from accounts import Account, Enter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from exams import exam_read
from test_bringing import PAGE, brought, file

from calcscope.server.exams import uploads
from calcscope.server.exams.models import Image, Upload, Woman
from calcscope.server.exams.uploads import take_in_upload
from calcscope.server.followup import chains, daily
from calcscope.server.followup.chains import Refused
from calcscope.server.followup.letters import remind, write
from calcscope.server.followup.models import Chain, DailyRun, Step
from calcscope.server.logs import NoPatientData
from calcscope.server.people.models import Site

# --- hostile files --------------------------------------------------------------------------------------


def _packed(**members: bytes) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_up_", "../../../"), content)
    return SimpleUploadedFile("exam.zip", buffer.getvalue())


def test_a_file_that_would_fill_the_memory_is_left_out(account: Account, signed_in: Enter) -> None:
    packed = _packed(**{"bomb.dcm": bytes(80 << 20)})
    upload = brought(signed_in(account("technologist")), packed, file())
    (failure,) = upload.failures
    assert failure["source"] == "exam.zip!bomb.dcm"
    assert "times smaller" in failure["reason"]
    assert Image.objects.count() == 1


def test_names_lead_nowhere(account: Account, signed_in: Enter) -> None:
    browser = signed_in(account("technologist"))
    upload = brought(browser, _packed(_up_evil=file().read()))
    assert "leads out of the archive" in upload.failures[0]["reason"]
    upload = brought(browser, SimpleUploadedFile("../../evil.dcm", file().read()))
    assert Image.objects.count() == 1
    assert not list(upload.folder.parents[2].rglob("evil*"))


def test_files_that_stop_every_worker_are_given_up(account: Account, signed_in: Enter) -> None:
    signed_in(account("technologist")).post(PAGE, {"site": "north", "files": [file()]})
    upload = Upload.objects.get()
    Upload.objects.update(worker="here:1", heartbeat=timezone.now(), attempts=uploads.ATTEMPTS)
    assert uploads.retake_lost(["here:1"]) == 0
    upload.refresh_from_db()
    assert "3 times" in upload.failures[0]["reason"]
    assert upload.done_at is not None
    take_in_upload.func(str(upload.uuid))
    assert Image.objects.count() == 0


def test_a_patient_id_that_does_not_fit_is_said(account: Account, signed_in: Enter) -> None:
    from pydicom import dcmread

    ds = dcmread(io.BytesIO(file().read()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds.PatientID = "9" * 100
        buffer = io.BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
    upload = brought(signed_in(account("technologist")), SimpleUploadedFile("RCC.dcm", buffer.getvalue()))
    assert "100 characters" in upload.failures[0]["reason"]
    assert not Woman.objects.exists()


def test_too_many_files_at_once_are_told_so(account: Account, signed_in: Enter, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    browser = signed_in(account("technologist"))
    files = [SimpleUploadedFile(f"{number}.dcm", b"x") for number in range(3)]
    answer = browser.post(PAGE, {"site": "north", "files": files}, headers={"X-Requested-With": "fetch"})
    assert answer.status_code == 400
    assert "more than 2 files" in answer.json()["why"]
    assert (
        "zip" in browser.post(PAGE, {"files": [each for each in files if not each.seek(0)]}).content.decode()
    )
    assert not Upload.objects.exists()


# --- logs -----------------------------------------------------------------------------------------------


def test_a_librarys_warning_does_not_name_the_woman() -> None:
    text = "values.py:12: UserWarning: Invalid value for VR PN: 'Zwiebelfisch^Ottilie'\n  warnings.warn("
    line = logging.LogRecord("py.warnings", logging.WARNING, "", 0, "%s", (text,), None)
    assert NoPatientData().filter(line)
    assert line.getMessage() == "a library gave a UserWarning"


def test_a_fault_of_the_server_says_nothing_of_her(
    site: Site, tmp_path: Path, account: Account, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    woman = exam_read(site, tmp_path).woman
    Woman.objects.update(name="Zwiebelfisch^Ottilie")
    browser = signed_in(account("radiologist"))
    browser.raise_request_exception = False
    told = io.StringIO()
    (handler,) = (
        each for each in logging.getLogger().handlers
        if any(isinstance(one, NoPatientData) for one in each.filters)
    )  # fmt: skip
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(told)

    def broken(*_unused: Any) -> None:
        raise RuntimeError("Zwiebelfisch^Ottilie")

    monkeypatch.setattr("calcscope.server.exams.views.about", broken)
    for method in ("get", "post"):
        answer = getattr(browser, method)(reverse("exams:woman", args=[woman.uuid]))
        assert answer.status_code == 500
        assert "Zwiebelfisch" not in answer.content.decode()
    browser.get(reverse("exams:woman", args=[woman.uuid]) + "/Zwiebelfisch")
    handler.setStream(before)
    assert "RuntimeError" in told.getvalue()
    assert "Zwiebelfisch" not in told.getvalue()


def test_a_database_that_is_away_is_said_in_words(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from calcscope.server import views

    def away(*_unused: Any, **_more: Any) -> None:
        raise OSError

    monkeypatch.setattr(views, "render", away)
    answer = views.broken(client.get("/health").wsgi_request)
    assert answer.status_code == 500
    assert b"is lost" in answer.content


# --- two at once ----------------------------------------------------------------------------------------


WRITERS = """
import threading, django
django.setup()
from django.core.management import call_command
from django.db import connections, transaction
call_command("migrate", verbosity=0)
from calcscope.server.audit.models import Event
from calcscope.server.audit.recording import record
def add():
    for _ in range(25):
        with transaction.atomic():
            Event.objects.count()
            record("tested")
    connections.close_all()
threads = [threading.Thread(target=add) for _ in range(4)]
[each.start() for each in threads], [each.join() for each in threads]
print(Event.objects.count())
"""


def test_writers_wait_for_one_another(tmp_path: Path) -> None:
    """Readers that turn into writers, in a file as a server has it."""
    settings = {"CALCSCOPE_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "calcscope.server.settings"}
    environment = {**os.environ, **settings, "CALCSCOPE_DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite'}"}
    command = [sys.executable, "-c", WRITERS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.stdout.strip() == "100", done.stderr


# --- once a day -----------------------------------------------------------------------------------------


@pytest.fixture
def step(site: Site, tmp_path: Path) -> Step:
    exam = exam_read(site, tmp_path)
    Woman.objects.update(email="anna@example.org")
    chain = Chain.objects.create(site=site, woman=exam.woman, exam=exam, code="biopsy", category="4B")
    made = chains._open(chain, "biopsy", timezone.localdate() + timedelta(days=30), None)
    return Step.objects.get(pk=made.pk)


def test_the_daily_work_is_done_once_a_day(db: None) -> None:
    now = timezone.now()
    assert not daily.missed()
    assert daily.run_daily(now) is not None
    assert daily.run_daily(now) is None
    assert daily.run_daily(now + timedelta(days=1)) is not None
    assert DailyRun.objects.count() == 2


def test_a_run_that_did_not_end_is_done_again(db: None) -> None:
    now = timezone.now().replace(hour=12)
    DailyRun.objects.create(day=timezone.localdate(now), begun_at=now)
    assert daily.run_daily(now + timedelta(minutes=5)) is None
    done = daily.run_daily(now + timedelta(minutes=30))
    assert done is not None
    assert done.ended_at is not None


def test_a_day_that_was_missed_is_seen_in_health(client: Client, db: None) -> None:
    assert client.get("/health").json()["daily"] is True
    daily.run_daily()
    assert client.get("/health").json()["nobody_lost"] is True
    DailyRun.objects.update(ended_at=timezone.now() - timedelta(hours=30))
    answer = client.get("/health")
    assert answer.status_code == 200
    assert answer.json()["daily"] is False


def test_somebody_lost_is_seen_in_health_and_fails_the_command(client: Client, step: Step) -> None:
    Step.objects.update(state=Step.State.DONE)
    with pytest.raises(CommandError, match="lost"):
        call_command("nightly")
    assert client.get("/health").json()["nobody_lost"] is False


def test_a_reminder_of_a_day_that_was_missed_goes_out_the_next(
    letters_may_leave: None, step: Step, mailoutbox: list[Any]
) -> None:
    assert remind(step.due - timedelta(days=15)) == (0, 0)
    assert remind(step.due - timedelta(days=12)) == (1, 0)
    assert remind(step.due - timedelta(days=11)) == (0, 0)
    assert remind(step.due - timedelta(days=2)) == (1, 0)
    assert remind(step.due) == (0, 0)
    assert len(mailoutbox) == 2


def test_an_email_that_did_not_leave_is_not_in_her_history(
    letters_may_leave: None, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_unused: Any) -> None:
        raise SMTPServerDisconnected

    monkeypatch.setattr("django.core.mail.EmailMessage.send", away)
    with pytest.raises(Refused, match="mail server"):
        write(step, by=None, send=True)
    assert remind(step.due - timedelta(days=3)) == (0, 1)
    assert not step.events.filter(kind__in=["letter", "reminder"]).exists()
    monkeypatch.undo()
    assert remind(step.due - timedelta(days=2)) == (1, 0)


# --- starting -------------------------------------------------------------------------------------------


MAIN = "from calcscope.cli import main; main()"


def _serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", MAIN, "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ})


def test_a_port_in_use_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = _serve("--data", str(tmp_path / "data"), "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "expected a free port" in done.stderr
    assert not list((tmp_path / "data").iterdir())


def test_a_data_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = _serve("--data", str(tmp_path / "file" / "data"))
    assert done.returncode == 1
    assert "--data" in done.stderr
    assert "Traceback" not in done.stderr


def _lives(process: int) -> bool:
    """Whether a process does anything; one that waits to be buried does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes as Linux lists them")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_reader_outlives_the_server(how: signal.Signals, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", MAIN, "serve", "--data", str(tmp_path / "data"), "--port", str(port)]
    own = {key: value for key, value in os.environ.items() if not key.startswith(("CALCSCOPE", "DJANGO"))}
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=own)
    assert server.stderr is not None
    try:
        for line in server.stderr:
            if b"Starting worker" in line:
                break
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        (reader,) = map(int, children.read_text().split())
        server.send_signal(how)
        server.wait(20)
        until = time.monotonic() + 20
        while _lives(reader) and time.monotonic() < until:
            time.sleep(0.1)
        assert not _lives(reader)
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


def test_only_a_named_server_in_front_is_believed() -> None:
    from calcscope.server.command import _in_front
    from calcscope.server.config import Config

    assert Config.of({}).proxy == ""
    assert Config.of({"CALCSCOPE_HTTPS": "on"}).proxy == "127.0.0.1"
    assert _in_front("10.0.0.1")["trusted_proxy"] == "10.0.0.1"
    # Not taken away: that there is a server in front keeps the metrics from who comes through it.
    assert _in_front("") == {"clear_untrusted_proxy_headers": False}
    assert connection.vendor  # settings are loaded
