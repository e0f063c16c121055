"""The pairs of Zenodo 5036062: an earlier and a recent mammogram, every calcification marked on an image.

K. Loizidou et al.: 100 pairs from two rounds in two views, normal, benign and suspicious, with "an image
with precise annotation of each individual micro-calcification" by two radiologists for each mammogram. How
the files are named could not be verified at the source. What is assumed: an image ``<name>.dcm`` has its
annotation in an image beside it whose name begins with ``<name>`` (``CC_recent.dcm``,
``CC_recent_mask.png``), of the same size, black but for the calcifications; the folder of a woman holds her
images; and a folder above it whose name begins with ``Normal`` marks those without calcifications.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from calcscope.errors import UnreadableInput
from calcscope.evaluate.marked import MarkedSpeck, MarkedView
from calcscope.evaluate.tables import some
from calcscope.exam import ReadOptions

EXPECTED = "folders of DICOM images, each with a PNG, TIFF or BMP of its marks beside it"
SUFFIXES = (".png", ".tif", ".tiff", ".bmp")


def read(folder: Path) -> list[MarkedView]:
    """The images by folder and name.

    Raises
    ------
    UnreadableInput : when there is no image, or one that is not normal has no annotation
    """
    images = some(sorted(folder.rglob("*.dcm")), folder, "no DICOM image", EXPECTED)
    return [_view(folder, path) for path in images]


def _view(folder: Path, path: Path) -> MarkedView:
    place = path.relative_to(folder)
    normal = any(part.lower().startswith("normal") for part in place.parts[:-1])
    beside = sorted(p for p in path.parent.glob(f"{path.stem}*") if p.suffix.lower() in SUFFIXES)
    if not beside and not normal:
        raise UnreadableInput(str(path), "no annotation beside it", EXPECTED, "fetch the dataset anew")
    specks, stored = _specks(beside[0]) if beside else ((), None)
    name, woman = place.with_suffix("").as_posix(), place.parent.as_posix()
    return MarkedView(
        name,
        woman,
        path,
        ReadOptions(),
        specks=specks,
        normal=normal and not specks,
        calcified=bool(specks),
        stored=stored,
    )


def _specks(path: Path) -> tuple[tuple[MarkedSpeck, ...], tuple[int, int]]:
    """One calcification for each connected set of marked pixels, and the size of the image."""
    with Image.open(path) as image:
        marked = np.asarray(image.convert("L")) > 0
    labels, count = ndimage.label(marked, structure=np.ones((3, 3)))
    index = np.arange(1, count + 1)
    centres = np.array(ndimage.center_of_mass(marked, labels, index), dtype=np.float64).reshape(-1, 2)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    specks = tuple(
        MarkedSpeck(float(x), float(y), float(np.sqrt(area / np.pi)))
        for (y, x), area in zip(centres, areas, strict=True)
    )
    rows, columns = marked.shape
    return specks, (rows, columns)
