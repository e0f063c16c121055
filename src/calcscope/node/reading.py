"""What the reading process does with one study: the engine, then the objects of each kind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Job:
    """A study to read.

    Parameters
    ----------
    files : its images
    priors : images of earlier exams
    out : folder for the report and the objects; new
    mode, kinds, render : as in ``[reading]`` of the configuration
    replaces : by kind, the object of the study's earlier reading
    """

    files: tuple[Path, ...]
    priors: tuple[Path, ...]
    out: Path
    mode: Literal["screening", "diagnostic"] = "screening"
    kinds: tuple[str, ...] = ()
    render: bool = False
    replaces: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """An object that was written: its kind, its file below the reading's folder, and what it is."""

    kind: str
    file: str
    sop_uid: str | None = None
    sop_class: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How many exams were read, what was written, and why something was not read."""

    exams: int
    objects: tuple[Made, ...] = ()
    failures: tuple[str, ...] = ()


def read_study(job: Job) -> Outcome:
    """Read a study with the engine, and write its report and objects.

    Raises
    ------
    CalcscopeError, OSError : where something cannot be written
    """
    from calcscope.reading import ReadSettings, Workers, read_paths
    from calcscope.report.writing import REPORT_NAME, write_atomically
    from calcscope.standards.exporting import objects_of
    from calcscope.standards.subject import subject_of

    settings = ReadSettings(mode=job.mode)
    report, _ = read_paths(
        job.files,
        job.out,
        settings=settings,
        priors=job.priors,
        render=job.render,
        pdf=job.render,
        workers=Workers(processes=True),  # this process was started for nothing else
    )
    # As calcscope export does: it gives the same objects from the same report.
    made = datetime.fromtimestamp(int((job.out / REPORT_NAME).stat().st_mtime))
    objects = []
    for exam in report.exams:
        subject = subject_of(report, exam, made)
        for kind in job.kinds:
            earlier = _header(job.replaces.get(kind))
            for name, content in objects_of(replace(subject, replaces=earlier), kind).items():  # type: ignore[arg-type]
                file = f"{exam.folder}/{name}"
                write_atomically(job.out / file, content)
                objects.append(described(kind, job.out, file))
    # Only the node's own file names are cut off; the reasons hold no patient data.
    failures = tuple(dict.fromkeys(failure.reason for failure in report.failures))
    return Outcome(len(report.exams), tuple(objects), failures)


def described(kind: str, folder: Path, file: str) -> Made:
    """What a written file is, read back from it."""
    header = _header(folder / file) if file.endswith(".dcm") else None
    if header is None:
        return Made(kind, file)
    return Made(kind, file, str(header.SOPInstanceUID), str(header.SOPClassUID))


def _header(path: Path | None):  # type: ignore[no-untyped-def]
    from pydicom import dcmread

    return None if path is None else dcmread(path, stop_before_pixels=True)
