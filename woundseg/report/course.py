"""One ulcer from visit to visit, as the curves and the front page see it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from woundseg.records import VisitRow
from woundseg.report.facts import SubjectReport
from woundseg.trial.protocol import CategoryRules
from woundseg.trial.response import is_closed

_YES_NO = {"Y": 1, "": 0, "N": -1}


@dataclass(frozen=True)
class Point:
    """One date of one ulcer: the row that counts there.

    Attributes:
        row: the evaluable row with the largest area (protocol section 2), else the last.
        area_cm2: None where the date is not evaluable, never 0 for that; and for a lower bound.
        closed: by the protocol's rule of closure.
    """

    row: VisitRow
    area_cm2: float | None
    closed: bool

    @property
    def at_least_cm2(self) -> float | None:
        """The area where it is a lower bound, else None."""
        return at_least(self.row)


@dataclass(frozen=True)
class Limit:
    """An area that holds for a stretch of time; ``until`` is None for the time to come."""

    since: date
    until: date | None
    area_cm2: float


@dataclass(frozen=True)
class Course:
    """One ulcer over time.

    Attributes:
        ulcer: its name.
        points: a date each, in order.
        baseline_cm2: the area that response is told against; None without a baseline.
        baseline_date: the subject's.
        response_cm2: at or below it the ulcer has responded; None where the floor forbids it.
        progression: the areas from which it has grown, one after another in time.
    """

    ulcer: str
    points: tuple[Point, ...]
    baseline_cm2: float | None
    baseline_date: date | None
    response_cm2: float | None
    progression: tuple[Limit, ...]

    @property
    def evaluable(self) -> tuple[Point, ...]:
        """The points that have an area."""
        return tuple(point for point in self.points if point.area_cm2 is not None)

    @property
    def change_percent(self) -> float | None:
        """Of the last area from baseline; None without either, or where baseline is the last."""
        if not self.evaluable or not self.baseline_cm2 or self.baseline_date is None:
            return None
        last = self.evaluable[-1]
        if last.area_cm2 is None or last.row.date <= self.baseline_date:
            return None
        return 100.0 * (last.area_cm2 - self.baseline_cm2) / self.baseline_cm2


def courses(report: SubjectReport) -> tuple[Course, ...]:
    """Every ulcer of the subject: the index ulcer first, then by name."""
    names = {row.ulcer for row in report.rows}
    ordered = sorted(names, key=lambda name: (name != report.index_ulcer, natural(name)))
    return tuple(_course(report, name) for name in ordered)


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sorts ``u2`` before ``u10``."""
    parts: list[str] = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def measured(row: VisitRow) -> float | None:
    """The row's area [cm²] where it is evaluable (protocol 2.2) and no lower bound (2.6a)."""
    return None if row.lower_bound == "Y" else _evaluable(row)


def at_least(row: VisitRow) -> float | None:
    """The row's area [cm²] where it is evaluable and a lower bound (protocol 2.6a), else None."""
    return _evaluable(row) if row.lower_bound == "Y" else None


def _evaluable(row: VisitRow) -> float | None:
    return None if row.evaluable == "N" or row.calibrated == "N" else row.area_cm2


def closed(row: VisitRow, rules: CategoryRules) -> bool:
    """Whether the row's area is closed by the protocol's rule."""
    area = measured(row)
    if area is None:
        return False
    flag = np.asarray(_YES_NO[row.closed])
    return bool(is_closed(np.asarray(area, dtype=np.float64), flag, rules.cr))


def _course(report: SubjectReport, ulcer: str) -> Course:
    rows = sorted(
        (row for row in report.rows if row.ulcer == ulcer), key=lambda row: (row.date, row.seq)
    )
    rules = report.thresholds
    points = tuple(
        Point(row, measured(row), closed(row, rules))
        for row in _one_a_date(rows, report.baseline_date)
    )
    baseline = _baseline(report, rows)
    return Course(
        ulcer,
        points,
        baseline,
        report.baseline_date,
        None if baseline is None else _response(baseline, rules),
        _progression(points, baseline, report),
    )


def _one_a_date(rows: Iterable[VisitRow], baseline_date: date | None) -> list[VisitRow]:
    """The row that counts on each date; rows are in order of time and are of one ulcer."""
    chosen: dict[date, VisitRow] = {}
    for row in rows:
        before = chosen.get(row.date)
        rank = _baseline_rank if row.date == baseline_date else _visit_rank
        if before is None or rank(row) >= rank(before):
            chosen[row.date] = row
    return list(chosen.values())


def _visit_rank(row: VisitRow) -> tuple[float, bool]:
    """The largest evaluable area of a date counts (protocol 2.5), of equals the whole one."""
    area = _evaluable(row)
    return -1.0 if area is None else area, row.lower_bound != "Y"


def _baseline_rank(row: VisitRow) -> tuple[float, bool]:
    """At baseline the last row after debridement counts, else the last (protocol 2.3)."""
    if not measured(row):
        return 0.0, False
    return 1.0, row.debrided == "Y"


def _baseline(report: SubjectReport, rows: Iterable[VisitRow]) -> float | None:
    """As the healing figures say; without them the area on the baseline's date."""
    rows = list(rows)
    for told in report.healing:
        if told.ulcer == rows[0].ulcer and told.base_area_cm2 is not None:
            return told.base_area_cm2
    that_day = _one_a_date(
        (row for row in rows if row.date == report.baseline_date), report.baseline_date
    )
    return (measured(that_day[0]) or None) if that_day else None


def _response(baseline: float, rules: CategoryRules) -> float | None:
    fall = max(baseline * rules.pr.min_decrease_pct / 100.0, rules.pr.min_decrease_cm2)
    return baseline - fall if fall < baseline else None


def _progression(
    points: Iterable[Point], baseline: float | None, report: SubjectReport
) -> tuple[Limit, ...]:
    """The limit that each evaluable date after the baseline is held against, and the next one.

    It stands over the smallest of the baseline and of the areas before that date.
    """
    if baseline is None or report.baseline_date is None:
        return ()
    reference, since = baseline, report.baseline_date
    limits = []
    for point in points:
        if point.area_cm2 is None or point.row.date <= report.baseline_date:
            continue
        limits.append(Limit(since, point.row.date, _grown(reference, report.thresholds)))
        since = point.row.date
        if report.thresholds.pd.ref == "nadir":
            reference = min(reference, 0.0 if point.closed else point.area_cm2)
    return (*limits, Limit(since, None, _grown(reference, report.thresholds)))


def _grown(reference: float, rules: CategoryRules) -> float:
    rise = max(reference * rules.pd.min_increase_pct / 100.0, rules.pd.min_increase_cm2)
    return reference + rise
