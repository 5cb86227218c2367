"""The tables of a study and the triggers that keep them append-only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    event,
)

from woundseg.store.chain import KINDS, Entry

_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # SQLite's own row number is an INTEGER
_PATH = Text().with_variant(Text(collation="C"), "postgresql")  # ordered by code point, as SQLite

metadata = MetaData()

study = Table(
    "study",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts of the study: ``schema``, the version of these tables."""

entries = Table(
    "entries",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("path", _PATH, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("sketch", Text, nullable=False),
    Column("thumbnail_sha256", Text, nullable=False),
    Column("made", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    CheckConstraint(f"kind IN ({', '.join(repr(kind) for kind in KINDS)})", name="entries_kind"),
    Index("entries_by_path", "path", "number"),
)
"""The chain; the columns are the fields of ``Entry``, in their order."""


def entry_of(row: Row[Any]) -> Entry:
    """A row of ``entries``, all its columns."""
    values: tuple[Any, ...] = tuple(row)
    return Entry(*values)


thumbnails = Table(
    "thumbnails",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("jpeg", LargeBinary, nullable=False),
)

files = Table(
    "files",
    metadata,
    Column("path", _PATH, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
)
"""A cache, outside the chain: what a file of this size [bytes] and time [ns] hashed to."""

notes = Table(
    "notes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("stamp", Text, nullable=False),
    Column("text", Text, nullable=False),
)
"""A cache, outside the chain: texts that were worked out from what ``stamp`` stands for."""

_REFUSAL = "a study is append-only"
_KEPT = {study: "name", entries: "number", thumbnails: "sha256"}
"""The append-only tables with their keys."""

# --- SQLite: a trigger for each way to change a row. INSERT OR REPLACE deletes without firing
# the delete trigger, so a row that is there already may not be inserted again either.


def _sqlite_triggers() -> dict[str, str]:
    made = {}
    for table, key in _KEPT.items():
        taken = f"WHEN EXISTS (SELECT 1 FROM {table.name} WHERE {key} = NEW.{key}) "
        for name, act, when in (
            ("no_update", "UPDATE", ""),
            ("no_delete", "DELETE", ""),
            ("no_replace", "INSERT", taken),
        ):
            made[f"{table.name}_{name}"] = (
                f"CREATE TRIGGER {table.name}_{name} BEFORE {act} ON {table.name} {when}"
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
    return made


# --- PostgreSQL: one function, and one trigger a table for all that changes rows.

_FUNCTION = "woundseg_append_only"
_BODY = f"BEGIN RAISE EXCEPTION '{_REFUSAL}'; END"
_BEFORE_UPDATE_DELETE_TRUNCATE = 2 + 8 + 16 + 32
"""``pg_trigger.tgtype`` of a statement's trigger (PostgreSQL, src/include/catalog/pg_trigger.h)."""


def _postgresql_triggers() -> dict[str, str]:
    return {
        f"{table.name}_append_only": (
            f"CREATE TRIGGER {table.name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table.name} FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()"
        )
        for table in _KEPT
    }


def _postgresql_function() -> str:
    return f"CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${_BODY}$$"


@event.listens_for(metadata, "after_create")
def _guard(_metadata: MetaData, connection: Connection, **_more: Any) -> None:
    """The triggers are made in the transaction that makes the tables."""
    if connection.dialect.name == "sqlite":
        statements = [*_sqlite_triggers().values()]
    else:
        statements = [_postgresql_function(), *_postgresql_triggers().values()]
    for statement in statements:
        connection.exec_driver_sql(statement)


@contextmanager
def unguarded(connection: Connection, table: Table) -> Iterator[None]:
    """Lets the rows of one append-only table be changed as long as the block lasts.

    To be used inside a transaction, so that nobody else finds the table without its triggers.
    """
    if connection.dialect.name == "sqlite":
        own = {n: made for n, made in _sqlite_triggers().items() if n.startswith(f"{table.name}_")}
        off, on = [f"DROP TRIGGER {name}" for name in own], [*own.values()]
    else:
        off = [f"ALTER TABLE {table.name} DISABLE TRIGGER USER"]
        on = [f"ALTER TABLE {table.name} ENABLE TRIGGER USER"]
    for statement in off:
        connection.exec_driver_sql(statement)
    yield
    for statement in on:
        connection.exec_driver_sql(statement)


def expected_triggers(dialect: str) -> dict[str, str]:
    """Name to definition, in the form that ``found_triggers`` gives them."""
    if dialect == "sqlite":
        return _sqlite_triggers()
    defined = f"{_BEFORE_UPDATE_DELETE_TRUNCATE} true true {_BODY}"
    return dict.fromkeys(_postgresql_triggers(), defined)


def found_triggers(connection: Connection) -> dict[str, str]:
    """The triggers that stand on the append-only tables: name to definition."""
    names = ", ".join(f"'{table.name}'" for table in _KEPT)
    if connection.dialect.name == "sqlite":
        statement = (
            f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ({names})"
        )
    else:
        tables = ", ".join(f"to_regclass('{table.name}')" for table in _KEPT)
        statement = (
            "SELECT tgname, concat_ws(' ', tgtype, (tgenabled IN ('O', 'A'))::text,"
            " (tgqual IS NULL)::text, prosrc)"
            " FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            f" WHERE NOT tgisinternal AND tgrelid IN ({tables})"
        )
    rows = connection.exec_driver_sql(statement).all()
    return {str(row[0]): str(row[1]) for row in rows}
