"""visits.csv and failures.csv: written row by row, whole or not at all."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from woundseg import files
from woundseg.records import FAILURE_COLUMNS, VISIT_COLUMNS, Failure, VisitRow

VISITS, FAILURES, HEALING = "visits.csv", "failures.csv", "healing.csv"
ALL = (VISITS, FAILURES, HEALING)

DIGITS = 6
"""Decimals of a figure in a table."""

WriteRow = Callable[[list[str]], None]


class Tables:
    """The tables of one run, growing beside their places until the run's last row."""

    def __init__(self, visits: WriteRow, failures: WriteRow) -> None:
        self._visits, self._failures = visits, failures
        self.failed = 0

    def visit(self, row: VisitRow) -> None:
        """Adds a row to visits.csv."""
        self._visits(visit_cells(row))

    def failure(self, row: Failure) -> None:
        """Adds a row to failures.csv."""
        self._failures([cell(value) for value in astuple(row)])
        self.failed += 1


def visit_cells(row: VisitRow) -> list[str]:
    """A row as visits.csv holds it."""
    return [cell(getattr(row, name)) for name in VISIT_COLUMNS]


@contextmanager
def writing(out: Path) -> Iterator[Tables]:
    """Lends the tables; they take their places together when the block ends well.

    Raises:
        OutputError: a table cannot be written.
    """
    with ExitStack() as stack:
        visits = stack.enter_context(_table(out / VISITS, list(VISIT_COLUMNS)))
        failures = stack.enter_context(_table(out / FAILURES, list(FAILURE_COLUMNS)))
        yield Tables(visits, failures)


@contextmanager
def _table(path: Path, header: list[str]) -> Iterator[WriteRow]:
    with files.writing(path) as part:
        stream: TextIO
        with part.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(header)
            yield writer.writerow


def cell(value: Any) -> str:
    """A value as a table holds it; None is blank."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
    if isinstance(value, tuple):
        return ";".join(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def sha256(path: Path) -> str:
    """Of a table; empty when there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_visits(path: Path) -> Iterator[VisitRow]:
    """The rows of a visits.csv that :func:`writing` wrote, one by one."""
    with path.open(encoding="utf-8", newline="") as stream:
        for cells in csv.DictReader(stream):
            yield VisitRow(**{name: _VALUES[name](text) for name, text in cells.items()})


def read_failures(path: Path) -> Iterator[Failure]:
    """The rows of a failures.csv, one by one."""
    with path.open(encoding="utf-8", newline="") as stream:
        for cells in csv.DictReader(stream):
            yield Failure(**cells)


def _number(text: str) -> float | None:
    return float(text) if text else None


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


_VALUES: dict[str, Callable[[str], Any]] = {
    **{name: _number if figure.unit else str for name, figure in VISIT_COLUMNS.items()},
    "date": date.fromisoformat,
    "seq": int,
    "flags": _codes,
}
"""By column, the value of a cell: what has a unit is a number."""
