"""The rights that the container and the units leave are enough: nothing to write to but the data folder.

In a mount namespace of its own everything is read-only, ``/tmp`` is empty, small and without programs, and no
capability is left, as the files of ``packaging/`` ask for. Skipped where such a namespace may not be made.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from exam.builders import mg_dataset, save

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces are Linux's"),
]
SHUT = """
set -e
mount --make-rprivate /
mount --bind "$DATA" /mnt
mount -t tmpfs -o noexec,nosuid,nodev,size=512m tmpfs /tmp
for place in $(awk '{print $2}' /proc/mounts | sort); do
  case "$place" in
    /mnt|/tmp|/proc*|/sys*|/dev*) ;;
    *) mount -o remount,ro,bind "$place" 2>/dev/null || true ;;
  esac
done
cd /mnt
export HOME=/tmp XDG_CACHE_HOME=/tmp/cache CALCSCOPE_DATA=/mnt/data
exec setpriv --bounding-set -all --inh-caps -all --no-new-privs "$@"
"""
SERVE = """
import json, subprocess, sys, time, urllib.request
server = subprocess.Popen([sys.executable, "-m", "calcscope.cli", "serve", "--port", sys.argv[1]])
for _ in range(300):
    time.sleep(0.3)
    try:
        told = json.load(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/health", timeout=5))
        break
    except OSError:
        assert server.poll() is None
print(json.dumps(told))
server.terminate()
server.wait(60)
"""


def shut(data: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command where only ``data`` (as /mnt) can be written to."""
    if shutil.which("unshare") is None or shutil.which("setpriv") is None or os.getuid() != 0:
        pytest.skip("needs root, unshare and setpriv")
    if Path(sys.prefix).is_relative_to("/tmp"):
        pytest.skip("the environment lies in /tmp, which is empty in there")
    if subprocess.run(
        ["unshare", "--mount", "mount", "--make-rprivate", "/"], capture_output=True
    ).returncode:
        pytest.skip("no namespace may be made here")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("CALCSCOPE_", "DJANGO_"))},
        "DATA": str(data), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    return subprocess.run(
        ["unshare", "--mount", "bash", "-c", SHUT, "shut", *command],
        env=environment, capture_output=True, text=True, timeout=170,
    )  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o700)
    return folder


def test_nothing_else_can_be_written_to(data: Path) -> None:
    done = shut(data, sys.executable, "-c", f"open({str(Path(__file__).with_name('x'))!r}, 'w')")
    assert "Read-only file system" in done.stderr
    assert shut(data, sys.executable, "-c", "open('/mnt/x', 'w'); open('/tmp/x', 'w')").returncode == 0
    assert (data / "x").exists()


def test_an_exam_is_read_to_its_pdf(data: Path) -> None:
    pytest.importorskip("weasyprint", exc_type=OSError)
    save(mg_dataset(), data / "exam" / "a.dcm")
    done = shut(data, sys.executable, "-m", "calcscope.cli", "read", "exam", "--out", "report")
    assert done.returncode == 0, done.stderr[-2000:]
    (exam,) = json.loads((data / "report" / "report.json").read_text(encoding="utf-8"))["exams"]
    assert len(exam["views"]) == 1
    assert [path.stat().st_size > 1000 for path in (data / "report").glob("exam-*/report.pdf")] == [True]


def test_the_reading_room_is_served(data: Path) -> None:
    from hospital_network import free_port

    done = shut(data, sys.executable, "-c", SERVE, str(free_port()))
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1])["well"] is True
    assert sorted(path.name for path in data.iterdir()) == ["data"]
