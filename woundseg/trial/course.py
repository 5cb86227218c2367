"""Each record's category along a track (section 3 on the grid of section 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from woundseg.trial.cells import NEVER
from woundseg.trial.codes import Bools, Code, Codes, Floats, Ints
from woundseg.trial.confirm import confirmed_cr, next_slot
from woundseg.trial.grid import Areas, Grid
from woundseg.trial.protocol import Protocol
from woundseg.trial.response import CUT, REASONS, VisitFacts, classify
from woundseg.trial.study import Study

AMPUT, POSTAMP, ASSESSED = CUT + 1, CUT + 2, CUT + 3

REASON: tuple[str, ...] = ("", *REASONS.values(), "AMPUT", "POSTAMP", "ASSESSED")
"""Reason of a record's category, indexed by its rule number (section 3, then 2.6a, 2.6, 10a)."""


@dataclass(frozen=True)
class Course:
    """The coded records of D draws.

    Attributes:
        code: (D, T, K) ``Code.ABSENT`` where there is no record.
        rule: (D, T, K) number of the rule that gave it; see ``REASON``.
        nadir: (D, T, K) N before the record [cm²].
        nadir_slot: (D, T, K) record where N was first reached; -1 for the baseline.
        pd_day: (D, T) first PD of all analysed follow-up, or the external date; ``NEVER``.
    """

    code: Codes
    rule: Codes
    nadir: Floats
    nadir_slot: Ints
    pd_day: Ints


def follow(study: Study, grid: Grid, areas: Areas, protocol: Protocol) -> Course:
    """Code every record of every track of every draw."""
    nadir, nadir_slot = _nadir(areas)
    if protocol.source == "assessed":
        code = np.broadcast_to(grid.assessed, areas.area.shape)
        rule = np.where(code != Code.ABSENT, np.int8(ASSESSED), np.int8(0))
    else:
        facts = _facts(grid, areas, nadir)
        reopened = _after_confirmed_closure(grid, facts, protocol)
        code, rule = classify(replace(facts, reopened=reopened), protocol)
    code = np.where(grid.amputation, np.int8(Code.PD), code)
    rule = np.where(grid.amputation, np.int8(AMPUT), rule)
    code = np.where(grid.present, code, np.int8(Code.ABSENT))
    rule = np.where(grid.present, rule, np.int8(0))
    return Course(code, rule, nadir, nadir_slot, _first_pd(study, grid, code, protocol))


def judged(grid: Grid, course: Course) -> Bools:
    """(D, T, K) records that are evaluable, and not left without a category as lower bounds."""
    return np.asarray(grid.evaluable & (course.rule != CUT))


def _facts(grid: Grid, areas: Areas, nadir: Floats) -> VisitFacts:
    """What the rules look at, but for what an earlier closure means."""
    return VisitFacts(
        baseline=areas.baseline[..., None],
        area=areas.area,
        nadir=nadir,
        evaluable=grid.evaluable,
        closed=areas.closed,
        reopened=np.zeros(areas.area.shape, dtype=np.bool_),
        new_ulcer=grid.new_ulcer,
        lower_bound=areas.lower_bound,
    )


def _nadir(areas: Areas) -> tuple[Floats, Ints]:
    """Smallest of A0 and all earlier evaluable areas, closed counting 0, and where it lay.

    A lower bound does not count (rule 2.6a).
    """
    counted = np.where(areas.closed, 0.0, np.nan_to_num(areas.area, nan=np.inf))
    counted = np.where(areas.lower_bound, np.inf, counted)
    with_baseline = np.concatenate([areas.baseline[..., None], counted], axis=-1)
    lowest = np.minimum.accumulate(with_baseline, axis=-1)
    fell = with_baseline[..., 1:] < lowest[..., :-1]
    where = np.where(fell, np.arange(counted.shape[-1]), -1)
    slot = np.maximum.accumulate(where, axis=-1)
    before = np.concatenate([np.full((*slot.shape[:-1], 1), -1), slot[..., :-1]], axis=-1)
    return lowest[..., :-1], before


def _after_confirmed_closure(grid: Grid, facts: VisitFacts, protocol: Protocol) -> Bools:
    """Records after the first confirmation of a closure (section 3, rule 4)."""
    blank = np.where(grid.evaluable, np.int8(Code.SD), np.int8(Code.NE))
    blank = np.where(grid.present & ~grid.amputation, blank, np.int8(Code.ABSENT))
    code = np.where(facts.closed, np.int8(Code.CR), blank)
    if facts.lower_bound.any():  # PD without rule 4, which needs a confirmed closure; else NE
        code = np.where(facts.lower_bound, classify(facts, protocol)[0], code)
    is_confirmed, witness = confirmed_cr(code, grid.day, protocol.bor)
    width = code.shape[-1]
    first = np.where(is_confirmed, witness, width).min(axis=-1, initial=width)
    return np.asarray(np.arange(width) > first[..., None])


def _first_pd(study: Study, grid: Grid, code: Codes, protocol: Protocol) -> Ints:
    """Day of the first PD of all analysed follow-up (section 10), (D, T)."""
    if protocol.bor.pd_date_source == "external":
        external = study.clock.external_pd[grid.who]
        return np.broadcast_to(external, code.shape[:2]).copy()
    slot = next_slot((code == Code.PD) & grid.analysed)[..., 0]
    return day_at(grid.day, slot)


def day_at(day: Ints, slot: Ints) -> Ints:
    """The day at each track's slot, ``NEVER`` where the slot lies outside; (D, T) from (T, K)."""
    width = day.shape[1]
    inside = (slot >= 0) & (slot < width)
    safe = np.where(inside, slot, 0)
    tracks = np.broadcast_to(np.arange(day.shape[0]), slot.shape)
    return np.where(inside, day[tracks, safe], NEVER)
