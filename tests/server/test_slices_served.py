"""A tomosynthesis from its file to the viewer: taken in, searched slice by slice, given out whole."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from accounts import Account, Enter
from django.core.files.uploadedfile import SimpleUploadedFile
from exam.builders import draw_breast, save, tomo_dataset
from pydicom import dcmread
from pydicom.uid import RLELossless
from test_arbitration import page_of
from test_bringing import brought

from calcscope.server.exams import jobs
from calcscope.server.exams.models import Exam, State
from calcscope.server.people.models import Site

SLICES, SHOWN_IN = 5, (2, 3)
SPECKS = [(190.3, 300.4), (204.8, 310.9), (214.2, 293.1), (197.6, 322.2), (222.9, 315.7), (209.1, 331.5)]


def slices() -> np.ndarray:
    """A drawn breast of 0.1 mm a pixel with six calcifications of half a millimetre in two of its slices."""
    breast = [draw_breast(640, 512, seed=seed).astype(float) for seed in range(SLICES)]
    y, x = np.mgrid[:640, :512]
    for number in SHOWN_IN:
        for at_x, at_y in SPECKS:
            breast[number] += 1200 * np.exp(-((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * 1.6**2))
    return np.clip(np.stack(breast), 0, 4095).astype(np.uint16)


def test_a_tomosynthesis_is_read_and_every_slice_reaches_the_viewer(
    site: Site, account: Account, signed_in: Enter, tmp_path: Path
) -> None:
    pixels = slices()
    dataset = tomo_dataset(pixels)
    dataset.compress(RLELossless, generate_instance_uid=False)
    path = save(dataset, tmp_path / "tomo.dcm")
    upload = brought(signed_in(account("technologist")), SimpleUploadedFile("tomo.dcm", path.read_bytes()))
    assert upload.failures == []
    exam = Exam.objects.get()
    job = exam.job
    assert job is not None
    jobs.read_job.func(str(job.uuid))
    exam.refresh_from_db()
    assert exam.state == State.UNREAD, exam.job.reason if exam.job else ""

    browser = signed_in(account("radiologist"))
    (view,) = page_of(browser, exam)["exams"][0]["views"]
    assert (view["frames"], view["label"]) == (SLICES, "LMLO")
    (group,) = view["groups"]
    assert group["count"] >= len(SPECKS) - 1
    assert {each["slice"] for each in view["calcifications"] if each["group"]} <= set(SHOWN_IN)
    given = dcmread(io.BytesIO(b"".join(browser.get(view["image"]))))
    assert (given.NumberOfFrames, given.PatientName) == (SLICES, "")
    np.testing.assert_array_equal(given.pixel_array, pixels)
    assert browser.get(view["thumb"]).headers["Content-Type"] == "image/jpeg"
