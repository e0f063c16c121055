"""Writing a report so that nothing half-written is ever seen."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from calcscope.report.model import Report

REPORT_NAME = "report.json"
LINE = 100
"""What fits in a line this long stays on one line, so that coordinates do not take one each."""

LEFTOVER = re.compile(r"\.(?P<name>.+)\.calcscope-(?P<what>new|old)-[0-9a-f]{12}")
"""The names of :func:`_beside`; nothing else is ever cleared away."""


def write_report(report: Report, out: Path) -> Path:
    """Write ``out/report.json`` and return its path.

    The report is validated once more, so that one put together without validation
    (``model_construct``, ``model_copy``) is refused too. The same report gives the same bytes.

    Raises
    ------
    pydantic.ValidationError
        When the report breaks its contract; nothing is written.
    OSError
        When the folder cannot be written; an earlier report is left as it was.
    """
    path = Path(out) / REPORT_NAME
    write_atomically(path, report_text(report).encode())
    return path


def report_text(report: Report) -> str:
    """The report as JSON text, validated, fields in the order of the contract."""
    data = report.model_dump(mode="json", warnings=False)
    return layout(Report.model_validate(data).model_dump(mode="json")) + "\n"


def read_report(path: Path) -> Report:
    """Read a ``report.json`` (or the folder it lies in) back.

    Raises
    ------
    pydantic.ValidationError
        When the file breaks the contract.
    """
    path = Path(path)
    return Report.model_validate_json((path / REPORT_NAME if path.is_dir() else path).read_bytes())


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside ``path``, flush it to the disk, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path, "new")
    try:
        with beside.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def output_folder(out: Path) -> Iterator[None]:
    """Make the folder ``out`` and clear what killed runs left half-written in it; then write in the block.

    Every run holds a shared lock on the folder while it writes, and clears only where it gets the folder
    for itself: what it then finds belongs to a run that is dead, since a lock ends with its process. Where
    the file system has no locks nothing is cleared.
    """
    out.mkdir(parents=True, exist_ok=True)
    handle = os.open(out, os.O_RDONLY)
    try:
        if _locked(handle, fcntl.LOCK_EX | fcntl.LOCK_NB):
            _clear(out)
        _locked(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how)
    except OSError:
        return False
    return True


def _clear(out: Path) -> None:
    """Remove leftovers; an earlier folder that a run had put aside and not replaced yet goes back."""
    for path in sorted(out.iterdir()):
        match = LEFTOVER.fullmatch(path.name)
        if match is None or path.is_symlink():
            continue
        if match["what"] == "old" and not (out / match["name"]).exists():
            path.rename(out / match["name"])
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def assembled_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder beside ``folder``; when the block ends well it takes ``folder``'s place.

    When the block fails the new folder is removed and an earlier ``folder`` is left as it was.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(folder, "new")
    beside.mkdir()
    try:
        yield beside
        _swap(beside, folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _swap(new: Path, folder: Path) -> None:
    """Put ``new`` in the place of ``folder``; a folder cannot be renamed onto one that holds files."""
    if not folder.exists():
        new.rename(folder)
        return
    old = _beside(folder, "old")
    folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _beside(path: Path, what: Literal["new", "old"]) -> Path:
    """A hidden name in the same folder, so that renaming stays within one file system.

    Made here and not by ``tempfile``, whose files only their owner may read.
    """
    return path.with_name(f".{path.name}.calcscope-{what}-{secrets.token_hex(6)}")


def layout(value: Any, indent: str = "") -> str:
    """JSON text, indented, with whatever fits kept on one line."""
    if not isinstance(value, dict | list) or not value:
        return _flat(value)
    room = LINE - len(indent)
    if _least(value, room) <= room and len(flat := _flat(value)) <= room:
        return flat
    deeper = indent + " "
    if isinstance(value, dict):
        parts = [f"{_flat(key)}: {layout(each, deeper)}" for key, each in value.items()]
        return "{\n" + ",\n".join(deeper + part for part in parts) + f"\n{indent}}}"
    parts = [layout(each, deeper) for each in value]
    if all(isinstance(each, list) and "\n" not in part for each, part in zip(value, parts, strict=True)):
        return "[\n" + _fill(parts, deeper) + f"\n{indent}]"
    return "[\n" + ",\n".join(deeper + part for part in parts) + f"\n{indent}]"


_flat = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _least(value: Any, enough: int) -> int:
    """No more than the length of a value's JSON on one line; counted no further than beyond ``enough``.

    So what is far too long for a line is not written out to see so.
    """
    if isinstance(value, str):
        return len(value) + 2
    if not isinstance(value, dict | list):
        return 1
    length = 2
    for each in value:
        if isinstance(value, dict):
            length += len(each) + 4 + _least(value[each], enough - length)
        else:
            length += _least(each, enough - length)
        if length > enough:
            break
    return length


def _fill(parts: list[str], indent: str) -> str:
    """The parts, separated by commas, as many to a line as fit."""
    lines = [indent + parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 2 <= LINE:
            lines[-1] += f", {part}"
        else:
            lines[-1] += ","
            lines.append(indent + part)
    return "\n".join(lines)
