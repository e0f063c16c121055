"""The pairs of Zenodo 5036062 (BMCD): an earlier and a recent mammogram, every calcification marked.

100 pairs from two rounds, in two views; half of the breasts are normal or have benign calcifications alone
(BI-RADS 1 and 2), half are suspicious, 4 and 5 (K. Loizidou et al., Eur Radiol Exp 2021, doi
10.1186/s41747-021-00238-w).

What public code that reads the set agrees on: ``Normal_cases/`` and ``Suspicious_cases/`` (in
``Dataset_v3/`` or ``Dataset/``) hold a numbered folder for each breast with ``CC_prior``, ``CC_recent``,
``MLO_prior`` and ``MLO_recent``, each as ``.dcm`` (of a few breasts ``.DCM``) and as ``<name>_GT.jpg``, the
same picture with the calcifications painted red. Both classes have red marks: a benign calcification is one
too. The numbers repeat between the classes. Read in: Znasif/ContrastMammogram
``Temporal/read_dicom_into_folder.py`` (names, red), YangYY-Liu/BreastGPT ``dataset/Mammography/BMCD``,
loioladev/breast-density-classification ``src/datasets/bmcd_converter.py`` and jddomingues-fcul/BreXpert-MM
``preprocessing/breast_micro_calc.py`` (folders, ``.DCM``).

The marks that the first of these extracted (``Temporal/detectron_regions_.json``, resized to one size) lie
on grids of one to five pixels, so pictures are smaller than their mammograms, by differing factors. Places
are therefore scaled to the size of the DICOM image, and are no finer than a pixel of the picture:
calcifications that touch in it are one.

Not verified: the exact red, the sizes, and whether every picture shows the whole mammogram (a different
aspect is refused). ``Description.xlsx``, one sheet for each class, has the side, the age, density and
BI-RADS category of the recent mammogram and some biopsies; it is not read, so there is no outcome.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from calcscope.errors import UnreadableInput
from calcscope.evaluate.marked import MarkedSpeck, MarkedView
from calcscope.evaluate.tables import some
from calcscope.exam import ReadOptions
from calcscope.exam.model import Mask

EXPECTED = "Normal_cases and Suspicious_cases with folders of CC_recent.dcm, CC_recent_GT.jpg and so on"
PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")
LEAST_CHROMA, LEAST_SATURATION, LARGEST_TILT = 40, 0.4, 1 / 3
"""Red stands out by so many levels and by that share of itself; green and blue differ by no more than that
share of it (20° of hue), about what ContrastMammogram takes for red. What JPEG spreads beside is paler."""
ASPECT_TOLERANCE = 0.02
"""Rounding of a reduced picture; a cropped one differs by more."""


def read(folder: Path) -> list[MarkedView]:
    """The images by folder and name. An image is normal when its breast is and nothing on it is marked.

    Raises
    ------
    UnreadableInput : without an image, for one without its picture of marks, and when that has another aspect
    """
    found = (path for path in folder.rglob("*") if path.suffix.lower() == ".dcm")
    # Archives packed on macOS bring "._" files of that ending along.
    images = sorted(path for path in found if not path.name.startswith("._"))
    return [_view(folder, path) for path in some(images, folder, "no DICOM image", EXPECTED)]


def _view(folder: Path, path: Path) -> MarkedView:
    place = path.relative_to(folder)
    specks = _specks(_picture(path), path)
    normal = any(part.lower().startswith("normal") for part in path.parts[-3:-1])
    view = path.stem.split("_")[0].upper()
    return MarkedView(
        place.with_suffix("").as_posix(),
        place.parent.as_posix(),
        path,
        ReadOptions(view=view if view in ("CC", "MLO") else None),
        specks=specks,
        normal=normal and not specks,
        calcified=bool(specks),
    )


def _picture(path: Path) -> Path:
    name = f"{path.stem}_gt".lower()
    beside = (p for p in sorted(path.parent.iterdir()) if p.stem.lower() == name)
    found = next((p for p in beside if p.suffix.lower() in PICTURES), None)
    if found is None:
        raise UnreadableInput(str(path), f"no {path.stem}_GT.jpg beside it", EXPECTED, "fetch the set anew")
    return found


def _specks(picture: Path, path: Path) -> tuple[MarkedSpeck, ...]:
    """One calcification for each connected set of red pixels, in pixels of the DICOM image."""
    with Image.open(picture) as image:
        red = _red(np.asarray(image.convert("RGB")))
    down, across = _scales(red.shape, picture, path)
    labels, _ = ndimage.label(red, structure=np.ones((3, 3)))
    specks = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        # Whether rims or areas were painted is not known: a rim is filled.
        filled = ndimage.binary_fill_holes(labels[box] == number)
        rows, columns = np.nonzero(filled)
        y = (box[0].start + rows.mean() + 0.5) * down - 0.5
        x = (box[1].start + columns.mean() + 0.5) * across - 0.5
        area = len(rows) * down * across
        specks.append(MarkedSpeck(float(x), float(y), float(np.sqrt(area / np.pi))))
    return tuple(specks)


def _red(rgb: NDArray[np.uint8]) -> Mask:
    red, green, blue = np.moveaxis(rgb.astype(np.int16), -1, 0)
    chroma = red - np.minimum(green, blue)
    strong = (chroma >= LEAST_CHROMA) & (chroma >= LEAST_SATURATION * red)
    return np.asarray(strong & (np.abs(green - blue) <= LARGEST_TILT * chroma))


def _scales(shape: tuple[int, ...], picture: Path, path: Path) -> tuple[float, float]:
    """Rows and columns of the mammogram for one of the picture."""
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Rows", "Columns"])
    down, across = int(header.Rows) / shape[0], int(header.Columns) / shape[1]
    if abs(down / across - 1) > ASPECT_TOLERANCE:
        found = f"{shape[0]} × {shape[1]} pixels"
        expected = f"the aspect of the mammogram's {header.Rows} × {header.Columns}"
        raise UnreadableInput(str(picture), found, expected, "fetch the set anew, or leave this image out")
    return down, across
