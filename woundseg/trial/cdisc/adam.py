"""ADSL, ADRS and ADTTE: analysis data sets in the manner of ADaM, traced to their source (X3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from woundseg.errors import TableError
from woundseg.trial.cdisc.sdtm import identification_day
from woundseg.trial.cdisc.shaping import (
    Columns,
    Derived,
    Responses,
    dates,
    pick,
    sequence,
    study_day,
    table,
    usubjid,
    visit_numbers,
)
from woundseg.trial.cdisc.variables import (
    AVAL_OF_CODE,
    AVAL_OF_FLAG,
    DURATIONS,
    PARAMETERS,
    TIME_TO_EVENT,
)
from woundseg.trial.cells import NEVER, CellError, number
from woundseg.trial.codes import TEXTS, AnyArray, Floats, Ints
from woundseg.trial.course import day_at, judged
from woundseg.trial.durations import Duration
from woundseg.trial.frames import flag, iso

if TYPE_CHECKING:
    import pandas as pd

_AVAL: dict[str, int] = AVAL_OF_CODE | AVAL_OF_FLAG
_EXTERNAL = ("SUBJECTS", "PD_DATE")
_FIRST_DOSE = ("ADSL", "TRTSDT")
_DEATH = ("ADSL", "DTHDT")


# --- ADSL -------------------------------------------------------------------------------------


def adsl(derived: Derived) -> pd.DataFrame:
    """ADSL: one row a subject."""
    subjects = derived.found.study.subjects
    best = derived.subjects
    last = last_evaluable_day(derived)
    columns: Columns = {
        "STUDYID": derived.study_id,
        "USUBJID": usubjid(derived),
        "SUBJID": subjects.subject,
        "FASFL": best["fasfl"].to_numpy(),
        "EVALFL": best["evalfl"].to_numpy(),
        "TRTSDT": iso(subjects.trt_start),
        "RESCDT": iso(subjects.rescue),
        "AMPDT": iso(subjects.amputation),
        "DTHDT": iso(subjects.death),
        "DTHFL": flag(subjects.death < NEVER, no=""),
        "BLADT": best["base_date"].to_numpy(),
        "BLAREA": best["base_area"].to_numpy(),
        "SMALLFL": best["small_ulcer"].to_numpy(),
        "INDEXULC": best["index_ulcer"].to_numpy(),
        "NEWULDT": best["new_ulcer_date"].to_numpy(),
        "LSTEVDT": dates(derived, np.arange(last.size), last),
    }
    if any(subjects.age.tolist()):
        columns["AGE"] = _ages(derived)
    if any(subjects.sex.tolist()):
        columns["SEX"] = subjects.sex
    return table("ADSL", subjects.subject.size, columns)


def last_evaluable_day(derived: Derived) -> Ints:
    """Day of each subject's last analysed evaluable record; ``NEVER`` without one."""
    records = derived.found.grid
    evaluable = judged(records, derived.found.course)[0]
    seen = np.where(records.analysed & evaluable, records.day, -NEVER)
    last = seen.max(axis=1, initial=-NEVER)
    return np.where(last > -NEVER, last, NEVER)


def _ages(derived: Derived) -> Floats:
    subjects = derived.found.study.subjects
    ages = np.full(subjects.age.size, np.nan)
    for place, (subject, age) in enumerate(
        zip(subjects.subject.tolist(), subjects.age.tolist(), strict=True)
    ):
        try:
            ages[place] = number(age)
        except CellError as bad:
            cause = f"column age, subject {subject!r}: {age!r} {bad.cause}"
            raise TableError(
                "subjects", cause, "Write the age in years, or leave it blank"
            ) from bad
    return ages


# --- ADRS -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Values:
    """Rows of one parameter of ADRS before they are put together.

    Attributes:
        parameter: PARAMCD.
        who: place of the subject.
        code: AVALC.
        day: ADT, in days after the first dose; ``NEVER`` for none.
        source_day: day of the record that gives the value; ``NEVER`` for none.
        elsewhere: SRCDOM and SRCVAR by AVALC, where the source is no record of that day.
    """

    parameter: str
    who: Ints
    code: AnyArray
    day: Ints
    source_day: Ints
    elsewhere: Mapping[str, tuple[str, str]]


def adrs(derived: Derived, coded: Responses) -> pd.DataFrame:
    """ADRS: the response at every date, then one row a subject and parameter."""
    parts = [_at_visits(derived, coded), *_best(derived), _landmark(derived), *_references(derived)]
    names = list(PARAMETERS)
    kind = np.concatenate([np.full(p.who.size, names.index(p.parameter)) for p in parts])
    who = np.concatenate([part.who for part in parts])
    day = np.concatenate([part.day for part in parts])
    order = np.lexsort((day, kind, who))
    who, day, kind = who[order], day[order], kind[order]
    code = np.concatenate([part.code for part in parts])[order]
    source_day = np.concatenate([part.source_day for part in parts])[order]
    domain, variable = (
        np.concatenate(texts)[order] for texts in zip(*map(_away, parts), strict=True)
    )
    record = np.where(domain == "", coded.at(who, source_day), -1)
    lost = (record < 0) & (domain == "") & (source_day < NEVER)
    avisit = derived.lines["avisit"].to_numpy()
    visit = pick(avisit, pick(coded.line, record, -1), "")
    columns = _subject_columns(derived, who) | {
        "PARAMCD": np.array(names, dtype=object)[kind],
        "PARAM": np.array([PARAMETERS[name][0] for name in names], dtype=object)[kind],
        "PARCAT1": np.array([PARAMETERS[name][1] for name in names], dtype=object)[kind],
        "AVAL": np.array([_AVAL.get(text, np.nan) for text in code.tolist()], dtype=np.float64),
        "AVALC": code,
        "ADT": dates(derived, who, day),
        "ADY": study_day(day),
        "AVISIT": visit,
        "AVISITN": visit_numbers(derived, visit),
        "SRCDOM": np.where(record >= 0, "RS", np.where(lost, _EXTERNAL[0], domain)),
        "SRCVAR": np.where(record >= 0, "RSSTRESC", np.where(lost, _EXTERNAL[1], variable)),
        "SRCSEQ": pick(coded.seq.astype(np.float64), record, np.nan),
        "ASEQ": sequence(who),
    }
    columns |= _visit_columns(derived, coded, np.where(kind == 0, record, -1))
    columns["ANL01FL"] = np.where(kind == 0, columns["ANL01FL"], "Y")
    return table("ADRS", who.size, columns)


def _away(part: Values) -> tuple[AnyArray, AnyArray]:
    """SRCDOM and SRCVAR of values whose source is no record; blank for the others."""
    sources = [part.elsewhere.get(code, ("", "")) for code in part.code.tolist()]
    domain = np.array([source[0] for source in sources], dtype=object)
    return domain, np.array([source[1] for source in sources], dtype=object)


def _subject_columns(derived: Derived, who: Ints) -> Columns:
    best = derived.subjects
    return {
        "STUDYID": derived.study_id,
        "USUBJID": usubjid(derived)[who],
        "FASFL": best["fasfl"].to_numpy()[who],
        "EVALFL": best["evalfl"].to_numpy()[who],
        "TRTSDT": iso(derived.found.study.subjects.trt_start)[who],
    }


def _visit_columns(derived: Derived, coded: Responses, record: Ints) -> Columns:
    """What visit_response.csv says of each OVR record; blank for the other rows."""
    line = pick(coded.line, record, -1)
    lines = derived.lines
    near = [lines[name].to_numpy() for name in ("borderline_pr", "borderline_pd")]
    borderline = np.where((near[0] == "Y") | (near[1] == "Y"), "Y", near[0] + near[1])
    borderline = np.where(borderline == "NN", "N", borderline).astype(object)
    numbers = {
        "BASE": "base_area",
        "NADIR": "nadir_area",
        "PCHGB": "pchg_base",
        "PCHGN": "pchg_nadir",
    }
    whole = (lines["evaluable"] == "Y") & ~derived.origin["lower_bound"]
    area = np.where(whole, lines["area_cm2"], np.nan)
    return {
        **{name: pick(lines[source].to_numpy(), line, np.nan) for name, source in numbers.items()},
        "AREA": pick(area, line, np.nan),
        "REASON": pick(lines["reason"].to_numpy(), line, ""),
        "BORDFL": pick(borderline, line, ""),
        "ANL01FL": pick(lines["anl01fl"].to_numpy(), line, ""),
        "ANL02FL": pick(lines["anl02fl"].to_numpy(), line, ""),
    }


def _at_visits(derived: Derived, coded: Responses) -> Values:
    code = derived.lines["response"].to_numpy()[coded.line]
    return Values("OVR", coded.who, code, coded.day, coded.day, {})


def _best(derived: Derived) -> list[Values]:
    """RSP, CRSP, BOR, CBOR, CB and CCB."""
    found = derived.found
    everyone = np.arange(found.study.n)
    values = []
    for name, outcome in found.outcomes.items():
        day = day_at(found.grid.day, outcome.slot)[0]
        code = derived.subjects[name].to_numpy()
        values.append(Values(name.upper(), everyone, code, day, day, {}))
    return values


def _landmark(derived: Derived) -> Values:
    found = derived.found
    landmark = found.lm6
    slot, day = landmark.slot[0], landmark.day[0]
    source_day = np.where(slot >= 0, day_at(found.grid.day, landmark.slot)[0], day)
    elsewhere = {"DEATH": _DEATH, "RESCUE": ("ADSL", "RESCDT")}
    code = derived.subjects["lm6"].to_numpy()
    return Values("LM6", np.arange(found.study.n), code, day, source_day, elsewhere)


def _references(derived: Derived) -> list[Values]:
    """PD, DEATH and LSTA: dates that others are measured by."""
    found = derived.found
    everyone = np.arange(found.study.n)
    first_pd, death = found.course.pd_day[0], found.study.clock.death
    last = last_evaluable_day(derived)
    seen = np.flatnonzero(last < NEVER)
    at_last = (found.grid.day[seen] == last[seen, None]).argmax(axis=1)
    code = np.array(TEXTS, dtype=object)[found.course.code[0][seen, at_last]]
    no_day = np.full(everyone.size, NEVER)
    return [
        Values("PD", everyone, flag(first_pd < NEVER), first_pd, first_pd, {}),
        Values("DEATH", everyone, flag(death < NEVER), death, no_day, {"Y": _DEATH}),
        Values("LSTA", seen, code, last[seen], last[seen], {}),
    ]


# --- ADTTE ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Lasting:
    """One row of ADTTE."""

    who: int
    kind: int
    duration: Duration


def adtte(derived: Derived, coded: Responses, responses: pd.DataFrame) -> pd.DataFrame:
    """ADTTE: one row a subject and duration, for those whom it concerns (section 6).

    Args:
        derived: the derived endpoint.
        coded: the coded records.
        responses: ADRS, to which visits are traced.
    """
    names = list(DURATIONS)
    lasting = _lasting(derived)
    who, kind, start, end, cnsr, event_type = _numbers(lasting)
    event = np.array([item.duration.event for item in lasting], dtype=object)
    seen = coded.at(who, end)
    ulcer = _new_ulcers(derived, who, end)
    visit_seq = responses["ASEQ"].to_numpy()[(responses["PARAMCD"] == "OVR").to_numpy()]
    sources = [
        _source(item, bool(visit >= 0), bool(new >= 0))
        for item, visit, new in zip(lasting, seen.tolist(), ulcer.tolist(), strict=True)
    ]
    domain = np.array([source[0] for source in sources], dtype=object)
    seq = np.where(domain == "ADRS", pick(visit_seq, seen, np.nan), np.nan)
    tu_seq = sequence(derived.found.study.ulcers.who).astype(np.float64)
    columns = _subject_columns(derived, who) | {
        "PARAMCD": np.array(names, dtype=object)[kind],
        "PARAM": np.array([DURATIONS[name] for name in names], dtype=object)[kind],
        "PARCAT1": TIME_TO_EVENT,
        "AVAL": end - start + 1,
        "ADT": dates(derived, who, end),
        "STARTDT": dates(derived, who, start),
        "CNSR": cnsr,
        "EVNTDESC": event,
        "CNSDTDSC": np.array(
            [_censor_date(item, s) for item, s in zip(lasting, sources, strict=True)], dtype=object
        ),
        "EVTYPE": event_type,
        "SRCDOM": domain,
        "SRCVAR": np.array([source[1] for source in sources], dtype=object),
        "SRCSEQ": np.where(domain == "TU", pick(tu_seq, ulcer, np.nan), seq),
        "ASEQ": sequence(who),
    }
    return table("ADTTE", who.size, columns)


def _lasting(derived: Derived) -> list[_Lasting]:
    """All durations by subject, then in the order of DURATIONS."""
    by_name = [getattr(derived.durations, name.lower()) for name in DURATIONS]
    return [
        _Lasting(who, kind, duration)
        for who, durations in enumerate(zip(*by_name, strict=True))
        for kind, duration in enumerate(durations)
        if duration is not None
    ]


def _numbers(lasting: list[_Lasting]) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
    rows = [
        (i.who, i.kind, i.duration.start, i.duration.end, i.duration.cnsr, i.duration.kind)
        for i in lasting
    ]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
    return columns[0], columns[1], columns[2], columns[3], columns[4], columns[5]


def _new_ulcers(derived: Derived, who: Ints, day: Ints) -> Ints:
    """Place of an ulcer of each subject that was new on that day; -1 for none."""
    ulcers = derived.found.study.ulcers
    found = identification_day(derived)
    new = np.flatnonzero(ulcers.new_day < NEVER)
    places = {
        (int(w), int(d)): int(place)
        for w, d, place in zip(ulcers.who[new][::-1], found[new][::-1], new[::-1], strict=True)
    }
    wanted = zip(who.tolist(), day.tolist(), strict=True)
    return np.array([places.get(key, -1) for key in wanted], dtype=np.int64)


def _source(item: _Lasting, has_visit: bool, has_new_ulcer: bool) -> tuple[str, str]:
    """SRCDOM and SRCVAR: where ADT comes from."""
    event = item.duration.event
    of_response = list(DURATIONS)[item.kind] == "RSD"
    if event == "DEATH":
        return _DEATH
    if event == "AMPUT" and not of_response:
        return ("ADSL", "AMPDT")
    if event == "NEWULC" and has_new_ulcer and not of_response:
        return ("TU", "TUDTC")
    if has_visit:
        return ("ADRS", "ADT")
    return _EXTERNAL if event == "EXTERNAL" else _FIRST_DOSE


_CENSOR_DATES = {
    "RESCUE": "Last evaluable visit up to rescue",
    "MISSED": "Last evaluable visit before the event",
    "LASTASM": "Last evaluable visit",
    "AMPUT": "Amputation",
    "DEATH": "Death",
}


def _censor_date(item: _Lasting, source: tuple[str, str]) -> str:
    """CNSDTDSC: what lies on ADT of a censored duration; blank for an event."""
    if item.duration.cnsr == 0:
        return ""
    if source == _FIRST_DOSE:
        return "First dose: no evaluable visit"
    return _CENSOR_DATES[item.duration.event]
