"""A run reads each exam once, whatever dies meanwhile, and says of the others why it did not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from archives import READER, Inline, Teller, column, exam, files_there, study, zipped

from calcscope.archive import parts, run
from calcscope.archive.cluster import Ended
from calcscope.archive.ledger import DEATHS, LOSSES, TRIES, Ledger, LedgerFault, exam_name
from calcscope.archive.parts import manifest_of
from calcscope.archive.run import Summary, open_run, read_archive, retry_archive
from calcscope.archive.sources import Listed, Source, SourceFault, source_of
from calcscope.archive.work import Orders, read_exam, read_heads


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours runs after it."""


def archive_of(folder: Path, count: int) -> Path:
    for number in range(count):
        exam(folder / f"{number % 3}", number, ("RCC",), day=f"20{20 + number % 4}0101")
    return folder


def go(
    out: Path, where: Path, executor: Inline | None = None, *, teller: Teller | None = None, **how: Any
) -> Summary:
    ledger = open_run(out, str(where), "screening")
    try:
        orders = Orders(source_of(str(where)), ledger.key(), reader=READER)
        return read_archive(ledger, orders, executor or Inline(), teller or Teller(), **how)
    finally:
        ledger.close()


def again(out: Path, where: Path, reason: str = "") -> Summary:
    ledger = Ledger(out)
    try:
        orders = Orders(source_of(str(where)), ledger.key(), reader=READER)
        return retry_archive(ledger, orders, Inline(), Teller(), reason)
    finally:
        ledger.close()


def names(out: Path, numbers: range | list[int]) -> list[str]:
    ledger = Ledger(out, writes=False)
    try:
        return sorted(exam_name(ledger.key(), study(number)) for number in numbers)
    finally:
        ledger.close()


def failures(out: Path) -> dict[str, str]:
    ledger = Ledger(out, writes=False)
    try:
        return {one.where: one.reason for one in ledger.failures()}
    finally:
        ledger.close()


def test_every_exam_is_read_once_into_the_folder_of_its_year(tmp_path: Path, noted: Path) -> None:
    where = archive_of(tmp_path / "archive", 7)
    zipped(where / "more.zip", exam(tmp_path / "packed", 7) + exam(tmp_path / "packed", 8))
    teller, executor = Teller(), Inline()
    assert go(tmp_path / "out", where, executor, teller=teller) == Summary(9, 0, 0, 0)
    assert sorted(column(tmp_path / "out", "exams", "exam")) == names(tmp_path / "out", range(9))
    assert Counter(noted.read_text().split()) == Counter(map(study, range(9)))
    assert sorted(path.name for path in (tmp_path / "out/tables/exams").iterdir()) == [
        "year=2020", "year=2021", "year=2022", "year=2023", "year=2024",
    ]  # fmt: skip
    assert executor.most <= run.AHEAD * 2
    assert teller.names == 8
    assert teller.told[0][2] == 9
    assert teller.told[-1][:4] == (9, 0, 0, 0)


def test_a_second_run_reads_nothing_and_a_refreshed_one_what_is_new(tmp_path: Path, noted: Path) -> None:
    where = archive_of(tmp_path / "archive", 3)
    assert go(tmp_path / "out", where).exams == 3
    exam(where, 3, ("RCC",))
    exam(where, 1, ("LMLO",))  # another image of an exam that was read
    assert go(tmp_path / "out", where).exams == 3
    assert go(tmp_path / "out", where, refresh=True) == Summary(4, 0, 0, 1)
    assert sorted(column(tmp_path / "out", "exams", "exam")) == names(tmp_path / "out", range(4))
    assert len(noted.read_text().split()) == 4


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_each_exam_is_there_once(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = archive_of(tmp_path / "archive", 12)
    monkeypatch.setattr(parts, "EXAMS", 3)
    monkeypatch.setattr(run, "NAMES", 2)
    chance = random.Random(seed)

    def deadly(original: Callable[..., Any]) -> Callable[..., Any]:
        def maybe(*arguments: Any, **more: Any) -> Any:
            before, after = chance.random() < 0.04, chance.random() < 0.04
            if before:
                raise Killed
            answer = original(*arguments, **more)
            if after:
                raise Killed
            return answer

        return maybe

    for owner, name in (
        (Ledger, "add_part"), (Ledger, "turn"), (Ledger, "listed"), (parts, "_write"),
        (parts, "write_atomically"), (Inline, "submit"), (Inline, "finished"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, deadly(getattr(owner, name)))
    monkeypatch.setattr(Ledger, "release", lambda self: None)  # which a killed run does not come to
    monkeypatch.setattr("calcscope.archive.ledger.LOSSES", 1000)
    monkeypatch.setattr("calcscope.archive.ledger.LIMITS", {"died": ("deaths", 3), "lost": ("losses", 1000)})
    kills = 0
    while True:
        try:
            go(tmp_path / "out", where)
            break
        except Killed:
            kills += 1
            assert kills < 200
    assert kills
    assert sorted(column(tmp_path / "out", "exams", "exam")) == names(tmp_path / "out", range(12))
    counted = {name for files in manifest_of(tmp_path / "out")["tables"].values() for name in files}
    assert files_there(tmp_path / "out") == counted


def test_what_a_killed_run_left_half_written_goes(tmp_path: Path) -> None:
    where, out = archive_of(tmp_path / "archive", 2), tmp_path / "out"
    go(out, where)
    before = files_there(out)
    (out / "tables/exams/year=2019").mkdir()
    for left in ("exams/year=2019/part-000002.parquet", "views/year=2020/part-000001.parquet.new"):
        (out / "tables" / left).write_bytes(b"half")
    go(out, where)
    assert files_there(out) == before


def test_an_exam_that_kills_its_worker_is_given_up_and_the_others_are_read(tmp_path: Path) -> None:
    where = archive_of(tmp_path / "archive", 4)
    deaths: Counter[str] = Counter()

    def fate(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Ended | None:
        if function is read_exam and arguments[1].key == study(2):
            deaths[study(2)] += 1
            return Ended("died", "the worker ran out of memory and was ended")
        return None

    assert go(tmp_path / "out", where, Inline(fate)) == Summary(3, 1, 0, 0)
    assert deaths[study(2)] == DEATHS
    assert failures(tmp_path / "out") == {
        "2/00002-RCC.dcm": "the worker ran out of memory and was ended (tried 3 times)"
    }
    assert again(tmp_path / "out", where, "disk") == Summary(3, 1, 0, 0)
    assert again(tmp_path / "out", where, "memory") == Summary(4, 0, 0, 0)
    assert failures(tmp_path / "out") == {}
    assert sorted(column(tmp_path / "out", "exams", "exam")) == names(tmp_path / "out", range(4))


def test_machines_that_go_away_count_against_no_exam_until_it_is_strange(tmp_path: Path) -> None:
    where = archive_of(tmp_path / "archive", 2)
    lost = 0

    def fate(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Ended | None:
        nonlocal lost
        if function is read_exam and arguments[1].key == study(0):
            lost += 1
            return Ended("lost", "its machine went away")
        return None

    assert go(tmp_path / "out", where, Inline(fate)) == Summary(1, 1, 0, 0)
    assert lost == LOSSES


def test_what_cannot_be_fetched_is_tried_again_and_then_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = archive_of(tmp_path / "archive", 2)
    tries: Counter[str] = Counter()
    fetch = type(source_of(str(where))).fetch

    def faulty(self: Source, key: str, *more: Any) -> list[Path]:
        tries[key] += 1
        if key == study(0) or tries[key] < 3:
            raise SourceFault("the store did not send it (TimeoutError)", lasting=False)
        return fetch(self, key, *more)

    monkeypatch.setattr(type(source_of(str(where))), "fetch", faulty)
    assert go(tmp_path / "out", where) == Summary(1, 1, 0, 0)
    assert tries == {study(0): TRIES, study(1): 3}
    assert "did not send it (TimeoutError) (tried 4 times)" in failures(tmp_path / "out")["0/00000-RCC.dcm"]


def test_reasons_are_told_without_what_an_exam_says_of_a_woman(tmp_path: Path) -> None:
    where = tmp_path / "archive"
    for number, comment in enumerate(["raise", "fail", "memory"]):
        exam(where, number, ("RCC",), PatientComments=comment)
    exam(where, 3, ("RCC",), Rows=7)
    one, two = exam(where, 4)
    for path, patient in ((one, "A"), (two, "B")):
        import pydicom

        ds = pydicom.dcmread(path)
        ds.PatientID = patient
        ds.save_as(path)
    (where / "none.dcm").write_bytes(b"\0" * 400)
    assert go(tmp_path / "out", where) == Summary(0, 5, 1, 0)
    told = failures(tmp_path / "out")
    assert "does not handle (ValueError)" in told["00000-RCC.dcm"]
    assert told["00001-RCC.dcm"] == "found nothing; expected a breast; look at it"
    assert "no memory" in told["00002-RCC.dcm"]
    assert "image of 7" in told["00003-RCC.dcm"]
    assert "images of 2 patients" in told["00004-LCC.dcm"]
    assert "zero bytes" in told["none.dcm"]
    assert not any(
        "Änne" in reason or "GEHEIM" in reason or str(tmp_path) in reason for reason in told.values()
    )
    (where / "none.dcm").write_bytes(exam(tmp_path / "late", 5, ("RCC",))[0].read_bytes())
    assert again(tmp_path / "out", where).refused == 0
    assert column(tmp_path / "out", "exams", "exam") == names(tmp_path / "out", [5])


def test_a_header_that_kills_the_worker_is_found_among_the_others(tmp_path: Path) -> None:
    where = archive_of(tmp_path / "archive", 9)

    def fate(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Ended | None:
        deadly = function is read_heads and "1/00004-RCC.dcm" in arguments[1]
        return Ended("died", "the worker died") if deadly else None

    assert go(tmp_path / "out", where, Inline(fate)) == Summary(8, 0, 1, 0)
    assert "ended the worker twice" in failures(tmp_path / "out")["1/00004-RCC.dcm"]


def test_an_interrupted_listing_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = archive_of(tmp_path / "archive", 12)
    monkeypatch.setattr(run, "NAMES", 2)
    asked: list[str] = []
    looked = 0

    def counted(source: Source, some: list[str]) -> list[Listed]:
        nonlocal looked
        looked += 1
        if looked == 4:
            raise Killed
        asked.extend(some)
        return read_heads(source, some)

    monkeypatch.setattr(run, "read_heads", counted)
    with pytest.raises(Killed):
        go(tmp_path / "out", where)
    assert go(tmp_path / "out", where).exams == 12
    assert len(asked) <= 12 + run.AHEAD * 2 * 2  # what was on its way is asked for again, and no more


def test_a_folder_is_of_one_source_and_of_one_run(tmp_path: Path) -> None:
    where = archive_of(tmp_path / "archive", 1)
    ledger = open_run(tmp_path / "out", str(where), "screening")
    with pytest.raises(LedgerFault, match="another run"):
        Ledger(tmp_path / "out")
    ledger.close()
    with pytest.raises(LedgerFault, match="expected /elsewhere"):
        open_run(tmp_path / "out", "/elsewhere", "screening")
    with pytest.raises(LedgerFault, match="found no ledger"):
        Ledger(tmp_path / "nowhere")


def test_what_leads_back_to_women_is_for_the_owner_alone(tmp_path: Path) -> None:
    go(tmp_path / "out", archive_of(tmp_path / "archive", 1))
    assert (tmp_path / "out/ledger").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "out/ledger/pseudonyms.key").stat().st_mode & 0o777 == 0o600
