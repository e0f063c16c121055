"""A server's database is brought up to date and back, and nothing that was signed is lost on the way.

``before_patients.sql`` is what revision 4691f04 left (the reading room before women had pages of their own):
three women, one exam read, two signed, follow-up begun. It was written by that revision itself, on SQLite.
For PostgreSQL the tables are made by the migrations that it had run, none of which was changed since, and
the same rows are put into them.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "acceptance"))
from reading_room import postgresql

BEFORE = Path(__file__).with_name("before_patients.sql")
MADE_BY_DJANGO = ("django_", "auth_permission", "sqlite_")
"""Tables that migrating itself writes to."""

STEPS = """
import django, json, sys
from django.core.management import call_command
django.setup()
for app, name in json.loads(sys.argv[1]):
    call_command("migrate", *filter(None, (app, name)), verbosity=0)
"""
AS_IT_WAS = """
import django, json, sys
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
MigrationExecutor(connection).migrate([tuple(each) for each in json.loads(sys.argv[1])])
"""
NOBODY_LOST = """
import django
from django.core.management import call_command
django.setup()
call_command("nobody_lost")
"""
SCHEMA = """
SELECT table_name || '.' || column_name, concat_ws(' ', data_type, character_maximum_length, is_nullable,
       column_default, is_identity) FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT conrelid::regclass || ' ' || conname, pg_get_constraintdef(oid)
       FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT tgrelid::regclass || ' ' || tgname, pg_get_triggerdef(oid)
       FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT oid::regprocedure::text, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def run(script: str, data: Path, url: str, *arguments: str) -> str:
    """A script in a process with the server's settings over a data folder and a database."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CALCSCOPE_")},
        "CALCSCOPE_DATA": str(data), "DJANGO_SETTINGS_MODULE": "calcscope.server.settings",
        **({"CALCSCOPE_DATABASE_URL": url} if url else {}),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


class Lite:
    """The database of a small site: a file in the data folder."""

    url = ""

    def __init__(self, data: Path) -> None:
        self.database = sqlite3.connect(data / "calcscope.sqlite", isolation_level=None)

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        return self.database.execute(question).fetchall()

    def tables(self) -> list[str]:
        return [name for (name,) in self.ask("SELECT name FROM sqlite_master WHERE type = 'table'")]

    def columns(self, table: str) -> list[str]:
        return [row[1] for row in self.ask(f'PRAGMA table_info("{table}")')]

    def schema(self) -> dict[str, str]:
        """Tables, indexes and triggers by name, as they are defined."""
        found = self.ask("SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
        return {name: re.sub(r"\s+", " ", text) for name, text in found}


class Large(Lite):
    """The database of a large site: PostgreSQL."""

    def __init__(self, url: str) -> None:
        import psycopg

        self.url = url
        self.database: Any = psycopg.connect(url, autocommit=True)

    def tables(self) -> list[str]:
        return [name for (name,) in self.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]

    def columns(self, table: str) -> list[str]:
        return [
            name
            for (name,) in self.ask(
                f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' "
                "AND table_schema = 'public' ORDER BY ordinal_position"
            )
        ]

    def schema(self) -> dict[str, str]:
        """Columns, indexes, constraints, triggers and functions by name, as they are defined."""
        return dict(self.ask(SCHEMA))

    def fill(self, other: Lite) -> None:
        """Take the rows of another database; each value is read from its text, as its column has it."""
        self.ask_nothing("SET session_replication_role = replica")  # in any order, whatever refers to what
        for table in other.tables():
            if table.startswith("sqlite_") or table == "django_migrations":
                continue
            columns = other.columns(table)
            names, marks = ", ".join(f'"{each}"' for each in columns), ", ".join("%s" for _ in columns)
            rows = [
                [each if each is None or isinstance(each, bytes) else str(each) for each in row]
                for row in other.ask(f'SELECT {names} FROM "{table}"')
            ]
            with self.database.cursor() as cursor:
                cursor.executemany(
                    f'INSERT INTO "{table}" ({names}) OVERRIDING SYSTEM VALUE VALUES ({marks})', rows
                )
            if "id" in columns and self.ask(f"SELECT pg_get_serial_sequence('{table}', 'id')") != [(None,)]:
                self.ask(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM \"{table}\" "
                    "HAVING max(id) IS NOT NULL"
                )
        self.ask_nothing("SET session_replication_role = origin")

    def ask_nothing(self, order: str) -> None:
        self.database.execute(order)


def content(database: Lite, like: dict[str, list[str]] | None = None) -> dict[str, list[str]]:
    """The rows of every table of ours; of the columns that another database has, where one is given."""
    found: dict[str, list[str]] = {}
    for table in database.tables():
        if table.startswith(MADE_BY_DJANGO) or (like is not None and table not in like):
            continue
        columns = database.columns(table) if like is None else like[table]
        named = ", ".join(f'"{column}"' for column in columns)
        found[table] = sorted(map(repr, database.ask(f'SELECT {named} FROM "{table}"')))
    return found


def migrations(database: Lite) -> dict[str, str]:
    """The last migration of each app."""
    return dict(database.ask("SELECT app, max(name) FROM django_migrations GROUP BY app"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder as the older revision left it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    database = sqlite3.connect(folder / "calcscope.sqlite")
    database.executescript(BEFORE.read_text(encoding="utf-8"))
    database.close()
    return folder


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, data: Path) -> Iterator[Lite]:
    """The database as the older revision left it."""
    old = Lite(data)
    if request.param == "SQLite":
        yield old
        old.database.close()
        return
    with postgresql() as url:
        run(AS_IT_WAS, data, url, json.dumps(sorted(migrations(old).items())))
        made = Large(url)
        made.fill(old)
        assert migrations(made) == migrations(old)
        rows = content(old)
        assert {table: len(there) for table, there in content(made).items()} == {
            table: len(there) for table, there in rows.items()
        }
        old.database.close()
        (data / "calcscope.sqlite").unlink()
        yield made
        made.database.close()


def test_an_older_database_is_brought_up_to_date_and_back_again(data: Path, database: Lite) -> None:
    before, rows, were = database.schema(), content(database), migrations(database)
    columns = {table: database.columns(table) for table in rows}
    assert sum(map(len, rows.values())) == 49

    run(STEPS, data, database.url, '[["", ""]]')
    assert content(database, columns) == rows  # everything that was there is there
    now, newest = migrations(database), database.schema()
    assert set(now) - set(were) == {"library", "patients"}
    assert now != were
    (signed,) = database.ask("SELECT count(*) FROM reading_version")
    # Each report that was signed before has what its woman is to be told, held where it is bad.
    assert database.ask("SELECT count(*) FROM patients_result") == [signed] == [(2,)]
    assert database.ask("SELECT count(*) FROM patients_happening") == [(1,)]
    for table in ("reading_version", "audit_event", "patients_result"):  # and cannot be taken back
        with pytest.raises(Exception, match=r"append|only|never"):
            database.database.execute(f"DELETE FROM {table}")
    assert "lost" in run(NOBODY_LOST, data, database.url).lower()

    back = [
        [app, were.get(app, "zero")]
        for app in sorted(now, key=lambda app: app in were)
        if now[app] != were.get(app)
    ]
    halfway = [["patients", "0001_initial"], ["patients", "0002_append_only"]]  # and no trigger is in the way
    run(STEPS, data, database.url, json.dumps(halfway + back))
    assert database.schema() == before
    assert content(database) == rows
    assert migrations(database) == were

    run(STEPS, data, database.url, '[["", ""]]')
    assert migrations(database) == now
    assert database.schema() == newest
    assert content(database, columns) == rows
    assert database.ask("SELECT count(*) FROM patients_result") == [signed]
