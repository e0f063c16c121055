"""The tables as Parquet: ``tables/exams/year=2024/part-000017.parquet``, and which files count.

Exams come in parts of some thousand, for ten million files are slow everywhere. ``manifest.json`` names the
files of the parts that are whole; a file that it does not name was left by a run that was killed, and goes.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from calcscope.archive.ledger import Ledger, LedgerFault
from calcscope.archive.rows import TABLES, schema, unpacked
from calcscope.report.writing import write_atomically

FOLDER, MANIFEST, FAILURES = "tables", "manifest.json", "failures.parquet"
EXAMS, BYTES = 2000, 256 << 20
"""A part is written when so many exams, or so many bytes of their rows, wait for it."""
NAME = re.compile(r"part-(\d{6})\.parquet(\.new)?")


def write_part(ledger: Ledger) -> None:
    """Write the rows that wait as the next part; nothing where none does.

    The files are whole on the disk before the ledger names them, and the ledger forgets the rows only then.
    """
    waiting = ledger.results()
    if waiting:
        number = max((one[0] for one in ledger.parts()), default=0) + 1
        years: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for _, year, content in waiting:
            years[year].append(unpacked(content))
        files: dict[str, list[str]] = {table: [] for table in TABLES}
        for year, exams in sorted(years.items()):
            for table in TABLES:
                name = f"{FOLDER}/{table}/year={year}/part-{number:06d}.parquet"
                _write(ledger.folder / name, [one[table] for one in exams], table)
                files[table].append(name)
        ledger.add_part(number, [exam for exam, _, _ in waiting], files)
    write_manifest(ledger)


def _write(path: Path, tables: list[Any], table: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    level = 9 if table == "reports" else 3
    pq.write_table(
        pa.concat_tables(tables).cast(schema(table)), beside, compression="zstd", compression_level=level
    )
    _flush(beside)
    os.replace(beside, path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_manifest(ledger: Ledger) -> None:
    """Write which files count, and the table of what failed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    failed = [{"exam": one.name or None, "reason": one.reason} for one in ledger.failures()]
    columns = pa.schema([("exam", pa.string()), ("reason", pa.string())])
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(failed, schema=columns), sink, compression="zstd")
    write_atomically(ledger.folder / FOLDER / FAILURES, bytes(sink.getvalue()))
    parts = ledger.parts()
    manifest = {
        "version": 1,
        "exams": sum(exams for _, exams, _ in parts),
        "failed": len(failed),
        "tables": {table: [name for _, _, files in parts for name in files[table]] for table in TABLES},
        "failures": f"{FOLDER}/{FAILURES}",
    }
    write_atomically(ledger.folder / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())


def clear_leftovers(ledger: Ledger) -> None:
    """Remove the files of a part that a killed run did not finish."""
    whole = {number for number, _, _ in ledger.parts()}
    for path in (ledger.folder / FOLDER).glob("*/year=*/part-*"):
        match = NAME.fullmatch(path.name)
        if match and (int(match[1]) not in whole or match[2]):
            path.unlink()


def manifest_of(folder: Path) -> dict[str, Any]:
    """Which files count.

    Raises
    ------
    LedgerFault : where the folder holds no results yet
    """
    try:
        return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise LedgerFault(
            f"{folder}: found no {MANIFEST}; expected the folder of calcscope archive read; name it with "
            "--archive, or wait until the first exams are done"
        ) from None
