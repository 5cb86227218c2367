"""The fold table: ``image,group,fold``, ``source`` if there is one, and any further columns."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from woundseg.datasets.pictures import IMAGE_SUFFIXES
from woundseg.errors import TableError

NEEDED = ("image", "group", "fold")


@dataclass(frozen=True)
class FoldRow:
    """Where one photograph belongs, and which of a set's sources it comes from."""

    group: str
    fold: int
    source: str = ""


def read_folds(path: Path) -> dict[str, FoldRow]:
    """The fold table by image stem; a picture's suffix (``0011.png``) may stand in the table.

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
    image = _stem(image)
    if not image or image in table:
        cause = f"column image: {image!r} stands there twice" if image else "column image is blank"
        raise TableError(where, cause, "Give each photograph one row")
    if not (fold.isascii() and fold.isdigit()):
        raise TableError(where, f"column fold: {fold!r} is no whole number", "Write 0, 1, 2 …")
    source = (row.get("source") or "").strip()
    table[image] = FoldRow(group=group or image, fold=int(fold), source=source)


def _stem(image: str) -> str:
    path = Path(image)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else image


def folds_by_group(groups: Sequence[str], folds: int = 5) -> dict[str, int]:
    """A fold for each group where no table gives one: the same for the same groups.

    The largest group goes first, each to the fold that has the fewest photographs so far.

    Args:
        groups: of each photograph.
        folds: how many.
    """
    sizes = Counter(groups)
    filled = [0] * folds
    chosen: dict[str, int] = {}
    for group in sorted(sizes, key=lambda name: (-sizes[name], name)):
        fold = filled.index(min(filled))
        chosen[group] = fold
        filled[fold] += sizes[group]
    return chosen
