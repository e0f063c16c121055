"""Tables whose rows are added and never changed: in Python, and in the database itself."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """Refuses to change or delete."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError(f"rows of {self.model.__name__} are never changed")

    def delete(self) -> NoReturn:
        raise TypeError(f"rows of {self.model.__name__} are never deleted")


class AppendOnly(models.Model):
    """Base of a model whose rows are added and never changed. Its migration adds :func:`guard`."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row.

        Raises
        ------
        TypeError : for a row that is stored already
        """
        if not self._state.adding:
            raise TypeError(f"rows of {type(self).__name__} are never changed")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(f"rows of {type(self).__name__} are never deleted")


def guard(table: str) -> migrations.RunPython:
    """A step of a migration that has the database refuse every change and deletion of a table's rows."""

    def forwards(apps: Any, schema: BaseDatabaseSchemaEditor) -> None:
        for statement in _statements(table, schema.connection.vendor):
            schema.execute(statement, params=None)

    def backwards(apps: Any, schema: BaseDatabaseSchemaEditor) -> None:
        for statement in _undoing(table, schema.connection.vendor):
            schema.execute(statement, params=None)

    return migrations.RunPython(forwards, backwards, elidable=False)


def _undoing(table: str, vendor: str) -> list[str]:
    if vendor == "postgresql":
        return [f"DROP FUNCTION IF EXISTS {table}_append_only() CASCADE"]  # and the trigger with it
    return [f"DROP TRIGGER IF EXISTS {table}_no_{what}" for what in ("update", "delete")]


def _statements(table: str, vendor: str) -> list[str]:
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for what in ("UPDATE", "DELETE")
        ]
    if vendor == "postgresql":
        return [
            f"CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()",
        ]
    raise NotImplementedError(f"no append-only tables on {vendor}; use SQLite or PostgreSQL")
