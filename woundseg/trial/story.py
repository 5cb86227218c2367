"""A subject's story in sentences (``woundseg endpoint --explain SUBJECT``).

Every sentence is made from the derived values and from the rules' own words, so that the text
cannot part from the tables.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import numpy as np

from woundseg.errors import TableError
from woundseg.trial.best import PARAMETERS
from woundseg.trial.cells import iso_text
from woundseg.trial.durations import Duration
from woundseg.trial.endpoint import Endpoint
from woundseg.trial.response import CUT_TEXT, RULES

if TYPE_CHECKING:
    import pandas as pd

_CODES = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progression",
    "NE": "not evaluable",
    "NON-CR/NON-PD": "neither complete response nor progression",
    "ND": "not done",
    "MISSING": "missing",
    "DEATH": "death",
    "RESCUE": "rescue therapy",
}
_OTHER_REASONS = {
    "AMPUT": "the index limb was amputated",
    "POSTAMP": "after amputation",
    "ASSESSED": "as assessed",
    "CLOSED": "the ulcer is closed",
    "CUT": CUT_TEXT,
    "STABLE": "as no other rule applies",
}
_EVENTS = {
    "RECUR": "the ulcer was open again",
    "NEWULC": "a new ulcer was seen",
    "AMPUT": "the limb was amputated",
    "DEATH": "the subject died",
    "RESCUE": "rescue therapy began; counted up to the last evaluable visit before it",
    "MISSED": "an event came after missed visits; counted up to the last evaluable visit",
    "LASTASM": "still lasting at the last evaluable visit",
}


def explain(endpoint: Endpoint, subject: str) -> str:
    """Baseline, each visit's category and why, best response and why, remission and its end.

    Args:
        endpoint: the derived endpoint.
        subject: its id.

    Raises:
        TableError: no such subject; the nearest one is named.
    """
    known = endpoint.found.study.subjects.subject.tolist()
    if subject not in known:
        near = difflib.get_close_matches(subject, known, n=1)
        hint = f"Did you mean {near[0]}" if near else "See the column subject"
        raise TableError(endpoint.found.study.rows.source, f"has no subject {subject!r}", hint)
    place = known.index(subject)
    row = endpoint.subject_response.iloc[place]
    lines = [
        *_who(endpoint, row, place),
        *_visits(endpoint, place),
        *_best(endpoint, row),
        _landmark(row),
        *_lasting(endpoint, place),
    ]
    return "\n".join(lines) + "\n"


def _who(endpoint: Endpoint, row: pd.Series, place: int) -> list[str]:
    study = endpoint.found.study
    start = iso_text(int(study.subjects.trt_start[place]))
    lines = [f"Subject {row['subject']}: first dose on {start} (day 0)."]
    if row["fasfl"] == "N":
        lines.append("Not in the full analysis set: not counted in any rate.")
    rules = endpoint.protocol.baseline
    if not row["index_ulcer"]:
        return [*lines, "There is no visit, so the response is not evaluable."]
    if not row["base_date"]:
        mine = (study.who == place) & (study.day <= 0) & study.lower_bound
        bounds = " A lower bound is no baseline." if mine.any() else ""
        lines.append(
            f"Ulcer {row['index_ulcer']} has no valid baseline: no evaluable area above 0 in the "
            f"{rules.window_days} days up to the first dose.{bounds}"
        )
        return lines
    lines.append(
        f"Baseline: ulcer {row['index_ulcer']}, {row['base_area']:g} cm² on {row['base_date']}, "
        f"the last evaluable measurement in the {rules.window_days} days up to the first dose."
    )
    if row["small_ulcer"] == "Y":
        lines.append(f"It is a small ulcer: below {rules.small_ulcer_cm2:g} cm².")
    if row["new_ulcer_date"]:
        lines.append(f"A new ulcer was first seen on {row['new_ulcer_date']}.")
    return lines


def _visits(endpoint: Endpoint, place: int) -> list[str]:
    mine = (endpoint.origin["who"] == place).to_numpy()
    bounds = endpoint.origin["lower_bound"][mine]
    visits = endpoint.visit_response[mine].iterrows()
    read = _readings(endpoint, place)
    told = [_visit(endpoint, v, bound) for (_, v), bound in zip(visits, bounds, strict=True)]
    rows = endpoint.origin["row"][mine]
    return [f"{line}{read.get(row, '')}" for line, row in zip(told, rows, strict=True)]


def _readings(endpoint: Endpoint, place: int) -> dict[int, str]:
    """What there is to say of who read each row of visits.csv."""
    rows, who = endpoint.found.study.rows, endpoint.found.study.who
    told = {}
    for at in np.flatnonzero((who == place) & (rows.reading_status != "machine")).tolist():
        by = f" by {rows.reader[at]}" if rows.reader[at] else " by a person"
        waits = rows.reading_status[at] == "waiting"
        told[int(rows.row[at])] = " It waits for a person's reading." if waits else f" Read{by}."
    return told


def _visit(endpoint: Endpoint, visit: pd.Series, lower_bound: bool) -> str:
    when = f"{visit['date']} (day {visit['day']}{', ' if visit['avisit'] else ''}{visit['avisit']})"
    size = "no area" if np.isnan(visit["area_cm2"]) else f"{visit['area_cm2']:g} cm²"
    size = f"at least {size}" if lower_bound else size
    if not visit["response"]:
        used = "the baseline" if visit["avisit"] == "BASELINE" else "not used"
        return f"{when}: {size}; {used}."
    change = ""
    if not np.isnan(visit["pchg_base"]):
        change = f", {visit['pchg_base']:+.1f} % from baseline"
    if not np.isnan(visit["pchg_nadir"]):
        change += f", {visit['pchg_nadir']:+.1f} % from the nadir of {visit['nadir_area']:g} cm²"
    near = [name[-2:].upper() for name in ("borderline_pr", "borderline_pd") if visit[name] == "Y"]
    doubt = f" Its measurement error reaches across the limit of {' and '.join(near)}."
    outside = "" if visit["anl01fl"] or visit["reason"] == "POSTAMP" else " Not analysed."
    return (
        f"{when}: {size}{change}: {_CODES[visit['response']]} ({visit['response']}), "
        f"{_why(endpoint, visit['reason'])}.{doubt if near else ''}{outside}"
    )


def _why(endpoint: Endpoint, reason: str) -> str:
    if reason in _OTHER_REASONS:
        return _OTHER_REASONS[reason]
    rule = next(rule for rule in RULES if rule.reason == reason)
    return rule.describe(endpoint.protocol).split(": ", 1)[1]


def _best(endpoint: Endpoint, row: pd.Series) -> list[str]:
    cutoff = endpoint.protocol.bor.cutoff_day
    until = "over all follow-up" if cutoff is None else f"up to day {cutoff}"
    evidence = endpoint.evidence[endpoint.evidence["subject"] == row["subject"]]
    lines = []
    for name, title in (("BOR", "Best response, unconfirmed"), ("CBOR", "Confirmed best response")):
        found = evidence[evidence["parameter"] == name].iloc[0]
        source = next(s for s in PARAMETERS[name.lower()] if s.name == found["rule"])
        dated = f" on {found['date']}" if found["date"] else ""
        by = f", confirmed on {found['confirmed_by']}" if found["confirmed_by"] else ""
        lines.append(
            f"{title} {until}: {_CODES[found['value']]} ({found['value']}){dated}{by}; rule "
            f"{source.name}: {source.text}."
        )
    if row["pd_date"]:
        lines.append(f"First progression on {row['pd_date']} ({row['pd_reason']}).")
    return lines


def _landmark(row: pd.Series) -> str:
    dated = f" on {row['lm6_date']}" if row["lm6_date"] else ""
    return f"At the month-6 landmark: {_CODES[row['lm6']]} ({row['lm6']}){dated}."


def _lasting(endpoint: Endpoint, place: int) -> list[str]:
    start = int(endpoint.found.study.subjects.trt_start[place])
    remission, response = endpoint.durations.dor[place], endpoint.durations.rsd[place]
    if remission is None:
        lines = ["No remission: no closure was confirmed before rescue or progression."]
    else:
        lines = [_duration("Remission", remission, start)]
    if response is not None:
        lines.append(_duration("The confirmed response", response, start))
    return lines


def _duration(what: str, duration: Duration, start: int) -> str:
    begun, ended = iso_text(start + duration.start), iso_text(start + duration.end)
    why = _EVENTS.get(duration.event, f"progression ({duration.event})")
    kind = "ended" if duration.cnsr == 0 else f"is censored (code {duration.cnsr})"
    return f"{what} began on {begun} and {kind} on {ended} after {duration.days} days: {why}."
