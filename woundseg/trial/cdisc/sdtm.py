"""TU, TR and RS: findings about ulcers in the manner of SDTM (target lesion = ulcer; X2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from woundseg.trial import grid
from woundseg.trial.cdisc.shaping import (
    Columns,
    Derived,
    Responses,
    chosen,
    dates,
    readers,
    sequence,
    study_day,
    table,
    usubjid,
    visit_names,
    visit_numbers,
)
from woundseg.trial.cdisc.variables import ND, NOTEVAL, POSTAMP, TESTS, TESTS_OF, UNCALIBRATED
from woundseg.trial.cells import NEVER
from woundseg.trial.codes import AnyArray, Bools, Floats, Ints
from woundseg.trial.course import day_at
from woundseg.trial.frames import number_text
from woundseg.trial.visit_table import AMPUTATION

if TYPE_CHECKING:
    import pandas as pd

PHOTOGRAPHY, ALGORITHM, INVESTIGATOR = "PHOTOGRAPHY", "ALGORITHM", "INVESTIGATOR"
NOT_DONE = "NOT DONE"


def _keys(derived: Derived, domain: str, who: Ints, day: Ints) -> Columns:
    """The variables that every record of a domain has; ``who`` is sorted."""
    names = visit_names(derived, day)
    return {
        "STUDYID": derived.study_id,
        "DOMAIN": domain,
        "USUBJID": usubjid(derived)[who],
        f"{domain}SEQ": sequence(who),
        "VISIT": names,
        "VISITNUM": visit_numbers(derived, names),
        f"{domain}DTC": dates(derived, who, day),
        f"{domain}DY": study_day(day),
    }


# --- TU ---------------------------------------------------------------------------------------


def tu(derived: Derived) -> pd.DataFrame:
    """TU: every ulcer once, on its baseline, else the day it was first seen, else its first row."""
    ulcers = derived.found.study.ulcers
    found = _identified(derived)
    columns = _keys(derived, "TU", ulcers.who, identification_day(derived)) | {
        "TULNKID": ulcers.name,
        "TUTESTCD": "TUMIDENT",
        "TUTEST": TESTS["TUMIDENT"][0],
        "TUORRES": found,
        "TUSTRESC": found,
        "TUMETHOD": PHOTOGRAPHY,
        "TUEVAL": np.where(ulcers.target, INVESTIGATOR, ALGORITHM).astype(object),
    }
    return table("TU", ulcers.who.size, columns)


def _identified(derived: Derived) -> AnyArray:
    """NEW, TARGET or NON-TARGET (section 2.4)."""
    study = derived.found.study
    if derived.found.protocol.ulcer.strategy == "sum":
        target = grid.sum_tracks(study)[0] >= 0
    else:
        target = study.index[study.ulcers.who] == np.arange(study.ulcers.who.size)
    text = np.where(target, "TARGET", "NON-TARGET").astype(object)
    return np.where(study.ulcers.new_day < NEVER, "NEW", text)


def identification_day(derived: Derived) -> Ints:
    """Day of each ulcer's TU record."""
    study = derived.found.study
    ulcers = study.ulcers
    first = np.full(ulcers.who.size, NEVER, dtype=np.int64)
    np.minimum.at(first, study.ulcer, study.day)
    seen = np.where(ulcers.new_day < NEVER, ulcers.new_day, first)
    at_baseline = np.append(study.day, 0)[ulcers.baseline_row]
    return np.where(ulcers.baseline_row >= 0, at_baseline, seen)


# --- TR ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Results:
    """Results of one test: who, when, of which ulcer, what, and why not.

    Attributes:
        test: TRTESTCD.
        who: place of the subject.
        day: days after the first dose.
        row: place in the input's order, for sorting.
        ulcer: its id.
        value: NaN where there is no result.
        reason: TRREASND; blank where there is one.
        at_least: the value is a lower bound (rule 2.6a).
        by_person: it rests on a person's reading.
        reader: who that is; blank where not known.
    """

    test: str
    who: Ints
    day: Ints
    row: Ints
    ulcer: AnyArray
    value: Floats
    reason: AnyArray
    at_least: Bools
    by_person: Bools
    reader: AnyArray


def tr(derived: Derived) -> pd.DataFrame:
    """TR: every measured figure of every photograph and ulcer, and the sums of a sum.

    A lower bound is a text such as ``>=3.2`` without a numeric result, as SDTM has it.
    """
    parts = [*_measured(derived), *_summed(derived)]
    who = np.concatenate([part.who for part in parts])
    day = np.concatenate([part.day for part in parts])
    row = np.concatenate([part.row for part in parts])
    test = np.concatenate([np.full(p.who.size, TESTS_OF["TR"].index(p.test)) for p in parts])
    order = np.lexsort((test, row, day, who))
    value = np.concatenate([part.value for part in parts])[order]
    codes = np.array(TESTS_OF["TR"], dtype=object)
    names = np.array([TESTS[code][0] for code in codes], dtype=object)
    units = np.array([TESTS[code][1] for code in codes], dtype=object)
    missing = np.isnan(value)
    at_least = np.concatenate([part.at_least for part in parts])[order] & ~missing
    text = np.where(at_least, ">=", "").astype(object) + number_texts(value)
    unit = np.where(missing, "", units[test[order]])
    columns = _keys(derived, "TR", who[order], day[order])
    columns |= {
        "TRLNKID": np.concatenate([part.ulcer for part in parts])[order],
        "TRLNKGRP": columns["TRDTC"],
        "TRTESTCD": codes[test[order]],
        "TRTEST": names[test[order]],
        "TRORRES": text,
        "TRORRESU": unit,
        "TRSTRESC": text,
        "TRSTRESN": np.where(at_least, np.nan, value),
        "TRSTRESU": unit,
        "TRSTAT": chosen(missing, NOT_DONE),
        "TRREASND": np.concatenate([part.reason for part in parts])[order],
        "TRMETHOD": chosen(~missing, PHOTOGRAPHY),
        **_evaluator(
            "TR",
            np.concatenate([part.by_person for part in parts])[order],
            np.concatenate([part.reader for part in parts])[order],
        ),
    }
    return table("TR", order.size, columns)


def _evaluator(domain: str, by_person: Bools, name: AnyArray) -> Columns:
    """--EVAL, and --EVALID where somebody is named."""
    columns: Columns = {
        f"{domain}EVAL": np.where(by_person, INVESTIGATOR, ALGORITHM).astype(object)
    }
    return columns | ({f"{domain}EVALID": name} if any(name.tolist()) else {})


def number_texts(values: Floats) -> AnyArray:
    """The numbers as the CSV writes them; blank for NaN."""
    distinct, place = np.unique(values, return_inverse=True)
    return np.array([number_text(value) for value in distinct.tolist()], dtype=object)[place]


def _measured(derived: Derived) -> list[Results]:
    """AREA of every row, and what else the row was given with it."""
    study = derived.found.study
    rows, usable = study.rows, study.evaluable
    given_sd = np.where(np.isfinite(rows.sd) | np.isfinite(rows.high - rows.low), study.sd, np.nan)
    asked = np.ones(study.who.size, dtype=np.bool_)
    if derived.assessed:  # there a blank area is no failed photograph: the code decides
        asked = ~np.isnan(rows.area) | (rows.evaluable == -1) | (rows.calibrated == -1)
    area = _results(derived, "AREA", np.where(usable, rows.area, np.nan), asked)
    rim = np.where(study.lower_bound, np.nan, rows.perimeter)  # of a part: neither it nor a bound
    others = (("AREASD", given_sd), ("PERIM", rim), ("GRANFR", rows.granulation))
    return [area] + [_results(derived, t, v, usable & ~np.isnan(v)) for t, v in others]


def _results(derived: Derived, test: str, value: Floats, keep: Bools) -> Results:
    study = derived.found.study
    place = np.flatnonzero(keep)
    reason = np.where(study.rows.calibrated == -1, UNCALIBRATED, NOTEVAL).astype(object)
    reason = np.where(study.rows.evaluable == -1, NOTEVAL, reason)
    reason = np.where(study.postamp, POSTAMP, reason)
    return Results(
        test=test,
        who=study.who[place],
        day=study.day[place],
        row=place,
        ulcer=study.rows.ulcer[place],
        value=value[place],
        reason=np.where(np.isnan(value), reason, "")[place],
        at_least=study.lower_bound[place] & (test == "AREA"),
        by_person=study.rows.by_person[place],
        reader=study.rows.reader[place],
    )


def _summed(derived: Derived) -> list[Results]:
    """SUMAREA of every date, where the ulcers are added (section 2.4)."""
    if derived.found.protocol.ulcer.strategy != "sum":
        return []
    lines = derived.lines
    measured = lines["visit"] != AMPUTATION
    if derived.assessed:
        measured &= lines["area_cm2"].notna()
    place = np.flatnonzero(measured.to_numpy())
    value = np.where(lines["evaluable"] == "Y", lines["area_cm2"], np.nan)[place]
    by_person, reader = readers(derived)
    reason = np.where(lines["reason"] == POSTAMP, POSTAMP, NOTEVAL)[place]
    return [
        Results(
            test="SUMAREA",
            who=derived.origin["who"].to_numpy()[place],
            day=lines["day"].to_numpy()[place],
            row=np.full(place.size, derived.found.study.who.size),
            ulcer=np.full(place.size, "", dtype=object),
            value=value,
            reason=np.where(np.isnan(value), reason, "").astype(object),
            at_least=derived.origin["lower_bound"].to_numpy()[place],
            by_person=by_person[place],
            reader=reader[place],
        )
    ]


# --- RS ---------------------------------------------------------------------------------------


def rs(derived: Derived, coded: Responses) -> pd.DataFrame:
    """RS: the response at every date, and after them the confirmed best response."""
    lines, best = derived.lines, derived.subjects
    everyone = np.arange(derived.found.study.n)
    best_day = _best_days(derived)
    who = np.concatenate([coded.who, everyone])
    order = np.argsort(who, kind="stable")
    day = np.concatenate([coded.day, best_day])[order]
    is_best = np.concatenate([np.zeros(coded.who.size, bool), np.ones(everyone.size, bool)])[order]
    code = np.concatenate([lines["response"].to_numpy()[coded.line], best["cbor"]])[order]
    visit = np.concatenate([lines["visit"].to_numpy()[coded.line], best["cbor"]])[order]
    names = np.array([TESTS[test][0] for test in TESTS_OF["RS"]], dtype=object)
    columns = _keys(derived, "RS", who[order], day)
    not_done = (code == ND) & ~is_best
    result = np.where(not_done, "", code)
    photograph = ~is_best & (visit != AMPUTATION) & ~not_done & (not derived.assessed)
    assessed = ~is_best & (visit != AMPUTATION) & derived.assessed
    read, reader = readers(derived)
    nobody = np.zeros(everyone.size, dtype=np.bool_)
    read = np.concatenate([read[coded.line], nobody])[order]
    reader = np.concatenate([reader[coded.line], np.full(everyone.size, "", object)])[order]
    columns |= {
        "RSLNKGRP": np.where(is_best, "", columns["RSDTC"]),
        "RSTESTCD": np.array(TESTS_OF["RS"], dtype=object)[is_best.astype(np.int64)],
        "RSTEST": names[is_best.astype(np.int64)],
        "RSORRES": result,
        "RSSTRESC": result,
        "RSSTAT": chosen(not_done, NOT_DONE),
        "RSREASND": chosen(not_done, ND),
        "RSCAT": f"WOUNDSEG WHO-LIKE {derived.found.protocol.protocol.version}",
        "RSMETHOD": chosen(photograph, PHOTOGRAPHY),
        **_evaluator("RS", assessed | read, reader),
    }
    return table("RS", order.size, columns)


def _best_days(derived: Derived) -> Ints:
    """Day of the record that gives each subject's confirmed best response; ``NEVER``."""
    slot = derived.found.outcomes["cbor"].slot
    return np.asarray(day_at(derived.found.grid.day, slot)[0])
