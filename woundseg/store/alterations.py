"""What was altered in a study: one line each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from sqlalchemy import LargeBinary, cast, exists, select

from woundseg.errors import ConfigurationError
from woundseg.store.chain import GENESIS, Entry, hash_of
from woundseg.store.database import Database
from woundseg.store.tables import entries, entry_of, expected_triggers, found_triggers, thumbnails


def find(database: Database, head: str | None) -> Iterator[str]:
    """See ``Store.alterations``. Memory stays flat; every entry and thumbnail is read once."""
    for part in (
        _triggers(database),
        _file(database),
        _chain(database, head),
        _missing_thumbnails(database),
        _false_thumbnails(database),
    ):
        try:
            yield from part
        except ConfigurationError as error:
            yield f"the database cannot be read to its end: {error.cause}"


def _triggers(database: Database) -> Iterator[str]:
    """What keeps the tables append-only must stand as it was made."""
    with database.reading() as connection:
        found = found_triggers(connection)
    expected = expected_triggers(database.dialect)
    for name, definition in expected.items():
        if name not in found:
            yield f"trigger {name} is missing"
        elif found[name] != definition:
            yield f"trigger {name} was altered or switched off"
    yield from (f"trigger {name} is not woundseg's" for name in sorted(found.keys() - expected))


def _file(database: Database) -> Iterator[str]:
    """SQLite's own look at its file: pages, and indexes that say something else than the rows."""
    if database.dialect == "sqlite":
        with database.reading() as connection:
            told = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
        yield from (f"the file is damaged: {line}" for line in told if line != "ok")


def _chain(database: Database, head: str | None) -> Iterator[str]:
    wanted = GENESIS if head is None else head.strip().lower()
    number, previous, found = 0, GENESIS, wanted == GENESIS
    for row in database.pages(select(entries), entries.c.number):
        entry = entry_of(row)
        yield from _own_faults(entry, number, previous)
        if entry.number > 0:
            number, previous = entry.number, entry.hash
        found = found or entry.hash == wanted
    if not found:
        yield f"head {wanted} is not in the chain: entries were cut off or made anew"


def _own_faults(entry: Entry, number: int, previous: str) -> Iterator[str]:
    """What is wrong with an entry that comes after the one with this number and hash."""
    if entry.number < 1:
        yield f"entry {entry.number} was slipped in: numbers begin with 1"
    elif entry.number == number + 2:
        yield f"entry {number + 1} is missing"
    elif entry.number > number + 2:
        yield f"entries {number + 1} to {entry.number - 1} are missing"
    elif entry.previous != previous:
        yield f"entry {entry.number} does not follow the entry before it"
    if hash_of(entry) != entry.hash:
        yield f"entry {entry.number} was altered: its content does not give its hash"


def _missing_thumbnails(database: Database) -> Iterator[str]:
    name = entries.c.thumbnail_sha256
    held = exists().where(thumbnails.c.sha256 == name)
    missing = select(entries.c.number, name).where(name != "", ~held)
    for row in database.pages(missing, entries.c.number):
        yield f"thumbnail {row.thumbnail_sha256} of entry {row.number} is missing"


def _false_thumbnails(database: Database) -> Iterator[str]:
    name = thumbnails.c.sha256
    jpegs = select(name, cast(thumbnails.c.jpeg, LargeBinary).label("jpeg"))
    for row in database.pages(jpegs, name):
        if hashlib.sha256(row.jpeg or b"").hexdigest() != row.sha256:
            yield f"thumbnail {row.sha256} was altered: its bytes do not give its name"
