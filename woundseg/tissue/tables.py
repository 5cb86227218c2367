"""Reading this room's tables: every fault names the row, the column and the value."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from woundseg.errors import TableError


@dataclass(frozen=True)
class Cells:
    """One row of a table.

    Attributes:
        where: file and row, for messages.
        values: text by column, trimmed.
    """

    where: str
    values: Mapping[str, str]

    def text(self, column: str) -> str:
        """What stands in a column.

        Raises:
            TableError: nothing does.
        """
        if not self.values[column]:
            raise self.fault(column, "something")
        return self.values[column]

    def one_of(self, column: str, known: Iterable[str]) -> str:
        """A word out of a closed list.

        Raises:
            TableError: another word.
        """
        words = tuple(known)
        if self.values[column] not in words:
            raise self.fault(column, " or ".join(words))
        return self.values[column]

    def whole(self, column: str) -> int:
        """A whole number from 0.

        Raises:
            TableError: something else.
        """
        text = self.values[column]
        if not (text.isascii() and text.isdigit()):
            raise self.fault(column, "a whole number")
        return int(text)

    def number(self, column: str) -> float:
        """A finite number.

        Raises:
            TableError: something else.
        """
        try:
            value = float(self.values[column])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.fault(column, "a number")
        return value

    def fault(self, column: str, wanted: str) -> TableError:
        """The error that names this row, a column and its value."""
        found = self.values[column]
        cause = f"column {column}: {found!r} stands there, not {wanted}"
        return TableError(self.where, cause, f"Write {wanted}")


def read_table(path: Path, columns: Iterable[str]) -> list[Cells]:
    """The rows of a CSV file with these columns; further ones are left alone.

    Raises:
        TableError: it cannot be read, or a column is missing.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            found, rows = reader.fieldnames or (), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        cause = f"cannot be read ({error})"
        raise TableError(path, cause, f"Give a CSV with {','.join(columns)}") from error
    missing = [column for column in columns if column not in found]
    if missing:
        cause = f"has no column {', '.join(missing)}"
        raise TableError(path, cause, f"Name the columns {','.join(columns)}")
    return [
        Cells(
            f"{path}, row {number}",
            {name: (row.get(name) or "").strip() for name in columns},
        )
        for number, row in enumerate(rows, start=2)
    ]
