"""What the figures show, taken from the endpoint as plain lists: one ``Subject`` a subject."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from woundseg.trial.cells import NEVER
from woundseg.trial.durations import Duration
from woundseg.trial.endpoint import Endpoint

Item = TypeVar("Item")


@dataclass(frozen=True)
class Visit:
    """An analysed visit: its day, its code, and the change of the area from baseline [%]."""

    day: int
    code: str
    change_pct: float
    avisit: str


@dataclass(frozen=True)
class Subject:
    """One subject of the full analysis set.

    Attributes:
        name: its id.
        best: confirmed best response, one of CR, PR, SD, PD, NE (others read as NE).
        baseline_cm2: NaN without a baseline.
        visits: analysed visits, by date; those that cannot be evaluated too.
        remission: None where there is none.
        response: duration of the confirmed response; None where there is none.
        death: day of death; None while alive.
        amputation: day of amputation; None without one.
        rescue: day of rescue therapy; None without it.
        last_day: last day known of: a visit, an event, death.
    """

    name: str
    best: str
    baseline_cm2: float
    visits: tuple[Visit, ...]
    remission: Duration | None
    response: Duration | None
    death: int | None
    amputation: int | None
    rescue: int | None
    last_day: int

    @property
    def changes(self) -> list[tuple[int, float]]:
        """Day and change from baseline [%] of the visits with an area."""
        return [(v.day, v.change_pct) for v in self.visits if not math.isnan(v.change_pct)]

    def best_change(self, cutoff: int | None) -> float:
        """The largest decrease up to the cut-off [%]; NaN without a measured visit."""
        seen = [pct for day, pct in self.changes if cutoff is None or day <= cutoff]
        return min(seen, default=math.nan)


def subjects_of(endpoint: Endpoint) -> list[Subject]:
    """The full analysis set, by id."""
    study = endpoint.found.study
    visits = _visits(endpoint)
    rows = endpoint.subject_response
    clock = study.clock
    found = []
    for place in np.flatnonzero(study.subjects.fasfl).tolist():
        death, amputation, rescue = (
            None if days[place] >= NEVER else int(days[place])
            for days in (clock.death, clock.amputation, clock.rescue)
        )
        mine = tuple(visits.get(place, ()))
        known = [v.day for v in mine] + [d for d in (death, amputation, rescue) if d is not None]
        code = str(rows["cbor"].iloc[place])
        found.append(
            Subject(
                name=str(study.subjects.subject[place]),
                best=code if code in ("CR", "PR", "SD", "PD") else "NE",
                baseline_cm2=float(rows["base_area"].iloc[place]),
                visits=mine,
                remission=endpoint.durations.dor[place],
                response=endpoint.durations.rsd[place],
                death=death,
                amputation=amputation,
                rescue=rescue,
                last_day=max(known, default=0),
            )
        )
    return found


def _visits(endpoint: Endpoint) -> dict[int, list[Visit]]:
    table = endpoint.visit_response
    analysed = (table["anl01fl"] == "Y").to_numpy()
    visits: dict[int, list[Visit]] = {}
    columns = (table[name][analysed] for name in ("day", "response", "pchg_base", "avisit"))
    who = endpoint.origin["who"][analysed]
    for place, day, code, change, avisit in zip(who, *columns, strict=True):
        visits.setdefault(int(place), []).append(
            Visit(int(day), str(code), float(change), str(avisit))
        )
    return visits


def thinned(items: Sequence[Item], most: int) -> list[Item]:
    """At most ``most`` of the items, evenly spaced in their order."""
    if len(items) <= most:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, most).round().astype(int)]


def thinned_note(shown: int, of: int, what: str) -> str:
    """A sentence for the caption when not everyone is drawn; blank otherwise."""
    return "" if shown >= of else f" {shown} of {of} {what} are drawn, evenly spaced in this order."
