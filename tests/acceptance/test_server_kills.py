"""Exams brought to the reading room while its server and its reader are killed: nothing lost, nothing twice.

What was acknowledged is there once and read once; what was not leaves nothing and can be brought again. The
engine is the real one, the images are small. The node's kills are in ``test_node_kills.py``, those of an
archive's run in ``tests/archive/test_run.py``.
"""

from __future__ import annotations

import json
import os
import queue
import random
import signal
import sys
import time
import uuid
from http.client import HTTPConnection, HTTPException
from io import BytesIO
from pathlib import Path

import pytest
from hospital import VIEWS, image
from hospital_network import in_threads, wait_for
from reading_room import Room, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the reader's process in /proc"),
]
EXAMS, SENDERS = 10, 3
KILLS = ("reader", "server", "reader", "server", "reader")
SESSION = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice
from calcscope.server.people.models import User
user = User.objects.get(username="simon")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session["otp_device_id"] = TOTPDevice.objects.get(user=user).persistent_id
session.save()
print(session.session_key)
"""
STATE = """
import hashlib, json
from calcscope.server.exams.models import Exam, Image, Job, Reading, Upload, Woman
from calcscope.server.audit.models import Event
print(json.dumps({
    "women": sorted(Woman.objects.values_list("patient_id", flat=True)),
    "exams": [[each.woman.patient_id, each.state, each.images.count(), each.readings.count(),
               list(each.jobs.values_list("state", flat=True))] for each in Exam.objects.order_by("pk")],
    "damaged": [each.sop_uid for each in Image.objects.all()
                if hashlib.sha256(each.path.read_bytes()).hexdigest() != each.sha256],
    "reports": [each.pk for each in Reading.objects.all() if not each.report().views],
    "open uploads": Upload.objects.filter(done_at=None).count(),
    "refused": [each.failures for each in Upload.objects.all() if each.failures],
    "brought": Event.objects.filter(action="brought").count(),
}))
"""
TOKEN = "a" * 32


def exam_files(number: int) -> list[tuple[str, bytes]]:
    """Four images of a woman of her own."""
    files = []
    for place, (side, name) in enumerate(VIEWS, 1):
        ds = image(side, name, f"1.2.826.0.1.4711.9.{number}", place)
        ds.PatientID, ds.PatientName = f"K-{number}", f"Beispiel^{number}"
        stream = BytesIO()
        ds.save_as(stream, enforce_file_format=True)
        files.append((f"{side}{name}.dcm", stream.getvalue()))
    return files


class Sender:
    """Somebody who brings exams, and brings again what was not acknowledged."""

    def __init__(self, room: Room, session: str, todo: queue.SimpleQueue[int]) -> None:
        self.room, self.session, self.todo = room, session, todo
        self.acknowledged: list[int] = []
        self.broken = 0

    def run(self) -> None:
        """Until there is nothing left."""
        while True:
            try:
                number = self.todo.get_nowait()
            except queue.Empty:
                return
            while not self._bring(number):
                self.broken += 1
                time.sleep(0.5)
            self.acknowledged.append(number)

    def _bring(self, number: int) -> bool:
        border = uuid.uuid4().hex
        body = f'--{border}\r\nContent-Disposition: form-data; name="site"\r\n\r\nnorth\r\n'.encode()
        for name, content in exam_files(number):
            head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
            body += head.encode() + content + b"\r\n"
        body += f"--{border}--\r\n".encode()
        connection = HTTPConnection("127.0.0.1", self.room.port, timeout=60)
        try:
            connection.putrequest("POST", "/exams/bring")
            for name, value in {
                "Content-Type": f"multipart/form-data; boundary={border}",
                "Content-Length": str(len(body)),
                "Cookie": f"sessionid={self.session}; csrftoken={TOKEN}",
                "X-CSRFToken": TOKEN,
                "X-Requested-With": "fetch",
            }.items():
                connection.putheader(name, value)
            connection.endheaders()
            for start in range(0, len(body), 1 << 14):  # slowly, so that kills fall into the sending
                connection.send(body[start : start + (1 << 14)])
                time.sleep(0.02)
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status in (200, 503), told
            return answer.status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def test_killed_at_random_moments_the_server_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    chance = random.Random(9)
    with running(tmp_path / "data") as room:
        session = room.shell(SESSION)
        todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(1, EXAMS + 1):
            todo.put(number)
        senders = [Sender(room, session, todo) for _ in range(SENDERS)]
        threads = in_threads([one.run for one in senders])
        died = 0
        for kill in KILLS:
            time.sleep(0.5 + 3 * chance.random())
            if kill == "server":
                assert room.process is not None
                room.process.kill()
                room.process.wait(60)
                room.start()
            else:
                for reader in room.readers():
                    os.kill(reader, signal.SIGKILL)
                    died += 1
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive()
        assert died > 0

        def all_read() -> bool:
            found = json.loads(room.shell(STATE))
            return found["open uploads"] == 0 and all(one[1] != "waiting" for one in found["exams"])

        # A killed server's work is taken up when its lease has run out (45 s).
        wait_for(all_read, 240, "the analyses")
        found = json.loads(room.shell(STATE))
        # The write-ahead log of a killed process was taken over whole.
        checked = room.shell(
            "from django.db import connection; c = connection.cursor();"
            "print(c.execute('PRAGMA integrity_check').fetchone()[0],"
            "len(c.execute('PRAGMA foreign_key_check').fetchall()))"
        )
    assert checked == "ok 0"
    brought = sorted(number for one in senders for number in one.acknowledged)
    assert brought == list(range(1, EXAMS + 1))
    assert found["women"] == sorted(f"K-{number}" for number in brought)
    assert sorted(one[0] for one in found["exams"]) == found["women"]  # each exam once
    for patient, state, images, readings, jobs in found["exams"]:
        assert (state, images, readings) == ("unread", 4, 1), patient
        assert jobs.count("done") == 1
        assert set(jobs) == {"done"}
    assert found["damaged"] == found["reports"] == found["refused"] == []
    assert found["brought"] >= EXAMS
    assert not list((tmp_path / "data" / "files" / "incoming").glob("*/*"))
