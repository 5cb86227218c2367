"""A study's store, as the rest of woundseg sees it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Table,
    bindparam,
    cast,
    func,
    select,
)

from woundseg.canonical import canonical
from woundseg.errors import ConfigurationError
from woundseg.store import alterations, migration
from woundseg.store.address import parse
from woundseg.store.chain import (
    GENESIS,
    MACHINE,
    SCHEMA,
    Entry,
    NewEntry,
    link,
    storable,
    thumbnail_name,
)
from woundseg.store.database import Database, open_database
from woundseg.store.tables import entries, entry_of, files, notes, thumbnails

_CHUNK = 500
"""Names asked for in one query; older SQLite takes 999."""


class Store:
    """The append-only store of one study; made by ``Store.open``, and a context manager.

    Nothing of it may be shared between processes; each opens its own. Every method raises
    ``ConfigurationError`` where the database cannot be read, and those that write
    ``OutputError`` where it cannot be written and ``StudyBusyError`` where another run writes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, where: str | Path, create: bool = False, wait_s: float = 10.0) -> Self:
        """Open the study at ``where``.

        Args:
            where: path of ``study.sqlite``, or SQLAlchemy's URL (``sqlite:///…``,
                ``postgresql+psycopg://…``).
            create: make the study, and its folder, where there is none yet.
            wait_s: how long to wait for another writer [s].

        Raises:
            UsageError: nothing there, a wrong URL, or PostgreSQL's driver is not installed.
            ConfigurationError: what is there cannot be used: no study, damaged, or made by a
                newer woundseg.
            OutputError: it is to be made and cannot be.
        """
        return cls(open_database(parse(where), create, wait_s))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back every connection; the study may be opened again."""
        self._database.close()

    def is_at(self, path: Path) -> bool:
        """Whether this study is the file of SQLite at ``path``."""
        place = self._database.address.place
        return isinstance(place, Path) and path.exists() and path.samefile(place)

    # --- writing -----------------------------------------------------------------------------

    def is_current(self) -> bool:
        """Whether the study has this version's schema."""
        return migration.schema(self._database) == SCHEMA

    def migrate(self) -> str:
        """Bring a study of an earlier schema up to this version's; only inside ``alone``.

        A file of SQLite is copied beside itself first, never over an earlier copy. Entries, and
        with them every head, stay as they are.

        Returns:
            What was done, in one line; blank where nothing was to do.

        Raises:
            StudyBusyError, OutputError: as the class says; the study is as it was.
        """
        return migration.migrate(self._database)

    def alone(self) -> AbstractContextManager[None]:
        """A block in which no other run works on the study; others may read it, and append.

        The lock is the system's or the server's: when the process that holds it ends, however
        that ends, it is free.

        Raises:
            StudyBusyError: another run is at work.
            OutputError: the lock cannot be taken.
        """
        return self._database.alone()

    def append(self, new: Sequence[NewEntry]) -> str:
        """Append a batch, all of it or nothing; once this returns, it is on the disk.

        Where the link to a server breaks in mid-commit the batch may be there although this
        raised; ``measured`` tells. The chain is whole either way.

        Returns:
            The new head.

        Raises:
            UsageError: a path that is not Unicode.
            ValueError: an entry that is not made as ``NewEntry`` says.
            StudyBusyError, OutputError: as the class says; nothing was written.
        """
        if not new:
            return self.head()
        with self._database.writing() as connection:
            number, head = _last(connection)
            made = []
            for item in new:
                made.append(link(item, number + 1, head))
                number, head = made[-1].number, made[-1].hash
            _add_thumbnails(connection, new)
            connection.execute(entries.insert(), [vars(entry) for entry in made])
        return head

    def remember_files(self, rows: Iterable[tuple[str, int, int, str]]) -> None:
        """Note (path, size [bytes], mtime [ns], SHA-256) of files that were read; a mere cache.

        Paths that a database cannot hold are left out.
        """
        self._cache(files, rows)

    def remember(self, name: str, stamp: str, text: str) -> None:
        """Note a text under a name, in place of an earlier one; a mere cache.

        Args:
            name: what it is about.
            stamp: stands for all that the text was worked out from.
            text: any text; one that a database cannot hold is left out.
        """
        self._cache(notes, [(name, stamp, text)])

    def forget(self) -> None:
        """Drop every text that was noted with a stamp; they are worked out anew when asked for."""
        with self._database.writing() as connection:
            connection.execute(notes.delete().where(notes.c.stamp != ""))

    # --- reading -----------------------------------------------------------------------------

    def head(self) -> str:
        """Hash of the last entry; of an empty study, ``GENESIS``."""
        with self._database.reading() as connection:
            return _last(connection)[1]

    def count(self) -> int:
        """How many entries there are."""
        return int(self._database.rows(select(func.count()).select_from(entries))[0][0])

    def current(self, path: str) -> Entry | None:
        """What counts for a photograph now; None where no run has seen it.

        The newest correction made for the content that the newest run saw and not taken back;
        without one, what that run found. A correction of an older content does not count.
        """
        machine = self.found(path)
        return machine and (self.corrected(path, machine.sha256) or machine)

    def found(self, path: str) -> Entry | None:
        """The newest that a run found, or failed at, in whatever content and settings."""
        return self._newest(path, entries.c.kind.in_(MACHINE))

    def corrected(self, path: str, sha256: str) -> Entry | None:
        """The newest correction made for exactly this content that was not taken back."""
        standing = self.corrections(path, sha256)
        return standing[-1] if standing else None

    def corrections(self, path: str, sha256: str, before: int | None = None) -> list[Entry]:
        """The corrections made for exactly this content that count, the oldest first.

        An undo and the correction that it takes back are not among them.

        Args:
            path: the photograph.
            sha256: of its content.
            before: those that counted before the entry of this number; None takes all.
        """
        if not storable(path):
            return []
        made = [entries.c.path == path, entries.c.sha256 == sha256, entries.c.kind == "corrected"]
        made += [] if before is None else [entries.c.number < before]
        asked = select(entries).where(*made).order_by(entries.c.number)
        counting: dict[str, Entry] = {}
        for row in self._database.rows(asked):
            entry = entry_of(row)
            undoes = json.loads(entry.made).get("undoes")
            if undoes is None:
                counting[entry.hash] = entry
            else:
                counting.pop(undoes, None)
        return [*counting.values()]

    def measured(self, path: str, sha256: str, settings: str) -> Entry | None:
        """The newest that a run found, or failed at, for exactly this content and settings."""
        return self._newest(
            path,
            entries.c.kind.in_(MACHINE),
            entries.c.sha256 == sha256,
            entries.c.settings == settings,
        )

    def history(self, path: str) -> list[Entry]:
        """All entries of a photograph, the oldest first."""
        if not storable(path):
            return []
        found = select(entries).where(entries.c.path == path).order_by(entries.c.number)
        return [entry_of(row) for row in self._database.rows(found)]

    def paths(self) -> Iterator[str]:
        """Every photograph's path once, in the order of code points."""
        distinct = select(entries.c.path).where(entries.c.path != "").distinct()
        for row in self._database.pages(distinct, entries.c.path):
            yield row.path

    def entries(self) -> Iterator[Entry]:
        """All entries that are there when the reading begins, in the order of the chain."""
        with self._database.reading() as connection:
            last = _last(connection)[0]
        upto = select(entries).where(entries.c.number <= last)
        for row in self._database.pages(upto, entries.c.number):
            yield entry_of(row)

    def thumbnail(self, sha256: str) -> bytes:
        """The JPEG that entries name so.

        Raises:
            ConfigurationError: the study does not hold it.
        """
        jpeg = cast(thumbnails.c.jpeg, LargeBinary)
        found = self._database.rows(select(jpeg).where(thumbnails.c.sha256 == sha256))
        if not found:
            name = self._database.address.name
            raise ConfigurationError(name, f"holds no thumbnail {sha256}", "Run woundseg verify")
        return bytes(found[0][0])

    def known_file(self, path: str, size: int, mtime_ns: int) -> str | None:
        """SHA-256 of a file that was read before and has kept its size [bytes] and time [ns].

        A file rewritten with the same size and the same time is not noticed.
        """
        if not storable(path):
            return None
        same = (files.c.path == path, files.c.size == size, files.c.mtime_ns == mtime_ns)
        found = self._database.rows(select(files.c.sha256).where(*same))
        return str(found[0][0]) if found else None

    def recall(self, name: str, stamp: str) -> str | None:
        """The text noted under a name, if it was noted with this very stamp."""
        if not storable(name + stamp):
            return None
        same = (notes.c.name == name, notes.c.stamp == stamp)
        found = self._database.rows(select(notes.c.text).where(*same))
        return str(found[0][0]) if found else None

    def noted(self, name: str) -> str | None:
        """The text noted last under a name, whatever its stamp."""
        if not storable(name):
            return None
        found = self._database.rows(select(notes.c.text).where(notes.c.name == name))
        return str(found[0][0]) if found else None

    def notes_sha256(self) -> str:
        """Over every text that was noted with a stamp; of none, that of no bytes."""
        found = hashlib.sha256()
        stamped = select(notes).where(notes.c.stamp != "")
        for row in self._database.pages(stamped, notes.c.name):
            found.update(canonical([row.name, row.stamp, row.text]).encode())
        return found.hexdigest()

    def alterations(self, head: str | None = None) -> Iterator[str]:
        """One line for each thing that was altered; none when nothing was.

        Args:
            head: a head that was kept: it must be in the chain. Without it nobody sees that
                entries were cut off the end.
        """
        return alterations.find(self._database, head)

    def _cache(self, table: Table, rows: Iterable[tuple[Any, ...]]) -> None:
        """Put rows in the place of those of the same key, which is the first column."""
        names = [column.name for column in table.columns]
        newest = {
            row[0]: dict(zip(names, row, strict=True))
            for row in rows
            if all(storable(value) for value in row if isinstance(value, str))
        }
        if not newest:
            return
        with self._database.writing() as connection:
            old = table.delete().where(table.c[names[0]] == bindparam("old"))
            connection.execute(old, [{"old": key} for key in newest])
            connection.execute(table.insert(), [*newest.values()])

    def _newest(self, path: str, *conditions: ColumnElement[bool]) -> Entry | None:
        if not storable(path):
            return None
        newest = select(entries).where(entries.c.path == path, *conditions)
        found = self._database.rows(newest.order_by(entries.c.number.desc()).limit(1))
        return entry_of(found[0]) if found else None


def _last(connection: Connection) -> tuple[int, str]:
    """Number and hash of the last entry."""
    newest = select(entries.c.number, entries.c.hash).order_by(entries.c.number.desc()).limit(1)
    row = connection.execute(newest).first()
    return (0, GENESIS) if row is None else (row.number, row.hash)


def _add_thumbnails(connection: Connection, new: Sequence[NewEntry]) -> None:
    """Keep each thumbnail once.

    Raises:
        ValueError: an entry names one that neither it nor the study holds.
    """
    given: dict[str, Any] = {}
    for item in new:
        if name := thumbnail_name(item):
            given[name] = item.thumbnail or given.get(name)
    names = list(given)
    held: set[str] = set()
    for start in range(0, len(names), _CHUNK):
        asked = thumbnails.c.sha256.in_(names[start : start + _CHUNK])
        held.update(connection.scalars(select(thumbnails.c.sha256).where(asked)))
    rows = [{"sha256": name, "jpeg": given[name]} for name in names if name not in held]
    if missing := [row["sha256"] for row in rows if row["jpeg"] is None]:
        raise ValueError(f"no thumbnail was given for {missing[0]}")
    if rows:
        connection.execute(thumbnails.insert(), rows)
