"""The report as PDF: A4 pages set with matplotlib, figures as vectors, letters embedded.

matplotlib draws the figures and is at hand; it has no notion of flowing text, so a cursor runs
down the page here, breaks lines by the font's own widths, and opens the next page.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from woundseg.pages.look import BLUE, GREEN, INK, MUTED, ORANGE, RULE, VERMILION
from woundseg.trial_report import style
from woundseg.trial_report.blocks import Block, Bullets, Report, Section, Table, Text
from woundseg.trial_report.style import Box, Drawing

if TYPE_CHECKING:
    from matplotlib.backends.backend_pdf import PdfPages
    from matplotlib.figure import Figure

PAGE_IN = (8.27, 11.69)
LEFT_IN = (PAGE_IN[0] - style.WIDTH_IN) / 2.0
TOP_IN, BOTTOM_IN = 0.75, 0.8
BODY, SMALL, HEADING, TITLE = 9.0, 7.5, 13.0, 19.0
LEADING = 1.42
CELL_GAP_IN = 0.16
POINT = 1.0 / 72.0

_RATE_COLOURS = {"ORR": BLUE, "SDR": ORANGE, "DCR": GREEN}


@dataclass(frozen=True)
class Ink:
    """How a line of text looks, and on which side of its place it stands."""

    size: float
    colour: str = INK
    align: Literal["left", "right"] = "left"
    bold: bool = False


def pdf(report: Report) -> bytes:
    """The file; the same report gives the same bytes."""
    from matplotlib.backends.backend_pdf import PdfPages

    stream = io.BytesIO()
    about = {"Title": report.title, "Creator": "woundseg", "Producer": None, "CreationDate": None}
    with style.styled(), PdfPages(stream, metadata=about) as pages:
        paper = _Paper(pages, report.subtitle)
        _front(paper, report)
        for number, section in enumerate(report.sections, 1):
            _section(paper, number, section)
        paper.close()
    return stream.getvalue()


class _Paper:
    """The page in hand and how far down it the cursor is [in from the page's foot]."""

    def __init__(self, pages: PdfPages, foot: str) -> None:
        self.pages, self.foot, self.number = pages, foot, 0
        self.figure: Figure | None = None
        self.cursor = 0.0
        self.turn()

    @property
    def sheet(self) -> Figure:
        """The open page."""
        return self.figure or self.turn()

    @property
    def fresh(self) -> bool:
        """Nothing is on the page yet."""
        return self.cursor == PAGE_IN[1] - TOP_IN

    def turn(self) -> Figure:
        """Close the page and open the next, which is given."""
        from matplotlib.figure import Figure

        self.close()
        opened = self.figure = Figure(figsize=PAGE_IN)
        self.number += 1
        self.cursor = PAGE_IN[1] - TOP_IN
        self.put(self.foot, LEFT_IN, 0.45, Ink(SMALL, MUTED))
        self.put(str(self.number), PAGE_IN[0] - LEFT_IN, 0.45, Ink(SMALL, MUTED, "right"))
        return opened

    def close(self) -> None:
        """Write the page."""
        if self.figure is not None:
            self.pages.savefig(self.figure)  # type: ignore[no-untyped-call]
            self.figure = None

    def need(self, height_in: float) -> None:
        """Turn the page unless so much is left of it."""
        if self.cursor - height_in < BOTTOM_IN and not self.fresh:
            self.turn()

    def put(self, text: str, x: float, y: float, ink: Ink) -> None:
        """One line of text, its baseline at ``y``."""
        self.sheet.text(
            x / PAGE_IN[0],
            y / PAGE_IN[1],
            style.in_font(text),
            size=ink.size,
            color=ink.colour,
            ha=ink.align,
            va="baseline",
            weight="bold" if ink.bold else "normal",
            parse_math=False,
        )

    def rule(self, y: float, width: float, colour: str = RULE, right: float | None = None) -> None:
        """A line across the text's width, or as far as ``right``."""
        from matplotlib.lines import Line2D

        end = PAGE_IN[0] - LEFT_IN if right is None else right
        across = [LEFT_IN / PAGE_IN[0], end / PAGE_IN[0]]
        height = [y / PAGE_IN[1]] * 2
        self.sheet.add_artist(Line2D(across, height, color=colour, linewidth=width))


# --- text ---------------------------------------------------------------------------------------


@lru_cache(maxsize=20_000)
def _width_in(text: str, size: float, bold: bool = False) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    face = FontProperties(family=style.FONT, size=size, weight="bold" if bold else "normal")
    shown = style.in_font(text)
    return float(text_to_path.get_text_width_height_descent(shown, face, ismath=False)[0]) * POINT


def _wrapped(text: str, size: float, width_in: float) -> list[str]:
    """The text in lines no wider than ``width_in``; a word that is too wide is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        trial = f"{line} {word}" if line else word
        if _width_in(trial, size) <= width_in:
            line = trial
            continue
        if line:
            lines.append(line)
        line = word
        while _width_in(line, size) > width_in and len(line) > 1:
            fits = next(
                n for n in range(len(line) - 1, 0, -1)
                if n == 1 or _width_in(line[:n], size) <= width_in
            )  # fmt: skip
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line]


def _paragraph(
    paper: _Paper, text: str, size: float = BODY, colour: str = INK, indent: float = 0.0
) -> None:
    leading = size * LEADING * POINT
    for line in _wrapped(text, size, style.WIDTH_IN - indent):
        paper.need(leading)
        paper.cursor -= leading
        paper.put(line, LEFT_IN + indent, paper.cursor, Ink(size, colour))
    paper.cursor -= 0.4 * leading


def _warning(paper: _Paper, text: str) -> None:
    from matplotlib.patches import Rectangle

    leading = BODY * LEADING * POINT
    lines = _wrapped(text, BODY, style.WIDTH_IN - 0.25)
    height = leading * len(lines) + 0.12
    paper.need(height)
    paper.sheet.add_artist(
        Rectangle(
            (LEFT_IN / PAGE_IN[0], (paper.cursor - height) / PAGE_IN[1]),
            0.045 / PAGE_IN[0], height / PAGE_IN[1], facecolor=VERMILION,
        )
    )  # fmt: skip
    paper.cursor -= 0.02
    for line in lines:
        paper.cursor -= leading
        paper.put(line, LEFT_IN + 0.18, paper.cursor, Ink(BODY))
    paper.cursor -= 0.28


def _front(paper: _Paper, report: Report) -> None:
    paper.cursor -= TITLE * POINT
    paper.put(report.title, LEFT_IN, paper.cursor, Ink(TITLE, bold=True))
    paper.cursor -= 0.12
    _paragraph(paper, report.subtitle, BODY, MUTED)
    if report.notice:
        _warning(paper, report.notice)
    width = style.WIDTH_IN / max(len(report.headline), 1)
    paper.cursor -= 0.3
    for place, rate in enumerate(report.headline):
        x = LEFT_IN + place * width
        colour = _RATE_COLOURS.get(rate.name, INK)
        paper.put(rate.name, x, paper.cursor, Ink(10.0, colour, bold=True))
        paper.put(rate.value, x, paper.cursor - 0.36, Ink(22.0))
        paper.put(rate.interval, x, paper.cursor - 0.58, Ink(SMALL, MUTED))
        for number, line in enumerate(_wrapped(rate.meaning, SMALL, width - 0.15)):
            paper.put(line, x, paper.cursor - 0.74 - 0.15 * number, Ink(SMALL, MUTED))
    paper.cursor -= 1.05
    _paragraph(paper, report.caution, SMALL, MUTED)


def _section(paper: _Paper, number: int, section: Section) -> None:
    beginning = sum(_height_of(block) for block in section.blocks[:2])
    alone = _height_of(section.blocks[0])
    paper.need(0.75 + min(alone if alone > 1.5 else beginning, 7.5))
    paper.cursor -= 0.1 if paper.fresh else 0.34
    paper.rule(paper.cursor + 0.1, 0.7)
    paper.cursor -= HEADING * POINT
    paper.put(f"{number}. {section.title}", LEFT_IN, paper.cursor, Ink(HEADING, bold=True))
    paper.cursor -= 0.14
    for block in section.blocks:
        _block(paper, block)


def _height_of(block: Block) -> float:
    """About how much room the block's beginning needs [in]."""
    if isinstance(block, Drawing):
        return block.height_in + 0.5
    return 0.28 * min(len(block.rows), 6) if isinstance(block, Table) else 0.5


def _block(paper: _Paper, block: Block) -> None:
    if isinstance(block, Text):
        if block.warning:
            _warning(paper, block.text)
        else:
            _paragraph(paper, block.text)
    elif isinstance(block, Bullets):
        _bullets(paper, block)
    elif isinstance(block, Table):
        _table(paper, block)
    else:
        _drawing(paper, block)


def _bullets(paper: _Paper, block: Bullets) -> None:
    for item in block.items:
        paper.need(BODY * LEADING * POINT)
        paper.put("•", LEFT_IN + 0.05, paper.cursor - BODY * LEADING * POINT, Ink(BODY, MUTED))
        _paragraph(paper, item, BODY, INK, 0.2)


def _drawing(paper: _Paper, drawing: Drawing) -> None:
    lines = len(_wrapped(drawing.caption, SMALL, style.WIDTH_IN))
    caption = lines * SMALL * LEADING * POINT
    paper.need(drawing.height_in + caption + 0.1)
    paper.cursor -= drawing.height_in
    drawing.draw(Box(paper.sheet, LEFT_IN, paper.cursor, style.WIDTH_IN, drawing.height_in))
    _paragraph(paper, drawing.caption, SMALL, MUTED)
    paper.cursor -= 0.1


# --- tables -------------------------------------------------------------------------------------


def _table(paper: _Paper, table: Table) -> None:
    size = BODY if len(table.header) <= 7 else SMALL
    leading = size * LEADING * POINT
    widths = _column_widths(table, size)
    body = [_cells(row, widths, size) for row in table.rows]
    keep = sum(_lines(row) for row in body[:12]) if len(body) <= 12 else 4
    paper.need((keep + 2.6) * leading * 1.2)
    paper.cursor -= leading
    paper.put(table.title, LEFT_IN, paper.cursor, Ink(BODY, bold=True))
    paper.cursor -= 0.06
    _header(paper, table, widths, size)
    for row in body:
        height = leading * _lines(row) + 0.05
        if paper.cursor - height < BOTTOM_IN:
            paper.turn()
            _header(paper, table, widths, size)
        _row(paper, row, widths, (size, table.text_columns))
    if table.note:
        _paragraph(paper, table.note, SMALL, MUTED)
    paper.cursor -= 0.16


def _lines(cells: Sequence[list[str]]) -> int:
    return max(len(lines) for lines in cells)


def _column_widths(table: Table, size: float) -> list[float]:
    """Each column as wide as its widest cell; the widest gives way where the page is too narrow."""
    columns = list(zip(*([table.header, *table.rows]), strict=True))
    widths = [
        max(_width_in(text, size, bold=row == 0) for row, text in enumerate(column)) + CELL_GAP_IN
        for column in columns
    ]
    over = sum(widths) - style.WIDTH_IN
    if over > 0.0:
        widest = widths.index(max(widths))
        widths[widest] = max(widths[widest] - over, 1.0)
    return widths


def _cells(row: Sequence[str], widths: Sequence[float], size: float) -> list[list[str]]:
    return [
        _wrapped(text, size, width - CELL_GAP_IN + 1e-6)
        for text, width in zip(row, widths, strict=True)
    ]


def _header(paper: _Paper, table: Table, widths: Sequence[float], size: float) -> None:
    cells = [[text] for text in table.header]
    _row(paper, cells, widths, (size, table.text_columns), header=True)


def _row(
    paper: _Paper,
    cells: Sequence[Sequence[str]],
    widths: Sequence[float],
    look: tuple[float, int],
    header: bool = False,
) -> None:
    """One row and the line under it; ``look`` is the size and how many columns are set left."""
    size, text_columns = look
    leading = size * LEADING * POINT
    x = LEFT_IN
    for place, (lines, width) in enumerate(zip(cells, widths, strict=True)):
        left = place < text_columns
        at = x if left else x + width - CELL_GAP_IN
        ink = Ink(size, MUTED if header else INK, "left" if left else "right", header)
        for number, line in enumerate(lines):
            paper.put(line, at, paper.cursor - leading * (number + 1), ink)
        x += width
    paper.cursor -= leading * max(len(lines) for lines in cells) + 0.05
    end = min(x - CELL_GAP_IN, PAGE_IN[0] - LEFT_IN)
    paper.rule(paper.cursor, 0.8 if header else 0.4, MUTED if header else RULE, end)
