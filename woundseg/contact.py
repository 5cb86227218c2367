"""A sheet of photographs with the outlines of label and prediction, to look at the worst."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.classes import LABELLED_TISSUES

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

BoolMask = NDArray[np.bool_]
ByteImage = NDArray[np.uint8]

# White and a bright blue on a dark rim: neither is met on skin or in a wound, and they differ in
# lightness as well.
LABEL_COLOUR = (255, 255, 255)
PREDICTION_COLOUR = (40, 130, 255)
RIM_COLOUR = (0, 0, 0)
UNLABELLED_GREY = (70, 70, 74)
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


@dataclass(frozen=True)
class TissueTile:
    """One crop uint8 RGB (H, W, 3), maps of class ids (H, W), and what to write under it."""

    pixels: ByteImage
    label: ByteImage
    called: ByteImage
    caption: str


def sheet(tiles: Sequence[Tile], title: str) -> bytes:
    """A JPEG with each tile twice: whole, and close up around its ulcers.

    Args:
        tiles: in reading order, four in a row.
        title: a line above them.
    """
    panels = [[_drawn(tile, view) for view in (_whole(tile), _close(tile))] for tile in tiles]
    key = [("label", LABEL_COLOUR), ("prediction", PREDICTION_COLOUR)]
    return _page(panels, [tile.caption for tile in tiles], title, key)


def tissue_sheet(tiles: Sequence[TissueTile], title: str) -> bytes:
    """A JPEG with each crop, the tissues that were labelled in it, and those that were called."""
    panels = [
        [_resized(_square(picture)) for picture in (t.pixels, painted(t.label), painted(t.called))]
        for t in tiles
    ]
    key = [(tissue.name, tissue.colour) for tissue in LABELLED_TISSUES]
    return _page(panels, [tile.caption for tile in tiles], title, key)


def painted(tissue: ByteImage) -> ByteImage:
    """A map of class ids (H, W) in their colours, (H, W, 3); what has no label is grey."""
    table = np.full((256, 3), UNLABELLED_GREY, np.uint8)
    for each in LABELLED_TISSUES:
        table[each.id] = each.colour
    return np.asarray(table[tissue])


def _page(
    panels: Sequence[Sequence[ByteImage]],
    captions: Sequence[str],
    title: str,
    key: Sequence[tuple[str, tuple[int, int, int]]],
) -> bytes:
    """Groups of panels, each with its caption, under a title and a key to the colours."""
    from PIL import Image, ImageDraw

    step = PANEL_PX + GAP_PX
    width = max((len(group) for group in panels), default=2) * step
    height = PANEL_PX + CAPTION_PX + GAP_PX
    rows = max(1, -(-len(panels) // ACROSS))
    size = (ACROSS * width + GAP_PX, rows * height + 2 * CAPTION_PX + GAP_PX)
    page = Image.new("RGB", size, (24, 24, 24))
    draw = ImageDraw.Draw(page)
    _write_title(draw, title, key)
    for number, (group, caption) in enumerate(zip(panels, captions, strict=True)):
        left = GAP_PX + (number % ACROSS) * width
        top = 2 * CAPTION_PX + (number // ACROSS) * height
        for place, panel in enumerate(group):
            page.paste(Image.fromarray(panel), (left + place * step, top))
        _write(draw, (left, top + PANEL_PX + 3), caption)
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


def _write_title(
    draw: ImageDraw, title: str, key: Sequence[tuple[str, tuple[int, int, int]]]
) -> None:
    _write(draw, (GAP_PX, 4), title)
    left = GAP_PX
    for name, colour in key:
        top = 4 + CAPTION_PX
        draw.rectangle((left, top + 2, left + 12, top + 14), fill=colour, outline=(235, 235, 235))
        _write(draw, (left + 18, top), name)
        left += 34 + 8 * len(name)


def _square(picture: ByteImage) -> ByteImage:
    """A picture (H, W, 3) on a black square."""
    height, width = picture.shape[:2]
    side = max(height, width)
    return np.pad(picture, ((0, side - height), (0, side - width), (0, 0)))


def _write(
    draw: ImageDraw,
    place: tuple[int, int],
    text: str,
    colour: tuple[int, int, int] = (235, 235, 235),
) -> None:
    from PIL import ImageFont

    draw.text(place, text, fill=colour, font=ImageFont.load_default(FONT_PX))
