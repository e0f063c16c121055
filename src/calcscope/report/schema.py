"""The report contract as JSON Schema, published as ``docs/reference/report.schema.json``."""

from __future__ import annotations

import json

from calcscope.report.model import Report


def json_schema() -> str:
    """JSON Schema (draft 2020-12) of ``report.json`` as text, ending in a newline."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        # What a reader finds in a written report: every field is there, defaults included.
        **Report.model_json_schema(mode="serialization"),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
