"""subject_response.csv (section 10): one row a subject; and which record made each value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from woundseg.trial.assess import Assessment
from woundseg.trial.best import PARAMETERS, Outcome, pr_after_cr
from woundseg.trial.cells import NEVER
from woundseg.trial.codes import TEXTS, AnyArray, Ints
from woundseg.trial.course import day_at
from woundseg.trial.durations import Duration, Durations, pd_reasons
from woundseg.trial.frames import dates_of, flag, iso
from woundseg.trial.healing import Healing
from woundseg.trial.visit_table import SUM, baseline_days

if TYPE_CHECKING:
    import pandas as pd


def subject_table(found: Assessment, durations: Durations, healing: Healing) -> pd.DataFrame:
    """The table, sorted by subject."""
    import pandas as pd

    columns = _who(found) | response_columns(found) | _landmark(found)
    start = found.study.subjects.trt_start
    columns |= _lasting("dor", durations.dor, start) | _lasting("rsd", durations.rsd, start)
    columns |= {
        "ttr_days": _days_to_event(durations.ttr),
        "ttc_days": _days_to_event(durations.ttc),
        "par4": healing.par4,
        "lhr4": healing.lhr4,
        "gilman4": healing.gilman4,
        "crpr_warning": flag(pr_after_cr(found.history)[0]),
        "ln_slope": healing.ln_slope,
        "halving_weeks": healing.halving_weeks,
    }
    return pd.DataFrame(columns)


def _who(found: Assessment) -> dict[str, AnyArray]:
    study = found.study
    subjects = study.subjects
    baseline = found.areas.baseline[0]
    small = np.round(baseline, 6) < found.protocol.baseline.small_ulcer_cm2
    ids = np.append(study.ulcers.name, "")[study.index]
    if found.protocol.ulcer.strategy == "sum":
        ids = np.where(study.index >= 0, SUM, "").astype(object)
    return {
        "subject": subjects.subject,
        "fasfl": flag(subjects.fasfl),
        "evalfl": flag(found.evaluable),
        "index_ulcer": ids,
        "base_date": iso(dates_of(baseline_days(found), subjects.trt_start)),
        "base_area": baseline,
        "small_ulcer": flag(small),
    }


def response_columns(found: Assessment) -> dict[str, AnyArray]:
    """RSP, BOR, CBOR, CRSP, CB and CCB with their dates, and the first PD (section 4)."""
    columns: dict[str, AnyArray] = {}
    start = found.study.subjects.trt_start
    for name, outcome in found.outcomes.items():
        columns[name] = _value_text(name, outcome)
        columns[f"{name}_date"] = iso(dates_of(day_at(found.grid.day, outcome.slot)[0], start))
    columns["pd_date"] = iso(dates_of(found.course.pd_day[0], start))
    columns["pd_reason"] = np.array(pd_reasons(found.grid, found.course), dtype=object)
    return columns


def _value_text(name: str, outcome: Outcome) -> AnyArray:
    if name in ("bor", "cbor"):
        return np.asarray(np.array(TEXTS, dtype=object)[outcome.value[0]])
    return flag(outcome.value[0] == 1)


def _landmark(found: Assessment) -> dict[str, AnyArray]:
    study = found.study
    new_day = np.full(study.n, NEVER, dtype=np.int64)
    np.minimum.at(new_day, study.ulcers.who, study.ulcers.new_day)
    start = study.subjects.trt_start
    return {
        "lm6": np.asarray(np.array(TEXTS, dtype=object)[found.lm6.value[0]]),
        "lm6_date": iso(dates_of(found.lm6.day[0], start)),
        "new_ulcer_date": iso(dates_of(new_day, start)),
    }


def _lasting(name: str, durations: list[Duration | None], start: Ints) -> dict[str, AnyArray]:
    """The five columns of DOR or RSD; blank for those without a start."""
    begins = np.array([NEVER if d is None else d.start for d in durations], dtype=np.int64)
    ends = np.array([NEVER if d is None else d.end for d in durations], dtype=np.int64)
    return {
        f"{name}_start": iso(dates_of(begins, start)),
        f"{name}_end": iso(dates_of(ends, start)),
        f"{name}_days": _objects([None if d is None else d.days for d in durations]),
        f"{name}_cnsr": _objects([None if d is None else d.cnsr for d in durations]),
        f"{name}_event": _objects(["" if d is None else d.event for d in durations]),
    }


def _days_to_event(durations: list[Duration | None]) -> AnyArray:
    """AVAL of those that came to the event; blank for the censored."""
    return _objects([d.days if d is not None and d.cnsr == 0 else None for d in durations])


def _objects(values: list[int | None] | list[str]) -> AnyArray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def evidence_table(found: Assessment, origin: pd.DataFrame) -> pd.DataFrame:
    """Which record and which rule made each best response: one row a subject and parameter.

    Columns: subject, parameter, value, rule (the source's name), date, row (of visits.csv; None
    without a record, 0 for an amputation or a sum), confirmed_by (date of the witness).
    """
    import pandas as pd

    study = found.study
    row_of_cell = np.zeros(found.grid.day.size, dtype=np.int64)
    lines = origin[origin["cell"] >= 0]
    row_of_cell[lines["cell"].to_numpy()] = lines["row"].to_numpy()
    tracks, width = found.grid.shape
    parts = []
    for name, outcome in found.outcomes.items():
        slot = outcome.slot[0]
        rows = row_of_cell[np.arange(tracks) * width + np.maximum(slot, 0)]
        day = day_at(found.grid.day, outcome.slot)[0]
        sources = np.array([source.name for source in PARAMETERS[name]], dtype=object)
        parts.append(
            pd.DataFrame(
                {
                    "subject": study.subjects.subject,
                    "parameter": name.upper(),
                    "value": _value_text(name, outcome),
                    "rule": sources[outcome.source[0]],
                    "date": iso(dates_of(day, study.subjects.trt_start)),
                    "row": np.where(slot >= 0, rows, -1),
                    "confirmed_by": iso(
                        dates_of(_witness_day(found, name, slot), study.subjects.trt_start)
                    ),
                }
            )
        )
    return pd.concat(parts).sort_values("subject", kind="stable", ignore_index=True)


def _witness_day(found: Assessment, name: str, slot: Ints) -> Ints:
    """Day of the record that confirmed the one at ``slot``; ``NEVER`` where it is unconfirmed."""
    if name not in ("cbor", "crsp", "ccb"):
        return np.full(slot.shape, NEVER, dtype=np.int64)
    confirmed = found.history.confirmed
    tracks, at = np.arange(slot.size), np.maximum(slot, 0)
    by_cr, by_pr = confirmed.by_cr[0][tracks, at], confirmed.by_pr[0][tracks, at]
    witness = np.where(
        by_cr, confirmed.witness_cr[0][tracks, at], confirmed.witness_pr[0][tracks, at]
    )
    day = day_at(found.grid.day, witness[None])[0]
    return np.where((slot >= 0) & (by_cr | by_pr), day, NEVER)
