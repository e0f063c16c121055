"""What docs/safety.md names is there: every test, every file, what stops each threat and hazard."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["docs/safety.md", "docs/guide/operate.md"]
PAGE = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")


@cache
def functions_of(path: Path) -> set[str]:
    """Names of the functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:tests|benchmarks|packaging|docs)/[\w/]+\.\w+", text))
    assert named
    for path in sorted(named):
        assert (ROOT / path).is_file(), path


def test_every_test_that_is_named_exists_where_it_is_said() -> None:
    named = re.findall(r"`(test_\w+)` in `(tests/[\w/]+\.py)`", PAGE)
    assert len(named) > 50
    for name, path in named:
        assert name in functions_of(ROOT / path), f"{name} in {path}"
    # A test named without its file could not be looked up.
    assert len(re.findall(r"`test_\w+`", PAGE)) == len(named)


def test_every_threat_and_hazard_says_what_stops_it() -> None:
    rows = [row for row in PAGE.splitlines() if re.match(r"\| [TH]\d+ \|", row)]
    numbers = [row.split("|")[1].strip() for row in rows]
    assert numbers == [*(f"T{n}" for n in range(1, 17)), *(f"H{n}" for n in range(1, 20))]
    for row in rows:
        cells = [cell.strip() for cell in row.split("|")[1:-1]]
        assert len(cells) == (5 if cells[0].startswith("T") else 8)
        assert all(cells[:-1]), cells[0]
    assert not re.search(r"[A-Z]+_RESULT", PAGE)
