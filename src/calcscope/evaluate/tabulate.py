"""The tables that ``calcscope evaluate`` prints, each with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.table import Table

from calcscope.evaluate.afroc import merit
from calcscope.evaluate.agreement import cross_table, kappa, kappa_interval
from calcscope.evaluate.calibration import Marks, brier, expected_calibration_error
from calcscope.evaluate.delong import delong
from calcscope.evaluate.froc import Froc, MarkedImage, bootstrap
from calcscope.evaluate.measure import Breast, Measured, scores
from calcscope.evaluate.overlap import Overlap
from calcscope.evaluate.roc import auc_interval

RATES = {"groups": (0.1, 0.25, 0.5, 1.0, 2.0), "calcifications": (0.5, 1.0, 2.0, 5.0, 10.0)}
"""False marks per normal image at which the share of found objects is printed."""


def plain_table(title: str, *columns: str) -> Table:
    """An empty table, numbers to the right of its first column."""
    table = Table(title=title, title_justify="left")
    for n, column in enumerate(columns):
        table.add_column(column, justify="left" if n == 0 else "right")
    return table


def interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """A figure and its interval as printed."""
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def at_the_end(curve: Froc) -> list[float]:
    """False marks per normal image and sensitivity when every mark counts."""
    return [len(curve.false) / curve.normals, float(np.mean(np.isfinite(curve.best)))]


def table_of_rates(
    every: Sequence[MarkedImage], operating: Sequence[MarkedImage], title: str, objects: str
) -> Table:
    """Sensitivity at each rate, at the operating point where ``operating`` is given, and figures of merit.

    ``objects`` are ``groups`` or ``calcifications``.
    """
    curve = Froc.of(every)
    table = plain_table(title, f"false {objects} per normal image", "found", "share (95 %)")
    total = len(curve.best)
    rates = RATES[objects]
    low, high = bootstrap(every, lambda drawn: drawn.sensitivity(rates))
    for rate, share, least, most in zip(rates, curve.sensitivity(rates), low, high, strict=True):
        table.add_row(f"{rate:g}", f"{round(share * total)} of {total}", interval(share, least, most))
    if operating:
        (rate, share), (low, high) = at_the_end(Froc.of(operating)), bootstrap(operating, at_the_end)
        table.add_section()
        table.add_row(
            f"operating point: {interval(rate, low[0], high[0])}",
            f"{round(share * total)} of {total}",
            interval(share, low[1], high[1]),
        )
    table.add_section()
    figures = merit(every)
    table.add_row("JAFROC figure of merit", "", interval(*figures.jafroc))
    table.add_row("weighted AFROC figure of merit", "", interval(*figures.wafroc))
    return table


def table_of_groups(measured: Measured) -> Table:
    """Each marked group, the probability of its best group, and the rate of false ones that finds it."""
    curve = Froc.of(measured.every)
    table = plain_table("Each marked group", "image", "outcome", "probability of its group", "found from")
    rows = [
        (view.name, group.malignant, score)
        for view, image in zip(measured.views, measured.every, strict=True)
        for group, score in zip(view.groups, image.best, strict=True)
    ]
    for name, malignant, score in sorted(rows, key=lambda row: -float(row[2])):
        found = bool(np.isfinite(score))
        table.add_row(
            name,
            "" if malignant is None else "malignant" if malignant else "benign",
            f"{score:.3f}" if found else "no group",
            f"{float(curve.false_marks(score)):.2f} false groups" if found else "never",
        )
    return table


def table_of_overlaps(overlaps: Sequence[Overlap]) -> Table:
    """Median and quartiles of the agreement of outlines."""
    table = plain_table(f"Outlines of {len(overlaps)} calcifications found", "", "median (quartiles)")
    rows = {"Dice": "dice", "IoU": "iou", "Hausdorff distance, mm": "hausdorff_mm"}
    for name, attribute in rows.items() if overlaps else ():
        low, middle, high = np.quantile([getattr(one, attribute) for one in overlaps], [0.25, 0.5, 0.75])
        table.add_row(name, interval(middle, low, high))
    return table


def table_of_agreement(
    pairs: Mapping[str, Sequence[tuple[str, str]]], labels: Mapping[str, Sequence[str]]
) -> Table:
    """Kappa of the readers' and the software's words, labels in order of suspicion."""
    table = plain_table(
        "Words against the readers'", "", "groups", "alike", "kappa (95 %)", "weighted kappa (95 %)"
    )
    for what, words in pairs.items():
        if not words:
            continue
        theirs, ours = zip(*words, strict=True)
        counts = cross_table(theirs, ours, labels[what])
        cells = []
        for weights in ("none", "quadratic"):
            low, high = kappa_interval(counts, weights, fixed_rows=False)
            cells.append(interval(kappa(counts, weights), low, high))
        table.add_row(what, str(len(words)), f"{np.trace(counts) / counts.sum():.2f}", *cells)
    return table


def table_of_calibration(rows: Mapping[str, Marks]) -> Table:
    """Brier score and calibration error of the probabilities stated of marks."""
    columns = ("", "marks", "of them true", "Brier score", "calibration error")
    table = plain_table("Probability stated and truth", *columns)
    for what, marks in rows.items():
        stated = marks.probability, marks.true, marks.weight
        table.add_row(
            what,
            str(len(marks.true)),
            str(int(marks.true.sum())),
            f"{brier(*stated):.3f}",
            f"{expected_calibration_error(*stated):.3f}",
        )
    return table


def table_of_breasts(rows: dict[str, dict[Breast, tuple[float, bool]]]) -> Table:
    """Areas under the ROC curve by breast, for what holds at least two breasts of either kind.

    Scores that are all alike are left out: nothing was stated (of films too coarse to judge a shape on, the
    malignancy model says nothing).
    """
    columns = ("", "breasts", "of them so", "AUC (95 %, DeLong)", "by woman (95 %, bootstrap)")
    table = plain_table("Breasts", *columns)
    for what, breasts in rows.items():
        score, true, women = scores(breasts)
        if min(true.sum(), (~true).sum()) < 2 or len(np.unique(score)) < 2:
            continue
        area = delong(score, true)
        low, high = auc_interval(score, true, women)
        table.add_row(
            what,
            str(len(true)),
            str(int(true.sum())),
            interval(area.value, area.low, area.high, 3),
            f"{low:.3f} to {high:.3f}",
        )
    return table
