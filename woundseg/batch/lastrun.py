"""What the last run wrote of a photograph: its rows, and the names of its ulcers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from woundseg.batch import follow, tables
from woundseg.batch.noted import last_noted, names_hold
from woundseg.records import VisitRow
from woundseg.store import Store


@dataclass(frozen=True)
class LastRun:
    """What the last run wrote of one photograph.

    Attributes:
        subject: whose photograph it is; blank where no table that can be trusted says so.
        rows: of the photograph.
        known: every ulcer of the subject.
        names: of the ulcers of the photograph's record, in their order, None for one without a
            name; None where they are not known.
        places: where ulcers without an outline lie on it, (x, y) px of the thumbnail.
        number: of the entry in which the run noted its tables; what came later it did not know.
    """

    subject: str = ""
    rows: tuple[VisitRow, ...] = ()
    known: tuple[str, ...] = ()
    names: tuple[str | None, ...] | None = None
    places: tuple[tuple[float, float], ...] = ()
    number: int = 0


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
    return replace(found, names=ours.names, places=places)
