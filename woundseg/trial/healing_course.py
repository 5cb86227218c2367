"""Healing figures of every ulcer at every visit (section 7): supportive, never a response.

One row stands for an ulcer and a date. Its baseline is that of rule 2.3, the ulcer's own, and
weeks count from there. Areas alone decide, whatever ``protocol.source`` says.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from operator import attrgetter
from typing import Any, TextIO

import numpy as np

from woundseg.trial import kinetics
from woundseg.trial.codes import AnyArray, Bools, Floats, Ints
from woundseg.trial.frames import number_text
from woundseg.trial.protocol import Protocol
from woundseg.trial.study import Study, prepare
from woundseg.trial.tables import Subjects, Visits

HALVED_PCT = 50.0
"""The four-week line: PAR of at least 50 % (S1 Sheehan 2003, S2, S3)."""


@dataclass(frozen=True, slots=True)
class HealingRow:
    """One ulcer on one date; None where a figure is not defined.

    Attributes:
        subject, ulcer, visit: as the table of visits names them.
        date: of the visit.
        day: days after the first dose.
        weeks: since the ulcer's baseline; None before it and without one.
        area_cm2: None where it is not evaluable (rule 2.2), after amputation (rule 2.6), and
            where it is a lower bound (rule 2.6a).
        base_area_cm2: the ulcer's area at its baseline.
        par_pct: percent area reduction from the baseline; negative when the ulcer grows.
        log_healing_rate_per_week: ln(A0/A) a week; None for a closed ulcer of area 0.
        gilman_cm_per_week: advance of the margin from the baseline.
        gilman_from_last_cm_per_week: the same from the ulcer's last evaluable visit before; it
            needs no baseline.
        par4_pct: PAR at the evaluable visit of window W4 closest to its target, the later of
            equals, not after rescue; the same in each row of the ulcer.
        par50w4: ``par4_pct`` reaches 50 %.
    """

    subject: str
    ulcer: str
    visit: str
    date: date
    day: int
    weeks: float | None
    area_cm2: float | None
    base_area_cm2: float | None
    par_pct: float | None
    log_healing_rate_per_week: float | None
    gilman_cm_per_week: float | None
    gilman_from_last_cm_per_week: float | None
    par4_pct: float | None
    par50w4: bool | None


COLUMNS = tuple(field.name for field in fields(HealingRow))
FIRST_FIGURE = COLUMNS.index("weeks")


@dataclass(frozen=True)
class _Course:
    """The rows that stand for an ulcer and a date, sorted by ulcer and day; NaN is unknown.

    Attributes:
        place: (R,) in the study's rows.
        ulcer: (R,) place of its ulcer.
        day: (R,) days after the first dose.
        since: (R,) days after the ulcer's baseline, negative before it.
        area: (R,) [cm²], where evaluable and no lower bound.
        shut: (R,) the same with 0 for a closed ulcer: what the margin is measured by.
        rim: (R,) perimeter [cm].
        base_area: (R,) [cm²].
        base_rim: (R,) [cm].
    """

    place: Ints
    ulcer: Ints
    day: Ints
    since: Floats
    area: Floats
    shut: Floats
    rim: Floats
    base_area: Floats
    base_rim: Floats


def courses(visits: Visits, subjects: Subjects, protocol: Protocol) -> list[HealingRow]:
    """The healing figures of every ulcer at every date, by subject, date and ulcer.

    Of several rows of an ulcer and date one stands for them: the baseline row, else the evaluable
    one with the largest area (rule 2.5). Rows before the baseline and lower bounds (rule 2.6a)
    have no figures; those after rescue have, but do not count for week 4.

    Args:
        visits: the rows, checked.
        subjects: who takes part, with first dose, rescue, amputation and death; without
            subjects.csv :func:`woundseg.trial.tables.subjects_of` gives them.
        protocol: the rules in force.
    """
    study = prepare(visits, subjects, protocol)
    course = _course(study, _one_a_date(study))
    par = kinetics.area_reduction(course.base_area, _from_baseline(course, course.area))
    since = _from_baseline(course, course.since)
    columns = {
        "weeks": since / 7.0,
        "area_cm2": course.area,
        "base_area_cm2": course.base_area,
        "par_pct": par,
        "log_healing_rate_per_week": kinetics.log_healing_rate(
            course.base_area, course.area, since
        ),
        "gilman_cm_per_week": kinetics.gilman_rate(
            course.base_area, course.shut, since, course.base_rim, course.rim
        ),
        "gilman_from_last_cm_per_week": _from_last(course),
        "par4_pct": _week4(study, protocol, course, par)[course.ulcer],
    }
    return _rows(study, course, columns)


def write_csv(rows: Iterable[HealingRow], stream: TextIO) -> None:
    """The rows as CSV: LF line ends, ISO dates, Y and N, blank where not defined.

    Args:
        rows: taken one by one.
        stream: opened with ``newline=""``.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    cells = attrgetter(*COLUMNS)
    writer.writerows(map(_cell_text, cells(row)) for row in rows)


def _cell_text(value: Any) -> str:
    if isinstance(value, bool):
        return "Y" if value else "N"
    return value.isoformat() if isinstance(value, date) else number_text(value)


def _one_a_date(study: Study) -> Ints:
    """Places of the rows that stand for their ulcer and date, sorted by ulcer and day."""
    rows = study.rows
    is_baseline = np.zeros(rows.row.size, dtype=np.bool_)
    is_baseline[study.ulcers.baseline_row[study.ulcers.baseline_row >= 0]] = True
    size = np.where(study.evaluable, rows.area, -1.0)
    seq = np.nan_to_num(rows.seq, nan=-np.inf)
    order = np.lexsort(
        (
            rows.row, seq, ~study.closed, ~study.lower_bound, size, is_baseline, study.day,
            study.ulcer,
        )
    )  # fmt: skip
    ulcer, day = study.ulcer[order], study.day[order]
    last = np.append((ulcer[1:] != ulcer[:-1]) | (day[1:] != day[:-1]), True)
    return np.asarray(order[last[: order.size]], dtype=np.int64)


def _course(study: Study, place: Ints) -> _Course:
    rows, ulcer, day = study.rows, study.ulcer[place], study.day[place]
    base = study.ulcers.baseline_row[ulcer]
    base_day = np.append(study.day.astype(np.float64), np.nan)[base]  # -1 takes the NaN
    measured = study.evaluable[place] & ~study.lower_bound[place]
    area = np.where(measured, rows.area[place], np.nan)
    closed = study.closed[place] & measured & (place != base)
    return _Course(
        place=place,
        ulcer=ulcer,
        day=day,
        since=day - base_day,
        area=area,
        shut=np.where(closed, 0.0, area),
        rim=rows.perimeter[place],
        base_area=study.ulcers.baseline_area[ulcer],
        base_rim=np.append(rows.perimeter, np.nan)[base],
    )


def _from_baseline(course: _Course, values: Floats) -> Floats:
    """``values`` from the baseline on; NaN before it and without one."""
    return np.where(course.since >= 0.0, values, np.nan)


def _from_last(course: _Course) -> Floats:
    """Margin advance since the last evaluable visit of the same ulcer; NaN at its first."""
    rates = np.full(course.place.size, np.nan)
    used = np.flatnonzero(~np.isnan(course.area) & ~(course.since < 0.0))
    same = course.ulcer[used[1:]] == course.ulcer[used[:-1]]
    before, after = used[:-1][same], used[1:][same]
    rates[after] = kinetics.gilman_rate(
        course.shut[before],
        course.shut[after],
        course.day[after] - course.day[before],
        course.rim[before],
        course.rim[after],
    )
    return rates


def _week4(study: Study, protocol: Protocol, course: _Course, par: Floats) -> Floats:
    """PAR4 of each ulcer; NaN without a visit in the window or without the window."""
    par4 = np.full(study.ulcers.who.size, np.nan)
    window = protocol.window("W4")
    if window is None:
        return par4
    in_window = (course.day > 0) & (course.day >= window.lo) & (course.day <= window.hi)
    eligible = np.flatnonzero(in_window & ~np.isnan(par) & _before_rescue(study, protocol, course))
    day, ulcer = course.day[eligible], course.ulcer[eligible]
    distance = 2 * np.abs(day - window.target) - (day > window.target)
    order = np.lexsort((distance, ulcer))
    found, first = np.unique(ulcer[order], return_index=True)
    par4[found] = par[eligible[order[first]]]
    return par4


def _before_rescue(study: Study, protocol: Protocol, course: _Course) -> Bools:
    """Rule 2.6: a visit after rescue is not analysed; one on its date is, unless dropped."""
    rescue = study.clock.rescue[study.who[course.place]]
    same_day = protocol.bor.rescue_same_day == "keep"
    return np.asarray(course.day <= rescue if same_day else course.day < rescue)


def _rows(study: Study, course: _Course, columns: dict[str, AnyArray]) -> list[HealingRow]:
    """The rows in the order of subject, date and ulcer."""
    rows = study.rows
    order = np.lexsort((course.day, study.who[course.place]))  # of equals the ulcer's order stays
    place = course.place[order]
    figures = {name: _known(values[order]) for name, values in columns.items()}
    halved = [None if par is None else round(par, 6) >= HALVED_PCT for par in figures["par4_pct"]]
    dates = rows.date[place].astype("datetime64[D]").tolist()
    return [
        HealingRow(*row)
        for row in zip(
            rows.subject[place].tolist(),
            rows.ulcer[place].tolist(),
            rows.visit[place].tolist(),
            dates,
            course.day[order].tolist(),
            *(figures[name] for name in COLUMNS[FIRST_FIGURE:-1]),
            halved,
            strict=True,
        )
    ]


def _known(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
