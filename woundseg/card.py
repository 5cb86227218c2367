"""The scale card: its layout in millimetres, and the drawing of it.

The card is described once (`layout`) as flat primitives in mm, from which the pixels
(`draw_card`: PNG, tests, simulated photographs) and the vector PDF are both painted.
Positions are ``(X, Y)`` in mm from the card's upper left corner, X to the right, Y down.

The markers are AprilTag 25h9 (Wang & Olson 2016), a family that `score` offers for no single
marker, and of it only ids at least 6 bits from every 5X5_100 code in each rotation: a single
marker lying beside the card is never taken for part of it, nor the card for a single marker.
The two sizes use different ids, so that one marker names the card that it belongs to.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg import files
from woundseg.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RgbImage = NDArray[np.uint8]
Coverage = NDArray[np.float32]
Colour = tuple[int, int, int]
CardSize = Literal["small", "standard"]

SIZES: tuple[CardSize, ...] = ("small", "standard")
DICTIONARY = "DICT_APRILTAG_25h9"
LINE_MM = 100.0
"""Nominal length of the line that the user measures once."""

MM_PER_INCH = 25.4
DPI_RANGE = (72, 1200)
DEFAULT_DPI = 300

INK: Colour = (17, 17, 17)
QUIET_TEXT: Colour = (105, 105, 105)
HAIRLINE: Colour = (190, 190, 190)
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


@dataclass(frozen=True)
class Marker:
    """One fiducial: its id, and its black square (upper left corner and side in mm)."""

    id: int
    x: float
    y: float
    side: float

    def corners(self) -> tuple[tuple[float, float], ...]:
        """The four outer corners (X, Y) in mm, clockwise from the upper left, as OpenCV's."""
        right, bottom = self.x + self.side, self.y + self.side
        return ((self.x, self.y), (right, self.y), (right, bottom), (self.x, bottom))


@dataclass(frozen=True)
class Box:
    """A filled rectangle in mm, with its sRGB colour."""

    x: float
    y: float
    width: float
    height: float
    colour: Colour


@dataclass(frozen=True)
class Text:
    """A line of text: baseline position and font size in mm; `anchor` is left or middle."""

    x: float
    y: float
    size: float
    words: str
    colour: Colour = INK
    anchor: Literal["left", "middle"] = "left"


@dataclass(frozen=True)
class Patch:
    """A patch of nominal sRGB colour: greys from white to black, then the colours."""

    name: str
    box: Box


@dataclass(frozen=True)
class CardLayout:
    """The whole card.

    Attributes:
        size: its name.
        width_mm: width of the card.
        height_mm: height of the card.
        markers: the fiducials.
        patches: neutral greys and colours, with nominal sRGB.
        line: the line of 100 mm, as its two ends (X, Y) in mm.
        boxes: ticks, rules and frames.
        texts: every word on the card.
    """

    size: CardSize
    width_mm: float
    height_mm: float
    markers: tuple[Marker, ...]
    patches: tuple[Patch, ...]
    line: tuple[tuple[float, float], tuple[float, float]]
    boxes: tuple[Box, ...]
    texts: tuple[Text, ...]

    def marker(self, marker_id: int) -> Marker | None:
        """The fiducial of this id; None when it is not on this card."""
        return next((marker for marker in self.markers if marker.id == marker_id), None)


@dataclass(frozen=True)
class _Plan:
    """What makes one size differ from the other, in mm."""

    width: float
    height: float
    margin: float
    marker: float
    ids: tuple[int, ...]
    ruler_y: float
    head: float
    body: float


_PLANS: dict[CardSize, _Plan] = {
    "small": _Plan(122, 54, 4, 14, (24, 25, 27, 31, 33, 34), 23.4, 2.7, 2.1),
    "standard": _Plan(148, 105, 6, 22, (1, 3, 6, 17, 20, 22), 56.5, 4.6, 3.0),
}

# Greys evenly spaced in CIE L* (96, 81, 66, 51, 36, 20); colours chosen across the gamut of
# skin and wounds. Print shifts them all: nominal values, until the print has been measured.
_GREYS: tuple[tuple[str, Colour], ...] = (
    ("grey 96", (243, 243, 243)),
    ("grey 81", (201, 201, 201)),
    ("grey 66", (160, 160, 160)),
    ("grey 51", (121, 121, 121)),
    ("grey 36", (85, 85, 85)),
    ("grey 20", (48, 48, 48)),
)
_COLOURS: tuple[tuple[str, Colour], ...] = (
    ("red", (176, 38, 46)),
    ("yellow", (226, 186, 44)),
    ("green", (72, 138, 76)),
    ("blue", (42, 78, 150)),
    ("light skin", (224, 178, 150)),
    ("dark skin", (112, 74, 56)),
)

_ADVICE: tuple[tuple[str, ...], ...] = (
    ("Print on matt paper", "at 100 %, not “fit to", "page”. Measure the", "line and note it."),
    ("Lay flat beside the", "ulcer and level with", "it; no finger on the", "black squares."),
)


@cache
def layout(size: CardSize = "standard") -> CardLayout:
    """The card of this size, in mm.

    Raises:
        UsageError: no such size.
    """
    if size not in _PLANS:
        raise UsageError("--size", f"no card is called {size!r}", f"Choose {' or '.join(SIZES)}")
    plan = _PLANS[size]
    ruler_boxes, ruler_texts, line = _ruler(plan)
    form_boxes, form_texts = _form(plan)
    return CardLayout(
        size=size,
        width_mm=plan.width,
        height_mm=plan.height,
        markers=_markers(plan),
        patches=_patches(plan),
        line=line,
        boxes=(*_frame(plan), *ruler_boxes, *form_boxes),
        texts=(*ruler_texts, *form_texts),
    )


def _columns(plan: _Plan) -> tuple[float, float, float]:
    """Left edges of the three columns of markers."""
    return plan.margin, (plan.width - plan.marker) / 2, plan.width - plan.margin - plan.marker


def _markers(plan: _Plan) -> tuple[Marker, ...]:
    rows = (plan.margin, plan.height - plan.margin - plan.marker)
    places = [(x, y) for y in rows for x in _columns(plan)]
    return tuple(
        Marker(marker_id, x, y, plan.marker)
        for marker_id, (x, y) in zip(plan.ids, places, strict=True)
    )


def _gap(plan: _Plan, column: int) -> tuple[float, float]:
    """Left edge and width of the gap after a column of markers, without their quiet zones."""
    quiet = plan.marker / 7 * 1.25  # a cell and a quarter of white around each marker
    left = _columns(plan)[column] + plan.marker + quiet
    return left, _columns(plan)[column + 1] - quiet - left


def _patches(plan: _Plan) -> tuple[Patch, ...]:
    """Greys in the upper left gap and colours in the upper right one, three to a row."""
    patches: list[Patch] = []
    for column, chart in enumerate((_GREYS, _COLOURS)):
        left, width = _gap(plan, column)
        for place, (name, colour) in enumerate(chart):
            row, across = divmod(place, 3)
            box = Box(
                left + across * width / 3,
                plan.margin + row * plan.marker / 2,
                width / 3,
                plan.marker / 2,
                colour,
            )
            patches.append(Patch(name, box))
    return tuple(patches)


def _frame(plan: _Plan) -> list[Box]:
    """The hairline to cut along, just inside the edge."""
    thin = 0.15
    return [
        Box(0, 0, plan.width, thin, HAIRLINE),
        Box(0, plan.height - thin, plan.width, thin, HAIRLINE),
        Box(0, 0, thin, plan.height, HAIRLINE),
        Box(plan.width - thin, 0, thin, plan.height, HAIRLINE),
    ]


def _ruler(
    plan: _Plan,
) -> tuple[list[Box], list[Text], tuple[tuple[float, float], tuple[float, float]]]:
    """The 100 mm line with a tick each millimetre, centred on its millimetre, and its words."""
    left, y, rule = (plan.width - LINE_MM) / 2, plan.ruler_y, 0.25
    boxes = [Box(left - rule / 2, y - rule / 2, LINE_MM + rule, rule, INK)]
    texts: list[Text] = []
    for mm in range(int(LINE_MM) + 1):
        length = plan.body * (1.0 if mm % 10 == 0 else 0.72 if mm % 5 == 0 else 0.48)
        thick = 0.25 if mm % 10 == 0 else 0.15
        boxes.append(Box(left + mm - thick / 2, y, thick, length, INK))
        if mm % 10 == 0:
            texts.append(Text(left + mm, y + plan.body * 2.0, plan.body, str(mm), INK, "middle"))
    texts.append(Text(left + LINE_MM + plan.body * 1.2, y + plan.body * 2.0, plan.body, "mm", INK))
    words = "measure me once: this line is 100 mm in a print at 100 % (actual size)"
    below = y + plan.body * 3.5
    texts.append(Text(plan.width / 2, below, plan.body, words, QUIET_TEXT, "middle"))
    return boxes, texts, ((left, y), (left + LINE_MM, y))


def _form(plan: _Plan) -> tuple[list[Box], list[Text]]:
    """The name, the hint, and the lines to write subject, visit and date on."""
    if plan.height > 80:  # room for a heading and a row of long lines above the ruler
        right = plan.width - plan.margin
        heading = [
            Text(plan.margin, 38.5, plan.head, "woundseg"),
            Text(plan.margin + 25.5, 38.5, plan.body, "scale card", QUIET_TEXT),
        ]
        for column, advice in enumerate(_ADVICE):
            place = _gap(plan, column)[0]
            for row, words in enumerate(advice):
                base = plan.height - plan.margin - plan.marker + 4.6 + row * plan.body * 1.6
                heading.append(Text(place, base, plan.body * 0.88, words, QUIET_TEXT))
        spots = [("subject", 6.0, 58.0), ("visit", 64.0, 98.0), ("date", 104.0, right)]
        boxes, texts = _write_lines(plan, [(*spot, 49.0) for spot in spots])
        return boxes, heading + texts
    (left, width), (second, second_width) = _gap(plan, 0), _gap(plan, 1)
    bottom = plan.height - plan.margin
    boxes, texts = _write_lines(
        plan,
        [
            ("subject", left, left + width, bottom - 1),
            ("visit", second, second + second_width, bottom - 7.5),
            ("date", second, second + second_width, bottom - 1),
        ],
    )
    return boxes, [Text(left, bottom - 10.5, plan.head, "woundseg"), *texts]


def _write_lines(
    plan: _Plan, spots: list[tuple[str, float, float, float]]
) -> tuple[list[Box], list[Text]]:
    """Labels with a rule to write on; each spot is (label, left, right, baseline) in mm."""
    boxes, texts = [], []
    for label, left, right, base in spots:
        start = left + plan.body * 0.56 * len(label) + 1.0
        texts.append(Text(left, base, plan.body, label, QUIET_TEXT))
        boxes.append(Box(start, base + 0.3, right - start, 0.15, INK))
    return boxes, texts


@cache
def marker_cells(marker_id: int) -> NDArray[np.uint8]:
    """The cells of a card marker, black border included: uint8 (7, 7), 1 is white."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_APRILTAG_25h9)
    image = cv2.aruco.generateImageMarker(dictionary, marker_id, dictionary.markerSize + 2)
    return (np.asarray(image) > 127).astype(np.uint8)


def draw_card(size: CardSize = "standard", px_per_mm: float = 12.0) -> RgbImage:
    """The card as pixels, at exactly this scale: position X mm lies at X × px_per_mm.

    Edges that fall inside a pixel are drawn by the share of the pixel that they cover, so the
    geometry is exact at any scale. Counted from pixel *edges*: the centre of pixel (0, 0) shows
    the place (0.5, 0.5) / px_per_mm mm.

    Args:
        size: ``small`` or ``standard``.
        px_per_mm: pixels for each millimetre.

    Returns:
        sRGB uint8 (H, W, 3) of round(size × px_per_mm) pixels.

    Raises:
        UsageError: no such size, or a scale that is not between 1 and 60 pixels a millimetre.
    """
    card = layout(size)
    if not 1.0 <= px_per_mm <= 60.0:
        raise UsageError("px_per_mm", f"{px_per_mm} is not between 1 and 60", "Choose 4 to 48")
    width, height = round(card.width_mm * px_per_mm), round(card.height_mm * px_per_mm)
    canvas = np.full((height, width, 3), 255, np.float32)
    for box in (*(patch.box for patch in card.patches), *card.boxes):
        _paint_box(canvas, box, px_per_mm)
    for marker in card.markers:
        _paint_marker(canvas, marker, px_per_mm)
    for text in card.texts:
        _paint_text(canvas, text, px_per_mm)
    return np.clip(np.rint(canvas), 0, 255).astype(np.uint8)


def _cover(start: float, stop: float, n: int) -> Coverage:
    """Share of each of n pixels that lies between start and stop (px, from pixel edges)."""
    edges = np.arange(n, dtype=np.float64)
    share = np.minimum(stop, edges + 1) - np.maximum(start, edges)
    return np.asarray(np.clip(share, 0.0, 1.0), np.float32)


def _paint_box(canvas: NDArray[np.float32], box: Box, px_per_mm: float) -> None:
    x0, y0 = box.x * px_per_mm, box.y * px_per_mm
    x1, y1 = x0 + box.width * px_per_mm, y0 + box.height * px_per_mm
    rows = slice(max(0, math.floor(y0)), math.ceil(y1))
    columns = slice(max(0, math.floor(x0)), math.ceil(x1))
    part = canvas[rows, columns]
    down = _cover(y0 - rows.start, y1 - rows.start, part.shape[0])
    across = _cover(x0 - columns.start, x1 - columns.start, part.shape[1])
    _blend(part, np.outer(down, across), box.colour)


def _paint_marker(canvas: NDArray[np.float32], marker: Marker, px_per_mm: float) -> None:
    """Cells are summed before they are blended, so that no seam shows between neighbours."""
    cells = 1.0 - marker_cells(marker.id).astype(np.float32)
    cell = marker.side / cells.shape[0]
    height, width = canvas.shape[:2]
    share = [
        np.stack(
            [
                _cover((start + i * cell) * px_per_mm, (start + (i + 1) * cell) * px_per_mm, n)
                for i in range(cells.shape[0])
            ]
        )
        for start, n in ((marker.y, height), (marker.x, width))
    ]
    rows, columns = (np.flatnonzero(axis.sum(0)) for axis in share)
    area = np.ix_(rows, columns)
    part = canvas[area]
    black = share[0][:, rows].T @ cells @ share[1][:, columns]
    _blend(part, black, BLACK)
    canvas[area] = part


def _paint_text(canvas: NDArray[np.float32], text: Text, px_per_mm: float) -> None:
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size=text.size * px_per_mm)
    mask = Image.new("L", (canvas.shape[1], math.ceil(text.size * px_per_mm * 2)), 0)
    top = round((text.y - text.size * 1.2) * px_per_mm)
    place = (text.x * px_per_mm, text.y * px_per_mm - top)
    anchor = "ls" if text.anchor == "left" else "ms"
    ImageDraw.Draw(mask).text(place, text.words, fill=255, font=font, anchor=anchor)
    part = canvas[max(0, top) : top + mask.height]
    shown = np.asarray(mask, np.float32)[max(0, -top) :][: part.shape[0]]
    _blend(part, shown / 255, text.colour)


def _blend(part: Coverage, share: Coverage | NDArray[np.float64], colour: Colour) -> None:
    ink = np.asarray(colour, np.float32)
    part += share[..., None].astype(np.float32) * (ink - part)


def write_card(path: Path, size: CardSize = "standard", dpi: float = DEFAULT_DPI) -> Path:
    """Writes the card as PDF (vector, the page is the card) or PNG, by the file's suffix.

    The same size and dpi give the same bytes on one machine. The file is written beside its
    place and then renamed.

    Args:
        path: ``*.pdf`` or ``*.png``.
        size: ``small`` or ``standard``.
        dpi: pixels an inch, for PNG: each side is round(mm × dpi / 25.4) pixels.

    Returns:
        The path written.

    Raises:
        UsageError: another suffix, no such size, or a dpi that is not between 72 and 1200.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    layout(size)
    if not DPI_RANGE[0] <= dpi <= DPI_RANGE[1]:
        low, high = DPI_RANGE
        raise UsageError("--dpi", f"{dpi} is not between {low} and {high}", "Choose 300 or 600")
    suffix = path.suffix.lower()
    if suffix not in {".pdf", ".png"}:
        raise UsageError(path, "a card is written as PDF or PNG", "End its name in .pdf or .png")
    content = _pdf_bytes(size) if suffix == ".pdf" else _png_bytes(size, dpi)
    files.write_bytes(path, content)
    return path


def _png_bytes(size: CardSize, dpi: float) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    image = Image.fromarray(draw_card(size, dpi / MM_PER_INCH))
    image.save(stream, format="PNG", dpi=(dpi, dpi))
    return stream.getvalue()


def _pdf_bytes(size: CardSize) -> bytes:
    """The card as vectors on a page of exactly its size; no clock and no user setting in it."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    card = layout(size)
    stream = io.BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"pdf.fonttype": 42, "font.family": "DejaVu Sans"})
        figure = Figure(figsize=(card.width_mm / MM_PER_INCH, card.height_mm / MM_PER_INCH))
        figure.set_facecolor("white")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(0, card.width_mm)
        axes.set_ylim(card.height_mm, 0)
        axes.set_axis_off()
        _vector_boxes(axes, card)
        _vector_texts(axes, card)
        title = f"woundseg scale card, {size}"
        figure.savefig(stream, format="pdf", metadata={"CreationDate": None, "Title": title})
    return stream.getvalue()


def _vector_boxes(axes: Axes, card: CardLayout) -> None:
    from matplotlib.collections import PolyCollection

    boxes = [*(patch.box for patch in card.patches), *card.boxes]
    for marker in card.markers:
        boxes.extend(_marker_boxes(marker))
    outlines = [
        [
            (box.x, box.y),
            (box.x + box.width, box.y),
            (box.x + box.width, box.y + box.height),
            (box.x, box.y + box.height),
        ]
        for box in boxes
    ]
    colours = [[channel / 255 for channel in box.colour] for box in boxes]
    axes.add_collection(PolyCollection(outlines, facecolors=colours, edgecolors="none"))


def _marker_boxes(marker: Marker) -> list[Box]:
    """A black square, and on it a white box for each run of white cells, in rows and in columns.

    Runs in both directions overlap, so that no viewer shows a hairline between neighbours.
    """
    cells, cell = marker_cells(marker.id), marker.side / 7
    boxes = [Box(marker.x, marker.y, marker.side, marker.side, BLACK)]
    for row in range(len(cells)):
        for start, stop in _runs(cells[row]):
            x, y = marker.x + start * cell, marker.y + row * cell
            boxes.append(Box(x, y, (stop - start) * cell, cell, WHITE))
        for start, stop in _runs(cells[:, row]):
            x, y = marker.x + row * cell, marker.y + start * cell
            boxes.append(Box(x, y, cell, (stop - start) * cell, WHITE))
    return boxes


def _runs(line: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Start and stop of each run of ones."""
    steps = np.flatnonzero(np.diff(line.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(stop)) for start, stop in steps.reshape(-1, 2)]


def _vector_texts(axes: Axes, card: CardLayout) -> None:
    points_per_mm = 72 / MM_PER_INCH
    for text in card.texts:
        axes.text(
            text.x,
            text.y,
            text.words,
            fontsize=text.size * points_per_mm * 0.87,  # DejaVu Sans runs wider than the PNG's font
            color=[channel / 255 for channel in text.colour],
            ha="center" if text.anchor == "middle" else "left",
            va="baseline",
            parse_math=False,
        )
