"""Pairs of features of two looks that look alike, and the maps that many of them agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from woundseg.match.look import Features, Look, Points
from woundseg.match.mapping import Matrix, homography, moved, scale_and_turn, similarity

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]

AROUND: Final = 16
"""Displaced copies of a map that say what chance brings together."""

_MOST_TELLING: Final = 500
_LEAST_VOTES: Final = 3


@dataclass(frozen=True)
class LikenessOptions:
    """How features are paired.

    Attributes:
        tolerance: how far a feature may lie from its place, over the foot's size (the root of
            its area): a foot is no plane, and is not held the same way twice.
        alike: least cosine between the descriptors of two features.
        telling: largest distance over the next best's, for a pair to propose a map.
        proposals: how many maps are followed up.
        most_scale: how many times larger or smaller the foot may be shown.
        size_log: largest difference between a feature's change of size and the foot's, as a
            natural logarithm.
        turn_deg: the same of its turn.
    """

    tolerance: float = 0.045
    alike: float = 0.8
    telling: float = 0.92
    proposals: int = 12
    most_scale: float = 2.8
    size_log: float = 0.45
    turn_deg: float = 27.0


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of features.

    Attributes:
        one, other: numbers of the features.
        log_size: logarithm of the ratio of their sizes (other over one).
        turn_deg: difference of their angles (other minus one), −180 to 180.
        at, to: places in the one thumbnail and in the other, (N, 2) px.
    """

    one: Indices
    other: Indices
    log_size: Floats
    turn_deg: Floats
    at: Points
    to: Points

    @classmethod
    def of(cls, one: Features, other: Features, i: Indices, j: Indices) -> Pairs:
        """Feature ``i`` of the one with feature ``j`` of the other."""
        return cls(
            i,
            j,
            other.log_size[j] - one.log_size[i],
            (other.angle_deg[j] - one.angle_deg[i] + 180) % 360 - 180,
            one.places[i],
            other.places[j],
        )

    def only(self, chosen: Flags | Indices) -> Pairs:
        """Some of them."""
        return Pairs(
            self.one[chosen],
            self.other[chosen],
            self.log_size[chosen],
            self.turn_deg[chosen],
            self.at[chosen],
            self.to[chosen],
        )

    def __len__(self) -> int:
        return len(self.one)


@dataclass(frozen=True, eq=False)
class Fit:
    """A homography, the pairs that it explains, and how far each lies from its place [px].

    ``scale`` and ``turn_deg`` hold at the middle of the pairs.
    """

    matrix: Matrix
    pairs: Pairs
    residual: Floats
    scale: float
    turn_deg: float


class Likeness:
    """All pairs of features of two looks that look alike, the most alike first.

    Attributes:
        reach_px: how far a feature may lie from its place, in px of the other.
    """

    def __init__(self, one: Look, other: Look, options: LikenessOptions) -> None:
        self._options = options
        self._one, self._other = one.features, other.features
        self.reach_px = options.tolerance * other.span_px
        self._cell_px = 0.6 * options.tolerance * one.span_px
        self._cosine = self._one.descriptors @ self._other.descriptors.T
        i, j = np.nonzero(self._cosine > options.alike)
        change = np.abs(self._other.log_size[j] - self._one.log_size[i])
        kept = change < np.log(options.most_scale) + options.size_log
        i, j = i[kept], j[kept]
        order = np.argsort(-self._cosine[i, j], kind="stable")
        self._pairs = Pairs.of(self._one, self._other, i[order], j[order])

    def fits(self) -> list[Fit]:
        """The maps that most of the telling pairs agree on, each followed to all of its pairs."""
        found = [self._followed(pairs) for pairs in self._proposals(self._telling())]
        return [fit for fit in found if fit is not None]

    def distinct(self, at: Points) -> int:
        """Places that are not one place found twice."""
        cells = np.round(at / self._cell_px).astype(np.int64)
        return len(np.unique(cells[:, 0] * 100_000 + cells[:, 1]))

    def displaced(self, fit: Fit, copies: int) -> list[Points]:
        """What a map explains by chance: when it is displaced to where it must be wrong.

        Returns:
            For each copy, displaced in a direction of its own, places (N, 2) px of the one.
        """
        suited, gap = self._suited(fit)
        found = []
        for k in range(copies):
            angle = 2 * np.pi * k / copies
            far = (3.5 if k % 2 else 6.0) * self.reach_px
            by = far * np.array([np.cos(angle), np.sin(angle)])
            near = self._each_others_best(suited[_short(gap + by, self.reach_px)])
            found.append(self._pairs.at[near])
        return found

    def _telling(self) -> Pairs:
        """Pairs that are each other's best by a margin, the most telling first."""
        cosine = self._cosine
        if min(cosine.shape) < 2:
            none = np.zeros(0, np.intp)
            return Pairs.of(self._one, self._other, none, none)
        j, i = cosine.argmax(axis=1), cosine.argmax(axis=0)
        mine = np.flatnonzero(i[j] == np.arange(len(cosine)))
        theirs = j[mine]
        rows, columns, rank = cosine[mine], cosine[:, theirs], np.arange(len(mine))
        best = cosine[mine, theirs]
        rows[rank, theirs] = columns[mine, rank] = -1
        second = np.maximum(rows.max(axis=1), columns.max(axis=0))
        ratio = np.sqrt(np.maximum(1 - best, 0) / np.maximum(1 - second, 1e-9))
        kept = np.flatnonzero(ratio < self._options.telling)
        kept = kept[np.argsort(ratio[kept], kind="stable")][:_MOST_TELLING]
        return Pairs.of(self._one, self._other, mine[kept], theirs[kept])

    def _proposals(self, pairs: Pairs) -> list[Pairs]:
        """Sets of pairs of which one alone states a map that the others agree with."""
        agree = self._agreeing(pairs)
        votes = agree.sum(axis=1)
        chosen: list[Flags] = []
        for n in np.argsort(-votes, kind="stable"):
            if votes[n] < _LEAST_VOTES or len(chosen) == self._options.proposals:
                break
            if all((agree[n] & earlier).sum() <= 0.6 * votes[n] for earlier in chosen):
                chosen.append(agree[n])
        return [pairs.only(flags) for flags in chosen]

    def _agreeing(self, pairs: Pairs) -> Flags:
        """(N, N): does pair k agree with the similarity that pair n alone states?"""
        scale, turn = np.exp(pairs.log_size), np.radians(pairs.turn_deg)
        a, b = scale * np.cos(turn), scale * np.sin(turn)
        (x, y), (u, v) = pairs.at.T, pairs.to.T
        across = np.outer(a, x) - np.outer(b, y) + (u - a * x + b * y)[:, None] - u
        down = np.outer(b, x) + np.outer(a, y) + (v - b * x - a * y)[:, None] - v
        agree = across * across + down * down < (2.5 * self.reach_px) ** 2
        agree &= np.abs(pairs.log_size[None] - pairs.log_size[:, None]) < 0.5
        agree &= _turned(pairs.turn_deg[None], pairs.turn_deg[:, None]) < 30
        agree &= (np.abs(pairs.log_size) < np.log(self._options.most_scale))[:, None]
        return np.asarray(agree)

    def _followed(self, proposal: Pairs) -> Fit | None:
        """The map that a proposal leads to, over all pairs near it."""
        fit = self._settled(proposal, 2 * self.reach_px, bends=False)
        for reach in (1.5 * self.reach_px, self.reach_px, self.reach_px):
            if fit is None:
                return None
            fit = self._settled(self._near(fit, reach), reach, bends=True)
        return fit

    def _settled(self, pairs: Pairs, reach_px: float, bends: bool) -> Fit | None:
        """Least squares, again and again over the pairs that it explains."""
        kept = np.ones(len(pairs), bool)
        most = self._options.most_scale
        for round_ in range(8):
            if kept.sum() < _LEAST_VOTES:
                return None
            at, to = pairs.at[kept], pairs.to[kept]
            matrix = homography(at, to) if bends and round_ > 1 else similarity(at, to)
            scale, turn = scale_and_turn(matrix, at.mean(axis=0))
            if not 1 / most < scale < most:
                return None
            residual = np.hypot(*(moved(matrix, pairs.at) - pairs.to).T)
            now = residual < reach_px
            if round_ > 2 and np.array_equal(now, kept):
                break
            kept = now
        if kept.sum() < _LEAST_VOTES:
            return None
        return Fit(matrix, pairs.only(kept), residual[kept], scale, turn)

    def _near(self, fit: Fit, reach_px: float) -> Pairs:
        """Pairs within reach of where a map puts them; each other's best there."""
        suited, gap = self._suited(fit)
        return self._pairs.only(self._each_others_best(suited[_short(gap, reach_px)]))

    def _suited(self, fit: Fit) -> tuple[Indices, Points]:
        """Pairs whose size and turn suit a map, and how far it misses their other end [px]."""
        pairs, options = self._pairs, self._options
        suited = np.abs(pairs.log_size - np.log(fit.scale)) < options.size_log
        suited &= _turned(pairs.turn_deg, fit.turn_deg) < options.turn_deg
        chosen = np.flatnonzero(suited)
        there = moved(fit.matrix, self._one.places)
        return chosen, there[pairs.one[chosen]] - pairs.to[chosen]

    def _each_others_best(self, chosen: Indices) -> Indices:
        # Pairs are sorted: the first to name a feature is its best.
        pairs = self._pairs
        i, j, rank = pairs.one[chosen], pairs.other[chosen], np.arange(len(chosen))
        best_i, best_j = np.zeros(len(self._one), np.intp), np.zeros(len(self._other), np.intp)
        best_i[i[::-1]] = rank[::-1]
        best_j[j[::-1]] = rank[::-1]
        return np.asarray(chosen[(best_i[i] == rank) & (best_j[j] == rank)])


def _short(gap: Points, reach_px: float) -> Flags:
    """Which of the steps (N, 2) are shorter than that."""
    return np.asarray(np.einsum("ij,ij->i", gap, gap) < reach_px * reach_px)


def _turned(a: Floats, b: Floats | float) -> Floats:
    """Angle between two directions of −180 to 180 degrees, 0 to 180."""
    apart = np.abs(a - b)
    return np.asarray(np.minimum(apart, 360 - apart))
