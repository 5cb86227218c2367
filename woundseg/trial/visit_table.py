"""visit_response.csv (section 10): every row of the chosen ulcer, with its category and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from woundseg.trial import grid
from woundseg.trial.assess import Assessment, borderline, standard_deviations
from woundseg.trial.cells import NEVER
from woundseg.trial.codes import TEXTS, AnyArray, Bools, Code, Floats, Ints
from woundseg.trial.course import POSTAMP, REASON
from woundseg.trial.frames import flag, iso
from woundseg.trial.montecarlo import MonteCarlo
from woundseg.trial.protocol import Protocol
from woundseg.trial.response import percent_change

if TYPE_CHECKING:
    import pandas as pd

SHARES = ("p_cr", "p_pr", "p_sd", "p_pd")
AMPUTATION = "AMPUTATION"
SUM = "SUM"


@dataclass(frozen=True)
class Lines:
    """The lines of the table before they are written.

    Attributes:
        who: place of the subject.
        day: days after the first dose.
        cell: flat place of the record in the grid; -1 for a line without one (before treatment,
            a dropped duplicate, after amputation).
        postamp: after amputation.
        row: row in visits.csv; 0 for an amputation or a sum.
        visit: name of the visit.
        ulcer: its id.
        area: [cm²].
        sd: [cm²].
        evaluable: can be judged.
        lower_bound: the true area may be larger.
    """

    who: Ints
    day: Ints
    cell: Ints
    postamp: Bools
    row: Ints
    visit: AnyArray
    ulcer: AnyArray
    area: Floats
    sd: Floats
    evaluable: Bools
    lower_bound: Bools


def visit_table(
    found: Assessment, simulated: MonteCarlo | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table, and beside it where each line came from (``row``, ``cell``, ``who``).

    Sorted by subject, date, ulcer, then the order of seq and file. The column ``lower_bound`` is
    there only where some line has it; beside the table it always is.
    """
    import pandas as pd

    lines = _sum_lines(found) if found.protocol.ulcer.strategy == "sum" else _index_lines(found)
    columns = _columns(found, lines)
    if lines.lower_bound.any():
        columns["lower_bound"] = flag(lines.lower_bound, no="")
    if simulated is not None:
        columns |= _share_columns(found, lines, simulated)
    origin = {
        "row": lines.row,
        "cell": lines.cell,
        "who": lines.who,
        "lower_bound": lines.lower_bound,
    }
    return pd.DataFrame(columns), pd.DataFrame(origin)


def _index_lines(found: Assessment) -> Lines:
    """Every row of the index ulcers, and the amputations."""
    study, records = found.study, found.grid
    rows = study.rows
    cells = np.full(study.who.size, -1, dtype=np.int64)
    cells[grid.chosen_rows(study, records, found.protocol)] = records.cell
    place = np.flatnonzero(study.ulcer == study.index[study.who])
    cell = cells[place]
    by_code = (cell >= 0) & (found.protocol.source == "assessed")
    evaluable = study.evaluable[place]
    taken = records.evaluable.reshape(-1)[np.maximum(cell, 0)]
    lost_who, lost_slot = np.nonzero(records.amputation)
    amputations = lost_who.size
    lost_cell = lost_who * records.shape[1] + lost_slot
    ids = np.append(study.ulcers.name, "")[study.index]
    who = np.concatenate([study.who[place], lost_who])
    day = np.concatenate([study.day[place], records.day.reshape(-1)[lost_cell]])
    order = np.lexsort(
        (np.arange(who.size), np.append(np.ones(place.size), np.zeros(amputations)), day, who)
    )
    blank = np.full(amputations, np.nan)
    return Lines(
        who=who[order],
        day=day[order],
        cell=np.concatenate([cell, lost_cell])[order],
        postamp=np.concatenate([study.postamp[place], np.zeros(amputations, bool)])[order],
        row=np.concatenate([rows.row[place], np.zeros(amputations, np.int64)])[order],
        visit=np.concatenate([rows.visit[place], np.full(amputations, AMPUTATION, object)])[order],
        ulcer=np.concatenate([rows.ulcer[place], ids[lost_who]])[order],
        area=np.concatenate([rows.area[place], blank])[order],
        sd=np.concatenate([np.where(study.closed, 0.0, study.sd)[place], blank])[order],
        evaluable=np.concatenate(
            [np.where(by_code, taken, evaluable), np.zeros(amputations, bool)]
        )[order],
        lower_bound=np.concatenate([study.lower_bound[place], np.zeros(amputations, bool)])[order],
    )


def _sum_lines(found: Assessment) -> Lines:
    """One line a date and subject: the sum of the baseline ulcers."""
    study, records = found.study, found.grid
    member, _ = grid.sum_tracks(study)
    place = np.flatnonzero(member[study.ulcer] >= 0) if study.ulcer.size else study.ulcer
    record_who, record_slot = np.nonzero(records.present)
    cell_of = record_who * records.shape[1] + record_slot
    record_day = records.day.reshape(-1)[cell_of]
    stride = 4 * NEVER
    keys = np.concatenate(
        [
            study.who[place] * stride + study.day[place] + NEVER,
            record_who * stride + record_day + NEVER,
        ]
    )
    distinct, first = np.unique(keys, return_index=True)
    who, day = distinct // stride, distinct % stride - NEVER
    cell = np.full(distinct.size, -1, dtype=np.int64)
    cell[np.searchsorted(distinct, keys[place.size :])] = cell_of
    from_rows = first < place.size
    source = place[np.minimum(first, max(place.size - 1, 0))] if place.size else first * 0
    area, sd, evaluable, lower_bound = _sums(found, (who, day, cell), place)
    visit = np.append(study.rows.visit, AMPUTATION)[np.where(from_rows, source, -1)]
    lost = records.amputation.reshape(-1)[np.maximum(cell, 0)] & (cell >= 0)
    return Lines(
        who=who,
        day=day,
        cell=cell,
        postamp=(day >= study.clock.amputation[who]) & (cell < 0),
        row=np.zeros(who.size, dtype=np.int64),
        visit=np.where(lost, AMPUTATION, visit),
        ulcer=np.full(who.size, SUM, dtype=object),
        area=area,
        sd=sd,
        evaluable=evaluable,
        lower_bound=lower_bound,
    )


def _sums(
    found: Assessment, lines: tuple[Ints, Ints, Ints], place: Ints
) -> tuple[Floats, Floats, Bools, Bools]:
    """Area, standard deviation, evaluability and lower bound of each date of a sum.

    From the grid after the first dose; before it, the sum of the largest row of each ulcer, or
    nothing where an ulcer is missing.
    """
    who, day, cell = lines
    study, records = found.study, found.grid
    at = np.maximum(cell, 0)
    sd_grid, _ = standard_deviations(found)
    area = np.where(cell >= 0, found.areas.area[0].reshape(-1)[at], np.nan)
    sd = np.where(cell >= 0, sd_grid.reshape(-1)[at], np.nan)
    evaluable = (cell >= 0) & records.evaluable.reshape(-1)[at]
    bound = (cell >= 0) & found.areas.lower_bound[0].reshape(-1)[at]
    members = np.bincount(study.ulcers.who[np.unique(study.ulcer[place])], minlength=study.n)
    before = place[(study.day[place] <= 0) & study.evaluable[place]]
    largest: dict[tuple[int, int], dict[int, int]] = {}
    for row in before.tolist():
        ulcers = largest.setdefault((int(study.who[row]), int(study.day[row])), {})
        ulcer = int(study.ulcer[row])
        if ulcer not in ulcers or study.rows.area[row] >= study.rows.area[ulcers[ulcer]]:
            ulcers[ulcer] = row
    for line in np.flatnonzero((cell < 0) & (day <= 0)).tolist():
        rows = list(largest.get((int(who[line]), int(day[line])), {}).values())
        if len(rows) == members[who[line]]:
            area[line] = study.rows.area[rows].sum()
            sd[line] = np.sqrt(np.square(study.sd[rows]).sum())
            evaluable[line], bound[line] = True, study.lower_bound[rows].any()
    return area, np.where(evaluable, sd, np.nan), evaluable, bound


def _columns(found: Assessment, lines: Lines) -> dict[str, AnyArray]:
    study = found.study
    start = study.subjects.trt_start[lines.who]
    coded = lines.cell >= 0
    at = np.maximum(lines.cell, 0)

    def of_record(values: AnyArray) -> AnyArray:
        return np.asarray(values.reshape(-1)[at])

    code = np.where(coded, of_record(found.course.code[0]), np.int8(Code.ABSENT))
    rule = np.where(coded, of_record(found.course.rule[0]), np.int8(0))
    code = np.where(lines.postamp, np.int8(Code.NE), code)
    rule = np.where(lines.postamp, np.int8(POSTAMP), rule)
    baseline = found.areas.baseline[0][lines.who]
    nadir = np.where(coded, of_record(found.course.nadir[0]), np.nan)
    nadir = np.where(np.isfinite(nadir), nadir, np.nan)
    whole = np.where(coded & lines.evaluable & ~lines.lower_bound, lines.area, np.nan)
    analysed = coded & of_record(found.grid.analysed)
    to_pd = analysed & (lines.day <= found.course.pd_day[0][lines.who])
    near = borderline(found)
    return {
        "subject": study.subjects.subject[lines.who],
        "visit": lines.visit,
        "avisit": analysis_visits(found, lines),
        "date": iso(lines.day + start),
        "day": lines.day,
        "ulcer": lines.ulcer,
        "area_cm2": lines.area,
        "area_sd": lines.sd,
        "evaluable": flag(lines.evaluable),
        "base_area": baseline,
        "nadir_area": nadir,
        "pchg_base": percent_change(whole, baseline),
        "pchg_nadir": percent_change(whole, nadir),
        "response": np.array(TEXTS, dtype=object)[code],
        "reason": np.array(REASON, dtype=object)[rule],
        "anl01fl": flag(analysed, no=""),
        "anl02fl": flag(to_pd, no=""),
        "borderline_pr": flag(of_record(near.pr), coded & of_record(near.defined)),
        "borderline_pd": flag(of_record(near.pd), coded & of_record(near.pd_defined)),
    }


def analysis_visits(found: Assessment, lines: Lines) -> AnyArray:
    """AVISIT: BASELINE for the baseline, else the schedule's window; blank outside."""
    visit = window_names(lines.day, found.protocol)
    study = found.study
    base_day = baseline_days(found)[lines.who]
    is_baseline = lines.day == base_day
    if found.protocol.ulcer.strategy == "index":
        base_row = np.append(study.ulcers.baseline_row, -1)[study.index[lines.who]]
        is_baseline = (base_row >= 0) & (np.append(study.rows.row, -1)[base_row] == lines.row)
    return np.where(is_baseline, "BASELINE", visit)


def window_names(day: Ints, protocol: Protocol) -> AnyArray:
    """Name of the scheduled window that holds each day; blank outside (section 1, schedule)."""
    low = np.array([window.lo for window in protocol.schedule])
    names = np.array(["", *(window.name for window in protocol.schedule)], dtype=object)
    place = np.searchsorted(low, day, side="right")
    inside = (place > 0) & (day <= protocol.schedule[-1].hi)
    return np.asarray(names[np.where(inside, place, 0)])


def baseline_days(found: Assessment) -> Ints:
    """Day of each subject's baseline, the latest of a sum's; ``NEVER`` without one."""
    days = np.full(found.study.n, -NEVER, dtype=np.int64)
    np.maximum.at(days, found.grid.baseline_track, found.study.day[found.grid.baseline_rows])
    return np.where(days > -NEVER, days, NEVER)


def _share_columns(found: Assessment, lines: Lines, simulated: MonteCarlo) -> dict[str, AnyArray]:
    """p_cr, p_pr, p_sd, p_pd of every judged record (only with --mc)."""
    at = np.maximum(lines.cell, 0)
    shares = simulated.visits.reshape(-1, len(SHARES))[at]
    known = (lines.cell >= 0) & (shares.sum(axis=1) > 0.0)
    return {name: np.where(known, shares[:, place], np.nan) for place, name in enumerate(SHARES)}
