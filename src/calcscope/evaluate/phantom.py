"""Simulated exams as ``calcscope phantom`` writes them: everything in them is known.

Beside groups and single calcifications, which other datasets have too, this gives the ideal observer's SNR of
each calcification, the nipple, the marks that only look like calcium, and which group of one view is which of
the other. A lesion is a group to find in a view where enough of its calcifications can be seen
(:mod:`calcscope.evaluate.visible`); a view of which that is not so is no normal one for all that.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calcscope.assess.malignancy import malignancy_model
from calcscope.errors import UnreadableInput
from calcscope.evaluate.marked import MarkedGroup, MarkedSpeck, MarkedView, Outline
from calcscope.evaluate.visible import is_seen, least_seen
from calcscope.exam import ReadOptions
from calcscope.phantom.truth import FORMAT, NAME

COURSES = ("vessel",)
"""Forms that are no single calcifications: their parts are found one by one."""


@dataclass(frozen=True)
class PhantomView(MarkedView):
    """A simulated view with what only simulation knows.

    Parameters
    ----------
    folder : of its exam
    lesions : for each of ``groups``, the index of its lesion in the exam
    terms : for each of ``groups``, its morphology and its distribution in the lexicon's terms
    unseen : lesions of which too few calcifications can be seen here: neither to find nor wrong to mark
    speck_lesions : for each of ``specks``, the index of its lesion in the exam
    nipple : pixels of the stored image
    marks : kind, x, y (pixels of the stored image) and extent in mm of what only looks like calcium
    """

    folder: str = ""
    lesions: tuple[int, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    unseen: tuple[int, ...] = ()
    speck_lesions: tuple[int, ...] = ()
    nipple: tuple[float, float] | None = None
    marks: tuple[tuple[str, float, float, float], ...] = ()


def read(folder: Path) -> list[MarkedView]:
    """The views of all exams below a folder.

    Raises
    ------
    UnreadableInput : without any ``truth.json``, or with one of another form
    """
    expected = "a folder that calcscope phantom wrote"
    paths = sorted(folder.rglob(NAME)) if folder.is_dir() else []
    if not paths:
        raise UnreadableInput(str(folder), f"no {NAME} below it", expected, "name that folder")
    views: list[MarkedView] = []
    for path in paths:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError("another format")
            views += [_view(path, content, view) for view in content["views"]]
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableInput(
                str(path), "another form of truth", f"that of format {FORMAT}", "simulate the exams anew"
            ) from error
    return views


def _view(path: Path, content: dict[str, Any], view: dict[str, Any]) -> PhantomView:
    model = malignancy_model()
    pixel_mm = float(view["pixel_mm"])
    # Benign kinds are neither to be found nor wrong to mark: they only make a view no normal one.
    specks = [speck for speck in view["specks"] if speck["form"] not in COURSES]
    seen = Counter(speck["lesion"] for speck in specks if is_seen(speck["snr"]))
    groups = [
        group
        for group in view["groups"]
        if group["morphology"] is not None
        and seen[group["lesion"]] >= least_seen(group["morphology"], group["distribution"])
    ]
    lesions = tuple(group["lesion"] for group in groups)
    present = {s["lesion"] for s in specks if content["lesions"][s["lesion"]]["morphology"] is not None}
    return PhantomView(
        name=f"{path.parent.name} {Path(view['file']).stem}",
        woman=content["woman"],
        path=path.parent / view["file"],
        options=ReadOptions(pixel_mm=pixel_mm, laterality=view["laterality"], view=view["view"]),
        groups=tuple(
            MarkedGroup(
                Outline(np.array(group["outline"], dtype=np.float64)),
                model.shape_terms.get(group["morphology"]),
                model.distribution_terms.get(group["distribution"]),
            )
            for group in groups
        ),
        specks=tuple(
            MarkedSpeck(s["x"], s["y"], s["size_mm"] / 2 / pixel_mm, snr=s["snr"], object=s.get("object"))
            for s in specks
        ),
        normal=view["normal"] and not view["marks"],  # what lies on the skin is measured by itself
        calcified=True if groups else False if view["normal"] else None,
        stored=(view["rows"], view["columns"]),
        folder=str(path.parent),
        lesions=lesions,
        terms=tuple((group["morphology"], group["distribution"]) for group in groups),
        unseen=tuple(sorted(present - set(lesions))),
        speck_lesions=tuple(speck["lesion"] for speck in specks),
        nipple=None if view["modifiers"] else (view["nipple"]["x"], view["nipple"]["y"]),
        marks=tuple((m["kind"], m["x"], m["y"], m["extent_mm"]) for m in view["marks"]),
    )
