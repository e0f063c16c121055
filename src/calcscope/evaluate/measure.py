"""Reading the images of a dataset and setting what is found against what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from calcscope.assess.malignancy import malignancy_model
from calcscope.evaluate.froc import MarkedImage
from calcscope.evaluate.marked import MarkedView
from calcscope.evaluate.overlap import Overlap
from calcscope.exam.model import Laterality
from calcscope.reading.settings import ReadSettings
from calcscope.reading.view import ViewReading, read_view

Breast = tuple[str, Laterality]
"""Woman and side."""


@dataclass
class Measured:
    """What was found on the images of a dataset, beside what is known of them.

    Parameters
    ----------
    views : the images, in the order read; the lists below follow it
    pixel_mm : size of their pixels
    every, operating : all groups as marks, and those of the operating point
    singles : the calcifications as marks, of the images on which single ones were marked; those that touch
        are one
    apart : the same, each for itself
    listed : the same as ``singles``, with those marks alone that a reader is shown
    overlaps : agreement of outlines of the calcifications that were found and outlined
    shapes, distributions : (reader's, software's) level for each described group that was hit
    calcified : by breast, the probability of the best group and whether there is a calcification lesion
    malignant : by breast, the probability of malignancy of the most suspicious group of the operating point
        (0 without a group that the model speaks of), and whether it had cancer
    """

    views: list[MarkedView] = field(default_factory=list)
    pixel_mm: list[float] = field(default_factory=list)
    every: list[MarkedImage] = field(default_factory=list)
    operating: list[MarkedImage] = field(default_factory=list)
    singles: list[MarkedImage] = field(default_factory=list)
    apart: list[MarkedImage] = field(default_factory=list)
    listed: list[MarkedImage] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)
    shapes: list[tuple[str, str]] = field(default_factory=list)
    distributions: list[tuple[str, str]] = field(default_factory=list)
    calcified: dict[Breast, tuple[float, bool]] = field(default_factory=dict)
    malignant: dict[Breast, tuple[float, bool]] = field(default_factory=dict)


def measure(
    views: Iterable[MarkedView], also: Callable[[MarkedView, ViewReading], None] = lambda view, reading: None
) -> Measured:
    """Read each image with all its groups; ``also`` is shown each reading.

    Raises UnreadableInput for an image that cannot be read.
    """
    settings = ReadSettings(all_groups=True)
    measured = Measured()
    for marked in views:
        reading = read_view(marked.exam().views[0], settings)
        _add(measured, marked, reading, settings)
        also(marked, reading)
    return measured


def _add(measured: Measured, marked: MarkedView, reading: ViewReading, settings: ReadSettings) -> None:
    every = (*reading.groups, *reading.more_groups)
    measured.views.append(marked)
    measured.pixel_mm.append(reading.info.pixel_mm)
    measured.every.append(marked.marked(reading, every))
    measured.operating.append(marked.marked(reading, reading.groups))
    singly = marked.marked_singly(reading)
    if singly is not None:
        objects = marked.as_objects(singly)
        measured.singles.append(objects)
        measured.apart.append(singly)
        shown = ~reading.lone | settings.may_stand_alone(reading.specks)
        marks = tuple(mark for mark, show in zip(objects.marks, shown, strict=True) if show)
        measured.listed.append(replace(objects, marks=marks))
        measured.overlaps += marked.overlaps(reading)
    _add_words(measured, marked, reading)
    breast = (marked.woman, reading.info.laterality)
    if marked.calcified is not None:
        best = max((group.probability for group in every), default=0.0)
        _add_breast(measured.calcified, breast, best, marked.calcified)
    if marked.malignant is not None:
        _add_breast(measured.malignant, breast, _suspicion(reading), marked.malignant)


def _add_words(measured: Measured, marked: MarkedView, reading: ViewReading) -> None:
    """The words for each described group, of the most probable group that hits it."""
    model = malignancy_model()
    every = (*reading.groups, *reading.more_groups)
    described = (*reading.descriptions, *reading.more_descriptions)
    hits = [marked.hit_by(reading, group) for group in every]
    for n, truth in enumerate(marked.groups):
        hitting = [k for k in range(len(every)) if n in hits[k]]
        if not hitting:
            continue
        words = described[max(hitting, key=lambda k: every[k].probability)]
        shape = model.shape_terms.get(words.morphology)
        spread = model.distribution_terms.get(words.distribution)
        if truth.shape is not None and shape is not None:
            measured.shapes.append((truth.shape, shape))
        if truth.distribution is not None and spread is not None:
            measured.distributions.append((truth.distribution, spread))


def _suspicion(reading: ViewReading) -> float:
    model = malignancy_model()
    given = [
        model.estimate(words.morphology, words.distribution, model.series_share)
        for words in reading.descriptions
        if words.typical_kind is None
    ]
    return max((one.probability for one in given if one is not None), default=0.0)


def _add_breast(breasts: dict[Breast, tuple[float, bool]], breast: Breast, score: float, true: bool) -> None:
    """A breast is as suspicious as its most suspicious view."""
    before, was = breasts.get(breast, (0.0, False))
    breasts[breast] = max(before, score), was or true


def scores(breasts: dict[Breast, tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Scores, truth and women of breasts, (n,) each."""
    return (
        np.array([score for score, _ in breasts.values()], dtype=np.float64),
        np.array([true for _, true in breasts.values()], dtype=np.bool_),
        [woman for woman, _ in breasts],
    )
