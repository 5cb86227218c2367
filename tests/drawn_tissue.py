"""A drawn FUSeg with DFUTissue crops cut from it, and an engine that tells tissues by colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from datasets import toy

from woundseg.classes import BACKGROUND, CALLUS, GRANULATION, NECROSIS, SLOUGH, TISSUE_CHANNELS

RED, YELLOW, BLACK = (176, 52, 50), (214, 190, 120), (32, 29, 27)
HARD, SKIN = (150, 170, 60), (205, 160, 140)
COLOURS = {BACKGROUND: SKIN, GRANULATION: RED, SLOUGH: YELLOW, NECROSIS: BLACK, CALLUS: HARD}
"""Of each class that the tissue network knows; ``HARD`` is greener than callus is."""

SIDE = 128
CENTRE, RADIUS = (64, 60), 24
"""Of each photograph's ulcer [px]."""
BOX, REDUCED = (28, 24, 72), 1.2
"""x, y and side of a crop in its photograph, and how much smaller it is: 60 px a side."""
SMALL_ULCER = (110, 16, 6)
"""x, y and radius of photograph 0104's second one."""

PHOTOGRAPHS = {
    "0101": ("0101", 0),
    "0102": ("0102", 1),
    "0103": ("0103", 1),
    "0104": ("0104", 1),
    "0105": ("0105", 0),
    "0106": ("0111", 1),
    "0111": ("0111", 1),
}
"""Group and fold. 0111 was judged by eye (configs/tissue/judged.csv); 0106 is its copy."""
CROPS = ("0100", "0101", "0102", "0105")
"""Of the photographs numbered one more."""


def quarters(side: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    """Ids of classes, uint8 (side, side): a bed in a ring of callus, a sixth of its radius wide.

    The right half is granulation, of the left one slough above and necrosis below.
    """
    down, across = np.mgrid[:side, :side] + 0.5
    away = np.hypot(across - centre[0], down - centre[1])
    left, above = across < centre[0], down < centre[1]
    bed = np.where(~left, GRANULATION, np.where(above, SLOUGH, NECROSIS))
    ring = np.where(away < radius * 7 / 6, CALLUS, BACKGROUND)
    return np.where(away < radius, bed, ring).astype(np.uint8)


def painted(tissue: np.ndarray) -> np.ndarray:
    """Ids of classes (H, W) in their colours, RGB uint8 (H, W, 3)."""
    table = np.zeros((256, 3), np.uint8)
    for each, colour in COLOURS.items():
        table[each] = colour
    return table[tissue]


def ulcer(stem: str) -> np.ndarray:
    """The ulcers of a photograph of the drawn set, bool (SIDE, SIDE)."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[np.isin(quarters(SIDE, CENTRE, RADIUS), (GRANULATION, SLOUGH, NECROSIS))] = 1
    if stem == "0104":
        x, y, radius = SMALL_ULCER
        cv2.circle(mask, (x, y), radius, 1, -1)
    return mask > 0


def photograph(stem: str) -> np.ndarray:
    """RGB uint8 (SIDE, SIDE, 3); no two photographs have one texture."""
    pixels = painted(quarters(SIDE, CENTRE, RADIUS)).astype(np.float32)
    if stem == "0104":
        x, y, radius = SMALL_ULCER
        cv2.circle(pixels, (x, y), radius, RED, -1)
    chance = np.random.default_rng(int(stem))
    texture = np.zeros((SIDE, SIDE), np.float32)
    for cells, weight in ((5, 0.1), (16, 0.06), (40, 0.03)):
        coarse = chance.normal(size=(cells, cells)).astype(np.float32)
        texture += weight * cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.clip(pixels * (1 + texture[..., None]), 20, 255).astype(np.uint8)


def crop(stem: str) -> tuple[np.ndarray, np.ndarray]:
    """The crop cut from photograph ``stem`` + 1, and its label map in the values of DFUTissue.

    Necrosis and skin have no label, as in the published maps.
    """
    x, y, side = BOX
    piece = photograph(f"{int(stem) + 1:04d}")[y : y + side, x : x + side]
    small = round(side / REDUCED)
    centre = ((CENTRE[0] - x) / REDUCED, (CENTRE[1] - y) / REDUCED)
    tissue = quarters(small, centre, RADIUS / REDUCED)
    values = np.zeros_like(tissue)
    for each, value in (
        (SLOUGH, toy.FIBRIN),
        (GRANULATION, toy.GRANULATION),
        (CALLUS, toy.CALLUS),
    ):
        values[tissue == each] = value
    return cv2.resize(piece, (small, small), interpolation=cv2.INTER_AREA), values


def draw(root: Path) -> Path:
    """Writes ``root/fuseg`` and ``root/dfutissue`` in the published layouts."""
    for stem in PHOTOGRAPHS:
        toy.save(root / "fuseg" / "train" / "images" / f"{stem}.png", photograph(stem))
        grey = ulcer(stem).astype(np.uint8) * 255
        toy.save(root / "fuseg" / "train" / "labels" / f"{stem}.png", np.dstack([grey] * 3))
    rows = [f"{stem},{group},{fold}" for stem, (group, fold) in PHOTOGRAPHS.items()]
    (root / "fuseg" / "folds.csv").write_text("\n".join(["image,group,fold", *rows]) + "\n")
    original = root / "dfutissue" / "Labeled" / "Original"
    for stem in CROPS:
        pixels, values = crop(stem)
        toy.save(original / "Images" / "TrainVal" / f"{stem}.png", pixels)
        toy.save(original / "Annotations" / "TrainVal" / f"{stem}.png", values)
    return root


class ByColour:
    """An engine that gives the class of the nearest colour ``sure``, the others the rest."""

    device, precision = "cpu", "fp32"

    def __init__(self, sure: float = 0.8) -> None:
        self.facts = {"name": "by colour", "version": "0", "fraction_sd": "0.5"}
        self.shown: list[np.ndarray] = []
        self._sure = sure

    def __call__(self, photos: np.ndarray) -> np.ndarray:
        """Probabilities (N, channels, H, W)."""
        self.shown += list(photos)
        known = np.array([COLOURS[each] for each in TISSUE_CHANNELS], np.float32)
        away = ((photos[:, None].astype(np.float32) - known[None, :, None, None]) ** 2).sum(-1)
        nearest = away == away.min(axis=1, keepdims=True)
        rest = (1 - self._sure) / (len(known) - 1)
        return np.where(nearest, self._sure, rest).astype(np.float32)
