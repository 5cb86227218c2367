"""Colours of pages, figures and pictures.

Those with a hue are of Okabe and Ito (jfly.uni-koeln.de/color), told apart by colour-blind
readers. Each has a name that a page knows as a CSS variable, so that figures follow the page from
light to dark.
"""

from __future__ import annotations

from typing import Final

INK, MUTED, RULE, PAPER = "#1c2126", "#5b646d", "#d8dde1", "#fefefe"
BLUE, SKY, GREEN = "#0072b2", "#56b4e9", "#009e73"
ORANGE, VERMILION, PURPLE, GREY = "#e69f00", "#d55e00", "#cc79a7", "#9aa3ab"

NAMES: Final[dict[str, str]] = {
    INK: "ink", MUTED: "muted", RULE: "rule", PAPER: "paper", BLUE: "blue", SKY: "sky",
    GREEN: "green", ORANGE: "orange", VERMILION: "vermilion", PURPLE: "purple", GREY: "grey",
}  # fmt: skip

LIGHT: Final[dict[str, str]] = {
    **{name: colour for colour, name in NAMES.items()}, "soft": "#f3f5f6", "link": "#005a8e",
}  # fmt: skip
"""The variables of a page by day, and on paper."""

DARK: Final[dict[str, str]] = {
    "ink": "#e7eaec", "muted": "#a2acb4", "rule": "#353c42", "paper": "#14181b",
    "blue": "#2f95d6", "sky": "#8fd0f7", "green": "#1fbf91", "orange": "#f0b429",
    "vermilion": "#f07a2b", "purple": "#dd94bd", "grey": "#7d868d", "soft": "#1d2226",
    "link": "#7cc4f5",
}  # fmt: skip

OUTLINE: Final = (0, 229, 255)
"""The outline on a photograph: skin and ulcers hold no cyan, whatever the tone."""

OUTLINE_EDGE: Final = (16, 20, 24)
"""On both sides of the outline: one of the two stands out on any skin."""


def rgb(colour: tuple[int, int, int]) -> str:
    """An sRGB colour as CSS writes it: ``rgb(0,229,255)``."""
    return f"rgb({colour[0]},{colour[1]},{colour[2]})"
