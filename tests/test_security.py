"""What a look over the source finds: unsafe calls, each justified; no secret; rights of what is made."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from math import log2
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
JUSTIFIED = yaml.safe_load((ROOT / "tests" / "bandit.yaml").read_text(encoding="utf-8"))

KEYS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
    "a key of a cloud": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[0-9A-Za-z_-]{35}\b"),
    "a token": re.compile(
        r"\b(?:gh[pousr]_[0-9A-Za-z]{36,}|github_pat_\w{60,}|glpat-[\w-]{20,}|xox[bap]-[\w-]{10,})"
    ),
    "a token of a package index": re.compile(r"\bpypi-[\w-]{50,}"),
    "a web token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "a password in an address": re.compile(r"\b\w+://[^\s/:@{}<>$\"'`]+:(?!password@|PASSWORD@)[^\s/@{}<>$\"'`…]+@"),
}  # fmt: skip
ASSIGNED = re.compile(
    r"""(?i)\b(?:secret|token|api_?key|passw(?:or)?d)\w*["']?\s*[:=]\s*["']([^"'\s{}$]{16,})["']"""
)


def kept() -> list[Path]:
    """Text files of the repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in found if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


def looks_random(text: str) -> bool:
    """Whether its characters are as mixed as those of a key: words have less than 3.5 bits a character."""
    shares = [text.count(each) / len(text) for each in set(text)]
    return -sum(share * log2(share) for share in shares) > 3.5 and bool(re.search(r"\d", text))


def test_what_bandit_finds_is_justified_and_nothing_else_is_there() -> None:
    pytest.importorskip("bandit")
    done = subprocess.run(
        [sys.executable, "-m", "bandit", "-q", "-r", "src/calcscope", "-c", "pyproject.toml", "-f", "json"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["errors"] == []
    found = {
        (each["filename"].removeprefix("src/calcscope/"), each["test_id"]): each for each in told["results"]
    }
    expected = {(name, number) for name, reasons in JUSTIFIED.items() for number in reasons}
    new = [f"{name}:{found[name, number]['line_number']} {number} {found[name, number]['issue_text']}"
           for name, number in sorted(set(found) - expected)]  # fmt: skip
    assert new == [], "mend it, or say in tests/bandit.yaml why it stays"
    assert expected - set(found) == set(), "tests/bandit.yaml justifies what is not there any more"


def test_no_secret_is_kept() -> None:
    found = []
    for path in kept():
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            found += [
                f"{path.relative_to(ROOT)}:{number} {what}"
                for what, form in KEYS.items()
                if form.search(line)
            ]
            found += [
                f"{path.relative_to(ROOT)}:{number} a secret of its own"
                for value in ASSIGNED.findall(line)
                if looks_random(value)
            ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----", True),
        ("url = 'postgresql://user:hunter2@db/name'", True),
        ("url = 'postgresql://user:password@host/name'", False),
        ('token = "9f8Kq2LxZ7vB1nM4pR6t"', True),
        ('PASSWORD = "a long enough password"', False),
    ],
)
def test_the_look_for_secrets_sees(line: str, secret: bool) -> None:
    seen = any(form.search(line) for form in KEYS.values())
    seen |= any(looks_random(value) for value in ASSIGNED.findall(line))
    assert seen == secret


@pytest.mark.skipif(os.name != "posix", reason="rights of files as POSIX has them")
def test_what_the_server_makes_only_its_user_may_read(tmp_path: Path) -> None:
    """The folder keeps everybody else out, whatever the rights of the files in it; and so does the key."""
    data = tmp_path / "data"
    script = (
        "import os, sys; os.umask(0o022); from pathlib import Path;"
        "from calcscope.server.command import _must_write; _must_write(Path(sys.argv[1]));"
        "from calcscope.server.config import Config; Config.of({'CALCSCOPE_DATA': sys.argv[1]}).secret_key()"
    )
    subprocess.run(
        [sys.executable, "-c", script, data], check=True, env={**os.environ, "CALCSCOPE_DATA": str(data)}
    )
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "secret-key").stat().st_mode) == 0o600
