"""Exams that the engine has read, made by hand: a report and its images, without the time of a reading."""

from __future__ import annotations

import hashlib
import uuid
from datetime import date
from pathlib import Path

from hospital import EXAMS

from calcscope.report.writing import write_report
from calcscope.server.exams.models import Exam, Image, Job, Reading, State, Woman
from calcscope.server.exams.urgency import urgency_of
from calcscope.server.people.models import Site
from calcscope.server.signals import exam_was_read


def exam_read(
    site: Site, folder: Path, kind: str = "all_terms", patient: str = "W-4711", day: date = date(2026, 11, 10)
) -> Exam:
    """An exam of a woman with the findings of :mod:`hospital`, as if its analysis had just ended."""
    report = EXAMS[kind](folder)
    made = report.exams[0]
    woman, _ = Woman.objects.get_or_create(
        site=site, patient_id=patient, defaults={"name": "Beispiel^Anna", "birth_date": date(1962, 3, 1)}
    )
    exam = Exam.objects.create(
        site=site, woman=woman, study_uid=f"{made.study_uid}.{uuid.uuid4().int % 10**9}", date=day,
        mode=made.mode, state=State.UNREAD, category=made.assessment.overall, urgency=urgency_of(made),
    )  # fmt: skip
    for view in made.views:
        content = Path(view.source).read_bytes()
        image = Image.objects.create(
            exam=exam, sop_uid=view.sop_uid, laterality=view.laterality, view=view.view, label=view.label,
            rows=view.rows, columns=view.columns, pixel_mm=view.pixel_mm,
            sha256=hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
        image.path.parent.mkdir(parents=True, exist_ok=True)
        image.path.write_bytes(content)
    job = Job.objects.create(exam=exam, state=Job.State.DONE)
    reading = Reading.objects.create(
        exam=exam, job=job, overall=made.assessment.overall, findings=len(made.findings)
    )
    write_report(report, reading.folder)
    exam_was_read.send(sender=Exam, exam=exam)
    return exam
