"""Two drawn exams of one breast whose calcifications are known, as DICOM files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from exam.builders import mg_dataset, save
from numpy.typing import NDArray
from priors.textures import Map, bent, same, view
from pydicom.dataset import Dataset

from calcscope.exam.model import Points

PIXEL_MM = 0.12
GREY_TOP = 4095
SPECK_MM, BRIGHT = 0.22, 0.4
"""Gaussian sigma of a calcification, and its brightness above the tissue."""
MIDDLE_MM = (45.0, 80.0)
"""Of the group, in the breast."""
TIMES = {"now": "20260501", "then": "20240501", "long ago": "20220501"}


def group(count: int) -> Points:
    """Places in the breast, (count, 2) mm: the first of a dozen within a centimetre."""
    random = np.random.default_rng(5)
    places: list[NDArray[np.float64]] = []
    while len(places) < 12:
        one = random.uniform(-4.5, 4.5, 2)
        if all(np.hypot(*(one - other)) > 1.4 for other in places):
            places.append(one)
    return np.array(places[:count]).reshape(-1, 2) + np.array(MIDDLE_MM)


def film(specks_mm: Points, laid: Map = same, breast: int = 1, noise_of: int = 0) -> NDArray[np.uint16]:
    """A left CC view, chest wall left, of 12 bits.

    Parameters
    ----------
    specks_mm : (n, 2) places in the breast
    laid : where each place of the image lies in the breast
    breast : of the same number is the same woman's
    """
    pixels = view(breast, laid, PIXEL_MM)[0].pixels.astype(np.float64)
    inside = pixels > 0
    rows, columns = pixels.shape
    random = np.random.default_rng(100 + noise_of)
    pixels += random.normal(0, 0.006, pixels.shape) * inside + 0.01
    y, x = np.mgrid[:rows, :columns]
    for place in specks_mm:
        at = _in_image(place, laid) / PIXEL_MM - 0.5
        near = np.s_[max(0, int(at[1]) - 12) : int(at[1]) + 13, max(0, int(at[0]) - 12) : int(at[0]) + 13]
        away = np.hypot(x[near] - at[0], y[near] - at[1]) * PIXEL_MM
        pixels[near] += BRIGHT * np.exp(-((away / SPECK_MM) ** 2) / 2)
    return np.rint(np.clip(pixels, 0, 1) * GREY_TOP).astype(np.uint16)


def _in_image(place: NDArray[np.float64], laid: Map) -> NDArray[np.float64]:
    """Where a place of the breast lies in the image, mm: the map is smooth and near a shift."""
    at = place.copy()
    for _ in range(30):
        at = at - (laid(at[None])[0] - place)
    return at


def exam(folder: Path, when: str, pixels: NDArray[np.uint16], **attributes: object) -> Path:
    """Write one exam of one view."""
    folder.mkdir(parents=True, exist_ok=True)
    date = TIMES[when]
    ds: Dataset = mg_dataset(
        pixels,
        laterality="L",
        view="CC",
        patient_orientation=["A", "R"],
        **{
            "StudyDate": date,
            "StudyInstanceUID": f"2.25.77{date}",
            "SOPInstanceUID": f"2.25.78{date}",
            "ImagerPixelSpacing": [PIXEL_MM, PIXEL_MM],
            **attributes,
        },
    )
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    save(ds, folder / "LCC.dcm")
    return folder


def current(folder: Path, count: int = 12) -> Path:
    """The current exam with the group."""
    return exam(folder, "now", film(group(count)))


def earlier(folder: Path, count: int, when: str = "then", **attributes: object) -> Path:
    """An earlier exam of the same breast, positioned otherwise, that shows the first so many of the group."""
    return exam(folder, when, film(group(count), bent, noise_of=1), **attributes)
