"""A sheet of photographs with the outlines of label and prediction, to look at the worst."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

BoolMask = NDArray[np.bool_]
ByteImage = NDArray[np.uint8]

# White and a bright blue on a dark rim: neither is met on skin or in a wound, and they differ in
# lightness as well.
LABEL_COLOUR = (255, 255, 255)
PREDICTION_COLOUR = (40, 130, 255)
RIM_COLOUR = (0, 0, 0)
PANEL_PX = 280
CAPTION_PX = 22
GAP_PX = 8
ACROSS = 4
MIN_VIEW_PX = 64
FONT_PX = 13


@dataclass(frozen=True)
class Tile:
    """One photograph uint8 RGB (H, W, 3), its masks bool (H, W), and what to write under it."""

    pixels: ByteImage
    label: BoolMask
    prediction: BoolMask
    caption: str


def sheet(tiles: Sequence[Tile], title: str) -> bytes:
    """A JPEG with each tile twice: whole, and close up around its ulcers.

    Args:
        tiles: in reading order, four in a row.
        title: a line above them.
    """
    from PIL import Image, ImageDraw

    width, height = 2 * PANEL_PX + GAP_PX, PANEL_PX + CAPTION_PX + GAP_PX
    rows = max(1, -(-len(tiles) // ACROSS))
    size = (ACROSS * (width + GAP_PX) + GAP_PX, rows * height + 2 * CAPTION_PX + GAP_PX)
    page = Image.new("RGB", size, (24, 24, 24))
    draw = ImageDraw.Draw(page)
    _write_title(draw, title)
    for number, tile in enumerate(tiles):
        left = GAP_PX + (number % ACROSS) * (width + GAP_PX)
        top = 2 * CAPTION_PX + (number // ACROSS) * height
        for panel, view in enumerate((_whole(tile), _close(tile))):
            picture = Image.fromarray(_drawn(tile, view))
            page.paste(picture, (left + panel * (PANEL_PX + GAP_PX), top))
        _write(draw, (left, top + PANEL_PX + 3), tile.caption)
    stream = io.BytesIO()
    page.save(stream, "JPEG", quality=88)
    return stream.getvalue()


View = tuple[int, int, int]
"""A square of the photograph: left, top, side [px]; it may reach beyond the frame."""


def _whole(tile: Tile) -> View:
    height, width = tile.label.shape
    side = max(height, width)
    return (width - side) // 2, (height - side) // 2, side


def _close(tile: Tile) -> View:
    """A square around both masks, a third wider than they are."""
    both = tile.label | tile.prediction
    if not both.any():
        return _whole(tile)
    x, y, width, height = cv2.boundingRect(both.astype(np.uint8))
    side = max(MIN_VIEW_PX, round(max(width, height) * 4 / 3))
    return x + (width - side) // 2, y + (height - side) // 2, side


def _drawn(tile: Tile, view: View) -> ByteImage:
    """The view, (PANEL_PX, PANEL_PX, 3), with both outlines two pixels wide on a dark rim."""
    picture = _resized(_cut(tile.pixels, view))
    label, prediction = (_contours(mask, view) for mask in (tile.label, tile.prediction))
    for contours in (label, prediction):
        cv2.drawContours(picture, contours, -1, RIM_COLOUR, 4)
    cv2.drawContours(picture, label, -1, LABEL_COLOUR, 2)
    cv2.drawContours(picture, prediction, -1, PREDICTION_COLOUR, 2)
    return picture


def _contours(mask: BoolMask, view: View) -> Sequence[NDArray[Any]]:
    shape = _resized(_cut(mask.astype(np.uint8) * 255, view)) > 127
    return cv2.findContours(shape.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]


def _cut(array: ByteImage, view: View) -> ByteImage:
    """The square (side, side) of the view, black beyond the frame."""
    left, top, side = view
    square = np.zeros((side, side, *array.shape[2:]), np.uint8)
    y, x = max(top, 0), max(left, 0)
    seen = array[y : top + side, x : left + side]
    square[y - top : y - top + seen.shape[0], x - left : x - left + seen.shape[1]] = seen
    return square


def _resized(square: ByteImage) -> ByteImage:
    how = cv2.INTER_AREA if len(square) > PANEL_PX else cv2.INTER_LINEAR
    resized = cv2.resize(square, (PANEL_PX, PANEL_PX), interpolation=how)
    return np.ascontiguousarray(resized, np.uint8)


def _write_title(draw: ImageDraw, title: str) -> None:
    _write(draw, (GAP_PX, 4), title)
    _write(draw, (GAP_PX, 4 + CAPTION_PX), "label", LABEL_COLOUR)
    _write(draw, (GAP_PX + 60, 4 + CAPTION_PX), "prediction", PREDICTION_COLOUR)


def _write(
    draw: ImageDraw,
    place: tuple[int, int],
    text: str,
    colour: tuple[int, int, int] = (235, 235, 235),
) -> None:
    from PIL import ImageFont

    draw.text(place, text, fill=colour, font=ImageFont.load_default(FONT_PX))
