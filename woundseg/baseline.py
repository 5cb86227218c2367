"""This visit's response to the earlier ones, for ``woundseg score --baseline``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from woundseg.errors import UsageError
from woundseg.pipeline import Scored
from woundseg.quality import against_zero
from woundseg.records import ResponseFacts, ScoreRecord, Sketch, Ulcer
from woundseg.sketch import look, sketch
from woundseg.trial.protocol import Protocol
from woundseg.trial.response import Measured, compare, not_evaluable

if TYPE_CHECKING:
    from woundseg.match import Named

ADVICE = {
    "not_measurable": "One of the photographs cannot be measured: take it again.",
    "no_scale": "One of the photographs has no scale (--mm-per-px holds for the photograph to be "
    "judged alone): give the earlier area, a record measured with its own --mm-per-px, or a "
    "photograph with a card.",
    "NOBASE": "The first visit shows no ulcer to compare with.",
    "CUT": "The edge of the photograph cuts the ulcer, so it may be larger than measured: take the "
    "photograph again with the whole ulcer in view.",
    "match_unsure": "The place of the first visit's ulcer could not be established from the skin "
    "around it: take the photograph again from the same side, with more of the foot in view.",
    "place_unchecked": "No ulcer was found, but an area given as a number does not say where to "
    "look: give the earlier photograph or its record, or --closed if a person has seen the ulcer "
    "closed.",
    "closed_unsure": "No ulcer was found on one of the photographs, but it is not sure enough that "
    "the ulcer is closed: look at the foot.",
}
"""What to do, by the reason why a visit cannot be judged."""

_BASELINE_CUT = (
    "The edge of the first photograph cuts the ulcer, so it cannot serve as baseline: give a "
    "photograph that shows all of it."
)
_UNCHECKED = (
    "The place was not checked: an area given as a number does not say which ulcer it is of."
)
_PARTLY_CHECKED = "An area given as a number was taken to be of the same ulcer, unchecked."
_WHICH = (
    "A photograph shows several ulcers, and an area given as a number does not say which one it is "
    "of: give the earlier photograph or its record"
)
_TOLD = ("merged", "split", "out_of_view", "hidden", "covered", "place_unclear")
"""Of the flags of matching, those that say something of the index ulcer to who sees this visit."""


@dataclass(frozen=True)
class Visit:
    """One visit: an area the user knows, or a record of a photograph.

    Attributes:
        area_cm2: as given.
        record: the photograph's figures.
        sketch: of the photograph, to follow its ulcers; None where it is not at hand.
    """

    area_cm2: float | None = None
    record: ScoreRecord | None = None
    sketch: Sketch | None = None

    @property
    def ulcers(self) -> tuple[Ulcer, ...]:
        """The record's ulcers, largest first."""
        return self.record.ulcers if self.record is not None else ()


def visit_of(scored: Scored) -> Visit:
    """A visit whose photograph is at hand."""
    return Visit(record=scored.record, sketch=sketch(scored))


@dataclass(frozen=True)
class Statement:
    """What a person says of this visit.

    Attributes:
        ulcer: id of the ulcer that is meant, in this visit's record; None leaves it to matching.
        closed: a person has seen the ulcer closed.
    """

    ulcer: str | None = None
    closed: bool = False

    def check(self, record: ScoreRecord) -> None:
        """The ulcer named is one of the record's.

        Raises:
            UsageError: it is not.
        """
        ids = [ulcer.id for ulcer in record.ulcers]
        if self.ulcer is None or not record.quality.measurable or self.ulcer in ids:
            return
        found = f"its ulcers are {', '.join(ids)}" if ids else "no ulcer was found on it"
        remedy = "Name one of them" if ids else "Leave --ulcer out"
        raise UsageError(record.photo.path, f"has no ulcer {self.ulcer!r}: {found}", remedy)


NOTHING_SAID = Statement()


def respond(
    earlier: Sequence[Visit], now: Visit, protocol: Protocol, said: Statement = NOTHING_SAID
) -> ResponseFacts:
    """This visit's category against the earlier ones; unconfirmed, as one visit always is.

    The index ulcer is the one that ``said`` names, else the largest of the first visit. Ulcers of
    photographs are matched by place as in a study, also where each photograph shows one. What
    cannot be placed is ``not_evaluable`` with the reason ``match_unsure``. An area given as a
    number cannot be matched: with numbers alone a zero is ``not_evaluable``, reason
    ``place_unchecked``, unless a person has seen the ulcer closed.

    Args:
        earlier: in order of time.
        now: the visit to judge, with its record.
        protocol: the rules in force.
        said: what a person says of this visit.
    """
    visits = [*earlier, now]
    obstacle = _obstacle(earlier, now, said)
    if obstacle is not None:
        return _unjudged(obstacle[0], _largest(visits[0]).area_cm2, obstacle[1])
    if all(visit.record is None for visit in earlier):
        return _by_area(earlier, now, protocol, said)
    missing = _missing(visits)
    if missing is not None:
        return _unjudged("match_unsure", _largest(visits[0]).area_cm2, missing)
    return _Matched(visits, said).judged(protocol)


def _obstacle(earlier: Sequence[Visit], now: Visit, said: Statement) -> tuple[str, str] | None:
    """Reason and advice where some visit has no figure to compare."""
    visits = [*earlier, now]
    records = [visit.record for visit in visits if visit.record is not None]
    if any(not record.quality.measurable for record in records):
        return "not_measurable", ADVICE["not_measurable"]
    if any(record.scale.source == "none" for record in records):
        return "no_scale", ADVICE["no_scale"]
    for visit in visits:
        stated = said.closed and visit is now
        if not visit.ulcers and _largest(visit).area_cm2 is None and not stated:
            return _why_not_zero(visit)
    return None if _largest(visits[0]).area_cm2 else ("NOBASE", ADVICE["NOBASE"])


def _why_not_zero(visit: Visit) -> tuple[str, str]:
    """Reason and advice of a photograph without an ulcer that may not claim an area of 0."""
    flags = against_zero(visit.record.quality) if visit.record is not None else ()
    if not flags:
        return "closed_unsure", ADVICE["closed_unsure"]
    return flags[0].code, flags[0].advice


def _largest(visit: Visit) -> Measured:
    """The area given, or the record's largest ulcer; 0 where it shows none."""
    if visit.record is None:
        return Measured(visit.area_cm2)
    if not visit.ulcers:
        return Measured(visit.record.total.area_cm2)
    return _sum(visit.ulcers[:1])


def _sum(parts: Sequence[Ulcer]) -> Measured:
    """The area of an ulcer's parts, added up as if they erred together."""
    areas, errors = [part.area_cm2 for part in parts], [part.area_sd for part in parts]
    return Measured(_total(areas), _total(errors), any(part.lower_bound for part in parts))


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _unjudged(reason: str, baseline_cm2: float | None, advice: str = "") -> ResponseFacts:
    told = {"advice": advice or ADVICE.get(reason)}
    return not_evaluable(reason, baseline_cm2).model_copy(update=told)


def _judged(
    areas: Sequence[Measured], protocol: Protocol, parts: Sequence[Ulcer], notes: Sequence[str]
) -> ResponseFacts:
    """The response of the last area; ``parts`` are the ulcer's in this visit's record."""
    response = compare(areas[:-1], areas[-1], protocol)
    if response.reason == "NOBASE" and areas[0].lower_bound:
        return _unjudged("NOBASE", None, _BASELINE_CUT)
    if response.code == "NE":
        return _unjudged(response.reason, response.baseline_cm2)
    if areas[-1].closed and response.code != "CR":
        notes = [*notes, "A person calls it closed, but an ulcer was found: look again."]
    told = {
        "ulcers": tuple(part.id for part in parts),
        "advice": " ".join(notes) or None,
        "closed_by_person": areas[-1].closed and response.code == "CR",
    }
    return response.model_copy(update=told)


# --- areas given as numbers ---------------------------------------------------------------------


def _by_area(
    earlier: Sequence[Visit], now: Visit, protocol: Protocol, said: Statement
) -> ResponseFacts:
    """Against areas alone: nothing can be matched."""
    parts = [u for u in now.ulcers if said.ulcer in (None, u.id)]
    first_cm2 = earlier[0].area_cm2
    if len(parts) > 1:
        ids = " or ".join(part.id for part in parts)
        return _unjudged("match_unsure", first_cm2, f"{_WHICH}, or name it: --ulcer {ids}.")
    if not parts and not said.closed:
        facts = _unjudged("place_unchecked", first_cm2)
        return facts.model_copy(update={"place": "unchecked"})
    current = _sum(parts) if parts else Measured(0.0)
    areas = [*(_largest(visit) for visit in earlier), _stated(current, said)]
    facts = _judged(areas, protocol, parts, [_UNCHECKED])
    return facts.model_copy(update={"place": "unchecked"})


def _stated(area: Measured, said: Statement) -> Measured:
    return Measured(area.area_cm2, area.sd_cm2, area.lower_bound, said.closed)


# --- photographs --------------------------------------------------------------------------------


def _missing(visits: Sequence[Visit]) -> str | None:
    """Why the visits' ulcers cannot be matched: a record's photograph is not at hand."""
    for visit in visits:
        if visit.record is not None and visit.sketch is None:
            return (
                f"{visit.record.photo.path}, the photograph of a record, is not there as it was "
                "measured, and a record alone does not say where on the foot its ulcers are: give "
                "the photograph itself."
            )
    return None


class _Matched:
    """The visits' photographs, with the same ulcer's name on each."""

    def __init__(self, visits: Sequence[Visit], said: Statement) -> None:
        from woundseg.match import follow  # scipy comes with it

        self.visits = visits
        self.said = said
        self.looks = [look(v.sketch, v.record) for v in visits if v.sketch is not None]
        self.named = follow(self.looks)

    def judged(self, protocol: Protocol) -> ResponseFacts:
        """By the index ulcer's area on each photograph."""
        index = self._index()
        if index is None:
            several = not self.said.ulcer and len(self._photographs()[0][0].ulcers) > 1
            return self._unsure("", [f"{_WHICH}."] if several else [])
        areas = list(self._areas(index))
        notes = self._notes(index)
        known = [area for area in areas if area is not None]
        if len(known) < len(areas):
            return self._unsure(index, [ADVICE["match_unsure"], *notes])
        known[-1] = _stated(known[-1], self.said)
        if any(visit.record is None for visit in self.visits):
            notes.append(_PARTLY_CHECKED)
        notes += self._saved_again()
        parts = _parts(self.visits[-1], self.named[-1], index)
        facts = _judged(known, protocol, parts, notes)
        return facts.model_copy(update={"place": "found"})

    def _saved_again(self) -> list[str]:
        """A note where this visit's photograph is an earlier one's, saved again."""
        from woundseg.match import same

        earlier = zip(self._photographs()[:-1], self.looks[:-1], strict=True)
        names = [
            visit.record.photo.path
            for (visit, _), seen in earlier
            if visit.record is not None and same(seen, self.looks[-1])
        ]
        return [f"This is the same photograph as {name}, saved again." for name in names[:1]]

    def _photographs(self) -> list[tuple[Visit, Named]]:
        shown = [visit for visit in self.visits if visit.record is not None]
        return list(zip(shown, self.named, strict=True))

    def _index(self) -> str | None:
        """The name of the index ulcer; None where it cannot be told."""
        if self.said.ulcer is not None:
            ids = [ulcer.id for ulcer in self.visits[-1].ulcers]
            return self.named[-1].names[ids.index(self.said.ulcer)]
        visit, named = self._photographs()[0]
        if not visit.ulcers or (self.visits[0].record is None and len(visit.ulcers) > 1):
            return None
        return named.names[0]

    def _areas(self, index: str) -> Iterator[Measured | None]:
        """Of each visit in order; None where the index ulcer's place is not sure."""
        photographs = iter(self._photographs())
        for visit in self.visits:
            yield _largest(visit) if visit.record is None else _area(*next(photographs), index)

    def _notes(self, index: str) -> list[str]:
        from woundseg.match import FLAG_ADVICE

        codes = dict.fromkeys(c for one in self.named for name, c in one.flags if name == index)
        return [FLAG_ADVICE[code] for code in codes if code in _TOLD]

    def _unsure(self, index: str, why: Sequence[str]) -> ResponseFacts:
        """Not evaluable, with what settles it: a person who knows gives the area as a number."""
        first = self.visits[0]
        parts = _parts(*self._photographs()[0], index) if first.record is not None else []
        known = _sum(parts) if parts else _largest(first)
        ids = [ulcer.id for ulcer in self.visits[-1].ulcers]
        option = f"--baseline {known.area_cm2:.2f}"
        if not ids:
            knows = f"If a person has seen the ulcer closed: {option} --closed."
        elif len(ids) > 1:
            knows = f"If you know which ulcer it is: {option} --ulcer {' or '.join(ids)}."
        else:
            knows = f"If you know that it is the same ulcer: {option}."
        why = why or [ADVICE["match_unsure"]]
        return _unjudged("match_unsure", known.area_cm2, " ".join([*why, knows]))


def _parts(visit: Visit, named: Named, index: str) -> list[Ulcer]:
    return [u for u, name in zip(visit.ulcers, named.names, strict=True) if name == index]


def _area(visit: Visit, named: Named, index: str) -> Measured | None:
    """The index ulcer's area; None where its place is not sure.

    An ulcer that was taken for the index ulcer by size and shape alone has not been placed.
    """
    if (index, "match_unregistered") in named.flags:
        return None
    if index in named.closed:
        return Measured(0.0)
    parts = _parts(visit, named, index)
    return _sum(parts) if parts else None
