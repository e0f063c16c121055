"""A study is read once it is complete, once for what it holds, and again when it holds more."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hospital_network import Archive, exam, mammogram, send, wait_for
from pydicom.uid import MammographyCADSRStorage
from quick_node import quick

from calcscope.node import studies, supervisor
from calcscope.node.config import StudyRules
from calcscope.node.instances import inspect, keep
from calcscope.node.reading import Outcome
from calcscope.node.store import Store, StoreFault, now
from calcscope.node.supervisor import Node, sweep

Start = Callable[..., Node]
RULES = StudyRules(quiet_seconds=60, settle_seconds=5)


def put(store: Store, image: Any, **how: Any) -> int:
    """Keep an image as a receiver does; the status."""
    path = store.path("incoming") / "one.dcm"
    image.save_as(path, enforce_file_format=True)
    arrival = inspect(path, image.SOPClassUID, image.SOPInstanceUID)
    return keep(store, arrival, "MODALITY", **how).status


def aged(store: Store, seconds: float) -> None:
    """Let everything have arrived so long ago."""
    store.write(lambda db: db.execute("UPDATE study SET received = ?", (now() - seconds,)))


def readings(node_or_store: Any) -> list[tuple[int, str]]:
    store = getattr(node_or_store, "store", node_or_store)
    return [(row["number"], row["state"]) for row in store.rows("SELECT * FROM reading ORDER BY id")]


def test_a_study_is_complete_by_its_views_or_by_silence(store: Store) -> None:
    for image in exam(1)[:3]:
        put(store, image)
    aged(store, 30)
    assert studies.complete(store, RULES, 0.0) == []
    put(store, exam(1)[3])
    assert studies.complete(store, RULES, 0.0) == []
    aged(store, 6)
    assert studies.complete(store, RULES, 0.0) == [1]
    put(store, mammogram(2))
    aged(store, 61)
    assert studies.complete(store, RULES, 0.0) == [1, 2]


def test_silence_while_the_node_was_away_says_nothing(store: Store) -> None:
    put(store, mammogram(1))
    aged(store, 3600)
    assert studies.complete(store, RULES, now() - 10) == []
    assert studies.complete(store, RULES, now() - 61) == [1]


@pytest.mark.parametrize(
    "more",
    [{"SeriesDescription": "R CC MAG"}, {"ViewPosition": ""}],
    ids=["magnification", "no view"],
)
def test_magnifications_and_unknown_views_stand_for_no_standard_view(store: Store, more: Any) -> None:
    for image in exam(1)[1:]:
        put(store, image)
    put(store, mammogram(1, **more))
    aged(store, 30)
    assert studies.complete(store, RULES, 0.0) == []


def test_a_study_has_one_reader(store: Store) -> None:
    put(store, mammogram(1))
    claim = studies.claim(store, 1)
    assert claim is not None
    assert studies.claim(store, 1) is None
    aged(store, 100)
    assert studies.complete(store, RULES, 0.0) == []


def test_what_a_dead_node_was_reading_is_read_again(store: Store, tmp_path: Path) -> None:
    put(store, mammogram(1))
    first = studies.claim(store, 1)
    assert studies.recover(store) == 1
    second = studies.claim(store, 1)
    assert first is not None
    assert second is not None
    assert (second.number, second.files) == (2, first.files)
    assert second.folder != first.folder
    assert studies.finished(store, quick(tmp_path), second, Outcome(1))
    assert studies.recover(store) == 0
    assert studies.claim(store, 1) is None
    assert readings(store) == [(1, "interrupted"), (2, "read")]


def test_an_image_that_comes_while_its_study_is_read_is_read_next(store: Store, tmp_path: Path) -> None:
    put(store, mammogram(1))
    claim = studies.claim(store, 1)
    assert claim is not None
    put(store, mammogram(1, "L"))
    assert len(claim.files) == 1
    studies.finished(store, quick(tmp_path), claim, Outcome(1))
    again = studies.claim(store, 1)
    assert again is not None
    assert len(again.files) == 2


def test_a_reader_that_dies_is_tried_so_often(store: Store) -> None:
    put(store, mammogram(1))
    for expected in (True, True, False):
        claim = studies.claim(store, 1)
        assert claim is not None
        assert studies.broken(store, 3, claim, "died") is expected
    assert studies.claim(store, 1) is None
    assert [state for _, state in readings(store)] == ["broken", "broken", "failed"]
    put(store, mammogram(1, "L"))  # something new: it may go better
    assert studies.claim(store, 1) is not None


def test_fetched_images_are_not_read_until_somebody_sends_them(store: Store) -> None:
    put(store, mammogram(1), fetched=True)
    aged(store, 100)
    assert studies.complete(store, RULES, 0.0) == []
    assert put(store, mammogram(1)) == 0
    aged(store, 100)
    assert studies.complete(store, RULES, 0.0) == [1]


def test_reports_alone_are_kept_and_not_read(store: Store) -> None:
    import cheap_reader

    report = cheap_reader.text_report(mammogram(1), "words", "one")
    assert put(store, report) == 0
    report.SOPClassUID = report.file_meta.MediaStorageSOPClassUID = MammographyCADSRStorage
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    assert put(store, report) == 0
    aged(store, 100)
    assert studies.complete(store, RULES, 0.0) == []


def test_a_spool_folder_has_one_node(store: Store) -> None:
    with pytest.raises(StoreFault, match="another node"):
        Store(store.folder)


def test_files_without_a_row_are_removed_at_the_start_and_no_others(store: Store) -> None:
    put(store, mammogram(1))
    (kept,) = store.path("stored").glob("*/*")
    (kept.parent / "orphan.dcm").write_bytes(b"never acknowledged")
    (store.path("incoming") / "tmp.dcm").write_bytes(b"half")
    assert sweep(store) == 2
    assert kept.is_file()
    assert sweep(store) == 0


def test_a_write_that_fails_takes_no_other_with_it(store: Store) -> None:
    def fails(db: Any) -> None:
        db.execute("INSERT INTO study (study_uid, received) VALUES ('1.2', 0)")
        raise KeyError("one")

    with pytest.raises(KeyError):
        store.write(fails)
    assert store.rows("SELECT * FROM study") == []
    put(store, mammogram(1))
    assert len(store.rows("SELECT * FROM study")) == 1


# -- the same in a running node


def sending(archive: Archive) -> dict[str, Any]:
    place = {
        "name": "archive",
        "to": "dicom",
        "title": archive.title,
        "host": "127.0.0.1",
        "port": archive.port,
    }
    return {"send": [place], "sending": {"first_wait": 0.2, "longest_wait": 0.4}}


def test_a_late_image_gives_a_new_report_that_replaces_the_first(start: Start) -> None:
    archive = Archive().start()
    node = start(**sending(archive))
    send(node.receiver.port, exam(1))
    wait_for(lambda: len(archive.taken) == 1)
    send(node.receiver.port, exam(1))  # nothing new: nothing happens
    send(node.receiver.port, [mammogram(1, number=9)])
    wait_for(lambda: len(archive.taken) == 2)
    first, second = archive.taken
    (study,) = second.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert second.ContentSequence[0].TextValue == "5 images, 0 earlier"
    assert readings(node) == [(1, "read"), (2, "read")]
    archive.stop()


@pytest.mark.parametrize(
    ("behaviour", "states"),
    [
        ("die once", ["broken", "read"]),
        ("die", ["broken", "failed"]),
        ("raise", ["broken", "failed"]),
        ("hang", ["broken", "failed"]),
        ("fail", ["failed"]),
    ],
)
def test_a_reader_that_dies_or_hangs_harms_no_other_study(
    start: Start, behaviour: str, states: list[str]
) -> None:
    limit = 1.5 if behaviour == "hang" else 60
    node = start(reading={"tries": 2, "time_limit": limit})
    send(node.receiver.port, exam(1, PatientComments=behaviour))
    time.sleep(0.3)
    send(node.receiver.port, exam(2))
    wait_for(lambda: len(readings(node)) == len(states) + 1)
    wait_for(lambda: "reading" not in {state for _, state in readings(node)})
    own = node.store.rows("SELECT state FROM reading WHERE study = 1 ORDER BY id")
    assert [row["state"] for row in own] == states
    (other,) = node.store.rows("SELECT state FROM reading WHERE study = 2")
    assert other["state"] == "read"


def test_a_node_that_is_stopped_while_it_reads_says_so(start: Start) -> None:
    node = start(reading={"time_limit": 60})
    send(node.receiver.port, exam(1, PatientComments="hang"))
    wait_for(lambda: readings(node) == [(1, "reading")])
    node.close()
    assert readings_of(node.config.folder) == [(1, "interrupted")]


def readings_of(folder: Path) -> list[tuple[int, str]]:
    store = Store(folder)
    try:
        return readings(store)
    finally:
        store.close()


def test_earlier_exams_that_are_here_are_compared_with(start: Start) -> None:
    archive = Archive().start()
    node = start(**sending(archive))
    send(node.receiver.port, exam(1, patient="W-1", day="20221108"))
    wait_for(lambda: len(archive.taken) == 1)
    send(node.receiver.port, [*exam(2, patient="W-1"), *exam(3, patient="W-2")])
    wait_for(lambda: len(archive.taken) == 3)
    said = {one.StudyInstanceUID[-2:]: one.ContentSequence[0].TextValue for one in archive.taken}
    assert said == {
        ".1": "4 images, 0 earlier",
        ".2": "4 images, 4 earlier",
        ".3": "4 images, 0 earlier",
    }
    archive.stop()


def test_a_full_disk_lets_studies_wait_and_not_fail(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "DISK_SECONDS", 0.2)
    node = start(limits={"min_free_bytes": 1})
    left = [1]
    monkeypatch.setattr(node.store, "free_bytes", lambda: left[0])
    send(node.receiver.port, exam(1))
    left[0] = 0
    time.sleep(1)
    assert readings(node) in ([], [(1, "read")])
    put(node.store, mammogram(2))
    time.sleep(1)
    assert len(readings(node)) <= 1
    left[0] = 1
    wait_for(lambda: len(readings(node)) == 2)


def test_an_end_that_cannot_be_written_is_written_later(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "DISK_SECONDS", 0.2)
    node = start()
    finished, failures = studies.finished, iter([OSError(28, "No space left on device")] * 2)

    def full(*given: Any) -> bool:
        for error in failures:
            raise error
        return finished(*given)

    monkeypatch.setattr(studies, "finished", full)
    send(node.receiver.port, exam(1))
    wait_for(lambda: readings(node) == [(1, "read")])


def test_whatever_goes_wrong_a_claim_ends(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*given: Any) -> None:
        raise TypeError("GEHEIM")

    monkeypatch.setattr(supervisor, "earlier_images", wrong)
    node = start(reading={"tries": 2})
    send(node.receiver.port, exam(1))
    wait_for(lambda: readings(node) == [(1, "broken"), (2, "failed")])
    (row,) = node.store.rows("SELECT reason FROM reading WHERE number = 2")
    assert row["reason"].startswith("TypeError at test_complete_studies.py")
