"""The bed's tissues in the panel: a bar of shares with its key, and the ulcer painted.

The key gives each share its 95% interval, as the record's text does.

Each tissue has a fixed colour that colour-blind readers can tell from the others, and its first
letter stands on the largest patch, so that colour is not needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from woundseg.classes import TISSUES, PixelClass
from woundseg.masks import ByteMap
from woundseg.measure import Measurement
from woundseg.overlay.lettering import INK, PAPER, font
from woundseg.records import UlcerFigures

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

_BAR: Final = 1.4
_KEY: Final = 1.2
_CLOSE_UP: Final = 7.0
"""Heights in text heights: of the bar, of a row of its key, and of the pictures at most."""
_SEEN_THROUGH: Final = 0.3
"""Share of the photograph in the painted picture."""
_AROUND: Final = 0.25
"""Room around the ulcers, of their longer side."""


@dataclass(frozen=True, eq=False)
class CloseUp:
    """A square over the ulcers: uint8 RGB (S, S, 3), and its tissues, uint8 (S, S)."""

    pixels: ByteMap
    tissue: ByteMap


def close_up(pixels: ByteMap, measurement: Measurement) -> CloseUp | None:
    """What the panel shows of the tissues; None where none were read.

    Args:
        pixels: the photograph, uint8 RGB (H, W, 3).
        measurement: with its tissues.
    """
    box = measurement.total.bbox_px
    if measurement.tissue is None or box is None:
        return None
    x, y, width, height = box
    side = round(max(width, height) * (1 + 2 * _AROUND))
    left, top = x + width // 2 - side // 2, y + height // 2 - side // 2
    return CloseUp(_square(pixels, left, top, side), _square(measurement.tissue, left, top, side))


def _square(array: ByteMap, left: int, top: int, side: int) -> ByteMap:
    """A square of an array (H, W, …), black beyond its edge."""
    square = np.zeros((side, side, *array.shape[2:]), np.uint8)
    y, x = max(top, 0), max(left, 0)
    seen = array[y : top + side, x : left + side]
    square[y - top : y - top + seen.shape[0], x - left : x - left + seen.shape[1]] = seen
    return square


def height(total: UlcerFigures, close: CloseUp | None, room: float, text_px: float) -> float:
    """What ``draw`` needs."""
    pictures = 0 if close is None else _side(room, text_px) + 0.6 * text_px
    return _above_pictures(total, room, text_px) + pictures


def _above_pictures(total: UlcerFigures, room: float, text_px: float) -> float:
    return (_BAR + _KEY * len(_rows(_labels(total), room, text_px))) * text_px


def _side(room: float, text_px: float) -> int:
    return int(min((room - 0.6 * text_px) / 2, _CLOSE_UP * text_px))


def draw(
    panel: Image,
    total: UlcerFigures,
    close: CloseUp | None,
    at: tuple[float, float, float],
    text_px: float,
) -> float:
    """Draws bar, key and pictures into the panel; gives where they end.

    Args:
        panel: to draw into.
        total: its shares of the bed and their intervals.
        close: the pictures; None draws none.
        at: left, top and width.
        text_px: height of usual text.
    """
    from PIL import ImageDraw as Pens

    x, y, room = at
    pen = Pens.Draw(panel)
    shares = total.tissue.model_dump() if total.tissue else {}
    _bar(pen, shares, (x, y + 0.5 * text_px, room), 0.6 * text_px)
    _key(pen, _labels(total), (x, y + 2.25 * text_px, room), text_px)
    if close is not None:
        top = y + _above_pictures(total, room, text_px) + 0.2 * text_px
        _pictures(panel, close, (x, top), (_side(room, text_px), text_px))
    return y + height(total, close, room, text_px)


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
    """The ulcer as photographed, and painted in its tissues' colours."""
    from PIL import Image as Pictures
    from PIL import ImageDraw as Pens

    side, text_px = sizes
    way = cv2.INTER_AREA if len(close.pixels) > side else cv2.INTER_LINEAR
    photo = np.asarray(cv2.resize(close.pixels, (side, side), interpolation=way), np.uint8)
    tissue = np.asarray(
        cv2.resize(close.tissue, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8
    )
    painted = Pictures.fromarray(_painted(photo, tissue))
    pen = Pens.Draw(painted)
    for each in TISSUES:
        _letter(pen, each, tissue == each.id, text_px)
    x, y = round(at[0]), round(at[1])
    panel.paste(Pictures.fromarray(photo), (x, y))
    panel.paste(painted, (x + side + round(0.6 * text_px), y))


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
