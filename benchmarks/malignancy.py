"""What the malignancy model is worth, and the trap in the table it is fitted on.

    python benchmarks/malignancy.py path/to/calc_case_description_train_set.csv

Every area under the ROC curve is cross-validated with the findings of one woman kept together, and
its interval is drawn by woman. The table is CBIS-DDSM's (CC BY 3.0, doi 10.7937/K9/TCIA.2016.7O02S9CY).
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from calcscope.evaluate.calibration import reliability
from calcscope.evaluate.cbis_ddsm import read_lesions
from calcscope.train.malignancy import (
    REPEATS,
    Array,
    cross_validate,
    design,
    features,
    fit,
    performance,
)

Row = dict[str, str]


def worked_up(row: Row) -> bool:
    """The finding was recalled, so that its pathology was looked for."""
    return row["pathology"] != "BENIGN_WITHOUT_CALLBACK"


def words(row: Row) -> set[str]:
    """Every word of the two descriptors, "N/A" included."""
    return {f"shape {word}" for word in row["calc type"].split("-")} | {
        f"distribution {word}" for word in row["calc distribution"].split("-")
    }


def no_distribution(row: Row) -> set[str]:
    """Nothing but whether the distribution is missing."""
    return words(row) & {"distribution N/A"}


def table_of(rows: list[Row], describe: Callable[[Row], set[str]]) -> tuple[Array, Array, list[str]]:
    """Design matrix with one column for each word, outcomes, women."""
    described = [describe(row) for row in rows]
    vocabulary = sorted(set().union(*described))
    x = np.array([[1.0, *(float(word in row) for word in vocabulary)] for row in described])
    y = np.array([float(row["pathology"] == "MALIGNANT") for row in rows])
    return x, y, [row["patient_id"] for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("table", type=Path)
    path = parser.parse_args().table
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lesions = read_lesions(path)
    x, y = design(lesions), np.array([float(lesion.malignant) for lesion in lesions])
    women = [lesion.woman for lesion in lesions]

    console = Console(width=110)
    results = Table(title="Malignant or not, from words alone", title_justify="left")
    for column in ("model", "cases", "malignant", "AUC (95 %)", "Brier", "ECE"):
        results.add_column(
            column, justify="left" if column == "model" else "right", no_wrap=column != "model"
        )
    candidates = {
        "shipped: worked-up lesions, shape and distribution": (x, y, women),
        "the same rows by view, every word its own column": table_of(
            [row for row in rows if worked_up(row)], words
        ),
        "TRAP: rows without callback kept, every word": table_of(rows, words),
        "TRAP: nothing but 'distribution missing'": table_of(rows, no_distribution),
    }
    for name, (columns, outcome, owner) in candidates.items():
        p = performance(columns, outcome, owner)
        area = f"{p['auc']:.3f} ({p['auc_low']:.3f} to {p['auc_high']:.3f})"
        error = f"{p['expected_calibration_error']:.3f}"
        results.add_row(name, str(len(outcome)), f"{outcome.mean():.0%}", area, f"{p['brier']:.3f}", error)
    console.print(results)

    missing = [row for row in rows if row["calc distribution"] == "N/A"]
    benign = sum(not worked_up(row) for row in rows if row in missing)
    console.print(
        f"The trap: the distribution is missing in {len(missing)} of {len(rows)} rows; "
        f"{benign} of them are BENIGN_WITHOUT_CALLBACK, findings that nobody described or worked up.\n"
    )

    beta, _ = fit(x, y)
    odds = Table(title="Shipped model, odds ratios (reference: pleomorphic, grouped)", title_justify="left")
    for column in ("level", "lesions", "odds ratio"):
        odds.add_column(column, justify="left" if column == "level" else "right")
    for name, coefficient, column in zip(features()[1:], beta[1:], x.T[1:], strict=True):
        odds.add_row(name, f"{column.sum():.0f}", f"{np.exp(coefficient):.2f}")
    console.print(odds)

    bins = Table(title="Shipped model, stated against observed (cross-validated)", title_justify="left")
    for column in ("stated", "observed", "lesions"):
        bins.add_column(column, justify="right")
    held_out, _ = cross_validate(x, y, women)
    for b in reliability(held_out.ravel(), np.tile(y, REPEATS)):
        bins.add_row(f"{b.stated:.2f}", f"{b.observed:.2f}", f"{b.count / REPEATS:.0f}")
    console.print(bins)


if __name__ == "__main__":
    main()
