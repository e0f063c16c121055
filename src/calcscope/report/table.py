"""The calcifications of an exam as a table: Parquet, one row a calcification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from calcscope.report.model import Calcification, ExamReport

UNITS = {
    "x": "pixels of the source image, column, from 0",
    "y": "pixels of the source image, row, from 0",
    "slice": "frame of a tomosynthesis, from 0",
    "diameter_mm": "mm",
    "length_mm": "mm",
    "width_mm": "mm",
    "area_mm2": "mm²",
    "contrast": "share of the image's range",
    "snr": "standard deviations of one pixel's noise",
    "probability": "0 to 1",
    "pixel_mm": "mm",
    "outline": "pixels of the source image, x then y",
}
ABOUT = {
    "finding_change": "What became of its finding since the earlier exam; null without one",
    "found_then": "Whether the earlier exam shows it; null where its finding was not compared in this view",
}
"""What the columns say that are no field of a calcification."""
"""Unit of each column that has one; the columns' meaning is the report contract's."""


def write_table(exam: ExamReport, path: Path) -> None:
    """Write ``calcifications.parquet``.

    One row for each calcification of each view, in the report's order, with the view and the exam it
    belongs to, its finding (or null) and its outline as a list of [x, y]. Each column carries its
    description and its unit as metadata.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = list(_rows(exam))
    columns = [pa.field(name, kind, metadata=_about(name)) for name, kind in _types(pa).items()]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(columns)), path, compression="zstd")


def _rows(exam: ExamReport) -> list[dict[str, Any]]:
    findings: dict[tuple[str, str], str | None] = {
        (member.view, speck): finding.id
        for finding in exam.findings
        for member in finding.members
        for speck in member.calcifications
    }
    changes: dict[str | None, str] = {
        finding.id: ", ".join(change.status) for finding, change in exam.compared
    }
    found = {
        (place.view, speck): speck not in place.not_found_then
        for _, change in exam.compared
        for place in change.places
        for speck in place.calcifications
    }
    return [
        {
            "study_uid": exam.study_uid,
            "sop_uid": view.sop_uid,
            "laterality": view.laterality,
            "view": view.view,
            "pixel_mm": view.pixel_mm,
            "finding": findings.get((view.sop_uid, speck.id)),
            "finding_change": changes.get(findings.get((view.sop_uid, speck.id))),
            "found_then": found.get((view.sop_uid, speck.id)),
            **speck.model_dump(),
        }
        for view in exam.views
        for speck in view.calcifications
    ]


def _types(pa: Any) -> dict[str, Any]:
    text, number = pa.string(), pa.float64()
    return {
        "study_uid": text,
        "sop_uid": text,
        "laterality": text,
        "view": text,
        "pixel_mm": number,
        "id": text,
        "group": text,
        "finding": text,
        "finding_change": text,
        "found_then": pa.bool_(),
        "x": number,
        "y": number,
        "slice": pa.int32(),
        "probability": number,
        "diameter_mm": number,
        "length_mm": number,
        "width_mm": number,
        "area_mm2": number,
        "contrast": number,
        "snr": number,
        "size_class": text,
        "size_is_upper_bound": pa.bool_(),
        "kind": text,
        "outline": pa.list_(pa.list_(number, 2)),
    }


def _about(name: str) -> dict[str, str]:
    field = Calcification.model_fields.get(name)
    about = {"description": field.description} if field is not None and field.description else {}
    if name in ABOUT:
        about = {"description": ABOUT[name]}
    return {**about, "unit": UNITS[name]} if name in UNITS else about
