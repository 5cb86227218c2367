"""What a training photograph goes through before it is cropped, drawn for each visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

from woundseg.datasets.base import BoolMask
from woundseg.datasets.pictures import ByteImage
from woundseg.training.made.close_up import brought_to, close_up
from woundseg.training.made.painted_out import paintable, painted_out
from woundseg.training.made.pasted import Cutting, cuttings, pasted
from woundseg.training.made.skin import skin
from woundseg.training.options import AugmentOptions

Photograph = tuple[ByteImage, BoolMask]
"""uint8 RGB (H, W, 3) and bool (H, W)."""
Reader = Callable[[int], Photograph]

SOUND = 0.25
"""Share of pasted pieces that are skin: an ulcer painted out and cut at the same place. Without
them a network could learn the seam and not the ulcer."""
KEPT_CUTTINGS = 400
"""Photographs whose cuttings are kept; more than that are cut anew when they are drawn."""


class Maker:
    """Makes a photograph that nobody took out of one that somebody did.

    Args:
        options: with what probability a photograph is looked at closer, has its ulcers painted
            out, skin painted over, or an ulcer pasted on.
        long_side_px: photographs are brought to this size first; None leaves them.
        donors: numbers of the photographs that ulcers are cut from.
        read: gives a photograph by its number.
    """

    def __init__(
        self,
        options: AugmentOptions,
        long_side_px: int | None,
        donors: Sequence[int],
        read: Reader,
    ) -> None:
        self._options = options
        self._long_side_px = long_side_px
        self._donors = list(donors)
        self._read = read
        self._kept: dict[int, list[Cutting]] = {}

    def __call__(self, pixels: ByteImage, mask: BoolMask, rng: Generator) -> Photograph:
        """Photograph and mask after all that is drawn; the arguments are left as they are."""
        options = self._options
        long_side = self._long_side_px or max(mask.shape)
        if rng.random() < options.close_up:
            pixels, mask = close_up(pixels, mask, options.close_up_most, rng)
        pixels, mask = brought_to(pixels, mask, long_side)
        if rng.random() < options.painted_out and paintable(pixels, mask):
            pixels, mask = painted_out(pixels, mask, rng), np.zeros_like(mask)
        elif rng.random() < options.painted_skin:
            pixels = _skin_painted(pixels, mask, rng)
        if rng.random() < (options.pasted if mask.any() else options.pasted_bare):
            pixels, mask = self._with_one_more(pixels, mask, rng)
        return pixels, mask

    def _with_one_more(self, pixels: ByteImage, mask: BoolMask, rng: Generator) -> Photograph:
        cut = self._cutting(rng)
        made = None if cut is None else pasted(pixels, mask, cut, rng)
        return (pixels, mask) if made is None else made

    def _cutting(self, rng: Generator) -> Cutting | None:
        if not self._donors:
            return None
        number = self._donors[int(rng.integers(len(self._donors)))]
        if rng.random() < SOUND:
            pixels, mask = self._read(number)
            if not paintable(pixels, mask):
                return None
            found = cuttings(pixels, mask, sound=painted_out(pixels, mask, rng))
        else:
            found = self._ulcers(number)
        return found[int(rng.integers(len(found)))] if found else None

    def _ulcers(self, number: int) -> list[Cutting]:
        if number in self._kept:
            return self._kept[number]
        found = cuttings(*self._read(number))
        if len(self._kept) < KEPT_CUTTINGS:
            self._kept[number] = found
        return found


def _skin_painted(pixels: ByteImage, mask: BoolMask, rng: Generator) -> ByteImage:
    """Skin painted over with skin, in the shape of the ulcers: paint alone says nothing.

    Where there is no ulcer, the shape is an ellipse.
    """
    free = skin(pixels) & ~mask
    at = np.flatnonzero(free)
    if at.size < 0.02 * mask.size:
        return pixels
    row, column = divmod(int(at[rng.integers(at.size)]), mask.shape[1])
    if mask.any():
        rows, columns = np.nonzero(mask)
        moved = rows - round(rows.mean()) + row, columns - round(columns.mean()) + column
        held = (
            (moved[0] >= 0)
            & (moved[0] < mask.shape[0])
            & (moved[1] >= 0)
            & (moved[1] < mask.shape[1])
        )
        place = np.zeros_like(mask)
        place[moved[0][held], moved[1][held]] = True
    else:
        y, x = np.ogrid[: mask.shape[0], : mask.shape[1]]
        tall, wide = rng.uniform(0.015, 0.08, size=2) * max(mask.shape)
        place = ((y - row) / tall) ** 2 + ((x - column) / wide) ** 2 < 1
    place &= free
    if not paintable(pixels, place):
        return pixels
    painted = painted_out(pixels, place, rng)
    return np.where(mask[..., None], pixels, painted)  # the rim may not touch an ulcer
