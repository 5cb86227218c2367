"""A plan's photographs and failures on the disk, so that a million cost no more than a thousand.

Everything that is asked of all photographs together (which are there twice, in what order they
come, what is wrong with each) is asked of a private database of SQLite. It has no name, lies where
the system keeps temporary files, and is gone with the process.
"""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import date
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, cast

from woundseg.records import Doubt, Failure, Given, PhotoRef
from woundseg.trial.cells import CellError
from woundseg.visits.patterns import nfc

Spelling = Literal["path", "composed", "folded"]
DatedBy = Literal["manifest", "path", "exif"]

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE file (path TEXT PRIMARY KEY, composed TEXT, folded TEXT, row INTEGER) WITHOUT ROWID;
CREATE INDEX file_composed ON file (composed);
CREATE INDEX file_folded ON file (folded);
CREATE TABLE photo (
    relative TEXT PRIMARY KEY, subject TEXT, visit TEXT, date TEXT, ulcer TEXT, dated_by TEXT,
    given TEXT, size INTEGER
) WITHOUT ROWID;
CREATE TABLE middle (relative TEXT, size INTEGER, middle BLOB);
CREATE TABLE digest (relative TEXT, digest BLOB);
CREATE TABLE name (relative TEXT PRIMARY KEY, ulcer TEXT, row INTEGER) WITHOUT ROWID;
CREATE TABLE doubt (number INTEGER PRIMARY KEY, relative TEXT, code TEXT, told TEXT, advice TEXT);
CREATE INDEX doubt_relative ON doubt (relative);
CREATE TABLE fault (number INTEGER PRIMARY KEY, relative TEXT, cause TEXT, remedy TEXT);
CREATE INDEX fault_relative ON fault (relative);
CREATE TABLE failure (
    number INTEGER PRIMARY KEY, path TEXT, stage TEXT, error TEXT, advice TEXT
);
CREATE INDEX failure_path ON failure (path);
CREATE TABLE content (relative TEXT PRIMARY KEY, sha256 TEXT) WITHOUT ROWID;
CREATE TABLE placed (place INTEGER PRIMARY KEY, relative TEXT);
CREATE INDEX placed_relative ON placed (relative);
BEGIN;
"""

REF = (
    "photo.relative, subject, visit, date, ulcer, dated_by, given, "
    "(SELECT json_group_array(json_array(code, told, advice)) FROM "
    "(SELECT * FROM doubt WHERE doubt.relative = photo.relative ORDER BY number))"
)
"""The columns of ``photo`` that ``Ledger.ref`` takes."""


class Ledger:
    """The database of one plan.

    Args:
        root: the folder of photographs.

    Attributes:
        root: see there.
        database: the tables; every path in them is below ``root``, with ``/``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = sqlite3.connect("", isolation_level=None)
        self.database.executescript(_SCHEMA)

    def list_files(self, paths: Iterable[str]) -> None:
        """Notes the photographs that were met, whatever becomes of them."""
        rows = ((path, nfc(path), nfc(path).casefold()) for path in paths)
        self.many("INSERT INTO file (path, composed, folded) VALUES (?, ?, ?)", rows)

    def files(self) -> Iterator[str]:
        """Their paths, in order."""
        for (path,) in self.database.execute("SELECT path FROM file ORDER BY path"):
            yield path

    def file(self, column: Spelling, text: str) -> str | None:
        """The path of the photograph that is spelled so; of several the last in order."""
        asked = f"SELECT max(path) FROM file WHERE {column} = ?"
        found: str | None = self.database.execute(asked, (text,)).fetchone()[0]
        return found

    def claim(self, path: str, row: int) -> int:
        """The row of the manifest that names a photograph first; this one, if it is the first."""
        self.database.execute("UPDATE file SET row = ? WHERE path = ? AND row IS NULL", (row, path))
        asked = "SELECT row FROM file WHERE path = ?"
        return int(self.database.execute(asked, (path,)).fetchone()[0])

    def unclaimed(self) -> Iterator[str]:
        """Photographs that no row names."""
        for (path,) in self.database.execute(
            "SELECT path FROM file WHERE row IS NULL ORDER BY path"
        ):
            yield path

    def place(self, found: Iterable[PhotoRef]) -> None:
        """Notes photographs that have a place."""
        rows = ((*_row(ref), _size(ref.path)) for ref in found)
        names = "relative, subject, visit, date, ulcer, dated_by, given, size"
        self.many(f"INSERT INTO photo ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def fail(self, failures: Iterable[Failure]) -> None:
        """Notes what will not be measured."""
        rows = ((f.path, f.stage, f.error, f.advice) for f in failures)
        self.many("INSERT INTO failure (path, stage, error, advice) VALUES (?, ?, ?, ?)", rows)

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs a statement for each of the rows, which may be made while others are read."""
        self.database.executemany(statement, rows)

    def find_fault(self, faults: Iterable[tuple[str, CellError]]) -> None:
        """Notes what is wrong with photographs that have a place, by path."""
        rows = ((relative, fault.cause, fault.remedy) for relative, fault in faults)
        self.many("INSERT INTO fault (relative, cause, remedy) VALUES (?, ?, ?)", rows)

    def faults(self) -> Iterator[tuple[str, list[CellError]]]:
        """All that was noted so, a photograph at a time."""
        asked = "SELECT relative, cause, remedy FROM fault ORDER BY relative, number"
        for relative, rows in groupby(self.database.execute(asked), key=itemgetter(0)):
            yield relative, [CellError(cause, remedy) for _, cause, remedy in rows]

    def noted(self) -> Iterator[PhotoRef]:
        """The photographs noted so far, by path."""
        for row in self.database.execute(f"SELECT {REF} FROM photo ORDER BY relative"):
            yield self.ref(row)

    def ref(self, row: Sequence[Any]) -> PhotoRef:
        """The photograph of a row with the columns ``REF``."""
        relative, subject, visit, day, ulcer, dated_by, given, doubts = row
        return PhotoRef(
            path=self.root / relative,
            relative=relative,
            subject=subject,
            visit=visit,
            date=date.fromisoformat(day),
            ulcer=ulcer,
            dated_by=cast(DatedBy, dated_by),
            given=Given() if given is None else Given(**json.loads(given)),
            doubts=tuple(Doubt(*doubt) for doubt in json.loads(doubts)),
        )

    def doubt(self, doubts: Iterable[tuple[str, Doubt]]) -> None:
        """Notes what a person should look at, by path; it comes back with the photograph."""
        rows = ((relative, doubt.code, doubt.told, doubt.advice) for relative, doubt in doubts)
        self.many("INSERT INTO doubt (relative, code, told, advice) VALUES (?, ?, ?, ?)", rows)

    def placed(self) -> Photos:
        """The photographs without a fault, by subject, date and path."""
        self.database.execute(
            "INSERT INTO placed (relative) SELECT relative FROM photo "
            "WHERE relative NOT IN (SELECT relative FROM fault) ORDER BY subject, date, relative"
        )
        return Photos(self, "placed")


class Photos:
    """Photographs in their order, read from the disk as they are asked for."""

    _numbers = count(1)

    def __init__(self, ledger: Ledger, table: str) -> None:
        self._ledger = ledger
        self._table = table

    def __len__(self) -> int:
        return self._count("count(*)")

    def __iter__(self) -> Iterator[PhotoRef]:
        asked = f"SELECT {REF} FROM {self._table} JOIN photo USING (relative) ORDER BY place"
        for row in self._ledger.database.execute(asked):
            yield self._ledger.ref(row)

    def holds(self, relative: str) -> bool:
        """Whether a photograph of this path below the root is among them."""
        return self._count("count(*)", "WHERE relative = ?", relative) > 0

    def keep_content(self, relative: str, sha256: str) -> None:
        """Notes which bytes a photograph is taken to have from now on, whatever becomes of it."""
        asked = "INSERT OR REPLACE INTO content (relative, sha256) VALUES (?, ?)"
        self._ledger.database.execute(asked, (relative, sha256))

    def content(self, relative: str) -> str | None:
        """The hash that was noted so; None where none was."""
        asked = "SELECT sha256 FROM content WHERE relative = ?"
        found = self._ledger.database.execute(asked, (relative,)).fetchone()
        return None if found is None else str(found[0])

    def subjects(self) -> int:
        """How many subjects they show."""
        return self._count("count(DISTINCT subject)", "JOIN photo USING (relative)")

    def where(self, test: Callable[[PhotoRef], bool]) -> Photos:
        """Those that pass, as they pass now."""
        table = f"part_{next(self._numbers)}"
        self._ledger.database.execute(
            f"CREATE TABLE {table} (place INTEGER PRIMARY KEY, relative TEXT)"
        )
        passed = ((ref.relative,) for ref in self if test(ref))
        self._ledger.many(f"INSERT INTO {table} (relative) VALUES (?)", passed)
        return Photos(self._ledger, table)

    def _count(self, what: str, end: str = "", *values: str) -> int:
        asked = f"SELECT {what} FROM {self._table} {end}"
        return int(self._ledger.database.execute(asked, values).fetchone()[0])


class Failures:
    """What will not be measured, by path, read from the disk as it is asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self._database = ledger.database

    def __len__(self) -> int:
        return int(self._database.execute("SELECT count(*) FROM failure").fetchone()[0])

    def __iter__(self) -> Iterator[Failure]:
        asked = "SELECT path, stage, error, advice FROM failure ORDER BY path, number"
        for row in self._database.execute(asked):
            yield Failure(*row)

    def hold(self, path: str) -> bool:
        """Whether a file of this path is among them."""
        asked = "SELECT count(*) FROM failure WHERE path = ?"
        return int(self._database.execute(asked, (path,)).fetchone()[0]) > 0


def _size(path: Path) -> int | None:
    """In bytes; None where nothing can be there twice: empty, gone, or no ordinary file."""
    try:
        status = path.stat()
    except OSError:  # the photograph's own reading will say why
        return None
    return status.st_size or None if stat.S_ISREG(status.st_mode) else None


def _row(ref: PhotoRef) -> tuple[str | None, ...]:
    given = None if ref.given == Given() else json.dumps(asdict(ref.given))
    day = ref.date.isoformat()
    return ref.relative, ref.subject, ref.visit, day, ref.ulcer, ref.dated_by, given
