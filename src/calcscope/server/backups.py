"""Backups: the database as of one moment, then every file it may name, with a list of what each file was.

Files are only ever added and never changed, so that a copy made after the database's holds all that it names.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from calcscope.errors import CalcscopeError
from calcscope.report.writing import assembled_folder

KEPT = ("images", "readings", "incoming", "letters", "library")
"""Folders of files; previews and plain copies are made again."""
LIST = "files.json"
SQLITE, DUMP = "database.sqlite", "database.dump"


class BackupFault(CalcscopeError):
    """A backup that cannot be made or put back; the message says why and what to do."""


def back_up(folder: Path) -> int:
    """Make a backup in a folder that does not exist yet; the number of files.

    Raises
    ------
    BackupFault : where the folder exists, or the database cannot be copied
    """
    if folder.exists():
        raise BackupFault(f"{folder}: found something there; expected nothing; name a new folder")
    with assembled_folder(folder) as new:
        _copy_database(new)
        shutil.copyfile(settings.CONFIG.data / "secret-key", new / "secret-key")
        (new / "secret-key").chmod(0o600)
        listed = {}
        for name in KEPT:
            root = Path(settings.MEDIA_ROOT) / name
            for path in sorted(root.rglob("*")) if root.is_dir() else ():
                if path.is_file():
                    inside = path.relative_to(settings.MEDIA_ROOT)
                    target = new / "files" / inside
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
                    listed[str(inside)] = _sha(target)
        for extra in (SQLITE, DUMP, "secret-key"):
            if (new / extra).exists():
                listed[f"../{extra}"] = _sha(new / extra)
        (new / LIST).write_text(json.dumps(listed, indent=0, sort_keys=True))
    return len(listed) - 2


def restore(folder: Path) -> int:
    """Put a backup back into the data folder, which must hold no database yet; the number of files.

    Raises
    ------
    BackupFault : for a folder that is no backup, a file that is missing or damaged, or a data folder in use
    """
    if not (folder / LIST).is_file():
        raise BackupFault(f"{folder}: found no {LIST}; expected a folder made by calcscope manage backup")
    listed = json.loads((folder / LIST).read_text())
    for name, sha in listed.items():
        path = (folder / "files" / name) if not name.startswith("../") else folder / name[3:]
        if not path.is_file() or _sha(path) != sha:
            raise BackupFault(
                f"{path}: found it missing or damaged; expected it as backed up; use another backup"
            )
    data = settings.CONFIG.data
    if (folder / SQLITE).exists():
        target = Path(connection.settings_dict["NAME"])
        if target.exists():
            raise BackupFault(f"{target}: found a database; expected none; restore into an empty data folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / SQLITE, target)
    else:
        _postgres(
            "pg_restore", "--clean", "--if-exists", "--no-owner", "--dbname", _address(), str(folder / DUMP)
        )
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(folder / "secret-key", data / "secret-key")
    (data / "secret-key").chmod(0o600)
    if (folder / "files").is_dir():
        shutil.copytree(folder / "files", settings.MEDIA_ROOT, dirs_exist_ok=True)
    return len(listed) - 2


def _copy_database(new: Path) -> None:
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        source: Any = connection.connection
        with sqlite3.connect(new / SQLITE) as target:
            source.backup(target)
        target.close()
    else:
        _postgres("pg_dump", "--format=custom", "--file", str(new / DUMP), _address())


def _address() -> str:
    """Of the PostgreSQL database, without its password, which goes by the environment."""
    at = connection.settings_dict
    host, port = at.get("HOST") or "localhost", at.get("PORT") or 5432
    return f"postgresql://{at.get('USER', '')}@{host}:{port}/{at['NAME']}"


def _postgres(*command: str) -> None:
    environment = {**os.environ, "PGPASSWORD": str(connection.settings_dict.get("PASSWORD", ""))}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    except FileNotFoundError:
        raise BackupFault(f"found no {command[0]}; install PostgreSQL's client programs") from None
    if done.returncode:
        raise BackupFault(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-300:]}")


def _sha(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
