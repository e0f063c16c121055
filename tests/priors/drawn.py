"""Views drawn as catalogues of calcifications: no image is needed to compare two of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from calcscope.breast import Breast
from calcscope.describe.model import GroupDescription
from calcscope.exam.model import Points, ViewInfo
from calcscope.groups import Group
from calcscope.priors.model import Ground, ViewPair
from calcscope.specks import SpeckCatalogue

SIDE_MM = 120.0
NOISE = 0.001
"""Of every drawn view, units times mm."""


@dataclass(frozen=True)
class DrawnView:
    """What a comparison looks at."""

    info: ViewInfo
    breast: Breast
    specks: SpeckCatalogue
    groups: tuple[Group, ...] = ()
    descriptions: tuple[GroupDescription, ...] = ()


@dataclass(frozen=True)
class DrawnWay:
    """The earlier view lies shifted by ``shift`` mm, stretched by ``stretch`` and turned by ``turn`` about
    the middle; the registration knows that but for ``wrong`` mm, and states ``error`` mm."""

    now_mm: float
    then_mm: float
    shift: tuple[float, float] = (0.0, 0.0)
    stretch: float = 1.0
    turn: float = 0.0
    wrong: tuple[float, float] = (0.0, 0.0)
    error: float = 1.5

    def true_mm(self, xy_mm: Points) -> Points:
        """Where places of the current view really lie in the earlier one."""
        c, s = np.cos(self.turn), np.sin(self.turn)
        middle = SIDE_MM / 2
        return np.asarray(
            (xy_mm - middle) @ np.array([[c, s], [-s, c]]) * self.stretch + middle + np.array(self.shift)
        )

    def to_prior(self, xy: Points) -> Points:
        xy_mm = np.atleast_2d(xy) * self.now_mm
        return np.asarray((self.true_mm(xy_mm) + np.array(self.wrong)) / self.then_mm)

    def error_at(self, xy: Points) -> np.typing.NDArray[np.float64]:
        return np.full(len(np.atleast_2d(xy)), self.error)


def catalogue(xy_mm: Points, pixel_mm: float = 0.07, snr: Any = 40.0, diameter_mm: Any = 0.4,
              probability: Any = 0.97, noise: float = NOISE) -> SpeckCatalogue:  # fmt: skip
    """Round calcifications at points, mm, as bright as their signal to noise ratio asks for."""
    points = np.asarray(xy_mm, dtype=np.float64).reshape(-1, 2)
    count = len(points)

    def column(value: Any) -> Any:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)).copy()

    diameter = column(diameter_mm)
    circle = np.stack([np.cos(np.linspace(0, 6.28, 9)), np.sin(np.linspace(0, 6.28, 9))], axis=1)
    return replace(
        SpeckCatalogue.empty(pixel_mm),
        **{name: column(0.5) for name in ("roundness", "elongation", "irregularity", "hollowness", "angle",
                                          "sharpness", "salience", "crossing")},
        x=points[:, 0] / pixel_mm,
        y=points[:, 1] / pixel_mm,
        probability=column(probability),
        area_mm2=np.pi * diameter**2 / 4,
        length_mm=diameter,
        width_mm=diameter,
        contrast=column(snr) * noise / np.sqrt(np.pi * diameter**2 / 4),
        snr=column(snr),
        outlines=tuple((at + circle * d / 2) / pixel_mm for at, d in zip(points, diameter, strict=True)),
        slice=np.full(count, -1, dtype=np.int64),
    )  # fmt: skip


def view(xy_mm: Points, groups: tuple[int, ...] = (), terms: tuple[str, ...] = (),
         distribution: str = "grouped", **measured: Any) -> DrawnView:  # fmt: skip
    """A view whose first so many calcifications are its first group, and so on."""
    specks = catalogue(xy_mm, **measured)
    pixel_mm = specks.pixel_mm
    size = round(SIDE_MM / pixel_mm)
    mask = np.ones((size, size), dtype=bool)
    border = np.array([[0, 0], [size, 0], [size, size], [0, size]], dtype=np.float64)
    breast = Breast(mask, border, np.zeros((0, 2)), None, None, "estimated", mask, (), pixel_mm)
    info = ViewInfo("drawn.dcm", "1.2.3", "L", "CC", size, size, pixel_mm)
    made, start = [], 0
    for count in groups:
        made.append(_group(specks, np.arange(start, start + count)))
        start += count
    described = tuple(description(term, distribution) for term in terms or ("punctate",) * len(groups))
    return DrawnView(info, breast, specks, tuple(made), described)


def _group(specks: SpeckCatalogue, members: np.typing.NDArray[np.intp]) -> Group:
    points = specks.xy_mm[members]
    middle = points.mean(axis=0) / specks.pixel_mm
    span = max(float(np.hypot(*(points[:, None] - points).transpose(2, 0, 1)).max()), 0.5)
    return Group(members, float(middle[0]), float(middle[1]), points / specks.pixel_mm, span,
                 np.pi * (span / 20 + 0.1) ** 2, 0.9)  # fmt: skip


def description(term: str, distribution: str = "grouped", sure: float = 0.9) -> GroupDescription:
    """A group in words, its terms as sure as that."""
    return GroupDescription(
        distribution, {distribution: sure, "regional": 1 - sure} if distribution != "regional" else
        {"regional": 1.0}, term, {term: sure, "round": 1 - sure} if term != "round" else {"round": 1.0}, None
    )  # fmt: skip


def ground(noise: float = NOISE, tissue: float = 0.05) -> Ground:
    """The same everywhere."""
    cells = np.ones((8, 8), dtype=np.float32)
    return Ground(noise * cells, tissue * cells, SIDE_MM / 8)


def pair(
    now: DrawnView, then: DrawnView, noise: tuple[float, float] = (NOISE, NOISE), **way: Any
) -> ViewPair:
    """Two drawn views; ``noise``: of the current and of the earlier one."""
    laid = DrawnWay(now.info.pixel_mm, then.info.pixel_mm, **way)
    return ViewPair(now, then, laid, ground(noise[0]), ground(noise[1]))


def gathered(random: np.random.Generator, count: int, middle: tuple[float, float] = (60, 60),
             spread_mm: float = 6.0, apart_mm: float = 0.8) -> Points:  # fmt: skip
    """Points in a disc, none nearer to another than ``apart_mm``."""
    points: list[Points] = []
    while len(points) < count:
        one = random.uniform(-spread_mm, spread_mm, 2)
        if np.hypot(*one) <= spread_mm and all(np.hypot(*(one - other)) >= apart_mm for other in points):
            points.append(one)
    return np.asarray(np.array(points).reshape(-1, 2) + np.array(middle))
