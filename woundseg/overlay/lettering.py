"""The panel's letters and its two main colours."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

    Font = FreeTypeFont | ImageFont

PAPER: Final = (250, 250, 248)
INK: Final = (24, 28, 32)

_UNKNOWN: Final = "\N{WHITE SQUARE}"
"""Stands for a letter that no font here has."""
_NO_LETTER: Final = "\uffff"


@lru_cache(maxsize=32)
def font(size_px: float) -> Font:
    """Pillow's own font (Aileron): ASCII and little more."""
    from PIL import ImageFont as Fonts

    return Fonts.load_default(size_px)


@lru_cache(maxsize=32)
def _wide_font(size_px: float) -> Font:
    """DejaVu Sans, which matplotlib brings: Latin, Greek, Cyrillic and more."""
    from PIL import ImageFont as Fonts

    found = find_spec("matplotlib")  # its folder alone: importing it is slow
    if found is None or found.origin is None:
        return font(size_px)
    path = Path(found.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"
    return Fonts.truetype(path, size_px) if path.is_file() else font(size_px)


def face_for(text: str, size_px: float) -> Font:
    """The font that a line is written in: Pillow's own for ASCII, else a wider one."""
    return font(size_px) if text.isascii() else _wide_font(size_px)


def writable(text: str) -> str:
    """``text`` composed (NFC), with a square for each letter that cannot be written.

    Control characters become squares too: a file's name may hold a line end.
    """
    return "".join(letter if _is_known(letter) else _UNKNOWN for letter in _composed(text))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=1024)
def _is_known(letter: str) -> bool:
    if letter.isascii():
        return letter.isprintable()
    face = _wide_font(20.0)
    shape, nothing = (bytes(face.getmask(each)) for each in (letter, _NO_LETTER))
    return shape != nothing
