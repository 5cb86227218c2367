"""The bed in the panel: a bar of its tissues' shares with a key, and each ulcer seen closer.

The key gives each share its 95% interval, as the record's text does.

Each tissue has a fixed colour that colour-blind readers can tell from the others, and its first
letter stands on the largest patch, so that colour is not needed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from woundseg.classes import TISSUES, PixelClass
from woundseg.masks import BoolMap, ByteMap
from woundseg.measure import Measurement
from woundseg.overlay.lettering import INK, PAPER, font
from woundseg.pages.look import OUTLINE, OUTLINE_EDGE
from woundseg.records import UlcerFigures

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

_BAR: Final = 1.4
_KEY: Final = 1.2
_CLOSE_UP: Final = 7.0
"""Heights in text heights: of the bar, of a row of its key, and of the pictures at most."""
_GAP: Final = 0.6
_NAME: Final = 1.3
"""In text heights: between pictures, and for an ulcer's name above them."""
MOST_SHOWN: Final = 6
"""Ulcers that are shown closer, the largest first."""
_SEEN_THROUGH: Final = 0.3
"""Share of the photograph in the painted picture."""
_AROUND: Final = 0.25
"""Room around the ulcers, of their longer side."""


@dataclass(frozen=True, eq=False)
class CloseUp:
    """A square around an ulcer.

    Attributes:
        pixels: uint8 RGB (S, S, 3).
        tissue: its tissues, uint8 (S, S), 0 where it is not the bed; None where none was read.
        outline: where the ulcer is, bool (S, S).
        name: the ulcer's id; blank where there is one ulcer alone.
    """

    pixels: ByteMap
    tissue: ByteMap | None
    outline: BoolMap
    name: str = ""


def close_ups(pixels: ByteMap, measurement: Measurement) -> tuple[CloseUp, ...]:
    """What the panel shows closer: of several ulcers each, of one its tissues where they are read.

    Args:
        pixels: the photograph, uint8 RGB (H, W, 3).
        measurement: its ulcers, with their tissues.
    """
    several = len(measurement.ulcers) > 1
    if not several and measurement.total.tissue is None:
        return ()
    return tuple(
        _close_up(pixels, measurement, place, ulcer.bbox_px, ulcer.id if several else "")
        for place, ulcer in enumerate(measurement.ulcers[:MOST_SHOWN], start=1)
        if ulcer.bbox_px is not None
    )


def _close_up(
    pixels: ByteMap,
    measurement: Measurement,
    place: int,
    box: tuple[int, int, int, int],
    name: str,
) -> CloseUp:
    x, y, width, height = box
    side = round(max(width, height) * (1 + 2 * _AROUND))
    left, top = x + width // 2 - side // 2, y + height // 2 - side // 2
    seen = _square((measurement.labels == place).view(np.uint8), left, top, side)
    tissue = measurement.tissue
    return CloseUp(
        _square(pixels, left, top, side),
        None if tissue is None else _square(tissue, left, top, side) * seen,
        seen > 0,
        name,
    )


def _square(array: ByteMap, left: int, top: int, side: int) -> ByteMap:
    """A square of an array (H, W, …), black beyond its edge."""
    square = np.zeros((side, side, *array.shape[2:]), np.uint8)
    y, x = max(top, 0), max(left, 0)
    seen = array[y : top + side, x : left + side]
    square[y - top : y - top + seen.shape[0], x - left : x - left + seen.shape[1]] = seen
    return square


def height(
    total: UlcerFigures | None, closer: tuple[CloseUp, ...], room: float, text_px: float
) -> float:
    """What ``draw`` needs."""
    return _above_pictures(total, room, text_px) + _rows_of(closer, room, text_px).height


def _above_pictures(total: UlcerFigures | None, room: float, text_px: float) -> float:
    if total is None or total.tissue is None:
        return 0.0
    return (_BAR + _KEY * len(_rows(_labels(total), room, text_px))) * text_px


@dataclass(frozen=True)
class _Grid:
    """How close-ups are laid out: a pair of pictures each, named above where there are several.

    Attributes:
        side: of each picture [px].
        across: pairs in a row.
        pitch: from one row to the next [px].
        height: of all rows [px].
    """

    side: int
    across: int
    pitch: float
    height: float


def _rows_of(closer: tuple[CloseUp, ...], room: float, text_px: float) -> _Grid:
    across = 1 if len(closer) <= 1 else 2
    gaps = (2 * across - 1) * _GAP * text_px
    side = int(min((room - gaps) / (2 * across), _CLOSE_UP * text_px))
    pitch = side + _GAP * text_px + (0.0 if across == 1 else _NAME * text_px)
    return _Grid(side, across, pitch, pitch * math.ceil(len(closer) / across))


def draw(
    panel: Image,
    total: UlcerFigures | None,
    closer: tuple[CloseUp, ...],
    at: tuple[float, float, float],
    text_px: float,
) -> float:
    """Draws bar, key and pictures into the panel; gives where they end.

    Args:
        panel: to draw into.
        total: its shares of the bed and their intervals; None draws neither.
        closer: the pictures.
        at: left, top and width.
        text_px: height of usual text.
    """
    from PIL import ImageDraw as Pens

    x, y, room = at
    pen = Pens.Draw(panel)
    if total is not None and total.tissue is not None:
        _bar(pen, total.tissue.model_dump(), (x, y + 0.5 * text_px, room), 0.6 * text_px)
        _key(pen, _labels(total), (x, y + 2.25 * text_px, room), text_px)
    grid = _rows_of(closer, room, text_px)
    top = y + _above_pictures(total, room, text_px) + 0.2 * text_px
    for number, close in enumerate(closer):
        row, column = divmod(number, grid.across)
        left, upper = x + column * 2 * (grid.side + _GAP * text_px), top + row * grid.pitch
        if close.name:
            upper += _NAME * text_px
            place = left, upper - 0.3 * text_px
            pen.text(place, close.name, font=font(0.9 * text_px), anchor="ls", fill=INK)
        _pictures(panel, close, (left, upper), (grid.side, text_px))
    return y + height(total, closer, room, text_px)


def _bar(
    pen: ImageDraw, shares: dict[str, float], at: tuple[float, float, float], high: float
) -> None:
    start, y, room = at
    for tissue in TISSUES:
        end = start + shares.get(tissue.name, 0.0) * room
        if end - start >= 1:
            pen.rectangle((start, y, end, y + high), fill=tissue.colour)
        start = end


def _labels(total: UlcerFigures) -> dict[PixelClass, str]:
    """What the key says of each tissue; a hyphen, for the panel's font has no longer dash."""
    told = total.shares_told(dash="-")
    return {
        tissue: f"{tissue.name} {told[tissue.name]}" for tissue in TISSUES if tissue.name in told
    }


def _wide(label: str, text_px: float) -> float:
    """A label with its square before it and a gap after it."""
    return float(font(0.8 * text_px).getlength(label) + 1.25 * text_px)


def _rows(
    labels: dict[PixelClass, str], room: float, text_px: float
) -> list[dict[PixelClass, str]]:
    """As many labels to a row as fit; at least one."""
    rows: list[dict[PixelClass, str]] = []
    left = 0.0
    for tissue, label in labels.items():
        wide = _wide(label, text_px)
        if not rows or wide > left:
            rows.append({})
            left = room
        rows[-1][tissue] = label
        left -= wide
    return rows


def _key(
    pen: ImageDraw,
    labels: dict[PixelClass, str],
    at: tuple[float, float, float],
    text_px: float,
) -> None:
    """Names and shares in as many rows as they need, smaller where a name alone does not fit."""
    left, baseline, room = at
    pitch = _KEY * text_px
    rows = _rows(labels, room, text_px)
    text_px *= min([1.0, *(room / _wide(label, text_px) for label in labels.values())])
    type_face, side = font(0.8 * text_px), 0.5 * text_px
    for row in rows:
        x = left
        for tissue, label in row.items():
            pen.rectangle((x, baseline - side, x + side, baseline), fill=tissue.colour)
            pen.text((x + 1.3 * side, baseline), label, font=type_face, anchor="ls", fill=INK)
            x += 1.3 * side + type_face.getlength(label) + 0.6 * text_px
        baseline += pitch


def _pictures(
    panel: Image, close: CloseUp, at: tuple[float, float], sizes: tuple[int, float]
) -> None:
    """The ulcer as photographed; and painted in its tissues' colours, or outlined."""
    from PIL import Image as Pictures
    from PIL import ImageDraw as Pens

    side, text_px = sizes
    way = cv2.INTER_AREA if len(close.pixels) > side else cv2.INTER_LINEAR
    photo = np.asarray(cv2.resize(close.pixels, (side, side), interpolation=way), np.uint8)
    if close.tissue is None:
        painted = Pictures.fromarray(_outlined(photo, close.outline))
    else:
        tissue = np.asarray(
            cv2.resize(close.tissue, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8
        )
        painted = Pictures.fromarray(_painted(photo, tissue))
        pen = Pens.Draw(painted)
        for each in TISSUES:
            _letter(pen, each, tissue == each.id, text_px)
    x, y = round(at[0]), round(at[1])
    panel.paste(Pictures.fromarray(photo), (x, y))
    panel.paste(painted, (x + side + round(_GAP * text_px), y))


def _outlined(photo: ByteMap, inside: BoolMap) -> ByteMap:
    """The photograph with a light line between two dark ones around the ulcer."""
    side = len(photo)
    shown = cv2.resize(inside.view(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    lines, _ = cv2.findContours(shown, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    picture, width = photo.copy(), max(2, side // 80)
    cv2.drawContours(picture, lines, -1, OUTLINE_EDGE, round(2.4 * width), cv2.LINE_AA)
    cv2.drawContours(picture, lines, -1, OUTLINE, width, cv2.LINE_AA)
    return picture


def _painted(photo: ByteMap, tissue: ByteMap) -> ByteMap:
    """The photograph with its tissues' colours laid over, and a light line around each patch."""
    colours = np.zeros((256, 3), np.float32)
    for each in TISSUES:
        colours[each.id] = each.colour
    mixed = _SEEN_THROUGH * photo + (1 - _SEEN_THROUGH) * colours[tissue]
    picture = np.where((tissue > 0)[..., None], mixed, photo).astype(np.uint8)
    width = max(1, len(photo) // 200)
    for each in TISSUES:
        lines, _ = cv2.findContours(
            (tissue == each.id).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(picture, lines, -1, PAPER, width, cv2.LINE_AA)
    return np.asarray(picture)


def _letter(pen: ImageDraw, tissue: PixelClass, where: ByteMap, text_px: float) -> None:
    """The tissue's first letter in the middle of its thickest patch, if it fits there."""
    depth = cv2.distanceTransform(np.pad(where.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    _, deepest, _, (x, y) = cv2.minMaxLoc(depth)
    if deepest >= 0.35 * text_px:
        size = min(0.8 * text_px, 1.3 * deepest)
        pen.text(
            (x, y),
            tissue.name[0].upper(),
            font=font(size),
            anchor="mm",
            fill=PAPER,
            stroke_width=max(1, round(size / 9)),
            stroke_fill=INK,
        )
