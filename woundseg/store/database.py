"""An open database of a study: connections, transactions, pages of rows."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Row,
    Select,
    create_engine,
    event,
    inspect,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from woundseg import files, locks
from woundseg.errors import ConfigurationError, OutputError, UsageError
from woundseg.store import tables
from woundseg.store.address import Address
from woundseg.store.chain import SCHEMA
from woundseg.store.faults import BUSY, explain

PAGE = 200
"""Rows read at a time; with a sketch a row may take 100 kB."""

_SCHEMAS = [str(number) for number in range(1, SCHEMA + 1)]
"""What can be read; ``migration`` brings the earlier ones up to date."""

_WRITES = "woundseg_writes"
"""Execution option of a connection whose transactions write."""


class Database:
    """A study's database; every error of SQLAlchemy leaves as one of woundseg's.

    Attributes:
        address: where it is.
        engine: SQLAlchemy's.
    """

    def __init__(self, address: Address, engine: Engine) -> None:
        self.address = address
        self.engine = engine

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def telling(self, writing: bool) -> Iterator[None]:
        """Turn what SQLAlchemy raises in the block into one line."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise explain(error, self.address.name, writing, self.address.secret) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with."""
        with self.telling(writing=False), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction of the only writer: all of it is kept, or nothing.

        Raises:
            StudyBusyError: another one writes and did not end in time.
            OutputError: it cannot be written.
        """
        with self.telling(writing=True), self.engine.connect() as connection:
            connection.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other run out as long as the block lasts.

        Raises:
            StudyBusyError: another run is at work.
            OutputError: the lock's file cannot be made.
        """
        place = self.address.place
        lock = locks.holding(lock_file(place)) if isinstance(place, Path) else self._server_lock()
        with lock as free:
            if not free:
                raise BUSY.error(self.address.name)
            yield

    @contextmanager
    def _server_lock(self) -> Iterator[bool]:
        """A lock of the server's, on a connection of its own: it ends when that connection ends."""
        with self.engine.connect() as connection:
            with self.telling(writing=True):
                free = _take_postgresql(connection)
            try:
                yield free
            finally:
                with suppress(SQLAlchemyError):  # a link that broke has given it back already
                    connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_RUN_KEY})")

    def rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        """All rows of a small answer."""
        with self.reading() as connection:
            return connection.execute(statement).all()

    def pages(self, statement: Select[Any], key: Column[Any]) -> Iterator[Row[Any]]:
        """All rows of a large answer in the order of ``key``, which must be unique in it.

        Each page is a query of its own, which begins after the last key: no transaction stays
        open, and nothing that was read once can change in a table that is append-only.
        """
        statement = statement.order_by(key).limit(PAGE)
        page = self.rows(statement)
        while page:
            yield from page
            if len(page) < PAGE:
                return
            page = self.rows(statement.where(key > page[-1]._mapping[key.name]))

    def close(self) -> None:
        """Give back every connection; SQLite then folds its log into the one file."""
        self.engine.dispose()


def lock_file(path: Path) -> Path:
    """The file whose lock the run at work on a study of SQLite holds; empty, and it stays."""
    real = Path(os.path.realpath(path))
    return real.with_name(f".{real.name}.lock")


def open_database(address: Address, create: bool, wait_s: float) -> Database:
    """Connect, and make the tables of a new study where ``create`` allows it.

    Raises:
        UsageError: nothing there, the driver is missing.
        ConfigurationError: what is there cannot be used: no study, or a newer one's.
        StudyBusyError: another run writes.
        OutputError: it cannot be written.
    """
    engine = (
        _sqlite_engine(address.place, create, wait_s)
        if isinstance(address.place, Path)
        else _postgresql_engine(address.name, address.place, wait_s)
    )
    database = Database(address, engine)
    try:
        with database.telling(writing=create):
            _settle(database, create, wait_s)
    except BaseException:
        database.close()
        raise
    return database


# --- a new study, or one that is there already ---------------------------------------------------


def _settle(database: Database, create: bool, wait_s: float) -> None:
    name, engine = database.address.name, database.engine
    with engine.connect() as connection:
        made = _is_study(connection, name)
    if not made and not create:
        raise ConfigurationError(name, "is empty: no run has begun", "Run woundseg batch first")
    if database.dialect == "sqlite" and create:
        _use_log(engine, wait_s)
    if not made:
        with database.writing() as connection:
            if not _is_study(connection, name):  # another run may have been quicker
                tables.metadata.create_all(connection, checkfirst=False)
                facts = {"name": "schema", "value": str(SCHEMA)}
                connection.execute(tables.study.insert(), facts)


def _is_study(connection: Connection, name: str) -> bool:
    """True for a study of this schema or an earlier one, False where one can be made.

    Raises:
        ConfigurationError: something else is there.
    """
    if connection.dialect.name == "postgresql":
        _check_letters(connection, name)
    seen, value = inspect(connection), tables.study.c.value
    found, ours = set(seen.get_table_names()), set(tables.metadata.tables)
    if "study" in found and "value" in {column["name"] for column in seen.get_columns("study")}:
        version = connection.scalar(select(value).where(tables.study.c.name == "schema"))
        if version is not None and version.isdecimal() and int(version) > SCHEMA:
            raise ConfigurationError(name, "was made by a newer woundseg", "Update woundseg")
        if version in _SCHEMAS and ours <= found:
            return True
    in_the_way = found if connection.dialect.name == "sqlite" else found & ours
    if in_the_way:
        raise ConfigurationError(name, "is not a study of woundseg", "Name another place")
    return False


# --- SQLite --------------------------------------------------------------------------------------


def _sqlite_engine(path: Path, create: bool, wait_s: float) -> Engine:
    uri = f"{path.absolute().as_uri()}?mode={_mode(path, create)}"

    def connect() -> sqlite3.Connection:
        made = sqlite3.connect(
            uri, uri=True, timeout=wait_s, isolation_level=None, check_same_thread=False
        )
        made.text_factory = _decode
        mode = made.execute("PRAGMA journal_mode").fetchone()[0]
        made.execute(f"PRAGMA synchronous = {'FULL' if mode == 'wal' else 'EXTRA'}")
        made.execute("PRAGMA fullfsync = ON")  # only macOS has it, and needs it
        return made

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, hide_parameters=True)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _mode(path: Path, create: bool) -> str:
    """SQLite's own words for how to open; a study on a disk that can only be read is read as is.

    Raises:
        UsageError: no file, where none is to be made.
        OutputError: one is to be made or continued, and the disk does not allow it.
    """
    try:
        if path.is_dir():
            raise UsageError(path, "is a folder", "Name the study.sqlite inside it")
        there = path.is_file()
    except OSError as error:
        raise UsageError(path, f"cannot be used ({error.strerror})", "Check the path") from error
    if not there and not create:
        raise UsageError(path, "is not there", "Check the path, or run woundseg batch first")
    if create:
        files.make_folder(path.parent)
    if all(os.access(place, os.W_OK) for place in (path.parent, *([path] if there else []))):
        return "rwc" if create else "rw"
    if create:
        raise OutputError(path, "may not be written to", "Choose a folder you may write to")
    in_use = any(path.with_name(path.name + end).exists() for end in ("-wal", "-shm"))
    return "ro" if in_use else "ro&immutable=1"


def _decode(raw: bytes) -> str:
    """An altered file may hold bytes that are no UTF-8: kept, so that they can be told of."""
    return raw.decode("utf-8", errors="surrogateescape")


def _begin_sqlite(connection: Connection) -> None:
    """The writer's lock is taken at once: no other writer can slip in after the head was read."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_log(engine: Engine, wait_s: float) -> None:
    """Turn on the write-ahead log; the file remembers it.

    Two that make a study at once may lock each other out here; SQLite then gives up at once. A
    disk that cannot hold the log (some shares) keeps its rollback journal, which is as safe.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            raw = engine.raw_connection()
            raw.cursor().execute("PRAGMA journal_mode = WAL")
            raw.close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)
        finally:
            engine.dispose()  # the next connection chooses its PRAGMAs anew


# --- PostgreSQL ----------------------------------------------------------------------------------

_LOCK = 0x776F756E  # "woun", apart from other programs' advisory locks
_RUN_LOCK = 0x776F7275  # "woru": the run's, apart from the writer's
_THIS_STUDY = "hashtext(coalesce(to_regclass('entries')::oid::text, ''))"
_RUN_KEY = f"{_RUN_LOCK}, {_THIS_STUDY}"


def _postgresql_engine(name: str, url: URL, wait_s: float) -> Engine:
    """Raises UsageError without the driver."""
    patience = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    try:
        engine = create_engine(
            url,
            connect_args={"client_encoding": "utf8", **patience},
            isolation_level="READ COMMITTED",  # so that the head is read after the lock is held
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except ImportError as error:
        raise UsageError(
            name,
            "the driver of PostgreSQL is not installed",
            'Run pip install "woundseg[postgresql]"',
        ) from error
    wait_ms = max(1, round(1000 * wait_s))

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_WRITES):
            _begin_postgresql(connection, wait_ms)

    event.listen(engine, "begin", begin)
    return engine


def _check_letters(connection: Connection, name: str) -> None:
    letters = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if letters != "UTF8":
        cause = f"its letters are {letters}: names in other scripts would be lost"
        raise ConfigurationError(name, cause, "Create the database with ENCODING 'UTF8'")


def _begin_postgresql(connection: Connection, wait_ms: int) -> None:
    """The writer's lock of this study, held to the end of the transaction."""
    for statement in (
        f"SELECT set_config('lock_timeout', '{wait_ms}ms', true)",
        "SELECT set_config('synchronous_commit', 'on', true)"
        " WHERE current_setting('synchronous_commit') = 'off'",
        f"SELECT pg_advisory_xact_lock({_LOCK}, {_THIS_STUDY})",
    ):
        connection.exec_driver_sql(statement)


_FOR_A_RUN = {
    "idle_session_timeout": "0",  # the run's connection says nothing for hours
    "tcp_keepalives_idle": "30",  # a machine without power is noticed within a minute,
    "tcp_keepalives_interval": "10",  # not after the two hours of most systems
    "tcp_keepalives_count": "3",
}


def _take_postgresql(connection: Connection) -> bool:
    """Whether the run's lock of this study was free; the connection then holds it."""
    connection.execution_options(isolation_level="AUTOCOMMIT")  # no transaction stays open
    for setting, value in _FOR_A_RUN.items():
        connection.exec_driver_sql(
            f"SELECT set_config(name, '{value}', false) FROM pg_settings WHERE name = '{setting}'"
        )  # older servers lack some
    return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_RUN_KEY})").scalar())
