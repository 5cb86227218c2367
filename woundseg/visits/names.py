"""Names of ulcers for single photographs: a CSV of path and ulcer, beside manifest or pattern."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from woundseg.errors import TableError
from woundseg.records import Failure
from woundseg.trial import cells, tables
from woundseg.trial.cells import CellError
from woundseg.trial.tables import Column
from woundseg.visits.ledger import Ledger
from woundseg.visits.manifest import Index
from woundseg.visits.patterns import nfc

_GIVEN = (
    "SELECT relative, subject, photo.ulcer, name.ulcer, row FROM name JOIN photo USING (relative)"
)
_SPELLED = (
    "SELECT DISTINCT subject, ulcer FROM photo WHERE ulcer IS NOT NULL AND subject IN "
    "(SELECT subject FROM name JOIN photo USING (relative)) ORDER BY subject, ulcer"
)
_NOT_PLACED = (
    "SELECT relative, ulcer, row FROM name WHERE relative NOT IN (SELECT relative FROM photo)"
)
_APPLY = (
    "UPDATE photo SET ulcer = (SELECT ulcer FROM name WHERE name.relative = photo.relative) "
    "WHERE relative IN (SELECT relative FROM name)"
)


def apply(path: Path, ledger: Ledger) -> None:
    """Gives photographs the ulcers' names of a table; what is wrong with a row is noted.

    A photograph with a bad name fails, as one with a bad row of a manifest does: measured
    without the name, it could stand for another ulcer.

    Args:
        path: the table, with the columns ``path`` and ``ulcer``.
        ledger: the photographs, which have their places.

    Raises:
        TableError: the file as a whole cannot be understood.
    """
    header, rows = tables.records(path)
    columns = [
        Column("path", cells.needed(cells.text), required=True),
        Column("ulcer", cells.needed(_ulcer), required=True),
    ]
    names = tables.checked_header(header, columns, str(path), refuse_near=True)
    reader = _Reader(str(path), ledger)
    for number, row in rows:
        if any(cell.strip() for cell in row):
            reader.take(number, row, names)
    if not reader.rows:
        raise TableError(path, "has a header but no rows", "Give it a row, or leave out --names")
    ledger.find_fault(reader.contradicting())
    ledger.fail(reader.not_placed())
    ledger.database.execute(_APPLY)


def _ulcer(text: str) -> str:
    if not text.isprintable() or ";" in text:
        raise CellError("cannot be an ulcer's name", "Write a short name, such as u1")
    return nfc(text)


class _Reader:
    """Takes the rows one by one."""

    def __init__(self, source: str, ledger: Ledger) -> None:
        self.rows = 0
        self._source = source
        self._ledger = ledger
        self._index = Index(ledger)

    def take(self, number: int, row: Sequence[str], names: list[str]) -> None:
        """One row: a name, or a failure of what it names."""
        self.rows += 1
        texts = dict(zip(names, row, strict=False))
        written = texts.get("path", "")
        try:
            if len(row) != len(names):
                raise tables.ragged(row, len(names), number, self._source)
            relative = self._parsed(number, "path", written.strip() and written, self._index.find)
            ulcer = self._parsed(number, "ulcer", texts["ulcer"].strip(), _ulcer)
            self._keep(relative, ulcer, number)
        except TableError as bad:
            self._fail(written, bad)

    def _parsed(self, number: int, column: str, text: str, parse: cells.Parser) -> str:
        try:
            found: str = cells.needed(parse)(text)
        except CellError as bad:
            raise tables.refusal(self._source, number, column, text, bad) from None
        return found

    def _keep(self, relative: str, ulcer: str, number: int) -> None:
        known = self._ledger.database.execute(
            "SELECT row FROM name WHERE relative = ?", (relative,)
        ).fetchone()
        if known is not None:
            why = CellError(f"is there already, in row {known[0]}", "Keep one of the rows")
            raise tables.refusal(self._source, number, "path", relative, why)
        statement = "INSERT INTO name (relative, ulcer, row) VALUES (?, ?, ?)"
        self._ledger.database.execute(statement, (relative, ulcer, number))

    def _fail(self, written: str, bad: TableError) -> None:
        """A photograph that is there fails; so does a path that names none."""
        why = CellError(f"names {bad.cause}", bad.remedy)
        try:
            relative = self._index.find(written)
        except CellError:
            path = written.strip() or Path(self._source).name
            self._ledger.fail([Failure(path, "plan", why.cause, f"{why.remedy.rstrip('.')}.")])
        else:
            self._ledger.find_fault([(relative, why)])

    def contradicting(self) -> Iterator[tuple[str, CellError]]:
        """Photographs whose name contradicts the manifest's, or differs from another in case."""
        spelled: dict[tuple[str, str], str] = {}
        for subject, ulcer in self._ledger.database.execute(_SPELLED):
            spelled.setdefault((subject, ulcer.casefold()), ulcer)
        for relative, subject, by_manifest, ulcer, row in self._ledger.database.execute(
            f"{_GIVEN} ORDER BY row"
        ):
            if by_manifest not in (None, ulcer):
                why = CellError(f"contradicts the manifest's {by_manifest!r}", "Keep one of them")
            else:
                usual = ulcer.casefold() if _is_automatic(ulcer) else ulcer
                earlier = spelled.setdefault((subject, ulcer.casefold()), usual)
                if earlier == ulcer:
                    continue
                why = CellError(f"differs from {earlier!r} only in case", f"Write {earlier}")
            bad = tables.refusal(self._source, row, "ulcer", ulcer, why)
            yield relative, CellError(f"names {bad.cause}", bad.remedy)

    def not_placed(self) -> Iterator[Failure]:
        """Rows for photographs that are in the folder and not in the plan."""
        for relative, ulcer, row in self._ledger.database.execute(_NOT_PLACED):
            why = CellError("is for a photograph that is not in the plan", "Remove the row")
            bad = tables.refusal(self._source, row, "ulcer", ulcer, why)
            yield Failure(relative, "plan", f"names {bad.cause}", f"{bad.remedy}.")


def _is_automatic(ulcer: str) -> bool:
    """Whether it is such a name as following gives, but for its case."""
    return ulcer[:1] in "uU" and ulcer[1:].isdecimal()
