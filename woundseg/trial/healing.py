"""Healing kinetics of every subject (section 7), from the records; supportive only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from woundseg.trial import grid, kinetics
from woundseg.trial.assess import Assessment
from woundseg.trial.cells import NEVER
from woundseg.trial.codes import Bools, Floats, Ints
from woundseg.trial.course import day_at
from woundseg.trial.protocol import Window
from woundseg.trial.rates import rate
from woundseg.trial.visit_table import baseline_days, window_names

GRANULATION_W2, GRANULATION_END, AREA_CHANGE = 0.50, 0.75, 16.1
"""Surrogate thresholds of S5 (PMC3554270): shares of the bed, and percent of the area."""


@dataclass(frozen=True)
class Healing:
    """Figures of every subject; NaN where there is none.

    Attributes:
        par4: percentage area reduction at week 4.
        lhr4: log healing rate to week 4, per week.
        gilman4: margin advance to week 4, cm per week.
        par8: percentage area reduction at week 8.
        ln_slope: slope of ln A through month 6, per week.
        halving_weeks: -ln 2 / ln_slope; negative is a doubling time.
        par: (subjects, records) percentage area reduction at each analysed visit.
    """

    par4: Floats
    lhr4: Floats
    gilman4: Floats
    par8: Floats
    ln_slope: Floats
    halving_weeks: Floats
    par: Floats


def heal(found: Assessment) -> Healing:
    """Section 7 for every subject of the study."""
    measured = _measured(found)
    baseline = found.areas.baseline[0]
    area = found.areas.area[0]
    par = kinetics.area_reduction(baseline[:, None], np.where(measured, area, np.nan))
    week4 = _closest(found, found.protocol.window("W4"), measured)
    week8 = _closest(found, found.protocol.window("W8"), measured)
    elapsed = _elapsed(found, week4)
    slope = _slope(found, measured)
    with np.errstate(divide="ignore"):
        halving = np.where(slope != 0.0, -np.log(2.0) / slope, np.nan)
    return Healing(
        par4=_at(par, week4),
        lhr4=kinetics.log_healing_rate(baseline, _at(area, week4), elapsed),
        gilman4=_gilman(found, week4, elapsed),
        par8=_at(par, week8),
        ln_slope=slope,
        halving_weeks=halving,
        par=par,
    )


def _measured(found: Assessment) -> Bools:
    """Analysed records with an area to tell a change from: no lower bound (rule 2.6a)."""
    records = found.grid
    has_area = ~np.isnan(found.areas.whole[0]) & ~np.isnan(found.areas.baseline[0])[:, None]
    return np.asarray(records.analysed & records.evaluable & has_area)


def _closest(found: Assessment, window: Window | None, measured: Bools) -> Ints:
    """Slot of the visit in the window closest to its target, the later of equals; -1 for none."""
    if window is None:
        return np.full(found.study.n, -1, dtype=np.int64)
    day = found.grid.day
    eligible = measured & (day >= window.lo) & (day <= window.hi)
    distance = 2 * np.abs(day - window.target) - (day > window.target)
    nearest = np.where(eligible, distance, NEVER).argmin(axis=1)
    return np.where(eligible.any(axis=1), nearest, -1)


def _at(values: Floats, slot: Ints) -> Floats:
    picked = np.take_along_axis(values, np.maximum(slot, 0)[:, None], axis=1)[:, 0]
    return np.where(slot >= 0, picked, np.nan)


def _elapsed(found: Assessment, slot: Ints) -> Floats:
    """Days from the baseline to the record at ``slot``; NaN without either."""
    day, base_day = day_at(found.grid.day, slot), baseline_days(found)
    known = (day < NEVER) & (base_day < NEVER)
    return np.where(known, (day - base_day).astype(np.float64), np.nan)


def _gilman(found: Assessment, slot: Ints, elapsed: Floats) -> Floats:
    """Margin advance to ``slot``; a sum of ulcers takes the circle of its area."""
    closed = _at(found.areas.closed[0].astype(np.float64), slot) == 1.0
    area = np.where(closed, 0.0, _at(found.areas.area[0], slot))
    baseline_rim, rims = _perimeters(found)
    rate_ = kinetics.gilman_rate(
        found.areas.baseline[0], area, elapsed, baseline_rim, _at(rims, slot)
    )
    return np.asarray(rate_)


def _perimeters(found: Assessment) -> tuple[Floats, Floats]:
    """Perimeter of each baseline and record [cm]; NaN where not given or for a sum."""
    study, records = found.study, found.grid
    rims = np.full(records.day.size, np.nan)
    baseline = np.full(study.n, np.nan)
    if found.protocol.ulcer.strategy == "index":
        chosen = grid.chosen_rows(study, records, found.protocol)
        rims[records.cell] = study.rows.perimeter[chosen]
        baseline[records.baseline_track] = study.rows.perimeter[records.baseline_rows]
    return baseline, rims.reshape(records.shape)


def _slope(found: Assessment, measured: Bools) -> Floats:
    """Slope of ln A from the baseline through month 6."""
    records = found.grid
    base_day = baseline_days(found)
    used = measured & (records.day <= found.protocol.landmark.hi)
    area = np.concatenate([found.areas.baseline[0][:, None], found.areas.area[0]], axis=1)
    day = np.concatenate([base_day[:, None], records.day], axis=1).astype(np.float64)
    used = np.concatenate([(base_day < NEVER)[:, None], used], axis=1)
    return kinetics.log_slope(area, day, used)


def quartiles(values: Floats) -> dict[str, float | int | None]:
    """How many, median and quartiles (linear interpolation), without the NaN."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return {"n": 0, "median": None, "q1": None, "q3": None}
    q1, median, q3 = (float(q) for q in np.quantile(known, [0.25, 0.5, 0.75]))
    return {"n": int(known.size), "median": median, "q1": q1, "q3": q3}


def supportive(found: Assessment, healing: Healing, members: Bools) -> dict[str, Any]:
    """Healing as a yes or no, and the trajectory of the area reduction by visit.

    PAR of at least 50 % at week 4 (S1 to S3) and 90 % at week 8 (S3), among those measured then;
    granulation flags of S5, exploratory.
    """
    level = found.protocol.population.conf_level

    def share(values: Floats, least: float) -> dict[str, float | int | None]:
        known = values[members & ~np.isnan(values)]
        return rate(int((np.round(known, 6) >= least).sum()), int(known.size), level)

    names = window_names(found.grid.day, found.protocol)
    return {
        "PAR50W4": share(healing.par4, 50.0),
        "PAR90W8": share(healing.par8, 90.0),
        "LN_SLOPE": quartiles(healing.ln_slope[members]),
        "trajectory": [
            {"avisit": w.name, **quartiles(healing.par[members][names[members] == w.name])}
            for w in found.protocol.schedule
        ],
        "granulation": _granulation(found, healing, members),
    }


def _granulation(found: Assessment, healing: Healing, members: Bools) -> dict[str, Any]:
    """Granulation above 50 % at W2 and 75 % at the last visit; area reduced by 16.1 % there."""
    if found.protocol.ulcer.strategy == "sum":
        return {}
    level = found.protocol.population.conf_level
    records = found.grid
    tissue = np.full(records.day.size, np.nan)
    chosen = grid.chosen_rows(found.study, records, found.protocol)
    tissue[records.cell] = found.study.rows.granulation[chosen]
    tissue = tissue.reshape(records.shape)
    measured = _measured(found)
    week2 = _at(tissue, _closest(found, found.protocol.window("W2"), measured))
    slots = np.where(measured, np.arange(records.shape[1]), -1)
    last = slots.max(axis=1, initial=-1)
    checks = (
        ("W2_OVER_50", week2, GRANULATION_W2),
        ("END_OVER_75", _at(tissue, last), GRANULATION_END),
        ("END_PAR_16_1", _at(healing.par, last), np.nextafter(AREA_CHANGE, 0.0)),
    )
    shares = {}
    for name, values, over in checks:
        known = values[members & ~np.isnan(values)]
        shares[name] = rate(int((known > over).sum()), int(known.size), level)
    return shares
