"""What it costs to read a whole archive: an exam, a second worker, a header, the driver, disk, a question.

    python benchmarks/archive.py [--exams 12] [--rows 4096 --columns 3328] [--driver 20000]
        [--headers 2000] [--questions 1000000]

The exams are drawn (``exam_time.py``) and read by the engine through ``calcscope.archive`` on a Ray of its
own, first with one worker, then with two, both warmed up. Efficiency is the time of one over twice that of
two. Where others use the machine too, the second figure is the fair one: from each worker's time it takes out
that in which it was ready and had no core (Linux's run-queue delay), and adds the processor time of driver
and Ray, which else would pass for somebody else's.

``--driver`` exams of made-up rows show how many the driver alone keeps up with, and what they take on disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exam_time

from calcscope.archive.cluster import Cluster
from calcscope.archive.ledger import Claim, Done, Ledger
from calcscope.archive.query import ask, questions
from calcscope.archive.rows import unpacked
from calcscope.archive.run import open_run, read_archive
from calcscope.archive.sources import Head, Place, source_of
from calcscope.archive.work import Orders, read_exam, read_heads

STUDY = "1.2.826.0.1.3680043.8.498.31"


class Silent:
    """Is told how far a run has come, and says nothing."""

    def listed(self, *counts: int) -> None:
        """Nothing."""

    def read(self, *counts: int) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Times:
    """Seconds of a run: by the clock, without run-queue delay; of processors for workers, driver and Ray.

    And the most memory of a worker, GiB.
    """

    clock: float
    fair: float
    work: float
    overhead: float
    memory: float
    out: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--exams", type=int, default=12)
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--columns", type=int, default=3328)
    parser.add_argument("--driver", type=int, default=20000)
    parser.add_argument("--headers", type=int, default=2000)
    parser.add_argument("--questions", type=int, default=1_000_000)
    asked = parser.parse_args()
    os.environ.setdefault("RAY_worker_niceness", "0")  # else whatever runs beside it goes first
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        where, size = draw(folder / "archive", asked.exams, (asked.rows, asked.columns))
        print(f"{asked.exams} exams of 4 views, {asked.rows} × {asked.columns}, {size / 1e6:.0f} MB each; "
              f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
        one, two = (run(where, folder / f"out{workers}", workers) for workers in (1, 2))
        for words, times in (("one worker", one), ("two workers", two)):
            each, fair = times.clock / asked.exams, times.fair / asked.exams
            work = times.work / asked.exams
            print(f"{words}: {each:.2f} s an exam by the clock, {fair:.2f} s fair, {work:.2f} s of a core")
        print(f"memory of a worker: {two.memory:.2f} GiB")
        print(f"driver and Ray: {two.overhead / asked.exams * 1000:.0f} ms of a processor an exam")
        clock, fair = one.clock / (2 * two.clock), one.fair / (2 * two.fair + two.overhead)
        print(f"efficiency from one to two workers: {clock:.2f} by the clock, {fair:.2f} fair")
        print(f"load {os.getloadavg()[0]:.1f}")
        headers(folder / "headers", where, asked.headers)
        driver(folder / "driver", two.out, asked.driver)
        asked_of(folder / "questions", asked.questions)


def draw(where: Path, count: int, shape: tuple[int, int]) -> tuple[Path, float]:
    """An archive of exams with the same pixels, and the bytes of one."""
    where.mkdir(parents=True)
    views = [("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO")]
    for number, (side, view) in enumerate(views):
        exam_time.write(where / f"{side}{view}.dcm", exam_time.draw(side, number, *shape), side, view)
    first = sorted(where.glob("*.dcm"))
    size = sum(path.stat().st_size for path in first)
    for number in range(count):
        for path in first:
            renamed(path, where / f"exam{number}" / path.name, number)
    for path in first:
        path.unlink()
    return where, size


def renamed(path: Path, copy: Path, number: int) -> None:
    """A copy of an image under another study."""
    import pydicom

    ds = pydicom.dcmread(path)
    ds.StudyInstanceUID, ds.PatientID = f"{STUDY}.{number}", f"BENCHMARK-{number}"
    image = ["RCC", "LCC", "RMLO", "LMLO"].index(copy.stem)
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{STUDY}.{number}.{image}"
    copy.parent.mkdir(exist_ok=True)
    ds.save_as(copy, enforce_file_format=True)


def run(where: Path, out: Path, workers: int) -> Times:
    """An archive read on a Ray of so many workers, each of which has read an exam before."""
    cluster = Cluster(workers=workers)
    try:
        ledger = open_run(out, str(where), "screening")
        orders = Orders(source_of(str(where)), ledger.key())
        first = sorted((where / "exam0").iterdir())
        places = tuple(Place(str(path.relative_to(where))) for path in first)
        for _ in range(workers):
            cluster.submit(read_exam, orders, Claim(0, "EX-0", f"{STUDY}.0", places))
        warm = 0
        while warm < workers:
            warm += len(cluster.finished(1.0))
        with Watch() as watch:
            begin = time.perf_counter()
            summary = read_archive(ledger, orders, cluster, Silent())
            clock = time.perf_counter() - begin
        ledger.close()
        spent = watch.spent()
        busy = sorted(spent, key=lambda one: -spent[one][0])[:workers]
        memory = max(most_memory(one) for one in busy)
    finally:
        cluster.close()
    assert not summary.failed, summary
    delay = sum(spent[one][1] for one in busy) / workers
    overhead = sum(spent[one][0] for one in spent if one not in busy)
    return Times(clock, clock - delay, sum(spent[one][0] for one in busy), overhead, memory, out)


def most_memory(pid: int | str) -> float:
    """What a process held at most, GiB."""
    (line,) = [
        one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmHWM:")
    ]
    return int(line.split()[1]) / 2**20


class Watch:
    """Seconds that each process of this run had a processor, and that it was ready and had none.

    Linux counts the latter by thread, and forgets a thread that ends: all are looked at four times a second.
    Of the threads of a process that waited meanwhile, the one that waited longest counts.
    """

    def __enter__(self) -> Watch:
        self._family, self._ticks = family(os.getpid()), os.sysconf("SC_CLK_TCK")
        self._before = {one: self._on_core(one) for one in self._family}
        self._waited = dict.fromkeys(self._family, 0.0)
        self._seen: dict[Path, int] = {}
        self._at = 0.0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look_on)
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()
        self._look()
        self._after = {one: self._on_core(one) for one in self._family}

    def spent(self) -> dict[int, tuple[float, float]]:
        """By process; what the looking itself took is left out."""
        found = {one: (self._after[one] - self._before[one], self._waited[one]) for one in self._family}
        cores, waited = found[os.getpid()]
        return {**found, os.getpid(): (cores - self._own, waited)}

    def _look_on(self) -> None:
        while not self._end.wait(0.25):
            self._look()
        self._own = time.thread_time()

    def _look(self) -> None:
        first, passed, self._at = not self._at, time.perf_counter() - self._at, time.perf_counter()
        for one in self._family:
            longest = 0.0
            for path in Path(f"/proc/{one}/task").glob("*/schedstat"):
                with suppress(OSError):
                    now = int(path.read_text().split()[1])
                    longest = max(longest, (now - self._seen.get(path, 0)) / 1e9)
                    self._seen[path] = now
            self._waited[one] += 0.0 if first else min(longest, passed)

    def _on_core(self, one: int) -> float:
        with suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / self._ticks
        return 0.0


def family(pid: int) -> set[int]:
    """A process and all that it started."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    for _ in range(8):
        found |= {one for one, parent in parents.items() if parent in found}
    return found


def headers(folder: Path, where: Path, count: int) -> None:
    """How many headers a core reads in a second, files of one disk."""
    folder.mkdir()
    (path, *_) = sorted((where / "exam0").iterdir())
    for number in range(count):
        os.link(path, folder / f"{number:06d}.dcm")
    source = source_of(str(folder))
    names = [name for name in source.names("") if isinstance(name, str)]
    begin = time.process_time()
    assert all(isinstance(one, Head) for one in read_heads(source, names))
    print(f"headers: {count / (time.process_time() - begin):,.0f} a second of a core")


class Made:
    """An executor whose exams are done at once: each has the rows of a real one."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._done: list[tuple[int, Any]] = []
        self._count = 0

    def slots(self) -> int:
        """As of a hundred machines."""
        return 1000

    def submit(self, function: Callable[..., Any], *arguments: Any) -> int:
        """Done, without doing it."""
        self._count += 1
        assert function is read_exam
        self._done.append((self._count, Done(arguments[1].number, 2024, self._content)))
        return self._count

    def finished(self, seconds: float) -> list[tuple[int, Any]]:
        """As many at once as an idle driver would meet."""
        some, self._done = self._done[:50], self._done[50:]
        return some  # type: ignore[return-value]

    def close(self) -> None:
        """Nothing."""


def driver(folder: Path, read: Path, count: int) -> None:
    """How many exams a second the driver keeps, and what they take on the disk."""
    import pyarrow.parquet as pq

    from calcscope.archive.parts import manifest_of
    from calcscope.archive.rows import TABLES, packed

    tables = manifest_of(read)["tables"]
    first = pq.read_table(read / tables["exams"][0], partitioning=None)["exam"][0].as_py()
    rows = {
        table: [
            one
            for name in tables[table]
            for one in pq.read_table(read / name, partitioning=None).to_pylist()
            if one["exam"] == first
        ]
        for table in TABLES
    }
    content = packed(rows)
    assert set(unpacked(content)) == set(TABLES)
    ledger = Ledger(folder, create=True)
    begin = time.perf_counter()
    for start in range(0, 4 * count, 2000):
        ledger.listed(
            [Head(Place(f"2024/{n // 4:08d}/{n:09d}.dcm"), f"{STUDY}.{n // 4}", "20240101")
             for n in range(start, min(start + 2000, 4 * count))], "",
        )  # fmt: skip
    print(f"listing: {4 * count / (time.perf_counter() - begin):,.0f} images a second kept by the driver")
    kept = sum(path.stat().st_size for path in (folder / "ledger").iterdir())
    ledger.set("listing", "done")
    Path("/proc/self/clear_refs").write_text("5")  # the most memory is that from here on
    begin = time.perf_counter()
    read_archive(ledger, Orders(source_of("/"), ledger.key()), Made(content), Silent())
    seconds = time.perf_counter() - begin
    ledger.close()
    print(f"memory of the driver: {most_memory('self'):.2f} GiB")
    print(f"driver: {count / seconds:,.0f} exams a second; a result of {len(content) / 1e3:.1f} kB, "
          f"{len(rows['calcifications'])} calcifications")  # fmt: skip
    sizes = alone(rows)
    print(f"disk an exam: ledger {kept / count / 1e3:.2f} kB, reports {sizes.pop('reports') / 1e3:.1f} kB, "
          f"other tables {sum(sizes.values()) / 1e3:.1f} kB")  # fmt: skip
    shutil.rmtree(folder)


def asked_of(folder: Path, count: int) -> None:
    """How long the questions that are there take over so many exams, in parts as a run writes them."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from calcscope.archive.parts import EXAMS, write_manifest
    from calcscope.archive.rows import TABLES, schema

    ledger, random, made = Ledger(folder, create=True), np.random.default_rng(1), {}
    columns = schema("exams")
    for number, start in enumerate(range(0, count, EXAMS), 1):
        size = min(EXAMS, count - start)
        device = random.integers(0, 40, size)
        made = {
            "exam": [f"EX-{start + n:020X}" for n in range(size)],
            "patient": [f"CS-{n:016X}" for n in random.integers(0, count // 4, size)],
            "date": (np.datetime64("2014-01-01") + random.integers(0, 3650, size)).astype("datetime64[D]"),
            "age": random.integers(40, 91, size),
            "manufacturer": [f"Maker {n % 5}" for n in device],
            "model": [f"Model {n % 8}" for n in device],
            "site": [f"Site {n}" for n in device],
            "views": np.full(size, 4),
            "not_read": np.zeros(size, int),
            "pixel_mm": random.choice([0.05, 0.07, 0.1], size),
            "calcifications": random.geometric(0.05, size),
            "groups": random.poisson(0.3, size),
            "recalled": random.random(size) < 0.05,
            "seconds": random.random(size) * 10,
        }
        table = pa.table(
            {
                one.name: pa.array(made[one.name], one.type) if one.name in made else pa.nulls(size, one.type)
                for one in columns
            }
        )
        name = f"tables/exams/year=2024/part-{number:06d}.parquet"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.cast(columns), folder / name, compression="zstd")
        ledger.add_part(number, [], {each: [name] if each == "exams" else [] for each in TABLES})
    write_manifest(ledger)
    ledger.close()
    for name in questions():
        begin = time.perf_counter()
        ask(folder, name)
        print(f"question {name}: {time.perf_counter() - begin:.2f} s over {count:,} exams")


def alone(rows: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    """Bytes of an exam's columns in the Parquet of each table by itself, without the files' heads.

    Among exams that are all the same it would pack better than among different ones.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from calcscope.archive.rows import schema

    sizes = {}
    for table, own in rows.items():
        sink = pa.BufferOutputStream()
        made = pa.Table.from_pylist(own, schema=schema(table))
        pq.write_table(made, sink, compression="zstd", compression_level=9)
        meta = pq.read_metadata(pa.BufferReader(sink.getvalue()))
        groups = [meta.row_group(n) for n in range(meta.num_row_groups)]
        sizes[table] = sum(
            each.column(k).total_compressed_size for each in groups for k in range(meta.num_columns)
        )
    return sizes


if __name__ == "__main__":
    main()
