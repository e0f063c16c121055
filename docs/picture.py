"""Draw the picture of the README from a report of the demo: ``python docs/picture.py demo-report``.

Films: CBIS-DDSM, CC BY 3.0 (see the README).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from calcscope.report import files, model
from calcscope.report.writing import read_report

PICTURE = Path(__file__).parent / "images" / "reading.png"
HEIGHT = 640
GAP = 6
GREYS, COLOURS = 72, 40
"""So many keep the marks' colour and a third of the file: film is grey, marks are few."""


def main() -> None:
    """A view with its marks beside the magnified crops of a finding that two views show."""
    folder = Path(sys.argv[1])
    exam, finding = _seen_in_two_views(read_report(folder))
    place = folder / exam.folder
    views = {view.sop_uid: view for view in exam.views}
    seen = [views[member.view] for member in finding.members]
    whole = [_opened(place / files.overlay_path(exam, view)) for view in seen]
    crops = [_opened(place / files.crop_path(exam, finding, view.sop_uid)) for view in seen]
    for image in whole:
        image.thumbnail((HEIGHT, HEIGHT), Image.Resampling.LANCZOS)
    above = _in_a_row(whole)
    below = _in_a_row([_as_high(crop, min(crop.height for crop in crops)) for crop in crops])
    below.thumbnail((max(above.width, 900), HEIGHT), Image.Resampling.LANCZOS)
    picture = Image.new("RGB", (max(above.width, below.width), above.height + GAP + below.height))
    picture.paste(above, ((picture.width - above.width) // 2, 0))
    picture.paste(below, ((picture.width - below.width) // 2, above.height + GAP))
    PICTURE.parent.mkdir(exist_ok=True)
    picture.quantize(palette=palette(picture), dither=Image.Dither.NONE).save(PICTURE, optimize=True)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _as_high(image: Image.Image, height: int) -> Image.Image:
    return image.resize((round(image.width * height / image.height), height), Image.Resampling.LANCZOS)


def _in_a_row(images: list[Image.Image]) -> Image.Image:
    row = Image.new("RGB", (sum(i.width + GAP for i in images) - GAP, max(i.height for i in images)))
    left = 0
    for image in images:
        row.paste(image, (left, 0))
        left += image.width + GAP
    return row


def palette(picture: Image.Image) -> Image.Image:
    """Greys evenly spaced, and the colours of what is not grey."""
    pixels = np.asarray(picture)
    coloured = pixels[np.ptp(pixels, axis=2) > 24]
    few = Image.fromarray(coloured[None]).quantize(COLOURS).getpalette() or []
    greys = np.repeat(np.linspace(0, 255, GREYS).round().astype(int), 3).tolist()
    palette = Image.new("P", (1, 1))
    palette.putpalette([*greys, *few[: 3 * COLOURS]])
    return palette


def _seen_in_two_views(report: model.Report) -> tuple[model.ExamReport, model.Finding]:
    for exam in report.exams:
        for finding in exam.findings:
            if finding.typical_kind and len({member.view for member in finding.members}) > 1:
                return exam, finding
    raise SystemExit("no benign finding is seen in two views: is this the report of make demo?")


if __name__ == "__main__":
    main()
