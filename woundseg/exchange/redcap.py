"""REDCap: an import file for a longitudinal project with a repeating instrument.

A row of visits.csv becomes one instance of the instrument at the visit's event. The data
dictionary that fits stands beside it. docs/exchange.md says how the project is set up.
"""

from __future__ import annotations

import csv
import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from woundseg import files
from woundseg.classes import TISSUE_NAMES
from woundseg.errors import UsageError
from woundseg.exchange.told import CM_FIGURES, figures, rounded
from woundseg.records import VISIT_COLUMNS, VisitRow

PREFIX = "wound_"
FIELDS: dict[str, str] = {f"{PREFIX}{name}": name for name in VISIT_COLUMNS if name != "subject"}
"""Each field of the instrument and the column of visits.csv that it holds."""

YES_NO = ("evaluable", "calibrated", "closed", "debrided", "target", "lower_bound")
READING_CHOICES = (
    "machine, By the machine | waiting, Waits for a person | read, Read by a person | "
    "adjudicated, Adjudicated between readers"
)
NUMBERS = (*CM_FIGURES, *TISSUE_NAMES, "mm_per_px")

DICTIONARY_HEADER = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note",
    "Text Validation Type OR Show Slider Number", "Text Validation Min", "Text Validation Max",
    "Identifier?", "Branching Logic (Show field only if...)", "Required Field?",
    "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name",
    "Matrix Ranking?", "Field Annotation",
)  # fmt: skip
"""The eighteen columns of REDCap's data dictionary."""

FIRST_FORM = "wound_subject"
"""Holds the record's name alone: REDCap wants it in the first form, and that one not repeated."""

LONGEST_RECORD, LONGEST_FIELD, LONGEST_EVENT = 100, 26, 18

_NAME = re.compile(r"[a-z](_?[a-z0-9])*")
_EVENT = re.compile(r"[a-z0-9](_?[a-z0-9])*_arm_[1-9][0-9]*[a-z]?")
_NOT_LINE = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")
_HALVES = re.compile("[\ud800-\udfff]")

AddRow = Callable[[VisitRow], None]
WriteRow = Callable[[Iterable[Any]], Any]


@dataclass(frozen=True)
class RedcapOptions:
    """How the project in REDCap names things.

    Attributes:
        record_field: the record's name, the project's first field.
        instrument: the repeating instrument.
        arm: number of the arm that all events belong to.
        events: unique event names of visits, for those that REDCap named otherwise.

    Raises:
        UsageError: a name that REDCap would refuse.
    """

    record_field: str = "record_id"
    instrument: str = "wound_photograph"
    arm: int = 1
    events: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        remedy = "Use lower case letters, digits and single underscores, a letter first"
        for name in (self.record_field, self.instrument):
            if not _NAME.fullmatch(name) or len(name) > LONGEST_FIELD:
                cause = f"{name!r} is no name that REDCap takes (at most {LONGEST_FIELD} letters)"
                raise UsageError("REDCap", cause, remedy)
        if self.record_field in FIELDS or self.instrument == FIRST_FORM:
            raise UsageError("REDCap", "a name is used twice", "Choose another")
        if self.arm < 1:
            raise UsageError("REDCap", f"arm {self.arm} does not exist", "Count arms from 1")
        for visit, event in self.events.items():
            if not _EVENT.fullmatch(event):
                cause = f"{event!r} (visit {visit!r}) is no unique event name"
                raise UsageError("REDCap", cause, "Copy it from Define My Events in REDCap")


def event_name(visit: str, arm: int = 1) -> str:
    """The unique event name that REDCap makes of an event with the visit's name.

    Letters, digits and spaces stay, in lower case and with underscores; everything else vanishes;
    18 letters at most. A name of which nothing stays gets one of its own, ``v_`` and eight
    hexadecimal digits of its SHA-256.
    """
    kept = re.sub("[^0-9A-Za-z_ ]", "", _line(visit)).lower()
    slug = re.sub("[ _]+", "_", kept).strip("_")[:LONGEST_EVENT].strip("_")
    if not slug:
        slug = "v_" + hashlib.sha256(visit.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}_arm_{arm}"


def dictionary_path(path: Path) -> Path:
    """Where the data dictionary of the import file ``path`` stands."""
    return path.with_name(f"{path.stem}_dictionary.csv")


def write(rows: Iterable[VisitRow], path: Path, options: RedcapOptions) -> None:
    """Write the import file to ``path`` and its dictionary beside it, whole or not at all.

    Args:
        rows: one for each photograph and ulcer; one subject's together.
        path: the CSV file.
        options: the project's names.

    Raises:
        UsageError: two visits that would be one event, or two subjects that would be one record.
        OutputError: a file cannot be written; what stood there before still stands.
    """
    with writing(path, options) as add:
        for row in rows:
            add(row)


@contextmanager
def writing(path: Path, options: RedcapOptions) -> Iterator[AddRow]:
    """:func:`write` for rows that come one after the other: lends what adds a row.

    Raises:
        UsageError, OutputError: as :func:`write`.
    """
    with files.writing(path) as part, files.writing(dictionary_path(path)) as dictionary:
        stream: TextIO
        with dictionary.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(dictionary_rows(options))
        with part.open("w", encoding="utf-8", newline="") as stream:
            sheet = _Sheet(csv.writer(stream, lineterminator="\n").writerow, path, options)
            yield sheet.add
            sheet.end()


class _Names:
    """Records and events as they are met; no two of ours may be one of REDCap's."""

    def __init__(self, path: Path, options: RedcapOptions) -> None:
        self._path, self._options = path, options
        self._events: dict[str, str] = {}
        self._visits: dict[str, str] = {}
        self._records: dict[str, str] = {}

    def event(self, visit: str) -> str:
        if visit in self._events:
            return self._events[visit]
        event = self._options.events.get(visit) or event_name(visit, self._options.arm)
        other = self._visits.setdefault(event, visit)
        if other != visit:
            cause = f"visits {other!r} and {visit!r} would be one event in REDCap, {event}"
            raise UsageError(self._path, cause, "Rename one of them")
        self._events[visit] = event
        return event

    def record(self, subject: str) -> str:
        record = _line(subject).strip()
        if not record or len(record) > LONGEST_RECORD:
            cause = f"subject {subject!r} is no name of a record in REDCap"
            raise UsageError(self._path, cause, f"Use 1 to {LONGEST_RECORD} letters")
        other = self._records.setdefault(record.casefold(), subject)
        if other != subject:
            cause = f"subjects {other!r} and {subject!r} would be one record in REDCap"
            raise UsageError(self._path, cause, "Rename one of them; case does not tell apart")
        return record


def refused(
    names: Iterable[tuple[str, str]], path: Path, options: RedcapOptions
) -> Iterator[UsageError]:
    """What :func:`write` would refuse for these names (subject, visit), each once."""
    known, met = _Names(path, options), set()
    for subject, visit in names:
        for name, take in ((subject, known.record), (visit, known.event)):
            if (take, name) in met:
                continue
            met.add((take, name))
            try:
                take(name)
            except UsageError as error:
                yield error


class _Sheet:
    """The import file while it grows; it holds one subject's rows at a time.

    Instances are counted by record and event, in the order of date, seq, path and ulcer.
    """

    def __init__(self, write_row: WriteRow, path: Path, options: RedcapOptions) -> None:
        self._write_row, self._instrument = write_row, options.instrument
        self._names = _Names(path, options)
        self._waiting: list[VisitRow] = []
        self._instances: Counter[tuple[str, str]] = Counter()
        write_row(header(options))

    def add(self, row: VisitRow) -> None:
        if self._waiting and self._waiting[0].subject != row.subject:
            self.end()
        self._waiting.append(row)

    def end(self) -> None:
        """Writes the subject's rows that still wait."""
        rows = sorted(self._waiting, key=lambda row: (row.date, row.seq, row.path, row.ulcer))
        self._waiting.clear()
        for row in rows:
            record, event = self._names.record(row.subject), self._names.event(row.visit)
            self._instances[record, event] += 1
            instance = self._instances[record, event]
            self._write_row([record, event, self._instrument, instance, *_cells(row)])


def header(options: RedcapOptions) -> list[str]:
    """The columns of the import file."""
    return [
        options.record_field,
        "redcap_event_name",
        "redcap_repeat_instrument",
        "redcap_repeat_instance",
        *FIELDS,
    ]


def _cells(row: VisitRow) -> list[str]:
    """The instrument's fields; blank where nothing was measured or said."""
    told: dict[str, Any] = {name: getattr(row, name) for name in FIELDS.values()}
    for name in (*CM_FIGURES, *TISSUE_NAMES):
        told[name] = None
    told |= figures(row)
    told["mm_per_px"] = None
    if row.mm_per_px is not None and math.isfinite(row.mm_per_px):
        told["mm_per_px"] = rounded(row.mm_per_px)
    told |= {name: {"Y": "1", "N": "0"}.get(told[name], "") for name in YES_NO}
    return [_cell(value) for value in told.values()]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        plain = format(Decimal(str(value)), "f")  # REDCap's number has no exponent
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return _line(";".join(value) if isinstance(value, tuple) else str(value))


def _line(text: str) -> str:
    """``text`` on one line, as REDCap's text fields are, and writable as UTF-8."""
    return _HALVES.sub("\ufffd", _NOT_LINE.sub(" ", text))


def dictionary_rows(options: RedcapOptions) -> list[list[str]]:
    """The data dictionary: its header, the record's name, then the instrument's fields."""
    record = _definition(options.record_field, FIRST_FORM, "Subject")
    fields = [_field(name, column, options.instrument) for name, column in FIELDS.items()]
    return [list(DICTIONARY_HEADER), record, *fields]


def _field(name: str, column: str, instrument: str) -> list[str]:
    figure = VISIT_COLUMNS[column]
    unit = f" [{figure.unit}]" if figure.unit else ""
    label = f"{figure.meaning[:1].upper()}{figure.meaning[1:]}{unit}"
    definition = _definition(name, instrument, label)
    if column in YES_NO:
        definition[DICTIONARY_HEADER.index("Field Type")] = "yesno"
    if column == "reading_status":
        definition[DICTIONARY_HEADER.index("Field Type")] = "dropdown"
        at = DICTIONARY_HEADER.index("Choices, Calculations, OR Slider Labels")
        definition[at] = READING_CHOICES
    validation, low, high = _validation(column)
    at = DICTIONARY_HEADER.index("Text Validation Type OR Show Slider Number")
    definition[at : at + 3] = validation, low, high
    if column in ("path", "reader"):  # folders may bear names of people
        definition[DICTIONARY_HEADER.index("Identifier?")] = "y"
    return definition


def _definition(name: str, form: str, label: str) -> list[str]:
    """A text field without rules."""
    given = {
        "Variable / Field Name": name,
        "Form Name": form,
        "Field Type": "text",
        "Field Label": label,
    }
    return [given.get(column, "") for column in DICTIONARY_HEADER]


def _validation(column: str) -> tuple[str, str, str]:
    """Type, least and most of a text field's values."""
    if column == "date":
        return "date_ymd", "", ""
    if column == "seq":
        return "integer", "", ""
    if column in TISSUE_NAMES:
        return "number", "0", "1"
    return ("number", "0", "") if column in NUMBERS else ("", "", "")
