"""What the last run wrote of a photograph: its rows, and the names of its ulcers."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from woundseg.batch import follow, tables
from woundseg.batch.noted import last_noted, names_hold
from woundseg.batch.readings import reading
from woundseg.records import VisitRow
from woundseg.store import Entry, Store
from woundseg.store.chain import MACHINE


@dataclass(frozen=True)
class LastRun:
    """What the last run wrote of one photograph.

    Attributes:
        subject: whose photograph it is; blank where no table that can be trusted says so.
        rows: of the photograph.
        known: every ulcer of the subject.
        names: of the ulcers that were outlined then, in their order, None for one without a
            name; None where they are not known.
        outlines: theirs, as a sketch holds them.
        places: where ulcers without an outline lie on it, (x, y) px of the thumbnail.
        number: of the entry in which the run noted its tables; what came later it did not know.
    """

    subject: str = ""
    rows: tuple[VisitRow, ...] = ()
    known: tuple[str, ...] = ()
    names: tuple[str | None, ...] | None = None
    outlines: tuple[Any, ...] = ()
    places: tuple[tuple[float, float], ...] = ()
    number: int = 0

    def names_of(self, entry: Entry) -> list[str | None] | None:
        """Names of an entry's ulcers: a person's, else those of the run; None where not known."""
        sketch = json.loads(entry.sketch)
        told: list[str | None] = sketch.get("names") or [None] * len(sketch["outlines"])
        if told and None not in told:
            return told
        if self.names is None or sketch["outlines"] != [*self.outlines]:
            return None
        return [name or known for name, known in zip(told, self.names, strict=True)]


def last_run(out: Path, kept: Store, path: str) -> LastRun:
    """What visits.csv and the notes say, where both are as a run wrote them."""
    visits = out / tables.VISITS
    if tables.sha256(visits) != last_noted(kept).get(tables.VISITS, ""):
        return LastRun()
    rows = [*tables.read_visits(visits)]
    subject = next((row.subject for row in rows if row.path == path), "")
    of_subject = [row for row in rows if row.subject == subject]
    own = tuple(row for row in of_subject if row.path == path)
    if not own:
        return LastRun()
    known = tuple(dict.fromkeys(row.ulcer for row in of_subject))
    found = LastRun(subject, own, known, number=kept.history("")[-1].number)
    text = kept.noted(subject) if names_hold(kept) else None
    paths = [*dict.fromkeys(row.path for row in of_subject)]
    named = follow.from_text(text) if text else []
    if len(named) != len(paths):
        return found
    ours = named[paths.index(path)]
    places = tuple(place for _, place in ours.places)
    outlines = _outlines_then(kept, path, found.number)
    names = ours.names if len(ours.names) == len(outlines) else None
    return replace(found, names=names, outlines=outlines, places=places)


def _outlines_then(kept: Store, path: str, number: int) -> tuple[Any, ...]:
    """The outlines that counted before the entry of this number."""
    machine = [e for e in kept.history(path) if e.kind in MACHINE and e.number < number]
    if not machine:
        return ()
    said = reading(kept.corrections(path, machine[-1].sha256, before=number))
    entry = said.base or machine[-1]
    return tuple(json.loads(entry.sketch)["outlines"]) if entry.sketch else ()
