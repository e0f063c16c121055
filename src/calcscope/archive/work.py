"""What a worker does: read headers, and read an exam from its images to its rows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Literal, cast

from calcscope.archive.ledger import Claim, Done, NotDone
from calcscope.archive.rows import OLDEST, About, packed, rows_of, year_of
from calcscope.archive.scratch import scratch_folder
from calcscope.archive.sources import Listed, Place, Refused, Source, SourceFault
from calcscope.errors import CalcscopeError, UnreadableInput
from calcscope.exam.elements import quiet, text
from calcscope.report.model import Report

Mode = Literal["screening", "diagnostic"]

READER = "calcscope.archive.work:read_with_engine"
OVERTIME = 75
"""Exit status of a worker that took too long over an exam."""
ABOUT = [
    "PatientID", "IssuerOfPatientID", "PatientAge", "PatientBirthDate", "StudyDate", "AcquisitionDate",
    "Manufacturer", "ManufacturerModelName", "SoftwareVersions", "InstitutionName", "StationName",
]  # fmt: skip


@dataclass(frozen=True)
class Orders:
    """How exams are read.

    Parameters
    ----------
    source : where they are
    secret : key of the pseudonyms
    mode : screening or diagnostic
    reader : ``module:function`` that takes paths and a mode and gives a report
    seconds : an exam that takes longer ends its worker
    """

    source: Source
    secret: bytes = field(repr=False)
    mode: Mode = "screening"
    reader: str = READER
    seconds: float = 1800.0


def read_heads(source: Source, names: Sequence[str]) -> list[Listed]:
    """The images behind names; one that cannot be asked for is refused.

    Never raises for what a file holds.
    """
    found: list[Listed] = []
    for name in names:
        try:
            found += source.heads(name)
        except SourceFault as error:
            found.append(Refused(Place(name), str(error)))
        except Exception as error:  # hostile input finds errors that nobody thought of
            reason = (
                f"found content that cannot be interpreted ({type(error).__name__}); expected an intact image"
            )
            found.append(Refused(Place(name), f"{reason}; copy or export it again"))
    return found


def read_exam(orders: Orders, claim: Claim) -> Done | NotDone:
    """Fetch an exam and read it. Never raises for what an exam holds."""
    started = time.perf_counter()
    try:
        with _time_limit(orders.seconds), scratch_folder() as folder:
            paths = orders.source.fetch(claim.key, claim.places, folder)
            report = _reader(orders.reader)(paths, orders.mode)
            if not report.exams:
                return NotDone(claim.number, "failed", _reasons(report))
            report, about = _deidentified(report, paths, orders.secret)
            rows = rows_of(claim.name, report, about, time.perf_counter() - started)
        return Done(claim.number, year_of(report.exams[0]), packed(rows))
    except SourceFault as error:
        return NotDone(claim.number, "failed" if error.lasting else "unfetched", str(error))
    except UnreadableInput as error:
        return NotDone(claim.number, "failed", error.reason)
    except CalcscopeError as error:
        return NotDone(claim.number, "failed", str(error))
    except OSError as error:
        return NotDone(
            claim.number, "unfetched", f"the worker's disk: {error.strerror or type(error).__name__}"
        )
    except MemoryError:
        return NotDone(claim.number, "died", "no memory was left for the exam")
    except (Exception, RecursionError) as error:  # its words may quote a header
        reason = f"found a case Calcscope does not handle ({type(error).__name__}); expected to read it"
        return NotDone(claim.number, "failed", f"{reason}; please report it, without patient data")


def read_with_engine(paths: Sequence[Path], mode: Mode) -> Report:
    """The engine itself, on one core: a machine reads as many exams at once as it has cores."""
    import cv2

    from calcscope.reading import ReadSettings, Workers, read_paths

    cv2.setNumThreads(1)
    report, _ = read_paths(paths, None, settings=ReadSettings(mode=mode), render=False, workers=Workers(1))
    return report


def _reader(name: str) -> Callable[[Sequence[Path], Mode], Report]:
    module, _, function = name.partition(":")
    return cast(Callable[[Sequence[Path], Mode], Report], getattr(import_module(module), function))


def _reasons(report: Report) -> str:
    """Why none of an exam's images was read, the names of files left out."""
    reasons = list(dict.fromkeys(failure.reason for failure in report.failures))
    return " | ".join(reasons) or "found no mammogram; expected one; look at its images"


def _deidentified(report: Report, paths: Sequence[Path], secret: bytes) -> tuple[Report, About]:
    """The report with pseudonyms, as ``calcscope export --deidentify`` makes them, and what a header adds.

    A study whose images make more than one exam, as in some research sets, is left to be read by hand.

    Raises
    ------
    CalcscopeError : for such a study
    """
    from calcscope.report import model
    from calcscope.standards.deidentify import Deidentifier
    from calcscope.standards.pseudonyms import Pseudonyms

    if len(report.exams) > 1:
        raise CalcscopeError(
            f"found images of {len(report.exams)} exams under one study; expected one; read them with "
            "calcscope read"
        )
    (exam,) = report.exams
    read = {view.source for view in exam.views}
    header = _header(next((path for path in paths if str(path) in read), paths[0]))
    patient = "\n".join([header["PatientID"] or exam.patient_id, header["IssuerOfPatientID"]])
    plain = Deidentifier(Pseudonyms(secret, patient, "keep")).exam(exam)
    failures = [
        model.Failure(source=f"image {number}", reason=one.reason)
        for number, one in enumerate(report.failures, 1)
    ]
    about = About(
        age=_age(header, exam.date),
        manufacturer=header["Manufacturer"],
        model=header["ManufacturerModelName"],
        software=header["SoftwareVersions"],
        site=header["InstitutionName"],
        station=header["StationName"],
    )
    return report.model_copy(update={"exams": [plain], "failures": failures}), about


def _header(path: Path) -> dict[str, str]:
    from pydicom import dcmread

    with quiet():
        ds = dcmread(path, stop_before_pixels=True, specific_tags=ABOUT, force=True)
        return {name: text(ds, name) for name in ABOUT}


def _age(header: dict[str, str], date: str | None) -> int | None:
    """Full years at the exam, from her date of birth, else as the header states it (PS3.5 6.2, AS)."""
    born, day = header["PatientBirthDate"], (date or "").replace("-", "")
    if len(born) == 8 and born.isdigit() and len(day) == 8 and born <= day:
        years = int(day[:4]) - int(born[:4]) - (day[4:] < born[4:])
    elif header["PatientAge"][:3].isdigit() and header["PatientAge"][3:] == "Y":
        years = int(header["PatientAge"][:3])
    else:
        return None
    return min(years, OLDEST)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """End this process when a block takes longer: code that hangs in a decoder heeds nothing less."""
    watch = threading.Timer(seconds, os._exit, [OVERTIME])
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()
