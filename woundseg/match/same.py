"""One photograph that was saved twice: smaller, cropped, turned, brighter, compressed again.

Two photographs of one foot never agree pixel by pixel: the foot has moved, the light has changed,
the skin has changed. A copy does, once it has been laid over the original and its colours have
been matched. So a pair of looks is the same photograph where

1. many features of the skin look the same to the letter and one similarity brings them together,
2. the fine grain of both pictures agrees in all that they share, and
3. no small part of it differs: an ulcer that was painted out makes another photograph.

``docs/matching.md`` has the figures that the limits were set on.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.match.look import ByteImage, Look, Points, filled
from woundseg.match.mapping import Matrix, moved, scale_and_turn

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class SameOptions:
    """When two looks are the same photograph; set on real photographs (docs/matching.md).

    Attributes:
        coarse: so many features, the largest, are compared first.
        least_coarse: pairs among them, for the others to be compared at all.
        alike: least cosine between two descriptors of one feature.
        least_inliers: features that the similarity must bring together.
        reach_px: how far from its place, px of the thumbnail.
        least_overlap: share of the picture that shows less which the other must show too.
        least_kept: share of the other that they must have in common: a crop to half the area.
        least_usable: share of what they have in common that is neither black nor white in either.
        least_grain: least correlation of the fine grain.
        most_block: largest root mean square difference of a block of 8 by 8 px, in grey levels.
    """

    coarse: int = 300
    least_coarse: int = 10
    alike: float = 0.9
    least_inliers: int = 12
    reach_px: float = 3.0
    least_overlap: float = 0.8
    least_kept: float = 0.3
    least_usable: float = 0.3
    least_grain: float = 0.97
    most_block: float = 25.0


_SIDE: Final = 256
"""Long side at which colours are compared: noise and the blocks of a JPEG average out."""

_SMOOTH_PX, _GRAIN_PX, _BLOCK_PX = 1.0, 6.0, 8
_BORDER_PX: Final = 5
"""So near to a picture's edge its pixels are mixed with what lies beyond."""

_CLIPPED: Final = 2, 247
"""Grey levels: what was clipped when a picture was made darker or brighter is gone."""


def copies(
    looks: Sequence[Look], visits: Sequence[Hashable], options: SameOptions | None = None
) -> list[int | None]:
    """For each look the number of the first look of another visit that is the same photograph.

    Args:
        looks: one subject's photographs, in order of time.
        visits: of each look, what tells its visit from others, such as name and date.
        options: when two looks are the same photograph.
    """
    options = options or SameOptions()
    found: list[int | None] = []
    for k, look in enumerate(looks):
        earlier = (
            j
            for j in range(k)
            if visits[j] != visits[k] and found[j] is None and same(looks[j], look, options)
        )
        found.append(next(earlier, None))
    return found


def same(one: Look, other: Look, options: SameOptions | None = None) -> bool:
    """Whether two looks are one photograph that was saved twice."""
    options = options or SameOptions()
    matrix = _similarity(one, other, options)
    if matrix is None:
        return False
    if scale_and_turn(matrix, np.zeros(2))[0] > 1:  # the finer one is made coarser
        return _agree(other, one, np.asarray(np.linalg.inv(matrix), np.float64), options)
    return _agree(one, other, matrix, options)


def _similarity(one: Look, other: Look, options: SameOptions) -> Matrix | None:
    """Where the one lies on the other, by features that look the same to the letter."""
    if len(_pairs(one, other, options.alike, options.coarse)[0]) < options.least_coarse:
        return None
    at, to = _pairs(one, other, options.alike)
    if len(at) < options.least_inliers:
        return None
    found, inliers = cv2.estimateAffinePartial2D(
        at.astype(np.float32), to.astype(np.float32), ransacReprojThreshold=options.reach_px
    )
    if found is None or np.count_nonzero(inliers) < options.least_inliers:
        return None
    return np.vstack([found, [0.0, 0.0, 1.0]])


def _pairs(one: Look, other: Look, alike: float, most: int | None = None) -> tuple[Points, Points]:
    """Places of features that are each other's best; of the ``most`` largest, or of all."""
    ours, theirs = (_largest(look, most) for look in (one, other))
    a, b = one.features.descriptors[ours], other.features.descriptors[theirs]
    if not len(a) or not len(b):
        return np.zeros((0, 2)), np.zeros((0, 2))
    cosine = a @ b.T
    best = cosine.argmax(axis=1)
    rows = np.arange(len(a))
    kept = (cosine.argmax(axis=0)[best] == rows) & (cosine[rows, best] >= alike)
    return one.features.places[ours][kept], other.features.places[theirs][best[kept]]


def _largest(look: Look, most: int | None) -> NDArray[np.intp]:
    order = np.argsort(-look.features.log_size, kind="stable")
    return order if most is None else order[:most]


def _agree(one: Look, other: Look, matrix: Matrix, options: SameOptions) -> bool:
    """Whether the pixels are the same; ``matrix`` maps the one onto the coarser other."""
    other_small, to_small = _reduced(other.pixels, min(1.0, _SIDE / max(other.shape)))
    scale, _ = scale_and_turn(matrix, np.zeros(2))
    one_small, from_small = _reduced(one.pixels, min(1.0, scale * to_small[0, 0]))
    start = to_small @ matrix @ np.linalg.inv(from_small)
    laid = _laid(one_small, other_small, start)
    if laid is None:
        return False
    seen, shared = laid
    common = float(np.count_nonzero(shared))
    ours = one_small.shape[0] * one_small.shape[1] * abs(float(np.linalg.det(start[:2, :2])))
    shares = common / ours, common / shared.size
    if max(shares) < options.least_overlap or min(shares) < options.least_kept:
        return False
    wanted = _smooth(other_small)
    usable = shared & _unclipped(seen) & _unclipped(wanted)
    if np.count_nonzero(usable) < options.least_usable * common:
        return False
    if _correlation(seen, wanted, usable) < options.least_grain:
        return False
    gap = ((_recoloured(seen, wanted, usable) - wanted) ** 2).mean(axis=2)
    ulcers = [moved(to_small @ matrix, line) for line in one.outlines]
    ulcers += [moved(to_small, line) for line in other.outlines]
    places = [shared & (filled(line, shared.shape) > 0) for line in ulcers]
    worst = max(_worst_block(gap, usable), *(_mean(gap, place) for place in places), 0.0)
    return worst <= options.most_block**2


def _reduced(pixels: ByteImage, factor: float) -> tuple[ByteImage, Matrix]:
    """A picture made smaller, and where its pixels' centres went."""
    rows, columns = pixels.shape[:2]
    size = max(8, round(columns * factor)), max(8, round(rows * factor))
    if factor >= 1:
        return pixels, np.eye(3)
    across, down = size[0] / columns, size[1] / rows
    place = np.array([[across, 0, across / 2 - 0.5], [0, down, down / 2 - 0.5], [0, 0, 1.0]])
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8), place


def _laid(one: ByteImage, other: ByteImage, start: Matrix) -> tuple[Floats, Flags] | None:
    """The one, smoothed, as it lies on the other, and where both are seen; None without an end.

    ``start`` is brought to a fraction of a pixel by the enhanced correlation coefficient
    (Evangelidis & Psarakis 2008).
    """
    inverse = np.linalg.inv(start)[:2].astype(np.float32)
    wanted, found = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (other, one))
    everywhere = np.full(found.shape, 255, np.uint8)
    ends = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    try:
        _, settled = cv2.findTransformECC(
            wanted, found, inverse, cv2.MOTION_AFFINE, ends, everywhere, 5
        )
    except cv2.error:  # it does not converge
        return None
    size = other.shape[1], other.shape[0]
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(_smooth(one), settled, size, flags=how)
    inside = cv2.warpAffine(everywhere, settled, size, flags=how)
    inside = np.pad((inside > 250).astype(np.uint8), 1)  # beyond the edge nothing is seen
    edge = np.ones((2 * _BORDER_PX + 1, 2 * _BORDER_PX + 1), np.uint8)
    shared = cv2.erode(inside, edge)[1:-1, 1:-1] > 0
    return np.asarray(seen, np.float32), np.asarray(shared)


def _smooth(pixels: ByteImage) -> Floats:
    return np.asarray(cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), _SMOOTH_PX), np.float32)


def _unclipped(picture: Floats) -> Flags:
    """Where no channel is near black or white, nor anything close by."""
    darkest, brightest = _CLIPPED
    clipped = np.asarray(((picture < darkest) | (picture > brightest)).any(axis=2), np.uint8)
    near = cv2.dilate(clipped, np.ones((5, 5), np.uint8))
    return np.asarray(near == 0)


def _recoloured(seen: Floats, wanted: Floats, usable: Flags) -> Floats:
    """The one in the other's light: each channel a quadratic of all three, by least squares."""
    r, g, b = np.moveaxis(seen / 255, 2, 0)
    terms = np.stack([np.ones_like(r), r, g, b, r * r, g * g, b * b], axis=2)
    taught: NDArray[Any] = np.linalg.lstsq(terms[usable], wanted[usable], rcond=None)[0]
    return np.asarray(terms @ taught, np.float32)


def _correlation(seen: Floats, wanted: Floats, usable: Flags) -> float:
    """Of what is finer than ``_GRAIN_PX``, where both can be compared."""
    weight = usable.astype(np.float32)
    around = np.maximum(cv2.GaussianBlur(weight, (0, 0), _GRAIN_PX), 1e-3)

    def grain(picture: Floats) -> Floats:
        grey = picture.mean(axis=2)
        return np.asarray(
            (grey - cv2.GaussianBlur(grey * weight, (0, 0), _GRAIN_PX) / around)[usable]
        )

    one, other = grain(seen), grain(wanted)
    return float((one @ other) / np.sqrt((one @ one) * (other @ other) + 1e-9))


def _worst_block(gap: Floats, usable: Flags) -> float:
    """The largest mean of a block of which most can be compared."""
    size, count = (_BLOCK_PX, _BLOCK_PX), usable.astype(np.float32)
    parts = cv2.boxFilter(count, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
    sums = cv2.boxFilter(gap * count, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
    most = parts >= 0.6 * _BLOCK_PX**2
    return float((sums[most] / parts[most]).max()) if most.any() else 0.0


def _mean(gap: Floats, place: Flags) -> float:
    return float(gap[place].mean()) if place.any() else 0.0
