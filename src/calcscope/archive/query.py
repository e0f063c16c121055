"""Questions to the tables, in SQL, by DuckDB: what is asked can read them and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calcscope.archive.parts import manifest_of
from calcscope.archive.rows import TABLES, schema
from calcscope.errors import CalcscopeError

if TYPE_CHECKING:
    from calcscope.report.model import Report


class QueryFault(CalcscopeError):
    """A question that is not answered; the message says why."""


@dataclass(frozen=True)
class Question:
    """A question that is there already.

    Parameters
    ----------
    name : by which it is asked
    title : what it answers, one line
    sql : how
    """

    name: str
    title: str
    sql: str


@dataclass(frozen=True)
class Answer:
    """Names of the columns, and the rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def questions() -> dict[str, Question]:
    """The questions that are there, by name."""
    found = {}
    files = resources.files("calcscope.archive").joinpath("questions").iterdir()
    for file in sorted((f for f in files if f.name.endswith(".sql")), key=lambda f: f.name):
        title, _, sql = file.read_text(encoding="utf-8").partition("\n")
        name = file.name.removesuffix(".sql")
        found[name] = Question(name, title.removeprefix("-- "), sql)
    return found


def ask(folder: Path, question: str) -> Answer:
    """The answer to a question, by its name or in SQL.

    Parameters
    ----------
    folder : of a run
    question : a name of :func:`questions`, or one SELECT

    Raises
    ------
    QueryFault : where it is not one SELECT, reads anything but the tables, or is wrong
    LedgerFault : where there are no results
    """
    import duckdb

    known = questions().get(question.strip())
    sql = known.sql if known else question
    if not known and not any(mark.isspace() for mark in question.strip()):
        names = ", ".join(questions())
        raise QueryFault(f"found the question {question!r}; expected SQL or one of: {names}")
    with _tables(folder) as database:
        try:
            statements = duckdb.extract_statements(sql)
            kinds = [one.type for one in statements]
            if kinds != [duckdb.StatementType.SELECT]:
                found = ", ".join(kind.name for kind in kinds) or "nothing"
                raise QueryFault(f"found {found}; expected one SELECT: the tables are for reading alone")
            answer = database.execute(sql)
            return Answer([column[0] for column in answer.description or ()], answer.fetchall())
        except duckdb.PermissionException as error:
            raise QueryFault(
                f"found a question that reads or writes other files; expected one of the tables "
                f"{', '.join([*TABLES, 'failures'])} alone"
            ) from error
        except duckdb.Error as error:
            raise QueryFault(str(error)) from error


@contextmanager
def _tables(folder: Path) -> Iterator[Any]:
    """A database in memory that has the tables as views, and can open none but their files."""
    import duckdb

    manifest = manifest_of(folder)
    files = {
        table: [str((folder / name).absolute()) for name in manifest["tables"][table]] for table in TABLES
    }
    files["failures"] = [str((folder / manifest["failures"]).absolute())]
    with tempfile.TemporaryDirectory(prefix="calcscope-") as scratch, duckdb.connect() as database:
        for table, paths in files.items():
            if paths:
                listed = ", ".join(_quoted(path) for path in paths)
                database.execute(
                    f"CREATE VIEW {table} AS SELECT * FROM "
                    f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
                )
            else:
                database.register(f"no_{table}", schema(table).empty_table())
                database.execute(f"CREATE TABLE {table} AS SELECT * FROM no_{table}")
        allowed = ", ".join(_quoted(path) for paths in files.values() for path in paths)
        for setting in (
            f"temp_directory = {_quoted(scratch)}",
            f"allowed_paths = [{allowed}]",
            "autoinstall_known_extensions = false",
            "autoload_known_extensions = false",
            "python_enable_replacements = false",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            database.execute(f"SET {setting}")
        yield database


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def report_of(folder: Path, exam: str) -> Report:
    """The report of an exam.

    Raises
    ------
    QueryFault : where there is none
    LedgerFault : where there are no results
    """
    from calcscope.report.model import Report

    with _tables(folder) as database:
        row = database.execute("SELECT report FROM reports WHERE exam = ?", [exam]).fetchone()
    if row is None:
        raise QueryFault(f"found no exam {exam!r}; expected a pseudonym as the table exams has it")
    return Report.model_validate_json(row[0])
