"""One straight way through sections 2 to 4, for the study as measured or for drawn areas."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from woundseg.trial import best, grid
from woundseg.trial.best import History, LandmarkOutcome, Outcome
from woundseg.trial.cells import NEVER
from woundseg.trial.codes import Bools, Code, Codes, Floats, Ints
from woundseg.trial.course import Course, follow, judged
from woundseg.trial.error import log_sd, ratio_interval, z_value
from woundseg.trial.grid import Areas, Grid
from woundseg.trial.protocol import Protocol
from woundseg.trial.response import CUT, RULES, borderline_flags
from woundseg.trial.study import Study

GROWTH = next(rule.order for rule in RULES if rule.reason == "GROWTH")


@dataclass(frozen=True)
class Assessment:
    """Sections 2 to 4 applied: records, their codes, and each subject's best response.

    Attributes:
        study: the input as read.
        protocol: the rules in force.
        grid: the records; one track a subject.
        areas: their areas, one draw.
        course: their codes.
        history: those that best response looks at.
        outcomes: RSP, BOR, CBOR, CRSP, CB, CCB.
        lm6: the landmark.
        evaluable: (subjects,) member of EVAL.
    """

    study: Study
    protocol: Protocol
    grid: Grid
    areas: Areas
    course: Course
    history: History
    outcomes: dict[str, Outcome]
    lm6: LandmarkOutcome
    evaluable: Bools


def assess(study: Study, protocol: Protocol) -> Assessment:
    """Sections 2 to 4 for the areas as measured."""
    tracks = grid.index_tracks if protocol.ulcer.strategy == "index" else grid.sum_tracks
    records = grid.build(study, protocol, tracks(study))
    areas = grid.areas(study, records, protocol, np.ones((1, study.who.size)))
    course = follow(study, records, areas, protocol)
    return _with_outcomes(study, protocol, (records, areas, course))


def _with_outcomes(
    study: Study, protocol: Protocol, parts: tuple[Grid, Areas, Course]
) -> Assessment:
    records, areas, course = parts
    history = best.history_of(records, course, protocol)
    return Assessment(
        study=study,
        protocol=protocol,
        grid=records,
        areas=areas,
        course=course,
        history=history,
        outcomes=best.derive(history, protocol.bor),
        lm6=best.landmark(study, records, course, protocol),
        evaluable=_eval_population(study, parts, protocol),
    )


def _eval_population(study: Study, parts: tuple[Grid, Areas, Course], protocol: Protocol) -> Bools:
    """EVAL (section 5). Assessed codes already stand on the assessor's own baseline."""
    records, areas, course = parts
    cutoff = protocol.bor.cutoff_day
    last = np.iinfo(np.int64).max if cutoff is None else cutoff
    seen = (records.analysed & judged(records, course)[0] & (records.day <= last)).any(axis=1)
    clock = study.clock
    limit = min(last, NEVER - 1)
    ended = ((clock.amputation > 0) & (clock.amputation <= limit)) | (clock.death <= limit)
    has_baseline = ~np.isnan(areas.baseline[0])
    if protocol.source == "assessed":
        has_baseline = np.ones_like(has_baseline)
    return np.asarray(study.subjects.fasfl & has_baseline & (seen | ended))


@dataclass(frozen=True)
class Borderline:
    """Which records lie so near a threshold that their error may cross it (section 5).

    Attributes:
        defined: (T, K) both areas are above 0, and A is no lower bound.
        pr: (T, K) A/A0 straddles PR's threshold.
        pd_defined: (T, K) A and the nadir are above 0; A may be a lower bound.
        pd: (T, K) A/N straddles PD's threshold.
    """

    defined: Bools
    pr: Bools
    pd_defined: Bools
    pd: Bools


def borderline(found: Assessment) -> Borderline:
    """The borderline flags of every record; undefined where an area is 0 or absent."""
    spread, baseline_spread = _spreads(found)
    area, baseline, nadir = found.areas.area[0], found.areas.baseline[0], found.course.nadir[0]
    slot = found.course.nadir_slot[0]
    earlier = np.take_along_axis(spread, np.maximum(slot, 0), axis=1)
    nadir_spread = np.where(slot >= 0, earlier, baseline_spread[:, None])
    z = z_value(found.protocol.uncertainty.level)
    to_baseline = ratio_interval(
        area, np.broadcast_to(baseline[:, None], area.shape), spread, baseline_spread[:, None], z
    )
    to_nadir = ratio_interval(area, nadir, spread, nadir_spread, z)
    pr, pd = borderline_flags(to_baseline, to_nadir, found.protocol.category)
    seen = found.grid.evaluable & ~found.areas.closed[0] & (area > 0.0)
    seen = seen & (found.protocol.source == "area")
    whole = seen & ~found.areas.lower_bound[0]  # a lower bound is never PR
    return Borderline(
        defined=whole & (baseline[:, None] > 0.0),
        pr=whole & pr,
        pd_defined=seen & (nadir > 0.0) & np.isfinite(nadir),
        pd=seen & pd,
    )


def _spreads(found: Assessment) -> tuple[Floats, Floats]:
    """s(A) of every record (T, K) and of every baseline (T,)."""
    sd, baseline_sd = standard_deviations(found)
    spread = log_sd(found.areas.area[0], sd, found.areas.closed[0])
    baseline = found.areas.baseline[0]
    return spread, log_sd(baseline, baseline_sd, np.zeros(baseline.shape, dtype=np.bool_))


def standard_deviations(found: Assessment) -> tuple[Floats, Floats]:
    """Standard deviation [cm²] of every record (T, K) and baseline (T,); NaN where none.

    Of a sum it is the root of the summed squares; a closed ulcer has no error.
    """
    study, records = found.study, found.grid
    variance = np.square(np.where(study.closed, 0.0, study.sd))
    sd = np.full(records.day.size, np.nan)
    if records.cell.size:
        chosen = grid.chosen_rows(study, records, found.protocol)
        sd[records.cell] = np.sqrt(np.add.reduceat(variance[chosen], records.rows.record_start))
    total = np.zeros(records.who.size)
    np.add.at(total, records.baseline_track, variance[records.baseline_rows])
    return sd.reshape(records.shape), np.where(
        np.isnan(found.areas.baseline[0]), np.nan, np.sqrt(total)
    )


def shifted(found: Assessment, towards: str) -> Assessment:
    """Sensitivity (g): every borderline visit takes the ``worst`` or the ``best`` category.

    Worst: PR becomes SD, and any category but PD becomes PD, a lower bound without one too. Best:
    a PD by growth becomes what it would be without growth, and SD becomes PR.
    """
    flags = borderline(found)
    code, rule = found.course.code[0], found.course.rule[0]
    if towards == "worst":
        moved = np.where(flags.pr & (code == Code.PR), np.int8(Code.SD), code)
        not_pd = np.isin(code, (Code.CR, Code.PR, Code.SD)) | (rule == CUT)
        moved = np.where(flags.pd & not_pd, np.int8(Code.PD), moved)
    else:
        no_growth = _without_growth(found)[0]
        moved = np.where(flags.pd & (rule == GROWTH), no_growth, code)
        moved = np.where(flags.pr & (moved == Code.SD), np.int8(Code.PR), moved)
    pd_day = found.course.pd_day
    if found.protocol.bor.pd_date_source == "derived":
        pd_day = _first_pd(found.grid, moved)[None]
    course = replace(found.course, code=moved[None], pd_day=pd_day)
    return _with_outcomes(found.study, found.protocol, (found.grid, found.areas, course))


def _first_pd(records: Grid, code: Codes) -> Ints:
    is_pd = (code == Code.PD) & records.analysed
    return np.asarray(np.where(is_pd, records.day, NEVER).min(axis=1, initial=NEVER))


def _without_growth(found: Assessment) -> Codes:
    """Codes where no growth, however large, is progression."""
    endless = {"pd": {"min_increase_cm2": 1e12}}
    lenient = found.protocol.override({"category": endless})
    return follow(found.study, found.grid, found.areas, lenient).code
