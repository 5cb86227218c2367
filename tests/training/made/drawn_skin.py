"""Skin drawn by hand: a grained plane of one tone on a white sheet, a red disc for an ulcer."""

import numpy as np

SKIN, SHEET, BED = (205, 150, 125), (235, 238, 240), (150, 35, 35)
SIDE = 160


def disc(row: float, column: float, radius: float, side: int = SIDE) -> np.ndarray:
    """Bool (side, side)."""
    y, x = np.ogrid[:side, :side]
    return (y - row) ** 2 + (x - column) ** 2 <= radius**2


def leg(tone=SKIN, grain: float = 3.0, side: int = SIDE, seed: int = 0) -> np.ndarray:
    """RGB uint8 (side, side, 3): skin from column 20 to the last 20, a sheet beside it."""
    pixels = np.full((side, side, 3), SHEET, np.float64)
    pixels[:, 20:-20] = tone
    noise = np.random.default_rng(seed).normal(0, grain, (side, side, 1))
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def with_ulcer(mask: np.ndarray, **told) -> np.ndarray:
    """A leg with the bed's colour under the mask."""
    pixels = leg(**told)
    noise = np.random.default_rng(9).normal(0, 3, (*mask.shape, 1))
    bed = np.clip(np.array(BED) + noise, 0, 255).astype(np.uint8)
    return np.where(mask[..., None], bed, pixels)
