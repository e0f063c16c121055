"""Write the reference pages that say what the code says: ``python docs/generate.py``.

The command line, the report's fields and the lexicon are described once, where they are defined; the pages
in ``docs/reference`` are made from there. ``tests/test_docs.py`` fails when they are out of date.
"""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from calcscope import lexicon
from calcscope.cli import app
from calcscope.lexicon.model import Figure, Named, Source, Term
from calcscope.node.config import NodeConfig
from calcscope.reading import ReadSettings
from calcscope.report import model
from calcscope.report.schema import json_schema

REFERENCE = Path(__file__).parent / "reference"
MADE = "<!-- Made by docs/generate.py; change the code it describes instead. -->\n\n"


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """File name in ``docs/reference`` to its text."""
    texts = {
        "command-line.md": command_line(),
        "settings.md": settings(),
        "report.md": report_fields(),
        "node.md": node_settings(),
        "lexicon.md": lexicon_page(),
        "sources.md": sources(),
    }
    made = {name: MADE + text.rstrip() + "\n" for name, text in texts.items()}
    return made | {"report.schema.json": json_schema()}


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """(name, command) of every command; those of a group follow its name: ``train network``."""
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            if command.invoke_without_command:  # a command of its own: calcscope node
                yield before + name, command
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def command_line() -> str:
    """Every command with its arguments and options, as ``--help`` words them."""
    parts = ["# Command line\n"]
    for name, command in sorted(commands(typer.main.get_command(app))):
        parts.append(f"## `calcscope {name}`\n\n{inspect.cleandoc(command.help)}\n")
        rows = []
        for parameter in command.params:
            flags = [*parameter.opts, *parameter.secondary_opts]
            if parameter.param_type_name == "argument":
                flags = [f"{parameter.name.upper()}…"]
            default = "required" if parameter.required else _value(parameter.default)
            rows.append((", ".join(f"`{flag}`" for flag in flags), default, parameter.help))
        parts.append(_table(("argument or option", "default", "meaning"), rows))
    return "\n".join(parts)


def settings() -> str:
    """What ``settings`` of the report states, with the value each has when nothing else is asked for."""
    rows = [(f"`{name}`", _value(value)) for name, value in ReadSettings().as_stated().items()]
    documented = _parameters(ReadSettings)
    python = [(f"`{name}`", text) for name, text in documented.items()]
    return "\n".join(
        [
            "# Settings\n",
            "`settings` of a report holds what it was read with. Without options:\n",
            _table(("key", "value"), rows),
            "From Python they are fields of `calcscope.reading.ReadSettings`:\n",
            _table(("field", "meaning"), python),
        ]
    )


def node_settings() -> str:
    """Every setting of ``node.toml``: a table for each part, with the default of each."""
    parts = [
        "# node.toml\n",
        "The configuration of [the node](../guide/node.md). Paths are relative to the file. `[[…]]` may "
        "be given several times.\n",
    ]
    for head, part in _tables_of(NodeConfig):
        rows = []
        for name, field in part.model_fields.items():
            if not list(_models_in(field.annotation)):
                default = "required" if field.is_required() else _toml(field.get_default())
                rows.append((f"`{name}`", default, field.description or ""))
        parts.append(f"## {head}\n\n{inspect.cleandoc(part.__doc__ or '')}\n")
        parts.append(_table(("setting", "default", "meaning"), rows))
    return "\n".join(parts)


def _toml(value: object) -> str:
    return f"`{json.dumps(value)}`" if isinstance(value, str | tuple) else _value(value)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _models_in(part)


def _tables_of(part: type[BaseModel], name: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """(heading, model) of a configuration and of each TOML table in it."""
    yield name or "The top", part
    for inner, field in part.model_fields.items():
        path = ".".join([*re.findall(r"[\w.]+", name)[:1], inner])
        many = typing.get_origin(field.annotation) is tuple
        models = list(_models_in(field.annotation))
        for model_ in models:
            head = f"`[[{path}]]`" if many else f"`[{path}]`"
            for key, each in model_.model_fields.items() if len(models) > 1 else ():
                if typing.get_origin(each.annotation) is typing.Literal and each.is_required():
                    values = " or ".join(f'`"{one}"`' for one in typing.get_args(each.annotation))
                    head = f"{head} with `{key}` = {values}"
            yield from _tables_of(model_, head)


def report_fields() -> str:
    """Every field of ``report.json`` by its path."""
    parts = [
        "# Fields of report.json\n",
        f"{inspect.cleandoc(inspect.getdoc(model) or '')}\n",
        "The same as JSON Schema: [report.schema.json](report.schema.json).\n",
    ]
    for path, part in sections(model.Report):
        rows = [
            (f"`{path}{name}`", _type(field.annotation), field.description)
            for name, field in part.model_fields.items()
        ]
        title = f"`{path.rstrip('.')}`" if path else "The report"
        parts.append(f"## {title}\n\n{inspect.getdoc(part)}\n")
        parts.append(_table(("field", "type", "meaning"), rows))
    return "\n".join(parts)


def field_paths() -> list[str]:
    """``exams[].views[].x`` … for every field of the report."""
    return [path + name for path, part in sections(model.Report) for name in part.model_fields]


def sections(part: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """(path before its fields, model) of a model and of all models in it."""
    yield path, part
    for name, field in part.model_fields.items():
        for inner in _models(field.annotation):
            many = "[]" if "list[" in str(field.annotation) else ""
            yield from sections(inner, f"{path}{name}{many}.")


def lexicon_page() -> str:
    """Terms, thresholds and rules with their sources; what could not be checked is marked."""
    words = lexicon.terms()
    parts = [
        "# Lexicon\n",
        "The words of a report, the thresholds and the rules behind it. "
        f"What could not be checked at its source is marked **{lexicon.notices().not_verified}**; the report "
        "carries the same mark. Sources are listed on [their own page](sources.md).\n",
    ]
    for name in type(words).model_fields:
        terms: dict[str, Term] = getattr(words, name)
        rows = [(f"`{key}`", term.display, _meaning(term), _cite(term.source)) for key, term in terms.items()]
        parts.append(f"## {_heading(name)}\n")
        parts.append(_table(("identifier", "word", "meaning", "source"), rows))
    parts.append("## Thresholds\n")
    files = (lexicon.sizes(), lexicon.groups(), lexicon.malignancy(), lexicon.changes())
    figures = {name: figure for file in files for name, figure in _figures(file).items()}
    rows = [
        (f"`{name}`", _threshold(figure), figure.note, _cite(figure.source, figure.verified))
        for name, figure in figures.items()
    ]
    parts.append(_table(("name", "value", "meaning", "source"), rows))
    parts.append("## Rules of assessment\n")
    rules = [
        (f"`{name}`", rule.text, rule.concludes, lexicon.cite(rule.sources))
        for name, rule in lexicon.rules().items()
    ]
    parts.append(_table(("rule", "what the reader sees", "concludes", "source"), rules))
    parts.append("## Next steps\n")
    steps = [
        (f"`{name}`", step.text, f"{step.due_days.value:g}", _cite(step.source))
        for name, step in lexicon.next_steps().steps.items()
    ]
    parts.append(_table(("step", "words", "due, days", "source"), steps))
    return "\n".join(parts)


def sources() -> str:
    """Every source, and whether its text was read."""

    def row(name: str, source: Source) -> tuple[str, ...]:
        checked = "yes" if source.verified else f"**{lexicon.notices().not_verified}**"
        return f"`{name}`", source.short, source.reference, checked, source.note or ""

    rows = [row(name, source) for name, source in lexicon.sources().items()]
    return "# Sources\n\n" + _table(("identifier", "short", "reference", "read", "note"), rows)


def _meaning(term: Term) -> str:
    """Definition, advice, and the published malignant shares where there are any."""
    parts = [term.definition or "", getattr(term, "cause", ""), getattr(term, "advice", "")]
    shares = [
        f"{rate.percent:g} % ({'' if rate.bound == 'exact' else rate.bound + ', '}{rate.population}"
        + ("" if rate.verified else f"; **{lexicon.notices().not_verified}**")
        + ")"
        for rate in getattr(term, "rates", ())
    ]
    if shares:
        parts.append("Malignant share: " + "; ".join(shares) + ".")
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _figures(file: BaseModel) -> dict[str, Figure | Named]:
    return {name: value for name, value in file if isinstance(value, Figure | Named)}


def _threshold(figure: Figure | Named) -> str:
    if isinstance(figure, Named):
        return ", ".join(f"`{term}`" for term in figure.value)
    return f"{figure.value:g} {figure.unit}"


def _cite(source: str, verified: bool = True) -> str:
    return lexicon.cite([source], verified=verified)


def _parameters(documented: type) -> dict[str, str]:
    """Name to text of the Parameters section of a docstring in numpy's manner."""
    body = inspect.getdoc(documented) or ""
    body = body.partition("----------\n")[2].partition("\n\n")[0]
    entries = re.split(r"\n(?=\S)", body)
    return {name.strip(): " ".join(text.split()) for name, _, text in (e.partition(" : ") for e in entries)}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in typing.get_args(annotation) for found in _models(inner)]


def _type(annotation: Any) -> str:
    """A type in JSON's words."""
    if annotation is type(None):
        return "null"
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is tuple:
        return "(" + ", ".join(_type(each) for each in arguments) + ")"
    if origin is dict:
        return f"{_type(arguments[1])} by name"
    if arguments:
        return " or ".join(_type(each) for each in arguments)
    words = {str: "text", float: "number", int: "whole number", bool: "true or false"}
    return words.get(annotation) or ("date" if annotation is None else "object")


def _value(value: object) -> str:
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _heading(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    for row in rows:
        cells = [" ".join(str(cell or "").split()).replace("|", "\\|") for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
