"""How the report's figures look: colours, type, and the box that a figure is drawn into.

A figure is drawn once, at its printed size in inches, into a ``Box``: the same code gives the
SVG of the page and the vectors of the PDF, with letters of the same size. Colours are those of
all our pages (``pages.look``).
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from woundseg.pages.look import (
    BLUE,
    GREY,
    INK,
    MUTED,
    NAMES,
    ORANGE,
    RULE,
    SKY,
    VERMILION,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 7.0
"""Width of every figure: an A4 page less its margins."""

CODE_COLOURS: dict[str, str] = {
    "CR": BLUE, "PR": SKY, "SD": ORANGE, "PD": VERMILION, "NE": GREY,
}  # fmt: skip

CODE_WORDS: dict[str, str] = {
    "CR": "complete", "PR": "partial", "SD": "stable", "PD": "progression", "NE": "not evaluable",
}  # fmt: skip

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that the same report is the same file on every machine."""

_SETTINGS: dict[str, Any] = {
    "font.family": [FONT],
    "font.size": 8.0,
    "text.parse_math": False,  # a subject's name may have two dollars
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 1.1,
    "legend.handleheight": 0.9,
    "legend.columnspacing": 1.4,
    "legend.handletextpad": 0.5,
    "legend.borderaxespad": 0.0,
    "lines.linewidth": 1.4,
    "lines.solid_capstyle": "butt",
    "patch.linewidth": 0.0,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "svg.hashsalt": "woundseg",
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    "figure.dpi": 72.0,
    "path.simplify": False,
    "axes.formatter.useoffset": False,
}


@contextmanager
def styled() -> Iterator[None]:
    """Settings of matplotlib for the report, whatever the user's own are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        settings: dict[Any, Any] = matplotlib.rcParams
        settings.update(_SETTINGS)
        yield


def in_font(text: str) -> str:
    r"""``text`` in letters that ``FONT`` has; others as ``\u738B``, so that names stay apart."""
    if text.isascii() and text.isprintable():
        return text
    known = _letters()
    return "".join(c if ord(c) in known and _is_seen(c) else _escape(c) for c in text)


@lru_cache(maxsize=1)
def _letters() -> frozenset[int]:
    """Those that the font has, both light and bold."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    light, bold = (
        get_font(findfont(FontProperties(family=FONT, weight=weight))).get_charmap()
        for weight in ("normal", "bold")
    )
    return frozenset(light.keys() & bold.keys())


def _is_seen(letter: str) -> bool:
    """Not a control character, nor one that only tells how others are set."""
    return unicodedata.category(letter) not in ("Cc", "Cf", "Co", "Cn")


def _escape(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


@dataclass(frozen=True)
class Box:
    """A rectangle of a page, in inches from the page's lower left corner.

    ``letters`` makes of a name what the page can show; a browser has fonts of its own for all.
    """

    figure: Figure
    left: float
    bottom: float
    width: float
    height: float
    letters: Callable[[str], str] = in_font

    def axes(self, left: float, bottom: float, right: float, top: float, **options: Any) -> Axes:
        """Axes that leave these margins [in] free at the box's sides."""
        page_width, page_height = self.figure.get_size_inches()
        place = (
            (self.left + left) / page_width,
            (self.bottom + bottom) / page_height,
            (self.width - left - right) / page_width,
            (self.height - bottom - top) / page_height,
        )
        return self.figure.add_axes(place, **options)


@dataclass(frozen=True)
class Drawing:
    """A figure of the report.

    Attributes:
        height_in: its height.
        caption: what it shows and how to read it.
        alt: what a reader who does not see it should know.
        draw: draws it into a box of ``WIDTH_IN`` by ``height_in``.
    """

    height_in: float
    caption: str
    alt: str
    draw: Callable[[Box], None]


def to_svg(drawing: Drawing, prefix: str) -> str:
    """The figure as an inline SVG element, its colours as CSS variables, its ids prefixed.

    Nothing in it depends on the clock or on chance.
    """
    figure = _figure(drawing.height_in)
    drawing.draw(Box(figure, 0.0, 0.0, WIDTH_IN, drawing.height_in, letters=str))
    stream = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the browser sets the letters
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    return _inline(stream.getvalue(), prefix, drawing.alt)


def to_png(drawing: Drawing, dots_per_inch: float = 150.0) -> bytes:
    """The figure as PNG on white, for looking at."""
    figure = _figure(drawing.height_in)
    drawing.draw(Box(figure, 0.0, 0.0, WIDTH_IN, drawing.height_in))
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dots_per_inch, facecolor="white")
    return stream.getvalue()


def _figure(height_in: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_IN, height_in))


def _inline(svg: str, prefix: str, alt: str) -> str:
    """The bare element of matplotlib's document: an HTML page needs no name spaces."""
    body = svg[svg.index("<svg") :].strip()
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<svg[^>]*>", lambda found: _opening(found.group(), alt), body, count=1)
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = body.replace("url(#", f"url(#{prefix}-").replace('xlink:href="#', f'href="#{prefix}-')
    body = re.sub(r"font: ([\d.]+px) '[^;\"]*", r"font-size: \1", body)
    body = re.sub(
        r"font: (bold|italic|700) ([\d.]+px) '[^;\"]*", r"font-weight: \1; font-size: \2", body
    )
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)  # the page's own
    for colour, name in NAMES.items():
        body = re.sub(colour, f"var(--{name})", body, flags=re.IGNORECASE)
    return body


def _opening(tag: str, alt: str) -> str:
    from html import escape

    view = re.search(r'viewBox="([^"]*)"', tag)
    shown = view.group(1) if view else f"0 0 {WIDTH_IN * 72:g} 216"
    return f'<svg viewBox="{shown}" role="img" aria-label="{escape(alt)}">'
