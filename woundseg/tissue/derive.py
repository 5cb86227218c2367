"""Necrosis where no data set labels it: found by rule, looked at, and made again by its row.

No public label in reach names necrosis. Two sources stand in for it:

- ``crop``: bed that DFUTissue's annotators left without a label inside FUSeg's ulcer mask of the
  same photograph. They had no class for necrosis;
- ``colour``: dark bed of low chroma, brown to black, in FUSeg's masks elsewhere.

Both are bounded by colour in CIELAB after white balance. A row of ``configs/tissue/derived.csv``
says for each photograph how its label was made; every row was looked at, and those that could
not be defended are not in the table. The white balance stands in the row as numbers, so that the
labels stay the same when the estimate (``woundseg.colour``) is made better.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.classes import UNLABELLED
from woundseg.colour import Balanced
from woundseg.errors import UsageError
from woundseg.masks import fill_pinholes, remove_specks
from woundseg.tissue.tables import Cells, read_table

ByteImage = NDArray[np.uint8]
BoolMap = NDArray[np.bool_]

COLUMNS = (
    "image", "how", "crop", "x", "y", "side", "red", "green", "blue",
    "l_max", "a_max", "hue_min", "polygon", "pixels", "why",
)  # fmt: skip
SHIPPED = "configs/tissue/derived.csv"
"""For ``resources.path``."""

SMOOTH_PX = 0.8
"""Noise and JPEG's blocks are smoothed away by this much before colours are compared."""
GREY_CHROMA = 6.0
"""Below this chroma a colour has no hue to speak of: black and grey pass whatever theirs."""
PADDING = 12
"""Black padding is at most this bright, after JPEG too, and reaches the frame's edge."""
HAIR_PX = 3
"""What is thinner (hair, the dark line of an edge) is taken away."""
LEAST_PX, HOLE_PX = 40, 60
"""Smaller parts are dropped; smaller holes (glints) are filled."""


@dataclass(frozen=True)
class Place:
    """Where a square crop lies in its photograph: upper left corner and side [px]."""

    crop: str
    x: int
    y: int
    side: int


@dataclass(frozen=True)
class DerivedRow:
    """How the necrosis of one photograph was found.

    Attributes:
        image: id of the FUSeg photograph.
        how: ``crop`` or ``colour``.
        place: of the DFUTissue crop; None for ``colour``.
        gains: white balance, factors on linear red, green and blue.
        l_max: lightness L* is below this.
        a_max: redness a* is below this (granulation in the shade is red).
        hue_min: hue in degrees is above this (brown to olive), where there is chroma.
        polygon: corners (x, y) of the part of the photograph that was judged; empty for all of
            it. Left out are what looked alike and was none (shadow, dry blood, skin).
        pixels: how many pixels came out when it was looked at.
        why: a word.
    """

    image: str
    how: Literal["crop", "colour"]
    place: Place | None
    gains: tuple[float, float, float]
    l_max: float
    a_max: float
    hue_min: float
    polygon: tuple[tuple[int, int], ...]
    pixels: int
    why: str


def derived_necrosis(
    photo: ByteImage, mask: BoolMap, row: DerivedRow, crop_label: ByteImage | None = None
) -> BoolMap:
    """Where the bed is labelled as necrosis, bool (H, W). The same input gives the same map.

    Args:
        photo: sRGB uint8 (H, W, 3).
        mask: the ulcer's mask, bool (H, W).
        row: how.
        crop_label: for a row made from a crop, its map of tissues (h, h) in the ids of
            ``classes``, as the data set's ``read`` gives it.

    Raises:
        UsageError: sizes differ, the crop's map is missing, or it reaches out of the photograph.
    """
    if mask.shape != photo.shape[:2]:
        told = f"has {mask.shape[1]} x {mask.shape[0]} pixels, unlike its photograph"
        raise UsageError(f"mask of {row.image}", told, "Give the mask of this photograph")
    bed = mask & ~_padding(photo) & _inside(row.polygon, mask.shape)
    if row.place is not None:
        bed &= _left_unlabelled(row.place, crop_label, mask.shape)
    found = (bed & _dark_brown(photo, row)).astype(np.uint8)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (HAIR_PX, HAIR_PX))
    thick = cv2.morphologyEx(found, cv2.MORPH_OPEN, brush) > 0
    return np.asarray(fill_pinholes(remove_specks(thick, LEAST_PX), HOLE_PX) & mask)


def _dark_brown(photo: ByteImage, row: DerivedRow) -> BoolMap:
    """What is as dark and as little red as the row asks, after its white balance."""
    red, green, blue = row.gains
    balanced = Balanced("estimate", ((red, 0.0, 0.0), (0.0, green, 0.0), (0.0, 0.0, blue)))
    lab = cv2.GaussianBlur(balanced.lab(photo), (0, 0), SMOOTH_PX)
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    hue = np.degrees(np.arctan2(b, a))
    coloured = np.hypot(a, b) >= GREY_CHROMA
    dark = (lightness < row.l_max) & (a < row.a_max) & (~coloured | (hue > row.hue_min))
    return np.asarray(dark)


def _padding(photo: ByteImage) -> BoolMap:
    """Black that is joined to the frame's edge by black."""
    black = np.pad(photo.max(axis=2) <= PADDING, 1, constant_values=True)
    _, labels = cv2.connectedComponents(black.astype(np.uint8), connectivity=4)
    return np.asarray(black[1:-1, 1:-1] & (labels[1:-1, 1:-1] == labels[0, 0]))


def _inside(polygon: tuple[tuple[int, int], ...], shape: tuple[int, ...]) -> BoolMap:
    """The polygon filled, its outline included; everything for none."""
    if not polygon:
        return np.ones(shape, np.bool_)
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [np.array(polygon, np.int32)], 1)
    return np.asarray(canvas > 0)


def _left_unlabelled(place: Place, crop_label: ByteImage | None, shape: tuple[int, ...]) -> BoolMap:
    """Where the crop's annotators gave no tissue, in the photograph's pixels."""
    if crop_label is None:
        raise UsageError(f"crop {place.crop}", "its map of tissues is missing", "Give it as well")
    far_x, far_y = place.x + place.side, place.y + place.side
    if far_x > shape[1] or far_y > shape[0]:
        told = f"reaches to ({far_x}, {far_y}), out of the photograph"
        raise UsageError(f"crop {place.crop}", told, "Correct its place in derived.csv")
    size = (place.side, place.side)
    label = cv2.resize(crop_label, size, interpolation=cv2.INTER_NEAREST)
    whole = np.zeros(shape, np.bool_)
    whole[place.y : far_y, place.x : far_x] = label == UNLABELLED
    return whole


# --- the table --------------------------------------------------------------------------------


def read_derived(path: Path) -> tuple[DerivedRow, ...]:
    """The rows of the table; a photograph may have several, whose maps are then joined.

    Raises:
        TableError: it cannot be read, or a value is not as it must be.
    """
    return tuple(_row(cells) for cells in read_table(path, COLUMNS))


def _row(cells: Cells) -> DerivedRow:
    how: Literal["crop", "colour"] = (
        "crop" if cells.one_of("how", ("crop", "colour")) == "crop" else "colour"
    )
    place = None
    if how == "crop":
        x, y, side = (cells.whole(column) for column in ("x", "y", "side"))
        place = Place(cells.text("crop"), x, y, side)
    red, green, blue = (cells.number(column) for column in ("red", "green", "blue"))
    return DerivedRow(
        image=cells.text("image"),
        how=how,
        place=place,
        gains=(red, green, blue),
        l_max=cells.number("l_max"),
        a_max=cells.number("a_max"),
        hue_min=cells.number("hue_min"),
        polygon=_polygon(cells),
        pixels=cells.whole("pixels"),
        why=cells.text("why"),
    )


def _polygon(cells: Cells) -> tuple[tuple[int, int], ...]:
    """Corners written as ``x y;x y;x y``."""
    wanted = "three corners or more, as x y;x y;x y"
    corners = []
    for corner in filter(None, cells.values["polygon"].split(";")):
        numbers = corner.split()
        if len(numbers) != 2 or not all(n.isascii() and n.isdigit() for n in numbers):
            raise cells.fault("polygon", wanted)
        corners.append((int(numbers[0]), int(numbers[1])))
    if len(corners) in (1, 2):
        raise cells.fault("polygon", wanted)
    return tuple(corners)
