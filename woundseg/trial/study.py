"""From rows to what is known of each subject and ulcer (section 2, rules 1 to 4 and 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from woundseg.trial.cells import NEVER, iso_text
from woundseg.trial.codes import AnyArray, Bools, Floats, Ints
from woundseg.trial.error import area_sd, log_sd
from woundseg.trial.protocol import Protocol
from woundseg.trial.response import is_closed
from woundseg.trial.tables import Subjects, Visits

JUMP = 100.0
"""An area this many times its neighbours is a warning: mm² where cm² was meant."""


@dataclass(frozen=True)
class Warned:
    """Something to know about the input; it stands in summary.json."""

    code: str
    subject: str
    date: str
    text: str


@dataclass(frozen=True)
class Clock:
    """Each subject's dates as days after its first dose; ``NEVER`` where there is none."""

    rescue: Ints
    amputation: Ints
    death: Ints
    external_pd: Ints


@dataclass(frozen=True)
class Ulcers:
    """Each ulcer of each subject, sorted by subject and id.

    Attributes:
        who: (ulcers,) its subject's place.
        name: its id.
        baseline_row: place of its baseline row (rule 2.3); -1 without one.
        baseline_area: area there [cm²]; NaN without one.
        target: some row of it has target = Y.
        new_day: for a new ulcer (rule 2.4) the first day with an area; else ``NEVER``.
    """

    who: Ints
    name: AnyArray
    baseline_row: Ints
    baseline_area: Floats
    target: Bools
    new_day: Ints


@dataclass(frozen=True)
class Study:
    """The input, read by the rules of section 2.

    Attributes:
        subjects: everyone in subjects.csv.
        rows: rows of those subjects up to their death, sorted as :class:`Visits`.
        who: (rows,) place of the row's subject.
        day: (rows,) days after the first dose.
        evaluable: (rows,) rule 2.2, and not after amputation.
        postamp: (rows,) on or after amputation (rule 2.6).
        closed: (rows,) closed by section 3's rule 3, as measured.
        lower_bound: (rows,) the true area may be larger (rule 2.6a).
        sd: (rows,) standard deviation of the area [cm²].
        spread: (rows,) s(A), see :func:`woundseg.trial.error.log_sd`.
        ulcer: (rows,) place of the row's ulcer.
        ulcers: the ulcers.
        index: (subjects,) place of each subject's index ulcer; -1 without rows.
        clock: each subject's dates.
        warnings: what the reader should know.
    """

    subjects: Subjects
    rows: Visits
    who: Ints
    day: Ints
    evaluable: Bools
    postamp: Bools
    closed: Bools
    lower_bound: Bools
    sd: Floats
    spread: Floats
    ulcer: Ints
    ulcers: Ulcers
    index: Ints
    clock: Clock
    warnings: tuple[Warned, ...]

    @property
    def n(self) -> int:
        """Subjects."""
        return int(self.subjects.subject.size)


def prepare(visits: Visits, subjects: Subjects, protocol: Protocol) -> Study:
    """Apply rules 2.1 to 2.4 and 2.6 to the rows."""
    kept, who, warnings = _known_and_alive(visits, subjects)
    clock = _clock(subjects)
    day = kept.date - subjects.trt_start[who]
    postamp = day >= clock.amputation[who]
    evaluable = (kept.evaluable != -1) & (kept.calibrated != -1) & ~np.isnan(kept.area) & ~postamp
    sd = area_sd(kept.area, kept.sd, kept.low, kept.high, protocol.uncertainty)
    closed = is_closed(kept.area, kept.closed, protocol.category.cr)
    ulcer, ulcers = _ulcers(kept, (who, day, evaluable), protocol)
    lower_bound = kept.lower_bound == 1
    warnings += _row_warnings(kept, protocol) + _jumps(kept, ulcer, evaluable & ~lower_bound)
    warnings += _clock_warnings(subjects, clock)
    cut = evaluable & lower_bound & (day <= 0) & (day >= -protocol.baseline.window_days)
    warnings += _cut_baselines(kept, ulcers.name[ulcer], cut & (ulcers.baseline_row[ulcer] < 0))
    return Study(
        subjects=subjects,
        rows=kept,
        who=who,
        day=day,
        evaluable=evaluable,
        postamp=postamp,
        closed=closed,
        lower_bound=lower_bound,
        sd=sd,
        spread=log_sd(kept.area, sd, closed),
        ulcer=ulcer,
        ulcers=ulcers,
        index=_index_ulcers(ulcers, subjects.subject.size),
        clock=clock,
        warnings=tuple(warnings),
    )


def _known_and_alive(visits: Visits, subjects: Subjects) -> tuple[Visits, Ints, list[Warned]]:
    """Rows of listed subjects that are not after their death (rule 2.6)."""
    places = {name: place for place, name in enumerate(subjects.subject.tolist())}
    who = np.array([places.get(name, -1) for name in visits.subject.tolist()], dtype=np.int64)
    warnings = [
        Warned("NOT_LISTED", name, "", "in visits.csv but not in subjects.csv: ignored")
        for name in sorted(set(visits.subject[who < 0].tolist()))
    ]
    death = np.append(subjects.death, NEVER)[who]
    late = (who >= 0) & (visits.date > death)
    for place in np.flatnonzero(late).tolist():
        text = f"row {visits.row[place]} is dated after death: dropped"
        date = iso_text(int(visits.date[place]))
        warnings.append(Warned("AFTER_DEATH", visits.subject[place], date, text))
    keep = (who >= 0) & ~late
    return visits.take(keep), who[keep], warnings


def _clock(subjects: Subjects) -> Clock:
    def since_start(date: Ints) -> Ints:
        return np.where(date >= NEVER, NEVER, date - subjects.trt_start)

    return Clock(
        rescue=since_start(subjects.rescue),
        amputation=since_start(subjects.amputation),
        death=since_start(subjects.death),
        external_pd=since_start(subjects.pd_date),
    )


def _ulcers(
    rows: Visits, facts: tuple[Ints, Ints, Bools], protocol: Protocol
) -> tuple[Ints, Ulcers]:
    """Each row's ulcer, and the ulcers with their baselines (rules 2.3 and 2.4)."""
    who, day, evaluable = facts
    _, name_rank = np.unique(rows.ulcer, return_inverse=True)
    key = who * (int(name_rank.max(initial=0)) + 1) + name_rank
    _, first, ulcer = np.unique(key, return_index=True, return_inverse=True)
    before = evaluable & (day <= 0) & (rows.lower_bound != 1)
    baseline = _baseline_rows(rows, ulcer, before, day, protocol)
    area = np.where(baseline >= 0, np.append(rows.area, np.nan)[baseline], np.nan)
    appears = evaluable & (rows.area > 0.0) & (day > 0) & (baseline[ulcer] < 0)
    new_day = np.full(first.size, NEVER, dtype=np.int64)
    np.minimum.at(new_day, ulcer[appears], day[appears])
    target = np.bincount(ulcer, weights=rows.target == 1, minlength=first.size) > 0
    return ulcer.astype(np.int64), Ulcers(
        who[first], rows.ulcer[first], baseline, area, target, new_day
    )


def _baseline_rows(rows: Visits, ulcer: Ints, before: Bools, day: Ints, protocol: Protocol) -> Ints:
    """Rule 2.3: the last evaluable row up to the first dose, within the window; -1 for none.

    Of one date a debrided row wins, then the highest seq, then the last in the file. A baseline
    of area 0 is none. ``before`` has no lower bound (rule 2.6a).
    """
    usable = np.flatnonzero(before & (day >= -protocol.baseline.window_days))
    seq = np.nan_to_num(rows.seq[usable], nan=-np.inf)
    order = np.lexsort(
        (rows.row[usable], seq, rows.debrided[usable] == 1, day[usable], ulcer[usable])
    )
    best = np.full(int(ulcer.max(initial=-1)) + 1, -1, dtype=np.int64)
    best[ulcer[usable][order]] = usable[order]  # the last assignment to a place stays
    return np.where((best >= 0) & (np.append(rows.area, 0.0)[best] > 0.0), best, -1)


def _index_ulcers(ulcers: Ulcers, n_subjects: int) -> Ints:
    """Rule 2.4: target = Y, else the largest baseline, then the smallest id; -1 without rows."""
    size = np.nan_to_num(ulcers.baseline_area, nan=-np.inf)
    order = np.lexsort((np.arange(size.size), -size, ~ulcers.target, ulcers.who))
    index = np.full(n_subjects, -1, dtype=np.int64)
    index[ulcers.who[order][::-1]] = order[::-1]  # backwards, so that the first stays
    return index


def index_candidates(study: Study) -> Bools:
    """Ulcers that may be the index ulcer once areas are drawn with their errors (rule 2.4)."""
    ulcers = study.ulcers
    chosen = study.index[ulcers.who]
    same_tier = ulcers.target == ulcers.target[chosen]
    drawn = (ulcers.baseline_row >= 0) & (ulcers.baseline_row[chosen] >= 0) & same_tier
    return np.asarray(drawn | (np.arange(chosen.size) == chosen))


def _row_warnings(rows: Visits, protocol: Protocol) -> list[Warned]:
    tolerance = protocol.category.cr.closed_tol_cm2
    return [
        Warned(
            "CLOSED_WITH_AREA",
            rows.subject[place],
            iso_text(int(rows.date[place])),
            f"row {rows.row[place]}: closed is Y but the area is {rows.area[place]:g} cm², more "
            f"than {tolerance:g}: not closed",
        )
        for place in np.flatnonzero((rows.closed == 1) & (rows.area > tolerance)).tolist()
    ]


def _cut_baselines(rows: Visits, name: AnyArray, cut: Bools) -> list[Warned]:
    """Ulcers whose only area at baseline is a lower bound (rule 2.6a)."""
    return [
        Warned(
            "CUT_BASELINE",
            rows.subject[place],
            iso_text(int(rows.date[place])),
            f"row {rows.row[place]}: {name[place]} has at least {rows.area[place]:g} cm² at "
            "baseline, a lower bound: it has no baseline, cannot be the index ulcer by its size, "
            "and counts as new when it is measured later",
        )
        for place in np.flatnonzero(cut).tolist()
    ]


def _jumps(rows: Visits, ulcer: Ints, evaluable: Bools) -> list[Warned]:
    """Areas at least a hundred times those before and after them."""
    used = np.flatnonzero(evaluable & (rows.area > 0.0))
    used = used[np.lexsort((rows.date[used], ulcer[used]))]
    area, whose = rows.area[used], ulcer[used]
    if used.size < 2:
        return []
    same = whose[1:] == whose[:-1]
    before = np.concatenate([[0.0], np.where(same, area[:-1], 0.0)])
    after = np.concatenate([np.where(same, area[1:], 0.0), [0.0]])
    neighbour = np.maximum(before, after)
    return [
        Warned(
            "AREA_JUMP",
            rows.subject[place],
            iso_text(int(rows.date[place])),
            f"row {rows.row[place]}: {rows.area[place]:g} cm² is {JUMP:g} times its neighbours "
            "or more: mm² for cm²?",
        )
        for place in used[(neighbour > 0.0) & (area >= JUMP * neighbour)].tolist()
    ]


def _clock_warnings(subjects: Subjects, clock: Clock) -> list[Warned]:
    checks = (
        ("DEATH_BEFORE_START", clock.death < 0, subjects.death, "death lies before trt_start"),
        (
            "AMPUTATION_BEFORE_START",
            clock.amputation <= 0,
            subjects.amputation,
            "amputation is not after trt_start: every later row is NE (POSTAMP)",
        ),
        (
            "AMPUTATION_AFTER_DEATH",
            (clock.amputation < NEVER) & (clock.amputation > clock.death),
            subjects.amputation,
            "amputation lies after death: no record of it is made",
        ),
        (
            "RESCUE_BEFORE_START",
            clock.rescue < 0,
            subjects.rescue,
            "rescue lies before trt_start: no visit is analysed",
        ),
    )
    return [
        Warned(code, subjects.subject[place], iso_text(int(date[place])), text)
        for code, wrong, date, text in checks
        for place in np.flatnonzero(wrong).tolist()
    ]
