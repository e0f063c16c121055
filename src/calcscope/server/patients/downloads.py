"""Everything of a woman's own in one archive, written while it is sent: no copy of it is left behind."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from calcscope.errors import CalcscopeError
from calcscope.report.pdf import PdfUnavailable
from calcscope.server.exams.models import Exam, Woman
from calcscope.server.outputs.models import Object
from calcscope.server.outputs.writing import subject_of_version
from calcscope.server.patients import letters, results
from calcscope.server.patients.models import Happening, Message, Result
from calcscope.standards.exporting import objects_of

log = logging.getLogger(__name__)

CHUNK = 1 << 20

Part = tuple[str, Iterable[bytes]]
"""Name in the archive and content."""


class _Sink:
    """Where the archive is written to: what has come so far is taken from it and sent."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._kept.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def taken(self) -> bytes:
        taken, self._kept = b"".join(self._kept), []
        return taken


def archive(parts: Iterable[Part], at: datetime) -> Iterator[bytes]:
    """A zip archive, piece by piece. Images are stored as they are: they are compressed or hardly shrink."""
    sink: Any = _Sink()
    with zipfile.ZipFile(sink, "w") as packed:
        for name, content in parts:
            info = zipfile.ZipInfo(name, at.timetuple()[:6])
            info.external_attr = 0o600 << 16
            if not name.endswith((".dcm", ".pdf")):
                info.compress_type = zipfile.ZIP_DEFLATED
            with packed.open(info, "w", force_zip64=True) as file:
                for chunk in content:
                    file.write(chunk)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


def everything(woman: Woman, language: str) -> Iterator[Part]:
    """Her letters, her signed reports as FHIR, her images, and what she and the clinic wrote.

    Of a result that she may not be told yet neither letter nor report is among it. Images are those of exams
    that were signed. Nothing is of an exam whose images state another name, until somebody says that it is
    the same woman.
    """
    with translation.override(language):
        readme, said = _readme(woman), _messages(woman)
    yield "README.txt", [readme.encode()]
    hers = results.hers(woman)
    for result in results.current(hers).select_related("exam", "site"):
        gate = results.gate(result, language)
        if not gate.open or gate.explanation is None:
            continue
        name = _name(result)
        try:
            yield f"{name}.pdf", [letters.pdf_of(result, language, gate.explanation)]
        except PdfUnavailable:
            yield f"{name}.txt", [gate.explanation.text.encode()]
        if result.is_biopsy:
            continue  # its report is there
        try:
            yield f"{name}.fhir.json", [_fhir(result)]
        except CalcscopeError as error:  # half an archive would be worse than one without it
            log.error("result %s: no fhir (%s)", result.uuid, type(error).__name__)
    for sent in Happening.objects.filter(result__in=hers).exclude(file=""):
        if sent.path.exists():
            yield f"sent/{sent.at:%Y-%m-%d}-{sent.pk}.pdf", [sent.path.read_bytes()]
    if said:
        yield "messages.txt", [said.encode()]
    signed = Exam.objects.filter(woman=woman, other_name=False, results__isnull=False)
    for exam in signed.distinct().order_by("date"):
        for number, image in enumerate(exam.images.all(), 1):
            if image.path.exists():
                label = image.label.replace(" ", "-")
                day = exam.date or "undated"  # a day may have more than one exam
                yield f"images/{day}-{exam.pk}/{number:02d}-{label}.dcm", _chunks(image.path)


def _chunks(path: Any) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _name(result: Result) -> str:
    kind = "biopsy" if result.is_biopsy else "exam"
    day = timezone.localdate(result.signed_at) if result.is_biopsy else result.exam.date or result.exam_id
    return f"results/{day}-{kind}-{result.pk}"


def _fhir(result: Result) -> bytes:
    """The signed report as a FHIR bundle, as it was made when it was signed."""
    made = Object.objects.filter(version=result.version, kind="fhir").first()
    if made is not None and made.path.exists():
        return made.path.read_bytes()
    return next(iter(objects_of(subject_of_version(result.version), "fhir").values()))


def _readme(woman: Woman) -> str:
    lines = [
        _("What {site} keeps of yours, as of {day}.").format(
            site=woman.site, day=date_format(timezone.localdate())
        ),
        "",
        _("results: each result in plain words (PDF), and the doctor's report for other computers (FHIR)."),
        _("sent: letters that were sent to you, as they were."),
        _("images: the mammograms (DICOM). A doctor's computer shows them."),
        _("messages.txt: what you and the clinic wrote on your pages."),
        "",
        _("A result that the clinic has not told you yet is not here. Keep these files to yourself."),
    ]
    return "\n".join(lines) + "\n"


def _messages(woman: Woman) -> str:
    said = Message.objects.filter(woman=woman).select_related("by", "step")
    return "".join(
        f"{timezone.localtime(each.at):%Y-%m-%d %H:%M} {each.by.display}, {each.get_kind_display()}\n"
        f"{each.text}\n\n"
        for each in said
    )
