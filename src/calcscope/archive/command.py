"""``calcscope archive``: read, failed, retry, query, report."""

from __future__ import annotations

import csv
import json
import re
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from calcscope.archive.ledger import Ledger
    from calcscope.archive.run import Summary

app = typer.Typer(
    rich_markup_mode="markdown", no_args_is_help=True, help="Read a whole archive, and ask what was found."
)

Mode = Literal["screening", "diagnostic"]
ENGINE = "calcscope.archive.work:read_with_engine"


def _on_disk(folder: Path) -> Path:
    """A folder that results may lie in, which an address is not.

    Raises
    ------
    typer.BadParameter
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", str(folder)):  # one letter is a drive
        raise typer.BadParameter(
            "found an address; expected a folder on a local disk, since the ledger is a database; copy "
            "manifest.json and tables/ into the store afterwards"
        )
    return folder


ArchiveOption = Annotated[
    Path,
    typer.Option(
        "--archive", file_okay=False, callback=_on_disk, help="Folder that calcscope archive read wrote."
    ),
]
RayOption = Annotated[
    str | None,
    typer.Option(
        "--ray", help="Ray that has the work done, host:port; one is started on this machine when left out."
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(min=1, help="Exams read at once by a Ray of this machine; one a core when left out."),
]
SecondsOption = Annotated[
    float, typer.Option("--seconds", min=1, help="An exam that takes longer is ended and tried again.")
]
UserOption = Annotated[str | None, typer.Option(help="User of a DICOMweb service.")]
PasswordOption = Annotated[
    str | None, typer.Option("--password-env", help="Environment variable that holds the password.")
]
CaOption = Annotated[
    Path | None, typer.Option("--ca", exists=True, help="Authority of the DICOMweb service's certificate.")
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store-options",
        exists=True,
        help="JSON file with options of fsspec's file system, for s3:// of pyarrow.fs.S3FileSystem.",
    ),
]
ReaderOption = Annotated[
    str,
    typer.Option("--reader", help="module:function in the engine's place, for trials of the cluster alone."),
]


@app.command()
def read(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder, zip or DICOM file; s3://bucket/folder and other addresses of fsspec; https:// of "
            "a DICOMweb service."
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", file_okay=False, callback=_on_disk, help="Folder for the results.")
    ],
    ray: RayOption = None,
    workers: WorkersOption = None,
    mode: Annotated[Mode, typer.Option(help="As of calcscope read.")] = "screening",
    refresh: Annotated[
        bool, typer.Option("--refresh", help="List the source again, for exams that came since.")
    ] = False,
    seconds: SecondsOption = 1800.0,
    user: UserOption = None,
    password_env: PasswordOption = None,
    ca: CaOption = None,
    store_options: StoreOption = None,
    reader: ReaderOption = ENGINE,
) -> None:
    """Read every exam of an archive once.

    It may be killed at any moment: the same command goes on where it stopped. Exams that cannot be read are
    listed with their reasons by **calcscope archive failed** and tried again by **calcscope archive retry**.

    Exit code 0 when every exam was read, 1 when some were not or the run could not go on, 2 for wrong
    arguments.

        calcscope archive read /archive/mammography --out results

        calcscope archive read s3://mammograms/2024 --out results --ray head:6379
    """
    from calcscope.archive.run import open_run, read_archive

    if ray is not None and workers is not None:
        raise typer.BadParameter("--workers is for a Ray of this machine; --ray has its own")
    with_access = _access(user, password_env, ca, store_options)

    def run(executor: Any, teller: Any) -> Summary:
        orders = _orders(ledger, source, mode, reader, seconds, with_access)
        return read_archive(ledger, orders, executor, teller, refresh=refresh)

    ledger = _guarded(lambda: _opened(out, source, mode, with_access, open_run))
    _run(ledger, run, ray, workers)


@app.command()
def retry(
    archive: ArchiveOption = Path("."),
    reason: Annotated[
        str, typer.Option("--reason", help="Only what failed for a reason that holds this text.")
    ] = "",
    ray: RayOption = None,
    workers: WorkersOption = None,
    seconds: SecondsOption = 1800.0,
    user: UserOption = None,
    password_env: PasswordOption = None,
    ca: CaOption = None,
    store_options: StoreOption = None,
    reader: ReaderOption = ENGINE,
) -> None:
    """Try again what could not be read.

    Exit code 0 when every exam is read now, 1 when some are not, 2 for wrong arguments.

        calcscope archive retry --archive results

        calcscope archive retry --archive results --reason "did not send"
    """
    from calcscope.archive.ledger import Ledger
    from calcscope.archive.run import retry_archive

    if ray is not None and workers is not None:
        raise typer.BadParameter("--workers is for a Ray of this machine; --ray has its own")
    with_access = _access(user, password_env, ca, store_options)
    ledger = _guarded(lambda: Ledger(archive))

    def run(executor: Any, teller: Any) -> Summary:
        source, mode = ledger.get("source"), ledger.get("mode")
        orders = _orders(ledger, source, mode, reader, seconds, with_access)
        return retry_archive(ledger, orders, executor, teller, reason)

    _run(ledger, run, ray, workers)


@app.command()
def failed(
    archive: ArchiveOption = Path("."),
    where: Annotated[
        bool,
        typer.Option("--where", help="Also name the files, whose names may tell whose they are."),
    ] = False,
    rows: Annotated[int, typer.Option(min=1, help="Most lines of the list.")] = 100,
) -> None:
    """List what could not be read, with the reasons.

    Exit code 0 when there is nothing, 1 when there is something, 2 for wrong arguments.

        calcscope archive failed --archive results --where
    """
    from collections import Counter
    from itertools import islice

    from rich.console import Console
    from rich.table import Table

    from calcscope.archive.ledger import Ledger

    ledger = _guarded(lambda: Ledger(archive, writes=False))
    console = Console(highlight=False)
    reasons: Counter[str] = Counter(one.reason for one in ledger.failures())
    if not reasons:
        console.print("Nothing failed.")
        return
    table = Table("reason", "exams and files", title=f"{reasons.total()} not read")
    for reason, number in reasons.most_common(rows):
        table.add_row(_plain(reason), str(number))
    console.print(table)
    table = Table("exam", *(["first image"] if where else []), "reason")
    for one in islice(ledger.failures(), rows):
        table.add_row(one.name or "(a file)", *([_plain(one.where)] if where else []), _plain(one.reason))
    console.print(table)
    if reasons.total() > rows:
        console.print(f"… and {reasons.total() - rows} more; --rows shows them")
    raise typer.Exit(1)


@app.command()
def query(
    question: Annotated[
        str, typer.Argument(help="One SELECT over the tables, or the name of a question that is there.")
    ] = "",
    archive: ArchiveOption = Path("."),
    form: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="How the answer is written.")
    ] = "table",
    rows: Annotated[int, typer.Option(min=1, help="Most rows of a table on the screen.")] = 200,
) -> None:
    """Ask what was found: in SQL (DuckDB), or by the name of a question.

    Tables: **exams**, **views**, **findings**, **calcifications**, **reports**, **failures**. They are read
    only, and no other file can be reached. Without a question the names of those that are there are listed.

    Exit code 0 when it was answered, 1 when it was not, 2 for wrong arguments.

        calcscope archive query by-age --archive results

        calcscope archive query "SELECT overall, count(*) FROM exams GROUP BY 1" --archive results
    """
    from rich.console import Console
    from rich.table import Table

    from calcscope.archive.query import ask, questions

    console = Console(highlight=False)
    if not question.strip():
        table = Table("question", "what it answers")
        for one in questions().values():
            table.add_row(one.name, one.title)
        console.print(table)
        return
    answer = _guarded(lambda: ask(archive, question))
    if form == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(answer.columns)
        writer.writerows(answer.rows)
    elif form == "json":
        made = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        typer.echo(json.dumps(made, ensure_ascii=False, default=str, indent=1))
    else:
        table = Table(*map(_plain, answer.columns))
        for row in answer.rows[:rows]:
            table.add_row(*("" if cell is None else _plain(str(cell)) for cell in row))
        console.print(table)
        if len(answer.rows) > rows:
            console.print(f"… and {len(answer.rows) - rows} more rows; --rows or --format csv shows them")


@app.command()
def report(
    exam: Annotated[str, typer.Argument(help="Pseudonym of an exam, EX-….")],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="Folder for report.json.")],
    archive: ArchiveOption = Path("."),
) -> None:
    """Write the report of one exam as a file: de-identified, as it is kept.

    Exit code 0 when it was written, 1 when there is none, 2 for wrong arguments.

        calcscope archive report EX-0123456789ABCDEF0123 --archive results --out report
    """
    from calcscope.archive.query import report_of
    from calcscope.report.writing import write_report

    typer.echo(_guarded(lambda: write_report(report_of(archive, exam), out)))


def _run(
    ledger: Ledger, run: Callable[[Any, Any], Summary], address: str | None, workers: int | None
) -> None:
    """A run from its first exam to its summary, and the exit code."""
    from rich.console import Console

    from calcscope.archive.cluster import Cluster
    from calcscope.archive.ledger import RESUMABLE
    from calcscope.archive.telling import Bar
    from calcscope.errors import CalcscopeError

    console = Console(stderr=True, highlight=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    executor = None
    try:
        executor = Cluster(address, workers)
        with Bar(console) as bar:
            summary = run(executor, bar)
    except CalcscopeError as error:
        console.print(f"{error}\nWhat was read is kept; {RESUMABLE}.", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except (OSError, sqlite3.Error) as error:  # the disk of the results, most often
        console.print(f"{error}\nWhat was read is kept; {RESUMABLE}.", markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        console.print(f"Stopped. What was read is kept; {RESUMABLE}.", soft_wrap=True)
        raise typer.Exit(1) from error
    finally:
        if executor is not None:
            executor.close()
        ledger.close()
    console = Console(highlight=False)
    console.print(f"{summary.exams} exams read, {summary.failed} failed, {summary.refused} files not taken")
    if summary.changed:
        console.print(f"{summary.changed} exams got images after they were read; they are as they were")
    if summary.failed or summary.refused:
        console.print("calcscope archive failed lists the reasons", soft_wrap=True)
        raise typer.Exit(1)


def _access(
    user: str | None, password_env: str | None, ca: Path | None, store_options: Path | None
) -> dict[str, Any]:
    """What a source needs to be reached; passwords stay out of files and command lines."""
    from calcscope.node.config import FaultyConfig, password

    try:
        options = {} if store_options is None else json.loads(store_options.read_text(encoding="utf-8"))
        if not isinstance(options, dict):
            raise ValueError("no object")
        return {
            "user": user,
            "password": password(password_env),
            "ca": None if ca is None else str(ca.absolute()),
            "options": options,
        }
    except FaultyConfig as error:
        raise typer.BadParameter(str(error)) from error
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{store_options}: found no JSON object ({error})") from error


def _opened(
    out: Path, source: str, mode: str, access: dict[str, Any], opened: Callable[[Path, str, str], Ledger]
) -> Ledger:
    from calcscope.archive.sources import Folder, source_of

    found = source_of(source, **access)  # a wrong source is said before a folder is made for it
    name = str(Path(found.root, found.only)) if isinstance(found, Folder) else source.rstrip("/")
    return opened(out, name, mode)


def _orders(
    ledger: Ledger, source: str, mode: str, reader: str, seconds: float, access: dict[str, Any]
) -> Any:
    from calcscope.archive.sources import source_of
    from calcscope.archive.work import Orders

    return Orders(source_of(source, **access), ledger.key(), mode, reader, seconds)  # type: ignore[arg-type]


def _guarded(what: Callable[[], Any]) -> Any:
    """What a function gives; an error that it foresees is said, and ends the command."""
    from calcscope.errors import CalcscopeError

    try:
        return what()
    except ModuleNotFoundError as error:
        typer.echo(
            f"found no {error.name}; expected calcscope[archive]; pip install 'calcscope[archive]'", err=True
        )
        raise typer.Exit(1) from error
    except CalcscopeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"{error.filename or ''}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from error


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape("".join(mark if mark.isprintable() else "�" for mark in text))
