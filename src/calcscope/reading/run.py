"""Paths in, a folder with the report out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import calcscope
from calcscope import lexicon
from calcscope.errors import CalcscopeError
from calcscope.exam import Exam, Failure, ReadOptions, read_exams
from calcscope.reading.exam import read_exam
from calcscope.reading.offering import Offers, one_a_day, read_offers
from calcscope.reading.settings import ReadSettings
from calcscope.reading.workers import IN_THREADS, Workers
from calcscope.report import model
from calcscope.report.writing import output_folder, write_report

Progress = Callable[[str], None]


def read_paths(
    paths: Sequence[str | Path],
    out: Path | None,
    options: ReadOptions | None = None,
    settings: ReadSettings | None = None,
    *,
    priors: Sequence[str | Path] = (),
    render: bool = True,
    pdf: bool = True,
    progress: Progress = lambda what: None,
    workers: Workers = IN_THREADS,
) -> tuple[model.Report, list[str]]:
    """Read every exam among ``paths`` and write ``out/report.json`` and, for each exam, its renderings.

    Parameters
    ----------
    paths : files, folders, zips
    out : where to write; None writes nothing
    options, settings : what the user states about the input, and how to read; ``options.date`` is the day of
        the exams that are read, not of earlier ones
    priors : files, folders, zips with earlier exams to compare with
    render, pdf : also make the overlays, page and table; and the PDF
    progress : told what is being done
    workers : who reads the views of an exam

    Returns
    -------
    The report and warnings for the user. ``report.failures`` names every input that was not read.

    Raises
    ------
    OSError
        When ``out`` cannot be written; an earlier report there is left as it was.

    What an earlier run that was killed left half-written in ``out`` is cleared away.
    """
    options = options or ReadOptions()
    exams, failures = read_exams(paths, options)
    offers = read_offers(priors, replace(options, date=None))
    run = _Run(settings or ReadSettings(), out, render, pdf, progress, workers)
    return run.read(exams, offers, [*failures, *offers.failures])


def compare_paths(
    paths: Sequence[str | Path],
    out: Path | None,
    options: ReadOptions | None = None,
    settings: ReadSettings | None = None,
    *,
    render: bool = True,
    pdf: bool = True,
    progress: Progress = lambda what: None,
    workers: Workers = IN_THREADS,
) -> tuple[model.Report, list[str]]:
    """Read the newest exam among ``paths`` and compare it with the others; else as :func:`read_paths`.

    Each exam states its own day, or its name does: ``options.date`` says nothing here.

    Raises
    ------
    NothingToCompare
        When no exam has a date, so that nobody can tell which is the newest.
    OSError
        When ``out`` cannot be written; an earlier report there is left as it was.
    """
    offers = read_offers(paths, replace(options or ReadOptions(), date=None))
    exams = one_a_day(offers.exams)
    dated = [one for one in exams if one.exam.date is not None]
    if offers.exams and not dated:
        raise NothingToCompare(
            f"found {len(offers.exams)} exam{'s' if len(offers.exams) > 1 else ''} without a date; expected "
            "dated ones; put the date into the name of each file or its folder, such as 2019-05-02",
            offers.failures,
        )
    newest = max(dated, key=lambda one: one.exam.date or "", default=None)
    others = replace(offers, exams=tuple(one for one in exams if one is not newest))
    run = _Run(settings or ReadSettings(), out, render, pdf, progress, workers)
    report, warnings = run.read([] if newest is None else [newest.exam], others, list(offers.failures))
    if newest is not None and not others.exams and not others.left_out:
        warnings = [*warnings, "Only one exam was found: there is nothing to compare it with."]
    return report, warnings


class NothingToCompare(CalcscopeError):
    """Among what was given there is no exam that could be called the current one.

    Parameters
    ----------
    why : what was found, expected and what to do
    failures : inputs that were not read; the message names each on a line of its own
    """

    def __init__(self, why: str, failures: Sequence[Failure] = ()) -> None:
        self.failures = tuple(failures)
        not_read = [f"{failure.source}: {failure.reason}" for failure in failures]
        super().__init__("\n".join([why, *(["Not read", *not_read] if not_read else [])]))


@dataclass(frozen=True)
class _Run:
    """How exams are read and where their reports go."""

    settings: ReadSettings
    out: Path | None
    render: bool
    pdf: bool
    progress: Progress
    workers: Workers

    def read(
        self, exams: Sequence[Exam], offers: Offers, failures: list[Failure]
    ) -> tuple[model.Report, list[str]]:
        """Read exams, each beside what is offered to it, and write the report."""
        everybody = {exam.patient_id for exam in exams}
        reports: list[tuple[Exam, model.ExamReport]] = []
        for exam in exams:
            offered = offers.of(exam, everybody)
            report, missed = read_exam(
                exam, self.settings, self.progress, offered, offers.left_out, self.workers
            )
            failures = [*failures, *missed]
            if report is not None:
                reports.append((exam, report))
        whole = _report([each for _, each in reports], list(dict.fromkeys(failures)), self.settings)
        warnings: list[str] = []
        if self.out is not None:
            with output_folder(self.out):
                if self.render:
                    from calcscope.report.rendering import render_exam

                    earlier = [view for one in offers.exams for view in one.exam.views]
                    for exam, each in reports:
                        warnings += render_exam(
                            whole,
                            each,
                            exam.views,
                            self.out / each.folder,
                            earlier=earlier,
                            pdf=self.pdf,
                            progress=self.progress,
                        )
                write_report(whole, self.out)
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
