"""Who, which visit and when, from a manifest: a CSV with a row for each photograph."""

from __future__ import annotations

import math
import os.path
import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from woundseg.errors import TableError
from woundseg.records import Failure, Given, PhotoRef, YesNo
from woundseg.trial import cells, tables
from woundseg.trial.cells import CellError
from woundseg.trial.tables import Column
from woundseg.visits.ledger import Ledger
from woundseg.visits.patterns import nfc
from woundseg.visits.walk import is_photo

CARD_LINE_MM = (90.0, 110.0)
MM_PER_PX = (0.001, 5.0)
"""What ``scale.ScaleOptions`` takes, so that nothing else is found out in mid-run."""

_YES_NO: dict[int, YesNo] = {1: "Y", -1: "N", 0: ""}
_DRIVE = re.compile(r"[A-Za-z]:")
_BELOW = "Write the path below the folder of photographs, such as S01/V1/a.jpg"


def _columns() -> list[Column]:
    return [
        Column("path", cells.needed(cells.text), required=True),
        Column("subject", cells.needed(nfc), required=True),
        Column("visit", nfc, required=True),
        Column("date", cells.needed(cells.visit_date), required=True),
        Column("ulcer", nfc),
        Column("evaluable", cells.yes_no),
        Column("mm_per_px", cells.between(*MM_PER_PX)),
        Column("card_line_mm", cells.between(*CARD_LINE_MM)),
        Column("closed", cells.yes_no),
        Column("debrided", cells.yes_no),
        Column("target", cells.yes_no),
    ]


class Index:
    """Finds photographs by the path that a person wrote.

    Args:
        ledger: knows the photographs' own paths.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def find(self, text: str) -> str:
        """The photograph's own path; Unicode's two spellings, backslash and ``./`` are forgiven.

        Raises:
            CellError: no such photograph.
        """
        composed = nfc(text)
        tidy = posixpath.normpath(composed.strip().replace("\\", "/"))
        found = self._ledger.file("path", text)
        for spelling in (composed, tidy):
            found = found or self._ledger.file("composed", spelling)
        if found is None:
            raise self._missing(tidy)
        return found

    def _missing(self, tidy: str) -> CellError:
        if tidy.startswith("/") or _DRIVE.match(tidy):
            return CellError("is an absolute path", _BELOW)
        if tidy == ".." or tidy.startswith("../"):
            return CellError("leaves the folder of photographs", _BELOW)
        place = os.path.join(self._ledger.root, tidy)  # noqa: PTH118 - a Path refuses some texts
        if not os.path.exists(place):  # noqa: PTH110
            alike = self._ledger.file("folded", tidy.casefold())
            return CellError("does not exist", f"Write {alike}" if alike else _BELOW)
        if os.path.isdir(place):  # noqa: PTH112
            return CellError("is a folder", "Write a row for each photograph in it")
        if not is_photo(posixpath.basename(tidy)):
            return CellError("is no photograph", "Name a photograph, or remove the row")
        return CellError(
            "lies in the results' folder or behind a link to a folder", "Name it by its own place"
        )


def read(path: Path, ledger: Ledger) -> Iterator[PhotoRef | Failure]:
    """The photographs that a manifest places, and what is wrong with the others, as they come.

    Args:
        path: the manifest.
        ledger: knows the photographs; it notes which of them a row has named.

    Raises:
        TableError: the file as a whole cannot be understood.
    """
    header, rows = tables.records(path)
    columns = _columns()
    names = tables.checked_header(header, columns, str(path), refuse_near=True)
    present = [column for column in columns if column.name in names and column.name != "path"]
    reader = _Reader(path, ledger)
    empty = True
    for number, row in rows:
        if any(cell.strip() for cell in row):
            empty = False
            yield reader.take(number, row, names, present)
    if empty:
        raise TableError(path, "has a header but no rows", "Give it a row for each photograph")
    for photo in ledger.unclaimed():
        yield Failure(photo, "plan", f"is not in the manifest {path.name}", "Add a row for it.")


class _Reader:
    """Takes the rows of a manifest one by one."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self._source = str(path)
        self._ledger = ledger
        self._index = Index(ledger)
        self._ulcers: dict[tuple[str, str], str] = {}

    def take(
        self, number: int, row: Sequence[str], names: list[str], columns: list[Column]
    ) -> PhotoRef | Failure:
        """One row: a photograph, or one failure that says all that is wrong with it."""
        texts = dict(zip(names, row, strict=False))
        written = texts.get("path", "")
        written = written if written.strip() else ""  # a name may begin or end with a space
        relative, faults = self._claimed(number, written)
        values: dict[str, Any] = {}
        if len(row) != len(names):
            faults = [tables.ragged(row, len(names), number, self._source)]
        else:
            values, wrong = self._parsed(number, texts, columns)
            faults += wrong or self._spelled(number, values)
        if relative is None or faults:
            return _failure(relative or written or Path(self._source).name, faults)
        return _ref(self._ledger.root, relative, values)

    def _claimed(self, number: int, written: str) -> tuple[str | None, list[TableError]]:
        """The photograph that a row names, which no later row may name again."""
        try:
            relative = cells.needed(self._index.find)(written)
        except CellError as bad:
            return None, [self._refusal(number, "path", written, bad)]
        first = self._ledger.claim(relative, number)
        if first == number:
            return relative, []
        why = CellError(f"is there already, in row {first}", "Keep one row for each photograph")
        return relative, [self._refusal(number, "path", written, why)]

    def _parsed(
        self, number: int, texts: dict[str, str], columns: list[Column]
    ) -> tuple[dict[str, Any], list[TableError]]:
        values: dict[str, Any] = {}
        faults: list[TableError] = []
        for column in columns:
            text = texts[column.name].strip()
            try:
                if text not in column.seen:
                    column.learn(text, self._source, number)
                values[column.name] = column.seen[text]
            except TableError as bad:
                faults.append(bad)
        return values, faults

    def _spelled(self, number: int, values: dict[str, Any]) -> list[TableError]:
        """The endpoint refuses a table whose ulcers of one subject differ only in case."""
        ulcer = values.get("ulcer", "")
        key = values["subject"], ulcer.casefold()
        earlier = self._ulcers.setdefault(key, ulcer)
        if earlier == ulcer:
            return []
        why = CellError(f"differs from {earlier!r} only in case", "Spell each ulcer one way")
        return [self._refusal(number, "ulcer", ulcer, why)]

    def _refusal(self, number: int, column: str, text: str, why: CellError) -> TableError:
        return tables.refusal(self._source, number, column, text, why)


def _failure(path: str, faults: list[TableError]) -> Failure:
    cause = "; ".join(fault.cause for fault in faults)
    advice = ". ".join(dict.fromkeys(fault.remedy.rstrip(".") for fault in faults))
    return Failure(path, "plan", f"manifest {cause}", f"{advice}.")


def _ref(root: Path, relative: str, values: dict[str, Any]) -> PhotoRef:
    def number(name: str) -> float | None:
        value = values.get(name, math.nan)
        return None if math.isnan(value) else float(value)

    return PhotoRef(
        path=root / relative,
        relative=relative,
        subject=values["subject"],
        visit=values["visit"] or values["date"].isoformat(),
        date=values["date"],
        ulcer=values.get("ulcer") or None,
        dated_by="manifest",
        given=Given(
            evaluable=_YES_NO[values.get("evaluable", 0)],
            mm_per_px=number("mm_per_px"),
            card_line_mm=number("card_line_mm"),
            closed=_YES_NO[values.get("closed", 0)],
            debrided=_YES_NO[values.get("debrided", 0)],
            target=_YES_NO[values.get("target", 0)],
        ),
    )
