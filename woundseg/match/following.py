"""The same ulcer from visit to visit: names for every outline, and what became of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

import numpy as np

from woundseg.match.assign import Assigned, Sheet
from woundseg.match.evidence import EvidenceOptions, sight
from woundseg.match.look import Look
from woundseg.match.places import Place, View, alike, area_px, joined
from woundseg.match.registration import RegisterOptions, Registration, register

FRAME_MM: Final = 250.0
"""What the long side of a photograph without any scale is taken to show."""


FLAG_ADVICE = {
    "match_unsure": "Which ulcer this is cannot be told: compare the photographs and name it.",
    "match_unregistered": "Taken for the same ulcer by size alone: look whether it is.",
    "possible_new_ulcer": "There may be a new ulcer, too small to be counted: look at the foot.",
    "new_ulcer": "A new ulcer was opened: look whether it is one.",
    "match_overridden": "The manifest's name belongs elsewhere by the skin around it: look again.",
    "out_of_view": "The ulcer's place is out of the frame: show more of the foot.",
    "hidden": "The scale card lies over the ulcer's place: move it and take the photograph again.",
    "covered": "A dressing or plaster lies over the ulcer's place, or its skin is not seen: "
    "uncover it and take the photograph again.",
    "place_unclear": "The skin around the ulcer's place is not recognised: show it sharp, well lit "
    "and from the same side, and take the photograph again.",
    "merged": "Two ulcers have grown together: decide which one goes on.",
    "split": "The ulcer has parted; its parts are added up: look whether they belong together.",
}
"""What a person is asked to do, by the code of a flag of matching."""


@dataclass(frozen=True)
class MatchOptions:
    """How ulcers are followed.

    Attributes:
        new_from_cm2: a new ulcer gets a name from this area (the protocol's floor).
        slack_mm: how far an outline may lie beside its place besides the registration's error.
        most_reach_mm: a place known less well than this is not known.
        recent: how many of the last looks are registered against; the first always is.
        area_ratio: least and largest area over the last one, for the only ulcer to be taken for
            the only known one without a registration.
        shape: least common area over the area of both together, turned and sized to fit,
            likewise.
        register: when a registration counts.
        evidence: when the skin around an empty place is the same as before.
    """

    new_from_cm2: float = 0.25
    slack_mm: float = 2.0
    most_reach_mm: float = 25.0
    recent: int = 3
    area_ratio: tuple[float, float] = (0.3, 1.4)
    shape: float = 0.75
    register: RegisterOptions = field(default_factory=RegisterOptions)
    evidence: EvidenceOptions = field(default_factory=EvidenceOptions)


@dataclass(frozen=True)
class Named:
    """What the ulcers of one look are called, and what became of the other known ones.

    Attributes:
        names: for each outline; parts of one ulcer carry the same name; None where it cannot be
            told, or where a new ulcer is too small to be opened.
        closed: known ulcers whose place is in view and empty: their area is 0.
        unsure: known ulcers that nothing can be said of here.
        flags: pairs of a name and a code; the name is blank for an outline without one.
        places: pairs of a closed ulcer and the middle of its place, (x, y) px of the look.
        same_as: number of an earlier look, of another visit, that is the same photograph.
        hashes: of the look's appearance as it is and turned by quarters, in hexadecimal.
    """

    names: tuple[str | None, ...] = ()
    closed: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    flags: tuple[tuple[str, str], ...] = ()
    places: tuple[tuple[str, tuple[float, float]], ...] = ()
    same_as: int | None = None
    hashes: tuple[str, ...] = ()

    def codes(self, name: str) -> tuple[str, ...]:
        """The codes of one ulcer's flags, and of outlines without a name; each once."""
        return tuple(dict.fromkeys(code for whose, code in self.flags if whose in (name, "")))


def follow(looks: Sequence[Look], options: MatchOptions | None = None) -> list[Named]:
    """Names the ulcers of one subject's looks, given in order of time.

    A look is named from those before it alone: a later one never changes it, but for a name of
    the manifest, which replaces the automatic one from the beginning.

    Args:
        looks: one subject's photographs.
        options: how ulcers are followed.
    """
    thread = _Thread(looks, options or MatchOptions())
    named = [thread.step(k) for k in range(len(looks))]
    return [_renamed(one, thread.renamed) for one in named]


_CODES: Final = {"unclear": "place_unclear"}


def _renamed(named: Named, names: dict[str, str]) -> Named:
    if not names:
        return named
    return Named(
        tuple(names.get(n, n) if n is not None else None for n in named.names),
        tuple(names.get(n, n) for n in named.closed),
        tuple(names.get(n, n) for n in named.unsure),
        tuple((names.get(n, n), code) for n, code in named.flags),
        tuple((names.get(n, n), place) for n, place in named.places),
    )


@dataclass(frozen=True, eq=False)
class _Guess:
    """Where an earlier look puts a known ulcer."""

    place: Place
    source: int
    outlined: bool


def _carried(place: Place, found: Registration) -> Place:
    """A place on one look, on the look that it is registered with."""
    error = found.sd_px(place.centre, place.radius_px)
    sd_px = float(np.hypot(place.sd_px * found.scale, error))
    return Place(found.place(place.outline), sd_px, place.doubtful)


class _Thread:
    """The looks of a subject, and where each known ulcer lies on those already named.

    Attributes:
        renamed: automatic names that a manifest's name replaces.
    """

    def __init__(self, looks: Sequence[Look], options: MatchOptions) -> None:
        self._looks = looks
        self._options = options
        self._known: list[str] = []
        self._places: list[dict[str, Place]] = []
        self._shown: list[set[str]] = []
        self._sights: dict[tuple[int, int, str], View] = {}
        self._mm_per_px: list[float | None] = []
        self._told = {name for look in looks for name in (look.named, *look.told) if name}
        self._last_area: dict[str, float] = {}
        self.renamed: dict[str, str] = {}

    def step(self, k: int) -> Named:
        """Names look ``k``; all before it have been named."""
        look = self._looks[k]
        self._places.append({})
        self._shown.append(set())
        self._mm_per_px.append(look.mm_per_px)
        if not look.measurable:
            return Named((None,) * len(look.outlines))
        if not self._known:
            return self._at_first_sight(k)
        registered = self._registered(k)
        if not registered:
            return self._unregistered(k)
        self._set_scale(k, registered)
        return self._assigned(k, registered)

    # --- without a registration ----------------------------------------------------------

    def _at_first_sight(self, k: int) -> Named:
        look = self._looks[k]
        names: list[str | None] = [None] * len(look.outlines)
        flags: list[tuple[str, str]] = []
        for f, name in _names_told(look).items():
            names[f] = self._open(name)
        for rank, f in enumerate(_by_size(look)):
            area = self._area_cm2(k, f)
            if names[f] is not None:
                continue
            if rank == 0 or area is None or area >= self._options.new_from_cm2:
                names[f] = self._open(None)
            else:
                flags.append(("", "possible_new_ulcer"))
        self._keep(k, names, doubtful=False)
        return Named(tuple(names), flags=tuple(flags))

    def _unregistered(self, k: int) -> Named:
        look = self._looks[k]
        names: list[str | None] = [None] * len(look.outlines)
        flags: list[tuple[str, str]] = []
        doubtful = False
        told = _names_told(look)
        for f, name in told.items():
            names[f] = self._open(name)
        if look.named and not look.outlines:
            self._open(look.named)  # a name alone does not say that the ulcer has closed
        elif not told and len(look.outlines) == 1 and self._is_the_only_one(k):
            names[0], doubtful = self._known[0], True
            flags.append((self._known[0], "match_unregistered"))
        self._keep(k, names, doubtful)
        unsure = tuple(n for n in self._known if n not in names)
        flags += [(name, "match_unsure") for name in unsure]
        return Named(tuple(names), (), unsure, tuple(flags))

    def _is_the_only_one(self, k: int) -> bool:
        """The only ulcer found is the only one known, by area and shape."""
        if len(self._known) != 1:
            return False
        name = self._known[0]
        earlier = [j for j in range(k) if self._looks[j].measurable and name in self._places[j]]
        area, before = self._area_cm2(k, 0), self._last_area.get(name)
        if not earlier or not area or not before:
            return False
        if self._looks[k].visit and self._looks[k].visit == self._looks[earlier[-1]].visit:
            return False
        low, high = self._options.area_ratio
        outline = self._places[earlier[-1]][name].outline
        shape = alike(outline, self._looks[k].outlines[0])
        return low <= area / before <= high and shape >= self._options.shape

    # --- with one -------------------------------------------------------------------------

    def _registered(self, k: int) -> list[tuple[int, Registration]]:
        """Earlier looks that this one lies on: the last, the first, and more where they lack."""
        earlier = [j for j in range(k) if self._places[j]]
        asked = [*earlier[::-1][: self._options.recent], *earlier[:1]]
        found: list[tuple[int, Registration]] = []
        seen: set[str] = set()
        for j in dict.fromkeys([*asked, *earlier[::-1]]):
            if j not in asked and found and seen >= set(self._known):
                break
            registration = register(self._looks[j], self._looks[k], self._options.register)
            if registration is not None:
                found.append((j, registration))
                supported = {name for name, _ in self._supported(k, j, registration)}
                seen |= supported & self._shown[j]
        return found

    def _supported(self, k: int, j: int, found: Registration) -> Iterator[tuple[str, Place]]:
        """Known ulcers on look ``j`` around which skin was brought together with look ``k``.

        Either features all around, or, as at the foot's edge, the grain close to the ulcer.
        """
        for name, place in self._places[j].items():
            featured = found.supports(place.centre, place.radius_px, self._options.register)
            if featured or self._sight(k, name, j, found) == "seen":
                yield name, place

    def _sight(self, k: int, name: str, j: int, found: Registration) -> View:
        """Whether the skin around an ulcer's place is seen on look ``k`` as it was on ``j``.

        Only where the place itself was seen on ``j``: what covered it there may cover it still.
        """
        if name not in self._shown[j]:
            return "unclear"
        key = k, j, name
        if key not in self._sights:
            place, options = self._places[j][name], self._options.evidence
            self._sights[key] = sight(self._looks[j], self._looks[k], place, found, options)
        return self._sights[key]

    def _set_scale(self, k: int, registered: list[tuple[int, Registration]]) -> None:
        """The scale of a look without one follows from those that it lies on."""
        if self._mm_per_px[k] is None:
            told = [(self._mm_per_px[j], r.scale) for j, r in registered]
            scales = [mm / scale for mm, scale in told if mm is not None]
            self._mm_per_px[k] = median(scales) if scales else None

    def _px(self, k: int, mm: float) -> float:
        scale = self._mm_per_px[k] or FRAME_MM / max(self._looks[k].shape)
        return mm / scale

    def _guesses(
        self, k: int, registered: list[tuple[int, Registration]]
    ) -> dict[str, list[_Guess]]:
        guesses: dict[str, list[_Guess]] = {}
        for j, found in registered:
            for name, place in self._supported(k, j, found):
                there = _carried(place, found)
                guesses.setdefault(name, []).append(_Guess(there, j, place.sd_px == 0))
        return guesses

    def _away(self, k: int, registered: list[tuple[int, Registration]]) -> set[str]:
        """Known ulcers that lie outside the frame, however badly their place is known there."""
        slack = self._px(k, self._options.slack_mm)
        rows, columns = self._looks[k].shape
        away: list[set[str]] = []
        for j, found in registered:
            outside = set()
            for name, place in self._places[j].items():
                there = _carried(place, found)
                reach = 3 * there.sd_px + slack
                low, high = there.outline.min(axis=0) - reach, there.outline.max(axis=0) + reach
                if high.min() < 0 or low[0] > columns or low[1] > rows:
                    outside.add(name)
            away.append(outside | (set(self._known) - set(self._places[j])))
        return set.intersection(*away) & {n for j, _ in registered for n in self._places[j]}

    def _agreed(self, k: int, guesses: list[_Guess]) -> Place | None:
        """The place that most guesses agree on; None where there is no majority."""
        slack = self._px(k, self._options.slack_mm)

        def agree(one: Place, other: Place) -> bool:
            apart = float(np.hypot(*(one.centre - other.centre)))
            sd = float(np.hypot(one.sd_px, other.sd_px))
            return apart <= 2 * sd + slack + max(one.radius_px, other.radius_px)

        parties = [[g for g in guesses if agree(one.place, g.place)] for one in guesses]
        party = max(parties, key=lambda p: (len(p), max(g.source for g in p)))
        if 2 * len(party) <= len(guesses) and len(guesses) > 1:
            return None
        best = max(party, key=lambda g: (g.outlined, g.source))
        doubtful = all(g.place.doubtful for g in party)
        reach = 2 * best.place.sd_px + slack
        if reach > self._px(k, self._options.most_reach_mm):
            return None
        return replace(best.place, doubtful=doubtful)

    def _sights_of(self, k: int, name: str, registered: list[tuple[int, Registration]]) -> View:
        """The best that the looks which this one lies on say of a place."""
        answers = [self._sight(k, name, j, f) for j, f in registered if name in self._places[j]]
        return next((view for view in ("seen", "covered") if view in answers), "unclear")

    def _assigned(self, k: int, registered: list[tuple[int, Registration]]) -> Named:
        look = self._looks[k]
        guesses, away = self._guesses(k, registered), self._away(k, registered)
        agreed = {name: self._agreed(k, guesses[name]) for name in self._known if name in guesses}
        places = {name: place for name, place in agreed.items() if place is not None}
        slack_px = self._px(k, self._options.slack_mm)
        sheet = Sheet(look, places, slack_px, lambda name: self._sights_of(k, name, registered))
        told = _names_told(look)
        result = sheet.assign(told)
        for name in [*told.values()] or ([look.named] if look.named else []):
            self._take_word(name, result)
        lost = [n for n in self._known if n not in places and n not in result.names]
        result.unsure.update({n: "out_of_view" for n in lost if n in away})
        lost = [n for n in lost if n not in away]
        flags = list(self._flags(k, result, places, lost))
        self._keep(k, result.names, doubtful=False, carried=places)
        self._shown[k].update(result.closed)
        unsure = [n for n in self._known if n not in {*result.names, *result.closed}]
        return Named(
            tuple(result.names),
            tuple(result.closed),
            tuple(unsure),
            tuple(flags),
            tuple((n, places[n].middle) for n in result.closed),
        )

    def _take_word(self, name: str, result: Assigned) -> None:
        """A person's name goes before what was worked out."""
        is_new = name not in self._known
        self._open(name)
        for other in list(result.displaced):
            if is_new and other not in self._told and other in self._known:
                # The same place under an automatic name: the person's replaces it throughout.
                self._rename(other, name)
                del result.displaced[other]
                is_new = False

    def _rename(self, old: str, new: str) -> None:
        self.renamed[old] = new
        self._known.remove(old)
        self._last_area.pop(old, None)
        for places in self._places:
            if old in places:
                places[new] = places.pop(old)
        for shown in self._shown:
            if old in shown:
                shown.remove(old)
                shown.add(new)

    def _flags(
        self, k: int, result: Assigned, places: dict[str, Place], lost: list[str]
    ) -> Iterator[tuple[str, str]]:
        """Flags, and names for what is new."""
        for f, name in enumerate(result.names):
            if name is None:
                yield from self._unnamed(k, f, result, may_be_lost=bool(lost))
        for name in dict.fromkeys(n for n in result.names if n is not None):
            if result.names.count(name) > 1:
                yield name, "split"
            if name in places and places[name].doubtful:
                yield name, "match_unregistered"
        for name, other in result.merged.items():
            yield from ((other, "merged"), (name, "merged"), (name, f"merged_into_{other}"))
        for name, other in result.displaced.items():
            yield from ((name, "match_unsure"), (name, f"named_{other}"))
        yield from ((name, "match_overridden") for name in result.overridden)
        for name, reason in result.unsure.items():
            yield name, "match_unsure"
            if reason != "match_unsure":
                yield name, _CODES.get(reason, reason)
        yield from ((name, "match_unsure") for name in lost)

    def _unnamed(
        self, k: int, f: int, result: Assigned, may_be_lost: bool
    ) -> Iterator[tuple[str, str]]:
        """A new ulcer, or what may be one."""
        area = self._area_cm2(k, f)
        if may_be_lost or result.beside[f] or area is None or area < self._options.new_from_cm2:
            yield "", "possible_new_ulcer"
            return
        name = self._open(None)
        result.names[f] = name
        yield name, "new_ulcer"

    # --- keeping ---------------------------------------------------------------------------

    def _open(self, name: str | None) -> str:
        """A known ulcer more, by the name told or the next free one."""
        taken = {*self._known, *self.renamed}
        number = 1
        while name is None:
            name = f"u{number}" if f"u{number}" not in taken else None
            number += 1
        if name not in self._known:
            self._known.append(name)
        return name

    def _keep(
        self,
        k: int,
        names: Sequence[str | None],
        doubtful: bool,
        carried: dict[str, Place] | None = None,
    ) -> None:
        """Where each known ulcer lies on look ``k``."""
        look, kept = self._looks[k], self._places[k]
        kept.update({n: place for n, place in (carried or {}).items() if n in self._known})
        for name in dict.fromkeys(n for n in names if n is not None):
            parts = [f for f, n in enumerate(names) if n == name]
            shade = doubtful or (name in kept and kept[name].doubtful)
            outline = joined([look.outlines[f] for f in parts])
            kept[name] = Place(outline, 0.0, shade)
            self._shown[k].add(name)
            areas = [self._area_cm2(k, f) for f in parts]
            self._last_area[name] = sum(a for a in areas if a is not None)
        for name in carried or {}:
            if name not in names:
                self._last_area.pop(name, None)

    def _area_cm2(self, k: int, f: int) -> float | None:
        look, scale = self._looks[k], self._mm_per_px[k]
        if f < len(look.areas_cm2) and look.areas_cm2[f] is not None:
            return look.areas_cm2[f]
        return None if scale is None else area_px(look.outlines[f]) * scale**2 / 100


def _names_told(look: Look) -> dict[int, str]:
    """Numbers of the outlines that a person or the manifest named, and their names."""
    if any(look.told):
        return {f: name for f, name in enumerate(look.told) if name}
    return {_by_size(look)[0]: look.named} if look.named and look.outlines else {}


def _by_size(look: Look) -> list[int]:
    """Numbers of the outlines, the largest ulcer first."""
    count = len(look.outlines)
    sizes = look.areas_px if len(look.areas_px) == count else [area_px(o) for o in look.outlines]
    return sorted(range(count), key=lambda f: -sizes[f])
