"""The container file and the service units say what they should, of things that are there.

Neither a container nor a service manager runs here (docs/guide/operate.md says how the container was tried):
what the files ask for is compared with the source, and judged by systemd's own tools where they are there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path

import pytest
from typer.main import get_command

from calcscope.cli import app

ROOT = Path(__file__).parents[2]
CONTAINER = (ROOT / "packaging" / "Containerfile").read_text(encoding="utf-8")
UNITS = sorted((ROOT / "packaging").glob("*.service"))
MOST_EXPOSED = 2.0
"""Of systemd's scale from 0 (nothing is open) to 10; below 2 is "OK", its best word but one."""


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the container file with its arguments, in order."""
    whole = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", CONTAINER))
    return [(line.split()[0], line.split(None, 1)[1]) for line in whole.splitlines() if line.strip()]


def options_of(command: list[str]) -> set[str]:
    """The options of one of our commands."""
    found = get_command(app)
    for word in command:
        found = getattr(found, "commands", {}).get(word, found)
    return {option for parameter in found.params for option in parameter.opts}


def test_what_the_container_copies_is_there() -> None:
    copied = [arguments.split()[:-1] for name, arguments in instructions() if name == "COPY"]
    from_here = [name for names in copied if not names[0].startswith("--from") for name in names]
    assert {"src", "frontend", "pyproject.toml", "constraints.txt"} <= set(from_here)
    for name in from_here:
        assert (ROOT / name).exists(), name


def test_the_container_is_not_root_and_keeps_everything_in_one_volume() -> None:
    found = instructions()
    last_stage = found[max(n for n, (name, _) in enumerate(found) if name == "FROM") :]
    said = dict(last_stage)
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", said["USER"])
    assert said["VOLUME"] == '["/data"]'
    assert "CALCSCOPE_DATA=/data" in said["ENV"]
    assert "install -d -m 0700" in said["RUN"]
    names = [name for name, _ in last_stage]
    assert names.index("USER") > names.index("RUN")  # nothing is installed by who runs it
    assert "password" not in CONTAINER.lower()
    # The libraries of the letters' PDF are those that the tests are run with.
    pango = set(re.findall(r"lib(?:pango|harfbuzz)\S+", said["RUN"]))
    assert pango <= set((ROOT / "Makefile").read_text(encoding="utf-8").split())


def test_what_compiles_the_texts_in_the_container_is_installed_there() -> None:
    """The stage that builds has these alone, and not all of ``make env``."""
    build = " ".join(arguments for name, arguments in instructions() if name == "RUN")
    listed = re.search(r"-c constraints\.txt ((?:\w+ )+) *&& touch", build)
    assert listed
    there = set()
    waiting = listed[1].split()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name not in there:
            there.add(name)
            with suppress(metadata.PackageNotFoundError):  # one of another Python
                asked = metadata.requires(name) or []
                waiting += [re.split(r"[^\w.-]", each)[0] for each in asked if "extra ==" not in each]
    code = "import sys, calcscope.server.languages.messages; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    of_module = metadata.packages_distributions()
    used = {each for name in done.stdout.split() for each in of_module.get(name, [])}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in used} - {"calcscope", "setuptools"} <= there


@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False)])
def test_the_health_of_the_container_is_asked_under_a_name_the_server_knows(status: int, well: bool) -> None:
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.headers['Host']}{self.path}")
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said = next(arguments for name, arguments in instructions() if name == "HEALTHCHECK")
    code = json.loads(said[said.index("[") :])[-1].replace(":8000", f":{server.server_port}")
    environment = {**os.environ, "CALCSCOPE_HOSTS": "rooms.example.org, other.example.org"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    server.shutdown()
    assert (done.returncode == 0) == well
    assert asked == ["rooms.example.org/health"]


def test_the_container_and_the_units_start_commands_that_exist() -> None:
    (start,) = [arguments for name, arguments in instructions() if name == "CMD"][-1:]
    starts = [re.findall(r'"([^"]+)"', start)]
    for unit in UNITS:
        line = re.search(r"(?m)^ExecStart=\S+/calcscope (.+)$", unit.read_text(encoding="utf-8"))
        assert line
        starts.append(line[1].split())
    assert [command[0] for command in starts] == ["serve", "node", "serve"]
    for command in starts:
        asked = {word for word in command if word.startswith("--")}
        assert asked <= options_of(command[:1]), command


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_gives_no_more_rights_than_it_takes(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    for line in ("NoNewPrivileges=yes", "CapabilityBoundingSet=\n", "ProtectSystem=strict", "UMask=0077",
                 "StateDirectoryMode=0700", "User=calcscope",
                 "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX"):  # fmt: skip
        assert line in text
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd's tools are not here")
    # The command itself is not installed here; everything else must be understood.
    trial = tmp_path / unit.name
    trial.write_text(re.sub(r"(?m)^ExecStart=.*", "ExecStart=/bin/true", text), encoding="utf-8")
    seen = subprocess.run(["systemd-analyze", "verify", trial], capture_output=True, text=True)
    assert not [line for line in seen.stderr.splitlines() if unit.name in line], seen.stderr
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED * 10:.0f}", trial],
        capture_output=True, text=True,
    )  # fmt: skip
    exposure = re.search(r"exposure level.*: (\d+\.\d+)", said.stdout)
    assert exposure, said.stderr
    assert float(exposure[1]) <= MOST_EXPOSED
