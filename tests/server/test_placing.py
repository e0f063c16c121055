"""A finding that the reader draws in one view has the place that the engine would give it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accounts import Account, Enter
from django.test import Client
from django.urls import reverse
from reading.pairs import exam as written
from reading.pairs import film, group

from calcscope.reading import read_paths
from calcscope.report.writing import write_report
from calcscope.server.exams.intake import take_in
from calcscope.server.exams.models import Exam, Reading
from calcscope.server.people.models import Site
from calcscope.server.reading.content import suggested

HUNG = {
    "CC as hung": ("CC", ["A", "R"], False, -25, "outer"),
    "CC upside down": ("CC", ["A", "L"], True, -25, "outer"),
    "CC silent": ("CC", [], False, 25, "inner"),
    "MLO": ("MLO", ["A", "F"], False, 25, "lower"),
}
"""View, Patient Orientation, whether the image is stored upside down, and where its group lies: mm, half."""


def taken_in_and_read(site: Site, folder: Path) -> Exam:
    """The exam with the engine's reading of it, without the worker's heartbeat."""
    (exam,) = take_in(site, [folder]).exams
    report = read_paths([image.path for image in exam.images.all()], None)[0]
    job = exam.job
    assert job is not None
    found = report.exams[0]
    overall = found.assessment.overall
    reading = Reading.objects.create(exam=exam, job=job, overall=overall, findings=len(found.findings))
    write_report(report, reading.folder)
    return exam


def drawn(finding: dict[str, Any]) -> dict[str, Any]:
    """The engine's own finding as if the reader had drawn it, by its outline alone."""
    members = [{**each, "group": None, "calcifications": []} for each in finding["members"]]
    place = {"nipple_mm": 1.0}
    return {**finding, "id": "F9", "origin": "reader", "members": members, "location": place, "sentence": ""}


def previewed(browser: Client, exam: Exam, *findings: dict[str, Any]) -> dict[str, Any]:
    """What the server says of a draft with these findings: of the last one."""
    assert exam.reading is not None
    content = suggested(exam.reading.report()).model_dump(by_alias=True, mode="json")
    sent = json.dumps({"revision": 1, "content": {**content, "findings": findings}})
    answer = browser.post(reverse("reading:preview", args=[exam.uuid]), sent, content_type="application/json")
    return dict(answer.json()["findings"][-1])


@pytest.mark.parametrize("hung", HUNG.values(), ids=HUNG)
def test_one_view_tells_the_half_as_it_does_of_the_engines_own(
    hung: tuple[str, list[str], bool, int, str],
    site: Site,
    tmp_path: Path,
    account: Account,
    signed_in: Enter,
) -> None:
    view, orientation, turned, below, half = hung
    pixels = film(group(12) + np.array([0, below]))
    folder = written(
        tmp_path, "now", np.flipud(pixels).copy() if turned else pixels, ViewPosition=view,
        PatientOrientation=orientation,
    )  # fmt: skip
    exam = taken_in_and_read(site, folder)
    assert exam.reading is not None
    own = suggested(exam.reading.report()).findings[0]
    assert (own.location.half, own.location.certainty) == (half, "one view")
    browser = signed_in(account("radiologist"))
    given = own.model_dump(by_alias=True, mode="json")
    told = previewed(browser, exam, drawn(given))
    found, expected = told["location"], given["location"]
    assert abs(found.pop("nipple_mm") - expected.pop("nipple_mm")) < 2
    assert found == expected
    assert f"in the {half} half of the left breast" in told["sentence"]
    if orientation:
        assert not found["orientation_assumed"]

    # What she chose of the place herself stays, and her quadrant says more than a half.
    edit = {"field": "location.quadrant", "was": "", "is": "upper_inner", "reason": ""}
    chosen = drawn(given)
    chosen |= {"location": {"quadrant": "upper_inner"}, "edits": [edit]}
    told = previewed(browser, exam, chosen)
    assert (told["location"]["quadrant"], told["location"]["half"]) == ("upper_inner", None)
    assert "upper inner quadrant" in told["sentence"]
    # The engine's own stays as it is.
    moved = {**given, "location": {"half": "lower"}}
    assert previewed(browser, exam, moved)["location"]["half"] == "lower"


def test_an_image_that_cannot_be_read_leaves_the_place_as_it_was(
    site: Site, tmp_path: Path, account: Account, signed_in: Enter
) -> None:
    exam = taken_in_and_read(site, written(tmp_path, "now", film(group(11))))
    assert exam.reading is not None
    given = suggested(exam.reading.report()).findings[0].model_dump(by_alias=True, mode="json")
    exam.images.get().path.unlink()
    told = previewed(signed_in(account("radiologist")), exam, drawn(given))
    assert (told["location"]["half"], told["location"]["nipple_mm"]) == (None, 1.0)
