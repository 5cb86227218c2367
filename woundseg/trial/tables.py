"""Reading visits.csv and subjects.csv (section 10), and refusing what cannot be understood.

What any CSV of a study needs is here too: ``records``, ``checked_header``, ``ragged``, ``Column``.

Each refusal is a TableError that names the file, the row (as a spreadsheet counts: the header
is row 1), the column and the value. Nothing has been written by then.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, get_args

import numpy as np

from woundseg.errors import TableError
from woundseg.records import ReadingStatus
from woundseg.trial import cells, units
from woundseg.trial.cells import CellError
from woundseg.trial.codes import AnyArray, Bools, Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 2_000_000

Row = tuple[int, Sequence[str]]


@dataclass
class Column:
    """One column while it is read.

    Attributes:
        name: as the header has it.
        parse: text to value.
        required: a header without it is refused.
        seen: the value of each text met so far: dates and subjects come again and again.
        values: of the rows so far.
    """

    name: str
    parse: cells.Parser
    required: bool = False
    seen: dict[str, Any] = field(default_factory=dict)
    values: list[Any] = field(default_factory=list)

    def learn(self, text: str, source: str, row: int) -> Any:
        """The value of a text met for the first time.

        Raises:
            TableError: it cannot be used; names row, column and value.
        """
        try:
            value = self.parse(text)
        except CellError as bad:
            raise refusal(source, row, self.name, text, bad) from bad
        self.seen[text] = value
        return value


def refusal(source: str, row: int, column: str, value: str, why: CellError) -> TableError:
    """The error for one cell: file, row, column, value, cause, remedy."""
    return TableError(source, f"row {row}, column {column}: {value!r} {why.cause}", why.remedy)


def _visit_columns() -> list[Column]:
    return [
        Column("subject", cells.needed(cells.text), required=True),
        Column("visit", cells.text, required=True),
        Column("date", cells.needed(cells.iso_day), required=True),
        Column("ulcer", cells.needed(cells.text), required=True),
        Column("area_cm2", cells.not_negative, required=True),
        Column("area_sd", cells.not_negative),
        Column("area_cm2_low", cells.not_negative),
        Column("area_cm2_high", cells.not_negative),
        Column("evaluable", cells.yes_no, required=True),
        Column("calibrated", cells.yes_no),
        Column("closed", cells.yes_no),
        Column("debrided", cells.yes_no),
        Column("target", cells.yes_no),
        Column("seq", cells.number),
        Column("perimeter_cm", cells.not_negative),
        Column("granulation", cells.fraction),
        Column("response", cells.response_code),
        Column("lower_bound", cells.yes_no),
        Column("reading_status", cells.one_of(*get_args(ReadingStatus), blank="machine")),
        Column("reader", cells.text),
    ]


_VISIT_TEXTS = ("subject", "visit", "ulcer", "reading_status", "reader")
_VISIT_CODES = (
    "evaluable", "calibrated", "closed", "debrided", "target", "response", "lower_bound",
)  # fmt: skip


def _subject_columns() -> list[Column]:
    return [
        Column("subject", cells.needed(cells.text), required=True),
        Column("trt_start", cells.iso_day, required=True),
        Column("fasfl", cells.yes_no),
        Column("rescue_date", cells.iso_day),
        Column("amputation_date", cells.iso_day),
        Column("death_date", cells.iso_day),
        Column("pd_date", cells.iso_day),
        Column("eos_date", cells.iso_day),
        Column("eos_reason", cells.text),
        Column("age", cells.text),
        Column("sex", cells.text),
    ]


@dataclass(frozen=True)
class Visits:
    """visits.csv as arrays, sorted by subject, date, ulcer, seq and row.

    Days count from 1970-01-01. Y, blank and N are 1, 0 and -1. A blank number is NaN.

    Attributes:
        source: the file's name, for messages.
        row: row in the file; the header is 1.
        response: assessed code as its number, 0 for a blank.
        lower_bound: 1 where the true area may be larger (rule 2.6a).
        reading_status: of ``records.ReadingStatus``; machine for a blank.
        reader: the person who read the photograph; blank for none.
    """

    source: str
    row: Ints
    subject: AnyArray
    visit: AnyArray
    date: Ints
    ulcer: AnyArray
    area: Floats
    sd: Floats
    low: Floats
    high: Floats
    evaluable: Ints
    calibrated: Ints
    closed: Ints
    debrided: Ints
    target: Ints
    seq: Floats
    perimeter: Floats
    granulation: Floats
    response: Ints
    lower_bound: Ints
    reading_status: AnyArray
    reader: AnyArray

    @property
    def by_person(self) -> Bools:
        """Rows that rest on a person's reading of the photograph."""
        read = np.isin(self.reading_status, ("read", "adjudicated"))
        return np.asarray(read | (self.reader != ""))

    def take(self, index: AnyArray) -> Visits:
        """The rows at ``index`` (positions or a mask), in that order."""
        arrays = {k: v[index] for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        return Visits(source=self.source, **arrays)


@dataclass(frozen=True)
class Subjects:
    """subjects.csv as arrays, sorted by subject; a blank date is ``cells.NEVER``."""

    subject: AnyArray
    trt_start: Ints
    fasfl: AnyArray
    rescue: Ints
    amputation: Ints
    death: Ints
    pd_date: Ints
    eos: Ints
    eos_reason: AnyArray
    age: AnyArray
    sex: AnyArray

    def of(self, subjects: Iterable[str]) -> Subjects:
        """Those of ``subjects`` that are listed."""
        asked = set(subjects)
        known = np.array([name in asked for name in self.subject.tolist()], dtype=np.bool_)
        return Subjects(**{name: column[known] for name, column in vars(self).items()})


def read_visits(path: Path) -> Visits:
    """visits.csv, checked.

    Raises:
        TableError: see the module.
    """
    return _visits(*records(path), str(path))


def in_blocks(path: Path, least_rows: int = 5_000) -> Iterator[Visits]:
    """visits.csv, checked, some subjects at a time, so that it may be longer than memory.

    Args:
        path: a table whose rows stand subject by subject, in the subjects' order.
        least_rows: a block ends with the subject that brings it to so many rows.

    Raises:
        TableError: see the module.
    """
    header, rows = records(path)
    subject = [name.strip() for name in header].index("subject")
    block: list[Row] = []
    for _, own in groupby(rows, key=lambda row: row[1][subject]):
        block += own
        if len(block) >= least_rows:
            yield _visits(header, block, str(path))
            block = []
    if block:
        yield _visits(header, block, str(path))


def read_subjects(path: Path) -> Subjects:
    """subjects.csv, checked.

    Raises:
        TableError: see the module; also no subject, one twice, or one without trt_start.
    """
    return _subjects(*records(path), str(path))


def visits_from_frame(frame: pd.DataFrame, source: str = "visits") -> Visits:
    """The same from a data frame with the columns of visits.csv; NaN and None are blanks."""
    return _visits(*_frame_records(frame), source)


def subjects_from_frame(frame: pd.DataFrame, source: str = "subjects") -> Subjects:
    """The same from a data frame with the columns of subjects.csv."""
    return _subjects(*_frame_records(frame), source)


def _visits(header: Sequence[str], rows: Iterable[Row], source: str) -> Visits:
    numbers, columns = parsed(header, rows, _visit_columns(), source)
    row = np.array(numbers, dtype=np.int64)
    text = {name: np.array(columns[name], dtype=object) for name in _VISIT_TEXTS}
    days = np.array(columns["date"], dtype=np.int64)
    seq = np.array(columns["seq"], dtype=np.float64)
    subject_rank, ulcer_rank = (_rank(text[name]) for name in ("subject", "ulcer"))
    order = np.lexsort((row, np.nan_to_num(seq, nan=-np.inf), ulcer_rank, days, subject_rank))
    _refuse_case_twins(text["subject"], text["ulcer"], row, source)
    visits = Visits(
        source=source,
        row=row,
        **text,
        date=days,
        area=np.array(columns["area_cm2"], dtype=np.float64),
        sd=np.array(columns["area_sd"], dtype=np.float64),
        low=np.array(columns["area_cm2_low"], dtype=np.float64),
        high=np.array(columns["area_cm2_high"], dtype=np.float64),
        **{name: np.array(columns[name], dtype=np.int64) for name in _VISIT_CODES},
        seq=seq,
        perimeter=np.array(columns["perimeter_cm"], dtype=np.float64),
        granulation=np.array(columns["granulation"], dtype=np.float64),
    )
    _refuse_crossed_interval(visits)
    return visits.take(order)


def _subjects(header: Sequence[str], rows: Iterable[Row], source: str) -> Subjects:
    numbers, columns = parsed(header, rows, _subject_columns(), source)
    if not numbers:
        raise TableError(source, "has no rows", "Give it a row for each subject")
    first: dict[str, int] = {}
    for row, subject, start in zip(numbers, columns["subject"], columns["trt_start"], strict=True):
        if subject in first:
            why = CellError(f"is there already, in row {first[subject]}", "Keep one row a subject")
            raise refusal(source, row, "subject", subject, why)
        first[subject] = row
        if start == cells.NEVER:
            raise TableError(
                source,
                f"row {row}, column trt_start: '' is blank for subject {subject}",
                "Leave screen failures out, or give fasfl N with a date",
            )
    subject = np.array(columns["subject"], dtype=object)
    order = np.argsort(_rank(subject), kind="stable")
    days = {
        name: np.array(columns[name], dtype=np.int64)[order]
        for name in columns
        if name == "trt_start" or name.endswith("_date")
    }
    text = {
        name: np.array(columns[name], dtype=object)[order] for name in ("eos_reason", "age", "sex")
    }
    return Subjects(
        subject=subject[order],
        trt_start=days["trt_start"],
        fasfl=np.array(columns["fasfl"], dtype=np.int64)[order] != -1,
        rescue=days["rescue_date"],
        amputation=days["amputation_date"],
        death=days["death_date"],
        pd_date=days["pd_date"],
        eos=days["eos_date"],
        **text,
    )


def subjects_of(visits: Visits) -> Subjects:
    """Subjects where there is no subjects.csv (section 10).

    trt_start is the date of the subject's visit named BASELINE, else its first date.
    """
    names, first = np.unique(visits.subject, return_index=True)
    start = visits.date[first].copy() if names.size else np.zeros(0, dtype=np.int64)
    is_baseline = np.array([v.upper() == "BASELINE" for v in visits.visit], dtype=np.bool_)
    named, where = np.unique(visits.subject[is_baseline], return_index=True)
    start[np.searchsorted(names, named)] = visits.date[is_baseline][where]
    never = np.full(names.size, cells.NEVER, dtype=np.int64)
    blank = np.full(names.size, "", dtype=object)
    everyone = np.ones(names.size, dtype=np.bool_)
    return Subjects(names, start, everyone, never, never, never, never, never, blank, blank, blank)


def _rank(text: AnyArray) -> Ints:
    """Place of each text among all, in code-point order."""
    return np.unique(text, return_inverse=True)[1].astype(np.int64)


def parsed(
    header: Sequence[str], rows: Iterable[Row], columns: list[Column], source: str
) -> tuple[list[int], dict[str, list[Any]]]:
    """Row numbers and the values of each column, an absent optional one all blank.

    Raises:
        TableError: see the module.
    """
    names = checked_header(header, columns, source)
    present = [(names.index(c.name), c) for c in columns if c.name in names]
    absent = [column for column in columns if column.name not in names]
    numbers: list[int] = []
    for number, row in rows:
        if len(row) != len(names):
            if not any(cell.strip() for cell in row):
                continue  # blank lines at the end of a spreadsheet's export
            raise ragged(row, len(names), number, source)
        if not any(row):
            continue
        numbers.append(number)
        for place, column in present:
            cell = row[place].strip()
            try:
                value = column.seen[cell]
            except KeyError:
                value = column.learn(cell, source, number)
            column.values.append(value)
    for column in absent:
        column.values = [column.parse("")] * len(numbers)
    return numbers, {column.name: column.values for column in columns}


def checked_header(
    header: Sequence[str], columns: Sequence[Column], source: str, refuse_near: bool = False
) -> list[str]:
    """The header's names, when it can be understood; unknown columns are passed over.

    Args:
        header: the first row.
        columns: the known ones.
        source: the file's name, for messages.
        refuse_near: an unknown column that reads like an absent known one is refused too.

    Raises:
        TableError: parted by something else than commas, a required column is missing, a known
            one is there twice.
    """
    names = [name.strip() for name in header]
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        mark = "semicolons" if ";" in names[0] else "tabs"
        raise TableError(
            source, f"row 1: columns are parted by {mark}, not commas", cells.EXCEL_COMMAS
        )
    known = {column.name for column in columns}
    for name in sorted(known):
        if names.count(name) > 1:
            raise TableError(source, f"row 1: column {name} is there twice", "Keep one of them")
    strangers = {name.casefold(): name for name in names if name not in known}
    for column in columns:
        if column.name not in names and (column.required or refuse_near):
            _refuse_absent(column, strangers, names, source)
    return names


def _refuse_absent(
    column: Column, strangers: dict[str, str], names: list[str], source: str
) -> None:
    """Says what an absent column may be called in the file; one that may be absent passes."""
    cutoff = 0.6 if column.required else 0.72  # closed_date is not closed, debridement is debrided
    near = difflib.get_close_matches(column.name, strangers, n=1, cutoff=cutoff)
    meant = strangers[near[0]] if near else ""
    if column.required:
        remedy = f"Add a column named {column.name}"
        if near:
            remedy = units.remedy(column.name, meant)
        cause = f"row 1: column {column.name} is missing (found: {', '.join(names)})"
        raise TableError(source, cause, remedy)
    if near:
        remedy = f"{units.remedy(column.name, meant)}, or give it a name less like that one"
        raise TableError(source, f"row 1: column {meant!r} is unknown", remedy)


def ragged(row: Sequence[str], width: int, number: int, source: str) -> TableError:
    """The error for a row whose cells are not as many as the header's."""
    remedy = "Correct the row"
    if len(row) > width:
        remedy = f"If numbers have decimal commas: {cells.EXCEL_DECIMALS}"
    value = ",".join(row)[:120]
    return TableError(source, f"row {number}: {len(row)} cells, not {width}: {value!r}", remedy)


def _refuse_case_twins(subject: AnyArray, ulcer: AnyArray, row: Ints, source: str) -> None:
    """Ulcer ids of one subject that differ only in case."""
    spelled: dict[tuple[str, str], str] = {}
    for who, name, number in zip(subject.tolist(), ulcer.tolist(), row.tolist(), strict=True):
        earlier = spelled.setdefault((who, name.casefold()), name)
        if earlier != name:
            why = CellError(f"differs from {earlier!r} only in case", "Spell each ulcer one way")
            raise refusal(source, number, "ulcer", name, why)


def _refuse_crossed_interval(visits: Visits) -> None:
    crossed = np.flatnonzero(visits.low > visits.high)
    if crossed.size:
        first = int(crossed[0])
        why = CellError(
            f"is more than area_cm2_high {visits.high[first]:g}", "Correct the interval"
        )
        raise refusal(
            visits.source, int(visits.row[first]), "area_cm2_low", f"{visits.low[first]:g}", why
        )


def records(path: Path) -> tuple[list[str], Iterator[Row]]:
    """Header and numbered rows of a CSV file, or of a pipe; a byte order mark is dropped.

    Raises:
        TableError: it cannot be read, is empty, too long, not UTF-8 or not CSV (as it is read).
    """
    try:
        stream = _seekable(path)
        _refuse_no_text(stream, path)
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
        raise TableError(path, cause, "Name a CSV file that exists") from error
    stream.seek(0)
    rows = _rows(stream, path)
    return list(next(rows)[1]), rows


def _seekable(path: Path) -> BinaryIO:
    """The file; what can be read only once (a pipe) as a copy in memory."""
    stream = path.open("rb")
    if stream.seekable():
        return stream
    with stream:
        return io.BytesIO(stream.read())


def _rows(stream: BinaryIO, path: Path) -> Iterator[Row]:
    with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
        yield from _numbered(csv.reader(text, strict=True), path)


def _numbered(reader: Iterator[list[str]], path: Path) -> Iterator[Row]:
    number = 0
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(
                path, f"row {number}: is not CSV ({error})", "Correct the quotes in it"
            ) from error
        yield number, row


def _refuse_no_text(stream: BinaryIO, path: Path) -> None:
    """Refuse a file that is empty, not UTF-8 or of more than two million rows, before a row."""
    lines, begun, blank = 0, 0, True
    decoder = codecs.getincrementaldecoder("utf-8")()
    while True:
        block = stream.read(1 << 20)
        waiting = len(decoder.getstate()[0])  # bytes of a letter that the last block cut
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            cause = f"is not UTF-8 (byte {begun - waiting + error.start})"
            raise TableError(path, cause, "Save it in Excel as CSV UTF-8") from error
        blank = blank and not text.lstrip("\ufeff").strip()
        lines += block.count(b"\n")
        begun += len(block)
        if lines > MAX_ROWS + 1:
            raise _too_long(path, stream.seek(0, io.SEEK_END))
        if not block:
            break
    if blank:
        raise TableError(path, "is empty: it has no rows", "Give it a header row, and rows below")


def _too_long(path: Path, size: int) -> TableError:
    return TableError(
        path,
        f"has more than {MAX_ROWS:,} rows ({size / 1e6:.0f} MB)",
        "Split it by subject and take each part by itself",
    )


def _frame_records(frame: pd.DataFrame) -> tuple[list[str], Iterator[Row]]:
    """Header and numbered rows of a data frame, every cell as a CSV would hold it."""
    present = frame.astype(object).where(frame.notna(), None)
    columns = [_as_text(present[name].tolist()) for name in frame.columns]
    rows = zip(*columns, strict=True) if columns else iter(())
    return [str(name) for name in frame.columns], enumerate(rows, start=2)


def _as_text(values: Iterable[Any]) -> list[str]:
    return [_cell_text(value) for value in values]


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())[:10]
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
