"""Small tables written as text, for the trial's tests. A dot is a blank cell."""

from __future__ import annotations

import pandas as pd

from woundseg.trial.endpoint import derive
from woundseg.trial.protocol import load

DEFAULT = load()


def table(text):
    """A data frame of text from aligned columns; the first line is the header."""
    header, *rows = [line.split() for line in text.strip().splitlines()]
    cells = [["" if cell == "." else cell for cell in row] for row in rows]
    return pd.DataFrame(cells, columns=header, dtype=object)


def visits(text):
    """visits.csv from ``subject day area`` and any further columns.

    Day 0 is 2024-01-01. ``ulcer`` is u1, ``evaluable`` blank and ``visit`` the day unless given.
    """
    frame = table(text)
    days = frame.pop("day").astype(int)
    frame = frame.rename(columns={"area": "area_cm2"})
    frame["date"] = date(days)
    for name, value in (("ulcer", "u1"), ("evaluable", ""), ("area_cm2", "")):
        if name not in frame:
            frame[name] = value
    if "visit" not in frame:
        frame["visit"] = "D" + days.astype(str)
    return frame


def subjects(text):
    """subjects.csv from ``subject`` and ``rescue``, ``amputation``, ``death`` and ``pd`` days."""
    frame = table(text)
    for name in ("rescue", "amputation", "death", "pd"):
        if name in frame:
            given = frame.pop(name)
            frame[f"{name}_date"] = [date(int(day)) if day else "" for day in given]
    if "trt_start" not in frame:
        frame["trt_start"] = "2024-01-01"
    return frame


def date(days):
    """ISO date of a day, or of a column of days."""
    start = pd.Timestamp("2024-01-01")
    if isinstance(days, int):
        return (start + pd.Timedelta(days=days)).date().isoformat()
    return (start + pd.to_timedelta(days, unit="D")).dt.strftime("%Y-%m-%d")


def endpoint(visit_rows, subject_rows, changes=None, monte_carlo=False):
    """The endpoint of two tables written as text."""
    protocol = DEFAULT.override(changes) if changes else DEFAULT
    return derive(visits(visit_rows), subjects(subject_rows), protocol, monte_carlo)


def shown(frame, columns):
    """The frame's columns as lines of text, blanks as dots, for side-by-side comparison."""
    lines = []
    for row in frame[columns.split()].itertuples(index=False):
        cells = ["." if pd.isna(value) else value for value in row]
        cells = [f"{cell:g}" if isinstance(cell, float) else str(cell) or "." for cell in cells]
        lines.append(" ".join(cells))
    return lines


def lines(text):
    """The lines of a table written as text, with single spaces."""
    return [" ".join(line.split()) for line in text.strip().splitlines()]
