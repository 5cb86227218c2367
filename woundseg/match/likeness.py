"""Pairs of features of two looks that look alike, and the maps that many of them agree on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from woundseg.match.look import Features, Look, Points
from woundseg.match.mapping import Matrix, homography, moved, scale_and_turn, similarity

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]
Cosines = NDArray[np.float32]

AROUND: Final = 16
"""Displaced copies of a map that say what chance brings together."""

_MOST_TELLING: Final = 500
_LEAST_VOTES: Final = 3
_FAR, _NEARER = 6.0, 3.5
"""How far copies are displaced, in turn, in the reach of a feature."""

_MORE: Final = (0.1, 6.0)
"""Pairs are kept for the next map up to so much beyond what suits one: log size, degrees."""


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
            _half_turn(other.angle_deg[j] - one.angle_deg[i]),
            one.places.take(i, axis=0),
            other.places.take(j, axis=0),
        )

    def only(self, chosen: Indices) -> Pairs:
        """Some of them."""
        return Pairs(
            self.one[chosen],
            self.other[chosen],
            self.log_size[chosen],
            self.turn_deg[chosen],
            self.at.take(chosen, axis=0),
            self.to.take(chosen, axis=0),
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


class Alike:
    """All pairs of features whose descriptors look alike, of which few suit any one map.

    There are some 100,000. Each is looked at in single precision, for a little more than is asked
    for; only what is left is put in order and worked out in full, and serves for the next map
    too when that is much the same.
    """

    def __init__(
        self, one: Features, other: Features, cosine: Cosines, options: LikenessOptions
    ) -> None:
        self._one, self._other, self._options = one, other, options
        where = np.flatnonzero(cosine > options.alike)
        self._i, self._j = np.divmod(where, max(1, len(self._other)))
        self._cosine = cosine.ravel()[where]
        self._log_size = self._differing(one.log_size, other.log_size)
        self._turn_deg = self._differing(one.angle_deg, other.angle_deg)
        self._last: tuple[float, float, Pairs] | None = None

    def _differing(self, one: Floats, other: Floats) -> NDArray[np.float32]:
        """The other's less the one's, of each pair."""
        return np.asarray(other.astype(np.float32)[self._j] - one.astype(np.float32)[self._i])

    def suiting(self, log_size: float, turn_deg: float) -> Pairs:
        """Those that suit a change of size and a turn, and some more; the most alike first."""
        if self._last is not None:
            size, turn, pairs = self._last
            drift = abs(size - log_size) / _MORE[0], abs(turn - turn_deg) / _MORE[1]
            if max(drift) < 0.9:
                return pairs
        pairs = self._found(log_size, turn_deg)
        self._last = log_size, turn_deg, pairs
        return pairs

    def _found(self, log_size: float, turn_deg: float) -> Pairs:
        options = self._options
        near = np.abs(self._log_size - np.float32(log_size)) < options.size_log + _MORE[0]
        turn = _half_turn(self._turn_deg - np.float32(turn_deg))
        near &= np.abs(turn) < options.turn_deg + _MORE[1]
        chosen = np.flatnonzero(near)
        chosen = chosen[falling(self._cosine[chosen])]
        return Pairs.of(self._one, self._other, self._i[chosen], self._j[chosen])


class Likeness:
    """All pairs of features of two looks that look alike.

    Attributes:
        reach_px: how far a feature may lie from its place, in px of the other.
    """

    def __init__(self, one: Look, other: Look, options: LikenessOptions) -> None:
        self._options = options
        self._one, self._other = one.features, other.features
        self.reach_px = options.tolerance * other.span_px
        self._cell_px = 0.6 * options.tolerance * one.span_px
        self._cosine = self._one.descriptors @ self._other.descriptors.T
        self._alike = Alike(self._one, self._other, self._cosine, options)

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
        pairs, gap = self._suited(fit, (_FAR + 1) * self.reach_px)
        found = []
        for k in range(copies):
            angle = 2 * np.pi * k / copies
            far = (_NEARER if k % 2 else _FAR) * self.reach_px
            by = far * np.array([np.cos(angle), np.sin(angle)])
            chosen = np.flatnonzero(_short(gap + by, self.reach_px))
            best = self._each_others_best(pairs.one[chosen], pairs.other[chosen])
            found.append(pairs.at[chosen[best]])
        return found

    def _telling(self) -> Pairs:
        """Pairs that are each other's best by a margin, the most telling first."""
        cosine = self._cosine
        if min(cosine.shape) < 2:
            none = np.zeros(0, np.intp)
            return Pairs.of(self._one, self._other, none, none)
        theirs = cosine.argmax(axis=1)
        best, best_there = cosine[np.arange(len(cosine)), theirs], cosine.max(axis=0)
        mine = np.flatnonzero(best == best_there[theirs])
        # Of features that are the same to the last bit the first is taken.
        mine = np.sort(mine[np.unique(theirs[mine], return_index=True)[1]])
        theirs, best = theirs[mine], best[mine]
        cosine[mine, theirs] = -1
        second = np.maximum(cosine.max(axis=1)[mine], cosine.max(axis=0)[theirs])
        cosine[mine, theirs] = best
        ratio = np.sqrt(np.maximum(1 - best, 0) / np.maximum(1 - second, 1e-9))
        kept = np.flatnonzero(ratio < self._options.telling)
        kept = kept[np.argsort(ratio[kept], kind="stable")][:_MOST_TELLING]
        return Pairs.of(self._one, self._other, mine[kept], theirs[kept])

    def _proposals(self, pairs: Pairs) -> list[Pairs]:
        """Sets of pairs of which one alone states a map that the others agree with."""
        agree = self._agreeing(pairs)
        votes = agree.sum(axis=1)
        weights, taken = agree.astype(np.float32), np.zeros(len(pairs), bool)
        chosen: list[Flags] = []
        for n in np.argsort(-votes, kind="stable"):
            if votes[n] < _LEAST_VOTES or len(chosen) == self._options.proposals:
                break
            if not taken[n]:
                chosen.append(agree[n])
                taken |= weights @ weights[n] > 0.6 * votes
        return [pairs.only(np.flatnonzero(flags)) for flags in chosen]

    def _agreeing(self, pairs: Pairs) -> Flags:
        """(N, N): does pair k agree with the similarity that pair n alone states?"""
        scale, turn = np.exp(pairs.log_size), np.radians(pairs.turn_deg)
        a, b = scale * np.cos(turn), scale * np.sin(turn)
        (x, y), (u, v), one = pairs.at.T, pairs.to.T, np.ones(len(pairs))
        # What similarity n makes of the one end of k, less k's other end, as one product each.
        ends = np.array([x, y, one, u, v], np.float32)
        across = np.array([a, -b, u - a * x + b * y, -one, 0 * one], np.float32).T @ ends
        down = np.array([b, a, v - b * x - a * y, 0 * one, -one], np.float32).T @ ends
        agree = across * across + down * down < (2.5 * self.reach_px) ** 2
        size, angle = pairs.log_size.astype(np.float32), pairs.turn_deg.astype(np.float32)
        agree &= np.abs(size[None] - size[:, None]) < 0.5
        agree &= _turned(angle[None], angle[:, None]) < 30
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
        return Fit(matrix, pairs.only(np.flatnonzero(kept)), residual[kept], scale, turn)

    def _near(self, fit: Fit, reach_px: float) -> Pairs:
        """Pairs within reach of where a map puts them; each other's best there."""
        pairs, _ = self._suited(fit, reach_px)
        return pairs.only(self._each_others_best(pairs.one, pairs.other))

    def _suited(self, fit: Fit, reach_px: float) -> tuple[Pairs, Points]:
        """Pairs whose size and turn suit a map that misses their other end by less than a reach.

        Returns:
            The pairs, the most alike first, and by how much it misses each, (N, 2) px.
        """
        options = self._options
        log_size = float(np.log(fit.scale))
        pairs = self._alike.suiting(log_size, fit.turn_deg)
        gap = np.take(moved(fit.matrix, self._one.places), pairs.one, axis=0) - pairs.to
        suited = _short(gap, reach_px)
        suited &= np.abs(pairs.log_size - log_size) < options.size_log
        suited &= _turned(pairs.turn_deg, fit.turn_deg) < options.turn_deg
        chosen = np.flatnonzero(suited)
        return pairs.only(chosen), gap[chosen]

    def _each_others_best(self, i: Indices, j: Indices) -> Indices:
        """Which of the pairs of features, the most alike first, are each other's best."""
        # The first to name a feature is its best.
        rank = np.arange(len(i))
        best_i, best_j = np.zeros(len(self._one), np.intp), np.zeros(len(self._other), np.intp)
        best_i[i[::-1]] = rank[::-1]
        best_j[j[::-1]] = rank[::-1]
        return np.flatnonzero((best_i[i] == rank) & (best_j[j] == rank))


def _short(gap: Points, reach_px: float) -> Flags:
    """Which of the steps (N, 2) are shorter than that."""
    across, down = gap.T
    return np.asarray(across * across + down * down < reach_px * reach_px)


def _half_turn(angle: NDArray[Any]) -> NDArray[Any]:
    """The same direction [degrees], from −180 to 180; of whatever precision was given."""
    return np.asarray(angle - 360 * np.rint(angle / 360))


def _turned(a: NDArray[Any], b: NDArray[Any] | float) -> NDArray[Any]:
    """Angle between two directions of −180 to 180 degrees, 0 to 180."""
    apart = np.abs(a - b)
    return np.asarray(np.minimum(apart, 360 - apart))


def falling(cosine: Cosines) -> Indices:
    """Order of numbers above 0 from the largest on; of the same numbers the first comes first.

    The bits of such numbers are in order as whole numbers, and with the place behind them no two
    are the same: to sort those takes a tenth of the time of a stable ``argsort``.
    """
    bits = (~cosine.view(np.uint32)).astype(np.uint64) << np.uint64(32)
    bits |= np.arange(len(cosine), dtype=np.uint64)
    bits.sort()
    return (bits & np.uint64(0xFFFFFFFF)).astype(np.intp)
