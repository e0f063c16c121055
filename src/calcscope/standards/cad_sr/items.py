"""Content items by the names of ``lexicon/data/cad_sr.yaml``, on highdicom's.

A relationship is that of an item to its parent; children are given last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date as Date
from datetime import time as Time
from typing import Literal, NamedTuple

import numpy as np
from highdicom.sr import (
    CodeContentItem,
    CodedConcept,
    ContainerContentItem,
    ContentItem,
    DateContentItem,
    ImageContentItem,
    NumContentItem,
    ScoordContentItem,
    TextContentItem,
    TimeContentItem,
    UIDRefContentItem,
)
from pydicom.dataset import Dataset

from calcscope import lexicon
from calcscope.lexicon.model import Code
from calcscope.standards.codes import concept
from calcscope.standards.outlines import TO_CORNER
from calcscope.standards.subject import sop_class

Relation = Literal[
    "CONTAINS", "HAS PROPERTIES", "HAS CONCEPT MOD", "HAS OBS CONTEXT", "HAS ACQ CONTEXT", "INFERRED FROM",
    "SELECTED FROM",
]  # fmt: skip
Position = tuple[int, ...]
"""Where an item stands in the tree: 1 for the root, then the place among each parent's children, from 1."""
Points = Sequence[tuple[float, float]]
"""Columns and rows of a report: 0-based, of pixel centres."""


class Picture(NamedTuple):
    """An entry of the image library: where it stands, and how large the image is in pixels."""

    position: Position
    rows: int
    columns: int


MOST_POINTS = 8191
"""An element of VR FL holds no more in explicit VR (its length has 16 bits, PS3.5 7.1.2)."""


def name(what: str) -> CodedConcept:
    """The name of a content item."""
    return concept(lexicon.cad_sr().names[what])


def value(what: str) -> Code:
    """A value of a content item."""
    return lexicon.cad_sr().values[what]


def code(relation: Relation, what: str, held: Code, *children: Dataset) -> ContentItem:
    return _with(CodeContentItem(name(what), concept(held), relation), children)


def text(relation: Relation, what: str, held: str) -> ContentItem:
    return TextContentItem(name(what), held, relation)


def uid(relation: Relation, what: str, held: str) -> ContentItem:
    return UIDRefContentItem(name(what), held, relation)


def num(relation: Relation, what: str, held: float, unit: str) -> ContentItem:
    item = NumContentItem(name(what), held, concept(value(unit)), relationship_type=relation)
    if float(held).is_integer():
        # What is counted is written without a point.
        item.MeasuredValueSequence[0].NumericValue = str(int(held))
    return item


def percent(relation: Relation, what: str, share: float) -> ContentItem:
    """A probability, of 1, as a certainty in per cent."""
    return num(relation, what, 100.0 * share, "percent")


def date(relation: Relation, what: str, held: Date) -> ContentItem:
    return DateContentItem(name(what), held, relation)


def time(relation: Relation, what: str, held: Time) -> ContentItem:
    return TimeContentItem(name(what), held, relation)


def image(relation: Relation, header: Dataset, frame: int | None, *children: Dataset) -> ContentItem:
    """An image, which has no name in TID 4020. ``frame`` is 1-based; None means all of it."""
    item = ImageContentItem(
        name("image_library"), sop_class(header), header.SOPInstanceUID, frame, relationship_type=relation
    )
    del item.ConceptNameCodeSequence
    return _with(item, children)


def container(
    relation: Relation | None, what: str, *children: Dataset, template: str | None = None
) -> ContentItem:
    return _with(ContainerContentItem(name(what), template_id=template, relationship_type=relation), children)


def reference(relation: Relation, position: Position) -> Dataset:
    """A relationship to an item that stands elsewhere in the tree (PS3.3 C.17.3.2.5)."""
    item = Dataset()
    item.RelationshipType = relation
    item.ReferencedContentItemIdentifier = list(position)
    return item


def point(relation: Relation, what: str, at: tuple[float, float], picture: Picture) -> ContentItem:
    """A place in an image of the library."""
    return _scoord(relation, what, "POINT", [at], picture)


def polygon(relation: Relation, what: str, points: Points, picture: Picture) -> ContentItem | None:
    """A closed outline in an image of the library; None where two points are not had."""
    if len(points) < 2:
        return None
    if len(points) > 2:
        step = -(-len(points) // (MOST_POINTS - 1))
        points = [*points[::step], points[0]]
    return _scoord(relation, what, "POLYLINE", points, picture)


def circle(
    relation: Relation, what: str, at: tuple[float, float], radius: float, picture: Picture
) -> ContentItem:
    """A circle: its centre and a point on it, radius in pixels."""
    return _scoord(relation, what, "CIRCLE", [at, (at[0] + radius, at[1])], picture)


def _scoord(relation: Relation, what: str, kind: str, points: Points, picture: Picture) -> ContentItem:
    # No mark may point outside its image.
    data = np.clip(np.asarray(points, dtype=float) + TO_CORNER, 0, [picture.columns, picture.rows])
    item = ScoordContentItem(name(what), kind, data, relationship_type=relation)
    return _with(item, [reference("SELECTED FROM", picture.position)])


def _with(item: ContentItem, children: Iterable[Dataset]) -> ContentItem:
    children = list(children)
    if children:
        # Not by assignment: highdicom's own sequence knows no items by reference.
        item.add_new("ContentSequence", "SQ", children)
    return item
