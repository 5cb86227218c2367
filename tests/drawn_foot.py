"""A foot drawn with skin that can be found again, and what matching sees of it."""

from math import cos, pi, radians, sin

import cv2
import numpy as np

from woundseg.match import Look
from woundseg.match.look import filled
from woundseg.match.mapping import moved, scale_and_turn
from woundseg.match.places import area_px

SHAPE = (400, 480)
CLOTH = (84, 120, 168)
MM_PER_PX = 0.5


def circle(x, y, radius, count=60):
    angle = np.arange(count) * 2 * pi / count
    return np.c_[x + radius * np.cos(angle), y + radius * np.sin(angle)]


def box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def foot(seed=1):
    """uint8 (400, 480, 3): skin with spots of many sizes, about 340 by 260 px, on blue cloth."""
    rng = np.random.default_rng(seed)
    grain = np.zeros(SHAPE)
    for sigma in (1.5, 3.0, 6.0):
        noise = cv2.GaussianBlur(rng.standard_normal(SHAPE), (0, 0), sigma)
        grain += noise / noise.std()
    skin = np.array((196, 148, 124)) * (1 + 0.06 * grain[..., None])
    on_foot = filled(np.array([240, 200]) + circle(0, 0, 1) * (170, 130), SHAPE) > 0
    picture = np.where(on_foot[..., None], skin, CLOTH)
    return np.clip(picture, 0, 255).astype(np.uint8)


def turned(scale=1.0, turn_deg=0.0, shift=(0.0, 0.0), about=(240, 200)):
    """A similarity (3, 3) about a point."""
    c, s = scale * cos(radians(turn_deg)), scale * sin(radians(turn_deg))
    x, y = about
    move = np.array([x + shift[0] - c * x + s * y, y + shift[1] - s * x - c * y])
    return np.array([[c, -s, move[0]], [s, c, move[1]], [0, 0, 1]])


def look(picture, ulcers=(), where=None, card=None, **more):
    """A look at a foot with ulcers (outlines on the foot), through a map, with a card on top."""
    picture = picture.copy()
    for line in ulcers:
        inside = filled(line, SHAPE) > 0
        picture[inside] = (130, 40, 44)
    where = turned() if where is None else where
    seen = cv2.warpPerspective(picture, where, SHAPE[::-1], borderValue=CLOTH)
    if card is not None:
        seen[filled(card, SHAPE) > 0] = (240, 240, 240)
    outlines = tuple(moved(where, line) for line in ulcers)
    sizes = tuple(area_px(line) for line in outlines)
    scale = scale_and_turn(where, np.array([240.0, 200.0]))[0]
    facts = {
        "mm_per_px": MM_PER_PX / scale,
        "areas_px": sizes,
        "areas_cm2": tuple(size * (MM_PER_PX / scale) ** 2 / 100 for size in sizes),
        "hidden": np.zeros((0, 2)) if card is None else card,
    }
    return Look(seen, outlines, **{**facts, **more})
