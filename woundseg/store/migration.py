"""A study of an earlier schema, brought up to date: a copy first, then one transaction."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import select

from woundseg import files
from woundseg.store import tables
from woundseg.store.chain import SCHEMA
from woundseg.store.database import Database


def schema(database: Database) -> int:
    """The schema that the study has now."""
    value = select(tables.study.c.value).where(tables.study.c.name == "schema")
    return int(database.rows(value)[0][0])


def migrate(database: Database) -> str:
    """Brings the study up to ``SCHEMA``, and tells so in one line; blank where it was.

    Schema 2 has the tables of schema 1. Its number keeps an earlier woundseg from reading
    corrections that it does not know. Entries stay as they are.

    Raises:
        OutputError: the copy or the study cannot be written; the study is as it was.
        StudyBusyError: another process writes.
    """
    found = schema(database)
    if found == SCHEMA:
        return ""
    place = database.address.place
    kept = _copied(database, place, found) if isinstance(place, Path) else None
    with database.writing() as connection, tables.unguarded(connection, tables.study):
        named = tables.study.update().where(tables.study.c.name == "schema")
        connection.execute(named.values(value=str(SCHEMA)))
    copy = (
        "PostgreSQL keeps no copy: the way back is your own dump"
        if kept is None
        else f"The study as it was is kept in {kept.name}"
    )
    told = f"was made by an earlier woundseg and migrated from schema {found} to {SCHEMA}"
    return f"{database.address.name}: {told}. {copy}."


def _copied(database: Database, path: Path, found: int) -> Path:
    """A copy of SQLite's file beside it, under a name that is free."""
    target = _free(path.with_name(f"{path.stem}.schema-{found}{path.suffix}"))
    with files.writing(target) as part, database.telling(writing=True):
        source: Any = database.engine.raw_connection()
        with closing(source), closing(sqlite3.connect(part)) as copy:
            source.driver_connection.backup(copy)
    return target


def _free(path: Path) -> Path:
    """``path``, or with the first number after its stem that no file has."""
    number, free = 2, path
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return free
