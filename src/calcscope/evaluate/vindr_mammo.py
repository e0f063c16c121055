"""VinDr-Mammo: digital mammograms with boxes round findings.

The PhysioNet release holds ``finding_annotations.csv`` with a row for each finding (study_id, series_id,
image_id, laterality, view_position, height, width, breast_birads, breast_density, split, finding_categories
as a list in text such as ``['Suspicious Calcification', 'Mass']``, finding_birads, xmin, ymin, xmax, ymax in
pixels, empty for ``['No Finding']``) and ``images/<study_id>/<image_id>.dicom`` (H. T. Nguyen et al., Sci
Data 2023;10:277). Only findings that are not benign are marked, so a false group on an image without finding
may be a benign one.

Read in: the paper and physionet.org/content/vindr-mammo (what is marked), KP-AROB/AROB-VINDR-IMG ``README``
(columns, list, paths), YangYY-Liu/BreastGPT ``dataset/Mammography/VinDr`` (empty boxes, paths). Columns are
found by name. Not verified: their order, and whether every header states the size of a pixel.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from calcscope.errors import UnreadableInput
from calcscope.evaluate.marked import Box, MarkedGroup, MarkedView
from calcscope.evaluate.tables import read_rows, some
from calcscope.exam import ReadOptions

COLUMNS = (
    "study_id", "image_id", "laterality", "view_position", "finding_categories",
    "xmin", "ymin", "xmax", "ymax",
)  # fmt: skip
EXPECTED = "the VinDr-Mammo folder with finding_annotations.csv and images/"


def read(folder: Path) -> list[MarkedView]:
    """The images in the order of the table. An image is normal when it has no finding of any kind.

    Raises
    ------
    UnreadableInput : when the table or an image is missing
    """
    found: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in read_rows(folder / "finding_annotations.csv", COLUMNS, EXPECTED):
        found[row["study_id"], row["image_id"]].append(row)
    some(list(found), folder, "a table without a row", EXPECTED)
    return [_view(folder, study, image, rows) for (study, image), rows in found.items()]


def _view(folder: Path, study: str, image: str, rows: list[dict[str, str]]) -> MarkedView:
    path = folder / "images" / study / f"{image}.dicom"
    if not path.is_file():
        raise UnreadableInput(str(path), "no such file", EXPECTED, "fetch the images of the table")
    calcified = [row for row in rows if "Suspicious Calcification" in row["finding_categories"]]
    groups = tuple(
        MarkedGroup(Box(*(float(row[side]) for side in ("xmin", "ymin", "xmax", "ymax"))))
        for row in calcified
    )
    return MarkedView(
        image,
        study,
        path,
        ReadOptions(laterality="L" if rows[0]["laterality"] == "L" else "R", view=rows[0]["view_position"]),
        groups,
        normal=all("No Finding" in row["finding_categories"] for row in rows),
        calcified=bool(groups),
    )
