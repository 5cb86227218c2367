"""Surfaces that are not skin but share its colours: wood, fur, cloth, carpet, brick.

Drawn from seeds for ``scripts/benchmark quality``, 480 × 640 px, in hues of skin, two at least.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Field = NDArray[np.float32]

HEIGHT, WIDTH = 480, 640
_FULL: Final = (HEIGHT, WIDTH)


def draw(kind: str, seed: int) -> Picture:
    """A photograph of one surface, uint8 RGB: its light, focus, noise and JPEG drawn too."""
    rng = np.random.default_rng((seed, sorted(SURFACES).index(kind)))
    return _taken(rng, SURFACES[kind](rng))


def _noise(rng: np.random.Generator, across: float, down: float, shape: tuple[int, int]) -> Field:
    """Smooth noise, standard deviation 1, grain of the given widths in px."""
    white = rng.standard_normal(shape).astype(np.float32)
    soft = cv2.GaussianBlur(white, (0, 0), sigmaX=max(across, 0.3), sigmaY=max(down, 0.3))
    return np.asarray((soft - soft.mean()) / (soft.std() + 1e-6), np.float32)


def _turned(field: Field, rng: np.random.Generator, bend_px: float, angle: float) -> Field:
    """Turned by ``angle`` [rad] and bent; ``field`` is square, and larger than the picture."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    middle = (field.shape[0] - 1) / 2
    bends = [_noise(rng, 90, 90, _FULL) * bend_px for _ in range(2)]
    x = columns - WIDTH / 2 + bends[0]
    y = rows - HEIGHT / 2 + bends[1]
    across = np.cos(angle) * x - np.sin(angle) * y + middle
    down = np.sin(angle) * x + np.cos(angle) * y + middle
    turned = cv2.remap(
        field,
        across.astype(np.float32),
        down.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.asarray(turned, np.float32)


def _tone(rng: np.random.Generator) -> NDArray[np.float64]:
    """A colour of skin, CIELAB: lightness, chroma and hue anywhere in its range."""
    hue, chroma = np.radians(rng.uniform(25, 68)), rng.uniform(11, 34)
    return np.array([rng.uniform(22, 78), chroma * np.cos(hue), chroma * np.sin(hue)])


def _second(rng: np.random.Generator, tone: NDArray[np.float64], lighter: float) -> Field:
    """A relative of a colour: another hue by 5 to 16°, lighter or darker by up to ``lighter``."""
    turn = np.radians(rng.choice([-1, 1]) * rng.uniform(5, 16))
    a, b = tone[1], tone[2]
    grown = rng.uniform(0.75, 1.3)
    return np.array(
        [
            tone[0] + rng.uniform(-lighter, lighter),
            grown * (np.cos(turn) * a - np.sin(turn) * b),
            grown * (np.sin(turn) * a + np.cos(turn) * b),
        ],
        np.float32,
    )


def _mixed(first: NDArray[np.float64], second: Field, share: Field) -> Field:
    """CIELAB (H, W, 3) between two colours."""
    part = np.clip(share, 0, 1)[..., None]
    return np.asarray(first.astype(np.float32) * (1 - part) + second * part, np.float32)


def _taken(rng: np.random.Generator, lab: Field) -> Picture:
    """From CIELAB to a photograph."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    ramp = (np.cos(angle) * (columns / WIDTH - 0.5) + np.sin(angle) * (rows / HEIGHT - 0.5)) * 2
    lab = lab.copy()
    lab[..., 0] = np.clip(lab[..., 0] * (1 + rng.uniform(0, 0.25) * ramp), 2, 98)
    picture = np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1) * 255
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 1.3))
    picture = picture + rng.normal(0, rng.uniform(1, 5), picture.shape)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 95))]
    coded = cv2.imencode(".jpg", np.clip(picture, 0, 255).astype(np.uint8), quality)[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def wood(rng: np.random.Generator) -> Field:
    """Planks: growth rings cut lengthwise, pores along the grain, a knot here and there."""
    side = 900
    down = np.mgrid[:side, :side][0].astype(np.float32)
    plank = rng.uniform(70, 260)
    number = (down // plank).astype(int)
    offset = rng.uniform(0, 60, number.max() + 1).astype(np.float32)[number]
    sway = _noise(rng, 160, 18, (side, side)) * rng.uniform(2, 9)
    rings = (down + offset + sway) / rng.uniform(7, 26)
    for _ in range(int(rng.integers(0, 5))):
        x, y, reach = rng.uniform(0, side), rng.uniform(0, side), rng.uniform(14, 40)
        rows, columns = np.mgrid[:side, :side].astype(np.float32)
        away = np.hypot((columns - x) / 2.2, rows - y) / reach
        rings += np.exp(-(away**2)) * rng.uniform(2, 5)
    grain = 0.5 + 0.5 * np.sin(2 * np.pi * (rings - np.floor(rings)) ** rng.uniform(0.6, 1.6))
    pores = _noise(rng, 22, 0.6, (side, side))
    shade = rng.normal(0, 0.18, number.max() + 1).astype(np.float32)[number]
    share = 0.15 + rng.uniform(0.3, 0.7) * grain + 0.12 * pores + shade
    share[(down % plank) < rng.uniform(0, 3)] = 1.6
    tone = _tone(rng)
    dark = _second(rng, tone, 4) - np.array([rng.uniform(10, 26), 0, 0], np.float32)
    angle = float(rng.choice([0, np.pi / 2])) + rng.normal(0, 0.15)
    turned = _turned(share.astype(np.float32), rng, 0.0, angle)
    lab = _mixed(tone, dark, turned)
    lab[..., 0] -= 14 * np.clip(turned - 1, 0, 1)
    if rng.random() < 0.7:  # planks of several trees, or stained unevenly
        stains = rng.uniform(0, 1, number.max() + 1)[number] + 0.25 * _noise(
            rng, 90, 30, sway.shape
        )
        stained = _turned(stains.astype(np.float32), rng, 0.0, angle)[..., None]
        lab += stained * (_second(rng, tone, 8) - tone.astype(np.float32))
    return lab


def fur(rng: np.random.Generator) -> Field:
    """Hair along a bent flow, in tufts, lighter at the tips; patches of another colour."""
    side = 900
    hair = _noise(rng, rng.uniform(9, 22), rng.uniform(0.7, 1.5), (side, side))
    tufts = _noise(rng, rng.uniform(25, 60), rng.uniform(5, 14), (side, side))
    angle, bend = float(rng.uniform(0, np.pi)), float(rng.uniform(10, 45))
    flow = _turned(hair + rng.uniform(0.5, 1.2) * tufts, rng, bend, angle)
    patches = _noise(rng, 70, 70, _FULL)
    tone = _tone(rng)
    lab = _mixed(tone, _second(rng, tone, 18), 0.5 + 0.5 * patches)
    lab[..., 0] += rng.uniform(3, 9) * flow
    return lab


def cloth(rng: np.random.Generator) -> Field:
    """Woven threads in stripes or checks of two dyes, with folds."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    drape = _noise(rng, 60, 60, _FULL) * rng.uniform(0, 10)
    pitch = rng.uniform(3, 9)
    weave = np.sin(np.pi * (columns + drape) / pitch) * np.sin(np.pi * (rows + drape) / pitch)
    band = rng.uniform(12, 70)
    across = np.sin(2 * np.pi * (columns + drape) / band) > rng.uniform(-0.5, 0.5)
    along = np.sin(2 * np.pi * (rows + drape) / band) > rng.uniform(-0.5, 0.5)
    dye = across if rng.random() < 0.5 else (across.astype(float) + along) / 2
    tone = _tone(rng)
    lab = _mixed(tone, _second(rng, tone, 14), np.asarray(dye, np.float32))
    folds = _turned(_noise(rng, 110, rng.uniform(14, 40), (900, 900)), rng, 20, rng.uniform(0, 3))
    threads = _noise(rng, 5, 0.7, _FULL) + _noise(rng, 0.7, 5, _FULL)
    lab[..., 0] += (
        rng.uniform(1, 6) * weave + rng.uniform(0.5, 2) * threads + rng.uniform(0, 7) * folds
    )
    return lab


def carpet(rng: np.random.Generator) -> Field:
    """Pile in loops, with an ornament that repeats."""
    loops = _noise(rng, rng.uniform(1.2, 3), rng.uniform(1.2, 3), _FULL)
    motif = _noise(rng, 6, 6, (int(rng.integers(60, 160)), int(rng.integers(60, 160))))
    motif = np.hstack([motif, motif[:, ::-1]])
    motif = np.vstack([motif, motif[::-1]])
    times = HEIGHT // motif.shape[0] + 1, WIDTH // motif.shape[1] + 1
    pattern = np.tile(motif, times)[:HEIGHT, :WIDTH]
    plain = rng.random() < 0.3
    share = 0.3 * loops + 0.5 if plain else (pattern > rng.uniform(-0.5, 0.5)) + 0.15 * loops
    tone = _tone(rng)
    lab = _mixed(tone, _second(rng, tone, 16), np.asarray(share, np.float32))
    lab[..., 0] += rng.uniform(2, 7) * loops
    return lab


def brick(rng: np.random.Generator) -> Field:
    """Courses of bricks, each fired to a colour of its own, in grey mortar."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    high = rng.uniform(22, 90)
    wide, joint = high * rng.uniform(2, 3.2), high * rng.uniform(0.08, 0.18)
    course = (rows // high).astype(int)
    shifted = columns + (course % 2) * wide / 2
    number = (shifted // wide).astype(int)
    fired = rng.uniform(0, 1, (course.max() + 1, number.max() + 1)).astype(np.float32)
    rough = _noise(rng, 3, 3, _FULL)
    tone = _tone(rng)
    lab = _mixed(tone, _second(rng, tone, 14), fired[course, number] + 0.15 * rough)
    gap = (rows % high < joint) | (shifted % wide < joint)
    mortar = np.array([rng.uniform(45, 80), 1, 4], np.float32)
    lab = np.where(gap[..., None], mortar, lab)
    lab[..., 0] += rng.uniform(1.5, 5) * rough
    return np.asarray(lab, np.float32)


SURFACES: Final[dict[str, Callable[[np.random.Generator], Field]]] = {
    "wood": wood,
    "fur": fur,
    "cloth": cloth,
    "carpet": carpet,
    "brick": brick,
}
