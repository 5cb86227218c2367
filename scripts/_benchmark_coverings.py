"""Second visits of feet with an ulcer: healed, covered, or of something else.

Made from photographs and outlines for ``scripts/benchmark zero``. Everything that is drawn is drawn
by a random generator that is given, so that the same seed gives the same photographs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from _benchmark_surfaces import SURFACES
from _benchmark_surfaces import draw as draw_surface
from numpy.typing import NDArray

from woundseg.training.made.painted_out import painted_out

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Field = NDArray[np.float32]
Rng = np.random.Generator

_BEIGE: Final = ((214, 170, 134), (226, 187, 152), (198, 150, 118), (232, 200, 170), (160, 112, 84))
_WHITE: Final = ((236, 235, 230), (225, 226, 228), (240, 236, 224))
_CARD: Final = ((40, 70, 150), (235, 235, 238), (30, 32, 38), (176, 40, 44), (226, 190, 60))


_MARGIN_PX: Final = 8.0
"""What covers an ulcer reaches 4 mm beyond it at least, at about 0.5 mm a pixel."""


@dataclass(frozen=True, eq=False)
class Taken:
    """A photograph with its ulcers.

    Attributes:
        pixels: uint8 RGB (H, W, 3).
        ulcer: bool (H, W).
    """

    pixels: Picture
    ulcer: Mask


@dataclass(frozen=True, eq=False)
class Asked:
    """What a covering is made from.

    Attributes:
        taken: the first visit.
        other: a photograph of another foot, without an ulcer.
    """

    taken: Taken
    other: Picture


Make = Callable[[Asked, Rng], Picture]

# --- healed -------------------------------------------------------------------------------


def healed(taken: Taken, rng: Rng) -> Picture:
    """The ulcers painted out, a third of them with a young scar."""
    return painted_out(taken.pixels, taken.ulcer, rng)


# --- something over the place -------------------------------------------------------------


def skin_plaster(asked: Asked, rng: Rng) -> Picture:
    """A plaster in a skin's colour: of the trade, or near to this very skin."""
    colour = np.array(_BEIGE[rng.integers(len(_BEIGE))], np.float32)
    if rng.random() < 0.5:
        colour = 0.3 * colour + 0.7 * _skin_colour(asked.taken)
    return _plaster(asked.taken, colour, rng)


def white_plaster(asked: Asked, rng: Rng) -> Picture:
    return _plaster(asked.taken, np.array(_WHITE[rng.integers(len(_WHITE))], np.float32), rng)


def small_plaster(asked: Asked, rng: Rng) -> Picture:
    """A plaster that covers only the middle of where the ulcer was."""
    colour = np.array(_BEIGE[rng.integers(len(_BEIGE))], np.float32)
    return _plaster(asked.taken, colour, rng, (0.45, 0.7))


def _plaster(
    taken: Taken, colour: Field, rng: Rng, sizes: tuple[float, float] = (1.25, 1.8)
) -> Picture:
    x, y = _local(taken, rng)
    size = _size(taken, rng, sizes)
    long, wide = size * rng.uniform(1.1, 2.0), size
    corner = wide * rng.uniform(0.2, 0.95)
    shape = _rounded(x, y, long, wide, corner)
    surface = np.ones(taken.ulcer.shape, np.float32) * 1.0
    pad = _soft(_rounded(x, y, 0.55 * long, 0.6 * wide, 2.0).astype(np.float32), 1.5)
    surface += rng.uniform(-0.05, 0.08) * pad
    step = rng.uniform(4, 7)
    dots = (np.mod(x, step) - step / 2) ** 2 + (np.mod(y, step) - step / 2) ** 2 < 1.4
    surface -= rng.choice([0.0, 0.12]) * _soft(dots.astype(np.float32), 0.6) * (1 - pad)
    return _laid(taken, shape, surface, colour, rng)


def gauze(asked: Asked, rng: Rng) -> Picture:
    x, y = _local(asked.taken, rng)
    size = _size(asked.taken, rng, (1.4, 2.2))
    ragged = 1 + 0.12 * _noise(rng, 12.0, asked.taken.ulcer.shape)
    shape = np.maximum(np.abs(x), np.abs(y)) * ragged < size
    step = rng.uniform(3.5, 6.0)
    weave = np.cos(2 * np.pi * x / step) + np.cos(2 * np.pi * y / step)
    surface = 1 + 0.06 * weave + 0.04 * _noise(rng, 10.0, shape.shape)
    colour = np.array(_WHITE[rng.integers(len(_WHITE))], np.float32)
    return _laid(asked.taken, shape, surface, colour, rng)


def bandage(asked: Asked, rng: Rng) -> Picture:
    """A band across the whole foot."""
    x, y = _local(asked.taken, rng)
    shape = np.abs(y) < _size(asked.taken, rng, (1.4, 2.2))
    step = rng.uniform(3.0, 5.0)
    folds = np.abs(np.mod(y + 0.15 * x, rng.uniform(18, 30)) - 9) < 1.2
    surface = 1 + 0.05 * np.cos(2 * np.pi * x / step) - 0.14 * _soft(folds.astype(np.float32), 1.0)
    kinds = (*_WHITE, *_BEIGE)
    colour = np.array(kinds[rng.integers(len(kinds))], np.float32)
    return _laid(asked.taken, shape, surface, colour, rng)


def skin_cloth(asked: Asked, rng: Rng) -> Picture:
    """A patch of cloth in this very skin's colour."""
    x, y = _local(asked.taken, rng)
    size = _size(asked.taken, rng, (1.25, 2.0))
    ragged = 1 + 0.1 * _noise(rng, 8.0, asked.taken.ulcer.shape)
    shape = np.hypot(x, y * rng.uniform(0.8, 1.3)) * ragged < size
    step = rng.uniform(2.5, 5.0)
    weave = np.cos(2 * np.pi * x / step) * np.cos(2 * np.pi * y / step)
    surface = 1 + rng.uniform(0.03, 0.07) * weave + 0.02 * _noise(rng, 1.0, shape.shape)
    colour = _skin_colour(asked.taken) * rng.uniform(0.92, 1.08)
    return _laid(asked.taken, shape, surface, colour.astype(np.float32), rng)


def copied_hard(asked: Asked, rng: Rng) -> Picture:
    """Skin from elsewhere of the same foot over the place, with a sharp edge."""
    return _copied(asked.taken, rng, 0.7)


def copied_soft(asked: Asked, rng: Rng) -> Picture:
    """Skin from elsewhere of the same foot over the place, with an edge that fades."""
    return _copied(asked.taken, rng, rng.uniform(2.0, 4.0))


def _copied(taken: Taken, rng: Rng, fade_px: float) -> Picture:
    x, y = _local(taken, rng)
    reach = _size(taken, rng, (1.2, 1.5))
    shape = np.hypot(x, y) < reach + fade_px
    source = _source(taken, shape, rng)
    moved = np.roll(taken.pixels, source, axis=(0, 1)).astype(np.float32)
    share = _soft(shape.astype(np.float32), fade_px)[..., None]
    return _bytes(taken.pixels * (1 - share) + moved * share)


def _source(taken: Taken, shape: Mask, rng: Rng) -> tuple[int, int]:
    """The shift that brings the most skin-like piece of the foot over the place."""
    skin, wound = _skin(taken), _grown(taken.ulcer, 6)
    goal = _skin_colour(taken)
    rows, columns = np.nonzero(shape)
    best, least = (0, 0), np.inf
    for _ in range(300):
        down, across = (int(rng.integers(-220, 221)) for _ in range(2))
        r, c = rows - down, columns - across
        if min(r.min(), c.min()) < 0 or r.max() >= shape.shape[0] or c.max() >= shape.shape[1]:
            continue
        bare = float(skin[r, c].mean())
        piece = taken.pixels[r, c].astype(np.float32)
        cost = (
            200 * (1 - bare)
            + 2000 * float(wound[r, c].mean())
            + float(np.abs(piece.mean(axis=0) - goal).mean())
        )
        if cost < least:
            best, least = (down, across), cost
    return best


def card_over(asked: Asked, rng: Rng) -> Picture:
    """A card of the purse over the place."""
    x, y = _local(asked.taken, rng)
    size = _size(asked.taken, rng, (1.5, 2.4))
    shape = _rounded(x, y + size * 0.2, 1.6 * size, size, 0.15 * size)
    stripe = (np.abs(y - 0.4 * size) < 0.15 * size).astype(np.float32)
    surface = 1 - 0.5 * stripe * float(rng.random() < 0.6)
    colour = np.array(_CARD[rng.integers(len(_CARD))], np.float32)
    return _laid(asked.taken, shape, surface, colour, rng)


def finger_over(asked: Asked, rng: Rng) -> Picture:
    """A finger or a hand over the place, in the skin of another subject."""
    x, y = _local(asked.taken, rng)
    wide = _size(asked.taken, rng, (1.2, 1.6))
    shape = (np.abs(y) < wide) & (x > -1.4 * wide) & (np.hypot(x + 0.4 * wide, y) < 60 * wide)
    shape &= (x > -0.4 * wide) | (np.hypot(x + 0.4 * wide, y) < wide)
    round_ = np.sqrt(np.clip(1 - (y / (1.02 * wide)) ** 2, 0.05, 1))
    surface = 0.72 + 0.3 * round_ + 0.015 * _noise(rng, 1.5, shape.shape)
    wrinkle = np.abs(np.mod(x, 1.7 * wide) - 0.9 * wide) < 1.0
    surface -= 0.06 * _soft(wrinkle.astype(np.float32), 0.8)
    return _laid(
        asked.taken,
        shape,
        surface.astype(np.float32),
        _skin_colour(Taken(asked.other, np.zeros(asked.other.shape[:2], bool))),
        rng,
    )


def cup_over(asked: Asked, rng: Rng) -> Picture:
    """A cup, a coin or a lid over the place, seen from above."""
    x, y = _local(asked.taken, rng)
    size = _size(asked.taken, rng, (1.3, 2.2))
    away = np.hypot(x, y)
    surface = np.where(away < 0.85 * size, 0.35 + 0.02 * _noise(rng, 4.0, away.shape), 1.0)
    surface = np.where(away < 0.78 * size, surface * rng.uniform(0.6, 1.4), surface)
    colour = np.array(_WHITE[rng.integers(3)] if rng.random() < 0.5 else (120, 74, 44), np.float32)
    return _laid(asked.taken, away < size, surface.astype(np.float32), colour, rng)


def blurred_place(asked: Asked, rng: Rng) -> Picture:
    """Out of focus, or smeared, at the place."""
    where = _spot(asked.taken, rng, 2.2)
    soft = cv2.GaussianBlur(healed(asked.taken, rng), (0, 0), float(rng.uniform(5, 8)))
    return _bytes(asked.taken.pixels * (1 - where) + soft * where)


def dark_place(asked: Asked, rng: Rng) -> Picture:
    """The place in a deep shadow."""
    where = _spot(asked.taken, rng, 2.2)
    shown = healed(asked.taken, rng).astype(np.float32)
    return _bytes(shown * (1 - where * rng.uniform(0.86, 0.94)))


# --- something else -----------------------------------------------------------------------


def other_foot(asked: Asked, rng: Rng) -> Picture:
    """Another subject's foot without an ulcer."""
    return asked.other


def other_place(asked: Asked, rng: Rng) -> Picture:
    """The same foot closer, without the ulcer's place."""
    rows, columns = asked.taken.ulcer.shape
    near = _grown(asked.taken.ulcer, 3)
    skin = _skin(asked.taken)
    best, most = (0, 0, rows, columns), -1.0
    for _ in range(400):
        side = int(rng.integers(int(0.38 * min(rows, columns)), int(0.62 * min(rows, columns))))
        top, left = int(rng.integers(rows - side + 1)), int(rng.integers(columns - side + 1))
        window = slice(top, top + side), slice(left, left + side)
        share = -1.0 if near[window].any() else float(skin[window].mean()) * side
        if share > most:
            best, most = (top, left, side, side), share
    top, left, high, wide = best
    piece = asked.taken.pixels[top : top + high, left : left + wide]
    return np.asarray(cv2.resize(piece, (columns, rows), interpolation=cv2.INTER_CUBIC), np.uint8)


def empty(asked: Asked, rng: Rng) -> Picture:
    """A table, a floor, cloth; no foot."""
    kinds = sorted(SURFACES)
    return draw_surface(kinds[rng.integers(len(kinds))], int(rng.integers(2**31)))


COVERED: Final[dict[str, Make]] = {
    "skin-coloured plaster": skin_plaster,
    "white plaster": white_plaster,
    "gauze": gauze,
    "bandage": bandage,
    "cloth in the skin's colour": skin_cloth,
    "copied skin, sharp edge": copied_hard,
    "copied skin, soft edge": copied_soft,
    "card over the place": card_over,
    "finger over the place": finger_over,
    "cup over the place": cup_over,
    "place blurred": blurred_place,
    "place dark": dark_place,
    "another subject's foot": other_foot,
    "another place of the foot": other_place,
    "no foot at all": empty,
}
BEYOND: Final[dict[str, Make]] = {"plaster smaller than the ulcer was": small_plaster}
"""What the evidence is not made for; it is counted by itself."""

# --- taken again --------------------------------------------------------------------------


def taken_again(pixels: Picture, rng: Rng) -> Picture:
    """Another photograph of what a picture shows: other view, light, focus, noise."""
    rows, columns = pixels.shape[:2]
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    middle = corners.mean(axis=0)
    angle, scale = np.radians(rng.normal(0, 6)), float(np.exp(rng.normal(0, 0.06)))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = rng.normal(0, 0.025, 2) * (columns, rows)
    bend = rng.normal(0, 0.018, (4, 2)) * (columns, rows)
    goal = (corners - middle) @ turn.T + middle + shift + bend
    matrix = cv2.getPerspectiveTransform(corners, goal.astype(np.float32))
    seen = cv2.warpPerspective(
        pixels, matrix, (columns, rows), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    ).astype(np.float32)
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))
    light = 1 + rng.normal(0, 0.06) + rng.normal(0, 0.05) * x + rng.normal(0, 0.05) * y
    seen *= light[..., None] * (1 + rng.normal(0, 0.025, 3))
    seen = cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.3, 0.8)))
    return _bytes(seen + rng.normal(0, rng.uniform(1.0, 3.0), seen.shape))


# --- helpers ------------------------------------------------------------------------------


def _grown(mask: Mask, by: int) -> Mask:
    """A mask enlarged by so many pixels, or made smaller."""
    size = 2 * abs(by) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    change = cv2.dilate if by > 0 else cv2.erode
    return np.asarray(change(mask.astype(np.uint8), disc), bool)


def _largest(mask: Mask) -> Mask:
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.asarray(labels == 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA])))


def _middle(taken: Taken) -> tuple[float, float]:
    x, y, wide, high = cv2.boundingRect(_largest(taken.ulcer).astype(np.uint8))
    return x + wide / 2, y + high / 2


def _reach(taken: Taken) -> float:
    """From the middle of the largest ulcer to its farthest point [px]."""
    rows, columns = np.nonzero(_largest(taken.ulcer))
    x, y = _middle(taken)
    return max(6.0, float(np.hypot(columns - x, rows - y).max()))


def _size(taken: Taken, rng: Rng, sizes: tuple[float, float]) -> float:
    """Half of a covering's size [px], drawn in parts of the ulcer's reach."""
    reach = _reach(taken)
    size = reach * rng.uniform(*sizes)
    return max(size, reach + _MARGIN_PX) if sizes[0] > 1 else size


def _local(taken: Taken, rng: Rng) -> tuple[Field, Field]:
    """Coordinates about the largest ulcer's middle, turned at random."""
    x, y = _middle(taken)
    rows, columns = np.mgrid[: taken.ulcer.shape[0], : taken.ulcer.shape[1]].astype(np.float32)
    angle = rng.uniform(-np.pi, np.pi)
    across = np.cos(angle) * (columns - x) + np.sin(angle) * (rows - y)
    down = -np.sin(angle) * (columns - x) + np.cos(angle) * (rows - y)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _spot(taken: Taken, rng: Rng, reach: float) -> Field:
    x, y = _local(taken, rng)
    inside = (np.hypot(x, y) < reach * _reach(taken)).astype(np.float32)
    return _soft(inside, 0.35 * _reach(taken))[..., None]


def _rounded(x: Field, y: Field, long: float, wide: float, corner: float) -> Mask:
    """A rectangle of half sides ``long`` and ``wide`` with rounded corners."""
    corner = min(corner, wide, long)
    out_x, out_y = np.abs(x) - (long - corner), np.abs(y) - (wide - corner)
    return np.asarray(np.hypot(np.maximum(out_x, 0), np.maximum(out_y, 0)) < corner)


def _laid(taken: Taken, shape: Mask, surface: Field, colour: Field, rng: Rng) -> Picture:
    """A thing laid over the foot, in the foot's light, with its shadow; other ulcers healed."""
    under = healed(taken, rng).astype(np.float32)
    shown = colour * (surface * _light(taken))[..., None]
    shown += _noise(rng, 0.7, shape.shape)[..., None] * 1.5
    shadow = np.roll(shape, (int(rng.integers(1, 4)), int(rng.integers(-2, 3))), axis=(0, 1))
    under *= 1 - rng.uniform(0.1, 0.35) * _soft(shadow.astype(np.float32), 2.0)[..., None]
    share = _soft(shape.astype(np.float32), 0.7)[..., None]
    return _bytes(under * (1 - share) + shown * share)


def _light(taken: Taken) -> Field:
    """How the light falls off over the skin, 1 in the middle."""
    skin = _skin(taken).astype(np.float32)
    grey = cv2.cvtColor(taken.pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    usual = float(np.median(grey[skin > 0])) if skin.any() else 128.0
    light = (_soft(grey * skin, 40.0) + 0.05 * usual) / (_soft(skin, 40.0) + 0.05)
    return np.asarray(np.clip(light / usual, 0.75, 1.15), np.float32)


def _skin(taken: Taken) -> Mask:
    """Skin near the ulcer's colour of surroundings, roughly."""
    lab = cv2.cvtColor(cv2.GaussianBlur(taken.pixels, (0, 0), 2), cv2.COLOR_RGB2LAB).astype(int)
    red, yellow = lab[..., 1] - 128, lab[..., 2] - 128
    skin = (red > 3) & (np.hypot(red, yellow) > 8) & (yellow > -3) & (lab[..., 0] > 40)
    return np.asarray(skin & ~taken.ulcer)


def _skin_colour(taken: Taken) -> Field:
    skin = _skin(taken)
    ring = _grown(taken.ulcer, 22) & ~_grown(taken.ulcer, 8) & skin
    ring = ring if ring.sum() > 50 else skin if skin.any() else np.ones_like(skin)
    return np.asarray(np.median(taken.pixels[ring], axis=0), np.float32)


def _noise(rng: Rng, grain_px: float, shape: tuple[int, ...]) -> Field:
    """Smooth noise of standard deviation 1."""
    soft = _soft(rng.standard_normal(shape[:2]).astype(np.float32), grain_px)
    return np.asarray(soft / (soft.std() + 1e-6), np.float32)


def _soft(values: Field, spread: float) -> Field:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), spread), np.float32)


def _bytes(values: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
