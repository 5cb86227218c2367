"""Names for the ulcers of one subject's photographs, in order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from woundseg.match.assign import Sheet
from woundseg.match.look import Look
from woundseg.match.places import Place, joined
from woundseg.match.registration import RegisterOptions, Registration, moved, propose


@dataclass(frozen=True)
class MatchOptions:
    """How ulcers are followed.

    Attributes:
        new_ulcer_cm2: from this area on a new ulcer gets a name of its own.
        register: when a registration counts.
        earlier: looks that a new one is laid over, the last ones, besides the first.
    """

    new_ulcer_cm2: float = 0.25
    register: RegisterOptions = field(default_factory=RegisterOptions)
    earlier: int = 3


@dataclass(frozen=True)
class Named:
    """What matching says of one look.

    Attributes:
        names: of each ulcer of the look; None where it has none.
        closed: known ulcers whose place is in view and where nothing is.
        unsure: known ulcers of which nothing can be said here.
        flags: pairs of an ulcer's name (blank for the look) and a code.
    """

    names: tuple[str | None, ...]
    closed: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    flags: tuple[tuple[str, str], ...] = ()

    def codes(self, ulcer: str) -> tuple[str, ...]:
        """Codes of the flags of an ulcer, and of the look as a whole."""
        return tuple(dict.fromkeys(code for name, code in self.flags if name in (ulcer, "")))


def follow(looks: Sequence[Look], options: MatchOptions | None = None) -> list[Named]:
    """Names for the ulcers of each look, in order of time."""
    options = options or MatchOptions()
    follower = _Follower(options)
    return [follower.take(look) for look in looks]


def _trusted(found: Registration | None, options: RegisterOptions) -> bool:
    if found is None:
        return False
    chance = max(found.by_chance, 1.0)
    return (
        found.inliers >= options.least_inliers
        and found.inliers >= options.least_over_chance * chance
        and found.inliers > 1.5 * found.most_by_chance
    )


class _Follower:
    """What is known of one subject as its looks pass by."""

    def __init__(self, options: MatchOptions) -> None:
        self._options = options
        self._looks: list[Look] = []
        self._places: list[dict[str, Place]] = []
        self._known: list[str] = []

    def take(self, look: Look) -> Named:
        if not look.measurable:
            return Named((None,) * len(look.outlines), unsure=tuple(self._known))
        places = self._laid_over(look)
        named, here = self._name(look, places)
        self._looks.append(look)
        self._places.append(here)
        return named

    def _laid_over(self, look: Look) -> dict[str, Place]:
        """Where known ulcers lie on this look, by the earlier looks that it can be laid over."""
        places: dict[str, Place] = {}
        order = [*range(len(self._looks) - 1, -1, -1)][: self._options.earlier]
        if self._looks and 0 not in order:
            order.append(0)
        for n in order:
            if all(name in places for name in self._known):
                break
            found = propose(self._looks[n], look, self._options.register)
            if found is None or not _trusted(found, self._options.register):
                continue
            for name, place in self._places[n].items():
                if name not in places:
                    outline = moved(found.fit.matrix, place.outline)
                    sd = float(np.hypot(place.sd_px * found.fit.scale, found.residual_px))
                    places[name] = Place(outline, sd)
        return places

    def _name(self, look: Look, places: dict[str, Place]) -> tuple[Named, dict[str, Place]]:
        told = (0, look.named) if look.named and look.outlines else None
        slack = 0.01 * max(look.shape)
        result = Sheet(look, places, slack).assign(told)
        names, flags = result.names, [("", "")][:0]
        lost = [name for name in self._known if name not in places and name not in names]
        flags += [(name, "merged") for name in result.merged]
        for f, name in enumerate(names):
            if name is None and not result.beside[f] and not (lost and self._known):
                area = look.areas_cm2[f] if f < len(look.areas_cm2) else None
                if area is not None and area < self._options.new_ulcer_cm2:
                    flags.append(("", "possible_new_ulcer"))
                    continue
                names[f] = self._open()
                flags += [(names[f] or "", "new_ulcer")] if self._looks else []
        for name in (n for n in names if n and n not in self._known):
            self._known.append(name)
        flags += [(n, "split") for n in self._known if names.count(n) > 1]
        unsure = [*result.unsure, *lost, *result.merged]
        flags += [(name, "match_unsure") for name in unsure]
        here = dict(places)
        for name in {n for n in names if n}:
            lines = [line for line, n in zip(look.outlines, names, strict=True) if n == name]
            here[name] = Place(joined(lines))
        return Named(tuple(names), tuple(result.closed), tuple(unsure), tuple(flags)), here

    def _open(self) -> str:
        number = 1
        while f"u{number}" in self._known:
            number += 1
        self._known.append(f"u{number}")
        return f"u{number}"
