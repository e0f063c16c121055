"""What the readers answer to an input, and whether it is one: a result that holds, or a named refusal."""

from __future__ import annotations

import contextlib
import io
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from calcscope.errors import CalcscopeError, UnreadableInput
from calcscope.exam import ReadOptions, View, read_exams
from fuzz.mutations import Damaged
from fuzz.seeds import SECRETS

OPTIONS = ReadOptions(
    pixel_mm=0.07, max_pixels=4_000_000, max_member_bytes=64 << 20, max_archive_bytes=256 << 20
)
NAMED = re.compile(r"found .+; expected .+; .+")
UNFORESEEN = re.compile(r"content that cannot be interpreted \((\w+)\)")


@dataclass
class Answer:
    """What became of an input.

    Parameters
    ----------
    outcome : ``read``, ``refused`` (by a named error), ``partly`` (some of it), or ``fault``
    faults : what an input must never lead to, each in words; empty unless the outcome is ``fault``
    unforeseen : kinds of exceptions that only the reader's last net caught
    """

    outcome: str = "refused"
    faults: list[str] = field(default_factory=list)
    unforeseen: list[str] = field(default_factory=list)


def ask(damaged: Damaged, folder: Path, *, engine: bool = False) -> Answer:
    """Write an input into an empty folder and have its reader read it.

    Every exception that is no named error is a fault, and so is a text of the patient in any message. With
    ``engine``, an image that was read goes through the whole engine too.
    """
    for name, content in damaged.files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    answer, said = Answer(), io.StringIO()
    reader = {"cad-sr": _marks, "report": _report}.get(damaged.family, _images)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            reader(folder / damaged.file_name, answer, said)
            if engine and reader is _images and answer.outcome != "refused":
                whole_reading(folder / damaged.file_name)
    except Exception:
        answer.faults.append(traceback.format_exc())
    shown = said.getvalue().upper().replace(str(folder).upper(), "")
    answer.faults += [f"patient data in a message: {shown[:300]!r}" for each in SECRETS[:4] if each in shown]
    if answer.faults:
        answer.outcome = "fault"
    return answer


def _named(error: Exception, answer: Answer, said: io.StringIO) -> None:
    said.write(f"{error}\n")
    if isinstance(error, UnreadableInput) and not NAMED.fullmatch(error.reason):
        answer.faults.append(f"no actionable reason: {error.reason!r}")
    if "MemoryError" in str(error):
        answer.faults.append(f"asked for more memory than there is: {error}")


def _images(path: Path, answer: Answer, said: io.StringIO) -> None:
    exams, failures = read_exams([path], OPTIONS)
    if not exams and not failures:
        answer.faults.append("neither an exam nor a failure")
    for failure in failures:
        said.write(f"{failure.reason}\n")
        if not NAMED.fullmatch(failure.reason):
            answer.faults.append(f"no actionable reason: {failure.reason!r}")
        if "MemoryError" in failure.reason:
            answer.faults.append(f"asked for more memory than there is: {failure.reason}")
        answer.unforeseen += UNFORESEEN.findall(failure.reason)
    read = refused = 0
    for view in (view for exam in exams for view in exam.views):
        for slice in _slices(view):
            try:
                _look_at(view, slice, said)
                read += 1
            except UnreadableInput as error:
                _named(error, answer, said)
                refused += 1
    refused += len(failures)
    answer.outcome = "refused" if not read else "partly" if refused else "read"
    node_header(path)


def _slices(view: View) -> Iterator[int | None]:
    yield None
    if view.info.slices > 1:
        yield 0
        yield view.info.slices - 1


def _look_at(view: View, slice: int | None, said: io.StringIO) -> None:
    """A view that was read holds what its type promises."""
    mammogram = view.load(slice)
    said.write("\n".join(mammogram.info.warnings) + "\n")
    info = mammogram.info
    assert mammogram.pixels.dtype == np.float32
    assert mammogram.pixels.shape == mammogram.valid.shape == mammogram.orientation.canonical_shape
    assert sorted(mammogram.pixels.shape) == sorted((info.rows, info.columns))
    assert np.isfinite(mammogram.pixels).all()
    assert 0 <= mammogram.pixels.min() <= mammogram.pixels.max() <= 1
    assert mammogram.valid.any()
    grey = mammogram.display(mammogram.pixels[::5, ::5])
    assert np.isfinite(grey).all()
    assert 0.001 < info.pixel_mm <= 8
    assert info.laterality in ("L", "R")


def node_header(path: Path) -> None:
    """What the network node does with a file that a modality sent: kept, or refused with a status."""
    from calcscope.node.instances import Refused, inspect

    with contextlib.suppress(Refused):
        inspect(path, "1.2.840.10008.5.1.4.1.1.1.2", "1.2.3")


def whole_reading(path: Path) -> None:
    """The whole engine over a damaged file; what it raises is a fault."""
    from calcscope.reading.run import read_paths

    read_paths([path], None, OPTIONS, render=False)


def _marks(path: Path, answer: Answer, said: io.StringIO) -> None:
    from calcscope.standards.importing import read_cad_sr

    try:
        marks = read_cad_sr(path)
    except UnreadableInput as error:
        _named(error, answer, said)
        return
    # The maker's name is shown as the document states it: one that states a woman's there cannot be told.
    said.write("\n".join(marks.problems))
    answer.outcome = "read"


def _report(path: Path, answer: Answer, said: io.StringIO) -> None:
    from calcscope.standards.exporting import export_report, report_at

    try:
        report_at(path)
        export_report(path, "fhir", path.parent / "out")
    except CalcscopeError as error:
        _named(error, answer, said)
        return
    answer.outcome = "read"
