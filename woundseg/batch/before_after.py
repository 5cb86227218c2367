"""What a correction changes, a line for each ulcer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from woundseg.batch.lastrun import LastRun
from woundseg.batch.readings import Reading, reading
from woundseg.batch.seen import record_of
from woundseg.records import VisitRow
from woundseg.report.words import area, digits
from woundseg.store import Entry

NOT_EVALUABLE, CLOSED, UNNAMED = "not evaluable", "closed (0 cm²)", "outline "


def before_and_after(
    machine: Entry, standing: tuple[Sequence[Entry], Sequence[Entry]], last: LastRun
) -> Iterator[str]:
    """A line for each ulcer, such as ``u1: 2.54 cm² (2.40–2.70) before, closed (0 cm²) after``.

    Args:
        machine: what the last run found.
        standing: the corrections that counted before, and those that count now.
        last: what the last run wrote.
    """
    earlier, later = (reading(entries) for entries in standing)
    unread = all(entry.number < last.number for entry in standing[0])
    if last.rows and unread:
        before = {row.ulcer: _of_row(row) for row in last.rows}
    else:
        before = _of_reading(machine, earlier, last)
    after = _of_reading(machine, later, last)
    if _same_outlines(later.base or machine, last):
        after = {**{n: told for n, told in before.items() if n not in earlier.ulcers}, **after}
    unnamed = any(label.startswith(UNNAMED) for label in (*before, *after))
    missing = "" if unnamed else "no outline"  # an outline without a name may be any of them
    for label in [label for label in dict.fromkeys([*before, *after]) if label] or [""]:
        one, other = (found.get(label) or found.get("", missing) for found in (before, after))
        parts = [f"{text} {when}" for text, when in ((one, "before"), (other, "after")) if text]
        told = f"{one} before and after" if one == other else ", ".join(parts)
        yield f"{label}: {told}" if label else told


def _same_outlines(entry: Entry, last: LastRun) -> bool:
    """Whether the run saw the same outlines, so that its other rows stay as they are."""
    return bool(entry.sketch) and last.names_of(entry) is not None


def _of_row(row: VisitRow) -> str:
    if row.evaluable == "N" or row.area_cm2 is None:
        return NOT_EVALUABLE
    if row.area_cm2 == 0:
        return CLOSED
    return _within(row.area_cm2, row.area_cm2_low, row.area_cm2_high)


def _within(cm2: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return area(cm2)
    return f"{area(cm2)} ({digits(low)}–{digits(high)})"


def _of_reading(machine: Entry, said: Reading, last: LastRun) -> dict[str, str]:
    """By ulcer, or under a blank name what is said of the whole photograph."""
    found = _outlines(said.base or machine, last)
    for ulcer, word in said.ulcers.items():
        if word.decision == "closed":
            found[ulcer] = CLOSED
        elif word.decision == "not_evaluable":
            found[ulcer] = NOT_EVALUABLE
    return found


def _outlines(entry: Entry, last: LastRun) -> dict[str, str]:
    if "stage" in json.loads(entry.result) or not record_of(entry).quality.measurable:
        return {"": NOT_EVALUABLE}
    ulcers = record_of(entry).ulcers
    if not ulcers:
        return {"": "no ulcer found"}
    sums: dict[str, list[float]] = {}
    for label, figures in zip(_labels(entry, last), ulcers, strict=True):
        ends = (figures.area_cm2, figures.area_cm2_low, figures.area_cm2_high)
        if None in ends:
            return {"": "no area in cm²"}
        known = [end or 0.0 for end in ends]
        sums[label] = [a + b for a, b in zip(sums.get(label, [0.0] * 3), known, strict=True)]
    return {label: _within(*ends) for label, ends in sums.items()}


def _labels(entry: Entry, last: LastRun) -> list[str]:
    """Names of the entry's outlines, as far as they are known before the next run."""
    sketch = json.loads(entry.sketch)
    unnamed: list[str | None] = [None] * len(sketch["outlines"])
    names = last.names_of(entry) or sketch.get("names") or unnamed
    if len(unnamed) == 1 and len(last.known) == 1 and names == [None]:
        return [last.known[0]]
    return [name or f"{UNNAMED}{place}" for place, name in enumerate(names, start=1)]
