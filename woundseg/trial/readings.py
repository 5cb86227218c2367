"""Visits that wait for a person's reading, and queries about them that are still open.

Where the machine puts a photograph to a person, ``reading_status`` is ``waiting`` until somebody
has read it (section 5, sensitivity k; section 10, ``--strict``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from woundseg.errors import TableError
from woundseg.trial import cells, tables
from woundseg.trial.cells import iso_text
from woundseg.trial.study import Study, Warned
from woundseg.trial.tables import Visits

WAITING = "WAITING"
QUERIES = "queries.csv"
QUERY_STATUS = ("opened", "answered", "closed")
MOST_NAMED = 5
"""Visits named in one message; summary.json has them all."""


@dataclass(frozen=True)
class Waiting:
    """A visit with a row that waits.

    Attributes:
        subject: its id.
        date: of the visit, ISO.
        visit: its name.
        ulcers: those whose rows wait.
        rows: of visits.csv.
    """

    subject: str
    date: str
    visit: str
    ulcers: tuple[str, ...]
    rows: tuple[int, ...]

    @property
    def warned(self) -> Warned:
        """The warning in summary.json."""
        names = ", ".join(dict.fromkeys(self.ulcers))
        ulcers = f"ulcer{'s' * (len(set(self.ulcers)) > 1)} {names}"
        rows = f"row{'s' * (len(self.rows) > 1)} {', '.join(map(str, self.rows))}"
        text = f"visit {self.visit}, {ulcers} ({rows}): waits for a person's reading"
        return Warned(WAITING, self.subject, self.date, text)


def waiting(study: Study) -> list[Waiting]:
    """The visits that wait, by subject and date."""
    rows = study.rows
    places = np.flatnonzero(rows.reading_status == "waiting").tolist()

    def visit(place: int) -> tuple[str, int]:
        return rows.subject[place], int(rows.date[place])

    found = []
    for (subject, day), group in groupby(places, key=visit):
        mine = list(group)
        ulcers, numbers = rows.ulcer[mine].tolist(), rows.row[mine].tolist()
        visit_name = str(rows.visit[mine[0]])
        found.append(Waiting(subject, iso_text(day), visit_name, tuple(ulcers), tuple(numbers)))
    return found


def sentence(found: Sequence[Waiting]) -> str:
    """How many visits of how many subjects wait, and which come first."""
    subjects = len({visit.subject for visit in found})
    count = (
        f"{len(found)} visit{'s' * (len(found) > 1)} of {subjects} subject{'s' * (subjects > 1)}"
    )
    named = ", ".join(f"{visit.subject} on {visit.date}" for visit in found[:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    verb = "wait" if len(found) > 1 else "waits"
    return f"{count} {verb} for a person's reading ({named}{more})"


def as_closed(study: Study) -> Visits:
    """The rows, those after the first dose that wait counted as closed (section 5, k)."""
    rows = study.rows
    mask = (rows.reading_status == "waiting") & (study.day > 0)
    return replace(
        rows,
        area=np.where(mask, 0.0, rows.area),
        evaluable=np.where(mask, 1, rows.evaluable),
        calibrated=np.where(mask, 1, rows.calibrated),
        closed=np.where(mask, 1, rows.closed),
        lower_bound=np.where(mask, 0, rows.lower_bound),
    )


def require_settled(study: Study, visits: Path) -> None:
    """What ``--strict`` asks for: no visit waits, and no query beside ``visits`` is open.

    Raises:
        TableError: it is not so, or queries.csv cannot be understood.
    """
    found = waiting(study)
    if found:
        remedy = "Have them read, or leave out --strict"
        raise TableError(visits, f"{sentence(found)} ({WAITING})", remedy)
    queries = visits.parent / QUERIES
    rows = open_queries(queries) if queries.exists() else []
    if rows:
        named = ", ".join(map(str, rows[:MOST_NAMED]))
        more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
        count = f"{len(rows)} quer{'ies are' if len(rows) > 1 else 'y is'} not closed"
        told = f"{count} (row{'s' * (len(rows) > 1)} {named}{more})"
        raise TableError(queries, told, "Close them, or leave out --strict")


def open_queries(path: Path) -> list[int]:
    """The rows of queries.csv whose ``status`` is not closed; a blank counts as opened.

    Raises:
        TableError: it has no column ``status``, or another word in it.
    """
    status = tables.Column("status", cells.one_of(*QUERY_STATUS, blank="opened"), required=True)
    numbers, columns = tables.parsed(*tables.records(path), [status], str(path))
    return [row for row, word in zip(numbers, columns["status"], strict=True) if word != "closed"]
