"""Questions are answered from the tables; nothing else can be read, and nothing written."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from calcscope.archive.ledger import Done, Ledger, LedgerFault
from calcscope.archive.parts import write_manifest, write_part
from calcscope.archive.query import QueryFault, ask, questions
from calcscope.archive.rows import TABLES, packed
from calcscope.archive.sources import Head, Place, Refused

DEVICES = (("Alpha", "One", "North", 4.0), ("Beta", "Two", "South", 9.0))
MONTHS, EXAMS = 6, 60


def row(
    number: int, device: tuple[str, str, str, float], month: int, chance: random.Random
) -> dict[str, Any]:
    """An exam; from the fifth month on the first device shows three times as many calcifications."""
    maker, model, site, mean = device
    drifted = maker == "Alpha" and month == 5
    count = int(chance.expovariate(1 / (mean * (3 if drifted else 1))))
    day = date(2024, month, 1 + number % 28)
    return {
        "exam": f"EX-{number}", "patient": f"CS-{number // 2}", "date": day, "year": day.year,
        "age": 40 + number % 40, "manufacturer": maker, "model": model, "site": site, "views": 4,
        "not_read": 0, "calcifications": count, "groups": count // 5, "recalled": chance.random() < 0.05,
        "overall": "1", "pixel_mm": 0.07, "seconds": 3.0,
    }  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of 720 exams, in two parts, and one that failed."""
    folder, chance = tmp_path_factory.mktemp("results"), random.Random(1)
    ledger = Ledger(folder, create=True)
    numbers = range(1, 2 * MONTHS * EXAMS + 1)
    ledger.listed([Head(Place(f"{n}.dcm"), f"1.2.{n}", "20240101") for n in numbers], "")
    for half, device in enumerate(DEVICES):
        done = []
        for number in numbers[half * MONTHS * EXAMS :][: MONTHS * EXAMS]:
            rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
            month = (number - 1) // EXAMS % MONTHS + 1
            rows["exams"].append(row(number, device, month, chance))
            done.append(Done(number, 2024, packed(rows)))
        ledger.turn(done, 0)
        write_part(ledger)
    ledger.listed([Refused(Place("x"), "found an empty file")], "")
    write_manifest(ledger)
    ledger.close()
    return folder


def test_sql_is_answered(archive: Path) -> None:
    answer = ask(archive, "SELECT manufacturer, count(*) AS n FROM exams GROUP BY 1 ORDER BY 1")
    assert answer.columns == ["manufacturer", "n"]
    assert answer.rows == [("Alpha", MONTHS * EXAMS), ("Beta", MONTHS * EXAMS)]


@pytest.mark.parametrize("name", list(questions()))
def test_every_question_that_is_there_is_answered(archive: Path, name: str) -> None:
    answer = ask(archive, name)
    assert answer.rows
    assert questions()[name].title


def test_calcifications_by_age_vendor_and_site(archive: Path) -> None:
    ages = ask(archive, "by-age")
    assert [one[0] for one in ages.rows] == [f"{age}-{age + 4}" for age in range(40, 80, 5)]
    assert sum(one[1] for one in ages.rows) == 2 * MONTHS * EXAMS
    vendors = {one[0]: dict(zip(ask(archive, "by-vendor").columns, one, strict=True))
               for one in ask(archive, "by-vendor").rows}  # fmt: skip
    assert vendors["Alpha"]["exams"] == vendors["Beta"]["exams"] == MONTHS * EXAMS
    assert vendors["Alpha"]["calcifications_an_exam"] < vendors["Beta"]["calcifications_an_exam"]
    assert [one[0] for one in ask(archive, "by-site").rows] == ["North", "South"]
    assert ask(archive, "failures").rows == [("found an empty file", 0, 1)]


def test_the_month_in_which_a_device_drifted_is_flagged_and_no_other(archive: Path) -> None:
    answer = ask(archive, "drift")
    told = [dict(zip(answer.columns, one, strict=True)) for one in answer.rows]
    assert len(told) == 2 * MONTHS
    assert [(one["manufacturer"], one["month"]) for one in told if one["drift"]] == [("Alpha", "2024-05")]
    assert told[0]["calcifications_z"] > 4


def test_a_site_with_too_few_exams_to_judge_is_left_out(archive: Path) -> None:
    assert not [one for one in ask(archive, "drift").rows if one[4] < 20]


@pytest.mark.parametrize(
    "question",
    [
        "COPY exams TO '{out}'",
        "COPY (SELECT 1) TO '{out}' (FORMAT parquet)",
        "SELECT * FROM read_csv('{other}')",
        "SELECT * FROM '{other}'",
        "SELECT * FROM read_text('{key}')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM sqlite_scan('{key}', 'exam')",
        "ATTACH '{out}' AS x",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM 'https://example.org/x.parquet'",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW exams",
        "DELETE FROM exams",
        "EXPORT DATABASE '{out}'",
        "SELECT 1; COPY exams TO '{out}'",
        "PRAGMA database_list",
        "CALL enable_logging()",
        "SELECT * FROM folder",
        "",
        "; ;",
        "SELECT FROM WHERE",
        "no-such-question",
    ],
)
def test_what_reads_or_writes_anything_else_is_refused(archive: Path, tmp_path: Path, question: str) -> None:
    other, out = tmp_path / "other.csv", tmp_path / "out"
    other.write_text("a\n1\n")
    key = archive / "ledger" / "pseudonyms.key"
    key.write_text("secret")
    before = sorted(archive.rglob("*"))
    folder = archive  # a name that a question must not reach
    with pytest.raises(QueryFault) as fault:
        ask(folder, question.format(out=out, other=other, key=key))
    assert str(fault.value)
    assert not out.exists()
    assert sorted(archive.rglob("*")) == before


def test_a_folder_without_results_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerFault, match=r"found no manifest\.json"):
        ask(tmp_path, "SELECT 1 AS one")
