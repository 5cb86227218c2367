"""Laying one photograph of a foot over another, by the features of its skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from woundseg.match.look import Features, Look, Points

Floats = NDArray[np.float64]
SOFT = (4.0, 30.0)
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class RegisterOptions:
    """When a registration counts.

    Attributes:
        tolerance: how far a feature may lie from its place, as a share of the long side: a foot
            is no plane, and is not held the same way twice.
        alike: least cosine between descriptors of a pair of features.
        telling: largest distance over the next best's, for a pair to propose a registration.
        proposals: how many are followed up.
    """

    tolerance: float = 0.02
    alike: float = 0.8
    telling: float = 0.92
    proposals: int = 12
    most_scale: float = 2.6
    size_log: float = 0.45
    turn_deg: float = 27.0
    least_inliers: int = 15
    least_over_chance: float = 3.0


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of features that look alike.

    Attributes:
        one, other: which features.
        alike: cosine of their descriptors.
        log_size: logarithm of the ratio of their sizes (other over one).
        turn_deg: difference of their angles (other minus one).
        at, to: places in the one thumbnail and in the other, (N, 2) px.
    """

    one: Indices
    other: Indices
    alike: Floats
    log_size: Floats
    turn_deg: Floats
    at: Points
    to: Points

    def __len__(self) -> int:
        return len(self.one)

    def only(self, chosen: Flags | Indices) -> Pairs:
        return Pairs(
            self.one[chosen],
            self.other[chosen],
            self.alike[chosen],
            self.log_size[chosen],
            self.turn_deg[chosen],
            self.at[chosen],
            self.to[chosen],
        )


def _pairs(one: Features, other: Features, i: Indices, j: Indices, alike: Floats) -> Pairs:
    return Pairs(
        i,
        j,
        alike,
        other.log_size[j] - one.log_size[i],
        other.angle_deg[j] - one.angle_deg[i],
        one.places[i],
        other.places[j],
    )


@dataclass(frozen=True, eq=False)
class Fit:
    """A homography with what it rests on."""

    matrix: Matrix
    pairs: Pairs
    residual: Floats
    scale: float
    turn_deg: float


def moved(matrix: Matrix, points: Points) -> Points:
    """Points (N, 2) through a homography."""
    across = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(across[:, :2] / across[:, 2:])


def _local(matrix: Matrix, point: Points) -> tuple[float, float]:
    """Scale and turn of a homography at a point."""
    x, y, w = matrix @ np.array([point[0], point[1], 1.0])
    u, v = x / w, y / w
    a, b = (matrix[0, :2] - u * matrix[2, :2]) / w
    c, d = (matrix[1, :2] - v * matrix[2, :2]) / w
    return float(np.sqrt(max(a * d - b * c, 0.0))), float(np.degrees(np.arctan2(c - b, a + d)))


def _turned(a: Floats, b: Floats | float) -> Floats:
    return np.asarray(np.abs((a - b + 180) % 360 - 180))


def _similarity(at: Points, to: Points) -> Floats:
    """Least squares."""
    a, b = at[:, 0] + 1j * at[:, 1], to[:, 0] + 1j * to[:, 1]
    a0, b0 = a.mean(), b.mean()
    z = ((b - b0) * np.conj(a - a0)).sum() / ((np.abs(a - a0) ** 2).sum() + 1e-9)
    t = b0 - z * a0
    return np.array([[z.real, -z.imag, t.real], [z.imag, z.real, t.imag], [0, 0, 1]])


def _homography(at: Points, to: Points, softness: tuple[float, float]) -> Matrix:
    """Least squares over homographies, pulled towards the similarity (Gauss and Newton).

    Args:
        at: (N, 2).
        to: (N, 2).
        softness: how many points' worth of pull the affine part and the perspective get.
    """
    base = _similarity(at, to)
    middle, goal = at.mean(axis=0), to.mean(axis=0)
    spread = float(np.sqrt(np.mean((at - middle) ** 2))) + 1e-9
    size = float(np.sqrt(np.mean((to - goal) ** 2))) + 1e-9
    x = (at - middle) / spread
    y = (to - goal) / size
    first = np.eye(3)
    first[:2, :2] = base[:2, :2] * spread / size
    pull = np.array([softness[0]] * 4 + [0.0] * 2 + [softness[1]] * 2)
    found = first.copy()
    for _ in range(4):
        across = np.c_[x, np.ones(len(x))] @ found.T
        z = across[:, :2] / across[:, 2:]
        w = 1 / across[:, 2]
        jacobian = np.zeros((2 * len(x), 8))
        jacobian[0::2, 0:2] = jacobian[1::2, 2:4] = x * w[:, None]
        jacobian[0::2, 4] = jacobian[1::2, 5] = w
        jacobian[0::2, 6:] = -z[:, :1] * x * w[:, None]
        jacobian[1::2, 6:] = -z[:, 1:] * x * w[:, None]
        now = np.r_[found[0, :2], found[1, :2], found[:2, 2], found[2, :2]]
        then = np.r_[first[0, :2], first[1, :2], first[:2, 2], first[2, :2]]
        right = jacobian.T @ (y - z).ravel() - pull * (now - then)
        step = np.linalg.solve(jacobian.T @ jacobian + np.diag(pull) + 1e-9 * np.eye(8), right)
        now = now + step
        found = np.array([[now[0], now[1], now[4]], [now[2], now[3], now[5]], [now[6], now[7], 1.0]])
    into = np.array([[1 / spread, 0, -middle[0] / spread], [0, 1 / spread, -middle[1] / spread], [0, 0, 1]])
    back = np.array([[size, 0, goal[0]], [0, size, goal[1]], [0, 0, 1]])
    return back @ found @ into


@dataclass(frozen=True, eq=False)
class Registration:
    """Where one thumbnail lies on another, with its evidence."""

    fit: Fit
    inliers: int
    by_chance: float
    most_by_chance: int
    residual_px: float
    proposed: int
    chance: Points


class _Likeness:
    """All pairs of features of two looks that look alike, the most alike first."""

    def __init__(self, one: Look, other: Look, options: RegisterOptions) -> None:
        self.options = options
        self.one, self.other = one.features, other.features
        self.cosine = self.one.descriptors @ other.features.descriptors.T
        self.reach = options.tolerance * max(other.shape)
        self.cell = 0.6 * options.tolerance * max(one.shape)
        limit = np.log(options.most_scale)
        i, j = np.nonzero(self.cosine > options.alike)
        kept = np.abs(self.other.log_size[j] - self.one.log_size[i]) < limit + 0.1
        i, j = i[kept], j[kept]
        order = np.argsort(-self.cosine[i, j], kind="stable")
        i, j = i[order], j[order]
        self.pairs = _pairs(self.one, self.other, i, j, self.cosine[i, j].astype(np.float64))

    def telling(self) -> Pairs:
        """Pairs that are each other's best by a margin."""
        cosine = self.cosine
        j, i = cosine.argmax(axis=1), cosine.argmax(axis=0)
        k = np.flatnonzero(i[j] == np.arange(len(cosine)))
        j = j[k]
        best = cosine[k, j]
        rows = cosine[k]
        rows[np.arange(len(k)), j] = -1
        columns = cosine[:, j]
        columns[k, np.arange(len(k))] = -1
        second = np.maximum(rows.max(axis=1), columns.max(axis=0))
        ratio = np.sqrt(np.maximum(1 - best, 0) / np.maximum(1 - second, 1e-9))
        kept = np.flatnonzero(ratio < self.options.telling)
        kept = kept[np.argsort(ratio[kept], kind="stable")][:500]
        return _pairs(self.one, self.other, k[kept], j[kept], best[kept].astype(np.float64))

    def near(self, fit: Fit, reach: float, by: Points) -> Indices:
        """Pairs that lie within reach of where a map puts them, each other's best there."""
        p, o = self.pairs, self.options
        gap = moved(fit.matrix, p.at) + by - p.to
        limit = reach * max(1.0, fit.scale)
        ok = np.einsum("ij,ij->i", gap, gap) < limit * limit
        ok &= np.abs(p.log_size - np.log(fit.scale)) < o.size_log
        ok &= _turned(p.turn_deg, fit.turn_deg) < o.turn_deg
        return self._mutual(np.flatnonzero(ok))

    def _mutual(self, chosen: Indices) -> Indices:
        i, j = self.pairs.one[chosen], self.pairs.other[chosen]
        rank = np.arange(len(chosen))
        first_i = np.zeros(len(self.one), np.intp)
        first_j = np.zeros(len(self.other), np.intp)
        first_i[i[::-1]] = rank[::-1]
        first_j[j[::-1]] = rank[::-1]
        return chosen[(first_i[i] == rank) & (first_j[j] == rank)]

    def distinct(self, at: Points) -> int:
        """Places that are not the same one found twice."""
        cells = np.round(at / self.cell).astype(np.int64)
        return len(np.unique(cells[:, 0] * 100_000 + cells[:, 1]))


def _agreeing(pairs: Pairs, reach: float, options: RegisterOptions) -> Flags:
    """(N, N): does pair k fit the similarity that pair n alone states?"""
    scale, turn = np.exp(pairs.log_size), np.radians(pairs.turn_deg)
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    x, y = pairs.at.T
    u, v = pairs.to.T
    dx = np.outer(a, x) - np.outer(b, y) + (u - a * x + b * y)[:, None] - u
    dy = np.outer(b, x) + np.outer(a, y) + (v - b * x - a * y)[:, None] - v
    limit = 2.5 * reach * np.maximum(1, scale)
    ok = dx * dx + dy * dy < (limit**2)[:, None]
    ok &= np.abs(pairs.log_size[None] - pairs.log_size[:, None]) < 0.5
    ok &= _turned(pairs.turn_deg[None], pairs.turn_deg[:, None]) < 30
    ok &= (np.abs(pairs.log_size) < np.log(options.most_scale))[:, None]
    return np.asarray(ok)


def _proposals(pairs: Pairs, reach: float, options: RegisterOptions) -> list[Pairs]:
    agree = _agreeing(pairs, reach, options)
    votes = agree.sum(axis=1)
    chosen: list[Flags] = []
    for n in np.argsort(-votes, kind="stable"):
        if votes[n] < 3 or len(chosen) == options.proposals:
            break
        if all((agree[n] & earlier).sum() <= 0.6 * votes[n] for earlier in chosen):
            chosen.append(agree[n])
    return [pairs.only(flags) for flags in chosen]


def _settled(pairs: Pairs, reach: float, stiff: bool, options: RegisterOptions) -> Fit | None:
    """Least squares, again and again over the pairs that it fits."""
    kept = np.ones(len(pairs), bool)
    for turn in range(8):
        if kept.sum() < 3:
            return None
        at, to = pairs.at[kept], pairs.to[kept]
        matrix = _similarity(at, to) if stiff or turn < 2 else _homography(at, to, SOFT)
        residual = np.hypot(*(moved(matrix, pairs.at) - pairs.to).T)
        scale, angle = _local(matrix, at.mean(axis=0))
        if not 1 / options.most_scale < scale < options.most_scale:
            return None
        now = residual < reach * max(1.0, scale)
        if turn >= 3 and np.array_equal(now, kept):
            break
        kept = now
    return Fit(matrix, pairs.only(kept), residual[kept], scale, angle) if kept.sum() >= 3 else None


def _followed(seen: _Likeness, proposal: Pairs) -> Fit | None:
    """The map that a proposal leads to, over all pairs near it."""
    fit = _settled(proposal, 2 * seen.reach, True, seen.options)
    for reach in (1.5 * seen.reach, seen.reach, seen.reach):
        if fit is None:
            return None
        near = seen.near(fit, reach, np.zeros(2))
        fit = _settled(seen.pairs.only(near), reach, False, seen.options)
    return fit


def _chance(seen: _Likeness, fit: Fit, around: int) -> tuple[list[int], Points]:
    """How many places the same map explains when it is displaced, to where it must be wrong."""
    counts, places = [], []
    for k in range(around):
        angle = 2 * np.pi * k / around
        far = (3.5 if k % 2 else 6.0) * seen.reach * max(1.0, fit.scale)
        by = far * np.array([np.cos(angle), np.sin(angle)])
        near = seen.near(fit, seen.reach, by)
        counts.append(seen.distinct(seen.pairs.at[near]))
        places.append(seen.pairs.at[near])
    return counts, np.concatenate(places)


def propose(one: Look, other: Look, options: RegisterOptions) -> Registration | None:
    """The best registration, good or not."""
    if min(len(one.features), len(other.features)) < 10:
        return None
    seen = _Likeness(one, other, options)
    telling = seen.telling()
    if len(telling) < 3:
        return None
    best: tuple[float, Fit] | None = None
    for proposal in _proposals(telling, seen.reach, options):
        fit = _followed(seen, proposal)
        if fit is None:
            continue
        found = seen.distinct(fit.pairs.at)
        score = found - float(np.mean(_chance(seen, fit, 6)[0]))
        if best is None or score > best[0]:
            best = score, fit
    if best is None:
        return None
    fit = best[1]
    chance, places = _chance(seen, fit, 16)
    return Registration(
        fit,
        seen.distinct(fit.pairs.at),
        float(np.mean(chance)),
        max(chance),
        float(np.sqrt(np.mean(fit.residual**2))),
        len(telling),
        places,
    )
