"""The fold table: ``image,group,fold`` and any further columns."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from woundseg.errors import TableError

NEEDED = ("image", "group", "fold")


@dataclass(frozen=True)
class FoldRow:
    """Where one photograph belongs."""

    group: str
    fold: int


def read_folds(path: Path) -> dict[str, FoldRow]:
    """The fold table by image stem.

    Raises:
        TableError: it cannot be read, a column is missing, an image is there twice, or a fold is
            no whole number from 0.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            columns = reader.fieldnames or ()
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        cause = f"cannot be read ({error})"
        raise TableError(path, cause, "Give a CSV with image,group,fold") from error
    missing = [name for name in NEEDED if name not in columns]
    if missing:
        raise TableError(
            path, f"has no column {', '.join(missing)}", f"Name the columns {','.join(NEEDED)}"
        )
    table: dict[str, FoldRow] = {}
    for number, row in enumerate(rows, start=2):
        _take(table, row, f"{path}, row {number}")
    return table


def _take(table: dict[str, FoldRow], row: dict[str, str | None], where: str) -> None:
    image, group, fold = ((row[name] or "").strip() for name in NEEDED)
    if not image or image in table:
        cause = f"column image: {image!r} stands there twice" if image else "column image is blank"
        raise TableError(where, cause, "Give each photograph one row")
    if not (fold.isascii() and fold.isdigit()):
        raise TableError(where, f"column fold: {fold!r} is no whole number", "Write 0, 1, 2 …")
    table[image] = FoldRow(group=group or image, fold=int(fold))
