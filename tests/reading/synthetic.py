"""Views as the pipeline sees them, put together by hand: what they hold is known."""

from __future__ import annotations

import numpy as np

from calcscope.breast import Breast
from calcscope.describe.model import GroupDescription
from calcscope.exam import Orientation, ViewInfo
from calcscope.groups import Group
from calcscope.reading.view import ViewReading
from calcscope.specks import SpeckCatalogue

PIXEL_MM = 0.1
ROWS, COLUMNS = 1500, 1000
NIPPLE = (900.0, 750.0)


def catalogue(
    xy: list[tuple[float, float]],
    probability: list[float] | float = 0.999,
    diameter_mm: float = 0.4,
    salience: float = 20.0,
    slices: int | list[int] = -1,
) -> SpeckCatalogue:
    """Discs of one diameter at canonical pixels."""
    n = len(xy)
    centres = np.array(xy, dtype=np.float64).reshape(n, 2)
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    disc = np.stack([np.cos(turn), np.sin(turn)], axis=1) * diameter_mm / 2 / PIXEL_MM
    one = np.ones(n)
    return SpeckCatalogue(
        x=centres[:, 0],
        y=centres[:, 1],
        probability=one * probability,
        area_mm2=one * np.pi * (diameter_mm / 2) ** 2,
        length_mm=one * diameter_mm,
        width_mm=one * diameter_mm,
        contrast=one * 0.2,
        snr=one * 20,
        roundness=one,
        elongation=one,
        irregularity=0 * one,
        hollowness=0 * one,
        angle=0 * one,
        sharpness=one,
        salience=one * salience,
        crossing=0 * one,
        outlines=tuple(disc + centre for centre in centres),
        slice=np.broadcast_to(np.array(slices, dtype=np.int64), n).copy(),
        pixel_mm=PIXEL_MM,
    )


def breast() -> Breast:
    """A breast that fills the image, its nipple at the right."""
    mask = np.ones((ROWS, COLUMNS), dtype=bool)
    corners = np.array([(0, 0), (COLUMNS - 1, 0), (COLUMNS - 1, ROWS - 1), (0, ROWS - 1)], dtype=np.float64)
    return Breast(mask, corners, corners[1:3], None, NIPPLE, "seen", mask, (), PIXEL_MM)


def info(label: str, modifiers: tuple[str, ...] = (), pixel_mm: float = PIXEL_MM) -> ViewInfo:
    """What the header of ``LCC``, ``RMLO`` … says."""
    return ViewInfo(
        source=f"{label}.dcm",
        sop_uid=f"1.2.{'.'.join(str(ord(c)) for c in label)}.{len(modifiers)}",
        laterality="L" if label[0] == "L" else "R",
        view=label[1:],
        rows=ROWS,
        columns=COLUMNS,
        pixel_mm=pixel_mm,
        modifiers=modifiers,
        vertical_known=True,
    )


def group_of(specks: SpeckCatalogue, members: list[int]) -> Group:
    """The group of these members."""
    index = np.array(members, dtype=np.intp)
    xy = specks.xy[index]
    hull = np.concatenate([specks.outlines[i] for i in members])
    span = float(np.linalg.norm(xy[:, None] - xy[None], axis=2).max()) * PIXEL_MM
    return Group(index, *map(float, xy.mean(axis=0)), hull, span, 1.0, 0.9)


def described(morphology: str = "punctate", kind: str | None = None) -> GroupDescription:
    """A grouped set of one shape."""
    return GroupDescription("grouped", {"grouped": 1.0}, morphology, {morphology: 1.0}, kind)


def reading(
    label: str,
    specks: SpeckCatalogue | None = None,
    groups: list[list[int]] | None = None,
    descriptions: list[GroupDescription] | None = None,
    vessels: list[list[int]] | None = None,
    kinds: dict[int, str] | None = None,
    modifiers: tuple[str, ...] = (),
) -> ViewReading:
    """A view in which these calcifications were found, grouped and named."""
    specks = catalogue([]) if specks is None else specks
    formed = tuple(group_of(specks, members) for members in groups or [])
    return ViewReading(
        info=info(label, modifiers),
        orientation=Orientation(ROWS, COLUMNS, flip=label[0] == "R"),
        breast=breast(),
        specks=specks,
        groups=formed,
        descriptions=tuple(descriptions or [described() for _ in formed]),
        vessels=tuple(np.array(vessel, dtype=np.intp) for vessel in vessels or []),
        kinds=tuple((kinds or {}).get(n) for n in range(len(specks))),
        mimics=(),
    )


def cluster(x: float, y: float, count: int = 6) -> list[tuple[float, float]]:
    """So many places within a few millimetres of (x, y)."""
    return [(x + 12 * (k % 3), y + 15 * (k // 3)) for k in range(count)]
