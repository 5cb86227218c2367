"""One photograph as matching sees it: a thumbnail, its ulcers, and the features of its skin."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.skin import Tints, tints, tones

ByteImage = NDArray[np.uint8]
Points = NDArray[np.float64]

_NO_POINTS: Final = np.zeros((0, 2))

WORK_PX: Final = 300
"""Root of the foot's area at which features are sought: finer grain is noise more than skin."""

MOST_FEATURES: Final = 1200

COLOUR_PX: Final = 400
"""Least long side at which colours are judged: skin, cloth and dressing are large."""

_LEAST_SIDE_PX: Final = 32
_MARGIN_PX: Final = 16


@dataclass(frozen=True, eq=False)
class Features:
    """Places on the skin that can be found again (SIFT, Lowe 2004, roots taken: RootSIFT).

    Attributes:
        places: float64 (N, 2), x and y in px of the thumbnail.
        log_size: float64 (N,), natural logarithm of the diameter in px of the thumbnail.
        angle_deg: float64 (N,).
        descriptors: float32 (N, 128) of length 1.
    """

    places: Points
    log_size: NDArray[np.float64]
    angle_deg: NDArray[np.float64]
    descriptors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.places)


_NO_FEATURES: Final = Features(_NO_POINTS, np.zeros(0), np.zeros(0), np.zeros((0, 128), np.float32))


@dataclass(frozen=True, eq=False)
class Look:
    """One photograph of a subject's foot; looks are given in order of time.

    Attributes:
        pixels: uint8 RGB (h, w, 3), a thumbnail of at most 800 px.
        mm_per_px: mm for each pixel of the thumbnail; None without a scale.
        outlines: each ulcer's outer outline, (N, 2) of (x, y) in px of the thumbnail.
        areas_cm2: of each ulcer; None without a scale.
        areas_px: of each ulcer, in any pixels (only their order is used).
        hidden: (N, 2), outline of the card or marker: what lies under it is not seen.
        measurable: False where the photograph could not be measured; it then says nothing.
        named: the manifest's name for the ulcer shown, which is the largest.
        visit: looks of one visit are not joined by a likeness alone: a second photograph that
            cannot be registered more likely shows another place. Blank where it is not known.
        told: names that a person gave to the outlines, in their order, None for the others;
            empty where nobody named any. They go before ``named``.
    """

    pixels: ByteImage
    outlines: tuple[Points, ...] = ()
    areas_cm2: tuple[float | None, ...] = ()
    areas_px: tuple[float, ...] = ()
    mm_per_px: float | None = None
    hidden: Points = field(default_factory=lambda: _NO_POINTS)
    measurable: bool = True
    named: str | None = None
    visit: str = ""
    told: tuple[str | None, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @cached_property
    def reduced(self) -> ByteImage:
        """uint8 RGB, ``pixels`` by a whole number smaller: to ``COLOUR_PX`` or more."""
        times = max(self.shape) // COLOUR_PX
        if times < 2:
            return self.pixels
        size = tuple(max(1, round(side / times)) for side in self.shape[::-1])
        return np.asarray(cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)

    @cached_property
    def tints(self) -> Tints:
        """Of ``reduced``: each pixel's red and yellow in CIELAB."""
        return tints(self.reduced, 2.0 * max(self.reduced.shape) / max(self.shape))

    @cached_property
    def skin(self) -> ByteImage:
        """uint8 (h, w), 1 on the foot (ulcers and callus included), 0 elsewhere."""
        foot = _enlarged(_foot(self), self.shape)
        return np.asarray(foot & (1 - filled(self.hidden, self.shape)), dtype=np.uint8)

    @cached_property
    def span_px(self) -> float:
        """The foot's size: the root of its area, but no more than 0.49 of the long side."""
        most = 0.49 * max(self.shape)
        return max(1.0, min(most, math.sqrt(int(np.count_nonzero(self.skin)))))

    @cached_property
    def features(self) -> Features:
        """Computed once, when first asked for."""
        return _features(self)


def filled(outline: Points, shape: tuple[int, int]) -> ByteImage:
    """uint8 (rows, columns), 1 inside a closed outline (N, 2) of (x, y) px."""
    mask = np.zeros(shape, np.uint8)
    if len(outline) >= 3:
        sixteenths = np.rint(np.clip(outline, -4e3, 4e3) * 16).astype(np.int32)
        cv2.fillPoly(mask, [sixteenths], 1, shift=4)
    return mask


def _enlarged(mask: ByteImage, shape: tuple[int, int]) -> ByteImage:
    """A mask of a reduced picture, on the whole one (rows, columns)."""
    if mask.shape == shape:
        return mask
    share = cv2.resize(mask * 255, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(share > 127, dtype=np.uint8)


def _disc(radius: int) -> ByteImage:
    size = (2 * radius + 1, 2 * radius + 1)
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, size), dtype=np.uint8)


def _within(reach_px: float, mask: ByteImage) -> NDArray[np.bool_]:
    """Pixels no farther than that from a mask."""
    return np.asarray(cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3) <= reach_px)


def _union(outlines: tuple[Points, ...], shape: tuple[int, int]) -> ByteImage:
    mask = np.zeros(shape, np.uint8)
    for outline in outlines:
        mask |= filled(outline, shape)
    return mask


# Callus and scars are paler and yellower than skin; a dressing is white, a glove blue.
_WARMTH, _LEAST_RED = 8.0, -3.0


def _warm(seen: Tints) -> ByteImage:
    """uint8 (h, w), 1 where a pixel leans to red or yellow, if not as much as skin does."""
    red, yellow = seen
    return np.asarray((red >= _LEAST_RED) & (red + yellow >= _WARMTH), dtype=np.uint8)


_NEAR_COLOUR: Final = 9.0
"""Red and yellow that differ by less (CIELAB) from the skin around belong to the same skin."""


def warm_share(pixels: ByteImage, inside: NDArray[np.bool_], around: NDArray[np.bool_]) -> float:
    """Share of a place that leans to red or yellow, or has the colour of the skin around it.

    Args:
        pixels: uint8 RGB (h, w, 3).
        inside: bool (h, w), the place.
        around: bool (h, w), the skin around it.
    """
    red, yellow = seen = tints(pixels)
    usual = float(np.median(red[around])), float(np.median(yellow[around]))
    like = np.hypot(red - usual[0], yellow - usual[1]) < _NEAR_COLOUR
    fits = like | (_warm(seen) > 0)
    return float(fits[inside].mean()) if inside.any() else 0.0


def _foot(look: Look) -> ByteImage:
    """The parts in skin tones that bear the ulcers; without ulcers the largest.

    Returns:
        uint8, of the shape of the look's ``reduced``; what hides the foot is still on it.
    """
    shape = look.reduced.shape[:2]
    long_side = max(shape)
    seen = tones(look.reduced, look.tints).view(np.uint8)
    disc = _disc(max(1, round(0.01 * long_side)))
    seen = np.asarray(cv2.morphologyEx(seen, cv2.MORPH_OPEN, disc), dtype=np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(seen)
    if count < 2:
        return np.zeros(shape, np.uint8)
    area = boxes[:, cv2.CC_STAT_AREA].astype(np.float64)
    area[0] = 0.0
    kept = area >= 0.5 * area.max()
    if look.outlines:
        ratio = long_side / max(look.shape)
        outlines = tuple((outline + 0.5) * ratio - 0.5 for outline in look.outlines)
        near = _within(0.06 * long_side, _union(outlines, shape))
        bearing = np.bincount(labels[near], minlength=count) > 0.02 * np.count_nonzero(near)
        bearing &= area > 0.1 * area.max()
        kept = bearing if bearing.any() else kept
    foot = kept[labels].astype(np.uint8)
    return _without_holes(foot, 0.02 * long_side**2)


def _without_holes(mask: ByteImage, most_px: float) -> ByteImage:
    outside = np.pad(1 - mask, 1, constant_values=1)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    small = boxes[:, cv2.CC_STAT_AREA] <= most_px
    small[[0, labels[0, 0]]] = False
    return np.asarray(mask | small[labels[1:-1, 1:-1]], dtype=np.uint8)


def _features(look: Look) -> Features:
    if min(look.shape) < _LEAST_SIDE_PX or not look.skin.any():
        return _NO_FEATURES
    window, corner = _around_foot(look)
    factor = min(1.0, WORK_PX / math.sqrt(np.count_nonzero(look.skin)))
    grey = cv2.cvtColor(look.pixels[window], cv2.COLOR_RGB2GRAY)
    rows, columns = grey.shape
    size = max(1, round(columns * factor)), max(1, round(rows * factor))
    if factor < 1:
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    grey = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(8, 8)).apply(grey)
    telling = _telling_skin(look, window, corner)
    allowed = cv2.resize(telling, size, interpolation=cv2.INTER_NEAREST)
    finder = cv2.SIFT.create(MOST_FEATURES, 3, 0.006, 20.0)
    spots, raw = finder.detectAndCompute(grey, allowed * 255)
    if len(spots) == 0:
        return _NO_FEATURES
    roots = np.sqrt(raw / (raw.sum(axis=1, keepdims=True) + 1e-9), dtype=np.float32)
    # Whole numbers are pixel centres, in the thumbnail and in the reduced picture alike.
    ratio = np.array((columns, rows)) / np.array(size)
    places = (np.array([spot.pt for spot in spots]) + 0.5) * ratio - 0.5 + corner
    return Features(
        places,
        np.log([spot.size * ratio[0] for spot in spots]),
        np.array([spot.angle for spot in spots]),
        roots,
    )


def _around_foot(look: Look) -> tuple[tuple[slice, slice], Points]:
    """Rows and columns of the box around the foot with a margin, and its corner (x, y)."""
    x, y, width, height = cv2.boundingRect(look.skin)
    left, top = max(0, x - _MARGIN_PX), max(0, y - _MARGIN_PX)
    window = slice(top, y + height + _MARGIN_PX), slice(left, x + width + _MARGIN_PX)
    return window, np.array([left, top], dtype=np.float64)


def _telling_skin(look: Look, window: tuple[slice, slice], corner: Points) -> ByteImage:
    """Skin that is there at every visit: without ulcers, card, and the silhouette's own edge.

    Returns:
        uint8, of the window's shape.
    """
    edge = max(1, round(0.004 * max(look.shape)))
    skin = cv2.erode(look.skin[window], _disc(edge))
    lines = tuple(line - corner for line in (*look.outlines, look.hidden) if len(line))
    skin[_within(2 * edge + 0.5, _union(lines, skin.shape))] = 0
    return np.asarray(skin, dtype=np.uint8)
