"""Which outline of a look is which known ulcer, where the known ones' places are registered."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from woundseg.match.look import ByteImage, Look, filled
from woundseg.match.places import Drawn, Place, View

STRONG: Final = 0.3
"""Common area over the smaller's from which an outline is the ulcer whose place it covers."""

MOST_GROWTH: Final = 4.0
"""An outline that only lies beside a place is taken for it up to this many times its area."""


@dataclass
class Assigned:
    """What became of the outlines and of the known ulcers of one look.

    Attributes:
        names: of each outline; None where none could be given.
        beside: of each outline without a name, whether known ulcers are so near that it may be
            one of them or a part of one.
        closed: places in view where nothing is.
        unsure: what cannot be said, with its reason.
        merged: ulcer that lies with another under one outline, and the outline's name.
        displaced: ulcer at whose place a person named another, and that name.
        overridden: ulcers that a person saw elsewhere than where they were expected.
    """

    names: list[str | None]
    beside: list[bool]
    closed: list[str] = field(default_factory=list)
    unsure: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    displaced: dict[str, str] = field(default_factory=dict)
    overridden: list[str] = field(default_factory=list)


class Sheet:
    """One look with the known ulcers' places laid on it.

    Args:
        look: the look.
        places: of each known ulcer whose place is known there.
        slack_px: how far an outline may lie beside its place besides the place's error.
        sight: says of a known ulcer in the frame whether the skin around its place is seen.
    """

    def __init__(
        self,
        look: Look,
        places: dict[str, Place],
        slack_px: float,
        sight: Callable[[str], View] = lambda _: "seen",
    ) -> None:
        self.look = look
        self._sight = sight
        self.slack_px = slack_px
        self.known = list(places)
        self.found: list[ByteImage] = [filled(line, look.shape) for line in look.outlines]
        self.drawn = {
            name: Drawn(place, look.shape, 2 * place.sd_px + slack_px)
            for name, place in places.items()
        }
        pairs = [(name, f) for name in self.known for f in range(len(self.found))]
        self.shared = {(n, f): self.drawn[n].shared(self.found[f]) for n, f in pairs}
        self.gap = {(n, f): self.drawn[n].gap_px(self.found[f]) for n, f in pairs}
        self.result = Assigned([None] * len(self.found), [False] * len(self.found))

    def strong(self, f: int) -> list[str]:
        """Known ulcers whose place an outline covers, the most alike first."""
        names = [name for name in self.known if self.shared[name, f] >= STRONG]
        return sorted(names, key=lambda n: -self.drawn[n].likeness(self.found[f]))

    def touching(self, f: int) -> list[str]:
        """Known ulcers within whose margin an outline lies."""
        return [n for n in self.known if self.gap[n, f] <= self.drawn[n].reach_px]

    def assign(self, told: dict[int, str]) -> Assigned:
        """Names for the outlines; ``told`` holds those that a person gave, by outline."""
        for f, name in told.items():
            self._tell(f, name)
        self._overlapping()
        self._beside()
        self._empty()
        return self.result

    def _tell(self, f: int, name: str) -> None:
        self.result.names[f] = name
        if name in self.known and self.gap[name, f] > self.drawn[name].reach_px:
            self.result.overridden.append(name)
        for other in self.strong(f):
            if other != name:
                self.result.displaced[other] = name

    def _overlapping(self) -> None:
        names = self.result.names
        for f in range(len(self.found)):
            candidates = [n for n in self.strong(f) if not self._told_of(n)]
            if names[f] is None and candidates:
                names[f] = candidates[0]
        for f, name in enumerate(names):
            for other in self.strong(f):
                if name is not None and other not in names and not self._told_of(other):
                    self.result.merged[other] = name

    def _told_of(self, name: str) -> bool:
        """A person's word has made this ulcer's place useless."""
        return name in self.result.displaced or name in self.result.overridden

    def _open(self) -> list[str]:
        """Known ulcers that nothing has been said of yet."""
        r = self.result
        return [n for n in self.known if n not in {*r.names, *r.merged, *r.displaced}]

    def _beside(self) -> None:
        """Outlines that lie beside a known place, within its margin."""
        left = [f for f, name in enumerate(self.result.names) if name is None]
        known = self._open()
        for f in left:
            self.result.beside[f] = bool(self.touching(f))
        if not left or not known:
            return
        cost = np.array([[self._cost(name, f) for f in left] for name in known])
        for row, column in zip(*linear_sum_assignment(cost), strict=True):
            name, f = known[row], left[column]
            if cost[row, column] < 1 and self._plain(name, f, known, left):
                self.result.names[f] = name
                self.result.beside[f] = False

    def _cost(self, name: str, f: int) -> float:
        """0 where they touch, 1 at the margin's end; 1000 where they cannot be the same."""
        drawn = self.drawn[name]
        area = math.pi * drawn.place.radius_px**2
        too_large = np.count_nonzero(self.found[f]) > MOST_GROWTH * max(area, 1.0)
        gap = self.gap[name, f]
        return 1000.0 if too_large or gap > drawn.reach_px else gap / (drawn.reach_px + 1e-9)

    def _plain(self, name: str, f: int, known: list[str], left: list[int]) -> bool:
        """Nothing else comes near to being as good."""
        gap, margin = self.gap[name, f], max(self.slack_px, self.drawn[name].place.sd_px)
        others = [self.gap[n, f] for n in self.touching(f) if n != name]
        others += [self.gap[name, g] for g in left if g != f and name in self.touching(g)]
        return all(other > gap + margin for other in others)

    def _empty(self) -> None:
        """Known ulcers without an outline: closed where their place is seen to be empty."""
        names = self.result.names
        for name in self._open():
            drawn = self.drawn[name]
            view: View = drawn.view(self.look)
            if view == "seen":
                view = self._sight(name)
            if view != "seen":
                self.result.unsure[name] = view
                continue
            near = [self.gap[name, f] for f, n in enumerate(names) if n is None]
            taken = [self.gap[name, f] for f, n in enumerate(names) if n is not None]
            if any(gap <= drawn.reach_px + self.slack_px for gap in near) or any(
                gap <= max(drawn.place.sd_px, 1.0) for gap in taken
            ):
                self.result.unsure[name] = "match_unsure"
            elif drawn.place.doubtful:
                self.result.unsure[name] = "match_unregistered"
            else:
                self.result.closed.append(name)
