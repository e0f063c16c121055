"""A server's database is brought up to date and back, and nothing that was signed is lost on the way.

``before_patients.sql`` is what revision 4691f04 left (the reading room before women had pages of their own):
three women, one exam read, two signed, follow-up begun. It was written by that revision itself.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

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
NOBODY_LOST = """
import django
from django.core.management import call_command
django.setup()
call_command("nobody_lost")
"""


def run(script: str, data: Path, *arguments: str) -> str:
    """A script in a process with the server's settings over a data folder."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CALCSCOPE_")},
        "CALCSCOPE_DATA": str(data), "DJANGO_SETTINGS_MODULE": "calcscope.server.settings",
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


def schema(database: sqlite3.Connection) -> dict[str, str]:
    """Tables, indexes and triggers by name, as they are defined."""
    found = database.execute(
        "SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    )
    return {name: re.sub(r"\s+", " ", text) for name, text in found}


def content(
    database: sqlite3.Connection, like: dict[str, list[str]] | None = None
) -> dict[str, list[object]]:
    """The rows of every table of ours; of the columns that another database has, where one is given."""
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found: dict[str, list[object]] = {}
    for table in tables:
        if table.startswith(MADE_BY_DJANGO) or (like is not None and table not in like):
            continue
        columns = columns_of(database, table) if like is None else like[table]
        named = ", ".join(f'"{column}"' for column in columns)
        found[table] = sorted(map(repr, database.execute(f'SELECT {named} FROM "{table}"')))
    return found


def columns_of(database: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]


def migrations(database: sqlite3.Connection) -> dict[str, str]:
    """The last migration of each app."""
    rows = database.execute("SELECT app, max(name) FROM django_migrations GROUP BY app")
    return dict(rows.fetchall())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder as the older revision left it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    database = sqlite3.connect(folder / "calcscope.sqlite")
    database.executescript(BEFORE.read_text(encoding="utf-8"))
    database.close()
    return folder


def test_an_older_database_is_brought_up_to_date_and_back_again(data: Path) -> None:
    database = sqlite3.connect(data / "calcscope.sqlite")
    before, rows, were = schema(database), content(database), migrations(database)
    columns = {table: columns_of(database, table) for table in rows}
    database.close()

    run(STEPS, data, '[["", ""]]')
    database = sqlite3.connect(data / "calcscope.sqlite")
    assert content(database, columns) == rows  # everything that was there is there
    now = migrations(database)
    assert set(now) - set(were) == {"library", "patients"}
    assert now != were
    signed = database.execute("SELECT count(*) FROM reading_version").fetchone()
    # Each report that was signed before has what its woman is to be told, held where it is bad.
    assert database.execute("SELECT count(*) FROM patients_result").fetchone() == signed == (2,)
    assert database.execute("SELECT count(*) FROM patients_happening").fetchone() == (1,)
    for table in ("reading_version", "audit_event", "patients_result"):  # and cannot be taken back
        with pytest.raises(sqlite3.DatabaseError, match=r"append|only|never"):
            database.execute(f"DELETE FROM {table}")
    database.close()
    assert "lost" in run(NOBODY_LOST, data).lower()

    back = [
        [app, were.get(app, "zero")]
        for app in sorted(now, key=lambda app: app in were)
        if now[app] != were.get(app)
    ]
    import json

    run(STEPS, data, json.dumps(back))
    database = sqlite3.connect(data / "calcscope.sqlite")
    assert schema(database) == before
    assert content(database) == rows
    assert migrations(database) == were
    database.close()

    run(STEPS, data, '[["", ""]]')
    database = sqlite3.connect(data / "calcscope.sqlite")
    assert migrations(database) == now
    assert database.execute("SELECT count(*) FROM patients_result").fetchone() == signed
    database.close()
