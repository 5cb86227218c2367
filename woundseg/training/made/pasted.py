"""Ulcers cut out with a rim of skin, and set into other skin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from woundseg.datasets.base import BoolMask
from woundseg.datasets.pictures import ByteImage
from woundseg.training.made.skin import (
    FloatImage,
    FloatMap,
    carried_on,
    foot,
    grain,
    skin,
    smoothed,
)

SMALLEST_PX, LARGEST_SHARE = 60, 0.12
"""Ulcers that are cut out: area in pixels, and the most of the frame."""
SIZE_SHARE = (0.025, 0.28)
"""Width of a pasted ulcer over the long side of the photograph, drawn evenly in its logarithm."""
SCALE = (0.4, 1.6)
"""Enlarged further, a cutting would be softer than the skin that it is set into."""
GAIN = (0.3, 2.5)
LIGHT, TINT = 0.8, 0.5
"""How far the bed follows the skin's change of light and of tint, as powers. On dark skin a bed is
not as much darker as the skin is, and slough on pale skin is not green."""
WHOLE_RIM = 0.9
"""Share of the ring around an ulcer that has to be skin: at the edge of a foot there is no rim."""
TRIES = 6


@dataclass(frozen=True)
class Cutting:
    """An ulcer with a rim of skin.

    Attributes:
        values: float32 (h, w, 3), 0 to 255.
        ulcer: float32 (h, w), 1 on the ulcer.
        known: float32 (h, w), 1 on what may be pasted: the ulcer and skin around it.
        sound: whether the ulcer has been painted out: what is pasted is skin, and no ulcer.
    """

    values: FloatImage
    ulcer: FloatMap
    known: FloatMap
    sound: bool = False


@dataclass(frozen=True)
class _Patch:
    """A cutting turned and scaled; its middle is the ulcer's. Arrays as in ``Cutting``."""

    values: FloatImage
    ulcer: BoolMask
    known: BoolMask
    scale: float
    sound: bool


def cuttings(pixels: ByteImage, mask: BoolMask, sound: ByteImage | None = None) -> list[Cutting]:
    """The ulcers of a photograph that can be set into other skin.

    Args:
        pixels: uint8 RGB (H, W, 3).
        mask: bool (H, W).
        sound: the same photograph with its ulcers painted out, to be cut at the same places;
            None cuts the ulcers.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    whole = foot(pixels, mask)
    found: list[Cutting] = []
    for part in range(1, count):
        x, y, width, height, area = (int(value) for value in boxes[part])
        if not SMALLEST_PX <= area <= LARGEST_SHARE * mask.size:
            continue
        margin = round(1.0 * math.sqrt(area)) + 6
        window = np.s_[
            max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin
        ]
        ulcer = labels[window] == part
        known = (whole & ~mask)[window] | ulcer
        if not _has_rim(ulcer, known):
            continue
        source = pixels if sound is None else sound
        found.append(
            Cutting(
                values=source[window].astype(np.float32),
                ulcer=ulcer.astype(np.float32),
                known=known.astype(np.float32),
                sound=sound is not None,
            )
        )
    return found


def _has_rim(ulcer: BoolMask, known: BoolMask) -> bool:
    area = np.count_nonzero(ulcer)
    reach = max(3, round(0.2 * math.sqrt(area)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    ring = cv2.dilate(ulcer.astype(np.uint8), disc).astype(bool) & ~ulcer
    whole = np.count_nonzero(known & ring) >= WHOLE_RIM * np.count_nonzero(ring)
    return whole and np.count_nonzero(known & ~ulcer) >= area


def pasted(
    pixels: ByteImage, mask: BoolMask, cutting: Cutting, rng: Generator
) -> tuple[ByteImage, BoolMask] | None:
    """A photograph with the cutting set into its skin, and its mask.

    The cutting is turned, mirrored and scaled. Its colours follow the skin at the new place: each
    pixel is multiplied by the skin there over the cutting's own skin, both smooth. Its rim fades
    out, and its grain is raised to the skin's where it has less.

    Args:
        pixels: uint8 RGB (H, W, 3).
        mask: bool (H, W), ulcers that are there already; they are not covered.
        cutting: of another photograph, or of another place.
        rng: draws size, position and rim.

    Returns:
        Photograph and mask, new arrays: the mask has the ulcer's pixels and no more, and outside
        the rim nothing changes. None where no place is large enough.
    """
    patch = _turned(cutting, max(pixels.shape[:2]), rng)
    if patch is None:
        return None
    free = skin(pixels) & ~cv2.dilate(mask.astype(np.uint8), np.ones((9, 9))).astype(bool)
    corner = _place(free, patch.ulcer, rng)
    if corner is None:
        return None
    (top, left), (height, width) = corner, patch.ulcer.shape
    y0, x0 = max(0, top), max(0, left)
    y1, x1 = min(mask.shape[0], top + height), min(mask.shape[1], left + width)
    here = np.s_[y0:y1, x0:x1]
    there = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    edge = cv2.blur(cv2.erode(free.astype(np.float32), np.ones((3, 3))), (3, 3))[here]
    alpha = np.where(patch.ulcer[there], 1.0, _fading(patch, rng)[there] * edge)[..., None]
    under = pixels[here].astype(np.float32)
    lit = _lit(patch, there, under, free[here])
    lit = lit + _missing_grain(lit, patch.known[there], under, free[here], rng)
    made, label = pixels.copy(), mask.copy()
    blended = under + alpha * (lit - under)
    made[here] = np.clip(np.rint(blended), 0, 255).astype(np.uint8)
    if not patch.sound:
        label[here] |= patch.ulcer[there]
    return made, label


def _turned(cutting: Cutting, long_side: int, rng: Generator) -> _Patch | None:
    """The cutting at a drawn size and angle; None where that is too small or too large."""
    width = math.sqrt(float(cutting.ulcer.sum()))
    wanted = long_side * math.exp(rng.uniform(*np.log(SIZE_SHARE)))
    scale = float(np.clip(wanted / width, *SCALE))
    angle = rng.uniform(0, 360)
    mirror = rng.random() < 0.5
    rows, columns = np.nonzero(cutting.ulcer)
    middle = float(columns.mean()), float(rows.mean())
    side = math.ceil(math.hypot(*cutting.ulcer.shape) * scale)
    if side < 8 or side > 2 * long_side:
        return None
    turn = np.asarray(cv2.getRotationMatrix2D(middle, angle, scale), np.float64)
    turn[:, 2] += side / 2 - np.array(middle)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC

    def warped(values: FloatImage) -> FloatImage:
        made = cv2.warpAffine(values, turn, (side, side), flags=how)
        return np.asarray(made[:, ::-1] if mirror else made, np.float32)

    values = cutting.values
    if scale < 0.8:  # warping reads single pixels: blurred first, as a lens at a distance would
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), 0.4 / scale), np.float32)
    known = warped(cutting.known) > 0.95
    ulcer = (warped(cutting.ulcer) > 0.5) & known
    if not ulcer.any():
        return None
    return _Patch(warped(values), ulcer, known, scale, cutting.sound)


def _place(free: BoolMask, ulcer: BoolMask, rng: Generator) -> tuple[int, int] | None:
    """Row and column of the patch's corner with the whole ulcer on free skin; None: nowhere."""
    within = cv2.distanceTransform(np.pad(free.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    radius = 0.45 * math.sqrt(np.count_nonzero(ulcer))
    middles = np.argwhere(within > radius)
    if len(middles) == 0:
        return None
    rows, columns = np.nonzero(ulcer)
    height, width = free.shape
    for row, column in middles[rng.integers(len(middles), size=TRIES)]:
        top, left = int(row) - ulcer.shape[0] // 2, int(column) - ulcer.shape[1] // 2
        y, x = rows + top, columns + left
        if y.min() < 0 or x.min() < 0 or y.max() >= height or x.max() >= width:
            continue
        if free[y, x].all():
            return top, left
    return None


def _fading(patch: _Patch, rng: Generator) -> FloatMap:
    """How much of the patch is seen: 1 on the ulcer and close to it, 0 beyond an uneven rim."""
    outside = (~patch.ulcer).astype(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, 3)
    rim = rng.uniform(0.25, 0.7) * math.sqrt(np.count_nonzero(patch.ulcer)) + 3
    noise = rng.normal(size=(6, 6)).astype(np.float32)
    uneven = cv2.resize(noise, distance.shape[::-1], interpolation=cv2.INTER_CUBIC)
    t = np.clip((distance / rim + 0.15 * uneven - 0.25) / 0.75, 0, 1)
    faded = 1 - t * t * (3 - 2 * t)
    edge = np.pad(patch.known, 1).astype(np.uint8)[1:-1, 1:-1]
    edge[[0, -1]] = edge[:, [0, -1]] = 0
    faded *= np.clip(cv2.distanceTransform(edge, cv2.DIST_L2, 3) / 5, 0, 1)
    return np.where(patch.ulcer, 1.0, faded).astype(np.float32)


def _lit(
    patch: _Patch, there: tuple[slice, slice], under: FloatImage, free: BoolMask
) -> FloatImage:
    """The patch in the light and the tone of the skin under it."""
    size = math.sqrt(np.count_nonzero(patch.ulcer))
    sd = max(2.0, 0.25 * size)
    around = patch.known & ~cv2.dilate(patch.ulcer.astype(np.uint8), np.ones((5, 5))).astype(bool)
    if not around.any():
        around = patch.known
    own = carried_on(smoothed(patch.values, around, sd), around)[there]
    theirs = carried_on(smoothed(under, free, 1.5 * sd), free)
    gain = np.clip((theirs + 6) / (own + 6), *GAIN)
    soft = cv2.GaussianBlur(patch.ulcer[there].astype(np.float32), (0, 0), 0.15 * size + 0.5)
    bed = soft[..., None]
    light = np.exp(np.log(gain).mean(axis=2, keepdims=True))
    followed = light ** (1 - (1 - LIGHT) * bed) * (gain / light) ** (1 - (1 - TINT) * bed)
    return np.asarray(patch.values[there] * followed, np.float32)


def _missing_grain(
    lit: FloatImage, known: BoolMask, under: FloatImage, free: BoolMask, rng: Generator
) -> FloatImage:
    """Noise that raises the patch's grain to that of the skin; none where it has enough."""
    missing = grain(under, free) ** 2 - grain(lit, known) ** 2
    if missing <= 0.25:
        return np.zeros_like(lit)
    noise = rng.normal(0, math.sqrt(missing), lit.shape[:2]).astype(np.float32)
    return np.repeat(noise[..., None], 3, axis=2)
