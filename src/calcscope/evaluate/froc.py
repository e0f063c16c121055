"""Free-response ROC: what share of the true objects is found at how many false marks per normal image.

A reader, or a program, may put any number of scored marks on an image. A true object is found at the
highest score of the marks that hit it; false marks are counted on normal images alone, where nothing true
can be hit by chance (P. C. Bunch et al., J. Appl. Photogr. Eng. 4(4):166-171, 1978; D. P. Chakraborty and
L. H. L. Winter, Radiology 174(3):873-881, 1990).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

RATES_SHOWN = (0.05, 5.0)
"""Span of the picture's axis of false marks per normal image, where its results lack narrower limits."""
TICKS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class MarkedImage:
    """The marks on one image, and what there was to find.

    Parameters
    ----------
    marks : (score, index of the true object that the mark hits, or None); a mark that hits two objects is
        listed once for each
    truths : number of true objects, found or not
    normal : whether false marks are counted on this image; it must then hold no true object

    Raises
    ------
    ValueError : for a hit of an object that the image does not have, a score that is no number, and a
        normal image with true objects
    """

    marks: tuple[tuple[float, int | None], ...]
    truths: int = 0
    normal: bool = False

    def __post_init__(self) -> None:
        if self.normal and self.truths:
            raise ValueError(f"a normal image with {self.truths} true objects")
        for score, hit in self.marks:
            if not np.isfinite(score):
                raise ValueError(f"a mark's score is {score}")
            if hit is not None and not 0 <= hit < self.truths:
                raise ValueError(f"a mark hits object {hit} of {self.truths}")

    @property
    def best(self) -> Array:
        """For each true object the highest score of its marks, (truths,); -inf for one without marks."""
        best = np.full(self.truths, -np.inf)
        for score, hit in self.marks:
            if hit is not None:
                best[hit] = max(best[hit], score)
        return best

    @property
    def false(self) -> Array:
        """Scores of the marks that count as false, (n,)."""
        return np.array([score for score, _ in self.marks] if self.normal else [], dtype=np.float64)


@dataclass(frozen=True)
class Froc:
    """A free-response ROC curve.

    Parameters
    ----------
    best : the score at which each true object is found, -inf for those never marked, in the order of the
        images
    false : scores of the false marks, highest first
    normals : number of normal images
    """

    best: Array
    false: Array
    normals: int

    @classmethod
    def of(cls, images: Sequence[MarkedImage]) -> Froc:
        """The curve of a set of images. Raises ValueError without a true object or a normal image."""
        best = [image.best for image in images if image.truths]
        false = [image.false for image in images if image.normal]
        if not best or not false:
            raise ValueError("an FROC curve needs at least one true object and one normal image")
        return cls(np.concatenate(best), np.sort(np.concatenate(false))[::-1], len(false))

    def sensitivity(self, rates: ArrayLike) -> Array:
        """Share of the true objects found with at most so many false marks per normal image.

        The threshold lies just above the first false mark too many; of objects and false marks with the
        same score the false ones count. No interpolation: each value is reached by a threshold.
        """
        allowed = np.floor(np.asarray(rates, dtype=np.float64) * self.normals + 1e-9).astype(np.intp)
        first_too_many = np.append(self.false, -np.inf)[np.minimum(allowed, len(self.false))]
        return np.asarray(np.mean(self.best > first_too_many[..., None], axis=-1))

    def false_marks(self, scores: ArrayLike) -> Array:
        """False marks per normal image at each threshold (marks of at least that score count)."""
        below = np.searchsorted(self.false[::-1], np.asarray(scores, dtype=np.float64), side="left")
        return np.asarray((len(self.false) - below) / self.normals)

    def steps(self) -> tuple[Array, Array]:
        """Corners of the curve: false marks per normal image, and sensitivity, rising."""
        rates = np.arange(len(self.false) + 1) / self.normals
        return rates, self.sensitivity(rates)


def bootstrap(
    images: Sequence[MarkedImage],
    statistic: Callable[[Froc], ArrayLike],
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Percentile bootstrap interval of what ``statistic`` says of the curve.

    Whole images are drawn with replacement, those with true objects and the normal ones each for
    themselves: marks of one image are alike, and a study fixes how many of either kind it has.

    Returns
    -------
    low, high : arrays of the statistic's shape
    """
    diseased = [image for image in images if image.truths]
    normal = [image for image in images if image.normal]
    random = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        drawn = [diseased[i] for i in random.integers(len(diseased), size=len(diseased))]
        drawn += [normal[i] for i in random.integers(len(normal), size=len(normal))]
        values.append(np.asarray(statistic(Froc.of(drawn)), dtype=np.float64))
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.array(values), [tail, 1 - tail], axis=0)
    return low, high


def draw(
    images: Sequence[MarkedImage],
    path: Path,
    *,
    title: str,
    objects: str,
    operating: tuple[float, float] | None = None,
    limits: tuple[float, float] = RATES_SHOWN,
) -> None:
    """Draw the curve with its 95 % interval as a PNG.

    Parameters
    ----------
    images : the marked images
    path : the file to write
    title : above the picture
    objects : what is marked, for the axis: "groups"
    operating : false marks per normal image and sensitivity of the operating point
    limits : of the axis of false marks
    """
    from matplotlib.figure import Figure

    curve = Froc.of(images)
    grid = np.geomspace(*limits, 120)
    low, high = bootstrap(images, lambda drawn: drawn.sensitivity(grid))
    figure = Figure(figsize=(7.2, 4.8), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.fill_between(grid, low, high, step="post", color="#9bb8d3", alpha=0.45, lw=0, label="95 % interval")
    fine = np.geomspace(*limits, 2000)
    axes.step(fine, curve.sensitivity(fine), where="post", color="#1f4e79", lw=2, label="found")
    if operating is not None:
        rate, share = operating
        label = f"operating point: {share:.0%} at {rate:.2f}"
        axes.plot([max(rate, limits[0])], [share], "o", color="#c0392b", ms=8, label=label, zorder=3)
    lay_axes(axes, limits)
    axes.set_xlabel(f"false {objects} per normal image")
    axes.set_ylabel(f"share of the {len(curve.best)} true {objects} found")
    axes.set_title(title, loc="left", fontsize=11)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, format="png")


def lay_axes(axes: Axes, limits: tuple[float, float]) -> None:
    """The axes of a free-response curve: false marks on a logarithmic scale within limits, share found."""
    low, high = limits
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(0, 1.02)
    ticks = [rate for rate in TICKS if low <= rate <= high]
    axes.set_xticks(ticks, [f"{rate:g}" for rate in ticks])
    axes.minorticks_off()
    axes.grid(color="0.88")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
