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
GRANULATION, SLOUGH, NECROSIS, OTHER = (tissue.id for tissue in TISSUES)

CALLUS = 5
LABELLED_TISSUES: tuple[PixelClass, ...] = (
    *TISSUES,
    PixelClass(CALLUS, "callus", (0, 158, 115), "hard skin around the ulcer"),
)
"""All that labels tell apart. An ulcer's bed is made of ``TISSUES`` alone: callus never counts."""

TISSUE_CHANNELS = (BACKGROUND, GRANULATION, SLOUGH, NECROSIS, CALLUS)
"""What the tissue network tells apart, in the order of its outputs. No labels in reach show what
``OTHER`` stands for: it is what the network cannot call."""

UNLABELLED = 255
"""In label maps of tissue: nobody said what this pixel is. Neither background nor a tissue."""

FUSEG_CLASSES: dict[int, int] = {0: BACKGROUND, 255: ULCER}
MEDETEC_CLASSES: dict[int, int] = {0: BACKGROUND, 1: ULCER}
"""Medetec masks hold 0 and 1, not 0 and 255."""

DFUTISSUE_CLASSES: dict[int, int] = {0: UNLABELLED, 1: SLOUGH, 2: GRANULATION, 3: CALLUS}
"""DFUTissue leaves skin, background and all tissues but three at 0, necrosis and eschar too."""

WOUNDTISSUE_CLASSES: dict[str, int] = {
    "background": BACKGROUND,
    "granulation": GRANULATION,
    "slough": SLOUGH,
    "maceration": BACKGROUND,  # skin made white and soft by wet: beside the bed, not of it
    "necrosis": NECROSIS,
    "tendon": OTHER,
    "bone": OTHER,
}
WOUNDTISSUE_COLOURS: dict[str, tuple[int, int, int]] = {
    "background": (0, 0, 255),
    "granulation": (255, 0, 0),
    "slough": (255, 255, 0),
    "maceration": (255, 255, 255),
    "necrosis": (0, 0, 0),
    "tendon": (135, 206, 235),
    "bone": (255, 253, 208),
}
"""WoundTissue names its colours in words (red, sky blue, cream …). These are the sRGB values that
the words have in CSS, and in common use for cream; the published files may differ from them."""
