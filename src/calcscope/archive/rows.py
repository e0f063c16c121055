"""The rows of an exam in each table, and how they travel from a worker to the parts.

No row holds a name, a number of a patient, a UID or the name of a file as it came: what stands for them is
made from the run's key (:mod:`calcscope.standards.pseudonyms`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from calcscope.report.model import ExamReport, Report

TEXT, WHOLE, NUMBER, TRUTH, DAY, MOMENT = "text", "whole number", "number", "true or false", "day", "moment"

TABLES: dict[str, dict[str, tuple[str, str]]] = {
    "exams": {
        "exam": (TEXT, "Pseudonym of the exam, the same in every table"),
        "patient": (TEXT, "Pseudonym of the woman, the same in all her exams"),
        "date": (DAY, "Of the exam"),
        "year": (WHOLE, "Of the exam, 0 where it has no date; the folder that the row lies in"),
        "age": (WHOLE, "Of the woman at the exam, full years; 90 for all above 89"),
        "manufacturer": (TEXT, "Manufacturer (0008,0070) of the first image"),
        "model": (TEXT, "Manufacturer's Model Name (0008,1090)"),
        "software": (TEXT, "Software Versions (0018,1020)"),
        "site": (TEXT, "Institution Name (0008,0080), else Station Name"),
        "station": (TEXT, "Station Name (0008,1010)"),
        "mode": (TEXT, "screening or diagnostic"),
        "views": (WHOLE, "Views that were read"),
        "not_read": (WHOLE, "Images that were not, for reasons that the report states"),
        "pixel_mm": (NUMBER, "Smallest pixel of its views, mm"),
        "breast_area_cm2": (NUMBER, "Of all views together"),
        "calcifications": (WHOLE, "Listed in all views together"),
        "groups": (WHOLE, "In all views together"),
        "group_probability": (NUMBER, "Of the likeliest group; null without one"),
        "mimics": (WHOLE, "Marks on the skin or the film, in all views together"),
        "findings": (WHOLE, "Of which each may be seen in two views"),
        "left": (TEXT, "Category of the left breast; null when it was not read"),
        "right": (TEXT, "Category of the right breast; null when it was not read"),
        "overall": (TEXT, "Category of the exam"),
        "recalled": (TRUTH, "Whether the category asks for more than the next routine exam: 0, 4 or 5"),
        "next_step": (TEXT, "The most urgent one; null without one"),
        "seconds": (NUMBER, "That the worker took, fetching included"),
        "calcscope": (TEXT, "Version of the software"),
        "models": (TEXT, "Digest over the shipped models, 12 hexadecimal digits"),
        "read_at": (MOMENT, "When, UTC"),
    },
    "views": {
        "exam": (TEXT, "Pseudonym of the exam"),
        "image": (TEXT, "UID that stands for the image's"),
        "laterality": (TEXT, "L or R"),
        "view": (TEXT, "CC, MLO …"),
        "modifiers": (TEXT, "spot, magnification …, by comma"),
        "rows": (WHOLE, "Of the image"),
        "columns": (WHOLE, "Of the image"),
        "pixel_mm": (NUMBER, "mm"),
        "breast_area_cm2": (NUMBER, "cm²"),
        "calcifications": (WHOLE, "Listed"),
        "groups": (WHOLE, "Formed"),
        "mimics": (WHOLE, "Found"),
        "warnings": (WHOLE, "Sentences about what was assumed"),
    },
    "findings": {
        "exam": (TEXT, "Pseudonym of the exam"),
        "finding": (TEXT, "Its id in the report"),
        "laterality": (TEXT, "L or R"),
        "kind": (TEXT, "What it is made of: group, single, vascular …"),
        "benign": (TRUTH, "Typically benign"),
        "views": (WHOLE, "In which it is seen"),
        "morphology": (TEXT, "Lexicon term, or not_assessable"),
        "distribution": (TEXT, "Lexicon term"),
        "typical_kind": (TEXT, "Typically benign kind"),
        "count": (WHOLE, "Calcifications, largest over the views"),
        "span_mm": (NUMBER, "Greatest extent, mm"),
        "quadrant": (TEXT, "Where both views are there"),
        "half": (TEXT, "Where one is"),
        "depth": (TEXT, "anterior, middle, posterior"),
        "nipple_mm": (NUMBER, "Distance to the nipple, mm"),
        "category": (TEXT, "Of the finding"),
        "suspicion": (TEXT, "Before the work-up"),
        "next_step": (TEXT, "What should happen next"),
    },
    "calcifications": {
        "exam": (TEXT, "Pseudonym of the exam"),
        "image": (TEXT, "UID that stands for the image's"),
        "laterality": (TEXT, "L or R"),
        "view": (TEXT, "CC, MLO …"),
        "id": (TEXT, "Unique within the view"),
        "group": (TEXT, "Its group in the view"),
        "finding": (TEXT, "Its finding in the exam"),
        "x": (NUMBER, "Column in the source image, 0-based"),
        "y": (NUMBER, "Row in the source image, 0-based"),
        "slice": (WHOLE, "Frame of a tomosynthesis, 0-based"),
        "probability": (NUMBER, "That it is a calcification"),
        "diameter_mm": (NUMBER, "mm"),
        "length_mm": (NUMBER, "mm"),
        "width_mm": (NUMBER, "mm"),
        "area_mm2": (NUMBER, "mm²"),
        "contrast": (NUMBER, "Peak over the background; the image's range is 1"),
        "snr": (NUMBER, "Excess over the noise of one pixel"),
        "size_class": (TEXT, "micro, between or macro"),
        "kind": (TEXT, "Of the single calcification"),
    },
    "reports": {
        "exam": (TEXT, "Pseudonym of the exam"),
        "report": (TEXT, "report.json, de-identified"),
    },
}
"""Columns of each table: what they hold, and what they say."""

RECALLED = ("0", "4A", "4B", "4C", "5")
OLDEST = 90
"""Ages above 89 tell a woman from others (45 CFR 164.514(b)(2)(i)(C))."""


@dataclass(frozen=True)
class About:
    """What an exam's header says beside what the report tells."""

    age: int | None = None
    manufacturer: str = ""
    model: str = ""
    software: str = ""
    site: str = ""
    station: str = ""


def schema(table: str) -> Any:
    """The Arrow schema of a table, with what each column says as its metadata."""
    import pyarrow as pa

    kinds = {
        TEXT: pa.string(), WHOLE: pa.int32(), NUMBER: pa.float64(), TRUTH: pa.bool_(), DAY: pa.date32(),
        MOMENT: pa.timestamp("s", tz="UTC"),
    }  # fmt: skip
    return pa.schema(
        [
            pa.field(name, kinds[kind], metadata={"description": words})
            for name, (kind, words) in TABLES[table].items()
        ]
    )


def rows_of(name: str, report: Report, about: About, seconds: float) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table for an exam whose report is de-identified.

    Parameters
    ----------
    name : pseudonym of the exam
    report : with this exam alone
    about : what its header says
    seconds : that it took
    """
    (exam,) = report.exams
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    rows["exams"].append(_exam(name, report, exam, about, seconds))
    found = {
        (member.view, speck): finding.id
        for finding in exam.findings
        for member in finding.members
        for speck in member.calcifications
    }
    for view in exam.views:
        rows["views"].append(
            {
                **_picked("views", vars(view)),
                "exam": name,
                "image": view.sop_uid,
                "modifiers": ",".join(view.modifiers),
                "calcifications": len(view.calcifications),
                "groups": len(view.groups),
                "mimics": len(view.mimics),
                "warnings": len(view.warnings),
            }
        )
        for speck in view.calcifications:
            rows["calcifications"].append(
                {
                    **_picked("calcifications", vars(speck)),
                    "exam": name,
                    "image": view.sop_uid,
                    "laterality": view.laterality,
                    "view": view.view,
                    "finding": found.get((view.sop_uid, speck.id)),
                }
            )
    for finding in exam.findings:
        rows["findings"].append(
            {
                **_picked("findings", {**vars(finding), **vars(finding.location)}),
                "exam": name,
                "finding": finding.id,
                "views": len(finding.members),
                "category": finding.assessment.category,
                "suspicion": finding.provisional_suspicion,
                "next_step": finding.next_step.code,
            }
        )
    text = json.dumps(report.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))
    rows["reports"].append({"exam": name, "report": text})
    return rows


def _picked(table: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {column: values[column] for column in TABLES[table] if column in values}


def _exam(name: str, report: Report, exam: ExamReport, about: About, seconds: float) -> dict[str, Any]:
    models = hashlib.sha256(json.dumps(report.models, sort_keys=True).encode()).hexdigest()[:12]
    groups = [group.probability for view in exam.views for group in view.groups]
    return {
        "exam": name,
        "patient": exam.patient_id,
        "date": None if exam.date is None else date.fromisoformat(exam.date),
        "year": year_of(exam),
        "age": about.age,
        "manufacturer": about.manufacturer or None,
        "model": about.model or None,
        "software": about.software or None,
        "site": about.site or about.station or None,
        "station": about.station or None,
        "mode": exam.mode,
        "views": len(exam.views),
        "not_read": len(report.failures),
        "pixel_mm": min(view.pixel_mm for view in exam.views),
        "breast_area_cm2": sum(view.breast_area_cm2 for view in exam.views),
        "calcifications": sum(len(view.calcifications) for view in exam.views),
        "groups": len(groups),
        "group_probability": max(groups, default=None),
        "mimics": sum(len(view.mimics) for view in exam.views),
        "findings": len(exam.findings),
        "left": exam.assessment.left,
        "right": exam.assessment.right,
        "overall": exam.assessment.overall,
        "recalled": exam.assessment.overall in RECALLED,
        "next_step": exam.next_steps[0].code if exam.next_steps else None,
        "seconds": round(seconds, 3),
        "calcscope": report.calcscope_version,
        "models": models,
        "read_at": datetime.now(UTC).replace(microsecond=0),
    }


def year_of(exam: ExamReport) -> int:
    """The year of an exam, 0 where it has no date."""
    return 0 if exam.date is None else date.fromisoformat(exam.date).year


def packed(rows: Mapping[str, list[dict[str, Any]]]) -> bytes:
    """Rows of every table as bytes: one Arrow stream after another, compressed."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        for table in TABLES:
            made = pa.Table.from_pylist(rows[table], schema=schema(table))
            with pa.ipc.new_stream(stream, made.schema) as writer:
                writer.write_table(made)
    return bytes(sink.getvalue())


def unpacked(content: bytes) -> dict[str, Any]:
    """The Arrow table of each table from :func:`packed`."""
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        whole = pa.BufferReader(stream.read())
    return {table: pa.ipc.open_stream(whole).read_all() for table in TABLES}
