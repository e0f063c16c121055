"""Simulated exams as folders: DICOM files, ``truth.json`` and, where asked for, arrays of the calcium."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from calcscope.exam.model import Float
from calcscope.phantom import dicom, truth
from calcscope.phantom.exam import SimulatedExam
from calcscope.phantom.model import Patch
from calcscope.phantom.physics import taken
from calcscope.phantom.view import SimulatedView
from calcscope.report.writing import assembled_folder, layout

FAINT = 1e-6
"""Attenuation per mm so small that the share a patch takes is its mean thickness times this."""


def folder_of(exam: SimulatedExam) -> str:
    """Name of an exam's folder."""
    return f"exam-{exam.plan.seed:06d}" + ("-prior" if exam.when == "prior" else "")


def write_exam(
    exam: SimulatedExam,
    out: Path,
    *,
    arrays: bool = False,
    progress: Callable[[str], None] = lambda what: None,
) -> Path:
    """Write an exam into a folder of its own in ``out``, which takes its place when it is complete.

    Parameters
    ----------
    arrays : also write, beside each image, ``LABEL.npz`` with ``thickness_mm`` (float32, solid calcium) and
        ``speck`` (int32, index in truth.json plus one where it is thickest), in pixels of the stored image
    progress : told what is being made, e.g. ``exam-000003 RCC``

    Raises
    ------
    OSError : when the folder cannot be written; an earlier one is left as it was
    """
    folder = out / folder_of(exam)
    content = truth.head(
        exam.plan.seed, dicom.patient_id(exam), exam.when, dicom.exam_date(exam).isoformat(),
        exam.plan.generator, exam.lesions,
    )  # fmt: skip
    specks = {n: speck for n, (_, speck) in enumerate(exam.specks)}
    with assembled_folder(folder) as place:
        views = exam.views()
        for label in exam.labels:
            progress(f"{folder.name} {label}")
            view = next(views)
            dicom.write(exam, view, place / f"{label}.dcm")
            content["views"].append(
                truth.of_view(
                    f"{label}.dcm", view.pose, view.pixel_mm, dicom.orientation_of(view), view.truth,
                    view.borders, specks, exam.lesions, view.kind,
                )
            )  # fmt: skip
            if arrays:
                _write_arrays(view, place / f"{label}.npz")
        (place / truth.NAME).write_text(layout(content) + "\n", encoding="utf-8")
    return folder


def _write_arrays(view: SimulatedView, path: Path) -> None:
    numbers = [one.speck for one in view.truth.specks]
    thickness, speck = calcium_maps(view.specks, numbers, view.pixels.shape, view.origin_mm, view.pixel_mm)
    back = dicom.orientation_of(view).apply  # mirroring undoes itself
    np.savez_compressed(path, thickness_mm=back(thickness), speck=back(speck))


def calcium_maps(
    patches: Sequence[Patch],
    numbers: Sequence[int],
    shape: tuple[int, ...],
    origin_mm: np.ndarray,
    pixel_mm: float,
) -> tuple[Float, np.ndarray]:
    """Thickness of solid calcium, float32 mm, and whose it is (index plus one, 0 without), int32."""
    total = np.zeros(shape, dtype=np.float32)
    thickest = np.zeros(shape, dtype=np.float32)
    owner = np.zeros(shape, dtype=np.int32)
    for number, patch in zip(numbers, patches, strict=True):
        window, share = taken(patch, FAINT, shape, origin_mm, pixel_mm)
        mean = share / np.float32(FAINT)
        total[window] += mean
        more = mean > thickest[window]
        owner[window][more] = number + 1
        thickest[window][more] = mean[more]
    return total, owner
