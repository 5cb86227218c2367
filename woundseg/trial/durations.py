"""Time to event of each subject (section 6): starts, events and censoring.

Days count from the first dose. AVAL = ADT - STARTDT + 1 (admiral's default, A1).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from woundseg.trial.best import CRSP, first_match, history_of
from woundseg.trial.cells import NEVER
from woundseg.trial.codes import Code, Ints
from woundseg.trial.confirm import next_slot
from woundseg.trial.course import REASON, Course, day_at, judged
from woundseg.trial.grid import Grid
from woundseg.trial.protocol import Protocol
from woundseg.trial.study import Study

OF_INTEREST, COMPETING = 1, 2


@dataclass(frozen=True)
class Event:
    """Something that ends a duration: its day, its description, and of which kind it is."""

    day: int
    name: str
    kind: int = OF_INTEREST


@dataclass(frozen=True)
class Timeline:
    """What happened to one subject, up to ``tte.last_day``.

    Attributes:
        evaluable: days of analysed evaluable visits, rising.
        open: those of them at which the ulcer was not closed.
        new_ulcers: days on which a new ulcer was first seen, rising.
        rescue: day of rescue therapy; ``NEVER`` for none.
        amputation: the same for amputation.
        death: the same for death.
    """

    evaluable: list[int]
    open: list[int]
    new_ulcers: list[int]
    rescue: int
    amputation: int
    death: int

    def last_evaluable(self, upto: int) -> int:
        """The last evaluable visit on or before ``upto``; day 0 if none."""
        place = bisect_right(self.evaluable, upto)
        return self.evaluable[place - 1] if place else 0


@dataclass(frozen=True)
class Duration:
    """One row of ADTTE, in days after the first dose.

    Attributes:
        start: STARTDT.
        end: ADT.
        cnsr: 0 event, 1 to 3 as the table of section 6.
        event: EVNTDESC.
        kind: EVTYPE; 0 censored, 1 the event of interest, 2 a competing event.
    """

    start: int
    end: int
    cnsr: int
    event: str
    kind: int

    @property
    def days(self) -> int:
        """AVAL."""
        return self.end - self.start + 1


@dataclass(frozen=True)
class Ending:
    """A rule of section 6's table: tried in order, the first that applies ends the duration."""

    name: str
    text: str
    apply: Callable[[Timeline, int, Event | None, Protocol], Duration | None]


def missed_windows(after: int, before: int, protocol: Protocol) -> int:
    """Whole scheduled windows between two days, neither of them inside."""
    return sum(window.lo > after and window.hi < before for window in protocol.schedule)


def _rescue(line: Timeline, start: int, event: Event | None, _: Protocol) -> Duration | None:
    before = event is None or line.rescue < event.day
    if line.rescue == NEVER or line.rescue < start or not before:
        return None
    return Duration(start, line.last_evaluable(line.rescue), 2, "RESCUE", 0)


def _missed(line: Timeline, start: int, event: Event | None, rules: Protocol) -> Duration | None:
    if event is None:
        return None
    last = line.last_evaluable(event.day - 1)
    if missed_windows(last, event.day, rules) <= rules.tte.max_missed_windows:
        return None
    return Duration(start, last, 3, "MISSED", 0)


def _event(_: Timeline, start: int, event: Event | None, rules: Protocol) -> Duration | None:
    del rules
    if event is None:
        return None
    return Duration(start, event.day, 0, event.name, event.kind)


def _last(line: Timeline, start: int, _: Event | None, rules: Protocol) -> Duration | None:
    return Duration(start, line.last_evaluable(rules.tte.last_day), 1, "LASTASM", 0)


def _competing(_: Timeline, start: int, event: Event | None, rules: Protocol) -> Duration | None:
    del rules
    if event is None or event.kind != COMPETING:
        return None
    return Duration(start, event.day, 1, event.name, COMPETING)


RESCUE = Ending("rescue", "rescue on or after the start and before any event", _rescue)
MISSED = Ending("missed", "an event after more missed windows than allowed", _missed)
COMPETED = Ending("competing", "death or amputation before closure", _competing)
EVENT = Ending("event", "the earliest event", _event)
LAST = Ending("last", "no event: the last evaluable visit", _last)

LASTING = (RESCUE, MISSED, EVENT, LAST)
"""How DOR and RSD end."""

WAITING = (RESCUE, COMPETED, EVENT, LAST)
"""How TTR and TTC end: a response found late is not taken back for missed visits."""


def end_of(
    line: Timeline, start: int, events: list[Event], endings: tuple[Ending, ...], rules: Protocol
) -> Duration:
    """The duration from ``start`` to the earliest event, or its censoring.

    Args:
        line: what happened to the subject.
        start: first day.
        events: candidates; of one day the first in the list wins. Later than ``tte.last_day``
            or ``NEVER`` is no event.
        endings: rules to try in order; the last always applies.
        rules: the protocol.
    """
    counted = [event for event in events if event.day <= rules.tte.last_day]
    event = min(counted, key=lambda e: e.day) if counted else None
    found = (ending.apply(line, start, event, rules) for ending in endings)
    return next(duration for duration in found if duration is not None)


@dataclass(frozen=True)
class Durations:
    """DOR, RSD, TTR and TTC of every subject; None where the parameter is not for them."""

    dor: list[Duration | None]
    rsd: list[Duration | None]
    ttr: list[Duration | None]
    ttc: list[Duration | None]


def derive(study: Study, grid: Grid, course: Course, protocol: Protocol) -> Durations:
    """Section 6 for every subject (tracks are subjects, one draw)."""
    lines = timelines(study, grid, course, protocol)
    starts = _starts(grid, course, protocol)
    reason = pd_reasons(grid, course)
    pd_day = course.pd_day[0].tolist()
    dor: list[Duration | None] = []
    rsd: list[Duration | None] = []
    ttr: list[Duration | None] = []
    ttc: list[Duration | None] = []
    for place, line in enumerate(lines):
        remission, response, closure = (int(days[place]) for days in starts)
        in_fas = bool(study.subjects.fasfl[place])
        dor.append(_remission(line, remission, protocol))
        rsd.append(_response(line, response, Event(pd_day[place], reason[place]), protocol))
        waited = [Event(response, "RESPONSE")]
        ttr.append(end_of(line, 0, waited, WAITING, protocol) if in_fas else None)
        ttc.append(end_of(line, 0, _closures(line, closure), WAITING, protocol) if in_fas else None)
    return Durations(dor, rsd, ttr, ttc)


def _remission(line: Timeline, start: int, protocol: Protocol) -> Duration | None:
    """DOR: remission until the ulcer is open again, a new one, amputation or death."""
    if start == NEVER:
        return None
    events = [Event(_first_after(line.open, start), "RECUR")]
    if protocol.ulcer.new_ulcer_remission == "event":
        events.append(Event(_first_after(line.new_ulcers, start), "NEWULC"))
    events.append(Event(line.amputation, "AMPUT"))
    if protocol.tte.death == "event":
        events.append(Event(line.death, "DEATH", COMPETING))
    return end_of(line, start, events, LASTING, protocol)


def _response(line: Timeline, start: int, pd: Event, protocol: Protocol) -> Duration | None:
    """RSD: confirmed response until the first PD or death."""
    if start == NEVER:
        return None
    events = [pd] if pd.day > start else []
    if protocol.tte.death == "event":
        events.append(Event(line.death, "DEATH", COMPETING))
    return end_of(line, start, events, LASTING, protocol)


def _closures(line: Timeline, closure: int) -> list[Event]:
    """TTC: closure, against which amputation and death compete."""
    return [
        Event(closure, "CLOSED"),
        Event(line.amputation, "AMPUT", COMPETING),
        Event(line.death, "DEATH", COMPETING),
    ]


def _first_after(days: list[int], start: int) -> int:
    place = bisect_left(days, start + 1)
    return days[place] if place < len(days) else NEVER


def timelines(study: Study, grid: Grid, course: Course, protocol: Protocol) -> list[Timeline]:
    """What happened to each subject, up to ``tte.last_day``."""
    seen = grid.analysed & judged(grid, course)[0] & (grid.day <= protocol.tte.last_day)
    still_open = seen & (course.code[0] != Code.CR)
    new_ulcers: list[list[int]] = [[] for _ in range(study.n)]
    for who, day in zip(study.ulcers.who.tolist(), study.ulcers.new_day.tolist(), strict=True):
        if day < NEVER:
            new_ulcers[who].append(day)
    clock = study.clock
    after_death = clock.amputation > clock.death
    amputation = np.where((clock.amputation > 0) & ~after_death, clock.amputation, NEVER)
    return [
        Timeline(
            evaluable=days[is_seen].tolist(),
            open=days[is_open].tolist(),
            new_ulcers=sorted(new),
            rescue=int(rescue),
            amputation=int(lost),
            death=int(died),
        )
        for days, is_seen, is_open, new, rescue, lost, died in zip(
            grid.day,
            seen,
            still_open,
            new_ulcers,
            clock.rescue,
            amputation,
            clock.death,
            strict=True,
        )
    ]


def _starts(grid: Grid, course: Course, protocol: Protocol) -> tuple[Ints, Ints, Ints]:
    """First day of remission, of confirmed response and of confirmed closure; ``NEVER``."""

    def history(stop_at_pd: bool) -> Protocol:  # no cut-off but the end of the study
        change = {"cutoff_day": protocol.tte.last_day, "stop_at_pd": stop_at_pd}
        bor = protocol.bor.model_copy(update=change)
        return protocol.model_copy(update={"bor": bor})

    to_pd = history_of(grid, course, history(True))
    whole = history_of(grid, course, history(False))
    as_set = to_pd if protocol.bor.stop_at_pd else whole
    response = first_match(CRSP, as_set).slot[0]
    remission = next_slot(to_pd.confirmed.by_cr)[0, :, 0]
    closure = next_slot(whole.confirmed.by_cr)[0, :, 0]
    return (
        day_at(grid.day, remission),
        day_at(grid.day, response),
        day_at(grid.day, closure),
    )


def pd_reasons(grid: Grid, course: Course) -> list[str]:
    """Reason of each subject's first PD; EXTERNAL where no PD record lies on the given date."""
    at_pd = (grid.day == course.pd_day[0][:, None]) & (course.code[0] == Code.PD) & grid.analysed
    rule = np.where(at_pd, course.rule[0], 0).max(axis=1, initial=0)
    return [
        REASON[number] if number else ("EXTERNAL" if day < NEVER else "")
        for number, day in zip(rule.tolist(), course.pd_day[0].tolist(), strict=True)
    ]
