"""Lesions of every term of the lexicon, laid into a breast."""

from __future__ import annotations

from typing import Any

import numpy as np

from calcscope.phantom.calcium import places
from calcscope.phantom.materials import constants
from calcscope.phantom.model import Anatomy, Lesion, Random, Solid, Speck

NEAR_SKIN_MM = 0.7
"""Depth of calcium in the skin: half of the skin's thickness."""


def make_lesion(
    anatomy: Anatomy, term: str, distribution: str | None, group: int, random: Random
) -> tuple[Lesion, list[Speck]]:
    """Calcifications of one term in one breast.

    Parameters
    ----------
    term : a morphology (with a distribution) or a typically benign kind (``distribution`` None)
    distribution : of the lexicon; for ``diffuse`` call it once for each breast, with the same group
    group : index of the lesion in the exam's truth

    Raises
    ------
    KeyError : for a word that is neither
    NoRoom : where it does not fit into this breast
    """
    known = constants("calcium")
    if distribution is None:
        entry = known["kinds"][term]
        count = int(random.integers(entry["count"][0], entry["count"][1] + 1))
        return Lesion(None, term, None), _kind(anatomy, term, entry, count, group, random)
    entry, spread = known["terms"][term], known["distributions"][distribution]
    count = int(random.integers(entry["count"][0], entry["count"][1] + 1)) * spread["more"]
    if distribution == "diffuse":
        spots = places.scattered(anatomy, random, count)
    else:
        span = random.uniform(*spread["span_mm"])
        if distribution == "grouped":
            spots = places.blob(anatomy, random, count, span)
        elif distribution == "regional":
            spots = places.blob(anatomy, random, count, span, flat=0.6)
        elif distribution == "linear":
            spots = places.along_duct(anatomy, random, count, span)[0]
        else:
            spots = places.in_lobe(anatomy, random, count, span)
    alike = random.uniform(*entry["size_mm"]) if entry["form"] == "pearl" else None
    specks = []
    for spot in spots:
        size = random.uniform(*entry["size_mm"])
        if alike is not None:  # round and punctate ones of a lesion resemble one another
            size = float(np.clip(alike * random.lognormal(0, 0.12), *entry["size_mm"]))
        along = _duct_near(anatomy, spot, size, random) if "width_mm" in entry else None
        specks.append(_speck(spot, entry, size, along, group, random))
    return Lesion(term, None, distribution), specks


def _speck(
    at: Solid, entry: dict[str, Any], size: float, along: Solid | None, group: int, random: Random,
    width: float | None = None,
) -> Speck:  # fmt: skip
    if width is None and along is not None:
        width = float(random.uniform(*entry["width_mm"]))
    return Speck(
        at, entry["form"], float(size), along, float(random.uniform(*entry["density"])), group,
        int(random.integers(1 << 31)), width,
    )  # fmt: skip


def _duct_near(anatomy: Anatomy, spot: Solid, length_mm: float, random: Random) -> Solid:
    """A stretch of ``length_mm`` about ``spot`` that runs as the nearest duct does."""
    paths = [places.evenly(duct.path, 0.5) for duct in anatomy.ducts]
    points = np.concatenate(paths)
    ways = np.concatenate([np.gradient(path, axis=0) for path in paths])
    way = ways[np.argmin(np.linalg.norm(points - spot, axis=1))]
    way = way / np.linalg.norm(way) + random.normal(0, 0.15, 3)
    way /= np.linalg.norm(way)
    share = np.linspace(-0.5, 0.5, 9)[:, None]
    bend = np.cross(way, random.normal(size=3)) * random.normal(0, 0.06) * length_mm
    return np.asarray(spot + share * length_mm * way + (1 - 4 * share**2) * bend)


def _kind(
    anatomy: Anatomy, term: str, entry: dict[str, Any], count: int, group: int, random: Random
) -> list[Speck]:
    sizes = [float(random.uniform(*entry["size_mm"])) for _ in range(count)]
    if term == "vascular":
        return _vascular(anatomy, entry, sizes, group, random)
    if term == "rod":
        return _rods(anatomy, entry, sizes, group, random)
    if term == "skin":
        near = places.blob(anatomy, random, count, 4.5)
        skin = anatomy.on_skin(near)
        inwards = near.mean(axis=0) - skin.mean(axis=0)
        spots = skin + NEAR_SKIN_MM * inwards / np.linalg.norm(inwards)
    else:
        spots = places.blob(anatomy, random, count, 14.0 if count > 1 else 1.0)
    return [_speck(spot, entry, size, None, group, random) for spot, size in zip(spots, sizes, strict=True)]


def _vascular(
    anatomy: Anatomy, entry: dict[str, Any], lengths: list[float], group: int, random: Random
) -> list[Speck]:
    """Stretches of one artery, one after the other."""
    arteries = [vessel for vessel in anatomy.vessels if vessel.artery]
    vessel = arteries[int(random.integers(len(arteries)))]
    path = places.evenly(vessel.path, 0.5)
    caliber = 2 * float(np.median(vessel.radius_mm))
    path = path[anatomy.inside(path, 2.0)]
    start, specks = int(random.integers(max(1, len(path) // 3))), []
    for length in lengths:
        stretch = path[start : start + round(length / 0.5)]
        if len(stretch) < 4:
            break
        specks.append(_speck(stretch[len(stretch) // 2], entry, length, stretch, group, random, caliber))
        start += len(stretch) + int(random.integers(0, 8))
    return specks


def _rods(
    anatomy: Anatomy, entry: dict[str, Any], lengths: list[float], group: int, random: Random
) -> list[Speck]:
    """In large ducts, pointing at the nipple."""
    specks = []
    for length in lengths:
        _, stretch = places.along_duct(anatomy, random, 1, length)
        specks.append(_speck(stretch[len(stretch) // 2], entry, length, stretch, group, random))
    return specks
