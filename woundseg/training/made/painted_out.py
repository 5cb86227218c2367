"""Ulcers painted out: the place looks as the skin around it does."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from woundseg.datasets.base import BoolMask
from woundseg.datasets.pictures import ByteImage
from woundseg.training.made.skin import FloatImage, carried_on, foot, skin, smoothed

SOURCES = 10
"""Pieces of skin tried for each place; what one cannot cover, the next one does."""
SCARS = 0.35
"""Share of places that get the look of a young scar: paler or pinker than skin, and smoother."""
MOST_CONTRAST = 5.0
"""Of the skin's detail, in its median deviation."""
LEAST_SKIN = 1.0
"""A place is painted out when there is at least this many times its area of skin to take from."""


@dataclass(frozen=True)
class _Scene:
    """A window of a photograph around one place to be painted out.

    Attributes:
        values: float32 (h, w, 3), 0 to 255.
        place: bool (h, w), what is painted over.
        known: bool (h, w), skin to take from.
    """

    values: FloatImage
    place: BoolMask
    known: BoolMask


def rim_px(mask: BoolMask) -> int:
    """How far beyond an ulcer painting goes: its wall and the wet skin beside it go too."""
    return int(np.clip(round(0.3 * math.sqrt(np.count_nonzero(mask))), 4, 28))


def paintable(pixels: ByteImage, mask: BoolMask) -> bool:
    """Whether there is enough skin in view to paint the ulcers of ``mask`` over with."""
    around = cv2.dilate(mask.astype(np.uint8), _disc(rim_px(mask))).astype(bool)
    free = np.count_nonzero(skin(pixels) & ~around)
    return bool(mask.any() and free >= LEAST_SKIN * np.count_nonzero(around))


def painted_out(pixels: ByteImage, mask: BoolMask, rng: Generator) -> ByteImage:
    """A photograph as if its ulcers had healed.

    Colours are carried on from the skin around each ulcer; wrinkles, pores and grain are taken
    from pieces of skin nearby. A third of the places look like young scars. Nothing changes
    further than ``rim_px`` of a part beyond it, and nothing off the foot changes outside the mask.

    Args:
        pixels: uint8 RGB (H, W, 3).
        mask: bool (H, W), the ulcers; any number of parts.
        rng: draws what is taken from where.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        ValueError: no skin is in view to paint with (``paintable`` asks for more than that).
    """
    painted = pixels.copy()
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    free = foot(pixels, mask) & ~mask
    if count > 1 and not free.any():
        raise ValueError("no skin is in view to paint with")
    for part in range(1, count):
        _paint(painted, labels == part, free, rng)
    return painted


def _paint(pixels: ByteImage, part: BoolMask, free: BoolMask, rng: Generator) -> None:
    """Paints one part of a mask over, in place; ``free`` is the foot without its ulcers."""
    rim = rim_px(part)
    around = cv2.dilate(part.astype(np.uint8), _disc(rim)).astype(bool)
    window = _window(around, 2 * rim + round(1.2 * math.sqrt(np.count_nonzero(around))))
    if not (free & ~around)[window].any():
        window = np.s_[:, :]
    scene = _Scene(
        values=pixels[window].astype(np.float32),
        place=(part | (around & free))[window],
        known=(free & ~around)[window],
    )
    if not scene.known.any():
        scene = _Scene(scene.values, part[window], free[window])
    filled = _base(scene) + _detail(scene, rng)
    if rng.random() < SCARS:
        filled = _scarred(filled, part[window], rim, rng)
    inside = cv2.distanceTransform(np.pad(scene.place.astype(np.uint8), 1), cv2.DIST_L2, 3)
    alpha = np.clip(inside[1:-1, 1:-1] / max(2.0, 0.6 * rim), 0, 1)
    alpha = np.where(part[window], 1.0, alpha)[..., None] * scene.place[..., None]
    blended = scene.values + (filled - scene.values) * alpha
    pixels[window] = np.clip(np.rint(blended), 0, 255).astype(np.uint8)


def _base(scene: _Scene) -> FloatImage:
    """Colour and shade without detail: skin smoothed, and carried on over the place."""
    sd = _detail_sd(scene.place)
    return carried_on(smoothed(scene.values, scene.known, sd), scene.known)


def _detail(scene: _Scene, rng: Generator) -> FloatImage:
    """What skin has beside colour and shade, for each pixel of the place, from skin nearby.

    The place is laid, moved and mirrored, over the window so that as much of it as can be lies on
    skin that is known; what is still open is tried again with another move.
    """
    residual = scene.values - smoothed(scene.values, scene.known, _detail_sd(scene.place))
    most = MOST_CONTRAST * float(np.median(np.abs(residual[scene.known]))) + 1.0
    residual = np.clip(residual, -most, most)  # creases and glare would end in mid-air
    found = np.zeros_like(scene.values)
    rows, columns = np.nonzero(scene.place)
    for _ in range(3):
        if rows.size == 0:
            break
        y, x = _best_move(scene.known, rows, columns, rng)
        hit = _inside(scene.known, y, x)
        found[rows[hit], columns[hit]] = residual[y[hit], x[hit]]
        rows, columns = rows[~hit], columns[~hit]
    if rows.size:  # from anywhere: grain alone, without form
        at = np.argwhere(scene.known)
        y, x = at[rng.integers(len(at), size=rows.size)].T
        found[rows, columns] = residual[y, x]
    return found


def _best_move(
    known: BoolMask, rows: np.ndarray, columns: np.ndarray, rng: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels (rows, columns) come to lie under the best of ``SOURCES`` moves."""
    at = np.argwhere(known)
    middle = rows.mean(), columns.mean()
    step = max(1, rows.size // 400)
    best, most = (rows, columns), -1.0
    for target in at[rng.integers(len(at), size=SOURCES)]:
        across, down = rng.choice([-1, 1], size=2)
        y = np.rint(target[0] + down * (rows - middle[0])).astype(np.intp)
        x = np.rint(target[1] + across * (columns - middle[1])).astype(np.intp)
        share = float(_inside(known, y[::step], x[::step]).mean())
        if share > most:
            best, most = (y, x), share
    return best


def _inside(known: BoolMask, y: np.ndarray, x: np.ndarray) -> BoolMask:
    height, width = known.shape
    framed = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    hit: BoolMask = framed & known[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    return hit


def _scarred(filled: FloatImage, part: BoolMask, rim: int, rng: Generator) -> FloatImage:
    """The place paler or pinker, and smoother, as a wound that closed not long ago."""
    soft = cv2.GaussianBlur(part.astype(np.float32), (0, 0), max(1.5, 0.4 * rim))[..., None]
    pink = rng.uniform(0.0, 1.0)
    tint = np.array([8 + 14 * pink, 10 - 16 * pink, 9 - 10 * pink], np.float32)
    smooth = cv2.GaussianBlur(filled, (0, 0), 1.2)
    share = rng.uniform(0.3, 0.7)
    return np.asarray(filled + soft * (share * (smooth - filled) + rng.uniform(0.5, 1.5) * tint))


def _detail_sd(place: BoolMask) -> float:
    return float(np.clip(0.15 * math.sqrt(np.count_nonzero(place)), 3.0, 9.0))


def _window(place: BoolMask, margin: int) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(place.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
