"""Which piece of each photograph is shown, so that a subject's photographs have one scale.

Tiles are squares of ``TILE`` units; a unit is about a pixel of a sharp screen. Frame positions
are in px of the photograph from its upper left corner, so that pixel (0, 0) covers 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.report.facts import PhotoShown

TILE: Final = 360
"""Side of a tile, in its own units."""

MARGIN: Final = 1.3
"""The view's side over the longest side of the box around the ulcers."""

LEAST_MM: Final = 30.0
STEP_MM: Final = 5.0
BARS_MM: Final = (1, 2, 5, 10, 20, 50, 100, 200)
FINE: Final = 1.7
"""Pixels for each unit of a photograph that is shown in full."""

QUALITY: Final = 78
"""Of the JPEG in the page: about 12 kB a tile."""

ByteImage = NDArray[np.uint8]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class View:
    """A square of a photograph; it may reach beyond the frame.

    Attributes:
        left, top: frame position of the tile's upper left corner [px].
        units_per_px: tile units for each pixel of the photograph.
        mm_per_unit: None without a scale.
        common: the subject's common scale; otherwise the whole photograph is shown.
    """

    left: float
    top: float
    units_per_px: float
    mm_per_unit: float | None
    common: bool

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Tile position of a pixel position."""
        across = (x + 0.5 - self.left) * self.units_per_px
        return across, (y + 0.5 - self.top) * self.units_per_px


def common_mm(photos: Iterable[PhotoShown]) -> float | None:
    """Side [mm] of the view that holds the ulcers of each photograph; None where none is scaled."""
    longest = 0.0
    for photo in photos:
        box = _ulcers(photo)
        if box is not None and photo.mm_per_px is not None:
            longest = max(longest, max(box[2] - box[0], box[3] - box[1]) * photo.mm_per_px)
    if longest == 0.0:
        return None
    return STEP_MM * math.ceil(max(LEAST_MM, longest * MARGIN) / STEP_MM)


def view(photo: PhotoShown, frame: tuple[int, int], side_mm: float | None) -> View:
    """What is shown of a photograph: around its ulcers at the common scale, else all of it.

    Args:
        photo: with or without a scale.
        frame: width and height of its thumbnail.
        side_mm: from :func:`common_mm`.
    """
    scale, box = photo.mm_per_px, _ulcers(photo)
    if scale is not None and box is not None and side_mm is not None:
        side = side_mm / scale
        left, top = (box[0] + box[2] - side) / 2, (box[1] + box[3] - side) / 2
        return View(left, top, TILE / side, side_mm / TILE, True)
    width, height = (length / photo.thumb_px_per_px for length in frame)
    side = max(width, height)
    unit = None if scale is None else scale * side / TILE
    return View((width - side) / 2, (height - side) / 2, TILE / side, unit, False)


def _ulcers(photo: PhotoShown) -> Box | None:
    """The box around outlines and known places, in frame positions."""
    points = [point for lines in photo.outlines.values() for line in lines for point in line]
    points += photo.places.values()
    if not points:
        return None
    spots = np.asarray(points, dtype=np.float64) + 0.5
    (left, top), (right, bottom) = spots.min(axis=0), spots.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def bar_mm(photo_view: View) -> int | None:
    """Length of the scale bar: the longest round one within a third of the tile."""
    if photo_view.mm_per_unit is None:
        return None
    fitting = [bar for bar in BARS_MM if bar / photo_view.mm_per_unit <= TILE / 3]
    return fitting[-1] if fitting else None


def decoded(thumbnail: bytes) -> ByteImage | None:
    """The thumbnail as uint8 BGR (H, W, 3); None where there is no picture in it."""
    if not thumbnail:
        return None
    read = cv2.imdecode(np.frombuffer(thumbnail, dtype=np.uint8), cv2.IMREAD_COLOR)
    return None if read is None else np.asarray(read, dtype=np.uint8)


@dataclass(frozen=True)
class Piece:
    """A JPEG and its place on the tile: left, top, right, bottom in tile units."""

    jpeg: bytes
    box: Box


def piece(
    pixels: ByteImage, thumb_px_per_px: float, shown: View, fine: float = 1.0
) -> Piece | None:
    """The part of a thumbnail that the view shows; None where the view lies beside it.

    Args:
        pixels: the thumbnail.
        thumb_px_per_px: its pixels for each pixel of the photograph.
        shown: the view.
        fine: pixels that are kept for each unit, at most.
    """
    height, width = pixels.shape[:2]
    reach = TILE / shown.units_per_px
    x0, x1 = _span(shown.left * thumb_px_per_px, reach * thumb_px_per_px, width)
    y0, y1 = _span(shown.top * thumb_px_per_px, reach * thumb_px_per_px, height)
    if x1 <= x0 or y1 <= y0:
        return None
    unit = shown.units_per_px / thumb_px_per_px
    left, top = (
        (edge - corner * thumb_px_per_px) * unit
        for edge, corner in ((x0, shown.left), (y0, shown.top))
    )
    part = pixels[y0:y1, x0:x1]
    if unit * fine < 1.0:
        size = tuple(max(1, round(side * unit * fine)) for side in (x1 - x0, y1 - y0))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    _, coded = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    box = (left, top, left + (x1 - x0) * unit, top + (y1 - y0) * unit)
    return Piece(coded.tobytes(), box)


def _span(start: float, length: float, limit: int) -> tuple[int, int]:
    """Whole pixels that cover a stretch, within the frame."""
    return max(0, math.floor(start)), min(limit, math.ceil(start + length))


def simplified(line: Iterable[tuple[float, float]], shown: View) -> list[tuple[float, float]]:
    """An outline in tile units, without the points that nobody can see."""
    spots = np.asarray([shown.at(x, y) for x, y in line], dtype=np.float32)
    if len(spots) < 3:
        return []
    fewer = cv2.approxPolyDP(spots.reshape(-1, 1, 2), 0.35, True).reshape(-1, 2)
    return [(float(x), float(y)) for x, y in fewer]
