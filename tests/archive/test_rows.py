"""The tables hold what the report says, and nothing that tells whose it is."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from archives import READER, exam, study
from hospital import all_terms

from calcscope.archive.ledger import Claim, Done, exam_name
from calcscope.archive.rows import TABLES, About, packed, rows_of, schema, unpacked
from calcscope.archive.sources import Place, source_of
from calcscope.archive.work import Orders, _age, read_exam
from calcscope.report.model import Report
from calcscope.standards.pseudonyms import Pseudonyms

SECRET = b"k" * 32


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """With a finding of every term."""
    return all_terms(tmp_path / "exam")


def done(where: Path, number: int, secret: bytes = SECRET) -> Done:
    places = tuple(Place(path.name) for path in sorted(where.iterdir()))
    claim = Claim(1, exam_name(secret, study(number)), study(number), places)
    outcome = read_exam(Orders(source_of(str(where)), secret, reader=READER), claim)
    assert isinstance(outcome, Done), outcome
    return outcome


def test_rows_are_as_many_as_the_report_has_and_come_back_from_their_bytes(report: Report) -> None:
    (one,) = report.exams
    tables = unpacked(packed(rows_of("EX-1", report, About(age=61, manufacturer="Maker"), 2.5)))
    assert set(tables) == set(TABLES)
    assert tables["views"].num_rows == len(one.views)
    assert tables["findings"].num_rows == len(one.findings)
    assert tables["calcifications"].num_rows == sum(len(view.calcifications) for view in one.views)
    (row,) = tables["exams"].to_pylist()
    assert (row["exam"], row["age"], row["manufacturer"], row["seconds"]) == ("EX-1", 61, "Maker", 2.5)
    assert row["calcifications"] == tables["calcifications"].num_rows
    assert row["overall"] == one.assessment.overall
    assert row["recalled"] == (one.assessment.overall in {"0", "4A", "4B", "4C", "5"})
    found = {(n["exam"], n["finding"]) for n in tables["findings"].to_pylist()}
    belong = {(n["exam"], n["finding"]) for n in tables["calcifications"].to_pylist() if n["finding"]}
    assert belong <= found
    assert Report.model_validate_json(tables["reports"]["report"][0].as_py()) == report


def test_every_column_says_what_it_holds() -> None:
    for table in TABLES:
        assert all(field.metadata[b"description"] for field in schema(table))


def test_nothing_tells_whose_it_is(tmp_path: Path) -> None:
    exam(tmp_path / "GEHEIM^FRIEDA", 3, InstitutionName="Klinik Süd", StationName="MG1")
    tables = unpacked(done(tmp_path / "GEHEIM^FRIEDA", 3).rows)
    said = "".join(str(table.to_pylist()) for table in tables.values())
    for word in ("GEHEIM", "FRIEDA", "Beispiel", "nne", study(3), "19620301", "A-99", str(tmp_path)):
        assert word not in said, word
    (row,) = tables["exams"].to_pylist()
    names = Pseudonyms(SECRET, "GEHEIM-3\nClinic")
    assert row["patient"] == names.patient  # as calcscope export --deidentify has it under the same key
    assert {one["image"] for one in tables["views"].to_pylist()} == {
        names.uid(f"{study(3)}.1.{number}") for number in (1, 2)
    }
    assert (row["site"], row["station"], row["manufacturer"], row["model"]) == (
        "Klinik Süd", "MG1", "Maker", "Model",
    )  # fmt: skip
    assert str(row["date"]) == "2024-03-05"
    assert row["age"] == 62
    report = Report.model_validate_json(tables["reports"]["report"][0].as_py())
    assert [view.source for view in report.exams[0].views] == ["RCC", "LCC"]


def test_another_key_gives_other_pseudonyms(tmp_path: Path) -> None:
    exam(tmp_path / "exam", 3)
    one, other = (
        unpacked(done(tmp_path / "exam", 3, secret).rows)["exams"].to_pylist()[0]
        for secret in (SECRET, b"x" * 32)
    )
    assert {one["exam"], one["patient"]}.isdisjoint({other["exam"], other["patient"]})
    assert one["year"] == other["year"]


def test_an_image_that_is_not_read_is_counted(tmp_path: Path) -> None:
    exam(tmp_path / "exam", 3)
    next((tmp_path / "exam").glob("*RCC*")).write_bytes(b"\0" * 400)
    (row,) = unpacked(done(tmp_path / "exam", 3).rows)["exams"].to_pylist()
    assert (row["views"], row["not_read"]) == (1, 1)
    assert row["right"] is None


@pytest.mark.parametrize(
    ("born", "stated", "day", "age"),
    [
        ("19620301", "", "2024-03-01", 62),
        ("19620301", "", "2024-02-29", 61),
        ("", "064Y", "2024-02-29", 64),
        ("19620301", "099Y", "2024-03-01", 62),
        ("19200101", "", "2024-03-01", 90),
        ("", "018M", "2024-03-01", None),
        ("1962", "", "2024-03-01", None),
        ("20300101", "", "2024-03-01", None),
        ("19620301", "061Y", None, 61),
    ],
)
def test_age_at_the_exam(born: str, stated: str, day: str | None, age: int | None) -> None:
    assert _age({"PatientBirthDate": born, "PatientAge": stated}, day) == age


def test_a_worker_reads_on_one_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    from calcscope.archive.work import read_with_engine
    from calcscope.reading import exam as engine

    where: list[tuple[int, int]] = []
    read_view = engine.read_view

    def noted(*args: Any, **more: Any) -> Any:
        where.append((os.getpid(), threading.get_ident()))
        return read_view(*args, **more)

    monkeypatch.setattr(engine, "read_view", noted)
    threads = cv2.getNumThreads()
    try:
        read_with_engine(exam(tmp_path, 1), "screening")
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(threads)
    assert len(where) > 1
    assert set(where) == {(os.getpid(), threading.get_ident())}
