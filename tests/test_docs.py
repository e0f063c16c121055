"""The documentation says what the code does: every option, setting, field and term is on its page."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import typer
import yaml

from calcscope import lexicon
from calcscope.cli import app
from calcscope.reading import ReadSettings

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """``docs/generate.py``, which is no package."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_reference_pages_are_up_to_date(generate: ModuleType) -> None:
    for name, text in generate.pages().items():
        assert page(f"reference/{name}") == text, f"docs/reference/{name}: run python docs/generate.py"


def test_every_command_and_option_is_named(generate: ModuleType) -> None:
    text = page("reference/command-line.md")
    commands = dict(generate.commands(typer.main.get_command(app)))
    assert {"read", "train network"} <= set(commands)
    for name, command in commands.items():
        assert f"`calcscope {name}`" in text
        for parameter in command.params:
            for flag in (*parameter.opts, *parameter.secondary_opts):
                if flag.startswith("-"):
                    assert f"`{flag}`" in text
            assert parameter.help, f"{name} {parameter.name} has no help text"


def test_every_setting_is_named() -> None:
    text = page("reference/settings.md")
    for name in [*ReadSettings().as_stated(), *vars(ReadSettings())]:
        assert f"`{name}`" in text


def test_every_report_field_is_named_and_described(generate: ModuleType) -> None:
    text = page("reference/report.md")
    paths = generate.field_paths()
    assert "exams[].views[].calcifications[].diameter_mm" in paths
    for path in paths:
        row = re.search(rf"^\| `{re.escape(path)}` \| \S.* \| \S.* \|$", text, re.MULTILINE)
        assert row, f"{path} is not on the page, or has no description"


def test_every_term_and_source_is_on_its_page() -> None:
    words, text = lexicon.terms(), page("reference/lexicon.md")
    for kind in type(words).model_fields:
        for name in getattr(words, kind):
            assert f"| `{name}` |" in text
    for name, rule in lexicon.rules().items():
        assert f"| `{name}` | {rule.text} |" in text
    for name, source in lexicon.sources().items():
        (row,) = re.findall(rf"^\| `{name}` \|.*$", page("reference/sources.md"), re.MULTILINE)
        assert source.verified == (lexicon.notices().not_verified not in row)


def test_options_in_guide_and_readme_exist() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    known = {flag for c in commands.values() for p in c.params for flag in (*p.opts, *p.secondary_opts)} | {
        "--help"
    }
    readme = DOCS.parent / "README.md"
    for path in [readme, *DOCS.rglob("*.md")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "calcscope read" in line:
                assert set(re.findall(r"(?<=\s)--[a-z-]+", line)) <= known, f"{path.name}: {line}"


def test_every_page_is_in_the_navigation() -> None:
    class Loader(yaml.SafeLoader):
        """mkdocs' own tags do not matter here."""

    navigation = yaml.load((DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), Loader=Loader)["nav"]
    listed = set(re.findall(r"[\w/-]+\.md", str(navigation)))
    assert listed == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}


def test_links_between_pages_lead_somewhere() -> None:
    root = DOCS.parent
    for path in [*root.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (path.parent / target).exists(), f"{path.relative_to(root)} links to {target}"
