"""The classes that pixels are sorted into, and how each public data set maps into them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PixelClass:
    """One class: its id in label maps, its name, its colour (sRGB) and what it is."""

    id: int
    name: str
    colour: tuple[int, int, int]
    meaning: str


BACKGROUND = 0
ULCER = 1
ULCER_MASK_VALUE = 255
"""Value of ulcer pixels in mask files (background is 0)."""

MASK_THRESHOLD = 127
"""Published masks carry in-between values at edges: above this is ulcer."""

# Colours from Okabe and Ito's palette for colour-blind readers (jfly.uni-koeln.de/color).
TISSUES: tuple[PixelClass, ...] = (
    PixelClass(1, "granulation", (213, 94, 0), "red, moist, granular bed"),
    PixelClass(2, "slough", (240, 228, 66), "fibrin: yellow to grey, soft"),
    PixelClass(3, "necrosis", (0, 0, 0), "eschar: brown or black, dry or wet"),
    PixelClass(4, "other", (0, 114, 178), "tendon, bone, foreign material, glare"),
)
TISSUE_NAMES: tuple[str, ...] = tuple(tissue.name for tissue in TISSUES)

FUSEG_CLASSES: dict[int, int] = {0: BACKGROUND, 255: ULCER}
MEDETEC_CLASSES: dict[int, int] = {0: BACKGROUND, 1: ULCER}
"""Medetec masks hold 0 and 1, not 0 and 255."""
