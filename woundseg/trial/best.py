"""Best overall response (section 4): named sources, tried in order, the last a catch-all.

As admiralonco's ``R/response_sources.R`` (A1): each parameter is a list of sources; the first
that any record satisfies gives the value, the earliest such record the date. The catch-all
needs no record, so that every subject gets exactly one value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from woundseg.trial.cells import NEVER
from woundseg.trial.codes import ASSESSED, Bools, Code, Codes, Ints
from woundseg.trial.confirm import Confirmed, confirmed, next_slot
from woundseg.trial.course import Course, day_at, judged
from woundseg.trial.grid import Grid
from woundseg.trial.protocol import BestResponseRules, Protocol
from woundseg.trial.study import Study


@dataclass(frozen=True)
class History:
    """The records that best response looks at: analysed, up to cut-off and first PD.

    Attributes:
        code: (D, T, K) ``Code.ABSENT`` outside.
        day: (T, K).
        late: (T, K) at least ``sd_min_days`` after the first dose.
        confirmed: which records are confirmed.
        control: (D, T, K) code is in ``cb.values``.
    """

    code: Codes
    day: Ints
    late: Bools
    confirmed: Confirmed
    control: Bools


Condition = Callable[[History], Bools]


@dataclass(frozen=True)
class Source:
    """One way to a value: its name, the value, and which records give it (None: no record)."""

    name: str
    value: Code | bool
    condition: Condition | None
    text: str

    def describe(self) -> str:
        """Name, value and condition on one line."""
        value = self.value.text if isinstance(self.value, Code) else "NY"[self.value]
        return f"{self.name}: {value} at {self.text}"


def _is(*codes: Code) -> Condition:
    return lambda history: np.isin(history.code, codes)


def _late(*codes: Code) -> Condition:
    return lambda history: np.isin(history.code, codes) & history.late


def _early(*codes: Code) -> Condition:
    return lambda history: np.isin(history.code, codes) & ~history.late


def _or(*conditions: Condition) -> Condition:
    def either(history: History) -> Bools:
        met = np.logical_or.reduce([condition(history) for condition in conditions])
        return np.asarray(met)

    return either


def _confirmed_cr(history: History) -> Bools:
    return history.confirmed.by_cr


def _confirmed_pr(history: History) -> Bools:
    return history.confirmed.by_pr


def _late_control(history: History) -> Bools:
    return history.control & history.late


_RESPONSE = _is(Code.CR, Code.PR)
_CONFIRMED = _or(_confirmed_cr, _confirmed_pr)
_NOTHING = "no record"

RSP = (
    Source("rsp_y", True, _RESPONSE, "the first CR or PR"),
    Source("rsp_n", False, None, _NOTHING),
)
CRSP = (
    Source("crsp_y", True, _CONFIRMED, "the first confirmed CR or PR"),
    Source("crsp_n", False, None, _NOTHING),
)
CB = (
    Source("cb_y", True, _or(_RESPONSE, _late_control), "the first CR or PR, or late control"),
    Source("cb_n", False, None, _NOTHING),
)
CCB = (
    Source(
        "ccb_y", True, _or(_CONFIRMED, _late_control), "the first confirmed response, or control"
    ),
    Source("ccb_n", False, None, _NOTHING),
)
BOR = (
    Source("bor_cr", Code.CR, _is(Code.CR), "the first CR"),
    Source("bor_pr", Code.PR, _is(Code.PR), "the first PR"),
    Source("bor_sd", Code.SD, _late(Code.SD), "the first late SD"),
    Source("bor_non_crpd", Code.NONCRPD, _late(Code.NONCRPD), "the first late NON-CR/NON-PD"),
    Source("bor_pd", Code.PD, _is(Code.PD), "the first PD"),
    Source(
        "bor_ne",
        Code.NE,
        _or(_is(Code.NE), _early(Code.SD, Code.NONCRPD)),
        "the first NE, or SD or NON-CR/NON-PD too early to count",
    ),
    Source("bor_nd", Code.ND, _is(Code.ND), "the first ND"),
    Source("bor_missing", Code.MISSING, None, _NOTHING),
)
CBOR = (
    Source("cbor_cr", Code.CR, _confirmed_cr, "the first confirmed CR"),
    Source("cbor_pr", Code.PR, _confirmed_pr, "the first confirmed PR"),
    Source(
        "cbor_sd",
        Code.SD,
        _late(Code.CR, Code.PR, Code.SD),
        "the first late SD, or late CR or PR without confirmation",
    ),
    Source("cbor_non_crpd", Code.NONCRPD, _late(Code.NONCRPD), "the first late NON-CR/NON-PD"),
    Source("cbor_pd", Code.PD, _is(Code.PD), "the first PD"),
    Source(
        "cbor_ne",
        Code.NE,
        _or(_is(Code.NE), _early(Code.CR, Code.PR, Code.SD, Code.NONCRPD)),
        "the first NE, or a category too early to count",
    ),
    Source("cbor_nd", Code.ND, _is(Code.ND), "the first ND"),
    Source("cbor_missing", Code.MISSING, None, _NOTHING),
)
PARAMETERS: dict[str, tuple[Source, ...]] = {
    "rsp": RSP,
    "bor": BOR,
    "cbor": CBOR,
    "crsp": CRSP,
    "cb": CB,
    "ccb": CCB,
}


@dataclass(frozen=True)
class Outcome:
    """One parameter of every track of every draw.

    Attributes:
        value: (D, T) a code's number, or 1 and 0 for Y and N.
        slot: (D, T) the record that made it; -1 for none.
        source: (D, T) place of the source in its list.
    """

    value: Codes
    slot: Ints
    source: Codes


def first_match(sources: Sequence[Source], history: History) -> Outcome:
    """The first source that any record satisfies, and the earliest such record."""
    shape = history.code.shape[:2]
    value = np.zeros(shape, dtype=np.int8)
    slot = np.full(shape, -1, dtype=np.int64)
    chosen = np.full(shape, -1, dtype=np.int8)
    for place, source in enumerate(sources):
        if source.condition is None:
            first, met = np.full(shape, -1), np.ones(shape, dtype=np.bool_)
        else:
            first = next_slot(source.condition(history))[..., 0]
            met = first < history.code.shape[-1]
        new = met & (chosen < 0)
        value[new], chosen[new] = int(source.value), place
        slot[new] = first[new]
    return Outcome(value, slot, chosen)


def history_of(grid: Grid, course: Course, protocol: Protocol) -> History:
    """Cut the records to cut-off and first PD (section 4, Input)."""
    rules = protocol.bor
    keep = grid.analysed
    if rules.cutoff_day is not None:
        keep = keep & (grid.day <= rules.cutoff_day)
    kept = np.broadcast_to(keep, course.code.shape)
    if rules.stop_at_pd:
        kept = kept & (grid.day <= course.pd_day[..., None])
    code = np.where(kept, course.code, np.int8(Code.ABSENT))
    return _history(code, grid.day, protocol)


def _history(code: Codes, day: Ints, protocol: Protocol) -> History:
    rules = protocol.bor
    return History(
        code=code,
        day=day,
        late=day >= rules.sd_min_days,
        confirmed=confirmed(code, day, rules),
        control=np.isin(code, [ASSESSED[name] for name in protocol.cb.values]),
    )


def derive(history: History, rules: BestResponseRules) -> dict[str, Outcome]:
    """RSP, BOR, CBOR, CRSP, CB and CCB of every track of every draw."""
    outcomes = {name: first_match(sources, history) for name, sources in PARAMETERS.items()}
    if rules.missing_as_ne:
        for name in ("bor", "cbor"):
            value = outcomes[name].value
            value[value == Code.MISSING] = Code.NE
    return outcomes


def pr_after_cr(history: History) -> Bools:
    """Data check CRPR: a PR dated after a CR, (D, T)."""
    first_cr = next_slot(history.code == Code.CR)[..., 0]
    later = np.arange(history.code.shape[-1]) > first_cr[..., None]
    return np.asarray(((history.code == Code.PR) & later).any(axis=-1))


@dataclass(frozen=True)
class LandmarkOutcome:
    """LM6 of every track of every draw: (D, T) code numbers and days (``NEVER``: no date)."""

    value: Codes
    day: Ints
    slot: Ints


def landmark(study: Study, grid: Grid, course: Course, protocol: Protocol) -> LandmarkOutcome:
    """LM6 (section 4): PD, death or rescue by the limit, else the visit closest to the target.

    Only analysed records are looked at. Of equally distant ones the later is taken.
    """
    rules = protocol.landmark
    in_window = grid.analysed & (grid.day >= rules.lo) & (grid.day <= rules.hi)
    eligible = in_window & judged(grid, course)
    distance = 2 * np.abs(grid.day - rules.target_day) - (grid.day > rules.target_day)
    distance = np.where(eligible, distance, NEVER)
    slot = np.where(eligible.any(axis=-1), distance.argmin(axis=-1), -1)
    limit = np.where(slot >= 0, day_at(grid.day, slot), rules.hi)
    at_visit = np.take_along_axis(course.code, np.maximum(slot, 0)[..., None], axis=-1)[..., 0]
    value = np.where(slot >= 0, at_visit, np.int8(Code.NE))
    day = np.where(value == Code.NE, NEVER, limit)
    return _overtaken(study, grid, course.pd_day, (value, day, slot, limit))


def _overtaken(
    study: Study, grid: Grid, pd_day: Ints, visit: tuple[Codes, Ints, Ints, Ints]
) -> LandmarkOutcome:
    """Put PD, death or rescue in the visit's place: the earliest, in this order on one day."""
    value, day, slot, limit = visit
    clock = study.clock
    death, rescue = (
        np.broadcast_to(days[grid.who], pd_day.shape) for days in (clock.death, clock.rescue)
    )
    events = np.stack(
        [
            np.where(pd_day <= limit, pd_day, NEVER),
            np.where(death <= limit, death, NEVER),
            np.where(rescue < limit, rescue, NEVER),
        ]
    )
    first = events.argmin(axis=0)
    event_day = events.min(axis=0)
    happened = event_day < NEVER
    names = np.array([Code.PD, Code.DEATH, Code.RESCUE], dtype=np.int8)
    return LandmarkOutcome(
        value=np.where(happened, names[first], value),
        day=np.where(happened, event_day, day),
        slot=np.where(happened, -1, slot),
    )
