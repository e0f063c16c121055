"""Paths in, a folder with the report out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

import calcscope
from calcscope import lexicon
from calcscope.exam import Exam, Failure, ReadOptions, read_exams
from calcscope.reading.exam import read_exam
from calcscope.reading.settings import ReadSettings
from calcscope.report import model
from calcscope.report.writing import output_folder, write_report

Progress = Callable[[str], None]


def read_paths(
    paths: Sequence[str | Path],
    out: Path | None,
    options: ReadOptions | None = None,
    settings: ReadSettings | None = None,
    *,
    render: bool = True,
    pdf: bool = True,
    progress: Progress = lambda what: None,
) -> tuple[model.Report, list[str]]:
    """Read every exam among ``paths`` and write ``out/report.json`` and, for each exam, its renderings.

    Parameters
    ----------
    paths : files, folders, zips
    out : where to write; None writes nothing
    options, settings : what the user states about the input, and how to read
    render, pdf : also make the overlays, page and table; and the PDF
    progress : told what is being done

    Returns
    -------
    The report and warnings for the user. ``report.failures`` names every input that was not read.

    Raises
    ------
    OSError
        When ``out`` cannot be written; an earlier report there is left as it was.

    What an earlier run that was killed left half-written in ``out`` is cleared away.
    """
    settings = settings or ReadSettings()
    exams, failures = read_exams(paths, options or ReadOptions())
    reports: list[tuple[Exam, model.ExamReport]] = []
    for exam in exams:
        report, missed = read_exam(exam, settings, progress)
        failures = [*failures, *missed]
        if report is not None:
            reports.append((exam, report))
    whole = _report([each for _, each in reports], failures, settings)
    warnings: list[str] = []
    if out is not None:
        with output_folder(out):
            if render:
                from calcscope.report.rendering import render_exam

                for exam, each in reports:
                    warnings += render_exam(
                        whole, each, exam.views, out / each.folder, pdf=pdf, progress=progress
                    )
            write_report(whole, out)
    return whole, list(dict.fromkeys(warnings))


def _report(exams: list[model.ExamReport], failures: list[Failure], settings: ReadSettings) -> model.Report:
    notices = lexicon.load("notices")
    return model.Report(
        calcscope_version=calcscope.__version__,
        notice=" ".join(notices["research_use"].split()),
        probability_basis=notices["calibrated_on_simulation"],
        models=_models(),
        settings=settings.as_stated(),
        failures=[model.Failure(source=f.source, reason=f.reason) for f in failures],
        exams=exams,
    )


def _models() -> dict[str, str]:
    """File name and SHA-256 of each shipped model."""
    folder = resources.files("calcscope.models")
    files = sorted((f for f in folder.iterdir() if f.name.endswith((".json", ".onnx"))), key=lambda f: f.name)
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
