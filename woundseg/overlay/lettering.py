"""The panel's letters and its two main colours."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Font = FreeTypeFont | ImageFont

PAPER: Final = (250, 250, 248)
INK: Final = (24, 28, 32)


@lru_cache(maxsize=32)
def font(size_px: float) -> Font:
    """Pillow's own font (Aileron): ASCII and little more."""
    from PIL import ImageFont as Fonts

    return Fonts.load_default(size_px)
