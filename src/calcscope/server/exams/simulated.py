"""Two exams of a woman who does not exist, for the demonstration: an earlier and a current one to compare.

The public films of the demonstration have no dates and no earlier exams.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from django.utils import timezone
from django_tasks import task
from pydicom import dcmread

from calcscope.phantom.dicom import exam_date
from calcscope.phantom.exam import make_exam
from calcscope.phantom.folders import write_exam
from calcscope.phantom.plan import ExamPlan, lesion_of
from calcscope.server.exams.intake import take_in
from calcscope.server.exams.models import Woman
from calcscope.server.people.models import Site

PLAN = ExamPlan(
    seed=8010, views=("RCC", "RMLO"), lesions=(lesion_of("fine_pleomorphic:grouped:R"),), clear=True,
    change="more", years=2, pixel_mm=0.1, density="b", mimics=(),
)  # fmt: skip
"""A group of which there are more than two years ago. Two coarse views: some seconds for each exam."""
NAME, PATIENT = "Simulated^Woman", "SIMULATED-1"


@task()
def bring_simulated(site_code: str) -> None:
    """Make both exams and take them in, once a site."""
    site = Site.objects.get(code=site_code)
    if is_there(site):
        return
    with tempfile.TemporaryDirectory() as folder:
        take_in(site, list(exams(Path(folder), timezone.localdate())))


def is_there(site: Site) -> bool:
    """Whether the site has the simulated woman."""
    return Woman.objects.filter(site=site, patient_id=PATIENT).exists()


def exams(folder: Path, today: date, plan: ExamPlan = PLAN) -> Iterator[Path]:
    """Folders of the earlier exam and of the current one, of today, with the name that says what they are."""
    made = make_exam(plan)
    newest = max(exam_date(exam) for exam in made)
    for exam in made:
        day = (today - (newest - exam_date(exam))).strftime("%Y%m%d")
        written = write_exam(exam, folder)
        for path in written.glob("*.dcm"):
            dataset = dcmread(path)
            dataset.PatientName, dataset.PatientID = NAME, PATIENT
            dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = day
            dataset.save_as(path)
        yield written
