"""Analysis records on a grid (section 2, rules 5 to 7): tracks by visits, for any number of draws.

A *track* is one ulcer's follow-up (strategy ``index``) or that of all of a subject's baseline
ulcers together (``sum``). A *record* is one date of a track. Static arrays have the shape (T, K)
for T tracks and at most K records; areas have (D, T, K) for D draws, D = 1 without Monte Carlo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from woundseg.trial.cells import NEVER
from woundseg.trial.codes import WORST_OF_DATE, AnyArray, Bools, Code, Codes, Floats, Ints
from woundseg.trial.protocol import Protocol
from woundseg.trial.response import is_closed
from woundseg.trial.study import Study


@dataclass(frozen=True)
class Rows:
    """The rows behind the records, sorted by track, day and ulcer.

    Attributes:
        place: (P,) places in the study's rows.
        group: (P,) the ulcer-and-date group of each row.
        group_start: (G,) where each group begins.
        record_start: (N,) the group at which each record of rows begins.
        whole: (N,) every ulcer of the track has a row that date.
    """

    place: Ints
    group: Ints
    group_start: Ints
    record_start: Ints
    whole: Bools


@dataclass(frozen=True)
class Grid:
    """Where every record lies, and what does not change from draw to draw.

    Attributes:
        who: (T,) place of each track's subject.
        rows: the rows behind the records.
        cell: (N,) flat place in (T, K) of each record made of rows.
        baseline_rows: (B,) places of baseline rows, sorted by track.
        baseline_track: (B,) their tracks.
        day: (T, K) days after the first dose; ``NEVER`` where there is no record.
        present: (T, K) there is a record.
        evaluable: (T, K) it can be judged.
        amputation: (T, K) it is the amputation itself (rule 2.6).
        new_ulcer: (T, K) a new ulcer was first seen that day.
        analysed: (T, K) ANL01FL (rule 2.7): present, post-baseline and not after rescue.
        assessed: (T, K) code from the response column; 0 in area mode.
    """

    who: Ints
    rows: Rows
    cell: Ints
    baseline_rows: Ints
    baseline_track: Ints
    day: Ints
    present: Bools
    evaluable: Bools
    amputation: Bools
    new_ulcer: Bools
    analysed: Bools
    assessed: Codes

    @property
    def shape(self) -> tuple[int, int]:
        """(T, K)."""
        return self.day.shape[0], self.day.shape[1]


@dataclass(frozen=True)
class Areas:
    """Areas on the grid, D draws of them.

    Attributes:
        area: (D, T, K) [cm²]; NaN where not evaluable.
        closed: (D, T, K) closed by section 3's rule 3.
        lower_bound: (D, T, K) the true area may be larger; a sum with such an area is one too.
        baseline: (D, T) [cm²]; NaN without one.
    """

    area: Floats
    closed: Bools
    lower_bound: Bools
    baseline: Floats

    @property
    def whole(self) -> Floats:
        """(D, T, K) the areas that are not lower bounds: those that a change is told from."""
        return np.where(self.lower_bound, np.nan, self.area)


def index_tracks(study: Study) -> tuple[Ints, Ints]:
    """One track a subject: each ulcer's track (-1 for none), and each track's subject."""
    track = np.full(study.ulcers.who.size, -1, dtype=np.int64)
    has_rows = study.index >= 0
    track[study.index[has_rows]] = np.flatnonzero(has_rows)
    return track, np.arange(study.n)


def sum_tracks(study: Study) -> tuple[Ints, Ints]:
    """One track a subject, of all its baseline ulcers; of all ulcers where none has a baseline."""
    ulcers = study.ulcers
    with_baseline = ulcers.baseline_row >= 0
    some = np.bincount(ulcers.who, weights=with_baseline, minlength=study.n) > 0
    member = with_baseline | ~some[ulcers.who]
    return np.where(member, ulcers.who, -1), np.arange(study.n)


def build(study: Study, protocol: Protocol, tracks: tuple[Ints, Ints]) -> Grid:
    """The grid of some tracks; see :func:`index_tracks` and :func:`sum_tracks`."""
    track_of_ulcer, who = tracks
    rows, record_track, record_day = _group_rows(study, protocol, track_of_ulcer)
    amputated = _amputations(study, protocol, who)
    track = np.concatenate([record_track, amputated])
    day = np.concatenate([record_day, study.clock.amputation[who[amputated]]])
    order = np.lexsort((day, track))
    first = np.searchsorted(track[order], np.arange(who.size))
    slot = np.empty(track.size, dtype=np.int64)
    slot[order] = np.arange(track.size) - first[track[order]]
    width = int(slot.max(initial=0)) + 1
    cell = track * width + slot
    n_rows = record_track.size
    days = _laid(day, cell, (who.size, width), NEVER)
    amputation = _laid(np.ones(amputated.size, bool), cell[n_rows:], days.shape, False)
    assessed, evaluable = _judged(study, protocol, rows)
    base_ulcer = np.flatnonzero((study.ulcers.baseline_row >= 0) & (track_of_ulcer >= 0))
    base_ulcer = base_ulcer[np.argsort(track_of_ulcer[base_ulcer], kind="stable")]
    return Grid(
        who=who,
        rows=rows,
        cell=cell[:n_rows],
        baseline_rows=study.ulcers.baseline_row[base_ulcer],
        baseline_track=track_of_ulcer[base_ulcer],
        day=days,
        present=days < NEVER,
        evaluable=_laid(evaluable, cell[:n_rows], days.shape, False),
        amputation=amputation,
        new_ulcer=_new_ulcer_days(study, who, days),
        analysed=_analysed(study, protocol, who, days),
        assessed=_laid(assessed, cell[:n_rows], days.shape, 0),
    )


def _laid(values: AnyArray, cell: Ints, shape: tuple[int, ...], blank: object) -> AnyArray:
    """``values`` at their cells of a (T, K) array."""
    laid = np.full(shape, blank, dtype=values.dtype)
    laid.reshape(-1)[cell] = values
    return laid


def _group_rows(study: Study, protocol: Protocol, track_of_ulcer: Ints) -> tuple[Rows, Ints, Ints]:
    """Rule 2.5: post-baseline rows of the tracks by track, day and ulcer; track and day."""
    track = track_of_ulcer[study.ulcer] if study.ulcer.size else study.ulcer
    counts = (track >= 0) & ~study.postamp
    if protocol.source == "area" or protocol.bor.postbaseline_only:
        counts &= study.day > 0
    if protocol.source == "assessed":
        counts &= study.rows.response > 0
    place = np.flatnonzero(counts)
    place = place[np.lexsort((study.ulcer[place], study.day[place], track[place]))]
    keys = np.stack([track[place], study.day[place], study.ulcer[place]])
    changed = keys[:, 1:] != keys[:, :-1]
    new_group = np.append(True, changed.any(axis=0))[: place.size]
    group_start = np.flatnonzero(new_group)
    new_record = np.append(True, changed[:2].any(axis=0))[: place.size]
    record_start = np.flatnonzero(new_record[group_start])
    members = np.bincount(track_of_ulcer[track_of_ulcer >= 0], minlength=1)
    first = group_start[record_start]
    n_groups = np.diff(np.append(record_start, group_start.size))
    rows = Rows(
        place=place,
        group=np.cumsum(new_group) - 1,
        group_start=group_start,
        record_start=record_start,
        whole=n_groups == members[keys[0, first]],
    )
    return rows, keys[0, first], keys[1, first]


def _amputations(study: Study, protocol: Protocol, who: Ints) -> Ints:
    """Tracks with an amputation after the first dose and not after death (rule 2.6)."""
    if protocol.category.pd.amputation == "ignore":
        return np.zeros(0, dtype=np.int64)
    day = study.clock.amputation
    happened = (day > 0) & (day < NEVER) & (day <= study.clock.death)
    return np.flatnonzero(happened[who])


def _judged(study: Study, protocol: Protocol, rows: Rows) -> tuple[Codes, Bools]:
    """Assessed code (worst of the date, rule 2.5) and evaluability of each record of rows."""
    if rows.record_start.size == 0:
        return np.zeros(0, dtype=np.int8), np.zeros(0, dtype=np.bool_)
    if protocol.source == "assessed":
        rank = np.zeros(len(Code), dtype=np.int64)
        rank[list(WORST_OF_DATE)] = np.arange(len(WORST_OF_DATE))
        ranks = rank[study.rows.response[rows.place]]
        worst = np.minimum.reduceat(ranks, rows.group_start[rows.record_start])
        code = np.array(WORST_OF_DATE, dtype=np.int8)[worst]
        return code, (code != Code.NE) & (code != Code.ND)
    by_group = np.logical_or.reduceat(study.evaluable[rows.place], rows.group_start)
    by_record = np.logical_and.reduceat(by_group, rows.record_start) & rows.whole
    return np.zeros(by_record.size, dtype=np.int8), by_record


def _new_ulcer_days(study: Study, who: Ints, days: Ints) -> Bools:
    """Cells on whose day some ulcer of the subject was first seen as new."""
    stride = 2 * NEVER
    new = study.ulcers.new_day < NEVER
    seen = study.ulcers.who[new] * stride + study.ulcers.new_day[new]
    return np.isin(who[:, None] * stride + days, seen) & (days < NEVER)


def _analysed(study: Study, protocol: Protocol, who: Ints, days: Ints) -> Bools:
    """ANL01FL: post-baseline and not after rescue (rules 2.6 and 2.7)."""
    rescue = study.clock.rescue[who][:, None]
    kept = days <= rescue if protocol.bor.rescue_same_day == "keep" else days < rescue
    after_start = days > 0
    if protocol.source == "assessed" and not protocol.bor.postbaseline_only:
        after_start = np.ones_like(days, dtype=np.bool_)
    return np.asarray(kept & after_start & (days < NEVER))


def areas(study: Study, grid: Grid, protocol: Protocol, factor: Floats) -> Areas:
    """Areas, closure and baselines on the grid (rules 2.4 and 2.5), for D draws.

    Args:
        study: the study.
        grid: its records.
        protocol: the rules in force.
        factor: (D, rows) what each row's area is multiplied by; ones without Monte Carlo.
    """
    draws = factor.shape[0]
    drawn = study.rows.area * factor
    baseline = np.full((draws, grid.who.size), np.nan)
    if grid.baseline_rows.size:
        track, start = np.unique(grid.baseline_track, return_index=True)
        baseline[:, track] = np.add.reduceat(drawn[:, grid.baseline_rows], start, axis=1)
    area = np.full((draws, grid.day.size), np.nan)
    closed, bound = (np.zeros((draws, grid.day.size), dtype=np.bool_) for _ in range(2))
    if grid.rows.place.size:
        by_record = _of_records(study, grid.rows, protocol, drawn)
        area[:, grid.cell], closed[:, grid.cell], bound[:, grid.cell] = by_record
    shape = (draws, *grid.shape)
    size = area.reshape(shape)
    measured = grid.evaluable & (size >= 0.0)
    return Areas(
        area=np.where(measured, size, np.nan),
        closed=closed.reshape(shape) & measured,
        lower_bound=bound.reshape(shape) & measured,
        baseline=baseline,
    )


def _of_records(
    study: Study, rows: Rows, protocol: Protocol, drawn: Floats
) -> tuple[Floats, Bools, Bools]:
    """Area, closure and lower bound of each record.

    The largest evaluable row of an ulcer stands for it, of equals one that is no lower bound;
    then ulcers are added.
    """
    place = rows.place
    area = np.where(study.evaluable[place], drawn[:, place], -np.inf)
    closed = is_closed(drawn[:, place], study.rows.closed[place], protocol.category.cr)
    bound = np.broadcast_to(study.lower_bound[place], area.shape)
    if rows.group_start.size < place.size:
        largest = np.maximum.reduceat(area, rows.group_start, axis=1)
        is_largest = area == largest[:, rows.group]
        closed = np.logical_and.reduceat(closed | ~is_largest, rows.group_start, axis=1)
        bound = np.logical_and.reduceat(bound | ~is_largest, rows.group_start, axis=1)
        area = largest
    if rows.record_start.size < rows.group_start.size:
        area = np.add.reduceat(area, rows.record_start, axis=1)
        closed = np.logical_and.reduceat(closed, rows.record_start, axis=1)
        bound = np.logical_or.reduceat(bound, rows.record_start, axis=1)
    return area, closed, bound


def chosen_rows(study: Study, grid: Grid, protocol: Protocol) -> Ints:
    """Places of the rows that stand for their ulcer and date (rule 2.5).

    The evaluable row with the largest area (in assessed mode the worst code); of equals one that
    is no lower bound, then the one not closed, then the highest seq, then the last in the file.
    """
    rows, place = study.rows, grid.rows.place
    if protocol.source == "assessed":
        rank = np.zeros(len(Code), dtype=np.int64)
        rank[list(WORST_OF_DATE)] = np.arange(len(WORST_OF_DATE))
        size = -rank[rows.response[place]].astype(np.float64)
    else:
        size = np.where(study.evaluable[place], rows.area[place], -1.0)
    open_, whole = ~study.closed[place], ~study.lower_bound[place]
    seq = np.nan_to_num(rows.seq[place], nan=-np.inf)
    order = np.lexsort((rows.row[place], seq, open_, whole, size, grid.rows.group))
    last = np.append(grid.rows.group[order][1:] != grid.rows.group[order][:-1], True)
    return np.asarray(place[order[last[: place.size]]])
