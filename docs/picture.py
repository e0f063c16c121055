"""Draw the picture of the README from a report of the demo: ``python docs/picture.py demo-report``.

Films: CBIS-DDSM, CC BY 3.0 (see the README).
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from calcscope.report import files, model
from calcscope.report.writing import read_report

PICTURE = Path(__file__).parent / "images" / "reading.png"
HEIGHT = 860
GAP = 8
COLOURS = 96
"""Grey film and a few coloured marks: so many keep the marks' colour and halve the file."""


def main() -> None:
    """A view with its marks beside the magnified crops of a finding that two views show."""
    folder = Path(sys.argv[1])
    exam, finding = _seen_in_two_views(read_report(folder))
    place = folder / exam.folder
    views = {view.sop_uid: view for view in exam.views}
    seen = [views[member.view] for member in finding.members]
    whole = Image.open(place / files.overlay_path(exam, seen[-1])).convert("RGB")
    whole.thumbnail((HEIGHT, HEIGHT), Image.Resampling.LANCZOS)
    crops = [Image.open(place / files.crop_path(exam, finding, v.sop_uid)).convert("RGB") for v in seen]
    for crop in crops:
        crop.thumbnail((560, HEIGHT), Image.Resampling.LANCZOS)
    width = whole.width + GAP + max(crop.width for crop in crops)
    picture = Image.new("RGB", (width, HEIGHT), "black")
    picture.paste(whole, (0, 0))
    top = 0
    for crop in crops:
        picture.paste(crop, (whole.width + GAP, top))
        top += crop.height + GAP
    PICTURE.parent.mkdir(exist_ok=True)
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


def _seen_in_two_views(report: model.Report) -> tuple[model.ExamReport, model.Finding]:
    for exam in report.exams:
        for finding in exam.findings:
            if finding.typical_kind and len({member.view for member in finding.members}) > 1:
                return exam, finding
    raise SystemExit("no benign finding is seen in two views: is this the report of make demo?")


if __name__ == "__main__":
    main()
