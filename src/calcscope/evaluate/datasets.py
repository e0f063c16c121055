"""What ``calcscope evaluate`` does with each public dataset: tables on the terminal, pictures in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from calcscope.evaluate import (
    bmcd,
    cbis_ddsm_films,
    cmmd,
    ddsm,
    inbreast,
    mini_mias,
    phantom,
    vindr_mammo,
)
from calcscope.evaluate.beyond import Beyond
from calcscope.evaluate.calibration import Marks
from calcscope.evaluate.calibration import draw as draw_reliability
from calcscope.evaluate.cbis_ddsm import DISTRIBUTIONS, SHAPES, read_lesions
from calcscope.evaluate.froc import RATES_SHOWN, Froc, MarkedImage, draw
from calcscope.evaluate.malignancy import score_lesions
from calcscope.evaluate.marked import MarkedView
from calcscope.evaluate.measure import measure
from calcscope.evaluate.tabulate import (
    at_the_end,
    table_of_agreement,
    table_of_breasts,
    table_of_calibration,
    table_of_groups,
    table_of_overlaps,
    table_of_rates,
)

MOST_LISTED = 60
"""Marked groups are listed one by one up to this many: more fill a terminal without being read."""

LIMITS = {"groups": RATES_SHOWN, "calcifications": (0.25, 50.0)}
"""Of the pictures' axis of false marks: single calcifications have more of them than groups."""

LABELS = {
    "shape": tuple(dict.fromkeys(SHAPES.values())),
    "distribution": tuple(dict.fromkeys(DISTRIBUTIONS.values())),
}


@dataclass(frozen=True)
class ImageDataset:
    """Images with marks: what is read, and its measuring.

    Parameters
    ----------
    name : as the command takes it
    read : the images of a folder
    beyond : what is measured on this dataset alone
    """

    name: str
    read: Callable[[Path], list[MarkedView]]
    beyond: Callable[[], Beyond] | None = None

    def __call__(self, path: Path, out: Path, console: Console) -> None:
        """Read the images of ``path``, print what was found of what is marked, draw curves into ``out``."""
        views = track(self.read(path), "Reading images", console=console)
        beyond = self.beyond() if self.beyond else None
        measured = measure(views, beyond.add) if beyond else measure(views)
        if _has_curve(measured.every):
            groups = "Marked groups found"
            console.print(table_of_rates(measured.every, measured.operating, groups, "groups"))
            if sum(image.truths for image in measured.every) <= MOST_LISTED:
                console.print(table_of_groups(measured))
            self._draw(measured.every, "groups", out, console, measured.operating)
        else:
            console.print("No curve of groups: that needs marked groups and normal images.")
        if _has_curve(measured.singles):
            title = "Marked calcifications found"
            console.print(table_of_rates(measured.singles, (), title, "calcifications"))
            self._draw(measured.singles, "calcifications", out, console)
        self._calibration({"groups": measured.every, "calcifications": measured.listed}, out, console)
        _print(table_of_overlaps(measured.overlaps), console)
        if beyond is None:  # of simulated exams the lexicon's own terms are known, not the readers' words
            words = {"shape": measured.shapes, "distribution": measured.distributions}
            _print(table_of_agreement(words, LABELS), console)
        breasts = {"calcification lesion": measured.calcified, "malignant": measured.malignant}
        _print(table_of_breasts(breasts), console)
        if beyond:
            for table in beyond.tables(measured):
                console.print(table)
            picture = out / f"froc-{self.name}-by-snr.png"
            if beyond.draw(measured, picture):
                console.print(f"Picture: {picture}", highlight=False)

    def _calibration(self, images: dict[str, Sequence[MarkedImage]], out: Path, console: Console) -> None:
        """How far the probability stated of a group and of a listed calcification agrees with the truth."""
        marks = {objects: Marks.of(marked) for objects, marked in images.items() if _has_curve(marked)}
        marks = {objects: stated for objects, stated in marks.items() if len(stated.true)}
        _print(table_of_calibration(marks), console)
        for objects, stated in marks.items():
            picture = out / f"reliability-{self.name}-{objects}.png"
            draw_reliability(
                stated.probability,
                stated.true,
                picture,
                title=f"{objects} on {len(images[objects])} images of {self.name}",
                cases="marks",
                of="calcium",
                weights=stated.weight,
            )
            console.print(f"Picture: {picture}", highlight=False)

    def _draw(
        self,
        images: Sequence[MarkedImage],
        objects: str,
        out: Path,
        console: Console,
        operating: Sequence[MarkedImage] = (),
    ) -> None:
        out.mkdir(parents=True, exist_ok=True)
        suffix = "" if objects == "groups" else f"-{objects}"
        picture = out / f"froc-{self.name}{suffix}.png"
        title = f"{len(images)} images of {self.name}, {Froc.of(images).normals} of them normal"
        point = None
        if operating:
            rate, share = at_the_end(Froc.of(operating))
            point = (rate, share)
        limits = LIMITS[objects]
        draw(images, picture, title=title, objects=objects, operating=point, limits=limits)
        console.print(f"Picture: {picture}", highlight=False)


def _has_curve(images: Sequence[MarkedImage]) -> bool:
    return any(image.truths for image in images) and any(image.normal for image in images)


def _print(table: Table, console: Console) -> None:
    if table.rows:
        console.print(table)


def cbis_ddsm_table(path: Path, out: Path, console: Console) -> None:
    """The shipped malignancy model on the descriptors of a calcification table of CBIS-DDSM.

    Worked-up lesions alone, views of one lesion taken together, the interval drawn by woman.
    """
    score = score_lesions(read_lesions(path))
    table = Table(title="Malignant or not, from shape and distribution", title_justify="left")
    for column in ("lesions", "women", "malignant", "AUC (95 %)", "Brier", "ECE"):
        table.add_column(column, justify="right")
    table.add_row(
        str(len(score.malignant)),
        str(score.women),
        f"{score.malignant.mean():.0%}",
        f"{score.auc:.3f} ({score.low:.3f} to {score.high:.3f})",
        f"{score.brier:.3f}",
        f"{score.calibration_error:.3f}",
    )
    console.print(table)
    console.print(
        f"Probabilities at a prevalence of {score.prevalence:.0%}; {score.silent} lesions of words the model "
        "gives no probability for are left out. On the training table these are figures of the fit itself: "
        "benchmarks/malignancy.py prints the cross-validated ones.",
        highlight=False,
    )
    out.mkdir(parents=True, exist_ok=True)
    picture = out / "reliability-cbis-ddsm-table.png"
    title = f"{len(score.malignant)} worked-up lesions of CBIS-DDSM"
    draw_reliability(
        score.probability, score.malignant, picture, title=title, cases="lesions", of="malignant"
    )
    console.print(f"Picture: {picture}", highlight=False)


IMAGES = {
    "mini-mias": mini_mias.read,
    "inbreast": inbreast.read,
    "cbis-ddsm": cbis_ddsm_films.read,
    "ddsm": ddsm.read,
    "vindr-mammo": vindr_mammo.read,
    "cmmd": cmmd.read,
    "zenodo-5036062": bmcd.read,
}

DATASETS: dict[str, Callable[[Path, Path, Console], None]] = {
    **{name: ImageDataset(name, read) for name, read in IMAGES.items()},
    "cbis-ddsm-table": cbis_ddsm_table,
    "phantom": ImageDataset("phantom", phantom.read, Beyond),
}
"""By the name that the command takes."""
