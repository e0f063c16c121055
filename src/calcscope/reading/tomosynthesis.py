"""One calcification shows in several neighbouring slices of a tomosynthesis; here it becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from calcscope.groups.links import component_of
from calcscope.specks import SpeckCatalogue

REACH_MM = 0.5
"""Marks of one object stay within this distance from slice to slice: reconstruction blurs along depth,
hardly across it."""


def merge_slices(slices: Sequence[SpeckCatalogue], pixel_mm: float) -> SpeckCatalogue:
    """The marks of all slices with those of one object in neighbouring slices merged.

    Parameters
    ----------
    slices : one catalogue a slice, in order
    pixel_mm : mm per pixel

    Returns
    -------
    SpeckCatalogue, most probable first; each object as its most probable slice measured it
    """
    catalogue = _joined(slices, pixel_mm)
    if not len(catalogue):
        return catalogue
    xy = catalogue.xy_mm
    pairs = cKDTree(xy).query_pairs(REACH_MM, output_type="ndarray")
    apart = np.abs(catalogue.slice[pairs[:, 0]] - catalogue.slice[pairs[:, 1]])
    label = component_of(len(xy), pairs[apart == 1])
    order = np.argsort(-catalogue.probability, kind="stable")
    _, first = np.unique(label[order], return_index=True)
    return catalogue.select(order[np.sort(first)])


def _joined(slices: Sequence[SpeckCatalogue], pixel_mm: float) -> SpeckCatalogue:
    empty = SpeckCatalogue.empty(pixel_mm)
    if not slices:
        return empty
    names = [name for name in vars(empty) if name not in ("outlines", "pixel_mm")]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(each, name) for each in slices]) for name in names
    }
    outlines = tuple(outline for each in slices for outline in each.outlines)
    return replace(empty, outlines=outlines, **columns)
