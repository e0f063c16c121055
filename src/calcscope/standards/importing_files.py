"""What ``calcscope import`` writes."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from calcscope.errors import UnreadableInput
from calcscope.exam import ReadOptions, read_exams
from calcscope.report.model import ExamReport, Report
from calcscope.report.writing import write_atomically
from calcscope.standards.importing import CadMarks
from calcscope.standards.importing_beside import draw, page, pairs


def write_marks(marks: CadMarks, path: Path) -> Path:
    """Write the marks as JSON and return the path."""
    write_atomically(path, (marks.model_dump_json(indent=1) + "\n").encode())
    return path


def write_beside(marks: CadMarks, report: Report, out: Path) -> tuple[list[Path], list[str]]:
    """Write the page and a picture of each view of the exam that the marks are of.

    Returns
    -------
    The files written, and what is left out.

    Raises
    ------
    UnreadableInput : where no exam of the report holds an image that is marked
    """
    exam = _exam(report.exams, marks)
    found = pairs(exam, marks)
    held = {view.sop_uid for view in exam.views}
    held |= {laid.prior_view for prior in exam.priors for laid in prior.views}
    elsewhere = sum(mark.view not in held for mark in marks.top())
    problems = [f"{elsewhere} marks are on images that the report does not hold"] if elsewhere else []
    pictures, written = {}, []
    for view in exam.views:
        path = Path(view.source.split("!")[0])
        if not path.exists():
            problems.append(f"{view.label}: no picture, since its image is not where it was read")
            continue
        exams, _ = read_exams([path], ReadOptions(laterality=view.laterality, view=view.view))
        film = next((one for each in exams for one in each.views if one.info.sop_uid == view.sop_uid), None)
        if film is None:
            problems.append(f"{view.label}: no picture, since its image is not the one that was read")
            continue
        shown = [pair for pair in found if pair.view is view]
        maker = marks.maker.manufacturer or "the other maker"
        stream = io.BytesIO()
        Image.fromarray(draw(view, shown, film.load(), maker)).save(stream, "PNG")
        name = "".join(each for each in view.label.lower() if each.isalnum()) + ".png"
        write_atomically(out / name, stream.getvalue())
        pictures[view.label] = name
        written.append(out / name)
    write_atomically(out / "beside.html", page(found, marks, pictures, report.notice).encode())
    return [out / "beside.html", *written], problems


def _exam(exams: list[ExamReport], marks: CadMarks) -> ExamReport:
    wanted = {view.sop_uid for view in marks.views}
    for exam in exams:
        if wanted & {view.sop_uid for view in exam.views}:
            return exam
    raise UnreadableInput(
        marks.source,
        "marks on images of which the report holds none",
        "a report of the same images",
        "read the exam with calcscope read, and name its report with --report",
    )
