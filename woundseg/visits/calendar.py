"""Dates that a person should look at: against the visit's name, the day of today, amputation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from woundseg.records import Doubt, PhotoRef
from woundseg.trial.protocol import Window
from woundseg.visits.subjects import Subjects, first_dose, one_by_one

NAME_CONFLICT: Final = "visit_conflict"
FUTURE: Final = "date_future"
AMPUTATED: Final = "after_amputation"
TWIN: Final = "subject_twin"

_UNIT_DAYS: Final = {"d": 1.0, "w": 7.0, "m": 30.4375, "y": 365.25}
_BASELINE = re.compile(r"baseline|base|bl|v0", re.IGNORECASE)
_UNITS: Final = r"(?P<unit>d|days?|w|wk|wks|weeks?|m|mo|months?|y|yr|years?)"
_NAMES = (
    re.compile(rf"(?<![a-z\d]){_UNITS}[ _.-]?0*(?P<count>\d{{1,3}})(?![a-z\d])", re.IGNORECASE),
    re.compile(rf"(?<![a-z\d])0*(?P<count>\d{{1,3}})[ _.-]?{_UNITS}(?![a-z\d])", re.IGNORECASE),
)
_LEAST_SLACK_DAYS: Final = 14


@dataclass(frozen=True)
class Calendar:
    """What a visit's date is compared with.

    Attributes:
        schedule: the protocol's visits, with the days on which each is due.
        as_of: today; None leaves the future alone.
        baseline_window_days: how long before the first dose a baseline may lie.
    """

    schedule: tuple[Window, ...] = ()
    as_of: date | None = None
    baseline_window_days: int = 28


@dataclass(frozen=True)
class Due:
    """When a visit of some name is expected, in days of treatment."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def due(visit: str, calendar: Calendar) -> Due | None:
    """The days that a visit's name allows; None where the name says nothing of a day.

    ``W4``, ``Week 12``, ``M6``, ``MONTH6``, ``6 months`` and ``D14`` are understood, and for the
    first visit ``BASELINE`` and ``V0``. A visit of the schedule has its window. Any other may lie
    half of its time away, and at least two weeks.
    """
    if _BASELINE.fullmatch(visit.strip()):
        return Due(-calendar.baseline_window_days, 0)
    found = [match for pattern in _NAMES for match in pattern.finditer(visit)]
    if len(found) != 1:
        return None
    unit, count = found[0]["unit"][0].casefold(), int(found[0]["count"])
    if count == 0:
        return Due(-calendar.baseline_window_days, 0)
    for window in calendar.schedule:
        if window.name.casefold() == f"{unit}{count}":
            return Due(window.lo, window.hi)
    day = count * _UNIT_DAYS[unit]
    slack = max(_LEAST_SLACK_DAYS, day / 2)
    return Due(round(day - slack), round(day + slack))


def doubts(
    refs: Iterable[PhotoRef], subjects: Subjects | None, calendar: Calendar
) -> Iterator[tuple[str, Doubt]]:
    """By path, what is doubtful about a photograph's visit.

    Args:
        refs: in order of subject.
        subjects: subjects.csv; None takes the first dose from the visits (protocol, section 10).
        calendar: what dates are compared with.
    """
    twins = {} if subjects is None else _twins(subjects)
    for who, own in one_by_one(refs):
        start = first_dose(own) if subjects is None else subjects.starts[who]
        gone = None if subjects is None else subjects.amputations.get(who)
        for ref in own:
            for doubt in _of_date(ref, start, gone, calendar):
                yield ref.relative, doubt
            if who in twins:
                told = f"subject {who!r} differs from {twins[who]!r} only in case"
                advice = "Find out whether they are one person."
                yield ref.relative, Doubt(TWIN, told, advice)


def _of_date(ref: PhotoRef, start: date, gone: date | None, calendar: Calendar) -> Iterator[Doubt]:
    expected = due(ref.visit, calendar)
    day = (ref.date - start).days
    if expected is not None and not expected.first <= day <= expected.last:
        told = (
            f"visit {ref.visit} is dated {ref.date}, day {day} (first dose {start}): "
            f"it is due on days {expected}"
        )
        yield Doubt(NAME_CONFLICT, told, "Correct the date or the name of the visit.")
    if calendar.as_of is not None and ref.date > calendar.as_of:
        told = f"visit {ref.visit} is dated {ref.date}, after today ({calendar.as_of})"
        yield Doubt(FUTURE, told, "Correct the date.")
    if gone is not None and ref.date >= gone:
        told = f"visit {ref.visit} is dated {ref.date}, not before the amputation of {gone}"
        advice = "Correct one of the dates; endpoint counts no area after an amputation."
        yield Doubt(AMPUTATED, told, advice)


def _twins(subjects: Subjects) -> dict[str, str]:
    """Of subjects that differ only in case, each with another of them."""
    spelled: dict[str, list[str]] = {}
    for who in sorted(subjects.starts):
        spelled.setdefault(who.casefold(), []).append(who)
    return {
        who: next(other for other in alike if other != who)
        for alike in spelled.values()
        if len(alike) > 1
        for who in alike
    }
