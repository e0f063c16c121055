"""Draw the pictures of the guide's page on earlier exams: ``python docs/comparison.py WORK``.

Makes three simulated exams of one woman in ``WORK`` (kept, so that a second run is quick), compares them and
puts a group then and now, and its trend, into ``docs/images``. Nobody is in the pictures.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from picture import palette
from PIL import Image

from calcscope.report import files
from calcscope.report.writing import read_report

IMAGES = Path(__file__).parent / "images"
SEED = 8054
EXAMS = {"more": 2, "new": 4}
"""What changed since each earlier exam, and how many years ago it was."""
PHANTOM = (
    *("--views", "RCC,RMLO", "--lesion", "punctate:grouped:R"),
    *("--clear", "--mimic", "none", "--pixel-mm", "0.1"),
)
WIDTH = 1000
"""Of the pictures, pixels."""


def main() -> None:
    """Make, compare, draw."""
    work = Path(sys.argv[1])
    command = Path(sys.executable).parent / "calcscope"
    for change, years in EXAMS.items():
        if not (work / change).is_dir():
            subprocess.run(
                [command, "phantom", "--out", work / change, "--seed", str(SEED), *PHANTOM, "--prior", change,
                 "--years", str(years)], check=True,
            )  # fmt: skip
    name = f"exam-{SEED:06d}"
    exams = [work / "more" / name, *(work / change / f"{name}-prior" for change in EXAMS)]
    subprocess.run([command, "compare", *exams, "--no-pdf", "--out", work / "report"], check=True)
    (exam,) = read_report(work / "report").exams
    finding = next(one for one in exam.findings if len(one.trend) > 1 and one.change is not None)
    assert finding.change is not None
    view = finding.change.places[0].view
    folder = work / "report" / exam.folder
    _saved(folder / files.change_path(exam, finding.id, view), "comparison.png")
    _saved(folder / files.trend_path(finding.id), "trend.png")


def _saved(path: Path, name: str) -> None:
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    image.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    image.quantize(palette=palette(image), dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
