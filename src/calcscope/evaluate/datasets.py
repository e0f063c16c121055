"""What ``calcscope evaluate`` does with each public dataset: tables on the terminal, pictures in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from calcscope.evaluate.calibration import draw as draw_reliability
from calcscope.evaluate.cbis_ddsm import read_lesions
from calcscope.evaluate.froc import Froc, MarkedImage, bootstrap, draw
from calcscope.evaluate.malignancy import score_lesions
from calcscope.evaluate.mini_mias import Film, read_films
from calcscope.reading.settings import ReadSettings
from calcscope.reading.view import read_view

RATES = (0.1, 0.25, 0.5, 1.0, 2.0)
"""False groups per normal film at which the share of found circles is printed."""


def mini_mias(path: Path, out: Path, console: Console) -> None:
    """Share of the circles found against false groups per normal film, of a folder of mini-MIAS films.

    A circle is found at the probability of the best group that hits it; every group on a film of class NORM
    is false.
    """
    films = read_films(path)
    every, operating = read(films, ReadSettings(all_groups=True))
    console.print(table_of_rates(every, operating))
    console.print(table_of_circles(films, every))
    out.mkdir(parents=True, exist_ok=True)
    picture = out / "froc-mini-mias.png"
    title = f"{len(every)} films of mini-MIAS, {Froc.of(every).normals} of them normal"
    rate, share = at_the_end(Froc.of(operating))
    draw(every, picture, title=title, objects="groups", operating=(rate, share))
    console.print(f"Picture: {picture}", highlight=False)


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
    draw_reliability(score.probability, score.malignant, picture, title=title, cases="lesions")
    console.print(f"Picture: {picture}", highlight=False)


DATASETS: dict[str, Callable[[Path, Path, Console], None]] = {
    "mini-mias": mini_mias,
    "cbis-ddsm-table": cbis_ddsm_table,
}
"""By the name that the command takes."""


def read(films: list[Film], settings: ReadSettings) -> tuple[list[MarkedImage], list[MarkedImage]]:
    """The films marked with all groups, and with those of the operating point alone."""
    every, operating = [], []
    for film in track(films, "Reading films"):
        reading = read_view(film.exam.views[0], settings)
        every.append(film.marked(reading, (*reading.groups, *reading.more_groups)))
        operating.append(film.marked(reading, reading.groups))
    return every, operating


def at_the_end(curve: Froc) -> list[float]:
    """False marks per normal image and sensitivity when every mark counts."""
    return [len(curve.false) / curve.normals, float(np.mean(np.isfinite(curve.best)))]


def table_of_rates(every: list[MarkedImage], operating: list[MarkedImage]) -> Table:
    """Sensitivity at each rate, and the operating point, with intervals."""
    curve, point = Froc.of(every), Froc.of(operating)
    table = Table(title="Circles found", title_justify="left")
    for column in ("false groups per normal film", "found", "share (95 %)"):
        table.add_column(column, justify="right")
    total = len(curve.best)
    low, high = bootstrap(every, lambda drawn: drawn.sensitivity(RATES))
    for rate, share, least, most in zip(RATES, curve.sensitivity(RATES), low, high, strict=True):
        table.add_row(
            f"{rate:g}", f"{round(share * total)} of {total}", f"{share:.2f} ({least:.2f} to {most:.2f})"
        )
    (rate, share), (low, high) = at_the_end(point), bootstrap(operating, at_the_end)
    table.add_section()
    table.add_row(
        f"operating point: {rate:.2f} ({low[0]:.2f} to {high[0]:.2f})",
        f"{round(share * total)} of {total}",
        f"{share:.2f} ({low[1]:.2f} to {high[1]:.2f})",
    )
    return table


def table_of_circles(films: list[Film], every: list[MarkedImage]) -> Table:
    """Each circle, the probability of its best group, and the rate of false groups at which it is found."""
    curve = Froc.of(every)
    table = Table(title="Each circle", title_justify="left")
    for column in ("film", "severity", "diameter, mm", "probability of its group", "found from"):
        table.add_column(column, justify="left" if column == "film" else "right")
    circles = [(film.name, circle) for film in films for circle in film.circles]
    for (name, circle), score in sorted(
        zip(circles, curve.best, strict=True), key=lambda pair: -float(pair[1])
    ):
        found = np.isfinite(score)
        table.add_row(
            name,
            {"B": "benign", "M": "malignant"}[circle.severity],
            f"{2 * circle.radius * film_pixel_mm(films):.0f}",
            f"{score:.3f}" if found else "no group",
            f"{float(curve.false_marks(score)):.2f} false groups" if found else "never",
        )
    return table


def film_pixel_mm(films: list[Film]) -> float:
    """Pixel size of the films, mm."""
    return films[0].exam.views[0].info.pixel_mm
