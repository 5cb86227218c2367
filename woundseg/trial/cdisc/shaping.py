"""What the six data sets are made from, and how columns become a data frame of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from woundseg.trial.assess import Assessment
from woundseg.trial.cdisc.variables import Variable, data_sets
from woundseg.trial.cells import NEVER
from woundseg.trial.codes import AnyArray, Bools, Floats, Ints
from woundseg.trial.durations import Durations
from woundseg.trial.frames import SIGNIFICANT_DIGITS, iso
from woundseg.trial.grid import sum_tracks
from woundseg.trial.visit_table import window_names

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "BASELINE"

Columns = dict[str, AnyArray | str]
"""Values by variable name; text alone stands for a constant."""


@dataclass(frozen=True)
class Derived:
    """The derived endpoint, as far as the data sets need it.

    Attributes:
        found: sections 2 to 4 applied.
        durations: section 6.
        lines: visit_response.csv.
        origin: beside each of its rows ``row``, ``cell``, ``who`` and ``lower_bound``.
        subjects: subject_response.csv.
    """

    found: Assessment
    durations: Durations
    lines: pd.DataFrame
    origin: pd.DataFrame
    subjects: pd.DataFrame

    @property
    def study_id(self) -> str:
        """STUDYID."""
        return self.found.protocol.protocol.study

    @property
    def assessed(self) -> bool:
        """The codes are those of an assessor."""
        return self.found.protocol.source == "assessed"


@dataclass(frozen=True)
class Responses:
    """The coded records, at most one a subject and date, sorted: RS's visits and ADRS's OVR.

    Attributes:
        line: place in visit_response.csv.
        who: place of the subject.
        day: days after the first dose.
        seq: 1, 2, ... within the subject.
    """

    line: Ints
    who: Ints
    day: Ints
    seq: Ints

    def at(self, who: Ints, day: Ints) -> Ints:
        """Place of the record of each subject and day; -1 where there is none."""
        if not self.who.size:
            return np.full(who.shape, -1, dtype=np.int64)
        keys = _key(self.who, self.day)
        wanted = _key(who, day)
        place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        return np.where((keys[place] == wanted) & (day < NEVER), place, -1)


def _key(who: Ints, day: Ints) -> Ints:
    return np.asarray(who * (4 * NEVER) + day + NEVER)


def responses(derived: Derived) -> Responses:
    """The lines with a code; of one date the record rather than a row after amputation."""
    line = np.flatnonzero((derived.lines["response"] != "").to_numpy())
    who = derived.origin["who"].to_numpy()[line]
    day = derived.lines["day"].to_numpy()[line]
    no_record = derived.origin["cell"].to_numpy()[line] < 0
    order = np.lexsort((line, no_record, day, who))
    _, first = np.unique(_key(who[order], day[order]), return_index=True)
    kept = order[first]
    return Responses(line[kept], who[kept], day[kept], sequence(who[kept]))


def readers(derived: Derived) -> tuple[Bools, AnyArray]:
    """Lines of visit_response.csv that rest on a person's reading, and the readers' names.

    In ``sum`` mode a line rests on every row of its ulcers on that date.
    """
    study, origin = derived.found.study, derived.origin
    by_person, names = np.zeros(len(origin), dtype=np.bool_), np.full(len(origin), "", object)
    read = np.flatnonzero(study.rows.by_person)
    if not read.size:
        return by_person, names
    keys, lines = study.rows.row, origin["row"].to_numpy()
    if derived.found.protocol.ulcer.strategy == "sum":
        keys = np.where(sum_tracks(study)[0][study.ulcer] >= 0, _key(study.who, study.day), -1)
        lines = _key(origin["who"].to_numpy(), derived.lines["day"].to_numpy())
    line_of = {key: line for line, key in enumerate(lines.tolist())}
    found: dict[int, set[str]] = {}
    for place in read.tolist():
        if keys[place] in line_of:
            found.setdefault(line_of[keys[place]], set()).add(study.rows.reader[place])
    for line, who in found.items():
        by_person[line], names[line] = True, "; ".join(sorted(who - {""}))
    return by_person, names


def sequence(who: Ints) -> Ints:
    """1, 2, ... within each subject, for sorted subjects."""
    return np.asarray(np.arange(who.size) - np.searchsorted(who, who) + 1)


def study_day(day: Ints) -> Floats:
    """--DY and ADY: no day 0, so +1 from the first dose on; NaN for ``NEVER``."""
    return np.where(day < NEVER, day + (day >= 0), np.nan)


def dates(derived: Derived, who: Ints, day: Ints) -> AnyArray:
    """ISO dates of days after the first dose, blank for ``NEVER``."""
    start = derived.found.study.subjects.trt_start[who]
    return iso(np.where(day < NEVER, start + day, NEVER))


def visit_names(derived: Derived, day: Ints) -> AnyArray:
    """Window of the schedule; BASELINE up to day 0 within its window; blank outside."""
    protocol = derived.found.protocol
    before = (day <= 0) & (day >= -protocol.baseline.window_days)
    return np.where(before, BASELINE, window_names(day, protocol))


def visit_numbers(derived: Derived, names: AnyArray) -> Floats:
    """0 for BASELINE, 1, 2, ... in the schedule's order; NaN for a blank."""
    schedule = derived.found.protocol.schedule
    number = {BASELINE: 0.0} | {w.name: 1.0 + n for n, w in enumerate(schedule)}
    return np.array([number.get(name, np.nan) for name in names.tolist()], dtype=np.float64)


def usubjid(derived: Derived) -> AnyArray:
    """USUBJID of every subject."""
    names = derived.found.study.subjects.subject.tolist()
    return np.array([f"{derived.study_id}-{name}" for name in names], dtype=object)


def table(name: str, rows: int, columns: Mapping[str, AnyArray | str]) -> pd.DataFrame:
    """The data frame of data set ``name``: its variables in order, each of its type.

    Text and dates are object columns of str (blank: ""), numbers are float64 (blank: NaN) with
    12 significant digits, so that CSV and XPT hold the same values. A variable without a column
    is blank; an optional one is then left out.
    """
    import pandas as pd

    shaped = {
        variable.name: _shaped(variable, rows, columns.get(variable.name, ""))
        for variable in data_sets()[name].variables
        if variable.name in columns or not variable.optional
    }
    return pd.DataFrame(shaped)


def _shaped(variable: Variable, rows: int, values: AnyArray | str) -> AnyArray:
    if variable.kind != "num":
        column = np.empty(rows, dtype=object)
        column[:] = values
        return column
    if isinstance(values, str):
        return np.full(rows, np.nan)
    return significant(values.astype(np.float64))


def significant(values: Floats) -> Floats:
    """The numbers at 12 significant digits, as the CSV shows them."""
    known = np.isfinite(values)
    if np.array_equal(values[known], np.rint(values[known])):
        return values + 0.0
    distinct, place = np.unique(values[known], return_inverse=True)
    rounded = [float(format(value, f".{SIGNIFICANT_DIGITS}g")) for value in distinct.tolist()]
    kept = values.copy()
    kept[known] = np.array(rounded)[place]
    return kept + 0.0


def pick(values: AnyArray, place: Ints, blank: object) -> AnyArray:
    """``values`` at ``place``, ``blank`` where that is -1."""
    return np.asarray(np.append(values, np.array([blank], dtype=values.dtype))[place])


def chosen(mask: Bools, text: str) -> AnyArray:
    """``text`` where the mask is true, else a blank."""
    return np.where(mask, text, "").astype(object)
