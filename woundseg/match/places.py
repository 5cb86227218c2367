"""Places of ulcers on one look: how outlines meet, and whether a place can be seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from woundseg.match.look import ByteImage, Look, Points, filled
from woundseg.outlines import signed_area

View = Literal["seen", "out_of_view", "hidden", "covered", "unclear"]

_IN_FRAME: Final = 0.9
"""Share of a place, its margin included, that must be seen for its being empty to count."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a known ulcer is, or was, on one look.

    Attributes:
        outline: (N, 2) of (x, y) px of that look's thumbnail; it may lie outside the frame.
        sd_px: standard deviation of its position along each axis; 0 where it was outlined.
        doubtful: it rests on a likeness, not on a registration or on a person's word.
    """

    outline: Points
    sd_px: float = 0.0
    doubtful: bool = False

    @property
    def centre(self) -> Points:
        """(2,), the middle of the box around it, which the spacing of its points does not move."""
        return np.asarray((self.outline.min(axis=0) + self.outline.max(axis=0)) / 2)

    @property
    def middle(self) -> tuple[float, float]:
        """The centre to a tenth of a pixel, as plain numbers."""
        x, y = self.centre.tolist()
        return round(x, 1), round(y, 1)

    @property
    def radius_px(self) -> float:
        """Radius of the disc of the same area."""
        return math.sqrt(area_px(self.outline) / math.pi)


def area_px(outline: Points) -> float:
    """Area inside a closed outline (N, 2), whichever way it runs."""
    return abs(signed_area(outline)) if len(outline) >= 3 else 0.0


def joined(outlines: list[Points]) -> Points:
    """One outline around several: the hull of two or more, the outline itself of one."""
    if len(outlines) == 1:
        return outlines[0]
    hull = cv2.convexHull(np.concatenate(outlines).astype(np.float32))
    return np.asarray(hull.reshape(-1, 2), dtype=np.float64)


_SHAPE_PX: Final = 48


def alike(one: Points, other: Points) -> float:
    """Likeness of two outlines' shapes, 0 to 1, wherever they lie and however large and turned.

    Common area over the area of both together, at the best of 36 turns.
    """
    fixed = _sized(one, 0.0)
    shares = []
    for turn in range(36):
        turned = _sized(other, turn * np.pi / 18)
        either = float(np.count_nonzero(fixed | turned))
        shares.append(float(np.count_nonzero(fixed & turned)) / max(either, 1.0))
    return max(shares)


def _sized(outline: Points, turn: float) -> ByteImage:
    """An outline drawn about the middle of its area, at a set area, turned."""
    moments = cv2.moments(outline.astype(np.float32))
    if moments["m00"] <= 0:
        return np.zeros((_SHAPE_PX, _SHAPE_PX), np.uint8)
    middle = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    z = (outline - middle) @ [1, 1j] * np.exp(1j * turn) * _SHAPE_PX / 4 / np.sqrt(moments["m00"])
    return filled(np.c_[z.real, z.imag] * 1.5 + _SHAPE_PX / 2, (_SHAPE_PX, _SHAPE_PX))


class Drawn:
    """A place drawn on a frame with room around it, and the distance of everything to it."""

    def __init__(self, place: Place, shape: tuple[int, int], reach_px: float) -> None:
        self.place = place
        self.reach_px = reach_px
        self._room = math.ceil(reach_px) + 2
        rows, columns = (side + 2 * self._room for side in shape)
        self._mask = filled(place.outline + self._room, (rows, columns))
        self._shape = shape

    @cached_property
    def _away(self) -> NDArray[np.float32]:
        return np.asarray(cv2.distanceTransform(1 - self._mask, cv2.DIST_L2, 5), dtype=np.float32)

    def _framed(self, image: NDArray[Any]) -> NDArray[Any]:
        room, (rows, columns) = self._room, self._shape
        return image[room : room + rows, room : room + columns]

    def shared(self, found: ByteImage) -> float:
        """Common area over the smaller's."""
        both = float(np.count_nonzero(self._framed(self._mask) & found))
        smaller = min(float(np.count_nonzero(found)), max(area_px(self.place.outline), 1.0))
        return both / max(smaller, 1.0)

    def likeness(self, found: ByteImage) -> float:
        """Common area over the area of both together."""
        inside = self._framed(self._mask)
        either = float(np.count_nonzero(inside | found))
        return float(np.count_nonzero(inside & found)) / max(either, 1.0)

    def gap_px(self, found: ByteImage) -> float:
        """Least distance from the place to something found; infinite out of frame."""
        if not self._mask.any() or not found.any():
            return math.inf
        return float(self._framed(self._away)[found > 0].min())

    def view(self, look: Look) -> View:
        """Whether the place and its margin are in the frame and not under the card."""
        if not self._mask.any():
            return "out_of_view"
        margin = (self._away <= self.reach_px).astype(np.uint8)
        whole = max(float(margin.sum()), area_px(self.place.outline))
        framed = self._framed(margin)
        if framed.sum() < _IN_FRAME * whole:
            return "out_of_view"
        hidden = filled(look.hidden, look.shape)
        covered = np.count_nonzero(framed & hidden) > (1 - _IN_FRAME) * whole
        return "hidden" if covered else "seen"
