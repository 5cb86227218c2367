"""Whether a known ulcer's place is seen bare: the skin around it is the same skin as before.

A plaster, gauze, a patch of cloth or of other skin covers more than the ulcer did, so the skin
around the ulcer's old outline is no longer seen. The two photographs are laid on each other there
once more, closely, and the grain of that skin is compared: not right beside the outline, where
skin changes as an ulcer heals, but from 0.4 of its radius on. Where it is not found again, nothing
is said of the place: an area of 0 needs this evidence (``docs/matching.md``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.match.look import ByteImage, Look, Points, filled, warm_share
from woundseg.match.mapping import Matrix
from woundseg.match.places import Place
from woundseg.match.registration import Registration

Sight = Literal["seen", "covered", "unclear"]

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class EvidenceOptions:
    """When the skin around a place is the same; set on photographs (docs/matching.md).

    Attributes:
        ring: where the ring of skin around the old outline begins and ends, in radii of the ulcer
            beyond it.
        reach: how far the skin reaches that is laid on each other, likewise.
        least_px: least beginning, width and reach, in px.
        least_share: share of the ring that must be seen on both photographs.
        alike: least correlation of the ring's grain; ``few`` is added over the root of the
            number of pixels, since few of them correlate by chance.
        over_chance: largest lack of correlation over that of displaced copies of the ring: skin
            that is alike wherever it is laid says nothing.
        all_round: share of the ring that must lie in eighths which correlate by themselves, and how
            much: a thing that covers one side leaves the other alike.
        unlike: below this correlation something else lies there.
        colours: largest change of the ring's colours beyond that of the skin around (ΔE).
        contrast: least and largest contrast of the ring's grain over its contrast before.
        luma: least median brightness of the place and its ring, 0 to 255.
        inside: share of the old outline that must have a skin's colour.
        edged: largest gradient within the old outline (95th percentile) over the usual one: a
            small plaster has an edge on a smooth surface, skin has neither.
        smooth: least usual gradient within the old outline over that of the skin around.
    """

    ring: tuple[float, float] = (0.4, 0.9)
    reach: float = 1.1
    least_px: tuple[float, float, float] = (5.0, 6.0, 14.0)
    least_share: float = 0.25
    alike: float = 0.42
    few: float = 2.5
    over_chance: float = 0.8
    all_round: tuple[float, float] = (0.6, 0.3)
    unlike: float = 0.35
    colours: float = 14.0
    contrast: tuple[float, float] = (0.42, 2.0)
    luma: float = 32.0
    inside: float = 0.7
    edged: float = 6.0
    smooth: float = 0.33


_WORK_RADIUS_PX: Final = 40.0
"""Larger ulcers are looked at reduced to this radius."""
_EDGE_PX: Final = 2.5
"""So close to an outline skin is not compared: its edge is not known better."""
_GRAIN_PX: Final = (1.0, 5.0)
"""Grain between these sizes is compared: noise is finer, light is coarser."""
_DISPLACED_PX: Final = 9.0
"""What lies so far away is not the same grain."""
_GRADIENT_PX: Final = 0.8
_FEWEST_PX: Final = 60
_MOST_SEARCH_PX: Final = 14
_STEPS: Final = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)


def sight(
    before: Look,
    now: Look,
    place: Place,
    found: Registration,
    options: EvidenceOptions | None = None,
) -> Sight:
    """Whether the place of an ulcer is seen, with the skin around it as it was.

    Args:
        before: a look at which the place was seen.
        now: the look that is asked about; no ulcer is outlined at the place.
        place: of the ulcer on ``before``.
        found: where ``before`` lies on ``now``.
        options: when skin is the same.
    """
    options = options or EvidenceOptions()
    there = found.place(place.outline)
    if not np.isfinite(there).all() or np.ptp(there, axis=0).max() > max(now.shape):
        return "unclear"
    window = _Window.around(before, now, place, found, options)
    if not _shows_enough(window, options):
        return "unclear"
    alike = _correlation(window.grain_before[window.near], window.grain_now[window.near])
    if alike < options.unlike or _covered(window, options):
        return "covered"
    return "seen" if _same_skin(window, alike, options) else "unclear"


def _shows_enough(window: _Window, options: EvidenceOptions) -> bool:
    """Whether there is a ring to be compared, and light on it."""
    count = np.count_nonzero(window.near)
    if count < max(_FEWEST_PX, options.least_share * window.whole_px) or not window.inside.any():
        return False
    return bool(np.median(window.luma[window.near | window.inside]) >= options.luma)


def _covered(window: _Window, options: EvidenceOptions) -> bool:
    """Whether colour, edges or smoothness tell of something that is not skin."""
    strongest, usual, around = window.gradients()
    return (
        warm_share(window.now, window.inside, window.near) < options.inside
        or strongest > options.edged * usual
        or usual < options.smooth * around
        or window.colour_change() > options.colours
    )


def _same_skin(window: _Window, alike: float, options: EvidenceOptions) -> bool:
    """Whether the ring's grain is the grain of before, no weaker, and more so than by chance."""
    near = window.near
    contrast = window.grain_now[near].std() / max(float(window.grain_before[near].std()), 1e-6)
    few = options.few / math.sqrt(np.count_nonzero(near))
    by_chance = options.over_chance * (1 - window.by_chance())
    weakest, strongest = options.contrast
    share, least = options.all_round
    return bool(
        weakest <= contrast <= strongest
        and alike >= options.alike + few
        and 1 - alike <= by_chance
        and window.alike_round(least) >= share
    )


@dataclass(frozen=True, eq=False)
class _Window:
    """The surroundings of a place on both looks, laid on each other.

    Attributes:
        before, now: uint8 RGB (h, w, 3).
        grain_before, grain_now: band-passed logarithm of brightness, float32 (h, w).
        inside: bool (h, w), within the old outline.
        near: bool (h, w), the ring of skin around it, seen on both.
        far: bool (h, w), the rest of the skin around.
        whole_px: size of the ring if all of it were seen.
    """

    before: ByteImage
    now: ByteImage
    grain_before: Floats
    grain_now: Floats
    inside: Flags
    near: Flags
    far: Flags
    whole_px: int

    @classmethod
    def around(
        cls, before: Look, now: Look, place: Place, found: Registration, options: EvidenceOptions
    ) -> _Window:
        there = found.place(place.outline)
        radius = Place(there).radius_px
        factor = min(1.0, _WORK_RADIUS_PX / max(radius, 1.0))
        start_px, end_px = (part * radius * factor for part in options.ring)
        start_px = max(start_px, options.least_px[0])
        end_px = max(end_px, start_px + options.least_px[1])
        reach_px = max(options.reach * radius * factor, options.least_px[2])
        sd_px = found.sd_px(place.centre, place.radius_px) * factor
        search = int(min(_MOST_SEARCH_PX, math.ceil(2 * sd_px + 2)))
        room = reach_px + search + 2
        shift = -factor * there.min(axis=0) + room
        to_window = np.array([[factor, 0, shift[0]], [0, factor, shift[1]], [0, 0, 1.0]])
        wide, high = (math.ceil(side) for side in factor * np.ptp(there, axis=0) + 2 * room)
        onto = to_window @ found.matrix
        shape = high, wide
        inside = filled(factor * there + shift, shape) > 0
        away = cv2.distanceTransform(1 - inside.view(np.uint8), cv2.DIST_L2, 5)
        seen = _comparable(before, onto, shape) & _comparable(now, to_window, shape)
        around = seen & (away > _EDGE_PX) & (away <= reach_px)
        skin = around & (_warped(before.skin, onto, shape, cv2.INTER_NEAREST) > 0)
        if np.count_nonzero(skin) > 0.3 * np.count_nonzero(around):
            around = skin
        ring = (away > start_px) & (away <= end_px)
        was = _warped(before.pixels, onto, shape)
        shown = _warped(now.pixels, to_window, shape)
        grain = _grain(was)
        closer = _laid(grain, _grain(shown), around, search)
        shown = _moved(shown, closer)
        return cls(
            np.asarray(was),
            np.asarray(shown),
            grain,
            _grain(shown),
            inside,
            around & ring,
            around & ~ring,
            int(np.count_nonzero(ring)),
        )

    @property
    def luma(self) -> ByteImage:
        """Brightness now, uint8 (h, w)."""
        return np.asarray(cv2.cvtColor(self.now, cv2.COLOR_RGB2GRAY), np.uint8)

    def gradients(self) -> tuple[float, float, float]:
        """Gradients of colour now [ΔE a px]: strongest and usual inside, usual on the skin around.

        The 95th percentile, and medians.
        """
        soft = cv2.GaussianBlur(self.now.astype(np.float32) / 255, (0, 0), _GRADIENT_PX)
        lab = cv2.cvtColor(soft, cv2.COLOR_RGB2Lab)
        across, down = (
            cv2.Sobel(lab, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8) for dx in (1, 0)
        )
        size = np.sqrt((across**2 + down**2).sum(axis=2))
        inner = cv2.erode(self.inside.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        inner = inner if inner.any() else self.inside
        strongest, usual = np.percentile(size[inner], (95, 50))
        return float(strongest), float(usual), float(np.median(size[self.near | self.far]))

    def by_chance(self) -> float:
        """The largest correlation of the ring with what lies beside it, in eight directions."""
        before = self.grain_before[self.near]
        turns = np.arange(8) * math.pi / 4
        steps = np.rint(_DISPLACED_PX * np.c_[np.sin(turns), np.cos(turns)]).astype(int).tolist()
        copies = (np.roll(self.grain_now, step, axis=(0, 1))[self.near] for step in steps)
        return max(_correlation(before, copy) for copy in copies)

    def alike_round(self, least: float) -> float:
        """Share of the ring that lies in eighths, by direction, whose grain is so much alike."""
        x, y = _middle(self.inside)
        rows, columns = np.nonzero(self.near)
        eighth = np.floor((np.arctan2(rows - y, columns - x) / np.pi + 1) * 4).astype(int) % 8
        before, now = self.grain_before[self.near], self.grain_now[self.near]
        counts = np.bincount(eighth, minlength=8)
        parts = [n for n in range(8) if counts[n] >= _FEWEST_PX / 2]
        alike = [n for n in parts if _correlation(before[eighth == n], now[eighth == n]) >= least]
        return float(counts[alike].sum() / max(1, counts[parts].sum()))

    def colour_change(self) -> float:
        """Median change of the ring's colours beyond the change of the skin farther out (ΔE)."""
        change = _colours(self.now) - _colours(self.before)
        usual = np.median(change[self.far], axis=0) if self.far.any() else np.zeros(3)
        return float(np.median(np.linalg.norm(change[self.near] - usual, axis=1)))


def _middle(mask: Flags) -> tuple[float, float]:
    """The middle of a mask, (x, y)."""
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def _comparable(look: Look, onto: Matrix, shape: tuple[int, int]) -> Flags:
    """Bool (h, w), in the frame, and away from ulcers and card."""
    shown = _warped(np.ones(look.shape, np.uint8), onto, shape, cv2.INTER_NEAREST)
    for line in (*look.outlines, look.hidden):
        if len(line):
            shown &= 1 - filled(_through(onto, line), shape)
    return np.asarray(cv2.distanceTransform(shown, cv2.DIST_L2, 5) > _EDGE_PX)


def _through(matrix: Matrix, points: Points) -> Points:
    return np.asarray(cv2.perspectiveTransform(points[None].astype(np.float64), matrix)[0])


def _warped(
    image: NDArray[Any], matrix: Matrix, shape: tuple[int, int], how: int = cv2.INTER_AREA
) -> NDArray[Any]:
    return np.asarray(cv2.warpPerspective(image, matrix, shape[::-1], flags=how))


def _grain(pixels: NDArray[Any]) -> Floats:
    """The logarithm of brightness between two sizes, so that the light does not matter."""
    grey = np.log(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) + 12)
    fine, coarse = (cv2.GaussianBlur(grey, (0, 0), size) for size in _GRAIN_PX)
    return np.asarray(fine - coarse, np.float32)


def _colours(pixels: NDArray[Any]) -> Floats:
    """Smoothed CIELAB, float32 (h, w, 3)."""
    soft = cv2.GaussianBlur(pixels.astype(np.float32) / 255, (0, 0), 3.0)
    return np.asarray(cv2.cvtColor(soft, cv2.COLOR_RGB2Lab), np.float32)


def _laid(before: Floats, now: Floats, where: Flags, search: int) -> NDArray[np.float32]:
    """The affine map (2, 3) that lays what is seen now on what was seen before.

    The best shift first, out of all within ``search`` px; then an affine map from there, by the
    enhanced correlation coefficient (Evangelidis and Psarakis 2008), where that is better.
    """
    start = np.eye(2, 3, dtype=np.float32)
    if np.count_nonzero(where) < _FEWEST_PX:
        return start
    padded = cv2.copyMakeBorder(now, search, search, search, search, cv2.BORDER_REFLECT_101)
    mask = where.astype(np.float32)
    score = cv2.matchTemplate(padded, before, cv2.TM_CCOEFF_NORMED, mask=mask)
    score = np.where(np.isfinite(score), score, -1)
    down, across = np.unravel_index(int(np.argmax(score)), score.shape)
    start[:, 2] = int(across) - search, int(down) - search
    try:
        found = cv2.findTransformECC(
            before, now, start.copy(), cv2.MOTION_AFFINE, _STEPS, where.view(np.uint8), 3
        )
    except cv2.error:  # it does not converge on skin without grain
        return start
    better = np.asarray(found[1], np.float32)
    near = np.abs(better[:, :2] - np.eye(2)).max() < 0.15
    scores = [_correlation(before[where], _moved(now, m)[where]) for m in (start, better)]
    return better if near and scores[1] > scores[0] else start


def _moved(image: NDArray[Any], matrix: NDArray[np.float32]) -> NDArray[Any]:
    size = image.shape[1], image.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    )


def _correlation(one: Floats, other: Floats) -> float:
    """Pearson's, of two samples; 0 where one of them does not vary."""
    a, b = one - one.mean(), other - other.mean()
    return float((a * b).sum() / max(float(np.sqrt((a * a).sum() * (b * b).sum())), 1e-9))
