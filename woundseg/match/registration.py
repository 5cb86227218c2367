"""Laying one photograph of a foot over another, and whether that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from woundseg.match.likeness import AROUND, Fit, Likeness, LikenessOptions
from woundseg.match.look import Look, Points
from woundseg.match.mapping import Matrix, moved, scale_and_turn


@dataclass(frozen=True)
class RegisterOptions:
    """When a registration counts; set on real photographs (docs/matching.md).

    Attributes:
        likeness: how features are paired.
        least_inliers: places of the skin brought together.
        least_over_chance: inliers over the largest count of a displaced copy.
        least_evidence: inliers above chance, in standard deviations.
        loose_from, loose_costs: above this residual more evidence is needed, so much for each 1.
        least_breadth: of the inliers, over the foot's size: a row of toes says little.
        most_scale: how many times larger or smaller the foot may be shown where that cannot be
            checked against ``mm_per_px``.
        most_disagreement: factor between the scale found and that of ``mm_per_px``.
        least_near: inliers around an ulcer's place.
        widest_gap_deg: the widest sector around an ulcer's place without an inlier.
    """

    likeness: LikenessOptions = field(default_factory=LikenessOptions)
    least_inliers: int = 15
    least_over_chance: float = 1.6
    least_evidence: float = 10.0
    loose_from: float = 0.5
    loose_costs: float = 30.0
    least_breadth: float = 0.09
    most_scale: float = 1.8
    most_disagreement: float = 1.3
    least_near: int = 12
    widest_gap_deg: float = 220.0


@dataclass(frozen=True, eq=False)
class Registration:
    """Where one thumbnail lies on another, with its evidence.

    Attributes:
        matrix: (3, 3) homography from px of the one thumbnail to px of the other.
        inliers: places of the skin that it brings together.
        by_chance: how many it would bring together if it were wrong: mean over displaced copies.
        most_by_chance: the largest of those counts.
        residual_px: root mean square distance of the inliers, in px of the other.
        residual: the same over the distance allowed; about 0.7 is what chance gives.
        scale: px of the other for each px of the one, at the inliers' middle.
        turn_deg: its turn there.
        scale_agreement: ``scale`` over what both looks' ``mm_per_px`` say; None without them.
        at, to: the inliers in the one and in the other, (N, 2) px.
        chance: (M, 2) px of the one: what ``AROUND`` displaced copies explained.
        span_px: the foot's size in the one.
    """

    matrix: Matrix
    inliers: int
    by_chance: float
    most_by_chance: int
    residual_px: float
    residual: float
    scale: float
    turn_deg: float
    scale_agreement: float | None
    at: Points
    to: Points
    chance: Points
    span_px: float

    @property
    def evidence(self) -> float:
        """Inliers above chance, in standard deviations of a count."""
        return (self.inliers - self.by_chance) / float(np.sqrt(self.by_chance + 1))

    @property
    def breadth(self) -> float:
        """Standard deviation of the inliers across their narrow direction, over the foot's size."""
        narrow = float(np.linalg.eigvalsh(np.cov(self.at.T))[0])
        return float(np.sqrt(max(narrow, 0.0))) / self.span_px

    def place(self, points: Points) -> Points:
        """Points (N, 2) of the one thumbnail, in px of the other."""
        return moved(self.matrix, points)

    def sd_px(self, point: Points, radius_px: float) -> float:
        """Standard deviation of a place's position along each axis, in px of the other.

        The residual, and a tenth of the way to the skin that was brought together (fitted to
        real photographs, docs/matching.md).

        Args:
            point: (2,) px of the one.
            radius_px: of the ulcer there, on which there are no inliers.
        """
        away = np.sort(np.hypot(*(self.at - point).T))[:5].mean() - radius_px
        scale, _ = scale_and_turn(self.matrix, point)
        return float(np.hypot(0.7 * self.residual_px, 0.1 * max(away, 0.0) * scale))

    def supports(self, point: Points, radius_px: float, options: RegisterOptions) -> bool:
        """Whether skin around a place was brought together, not only somewhere else."""
        near_px = 0.6 * self.span_px + radius_px
        ways = self.at - point
        ways = ways[np.hypot(*ways.T) < near_px]
        by_chance = np.count_nonzero(np.hypot(*(self.chance - point).T) < near_px) / AROUND
        if len(ways) < options.least_near or len(ways) < 3 * (by_chance + 0.5):
            return False
        angles = np.sort(np.degrees(np.arctan2(ways[:, 1], ways[:, 0])))
        gaps = np.diff(np.r_[angles, angles[0] + 360])
        return float(gaps.max()) <= options.widest_gap_deg


def register(one: Look, other: Look, options: RegisterOptions | None = None) -> Registration | None:
    """Where the one thumbnail lies on the other; None when that cannot be trusted.

    Args:
        one: a look.
        other: another look at what may be the same foot.
        options: when a registration counts.
    """
    options = options or RegisterOptions()
    found = propose(one, other, options)
    return found if found is not None and trusted(found, options) else None


def trusted(found: Registration, options: RegisterOptions) -> bool:
    """Whether the evidence is enough; what fits loosely needs more of it."""
    loose = max(0.0, found.residual - options.loose_from)
    agreement = found.scale_agreement
    if agreement is None:
        shown_alike = 1 / options.most_scale <= found.scale <= options.most_scale
    else:
        shown_alike = 1 / options.most_disagreement <= agreement <= options.most_disagreement
    return (
        shown_alike
        and found.inliers >= options.least_inliers
        and found.inliers >= options.least_over_chance * found.most_by_chance
        and found.evidence >= options.least_evidence + options.loose_costs * loose
        and found.breadth >= options.least_breadth
    )


def propose(one: Look, other: Look, options: RegisterOptions) -> Registration | None:
    """The best registration, to be trusted or not; None when there is none at all."""
    likeness = Likeness(one, other, options.likeness)
    best, most = None, -np.inf
    fits = sorted(likeness.fits(), key=lambda fit: -len(fit.pairs))
    for fit in fits:
        if len(fit.pairs) <= most:
            break
        by_chance = [likeness.distinct(at) for at in likeness.displaced(fit, 6)]
        score = likeness.distinct(fit.pairs.at) - float(np.mean(by_chance))
        if score > most:
            best, most = fit, score
    return None if best is None else _stated(one, other, likeness, best)


def _stated(one: Look, other: Look, likeness: Likeness, fit: Fit) -> Registration:
    displaced = likeness.displaced(fit, AROUND)
    by_chance = [likeness.distinct(at) for at in displaced]
    residual_px = float(np.sqrt(np.mean(fit.residual**2)))
    agreement = None
    if one.mm_per_px is not None and other.mm_per_px is not None:
        agreement = fit.scale * other.mm_per_px / one.mm_per_px
    return Registration(
        matrix=fit.matrix,
        inliers=likeness.distinct(fit.pairs.at),
        by_chance=float(np.mean(by_chance)),
        most_by_chance=max(by_chance),
        residual_px=residual_px,
        residual=residual_px / likeness.reach_px,
        scale=fit.scale,
        turn_deg=fit.turn_deg,
        scale_agreement=agreement,
        at=fit.pairs.at,
        to=fit.pairs.to,
        chance=np.concatenate(displaced),
        span_px=one.span_px,
    )
