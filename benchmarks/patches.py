"""How well patches of film with a cluster of microcalcifications are told from those without.

    python benchmarks/patches.py [FOLDER]

The folder holds PGM files and ``labels.csv`` (name, label, site, group). A patch of 5 mm is no breast: it is
searched whole, and its score is the number of calcifications to be expected in it, the sum of the
probabilities of its marks. The area under the ROC curve is given for each site apart, since the sites'
films differ; its interval draws whole groups (patches of one film). Beside it stands what the mere spread of
fine detail reaches (standard deviation of the patch less its Gaussian blur of two pixels): the patches with
clusters are also the ones with more contrast, so that much is no merit.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from calcscope.breast.model import Breast
from calcscope.evaluate.roc import auc, auc_interval
from calcscope.exam import ReadOptions, read_exams
from calcscope.specks import find_specks

FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "patches"
PIXEL_MM = 0.085


def scores(path: Path) -> tuple[float, float]:
    """Sum of the probabilities of a patch's marks, and the spread of its fine detail."""
    (exam,), _ = read_exams([path], ReadOptions(pixel_mm=PIXEL_MM, view="CC", laterality="L"))
    patch = exam.views[0].load()
    everywhere, nowhere = np.ones(patch.pixels.shape, dtype=np.bool_), np.zeros((0, 2))
    whole = Breast(everywhere, nowhere, nowhere, None, None, "estimated", everywhere, (), PIXEL_MM)
    detail = patch.pixels - cv2.GaussianBlur(patch.pixels, (0, 0), 2)
    return float(find_specks(patch, whole).probability.sum()), float(detail.std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    folder = parser.parse_args().folder
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    measured = [scores(folder / row["name"]) for row in track(rows, "Searching patches")]
    score, detail = np.array(measured).T
    holds = np.array([row["label"] == "1" for row in rows])
    site, group = (np.array([row[name] for row in rows]) for name in ("site", "group"))
    table = Table(title="Patches with a cluster against those without", title_justify="left")
    for column in ("site", "with", "without", "AUC (95 %)", "fine detail alone"):
        table.add_column(column, justify="right")
    for one in (*np.unique(site), "all"):
        own = np.ones(len(rows), dtype=np.bool_) if one == "all" else site == one
        counts = str(holds[own].sum()), str((~holds[own]).sum())
        if not 0 < holds[own].sum() < own.sum():
            table.add_row(str(one), *counts, "one class only")
            continue
        low, high = auc_interval(score[own], holds[own], group[own])
        table.add_row(
            str(one),
            *counts,
            f"{auc(score[own], holds[own]):.3f} ({low:.3f} to {high:.3f})",
            f"{auc(detail[own], holds[own]):.3f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
