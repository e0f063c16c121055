"""Single calcifications of simulated exams by SNR, beside what the scanning ideal observer finds of them.

Calcifications that touch in the image are one object, of the SNR of its clearest member.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from calcscope.evaluate.froc import Froc, MarkedImage, bootstrap, lay_axes
from calcscope.evaluate.marked import MarkedView
from calcscope.evaluate.measure import Measured
from calcscope.evaluate.scanning import Scanning
from calcscope.evaluate.tabulate import interval, plain_table

BANDS = {"SNR 7 and more": (7.0, np.inf), "SNR 4 to 7": (4.0, 7.0), "SNR below 4": (0.0, 4.0)}
"""Of the ideal observer, who knows what to look for and where. Who must search needs more."""
COLOURS = ("#1f4e79", "#c0392b", "#7f8c8d")
RATES = (1.0, 2.0, 5.0)
"""False marks per normal image at which the share of single calcifications is printed."""
RATES_SHOWN = (0.25, 50.0)
"""Of the picture's axis of false marks."""


@dataclass(frozen=True)
class Band:
    """The calcifications of one range of SNR: found by the software, and by the scanning ideal observer."""

    name: str
    images: list[MarkedImage]
    scanning: Scanning


def bands(measured: Measured, area_cm2: float) -> Iterator[Band]:
    """The bands that hold calcifications; none without a normal image.

    Parameters
    ----------
    area_cm2 : of the breast, mean of the normal images
    """
    for name, (low, high) in BANDS.items():
        images = banded(measured, low, high)
        if not any(image.truths for image in images) or not any(image.normal for image in images):
            continue
        kept = [
            (snr, 2 * radius * pixel_mm)
            for view, pixel_mm in zip(measured.views, measured.pixel_mm, strict=True)
            for snr, radius in _objects(view)
            if low <= snr < high
        ]
        snr, diameter_mm = np.array(kept).T
        yield Band(name, images, Scanning.of(snr, diameter_mm, area_cm2))


def banded(measured: Measured, low: float, high: float, apart: bool = False) -> list[MarkedImage]:
    """The images with the calcifications of an SNR from ``low`` to below ``high`` alone.

    Marks on other calcifications are neither hits nor false. ``apart``: those that touch each for itself.
    """
    images = []
    views = [view for view in measured.views if view.specks is not None]
    for view, image in zip(views, measured.apart if apart else measured.singles, strict=True):
        clarity = (
            [speck.snr or 0.0 for speck in view.specks or ()] if apart else [s for s, _ in _objects(view)]
        )
        kept = [n for n, snr in enumerate(clarity) if low <= snr < high]
        place = {n: k for k, n in enumerate(kept)}
        marks = tuple(
            (score, None if hit is None else place[hit])
            for score, hit in image.marks
            if hit is None or hit in place
        )
        images.append(MarkedImage(marks, len(kept), image.normal))
    return images


def _objects(view: MarkedView) -> list[tuple[float, float]]:
    """SNR and radius, pixels, of the clearest member of each object of a view."""
    specks = view.specks or ()
    return [max((specks[n].snr or 0.0, specks[n].radius) for n in members) for members in view.objects]


def table_of_bands(measured: Measured, area_cm2: float) -> Table:
    """Share of single calcifications found in each band, and below it the scanning ideal observer's."""
    columns = [f"at {rate:g} false an image" for rate in RATES]
    table = plain_table(
        "Single calcifications by SNR (95 %), false marks per normal image", "", "number", *columns
    )

    def add(name: str, images: list[MarkedImage]) -> None:
        curve = Froc.of(images)
        low, high = bootstrap(images, lambda drawn: drawn.sensitivity(RATES))
        shares = zip(curve.sensitivity(RATES), low, high, strict=True)
        table.add_row(name, str(len(curve.best)), *(interval(*share) for share in shares))

    for band in bands(measured, area_cm2):
        add(band.name, band.images)
        add("  touching ones each for itself", banded(measured, *BANDS[band.name], apart=True))
        ideal = [f"{share:.2f}" for share in band.scanning.sensitivity(RATES)]
        table.add_row("  scanning ideal observer", "", *ideal)
    return table


def draw_bands(measured: Measured, area_cm2: float, path: Path) -> bool:
    """Draw a free-response curve for each band with its 95 % interval, and the scanning ideal observer's.

    Returns whether there was anything to draw; the file is a PNG.
    """
    from matplotlib.figure import Figure

    drawn = list(bands(measured, area_cm2))
    if not drawn:
        return False
    grid = np.geomspace(*RATES_SHOWN, 120)
    fine = np.geomspace(*RATES_SHOWN, 2000)
    figure = Figure(figsize=(7.2, 5.6), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    colours = dict(zip(BANDS, COLOURS, strict=True))
    for band in drawn:
        colour, curve = colours[band.name], Froc.of(band.images)
        low, high = bootstrap(band.images, lambda one: one.sensitivity(grid))
        axes.fill_between(grid, low, high, step="post", color=colour, alpha=0.15, lw=0)
        label = f"{band.name}: {len(curve.best)} calcifications"
        axes.step(fine, curve.sensitivity(fine), where="post", color=colour, lw=2, label=label)
    for band in drawn:  # after all others, so that they are one column of the legend
        label = f"{band.name}: scanning ideal observer"
        ideal = band.scanning.sensitivity(fine)
        axes.plot(fine, ideal, "--", color=colours[band.name], lw=1.5, label=label)
    lay_axes(axes, RATES_SHOWN)
    axes.set_xlabel("false calcifications per normal image")
    axes.set_ylabel("share of the simulated calcifications found")
    axes.set_title(f"{len(measured.views)} simulated images, 95 % interval", loc="left", fontsize=11)
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")
    return True
