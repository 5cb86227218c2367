"""Several photographs of one visit: what one leaves unsure, another has told.

A close picture beside one of the whole foot often cannot be laid over the earlier visits. Where
the other one measures the ulcer, nobody need be asked about this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from woundseg.batch.seen import Seen
from woundseg.match import Named

MATCH_UNSURE = "match_unsure"
_SAYS_NOTHING = {MATCH_UNSURE, "out_of_view", "hidden", "covered", "place_unclear"}
"""Flags that say no more than that an ulcer's place was not found or not seen."""

_Visit = tuple[str, date]


def elsewhere(photos: Sequence[Seen], named: Sequence[Named]) -> list[frozenset[str]]:
    """For each photograph the ulcers that it leaves unsure and another of the visit has told.

    The visit is that of one day, as the endpoint counts. An ulcer that another photograph calls
    closed is told only where this one shows nothing without a name: that might be the ulcer. A
    name that the manifest gives to this photograph is never put aside.

    Args:
        photos: one subject's photographs.
        named: for each of them, the names of its ulcers.
    """
    pairs = list(zip(photos, named, strict=True))
    measured: dict[_Visit, set[str]] = {}
    closed: dict[_Visit, set[str]] = {}
    for photo, names in pairs:
        if photo.speaks:
            measured.setdefault(_visit(photo), set()).update(n for n in names.names if n)
            closed.setdefault(_visit(photo), set()).update(names.closed)
    told = []
    for photo, names in pairs:
        by_others = set(measured.get(_visit(photo), ()))
        if None not in names.names:
            by_others |= closed.get(_visit(photo), set())
        told.append(frozenset(_says_nothing_of(photo, names) & by_others))
    return told


def without_told(named: Named, told: frozenset[str]) -> Named:
    """The names of a photograph without what it leaves unsure and another has told."""
    return replace(
        named,
        unsure=tuple(name for name in named.unsure if name not in told),
        flags=tuple((name, code) for name, code in named.flags if name not in told),
    )


def _visit(photo: Seen) -> _Visit:
    return photo.ref.visit, photo.ref.date


def _says_nothing_of(photo: Seen, named: Named) -> set[str]:
    """Ulcers of which nothing more is said than that they were not found."""
    if not photo.speaks:
        return set()
    own = {name: {code for whose, code in named.flags if whose == name} for name in named.unsure}
    return {n for n, codes in own.items() if codes <= _SAYS_NOTHING and n != photo.ref.ulcer}
